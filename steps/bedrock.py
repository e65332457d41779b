"""Amazon Bedrock, for the models that help to judge: Converse for a judge, InvokeModel for embeddings.

The parameters are those of botocore's own model of the calls; not verified on AWS. Converse takes no seed, so the votes
of a model that always says the same are one vote.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from sluice.errors import UsageError
from sluice.evaluation.llm_judge import JudgeFailed, Messages
from sluice.evaluation.model_api import LONGEST_TEXT, Vectors, embed_texts
from sluice.evaluation.replay.rate_limit import RetryBudget, RetryBudgetSpent

if TYPE_CHECKING:
    from types_boto3_bedrock_runtime.client import BedrockRuntimeClient

TRANSIENT = frozenset(
    (
        *("ThrottlingException", "ModelNotReadyException", "ModelTimeoutException"),
        *("ServiceUnavailableException", "InternalServerException"),
    )
)
COHERE_TEXT = 2_048  # characters


class Bedrock:
    """One model in Bedrock; `runtime` is a bedrock-runtime client that does not retry by itself."""

    def __init__(
        self,
        runtime: "BedrockRuntimeClient",
        model: str,
        retry_seconds: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._runtime, self._model = runtime, model
        self._patience = RetryBudget(retry_seconds)
        self._sleep = sleep

    def complete(self, messages: Messages, max_tokens: int, seed: int) -> str:
        """Return the model's answer to a chat, as `llm_judge.Judge` asks for it. Raises JudgeFailed."""
        system = [{"text": each["content"]} for each in messages if each["role"] == "system"]
        turns = [
            {"role": each["role"], "content": [{"text": each["content"]}]}
            for each in messages
            if each["role"] != "system"
        ]
        answer = self._call(
            self._runtime.converse,
            modelId=self._model,
            system=system,
            messages=turns,
            inferenceConfig={"maxTokens": max_tokens, "temperature": 0.0},
        )
        return "".join(part.get("text", "") for part in answer["output"]["message"]["content"])

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one vector for each text, in their order, for `ScoringServices.embed`. Raises JudgeFailed."""
        if "cohere.embed" in self._model:
            return embed_texts(texts, self._cohere, self._model, COHERE_TEXT)
        return embed_texts(texts, self._titan, self._model, LONGEST_TEXT)

    def _titan(self, texts: Sequence[str]) -> Vectors:
        return [self._invoke({"inputText": text}).get("embedding") or [] for text in texts]

    def _cohere(self, texts: Sequence[str]) -> Vectors:
        embeddings = self._invoke({"texts": list(texts), "input_type": "clustering", "truncate": "END"}).get(
            "embeddings"
        )
        vectors: Vectors = embeddings.get("float", []) if isinstance(embeddings, dict) else embeddings or []
        return vectors

    def _invoke(self, request: Mapping[str, Any]) -> dict[str, Any]:
        body = json.dumps(request, ensure_ascii=False).encode("utf-8", "replace")
        answer = self._call(
            self._runtime.invoke_model,
            modelId=self._model,
            body=body,
            contentType="application/json",
            accept="application/json",
        )
        try:
            reply = json.loads(answer["body"].read())
        except ValueError:
            reply = None
        if not isinstance(reply, dict):
            raise JudgeFailed(f"{self._model} in Bedrock replied with something that is no JSON object.")
        return reply

    def _call(self, operation: Callable[..., Any], **request: Any) -> Any:
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = operation(**request)
            except ClientError as error:
                details = error.response.get("Error", {})
                why = f"{details.get('Code', 'error')}: {details.get('Message', '')}"
                if details.get("Code") not in TRANSIENT:
                    raise JudgeFailed(f"{self._model} in Bedrock does not answer: {why}") from None
            except BotoCoreError as error:
                why = str(error)
            else:
                self._patience.record_answer()
                return answer
            try:
                self._sleep(self._patience.pause(attempt))
            except RetryBudgetSpent:
                spent = f"for {self._patience.seconds:g} s it said nothing else"
                raise JudgeFailed(f"{self._model} in Bedrock does not answer: {why} ({spent}).") from None


def check_embedding_model(model: str) -> str:
    """Return the same model. Raises UsageError unless the form of its requests is known here."""
    if "cohere.embed" not in model and "titan-embed-text" not in model:
        raise UsageError(
            f"evaluation.embeddings: the form of {model}'s requests in Bedrock is not known here.",
            "Known are amazon.titan-embed-text and cohere.embed; any model behind an OpenAI-compatible url will do.",
        )
    return model

"""An OpenAI-compatible API, for the models that help to judge: chat completions and embeddings over plain HTTP.

Its failures are the run's, never an answer's: what may pass is tried again within the patience it is given, then all
ends in one error. The key goes into a header and nowhere else.
"""

import json
import math
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

from sluice.evaluation.llm_judge import JudgeFailed, Messages
from sluice.evaluation.replay.connections import Connections
from sluice.evaluation.replay.failures import Busy, Lost, Refused, TargetDown, classify_status, describe_error
from sluice.evaluation.replay.rate_limit import RetryBudget, RetryBudgetSpent

LONGEST = 64 << 20  # bytes of a reply
LONGEST_TEXT = 6_000  # characters that are embedded: within 8,192 tokens, which most models take
Vectors = Sequence[Sequence[float]]


class ModelApi:
    """One model behind one base URL, such as https://api.openai.com/v1."""

    def __init__(
        self,
        url: str,
        model: str,
        key: str | None = None,
        timeout: float = 60.0,
        retry_seconds: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.model = model
        self._base = urlsplit(url).path.rstrip("/")
        self._connections = Connections(url, timeout)
        weakref.finalize(self, self._connections.close)  # whoever is helped by it need not know that it has any
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._retry_budget = RetryBudget(retry_seconds)
        self._sleep = sleep

    def complete(self, messages: Messages, max_tokens: int, seed: int) -> str:
        """Return the text of the model's reply: an `llm_judge.Complete`. Raises JudgeFailed."""
        request = {"messages": list(messages), "max_tokens": max_tokens, "temperature": 0, "seed": seed}
        response = self._post("/chat/completions", request)
        try:
            text = response["choices"][0]["message"]["content"]
        except (KeyError, IndexError, TypeError):
            text = None
        if not isinstance(text, str):
            raise JudgeFailed(f"{self.model} replied with something that is no chat answer: {excerpt(response)}")
        return text

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one vector for each text, in their order: for `ScoringServices.embed`. Raises JudgeFailed."""
        return embed_texts(texts, self._vectors, self.model)

    def _vectors(self, texts: Sequence[str]) -> Vectors:
        response = self._post("/embeddings", {"input": list(texts)})
        try:
            data = sorted(response["data"], key=lambda each: each["index"])
            return [[float(value) for value in each["embedding"]] for each in data]
        except (KeyError, TypeError, ValueError):
            return []

    def _post(self, path: str, request: Mapping[str, Any]) -> Any:
        body = json.dumps({"model": self.model, **request}, ensure_ascii=False).encode("utf-8", "replace")
        attempt = 0
        while True:
            attempt += 1
            try:
                _, answer = self._connections.post(self._base + path, body, self._headers, read_response)
                if isinstance(answer, Exception):
                    raise answer
            except (Busy, Lost) as failure:
                self._wait(attempt, failure)
            except (Refused, TargetDown) as failure:
                raise JudgeFailed(f"{self.model} does not answer: {failure.message}") from None
            else:
                self._retry_budget.record_answer()
                return answer

    def _wait(self, attempt: int, failure: Busy | Lost) -> None:
        try:
            self._sleep(self._retry_budget.pause(attempt, getattr(failure, "after", None)))
        except RetryBudgetSpent:
            spent = f"for {self._retry_budget.seconds:g} s it said nothing else"
            raise JudgeFailed(f"{self.model} does not answer: {failure.message} ({spent}).") from None


def read_response(response: HTTPResponse, started: float) -> Any:
    """Read the reply as JSON, or as the failure that it is; after a 500, too, it is worth another try."""
    body = response.read(LONGEST)
    if response.status != 200:
        reason, after = describe_error(response.status, body), response.getheader("Retry-After")
        return Busy(reason) if response.status == 500 else classify_status(response.status, reason, after)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return Refused(f"it replied with something that is not JSON: {excerpt(body.decode('utf-8', 'replace'))}")


def embed_texts(
    texts: Sequence[str], vectors_of: Callable[[Sequence[str]], Vectors], model: str, longest: int = LONGEST_TEXT
) -> Vectors:
    """Return a vector for each text, of zeros for a blank one, which no API takes. Raises JudgeFailed for any other."""
    sent = [text[:longest] for text in texts if text.strip()]
    vectors = vectors_of(sent) if sent else []
    sizes = {len(vector) for vector in vectors} or {1}
    if len(vectors) != len(sent) or len(sizes) != 1 or 0 in sizes:
        raise JudgeFailed(f"{model} did not reply with one vector for each of {len(sent)} texts.")
    if not all(math.isfinite(value) for vector in vectors for value in vector):
        raise JudgeFailed(f"{model} replied with a vector that holds no numbers.")
    nothing, embeddings = [0.0] * sizes.pop(), iter(vectors)
    return [next(embeddings) if text.strip() else nothing for text in texts]


def excerpt(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else text[:200] + " ..."

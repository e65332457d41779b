"""The models that help to judge, made ready from the settings: a judge for rubrics, embeddings for meaning.

Their keys come from an environment variable or from Secrets Manager when the evaluation begins, and stay in memory.
"""

import json
import os
from collections.abc import Mapping
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from sluice.errors import SluiceError, UsageError
from sluice.evaluation.llm_judge import LlmJudge
from sluice.evaluation.model_api import ModelApi
from sluice.evaluation.scoring import NOTHING, ScoringServices
from sluice.evaluation.settings import EvaluationSettings, HelperModel
from sluice.steps.bedrock import Bedrock, check_embedding_model


class NoKey(SluiceError):
    """The key of a model that helps to judge cannot be had."""


class Clients(Protocol):
    """Clients of AWS by the names of their services."""

    def client(self, service: str, region: str | None = None, **settings: Any) -> Any: ...


def build_scoring_services(
    settings: EvaluationSettings, clients: Clients, environment: Mapping[str, str] = os.environ
) -> ScoringServices:
    """Build the judge and the embeddings that the settings name, and ask neither. Raises SluiceError without a key."""
    if not settings.judge and not settings.embeddings:
        return NOTHING
    judge, embed = settings.judge, settings.embeddings
    return ScoringServices(
        judge=LlmJudge(
            build_client(judge, "judge", clients, environment).complete, judge.model, judge.votes, judge.max_tokens
        )
        if judge
        else None,
        embed=build_client(embed, "embeddings", clients, environment).embed if embed else None,
    )


def build_client(helper: HelperModel, key: str, clients: Clients, environment: Mapping[str, str]) -> ModelApi | Bedrock:
    if helper.url:
        secret = read_key(helper, key, clients, environment)
        return ModelApi(helper.url, helper.model, secret, helper.timeout_seconds, helper.retry_seconds)
    model = check_embedding_model(helper.model) if key == "embeddings" else helper.model
    # asking again is decided here, by the patience that the file gives it
    once = {"read_timeout": helper.timeout_seconds, "retries": {"total_max_attempts": 1}}
    return Bedrock(clients.client("bedrock-runtime", helper.region, **once), model, helper.retry_seconds)


def read_key(helper: HelperModel, key: str, clients: Clients, environment: Mapping[str, str]) -> str | None:
    """Read the variable if it is set, as on one's own machine, else the secret, as in a job; None if none is named."""
    if helper.key_variable and (key_text := environment.get(helper.key_variable, "").strip()):
        return check_key(key_text, helper.key_variable)
    if helper.key_secret:
        return check_key(read_secret(helper.key_secret, clients), helper.key_secret)
    if helper.key_variable:
        raise UsageError(
            f"evaluation.{key}.key_variable names {helper.key_variable}, which is not set here.",
            "A job sees no variables of your machine: name a secret, with key_secret.",
        )
    return None


def check_key(key: str, where: str) -> str:
    """Return the key. Raises NoKey if no header takes it, without printing it."""
    if not (key.isascii() and key.isprintable()):
        raise NoKey(f"What {where} holds is no key: it has line breaks or letters that no header takes.")
    return key


def read_secret(arn: str, clients: Clients) -> str:
    """Read a secret's text, or the only value in it: the console keeps a key as JSON with one name. Raises NoKey."""
    region = arn.split(":")[3]
    try:
        response = clients.client("secretsmanager", region).get_secret_value(SecretId=arn)
    except (ClientError, BotoCoreError) as error:
        raise NoKey(f"The secret {arn} cannot be read: {error}", "The job's role must be allowed it.") from None
    text = str(response.get("SecretString") or "").strip()
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    if isinstance(content, dict):
        values = [value for value in content.values() if isinstance(value, str)]
        text = values[0].strip() if len(content) == len(values) == 1 else ""
    if not text:
        raise NoKey(f"The secret {arn} holds no key.", "It must be a text, or JSON with one value.")
    return text

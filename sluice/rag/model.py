"""Asks the model behind a SageMaker endpoint, whole or as a stream, and says in our words what went wrong."""

import json
from collections.abc import Generator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, EventStreamError, ReadTimeoutError
from urllib3.exceptions import HTTPError

from sluice import chat_api
from sluice.errors import SluiceError

if TYPE_CHECKING:
    from types_boto3_sagemaker_runtime.client import SageMakerRuntimeClient

JSON = "application/json"
EXCERPT = 500


class ModelError(SluiceError):
    """The model did not answer. `retry_after`: seconds after which it is worth another try."""

    retry_after: int | None = None


class EndpointLost(ModelError):
    """The endpoint is gone, not ready, or broke off: another endpoint may be live by now."""

    retry_after = 2


class EndpointBusy(ModelError):
    """The endpoint takes no more requests at the moment."""

    retry_after = 1


class ModelFailed(ModelError):
    """The model server refused the request or failed at it."""


class ModelTooSlow(ModelError):
    """No answer in the time that SageMaker gives a model server."""


class EndpointRefused(ModelError):
    """The request never reached the model: permissions, or a request that the service does not take."""


LOST = {"ModelNotReadyException", "ServiceUnavailable", "ServiceUnavailableException", "InternalFailure"} | {
    "InternalDependencyException",
    "InternalStreamFailure",
    "InternalServerError",
}
BUSY = {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "RequestThrottled"}


def complete(runtime: "SageMakerRuntimeClient", endpoint: str, request: Mapping[str, Any]) -> chat_api.Reply:
    try:
        answer = runtime.invoke_endpoint(EndpointName=endpoint, Body=_body(request), ContentType=JSON, Accept=JSON)
        with closing(answer["Body"]) as body:
            return chat_api.parse_reply(body.read())
    except (ClientError, BotoCoreError, HTTPError) as error:
        raise explain_error(error, endpoint) from error


def stream(
    runtime: "SageMakerRuntimeClient", endpoint: str, request: Mapping[str, Any]
) -> Generator[dict[str, Any], None, None]:
    """Send the request now, and return the streamed objects as they come; close the iterator to hang up."""
    try:
        answer = runtime.invoke_endpoint_with_response_stream(
            EndpointName=endpoint, Body=_body(request), ContentType=JSON, Accept="application/jsonlines"
        )
    except (ClientError, BotoCoreError, HTTPError) as error:
        raise explain_error(error, endpoint) from error
    return _objects(answer["Body"], endpoint)


def _objects(body: Any, endpoint: str) -> Generator[dict[str, Any], None, None]:
    lines = chat_api.Lines()
    with closing(body):
        try:
            for event in body:
                yield from lines.feed(event.get("PayloadPart", {}).get("Bytes", b""))
        except (ClientError, BotoCoreError, HTTPError) as error:
            raise explain_error(error, endpoint) from error
        yield from lines.close()


def _body(request: Mapping[str, Any]) -> bytes:
    return json.dumps(request, ensure_ascii=False).encode()


def explain_error(error: Exception, endpoint: str) -> ModelError:
    """One of our errors for whatever botocore raised."""
    if isinstance(error, ReadTimeoutError):
        return ModelTooSlow(
            f"{endpoint} did not answer in time.", "Ask for fewer tokens, or look at the endpoint's load."
        )
    if not isinstance(error, ClientError):
        return EndpointLost(f"The connection to {endpoint} failed: {_short(error)}", "Try again in a moment.")
    code, message = _code(error)
    if code == "ModelError":
        return _model_failed(error, endpoint, message)
    if isinstance(error, EventStreamError) or code in LOST:
        return EndpointLost(f"{endpoint} broke off: {code}: {message}", "Try again in a moment.")
    if code in BUSY:
        return EndpointBusy(f"{endpoint} takes no more requests right now: {message}", "Try again in a moment.")
    if code in {"ValidationError", "ValidationException"} and "not found" in message.lower():
        return EndpointLost(f"The endpoint {endpoint} does not exist (any more).", "Try again in a moment.")
    hint = "The server's role needs sagemaker:InvokeEndpoint and sagemaker:InvokeEndpointWithResponseStream."
    return EndpointRefused(f"{endpoint} refused the request: {code}: {message}", hint if "Denied" in code else "")


def _model_failed(error: ClientError, endpoint: str, message: str) -> ModelError:
    original = error.response.get("OriginalStatusCode")
    reason = str(error.response.get("OriginalMessage") or message)
    text = f"The model server of {endpoint} answered {original or 'with an error'}: {reason.strip()[:EXCERPT]}"
    if original == 503:  # its queue is full
        return EndpointBusy(text, "Try again in a moment.")
    logs = error.response.get("LogStreamArn")
    return ModelFailed(
        text, f"Its log: {logs}" if logs else "Its log is in CloudWatch, under /aws/sagemaker/Endpoints."
    )


def _code(error: ClientError) -> tuple[str, str]:
    details = error.response.get("Error", {})
    return str(details.get("Code", "")), str(details.get("Message", ""))


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:EXCERPT]

"""A SageMaker endpoint as the target of a replay: streamed, as the users' answers will be."""

import json
import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, EventStreamError, HTTPClientError, ReadTimeoutError
from urllib3.exceptions import HTTPError
from urllib3.exceptions import ReadTimeoutError as StreamTimeout

from sluice.chat_api import Reply
from sluice.evaluation.replay import failures
from sluice.evaluation.replay.failures import Busy, Lost, Refused, TargetDown
from sluice.evaluation.replay.target import StreamedReply

if TYPE_CHECKING:
    from types_boto3_sagemaker_runtime.client import SageMakerRuntimeClient

# what the service says when an endpoint is throttled, still cold, or had a fault of its own
BUSY = frozenset({
    "InternalDependencyException",
    "InternalFailure",
    "InternalServerError",
    "InternalStreamFailure",
    "ModelNotReadyException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
})  # fmt: skip
COLD = "has no capacity"  # an inference component that was scaled to zero, told as a ValidationError
GONE = "not found"


class EndpointTarget:
    def __init__(self, runtime: "SageMakerRuntimeClient", endpoint: str) -> None:
        self.runtime = runtime
        self.endpoint = endpoint

    def __call__(self, request: dict[str, Any]) -> Reply:
        """Ask the endpoint. Raises Busy, Refused, BadReply or TargetDown: see `evaluation.replay.failures`."""
        body = json.dumps(request | {"stream": True, "stream_options": {"include_usage": True}}, ensure_ascii=False)
        started = time.perf_counter()
        try:
            answer = self.runtime.invoke_endpoint_with_response_stream(
                EndpointName=self.endpoint, Body=body.encode(), ContentType="application/json"
            )
            collected = StreamedReply(started)
            for event in answer["Body"]:
                if part := event.get("PayloadPart"):
                    collected.feed(part["Bytes"])
            return collected.reply()
        except ClientError as error:
            raise self._classify_client_error(error) from None
        except (BotoCoreError, HTTPError) as error:
            raise self._classify_broken_connection(error) from None

    def _classify_broken_connection(self, error: Exception) -> Lost | Refused | TargetDown:
        """Return what follows when no answer came at all, or not all of one."""
        does_not = f"Endpoint {self.endpoint} does not answer: {error}"
        if isinstance(error, ReadTimeoutError | StreamTimeout):
            return Refused(does_not)
        return Lost(does_not) if isinstance(error, HTTPClientError | HTTPError) else TargetDown(does_not)

    def _classify_client_error(self, error: ClientError) -> Busy | Refused | TargetDown:
        """Return what follows from an error; whether others work tells what a ValidationError or a broken stream is."""
        code, message = error_details(error)
        does_not = f"Endpoint {self.endpoint} does not answer: {describe_error(error)}"
        if code in BUSY or COLD in message:
            return Busy(does_not)
        if isinstance(error, EventStreamError):  # the model server failed at this request, or it is down
            return Refused(f"The answer broke off: {describe_error(error)}")
        if code == "ModelError":
            status = int(str(error.response.get("OriginalStatusCode") or 424))
            reason = failures.describe_error(status, str(error.response.get("OriginalMessage") or message).encode())
            return failures.classify_status(status, reason)
        if code in {"ValidationError", "ValidationException"} and GONE not in message:
            return Refused(describe_error(error))
        return TargetDown(does_not)


def error_details(error: ClientError) -> tuple[str, str]:
    details = error.response.get("Error", {})
    return str(details.get("Code", "error")), str(details.get("Message", ""))


def describe_error(error: ClientError) -> str:
    code, message = error_details(error)
    return f"{code}: {message}".strip(": ")

"""A SageMaker endpoint as the target of a replay: streamed, as the users' answers will be."""

import json
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, EventStreamError

from evaluation.target import BUSY, Collected, Refused, TargetDown, refusal
from lmi.wire import Reply


class EndpointTarget:
    def __init__(self, runtime: Any, endpoint: str) -> None:
        self.runtime = runtime
        self.endpoint = endpoint

    def __call__(self, request: dict[str, Any]) -> Reply:
        body = json.dumps(request | {"stream": True, "stream_options": {"include_usage": True}}, ensure_ascii=False)
        started = time.perf_counter()
        try:
            answer = self.runtime.invoke_endpoint_with_response_stream(
                EndpointName=self.endpoint, Body=body.encode(), ContentType="application/json"
            )
            collected = Collected(started)
            for event in answer["Body"]:
                if part := event.get("PayloadPart"):
                    collected.feed(part["Bytes"])
            return collected.reply()
        except EventStreamError as error:  # the stream broke: the model server failed at this request
            raise Refused(f"The answer broke off: {told(error)}") from None
        except ClientError as error:
            raise self._failed(error) from None
        except BotoCoreError as error:
            raise TargetDown(f"Endpoint {self.endpoint} does not answer: {error}") from None

    def _failed(self, error: ClientError) -> Refused | TargetDown:
        status = error.response.get("OriginalStatusCode")
        if error.response["Error"]["Code"] == "ModelError" and status not in BUSY:
            message = str(error.response.get("OriginalMessage") or told(error))
            return Refused(refusal(status or 424, message.encode()))
        return TargetDown(f"Endpoint {self.endpoint} does not answer: {told(error)}")


def told(error: ClientError) -> str:
    details = error.response.get("Error", {})
    return f"{details.get('Code', 'error')}: {details.get('Message', '')}".strip(": ")

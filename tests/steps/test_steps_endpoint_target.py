import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    EventStreamError,
    NoCredentialsError,
    ReadTimeoutError,
)
from fake_sagemaker import FakeAws, refusal
from urllib3.exceptions import ProtocolError

from sluice.chat_api import BadReply, chat_request
from sluice.evaluation.replay.failures import Busy, Lost, Refused, TargetDown
from sluice.evaluation.replay.target import TimedReply
from sluice.steps.endpoint_target import EndpointTarget

REQUEST = chat_request([{"role": "user", "content": "연차는?"}], max_tokens=8)


@pytest.fixture
def aws() -> FakeAws:
    aws = FakeAws()
    aws.sagemaker.serves("chat", aws.sagemaker.registers())
    return aws


def refuse(aws: FakeAws, code: str, **details: Any) -> None:
    response = {"Error": {"Code": code, "Message": "it says why"}, **details}
    aws.runtime.refuses(
        "invoke_endpoint_with_response_stream", ClientError(response, "InvokeEndpointWithResponseStream")
    )


def test_an_answer_is_put_together_from_parts_that_end_in_the_middle_of_a_letter(aws: FakeAws) -> None:
    aws.runtime.answers("연차는 15일입니다.")
    reply = EndpointTarget(aws.runtime, "chat")(REQUEST)
    assert isinstance(reply, TimedReply) and reply.first_token_ms is not None
    assert (reply.text, reply.finish_reason) == ("연차는 15일입니다.", "stop")
    assert (reply.prompt_tokens, reply.completion_tokens) == (5, 2)


def test_an_error_in_the_stream_is_no_answer(aws: FakeAws) -> None:
    aws.runtime._parts = lambda _: iter([{"PayloadPart": {"Bytes": b'{"error": {"message": "out of memory"}}\n'}}])
    with pytest.raises(BadReply, match="out of memory"):
        EndpointTarget(aws.runtime, "chat")(REQUEST)


def breaks_off(aws: FakeAws, error: Exception) -> None:
    def parts(_: str) -> Iterator[dict[str, Any]]:
        yield {"PayloadPart": {"Bytes": b'{"choices": [{"delta": {"content": "15"}}]}\n'}}
        raise error

    aws.runtime._parts = parts


def stream_error(code: str, message: str) -> EventStreamError:
    return EventStreamError({"Error": {"Code": code, "Message": message}}, "Invoke")


def test_a_stream_that_breaks_off_is_no_answer(aws: FakeAws) -> None:
    breaks_off(aws, stream_error("ModelStreamError", "StreamBroken"))
    with pytest.raises(Refused, match="broke off: ModelStreamError: StreamBroken"):
        EndpointTarget(aws.runtime, "chat")(REQUEST)


def test_a_stream_that_breaks_off_by_a_fault_of_the_service_is_asked_again(aws: FakeAws) -> None:
    breaks_off(aws, stream_error("InternalStreamFailure", "try again"))
    with pytest.raises(Busy, match="InternalStreamFailure"):
        EndpointTarget(aws.runtime, "chat")(REQUEST)


def test_a_connection_that_breaks_in_a_stream_is_lost(aws: FakeAws) -> None:
    breaks_off(aws, ProtocolError("Connection broken"))
    with pytest.raises(Lost, match="Connection broken"):
        EndpointTarget(aws.runtime, "chat")(REQUEST)


def test_functions_that_the_model_calls_are_read(aws: FakeAws) -> None:
    call = {"index": 0, "function": {"name": "leave_days", "arguments": '{"year": 2026}'}}
    line = json.dumps({"choices": [{"delta": {"tool_calls": [call]}}]}).encode() + b"\n"
    aws.runtime._parts = lambda _: iter([{"PayloadPart": {"Bytes": line[:30]}}, {"PayloadPart": {"Bytes": line[30:]}}])
    reply = EndpointTarget(aws.runtime, "chat")(REQUEST)
    assert reply.tool_calls == ({"name": "leave_days", "arguments": {"year": 2026}},)


@pytest.mark.parametrize("status", [400, 424, 500])
def test_what_the_model_refuses_is_told_in_its_own_words(aws: FakeAws, status: int) -> None:
    refuse(aws, "ModelError", OriginalStatusCode=status, OriginalMessage='{"error":\n "prompt too long"}')
    with pytest.raises(Refused, match=f"HTTP {status}: prompt too long"):
        EndpointTarget(aws.runtime, "chat")(REQUEST)


def test_a_request_that_the_service_does_not_take_may_be_to_blame(aws: FakeAws) -> None:
    refuse(aws, "ValidationError")
    with pytest.raises(Refused, match="ValidationError: it says why"):
        EndpointTarget(aws.runtime, "chat")(REQUEST)


@pytest.mark.parametrize(
    ("code", "details"),
    [
        ("ModelError", {"OriginalStatusCode": 503, "OriginalMessage": "queue full"}),
        ("ModelError", {"OriginalStatusCode": 429}),
        ("ThrottlingException", {}),
        ("ModelNotReadyException", {}),
        ("ServiceUnavailable", {}),
        ("InternalFailure", {}),
        ("InternalDependencyException", {}),
    ],
)
def test_a_throttled_or_cold_endpoint_is_asked_again(aws: FakeAws, code: str, details: dict[str, Any]) -> None:
    refuse(aws, code, **details)
    with pytest.raises(Busy, match=r"queue full|it says why"):
        EndpointTarget(aws.runtime, "chat")(REQUEST)


def test_a_component_that_was_scaled_to_zero_is_cold(aws: FakeAws) -> None:
    message = "Inference Component has no capacity to process this request."
    aws.runtime.refuses("invoke_endpoint_with_response_stream", refusal("Invoke", message, "ValidationError"))
    with pytest.raises(Busy, match="has no capacity"):
        EndpointTarget(aws.runtime, "chat")(REQUEST)


@pytest.mark.parametrize("code", ["AccessDeniedException", "ExpiredTokenException", "UnrecognizedClientException"])
def test_an_endpoint_that_nobody_may_ask_is_down(aws: FakeAws, code: str) -> None:
    refuse(aws, code)
    with pytest.raises(TargetDown, match=f"Endpoint chat does not answer: {code}: it says why"):
        EndpointTarget(aws.runtime, "chat")(REQUEST)


def test_an_endpoint_that_does_not_exist_is_down(aws: FakeAws) -> None:
    with pytest.raises(TargetDown, match="Endpoint gone not found"):
        EndpointTarget(aws.runtime, "gone")(REQUEST)


@pytest.mark.parametrize(
    ("error", "follows"),
    [
        (ReadTimeoutError(endpoint_url="https://x"), Refused),
        (ConnectionClosedError(endpoint_url="https://x"), Lost),
        (EndpointConnectionError(endpoint_url="https://x"), TargetDown),
        (NoCredentialsError(), TargetDown),
    ],
)
def test_no_answer_at_all(aws: FakeAws, error: Exception, follows: type[Exception]) -> None:
    aws.runtime.refuses("invoke_endpoint_with_response_stream", error)
    with pytest.raises(follows, match="Endpoint chat does not answer") as caught:
        EndpointTarget(aws.runtime, "chat")(REQUEST)
    assert type(caught.value) is follows

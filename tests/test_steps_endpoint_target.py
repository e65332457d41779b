from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError, ReadTimeoutError
from fake_sagemaker import FakeAws

from evaluation.target import Refused, TargetDown, TimedReply
from lmi.wire import BadReply, chat_request
from steps.endpoint_target import EndpointTarget

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


def test_a_stream_that_breaks_off_is_no_answer(aws: FakeAws) -> None:
    def parts(_: str) -> Iterator[dict[str, Any]]:
        yield {"PayloadPart": {"Bytes": b'{"choices": [{"delta": {"content": "15"}}]}\n'}}
        raise EventStreamError({"Error": {"Code": "ModelStreamError", "Message": "StreamBroken"}}, "Invoke")

    aws.runtime._parts = parts
    with pytest.raises(Refused, match="broke off: ModelStreamError: StreamBroken"):
        EndpointTarget(aws.runtime, "chat")(REQUEST)


def test_what_the_model_refuses_is_told_in_its_own_words(aws: FakeAws) -> None:
    refuse(aws, "ModelError", OriginalStatusCode=424, OriginalMessage='{"error":\n "prompt too long"}')
    with pytest.raises(Refused, match="HTTP 424: prompt too long"):
        EndpointTarget(aws.runtime, "chat")(REQUEST)


@pytest.mark.parametrize(
    ("code", "details"),
    [
        ("ModelError", {"OriginalStatusCode": 503}),
        ("ModelNotReadyException", {}),
        ("ValidationError", {}),
        ("ServiceUnavailable", {}),
        ("AccessDeniedException", {}),
    ],
)
def test_an_endpoint_in_trouble_says_nothing_about_the_model(aws: FakeAws, code: str, details: dict[str, Any]) -> None:
    refuse(aws, code, **details)
    with pytest.raises(TargetDown, match=f"Endpoint chat does not answer: {code}: it says why"):
        EndpointTarget(aws.runtime, "chat")(REQUEST)


def test_an_endpoint_that_never_answers_is_down(aws: FakeAws) -> None:
    aws.runtime.refuses("invoke_endpoint_with_response_stream", ReadTimeoutError(endpoint_url="https://x"))
    with pytest.raises(TargetDown, match="Read timeout"):
        EndpointTarget(aws.runtime, "chat")(REQUEST)

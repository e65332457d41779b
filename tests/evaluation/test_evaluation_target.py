"""What is asked over HTTP: answers however they come, and failures by what follows from them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from stub_model import StubModel, serving

from sluice.chat_api import BadReply, Reply
from sluice.errors import UsageError
from sluice.evaluation.replay.failures import Busy, Lost, Refused, TargetDown
from sluice.evaluation.replay.target import HttpTarget, TimedReply

REQUEST: dict[str, Any] = {"messages": [{"role": "user", "content": "q"}]}


@pytest.fixture
def model() -> Iterator[StubModel]:
    model = StubModel()
    with serving(model):
        yield model


@pytest.fixture
def target(model: StubModel) -> Iterator[HttpTarget]:
    with HttpTarget(model.url) as target:
        yield target


# answers


@pytest.mark.parametrize("events", [False, True])
def test_a_streamed_answer_is_timed_to_its_first_token_and_counted(
    model: StubModel, target: HttpTarget, events: bool
) -> None:
    model.sends_events = events
    model.answers("연차는 15일 입니다")
    reply = target(REQUEST)
    assert isinstance(reply, TimedReply)
    assert (reply.text, reply.finish_reason) == ("연차는 15일 입니다", "stop")
    assert (reply.prompt_tokens, reply.completion_tokens) == (7, 3)
    assert reply.first_token_ms is not None and reply.first_token_ms > 0


def test_a_server_that_does_not_stream_is_understood_too(model: StubModel, target: HttpTarget) -> None:
    model.streams = False
    model.answers("hello")
    assert target(REQUEST) == Reply("hello", "stop", 7, 1)


@pytest.mark.parametrize("streams", [False, True])
def test_functions_that_the_model_calls_are_read(model: StubModel, target: HttpTarget, streams: bool) -> None:
    model.streams = streams
    model.calls = [{"index": n, "function": {"name": f"f{n}", "arguments": json.dumps({"n": n})}} for n in (1, 0)]
    reply = target(REQUEST)
    assert reply.text == ""
    assert [dict(call) for call in reply.tool_calls] == [
        {"name": "f0", "arguments": {"n": 0}},
        {"name": "f1", "arguments": {"n": 1}},
    ]


def test_what_a_server_wants_besides_goes_into_every_request(model: StubModel) -> None:
    with HttpTarget(model.url, more={"model": "qwen3"}) as target:
        target(REQUEST)
    assert model.asked[0]["model"] == "qwen3"
    assert model.asked[0]["stream_options"] == {"include_usage": True}


def test_the_next_answer_comes_over_the_same_connection(model: StubModel, target: HttpTarget) -> None:
    for _ in range(3):
        target(REQUEST)
    assert len(target._connections._free) == 1


# failures


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
def test_a_busy_server_is_not_to_blame(model: StubModel, target: HttpTarget, status: int) -> None:
    model.retry_after = "7"
    model.refuses(status, "queue full")
    with pytest.raises(Busy, match=f"HTTP {status}: queue full") as caught:
        target(REQUEST)
    assert caught.value.after == 7
    assert target(REQUEST).text == "echo: q"


@pytest.mark.parametrize("status", [400, 413, 422, 424, 500, 507])
def test_a_request_that_the_server_refuses_is_told_in_its_own_words(
    model: StubModel, target: HttpTarget, status: int
) -> None:
    model.refuses(status, '{"code": 424, "error": "Input parsing failed:\\n too long"}')
    with pytest.raises(Refused, match=f"HTTP {status}: Input parsing failed: too long"):
        target(REQUEST)
    assert target(REQUEST).text == "echo: q"


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_what_every_request_would_be_told_means_that_the_target_is_wrong(
    model: StubModel, target: HttpTarget, status: int
) -> None:
    model.refuses(status, '{"error": {"message": "no"}}')
    with pytest.raises(TargetDown, match=f"HTTP {status}: no"):
        target(REQUEST)


def test_nobody_there(model: StubModel) -> None:
    with serving(StubModel()) as url:
        pass
    with pytest.raises(TargetDown, match="Connection refused") as caught:
        HttpTarget(url)(REQUEST)
    assert not isinstance(caught.value, Lost)


def test_a_server_that_hangs_up(model: StubModel, target: HttpTarget) -> None:
    model.hang_up = True
    with pytest.raises(Lost, match="is gone"):
        target(REQUEST)


def test_a_stream_that_ends_in_the_middle_is_not_taken_for_an_answer(model: StubModel, target: HttpTarget) -> None:
    model.answers("one two three")
    model.cut_stream = True
    with pytest.raises(Lost, match="is gone"):
        target(REQUEST)


def test_an_error_inside_a_stream_is_no_answer_and_the_next_one_is_not_confused(
    model: StubModel, target: HttpTarget
) -> None:
    model.break_stream = True
    with pytest.raises(BadReply, match="the engine died"):
        target(REQUEST)
    model.break_stream = False
    assert target(REQUEST).text == "echo: q"


def test_a_request_that_takes_too_long_is_one_that_failed(model: StubModel) -> None:
    model.delay = 1.0
    with pytest.raises(Refused, match=r"did not answer within 0\.05 s"):
        HttpTarget(model.url, timeout=0.05)(REQUEST)


def test_a_connection_that_the_server_closed_meanwhile_is_opened_again(model: StubModel, target: HttpTarget) -> None:
    model.closes_silently = True
    assert target(REQUEST).text == "echo: q"
    assert target(REQUEST).text == "echo: q"


@pytest.mark.parametrize("url", ["localhost:8080/invocations", "ftp://x/y", "http://", ""])
def test_a_url_must_be_one(url: str) -> None:
    with pytest.raises(UsageError, match="is not a URL"):
        HttpTarget(url)

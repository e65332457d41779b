import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from stub_model import StubModel, serving

from evaluation.cases import Case, Turn
from evaluation.judge import judge
from evaluation.replay import CaseResult, replay
from evaluation.target import HttpTarget, TargetDown, TimedReply
from evaluation.verdict import Gate
from lmi.errors import UsageError
from lmi.wire import Reply


@pytest.fixture
def model() -> Iterator[StubModel]:
    model = StubModel()
    with serving(model):
        yield model


@pytest.fixture
def target(model: StubModel) -> Iterator[HttpTarget]:
    with HttpTarget(model.url) as target:
        yield target


def chat(name: str, *questions: str, says: str = "echo") -> Case:
    return Case(name, tuple(Turn(question, expect={"contains": (says,)}) for question in questions))


def test_a_chat_is_replayed_in_order_on_the_models_own_answers(model: StubModel, target: HttpTarget) -> None:
    model.answers(lambda request: f"answer to {request['messages'][-1]['content']}")
    replayed = replay([chat("a", "q1", "q2", "q3", "q4", "q5")], target, concurrency=4, max_tokens=9)
    assert [turn.answer for turn in replayed.results[0].turns] == [f"answer to q{n}" for n in range(1, 6)]
    last = [message["content"] for message in model.asked[-1]["messages"][1:]]
    assert last == ["q2", "answer to q2", "q3", "answer to q3", "q4", "answer to q4", "q5"]
    assert {(request["max_tokens"], request["temperature"]) for request in model.asked} == {(9, 0.0)}


def test_chats_run_side_by_side_and_results_keep_the_order_of_the_cases(model: StubModel, target: HttpTarget) -> None:
    model.delay = 0.05
    chats = [chat(f"c{n}", *["q"] * (1 + n % 3)) for n in range(12)]
    seen: list[tuple[int, int]] = []
    replayed = replay(chats, target, concurrency=4, max_tokens=9, progress=lambda n, of, _: seen.append((n, of)))
    assert [result.case.id for result in replayed.results] == [f"c{n}" for n in range(12)]
    assert model.peak == 4
    assert seen == [(n, 12) for n in range(1, 13)]


def test_a_streamed_answer_is_timed_to_its_first_token_and_counted(model: StubModel, target: HttpTarget) -> None:
    model.answers("연차는 15일 입니다")
    reply = target({"messages": [{"role": "user", "content": "q"}]})
    assert isinstance(reply, TimedReply)
    assert (reply.text, reply.finish_reason) == ("연차는 15일 입니다", "stop")
    assert (reply.prompt_tokens, reply.completion_tokens) == (7, 3)
    assert reply.first_token_ms is not None and reply.first_token_ms > 0


def test_a_server_that_does_not_stream_is_understood_too(model: StubModel, target: HttpTarget) -> None:
    model.streams = False
    model.answers("hello")
    assert target({"messages": [{"content": "q"}]}) == Reply("hello", "stop", 7, 1)


def test_a_request_that_the_server_refuses_fails_its_case_with_the_reason(model: StubModel, target: HttpTarget) -> None:
    model.refuses(424, '{"code": 424, "error": "Input parsing failed: too long"}')
    report = judge([chat("a", "q1", "q2"), chat("b", "q")], target, Gate(0.9), concurrency=1)
    assert report.verdict.verdict == "fail"
    first, second = report.results
    assert not first.passed and second.passed
    assert [turn.error for turn in first.turns] == ["HTTP 424: Input parsing failed: too long"]
    assert report.as_json()["totals"] | {"latency_ms": 0, "tokens": 0} == {
        "cases": 2, "passed": 1, "failed": 0, "errors": 1, "turns": 2, "pass_rate": 0.5, "latency_ms": 0, "tokens": 0,
    }  # fmt: skip


def test_an_error_inside_a_stream_fails_its_case_and_the_next_one_is_not_confused(
    model: StubModel, target: HttpTarget
) -> None:
    model.break_stream = True
    broken = replay([chat("a", "q")], target, concurrency=1, max_tokens=9).results[0]
    assert broken.turns[0].error == "The model server answered with an error: the engine died"
    model.break_stream = False
    assert replay([chat("b", "q")], target, concurrency=1, max_tokens=9).results[0].passed


def test_a_busy_server_is_asked_again(model: StubModel, target: HttpTarget) -> None:
    model.refuses(503, "queue full", times=2)
    assert replay([chat("a", "q")], target, concurrency=1, max_tokens=9).results[0].passed
    assert len(model.asked) == 3


def test_a_server_that_goes_away_is_an_error_and_not_a_wrong_answer(model: StubModel, target: HttpTarget) -> None:
    def answer(request: dict[str, Any]) -> str:
        if len(model.asked) == 3:
            model.hang_up = True
        return "echo"

    model.answers(answer)
    report = judge([chat(f"c{n}", "q") for n in range(9)], target, Gate(0.1), concurrency=1)
    assert report.verdict.verdict == "error"
    assert "is gone" in report.verdict.summary
    assert all(result.passed for result in report.results)
    assert len(report.results) == 3


def test_a_stream_that_ends_in_the_middle_is_not_taken_for_an_answer(model: StubModel, target: HttpTarget) -> None:
    model.answers("one two three")
    model.cut_stream = True
    with pytest.raises(TargetDown, match="is gone"):
        target({"messages": [{"content": "q"}]})


def test_nobody_there_is_an_error_at_once() -> None:
    with serving(StubModel()) as url:
        pass
    report = judge([chat("a", "q")], HttpTarget(url), Gate(0.5))
    assert (report.verdict.verdict, report.results) == ("error", ())
    assert "Connection refused" in report.verdict.summary


def test_a_server_that_never_answers_is_an_error(model: StubModel) -> None:
    model.delay = 1.0
    with pytest.raises(TargetDown, match=r"did not answer within 0\.05 s"):
        HttpTarget(model.url, timeout=0.05)({"messages": [{"content": "q"}]})


def test_a_connection_that_the_server_closed_meanwhile_is_opened_again(model: StubModel) -> None:
    model.closes_silently = True
    with HttpTarget(model.url) as target:
        assert target({"messages": [{"content": "q"}]}).text == "echo: q"
        assert target({"messages": [{"content": "again"}]}).text == "echo: again"


def test_a_mistake_in_the_target_itself_is_not_hidden() -> None:
    def broken(_: dict[str, Any]) -> Reply:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        replay([chat("a", "q")], broken, concurrency=2, max_tokens=9)


def test_an_interrupt_stops_the_other_chats() -> None:
    asked = threading.Event()
    count: list[int] = []

    def slow(_: dict[str, Any]) -> Reply:
        count.append(1)
        asked.set()
        time.sleep(0.05)
        return Reply("echo", "stop", 1, 1)

    def interrupt(done: int, _: int, __: CaseResult) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replay([chat(f"c{n}", "q") for n in range(50)], slow, concurrency=2, max_tokens=9, progress=interrupt)
    assert asked.is_set() and len(count) < 6


def test_a_url_must_be_one() -> None:
    with pytest.raises(UsageError, match="is not a URL"):
        HttpTarget("localhost:8080/invocations")

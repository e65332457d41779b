"""The replay: order within a chat, chats side by side, what a failure means, what is the same in every run."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from replayed import chat

from sluice.chat_api import BadReply, Reply
from sluice.errors import SluiceError, UsageError
from sluice.evaluation.cases.case import Case, Turn
from sluice.evaluation.evaluate import evaluate
from sluice.evaluation.gate import Gate
from sluice.evaluation.replay.engine import replay
from sluice.evaluation.replay.failures import Busy, Lost, Refused, TargetDown
from sluice.evaluation.replay.plan import Plan
from sluice.evaluation.replay.prices import Prices
from sluice.evaluation.replay.target import TimedReply
from sluice.evaluation.results import Chat
from sluice.evaluation.scoring import ScoringServices, Vote

ONE = Plan(concurrency=1, max_tokens=9, retry_seconds=0.05)


class Endpoint:
    """Answers every question with an echo, unless it was told to do something else with one."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.greetings = 0
        self.does: dict[str, list[Exception | Callable[[], None]]] = {}
        self.down: Exception | None = None
        self.in_flight = self.peak = 0
        self.lock = threading.Lock()
        self.meets: threading.Barrier | None = None

    def fails(self, question: str, *errors: Exception) -> None:
        """At this question, once for each error."""
        self.does.setdefault(question, []).extend(errors)

    def goes_down(self, error: Exception) -> None:
        self.down = error

    def answers_only_when(self, many: int) -> None:
        """So many are in flight at once."""
        self.meets = threading.Barrier(many, timeout=20)

    def questions(self) -> list[str]:
        return [request["messages"][-1]["content"] for request in self.asked]

    def __call__(self, request: dict[str, Any]) -> Reply:
        question = request["messages"][-1]["content"]
        with self.lock:
            if self.down:
                raise self.down
            if question == "Hello":
                self.greetings += 1
                return Reply("hi", "stop", 1, 1)
            self.asked.append(request)
            self.in_flight += 1
            self.peak = max(self.peak, self.in_flight)
            actions = self.does.get(question)
            what = actions.pop(0) if actions else None
        try:
            if self.meets:
                self.meets.wait()
            if isinstance(what, Exception):
                raise what
            if what:
                what()
            return TimedReply(f"echo: {question}", "stop", 7, 2, first_token_ms=1.0, latency_ms=5.0)
        finally:
            with self.lock:
                self.in_flight -= 1


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


# order


def test_a_chat_goes_on_with_the_models_own_answers_and_the_last_three_turns(endpoint: Endpoint) -> None:
    (result,) = replay([chat("a", "q1", "q2", "q3", "q4", "q5")], endpoint, ONE).results
    assert [turn.answer for turn in result.chats[0].turns] == [f"echo: q{n}" for n in range(1, 6)]
    last = [message["content"] for message in endpoint.asked[-1]["messages"][1:]]
    assert last == ["q2", "echo: q2", "q3", "echo: q3", "q4", "echo: q4", "q5"]
    assert {(request["max_tokens"], request["temperature"]) for request in endpoint.asked} == {(9, 0.0)}


def test_a_chat_can_go_on_with_the_written_answers(endpoint: Endpoint) -> None:
    turns = (Turn("q1", answer="golden", expect={"contains": "echo"}), Turn("q2", expect={"contains": "echo"}))
    replay([Case("a", turns, goes_on_with="written")], endpoint, ONE)
    assert [each["content"] for each in endpoint.asked[-1]["messages"][1:]] == ["q1", "golden", "q2"]


def test_chats_run_side_by_side_and_results_keep_the_order_of_the_cases(endpoint: Endpoint) -> None:
    endpoint.answers_only_when(4)
    calls: list[tuple[int, int]] = []
    cases = [chat(f"c{n}", "q", "q") for n in range(12)]
    replayed = replay(cases, endpoint, Plan(4), progress=lambda completed, of, _: calls.append((completed, of)))
    assert [result.case.id for result in replayed.results] == [f"c{n}" for n in range(12)]
    assert endpoint.peak == 4
    assert calls == [(n, 12) for n in range(1, 13)]


def test_the_longest_chats_begin_first_so_that_none_is_left_to_run_alone(endpoint: Endpoint) -> None:
    replay([chat("a", "a1"), chat("b", "b1", "b2", "b3"), chat("c", "c1", "c2"), chat("d", "d1", "d2")], endpoint, ONE)
    assert endpoint.questions() == ["b1", "b2", "b3", "c1", "c2", "d1", "d2", "a1"]


def test_cases_are_pulled_as_they_are_needed_and_not_all_at_once(endpoint: Endpoint) -> None:
    class Counted(list[Case]):
        pulled = 0

        def __iter__(self) -> Any:
            for self.pulled, case in enumerate(list.__iter__(self), 1):  # noqa: B020
                yield case

    cases = Counted(chat(f"c{n}", "q") for n in range(2000))
    most_ahead = 0

    def progress(completed: int, _: int, __: Chat) -> None:
        nonlocal most_ahead
        most_ahead = max(most_ahead, cases.pulled - completed)

    assert len(replay(cases, endpoint, ONE, progress=progress).results) == 2000
    assert most_ahead < 600


# repeats and seeds


def test_a_case_is_repeated_as_often_as_it_asks_or_the_plan_does(endpoint: Endpoint) -> None:
    cases = [chat("a", "q", repeats=3), chat("b", "q")]
    first, second = replay(cases, endpoint, replace(ONE, repeats=2)).results
    assert [each.repeat for each in first.chats] == [0, 1, 2]
    assert [each.repeat for each in second.chats] == [0, 1]


def test_each_repeat_has_a_seed_of_its_own_that_is_the_same_whatever_is_replayed_beside_it(endpoint: Endpoint) -> None:
    cases = [chat("a", "q", repeats=2), chat("b", "q")]
    replay(cases, endpoint, replace(ONE, seed=1))
    seeds = [request["seed"] for request in endpoint.asked]
    assert len(set(seeds)) == 3
    assert all(0 <= seed < 2**31 for seed in seeds)
    again = Endpoint()
    replay(cases[1:], again, replace(ONE, seed=1))
    assert [request["seed"] for request in again.asked] == seeds[2:]
    other = Endpoint()
    replay(cases[1:], other, replace(ONE, seed=2))
    assert [request["seed"] for request in other.asked] != seeds[2:]


def test_without_a_seed_none_is_sent(endpoint: Endpoint) -> None:
    replay([chat("a", "q")], endpoint, ONE)
    assert "seed" not in endpoint.asked[0]


def test_a_case_that_passes_once_and_fails_once_is_flaky(endpoint: Endpoint) -> None:
    endpoint.fails("q", Refused("no"))
    (result,) = replay([chat("a", "q", repeats=2)], endpoint, ONE).results
    assert result.flaky and not result.passed


# what a failure means


def test_a_throttled_endpoint_is_asked_again_and_only_the_answered_attempt_counts(endpoint: Endpoint) -> None:
    endpoint.fails("q", Busy("HTTP 429"), Busy("HTTP 503"))
    (result,) = replay([chat("a", "q")], endpoint, replace(ONE, retry_seconds=0.8)).results
    (turn,) = result.chats[0].turns
    assert (result.passed, turn.attempts, turn.latency_ms) == (True, 3, 5.0)


def test_an_endpoint_that_stays_busy_beyond_the_budget_is_an_error_and_not_a_wrong_answer(endpoint: Endpoint) -> None:
    endpoint.fails("q2", *[Busy("HTTP 503: queue full")] * 99)
    report = evaluate([chat("a", "q1"), chat("b", "q2"), chat("c", "q3")], endpoint, Gate(0.1), ONE)
    assert report.verdict.verdict == "error"
    assert "stays busy: HTTP 503: queue full (for 0.05 s it said nothing else)" in report.verdict.summary
    assert [result.case.id for result in report.results] == ["a"]


def test_a_refused_request_fails_its_case_and_the_chat_ends_there(endpoint: Endpoint) -> None:
    endpoint.fails("q1", Refused("HTTP 424: Input parsing failed: too long"))
    report = evaluate([chat("a", "q1", "q2"), chat("b", "q")], endpoint, Gate(0.9), ONE)
    assert report.verdict.verdict == "fail"
    first, second = report.results
    assert not first.passed and second.passed
    assert [turn.error for turn in first.chats[0].turns] == ["HTTP 424: Input parsing failed: too long"]
    totals = report.as_json()["totals"]
    assert (totals["cases"], totals["passed"], totals["failed"], totals["errors"]) == (2, 1, 0, 1)


def test_an_answer_that_is_none_fails_its_case(endpoint: Endpoint) -> None:
    endpoint.fails("q", BadReply("The model server sent something that is not JSON"))
    (result,) = replay([chat("a", "q")], endpoint, ONE).results
    assert result.error == "The model server sent something that is not JSON"


def test_a_request_is_blamed_only_if_the_endpoint_still_answers_a_greeting(endpoint: Endpoint) -> None:
    endpoint.fails("q1", Refused("HTTP 500: Inference Engine Failure"))
    replay([chat("a", "q1")], endpoint, ONE)
    assert endpoint.greetings == 1


def test_an_endpoint_that_fails_at_everything_is_down_and_its_failures_are_no_wrong_answers(endpoint: Endpoint) -> None:
    def dies() -> None:
        endpoint.goes_down(Refused("HTTP 500: Inference Engine Failure"))

    endpoint.does["q1"] = [dies]
    report = evaluate([chat(f"c{n}", f"q{n}") for n in range(9)], endpoint, Gate(0.1), ONE)
    assert report.verdict.verdict == "error"
    assert "not even a greeting: HTTP 500" in report.verdict.summary
    assert [result.case.id for result in report.results] == ["c0", "c1"]
    assert all(result.passed for result in report.results)


def test_nobody_there_is_an_error_at_once(endpoint: Endpoint) -> None:
    endpoint.goes_down(TargetDown("Connection refused"))
    report = evaluate([chat("a", "q")], endpoint, Gate(0.5), ONE)
    assert (report.verdict.verdict, len(report.results)) == ("error", 0)
    assert "Connection refused" in report.verdict.summary


def test_a_connection_that_broke_once_is_chance_if_the_endpoint_has_answered_before(endpoint: Endpoint) -> None:
    endpoint.fails("q2", Lost("reset"))
    (result,) = replay([chat("a", "q1", "q2")], endpoint, ONE).results
    assert result.passed
    assert result.chats[0].turns[1].attempts == 2


def test_a_connection_that_breaks_at_the_first_question_is_an_error(endpoint: Endpoint) -> None:
    endpoint.fails("q", Lost("reset"))
    assert replay([chat("a", "q")], endpoint, ONE).down


def test_a_judge_model_that_is_down_is_an_error_and_not_a_wrong_answer(endpoint: Endpoint) -> None:
    def judge_model(*_: Any) -> list[Vote]:
        raise SluiceError("The judge does not answer.")

    case = Case("a", (Turn("q", expect={"judge": "polite"}),))
    replayed = replay([case], endpoint, ONE, services=ScoringServices(judge=judge_model))
    assert replayed.down and "a could not be scored: The judge does not answer." in replayed.down.message


def test_a_mistake_in_the_target_itself_is_not_hidden() -> None:
    def broken(_: dict[str, Any]) -> Reply:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        replay([chat("a", "q")], broken, ONE)


def test_an_interrupt_stops_the_other_chats(endpoint: Endpoint) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replay([chat(f"c{n}", "q") for n in range(50)], endpoint, Plan(2), progress=interrupt)
    assert len(endpoint.asked) < 6


def test_an_interrupt_of_the_thread_that_waits_stops_the_others(endpoint: Endpoint) -> None:
    released = threading.Event()

    def interrupt() -> None:
        raise KeyboardInterrupt

    def slow(request: dict[str, Any]) -> Reply:
        released.wait(20)
        return endpoint(request)

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        replay([chat(f"c{n}", "q1", "q2") for n in range(50)], slow, Plan(3), meanwhile=interrupt)
    released.set()
    deadline = time.monotonic() + 20
    while threading.active_count() > before:
        assert time.monotonic() < deadline, "the others go on asking"
        time.sleep(0.005)
    assert len(endpoint.asked) <= 3


def test_an_interrupt_wakes_what_waits_for_a_cold_endpoint(endpoint: Endpoint) -> None:
    endpoint.fails("cold", *[Busy("cold")] * 999)

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    cases = [chat("a", "cold"), chat("b", "q")]
    with pytest.raises(KeyboardInterrupt):
        replay(cases, endpoint, Plan(2, retry_seconds=3600), progress=interrupt)


# what a case needs


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (chat("a", "q", through="rag"), "1 cases go through the RAG server, and none was named: a."),
        (Case("b", (Turn("q", expect={"judge": "polite"}),)), "1 cases need a judge model, and none was named: b."),
    ],
)
def test_what_a_case_needs_and_was_not_given_is_said_before_anything_is_asked(
    endpoint: Endpoint, case: Case, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        replay([chat("first", "q"), case], endpoint, ONE)
    assert caught.value.message == message
    assert not endpoint.asked


# what an answer costs


def test_an_answer_costs_its_tokens_and_its_share_of_the_instances_hour(endpoint: Endpoint) -> None:
    prices = Prices(prompt=100.0, completion=1000.0)
    assert prices.cost(7, 2, 5.0, 8) == pytest.approx(0.0027)
    assert Prices(instance_hour=3.6, instances=2).cost(7, 2, 5000.0, 10) == pytest.approx(0.001)
    assert Prices().cost(7, 2, 5.0, 8) is None
    report = evaluate([chat("a", "q", "q")], endpoint, Gate(), replace(ONE, prices=prices)).as_json()
    assert report["totals"]["cost_per_answer"] == pytest.approx(0.0027)
    assert report["cases"][0]["chats"][0]["turns"][0]["cost"] == pytest.approx(0.0027)
    assert report["plan"]["prices"]["prompt"] == 100.0


# what may gate


def test_what_comes_from_a_cache_never_passes(endpoint: Endpoint) -> None:
    cached = replace(ONE, cached=True)
    report = evaluate([chat("a", "q")], endpoint, Gate(), cached)
    assert report.verdict.verdict == "inconclusive"
    assert "from a cache" in report.verdict.summary and "from a cache" in report.warnings[0]
    assert report.as_json()["plan"]["cached"] is True
    assert evaluate([chat("a", "q", says="x")], endpoint, Gate(), cached).verdict.verdict == "fail"
    with pytest.raises(UsageError, match="from a cache cannot gate"):
        evaluate([chat("a", "q")], endpoint, Gate(), cached, gates=True)


def test_an_unreviewed_case_cannot_gate(endpoint: Endpoint) -> None:
    with pytest.raises(UsageError, match="1 cases are unreviewed"):
        evaluate([chat("a", "q", reviewed=False)], endpoint, Gate(), ONE, gates=True)
    assert not endpoint.asked


# through the RAG server


class Rag:
    """Remembers what each user said."""

    def __init__(self) -> None:
        self.said: dict[str, list[str]] = {}

    def __call__(self, user: str, message: str, max_tokens: int) -> TimedReply:
        before = self.said.setdefault(user, [])
        before.append(message)
        return TimedReply("echo: " + ", ".join(before), "stop", 1, 1, sources=("handbook",), passages=("15 days.",))


def rag_chat(name: str, *questions: str, **more: Any) -> Case:
    return chat(name, *questions, through="rag", **more)


def test_every_case_repeat_and_run_has_a_user_of_its_own(endpoint: Endpoint) -> None:
    rag = Rag()
    cases = [rag_chat("a", "q1", "q2"), rag_chat("b", "q1")]
    for _ in range(2):
        replay(cases, endpoint, replace(ONE, repeats=2), rag=rag)
    assert len(rag.said) == 8
    assert sorted(rag.said.values()) == [["q1"]] * 4 + [["q1", "q2"]] * 4
    assert all(len(user) <= 256 and user.isprintable() for user in rag.said)


def test_names_that_look_alike_are_still_two_users(endpoint: Endpoint) -> None:
    rag = Rag()
    replay([rag_chat("a b" * 50 + n, "q") for n in ("1", "2")], endpoint, ONE, rag=rag)
    assert list(rag.said.values()) == [["q"], ["q"]]


def test_cases_that_name_a_user_share_its_history_one_after_the_other_in_their_order(endpoint: Endpoint) -> None:
    rag = Rag()
    cases = [rag_chat(f"c{n}", f"q{n}", f"q{n}", user=("mina", "jun")[n % 2]) for n in range(8)]
    replayed = replay(cases, endpoint, Plan(8), rag=rag)
    assert sorted(rag.said.values()) == [[f"q{n}" for n in range(start, 8, 2) for _ in "xx"] for start in (0, 1)]
    assert [result.case.id for result in replayed.results] == [f"c{n}" for n in range(8)]


def test_cases_that_share_a_user_are_repeated_together(endpoint: Endpoint) -> None:
    cases = [rag_chat("tells", "my name is Mina", user="m"), rag_chat("asks", "my name?", user="m", repeats=3)]
    for order in (cases, cases[::-1]):
        rag = Rag()
        replay(order, endpoint, Plan(4), rag=rag)
        assert list(rag.said.values()) == [[case.turns[0].user for case in order]] * 3


def test_what_the_rag_server_found_is_in_the_result_and_in_the_report(endpoint: Endpoint) -> None:
    case = Case("a", (Turn("q", expect={"cites": "handbook", "contains": "echo"}),), through="rag")
    report = evaluate([case], endpoint, Gate(), ONE, rag=Rag()).as_json()
    turn = report["cases"][0]["chats"][0]["turns"][0]
    assert (turn["sources"], turn["passages"], turn["passed"]) == (["handbook"], ["15 days."], True)


def test_a_question_is_not_put_twice_into_a_history_when_the_connection_broke(endpoint: Endpoint) -> None:
    questions: list[str] = []

    def breaks(user: str, message: str, max_tokens: int) -> TimedReply:
        questions.append(message)
        if message == "q2":
            raise Lost("reset")
        return TimedReply("echo", "stop", 1, 1)

    assert replay([rag_chat("a", "q1", "q2")], endpoint, ONE, rag=breaks).down
    assert questions == ["q1", "q2"]

"""The rate, the retry budget for an endpoint that is not there yet, and what is written of the progress."""

import threading
from collections.abc import Callable
from itertools import pairwise

import pytest
from replayed import Echo, chat

from sluice.chat_api import Reply
from sluice.evaluation.replay.engine import replay
from sluice.evaluation.replay.failures import Busy, Lost, Refused, TargetDown
from sluice.evaluation.replay.plan import Plan
from sluice.evaluation.replay.progress import ProgressReporter, format_seconds
from sluice.evaluation.replay.rate_limit import RetryBudget, RetryBudgetSpent, TokenBucket
from sluice.evaluation.replay.request import Requester
from sluice.evaluation.results import Chat


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def time() -> Time:
    return Time()


def test_without_a_rate_nothing_waits(time: Time) -> None:
    assert [TokenBucket(None, now=time).delay() for _ in range(3)] == [0, 0, 0]


def test_requests_at_once_are_spaced_by_the_rate(time: Time) -> None:
    bucket = TokenBucket(4, now=time)
    assert [bucket.delay() for _ in range(4)] == [0, 0.25, 0.5, 0.75]


def test_a_bucket_that_was_not_used_holds_no_more_than_it_can(time: Time) -> None:
    bucket = TokenBucket(4, burst=3, now=time)
    time.passes(1000)
    assert [bucket.delay() for _ in range(5)] == [0, 0, 0, 0.25, 0.5]
    time.passes(0.75)
    assert bucket.delay() == 0


def test_in_no_stretch_of_time_are_there_more_than_the_rate_allows(time: Time) -> None:
    bucket, sent = TokenBucket(10, now=time), []
    for step in (0.0, 0.03, 0.3, 0.01, 0.01, 0.5, 0.0, 0.0, 0.05):
        time.passes(step)
        sent.append(time() + bucket.delay())
    assert all(later - earlier > 0.0999 for earlier, later in pairwise(sent))


def test_the_rate_holds_for_all_chats_together() -> None:
    threads = []
    echo = Echo()

    def target(request):
        threads.append(threading.get_ident())
        return echo(request)

    replay([chat(f"c{n}", "q") for n in range(6)], target, Plan(6, requests_per_second=200))
    assert len(threads) == 6


def test_pauses_grow_and_are_never_all_the_same(time: Time) -> None:
    budget = RetryBudget(1000, now=time)
    pauses = [[budget.pause(attempt) for _ in range(20)] for attempt in range(1, 12)]
    assert all(len(set(each)) > 1 for each in pauses)
    assert all(0.125 <= pause <= 0.25 for pause in pauses[0])
    assert all(7.5 <= pause <= 15 for pause in pauses[-1])


def test_an_endpoint_that_says_how_long_is_asked_no_earlier(time: Time) -> None:
    assert RetryBudget(1000, now=time).pause(1, retry_after=30) == 30


def test_the_budget_is_of_the_run_and_the_last_pause_ends_with_it(time: Time) -> None:
    budget = RetryBudget(10, now=time)
    time.passes(budget.pause(1, retry_after=8))
    assert budget.pause(2, retry_after=8) == pytest.approx(2)
    time.passes(2)
    with pytest.raises(RetryBudgetSpent):
        budget.pause(3)


def test_only_time_without_any_answer_counts(time: Time) -> None:
    budget = RetryBudget(10, now=time)
    for _ in range(50):
        budget.pause(1)
        time.passes(0.1)
        budget.pause(1)
        time.passes(60)
        budget.record_answer()
        time.passes(60)
    assert budget.pause(1, retry_after=99) == pytest.approx(5)


def test_without_a_budget_nothing_is_asked_again(time: Time) -> None:
    with pytest.raises(RetryBudgetSpent):
        RetryBudget(0, now=time).pause(1)


# one request


class Never(threading.Event):
    """Nobody stops the run; waiting passes the time."""

    def __init__(self, time: Time) -> None:
        super().__init__()
        self.time = time

    def wait(self, timeout: float | None = None) -> bool:
        self.time.passes(timeout or 0)
        return False


def build_requester(time: Time, per_second: float | None = None, budget: float = 60) -> Requester:
    return Requester(per_second, budget, Never(time), time)


def takes(time: Time, seconds: float, *before: Exception) -> Callable[[], Reply]:
    """An answer after so many seconds, and after these failures."""
    failures = list(before)

    def send() -> Reply:
        time.passes(seconds)
        if failures:
            raise failures.pop(0)
        return Reply("hi", "stop", 1, 1)

    return send


def test_pauses_and_refused_attempts_are_not_the_models_time(time: Time) -> None:
    result = build_requester(time).request(takes(time, 0.2, Busy("429"), Busy("503", after=9)), takes(time, 1))
    assert result.latency_ms == pytest.approx(200)
    assert result.attempts == 3
    assert time.now > 109


def test_the_rate_also_bounds_what_is_asked_again(time: Time) -> None:
    build_requester(time, per_second=0.1).request(takes(time, 0, Busy("429"), Busy("429")), takes(time, 1))
    assert time.now >= 120


def test_an_endpoint_that_answers_in_between_does_not_use_up_the_patience(time: Time) -> None:
    requester = build_requester(time, budget=1)
    for _ in range(50):
        requester.request(takes(time, 0, Busy("429")), takes(time, 1))
    with pytest.raises(TargetDown, match="stays busy"):
        requester.request(takes(time, 0, *[Busy("429")] * 50), takes(time, 1))


def test_a_failure_is_the_requests_own_if_a_greeting_is_answered_after_it(time: Time) -> None:
    greeted = []

    def greeting() -> Reply:
        greeted.append(time.now)
        return Reply("hi", "stop", 1, 1)

    requester = build_requester(time)
    for _ in range(2):
        with pytest.raises(Refused, match="500"):
            requester.request(takes(time, 1, Refused("HTTP 500")), greeting)
    assert len(greeted) == 2


def test_an_endpoint_that_is_too_busy_for_a_greeting_is_not_down(time: Time) -> None:
    with pytest.raises(Refused):
        build_requester(time).request(takes(time, 1, Refused("HTTP 500")), takes(time, 1, Busy("429")))


def test_an_answer_before_a_failure_does_not_show_that_the_endpoint_lives(time: Time) -> None:
    requester = build_requester(time)
    requester.request(takes(time, 1), takes(time, 1))
    with pytest.raises(TargetDown, match="not even a greeting"):
        requester.request(takes(time, 1, Refused("HTTP 500")), takes(time, 1, Refused("HTTP 500")))


def test_a_lost_connection_is_tried_twice_more_if_there_was_an_answer_before(time: Time) -> None:
    requester = build_requester(time)
    with pytest.raises(Lost):
        requester.request(takes(time, 1, Lost("reset")), takes(time, 1))
    requester.request(takes(time, 1), takes(time, 1))
    assert requester.request(takes(time, 1, Lost("reset"), Lost("reset")), takes(time, 1)).attempts == 3
    with pytest.raises(Lost):
        requester.request(takes(time, 1, *[Lost("reset")] * 3), takes(time, 1))
    with pytest.raises(Lost):
        requester.request(takes(time, 1, Lost("reset")), takes(time, 1), repeatable=False)


# progress


def ended(passed: bool = True) -> Chat:
    case = chat("a", "q1", "q2")
    return replay([case], Echo()).results[0].deciding_chat if passed else Chat(case, (), ())


def test_progress_tells_chats_rate_and_remaining_time(time: Time) -> None:
    lines: list[str] = []
    reporter = ProgressReporter(lines.append, every=10, now=time)
    for completed in range(1, 31):
        time.passes(1)
        reporter(completed, 120, ended())
    assert lines == [
        "10 of 120 chats, 2.0 turns/s, about 1:50 left",
        "20 of 120 chats, 2.0 turns/s, about 1:40 left",
        "30 of 120 chats, 2.0 turns/s, about 1:30 left",
    ]


def test_the_last_chat_is_always_told_and_failures_are_counted(time: Time) -> None:
    lines: list[str] = []
    reporter = ProgressReporter(lines.append, every=10, now=time)
    time.passes(10)
    reporter(1, 2, ended(passed=False))
    reporter(2, 2, ended())
    assert lines == ["1 of 2 chats, 1 failed, 0.0 turns/s, about 0:10 left", "2 of 2 chats, 1 failed, 0.2 turns/s"]


def test_a_replay_that_is_over_at_once_says_nothing(time: Time) -> None:
    lines: list[str] = []
    reporter = ProgressReporter(lines.append, every=10, now=time)
    reporter(1, 2, ended())
    reporter(2, 2, ended())
    assert not lines


def test_chats_from_before_an_interruption_make_nothing_look_quicker(time: Time) -> None:
    lines: list[str] = []
    reporter = ProgressReporter(lines.append, every=1, now=time)
    time.passes(10)
    reporter(91, 100, ended())
    assert lines == ["91 of 100 chats, 0.2 turns/s, about 1:30 left"]


def test_times_are_told_as_a_clock_does() -> None:
    assert [format_seconds(seconds) for seconds in (0.4, 59.6, 75, 3661)] == ["0:00", "1:00", "1:15", "1:01:01"]

"""Turns in DynamoDB: one item each, newest first by one Query, never lost in silence."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from fake_rag import TABLE, FakeTable, refusal, table_of

from sluice.rag.history import MAX_ITEM, History, HistoryNotWritten, HistoryUnavailable


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 5, 1, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def passes(self, **by: float) -> None:
        self.time += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["fake", "moto"])
def dynamodb(request: pytest.FixtureRequest) -> Iterator[Any]:
    with table_of(request.param) as client:
        yield client


def say(history: History, answer: str, user: str = "mina", **more: Any) -> Any:
    return history.add(user, f"{answer[:20]}?", answer, version=3, endpoint="chat-v3", **more)


def test_the_last_turns_come_newest_first(dynamodb: Any, clock: Clock) -> None:
    history = History(dynamodb, TABLE, 90, clock)
    for number in range(5):
        say(history, f"답 {number}")
        clock.passes(seconds=1)
    say(history, "somebody else's", user="jun")
    assert [turn.answer for turn in history.recent("mina")] == ["답 4", "답 3", "답 2"]
    assert history.recent("nobody") == []


def test_a_turn_comes_back_as_it_was_written(dynamodb: Any, clock: Clock) -> None:
    history = History(dynamodb, TABLE, 90, clock)
    written = say(history, "", sources=[{"id": "d#1", "title": "제목 😀"}], interrupted=True)
    assert history.recent("mina") == [written]
    assert written.at == "2026-05-01T09:00:00.000000Z"
    assert written.interrupted


def test_pages_go_back_to_the_first_turn(dynamodb: Any, clock: Clock) -> None:
    history = History(dynamodb, TABLE, 90, clock)
    for number in range(7):
        say(history, str(number))
    seen: list[str] = []
    before: str | None = ""
    while before is not None:
        turns, before = history.page("mina", 3, before)
        seen += [turn.answer for turn in turns]
    assert seen == list("6543210")


def test_turns_of_one_instant_and_of_a_clock_set_back_keep_their_order(dynamodb: Any, clock: Clock) -> None:
    history = History(dynamodb, TABLE, 90, clock)
    for answer in "abc":
        say(history, answer)
    clock.passes(seconds=-30)
    say(history, "d")
    assert [turn.answer for turn in history.recent("mina", 4)] == list("dcba")


def test_a_turn_expires_after_its_days_even_if_it_is_not_deleted_yet(dynamodb: Any, clock: Clock) -> None:
    history = History(dynamodb, TABLE, 90, clock)
    say(history, "old")
    clock.passes(days=89)
    assert [turn.answer for turn in history.recent("mina")] == ["old"]
    clock.passes(days=2)
    assert history.recent("mina") == []


def test_an_answer_too_large_for_an_item_is_shortened_and_says_so(dynamodb: Any, clock: Clock) -> None:
    history = History(dynamodb, TABLE, 90, clock)
    turn = say(history, "긴 답 " * 100_000)
    assert turn.shortened
    assert 0.97 * MAX_ITEM < turn.size() <= MAX_ITEM
    assert history.recent("mina")[0].answer.startswith("긴 답 긴 답")
    assert not say(history, "short").shortened


def test_the_query_is_consistent_and_reads_no_more_than_it_needs() -> None:
    table = FakeTable()
    History(table, TABLE, 90).recent("mina")
    (request,) = table.requests
    assert (request["ConsistentRead"], request["ScanIndexForward"], request["Limit"]) == (True, False, 3)


def test_a_write_repeated_by_the_client_after_a_lost_answer_is_no_error(clock: Clock) -> None:
    class LosesTheAnswer(FakeTable):
        def put_item(self, **request: Any) -> dict[str, Any]:
            super().put_item(**request)
            return super().put_item(**request)

    table = LosesTheAnswer()
    say(History(table, TABLE, 90, clock), "once")
    assert table.answers_of("mina") == ["once"]


def test_a_turn_never_overwrites_another(clock: Clock) -> None:
    class Taken(FakeTable):
        def put_item(self, **request: Any) -> dict[str, Any]:
            raise refusal("ConditionalCheckFailedException", "exists", Item={"answer": {"S": "another"}})

    with pytest.raises(HistoryNotWritten):
        say(History(Taken(), TABLE, 90, clock), "mine")


@pytest.mark.parametrize(
    ("code", "hint", "again"),
    [
        ("ResourceNotFoundException", "sluice bootstrap", False),
        ("AccessDeniedException", "dynamodb:Query", False),
        ("ProvisionedThroughputExceededException", "moment", True),
        ("ThrottlingException", "moment", True),
    ],
)
def test_a_table_that_cannot_be_used_says_what_to_do(code: str, hint: str, again: bool) -> None:
    table = FakeTable()
    table.fails("Query", code)
    table.fails("PutItem", code)
    history = History(table, TABLE, 90)
    with pytest.raises(HistoryUnavailable, match=TABLE) as reading:
        history.recent("mina")
    with pytest.raises(HistoryNotWritten, match=code) as writing:
        say(history, "x")
    for raised in (reading, writing):
        assert hint in raised.value.hint
        assert bool(raised.value.retry_after) == again


def test_a_table_out_of_reach_is_worth_another_try() -> None:
    table = FakeTable()
    table.failures["Query"] = EndpointConnectionError(endpoint_url="https://dynamodb")
    with pytest.raises(HistoryUnavailable) as raised:
        History(table, TABLE, 90).check()
    assert raised.value.retry_after


def test_the_size_of_a_turn_is_what_dynamodb_counts_or_a_little_more(clock: Clock) -> None:
    turn = say(History(FakeTable(), TABLE, 90, clock), "x" * 1200)
    assert 1350 < turn.size() < 1550
    assert replace(turn, answer=turn.answer + "가").size() == turn.size() + 3

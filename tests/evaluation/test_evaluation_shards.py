"""Cases shared out over instances: together they are all, and the verdict is that of one instance."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_sagemaker import FakeClock
from replayed import Echo, chat

from sluice.evaluation.evaluate import StartTime, build_report, evaluate
from sluice.evaluation.gate import Gate
from sluice.evaluation.replay import shards
from sluice.evaluation.replay.engine import ReplayResult, replay
from sluice.evaluation.replay.journal import Journal
from sluice.evaluation.replay.plan import Plan
from sluice.evaluation.replay.shards import Incomplete, Instance, InstanceState, Shard
from sluice.evaluation.replay.target import TimedReply

PLAN = Plan(concurrency=2, max_tokens=9, seed=4)
SUBJECT = {"model_package": "chat/3", "execution": "e1"}
CASES = [
    chat(f"c{n}", f"question {n}", "again", says="nothing" if n % 7 == 0 else "echo", repeats=1 + n % 3, tags=("even",))
    for n in range(60)
]


def rag(user: str, message: str, max_tokens: int) -> TimedReply:
    return TimedReply(f"echo: {message}", "stop", 1, 1, first_token_ms=1.0, latency_ms=2.0)


def journals(cases: Any, count: int, folder: Path, leave_out: int | None = None) -> list[Journal]:
    written = []
    for index in range(count):
        if index != leave_out:
            journal = Journal(folder / str(index))
            replay(Shard(cases, Instance(index, count)), Echo(), PLAN, rag=rag, subject=SUBJECT, journal=journal)
            written.append(journal)
    return written


def without_times(report: Any) -> dict[str, Any]:
    return replace(report, started="then", seconds=1.0).as_json()


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_report_of_many_instances_is_that_of_one(tmp_path: Path, count: int) -> None:
    one = evaluate(CASES, Echo(), Gate(), PLAN, subject=SUBJECT)
    results = shards.merge(CASES, PLAN, SUBJECT, journals(CASES, count, tmp_path))
    many = build_report(ReplayResult(results), Gate(), PLAN, StartTime.now(), subject=SUBJECT)
    assert without_times(many) == without_times(one)
    assert many.verdict.verdict == "fail"


def test_every_case_is_on_one_instance_and_users_are_not_divided() -> None:
    cases = CASES + [chat(f"u{n}", "q", through="rag", user=f"user {n % 4}") for n in range(40)]
    parts = [Shard(cases, Instance(index, 3)) for index in range(3)]
    assert sorted(case.id for part in parts for case in part) == sorted(case.id for case in cases)
    assert sum(map(len, parts)) == len(cases)
    assert all(len(part) > 15 for part in parts)
    homes: dict[str, set[int]] = {}
    for index, part in enumerate(parts):
        for case in part:
            homes.setdefault(case.user or case.id, set()).add(index)
    assert all(len(each) == 1 for each in homes.values())


def test_chats_through_the_rag_server_are_put_together_as_well(tmp_path: Path) -> None:
    cases = [chat(f"u{n}", "q", through="rag", user=f"u{n % 3}", repeats=1 + n % 2) for n in range(12)]
    results = shards.merge(cases, PLAN, SUBJECT, journals(cases, 4, tmp_path))
    assert list(results) == list(replay(cases, Echo(), PLAN, rag=rag, subject=SUBJECT).results)


def test_without_one_of_the_journals_there_is_no_verdict(tmp_path: Path) -> None:
    parts = journals(CASES, 3, tmp_path, leave_out=1)
    with pytest.raises(Incomplete, match=r"\d+ of 120 chats are in no instance's journal") as caught:
        shards.merge(CASES, PLAN, SUBJECT, parts)
    report = build_report(ReplayResult((), caught.value), Gate(), PLAN, StartTime.now())
    assert report.verdict.verdict == "error"


def test_journals_of_another_execution_do_not_count(tmp_path: Path) -> None:
    parts = journals(CASES, 2, tmp_path)
    with pytest.raises(Incomplete, match="120 of 120"):
        shards.merge(CASES, PLAN, SUBJECT | {"execution": "e2"}, parts)


def test_an_instance_knows_its_place_from_what_sagemaker_writes() -> None:
    config = {"current_host": "algo-2", "hosts": ["algo-2", "algo-1", "algo-3"]}
    assert shards.parse_instance(config) == Instance(1, 3)
    assert not shards.parse_instance(config).first and shards.parse_instance(config | {"current_host": "algo-1"}).first


# waiting for the others


class Others:
    """What the other instances tell, look after look."""

    def __init__(self, *states: list[InstanceState | None]) -> None:
        self.states = dict(enumerate(states, 1))

    def __call__(self, index: int) -> InstanceState | None:
        states = self.states[index]
        return states.pop(0) if len(states) > 1 else states[0]


def waits(others: Others, silence: float = 60) -> FakeClock:
    clock = FakeClock()
    shards.wait_for_instances(others, list(others.states), silence, clock.monotonic, clock.sleep)
    return clock


def test_the_first_waits_until_all_have_ended() -> None:
    others = Others([None, InstanceState(3), InstanceState(9, ended=True)], [InstanceState(9, ended=True)])
    assert len(waits(others).waits) == 2


def test_one_that_ends_at_once_is_not_waited_for() -> None:
    assert not waits(Others([InstanceState(9, ended=True)])).waits


def test_one_that_is_slow_but_gets_on_is_waited_for() -> None:
    assert (
        len(
            waits(
                Others([InstanceState(n // 2) for n in range(100)] + [InstanceState(100, ended=True)]), silence=6
            ).waits
        )
        == 100
    )


def test_one_that_tells_nothing_any_more_is_dead() -> None:
    with pytest.raises(Incomplete, match="Instance 2 has told nothing for 60 s"):
        waits(Others([InstanceState(3)]))
    with pytest.raises(Incomplete, match="Instance 2 has told nothing for 60 s"):
        waits(Others([None], [InstanceState(1, ended=True)]))


def test_one_that_cannot_go_on_ends_the_wait_at_once() -> None:
    with pytest.raises(Incomplete, match="Instance 3 could not go on: the server died"):
        waits(Others([InstanceState(3)], [InstanceState(1), InstanceState(1, down="the server died")]))


def test_a_state_is_read_as_it_was_told() -> None:
    state = InstanceState(7, True, "없음")
    assert InstanceState.from_bytes(state.as_bytes()) == state

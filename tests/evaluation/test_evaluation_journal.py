"""An interrupted replay goes on where it was, and a large one is read from disk."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from replayed import Echo, chat

from sluice.chat_api import Reply
from sluice.errors import UsageError
from sluice.evaluation.cases.case import Case, Turn
from sluice.evaluation.evaluate import evaluate
from sluice.evaluation.gate import Gate
from sluice.evaluation.replay import records
from sluice.evaluation.replay.engine import replay
from sluice.evaluation.replay.failures import TargetDown
from sluice.evaluation.replay.journal import FILE, Journal, read_results
from sluice.evaluation.replay.line_file import LineFile
from sluice.evaluation.replay.plan import Plan
from sluice.evaluation.replay.target import TimedReply
from sluice.evaluation.results import CaseResult, Chat, Results, TurnResult
from sluice.evaluation.scoring import Score

PLAN = Plan(concurrency=1, max_tokens=9)
CASES = [chat("a", "a1", "a2"), chat("b", "b1"), chat("c", "c1", repeats=2)]


class Stops(Echo):
    """Goes down at this question."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self.at = at

    def __call__(self, request: dict[str, Any]) -> Reply:
        if request["messages"][-1]["content"] == self.at:
            raise TargetDown("gone")
        return super().__call__(request)


def interrupted(folder: Path, at: str = "c1", **more: Any) -> None:
    journal = Journal(folder)
    assert replay(CASES, Stops(at), PLAN, journal=journal, **more).down
    journal.release_lock()  # as when the process ends


def resumed(folder: Path, plan: Plan = PLAN, cases: list[Case] = CASES, **more: Any) -> tuple[Echo, Any]:
    echo = Echo()
    return echo, replay(cases, echo, plan, journal=Journal(folder), **more)


def test_what_has_ended_is_not_asked_again_and_the_results_are_those_of_a_run_without_an_interruption(
    tmp_path: Path,
) -> None:
    interrupted(tmp_path)
    echo, replayed = resumed(tmp_path)
    assert dict(echo.asked) == {"c1": 2}
    assert replayed.before == 2
    assert replayed.results == replay(CASES, Echo(), PLAN).results


def test_a_chat_that_was_interrupted_starts_anew(tmp_path: Path) -> None:
    interrupted(tmp_path, at="a2")
    echo, _ = resumed(tmp_path)
    assert echo.asked["a1"] == echo.asked["a2"] == 1


def test_half_a_line_at_the_end_is_dropped(tmp_path: Path) -> None:
    interrupted(tmp_path)
    file = tmp_path / FILE
    file.write_bytes(file.read_bytes()[:-20])
    echo, replayed = resumed(tmp_path)
    assert set(echo.asked) == {"b1", "c1"}
    assert len(replayed.results) == 3
    for line in file.read_bytes().splitlines():
        json.loads(line)


def test_a_line_of_something_else_is_passed_over(tmp_path: Path) -> None:
    interrupted(tmp_path)
    file = tmp_path / FILE
    file.write_bytes(b'[1]\n\xff\xfe\n{"key": 3}\n' + file.read_bytes())
    assert dict(resumed(tmp_path)[0].asked) == {"c1": 2}


@pytest.mark.parametrize(
    ("plan", "subject"),
    [
        (replace(PLAN, max_tokens=10), {"url": "http://one"}),
        (replace(PLAN, seed=1), {"url": "http://one"}),
        (replace(PLAN, temperature=0.7), {"url": "http://one"}),
        (replace(PLAN, cached=True), {"url": "http://one"}),
        (PLAN, {"url": "http://other"}),
    ],
)
def test_a_chat_is_only_taken_up_if_it_was_asked_the_same(tmp_path: Path, plan: Plan, subject: Any) -> None:
    interrupted(tmp_path, subject={"url": "http://one"})
    assert resumed(tmp_path, plan, subject=subject)[1].before == 0


def test_how_quickly_it_was_asked_makes_no_difference(tmp_path: Path) -> None:
    interrupted(tmp_path)
    plan = replace(PLAN, concurrency=4, requests_per_second=1000, retry_seconds=1)
    assert resumed(tmp_path, plan)[1].before == 2


def test_a_case_that_was_changed_is_asked_again(tmp_path: Path) -> None:
    interrupted(tmp_path)
    changed = [replace(CASES[0], system="Be brief."), replace(CASES[1], place="elsewhere"), CASES[2]]
    echo, _ = resumed(tmp_path, cases=changed)
    assert set(echo.asked) == {"a1", "a2", "c1"}


def test_chats_of_one_user_are_taken_up_together_or_not_at_all(tmp_path: Path) -> None:
    questions: list[str] = []
    stop = {"at": "q2"}

    def rag(user: str, message: str, max_tokens: int) -> TimedReply:
        if message == stop["at"]:
            raise TargetDown("gone")
        questions.append(message)
        return TimedReply("echo", "stop", 1, 1)

    mina = [chat(f"m{n}", f"q{n}", through="rag", user="mina") for n in range(3)]
    jun = [chat("j", "other", through="rag", user="jun")]
    journal = Journal(tmp_path)
    assert replay(jun + mina, Echo(), PLAN, rag=rag, journal=journal).down
    assert questions == ["other", "q0", "q1"]
    journal.release_lock()
    questions.clear()
    stop.clear()
    stop["at"] = ""
    replay(jun + mina, Echo(), PLAN, rag=rag, journal=Journal(tmp_path))
    assert questions == ["q0", "q1", "q2"]


def test_two_replays_do_not_write_into_one_folder(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    with pytest.raises(UsageError, match="another replay is writing there"):
        Journal(tmp_path)
    assert len(first) == 0
    first.release_lock()
    Journal(tmp_path)


def test_the_report_says_that_some_chats_are_from_before(tmp_path: Path) -> None:
    interrupted(tmp_path)
    report = evaluate(CASES, Echo(), Gate(), PLAN, journal=Journal(tmp_path))
    assert report.warnings == ("2 chats were taken from the journal of an interrupted replay.",)


def test_a_journal_that_is_forgotten_can_still_be_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    replayed = replay(CASES, Echo(), PLAN, journal=journal)
    journal.delete_file()
    assert not (tmp_path / FILE).exists()
    stored = read_results([journal], [(key,) for key in list(journal._places)])
    assert len(stored) == 4
    assert {result.case.id for result in stored} == {result.case.id for result in replayed.results}
    assert stored[-1] == stored[3] and stored[1:3] == (stored[1], stored[2])


# what is written is what is read


texts = st.text(max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
scores = st.builds(Score, texts, st.booleans(), texts, st.none() | st.floats(allow_nan=False))
turns = st.builds(
    Turn, texts, st.none() | texts, st.lists(texts, max_size=2).map(tuple), st.dictionaries(texts, values, max_size=2)
)
cases = st.builds(
    Case,
    id=texts,
    turns=st.lists(turns, min_size=1, max_size=3).map(tuple),
    expect=st.dictionaries(texts, values, max_size=2),
    tags=st.lists(texts, max_size=2).map(tuple),
    tools=st.lists(st.dictionaries(texts, values, max_size=2), max_size=2).map(tuple),
    weight=st.floats(0.1, 10),
    user=st.none() | texts,
)


def results_of(turn: Turn) -> st.SearchStrategy[TurnResult]:
    return st.builds(
        TurnResult,
        st.just(turn),
        answer=texts,
        scores=st.lists(scores, max_size=2).map(tuple),
        latency_ms=st.floats(0, 1e6),
        first_token_ms=st.none() | st.floats(0, 1e6),
        tool_calls=st.lists(st.fixed_dictionaries({"name": texts, "arguments": values}), max_size=2).map(tuple),
        sources=st.lists(texts, max_size=2).map(tuple),
        passages=st.lists(texts, max_size=2).map(tuple),
        error=st.none() | texts,
        cost=st.none() | st.floats(0, 1),
    )


chats = cases.flatmap(
    lambda case: st.builds(
        Chat,
        st.just(case),
        st.tuples(*(results_of(turn) for turn in case.turns)),
        st.lists(scores, max_size=2).map(tuple),
        st.integers(0, 9),
    )
)


@given(chats)
def test_a_chat_is_read_as_it_was_written(chat: Chat) -> None:
    line = records.chat_line("k", chat)
    assert b"\n" not in line
    assert records.read_key(line) == "k"
    assert records.read_chat(line) == chat
    assert records.read_case(records.case_line(chat.case)) == chat.case


def test_half_a_line_is_cut_off_the_file_itself(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"whole\n" + b"x" * 300_000)
    assert [line for _, line in LineFile(path)] == [b"whole"]
    assert path.read_bytes() == b"whole\n"


@pytest.mark.parametrize("size", [0, 1, 5])
def test_lines_are_read_from_anywhere_whether_they_are_in_memory_or_in_a_file(size: int) -> None:
    lines = LineFile()
    contents = [b"x" * (number * 1000) for number in range(size * 50)]
    places = [lines.add(line) for line in contents]
    assert [lines.read_line(place) for place in places] == contents
    assert list(lines) == list(zip(places, contents, strict=True))


def test_many_results_are_read_one_by_one() -> None:
    many = [chat(f"c{n}", "q") for n in range(2_100)]
    results = replay(many, Echo(), PLAN).results
    assert isinstance(results, Results) and len(results) == 2_100
    assert [result.case.id for result in results] == [case.id for case in many]
    assert isinstance(results[0], CaseResult) and results[0].passed


def test_a_report_of_many_results_is_the_same_as_one_of_few(tmp_path: Path) -> None:
    from sluice.evaluation import report as reports

    many = [chat(f"c{n}", "q", tags=(f"t{n % 2}",)) for n in range(2_100)]
    report = replace(evaluate(many, Echo(), Gate(), PLAN), seconds=1.0)
    in_memory = replace(report, results=tuple(report.results))
    written = json.loads(reports.write_report(report, tmp_path).read_text())
    assert written == json.loads(json.dumps(in_memory.as_json()))
    assert written["tags"]["t1"]["cases"] == 1_050

"""Decides from the results whether the model may pass. Pure: no clock, no disk, no network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from evaluation.gate import Gate
from evaluation.results import CaseResult

SUMMARY = 250  # what a Fail step and a package's metadata can show of it
Word = Literal["pass", "fail", "inconclusive", "error"]


@dataclass(frozen=True)
class Criterion:
    """One thing that the gate wants, and whether it was reached."""

    what: str  # pass rate, critical cases, latency p95, against the champion, ...
    of: str  # all, or a tag
    value: float | None
    wanted: str  # in words: at least 90 %
    verdict: Word
    why: str


@dataclass(frozen=True)
class Verdict:
    verdict: Word
    summary: str
    reasons: tuple[str, ...] = ()
    decided: tuple[Criterion, ...] = ()


def decide(results: Sequence[CaseResult], gate: Gate, down: str | None = None) -> Verdict:
    """The verdict, a line that says why, and a reason for each case that did not pass."""
    if down:
        return Verdict("error", shortened(f"Could not be judged: {down}"), (down,))
    if not results:
        return Verdict("error", "Could not be judged: no case was replayed.", ("No case was replayed.",))
    errors = [result.error for result in results if result.error]
    if len(errors) == len(results):
        # no answer at all says something about the server or its options, and nothing about the model
        return Verdict("error", shortened(f"Could not be judged: no case got an answer. {errors[0]}"), reasons(results))
    passed = sum(result.passed for result in results)
    share = f"{passed} of {len(results)} cases passed ({percent(passed / len(results))})"
    wanted = f"the gate wants {percent(gate.min_pass_rate)}"
    if passed >= gate.min_pass_rate * len(results) - 1e-9:
        return Verdict("pass", f"{share}, {wanted}.", reasons(results))
    failed = ", ".join(result.case.id for result in results if not result.passed)
    return Verdict("fail", shortened(f"{share}, but {wanted}. Failed: {failed}"), reasons(results))


def reasons(results: Sequence[CaseResult]) -> tuple[str, ...]:
    return tuple(reason(result) for result in results if not result.passed)


def reason(result: CaseResult) -> str:
    """Why a case did not pass: the first turn that went wrong."""
    chat = result.shown
    for number, turn in enumerate(chat.turns, 1):
        if not turn.passed:
            why = turn.error or next(score.why for score in turn.scores if not score.passed)
            return f"{result.case.id}, turn {number}: {why}"
    why = next((score.why for score in chat.scores if not score.passed), "it did not end")
    return f"{result.case.id}, the whole chat: {why}"


def percent(share: float) -> str:
    """Rounded down, so that what just missed the gate does not read as if it had reached it."""
    tenths = int(share * 1000 + 1e-6)
    return f"{tenths // 10} %" if tenths % 10 == 0 else f"{tenths / 10:.1f} %"


def shortened(line: str) -> str:
    line = " ".join(line.split())
    return line if len(line) <= SUMMARY else line[: SUMMARY - 4].rstrip() + " ..."

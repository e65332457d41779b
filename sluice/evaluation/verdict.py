"""Decides from the results whether the model may pass. Pure: no clock, no disk, no network."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.evaluation.criteria import EVERY, Criterion, VerdictName, check_gate
from sluice.evaluation.gate import Gate
from sluice.evaluation.results import CaseResult, Chat
from sluice.wording import one_line

__all__ = ["SUMMARY", "Criterion", "Verdict", "Word", "decide", "lets_through", "reasons", "shortened"]

SUMMARY = 250  # what a Fail step and a package's metadata can show of it


@dataclass(frozen=True)
class Verdict:
    verdict: VerdictName
    summary: str
    reasons: tuple[str, ...] = ()
    decided: tuple[Criterion, ...] = ()


def decide(
    results: Sequence[CaseResult],
    gate: Gate,
    down: str | None = None,
    comparison: Mapping[str, Any] | None = None,
) -> Verdict:
    """The verdict, a line that says why, and a reason for each thing and each case that did not pass.

    `comparison` is what `champion.compare` returned. A gate that wants one and gets none is inconclusive; where nothing
    is live yet, decide with `gate.without_champion()`.
    """
    if down:
        return Verdict("error", shortened(f"Could not be judged: {down}"), (down,))
    if not results:
        return Verdict("error", "Could not be judged: no case was replayed.", ("No case was replayed.",))
    errors = [result.error for result in results if result.error]
    if len(errors) == len(results):
        # no answer at all says something about the server or its options, and nothing about the model
        return Verdict("error", shortened(f"Could not be judged: no case got an answer. {errors[0]}"), reasons(results))
    decided = (*check_gate(results, gate), *against_champion(gate, comparison))
    verdict: VerdictName = next(
        word for word in ("fail", "inconclusive", "pass") if word in {each.verdict for each in decided}
    )
    told = tuple(each.why for each in decided if each.verdict != "pass" and not of_all_cases(each))
    return Verdict(verdict, summary(verdict, decided, results), (*told, *reasons(results)), decided)


def lets_through(verdict: str, gate: Gate) -> bool:
    """Whether a model with this verdict may be deployed. What is not known is a no, unless the file says otherwise."""
    return verdict == "pass" or (verdict == "inconclusive" and gate.let_inconclusive_through)


def against_champion(gate: Gate, comparison: Mapping[str, Any] | None) -> tuple[Criterion, ...]:
    if not gate.against_champion:
        return ()
    if comparison is None:
        why = "It was not compared with the champion."
        return (Criterion("against the champion", EVERY, None, "a comparison", "inconclusive", why),)
    return tuple(Criterion(**each) for each in comparison["decided"])


def of_all_cases(criterion: Criterion) -> bool:
    return criterion.what == "pass rate" and criterion.of == EVERY


def summary(verdict: VerdictName, decided: Sequence[Criterion], results: Sequence[CaseResult]) -> str:
    """First what decided, then the pass rate, then which cases."""
    rate = next(each for each in decided if of_all_cases(each))
    if verdict == "pass":
        champion = [each for each in decided if each.what == "against the champion"]
        return shortened(" ".join(each.why for each in (rate, *champion)))
    deciding = [each for each in decided if each.verdict == verdict]
    lines = [each.why for each in sorted(deciding, key=of_all_cases, reverse=True)]
    if rate not in deciding:
        lines.append(rate.why)
    if verdict == "fail":
        which = (("failed", failed(results)), ("flaky", flaky(results)))
        told = "; ".join(f"{word}: {', '.join(each.case.id for each in chosen)}" for word, chosen in which if chosen)
        lines.append(told[:1].upper() + told[1:])
    return shortened(" ".join(lines))


def failed(results: Sequence[CaseResult]) -> list[CaseResult]:
    """Cases of which no chat passed; critical ones first."""
    return by_urgency(result for result in results if not result.passed and not result.flaky)


def flaky(results: Sequence[CaseResult]) -> list[CaseResult]:
    return by_urgency(result for result in results if result.flaky)


def by_urgency(results: Iterable[CaseResult]) -> list[CaseResult]:
    return sorted(results, key=lambda result: not result.case.critical)


def reasons(results: Sequence[CaseResult]) -> tuple[str, ...]:
    """Why each case failed; after them those that passed once and failed once, asked the same."""
    plainly = [told(result) for result in failed(results)]
    unsteadily = [f"{told(result)} (flaky: it passed {times(result)})" for result in flaky(results)]
    return (*plainly, *unsteadily)


def times(result: CaseResult) -> str:
    return f"{sum(chat.passed for chat in result.chats)} of {len(result.chats)} times"


def told(result: CaseResult) -> str:
    name = f"{result.case.id} (critical)" if result.case.critical else result.case.id
    return f"{name}, {reason(result.shown)}"


def reason(chat: Chat) -> str:
    """Why a chat did not pass: the first turn that went wrong."""
    for number, turn in enumerate(chat.turns, 1):
        if not turn.passed:
            why = turn.error or next(score.why for score in turn.scores if not score.passed)
            return f"turn {number}: {why}"
    return f"the whole chat: {next((score.why for score in chat.scores if not score.passed), 'it did not end')}"


def shortened(line: str) -> str:
    return one_line(line, SUMMARY)

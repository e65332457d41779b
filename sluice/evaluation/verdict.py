"""Decides from the results whether the model may pass. Pure: no clock, no disk, no network."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.evaluation.criteria import EVERY, Criterion, VerdictName, check_gate
from sluice.evaluation.gate import Gate
from sluice.evaluation.results import CaseResult, Chat
from sluice.wording import one_line

LONGEST_SUMMARY = 250  # what a Fail step and a package's metadata can show of it


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
        return Verdict("error", shorten(f"Could not be judged: {down}"), (down,))
    if not results:
        return Verdict("error", "Could not be judged: no case was replayed.", ("No case was replayed.",))
    errors = [result.error for result in results if result.error]
    if len(errors) == len(results):
        # no answer at all says something about the server or its options, and nothing about the model
        summary = shorten(f"Could not be judged: no case got an answer. {errors[0]}")
        return Verdict("error", summary, list_reasons(results))
    decided = (*check_gate(results, gate), *champion_criteria(gate, comparison))
    verdict: VerdictName = next(
        word for word in ("fail", "inconclusive", "pass") if word in {each.verdict for each in decided}
    )
    failing = tuple(each.why for each in decided if each.verdict != "pass" and not is_overall_pass_rate(each))
    return Verdict(verdict, summarize(verdict, decided, results), (*failing, *list_reasons(results)), decided)


def lets_through(verdict: str, gate: Gate) -> bool:
    """Whether a model with this verdict may be deployed. What is not known is a no, unless the file says otherwise."""
    return verdict == "pass" or (verdict == "inconclusive" and gate.let_inconclusive_through)


def champion_criteria(gate: Gate, comparison: Mapping[str, Any] | None) -> tuple[Criterion, ...]:
    if not gate.against_champion:
        return ()
    if comparison is None:
        why = "It was not compared with the champion."
        return (Criterion("against the champion", EVERY, None, "a comparison", "inconclusive", why),)
    return tuple(Criterion(**each) for each in comparison["decided"])


def is_overall_pass_rate(criterion: Criterion) -> bool:
    return criterion.what == "pass rate" and criterion.of == EVERY


def summarize(verdict: VerdictName, decided: Sequence[Criterion], results: Sequence[CaseResult]) -> str:
    """Write the summary: first what decided, then the pass rate, then which cases."""
    rate = next(each for each in decided if is_overall_pass_rate(each))
    if verdict == "pass":
        champion = [each for each in decided if each.what == "against the champion"]
        return shorten(" ".join(each.why for each in (rate, *champion)))
    deciding = [each for each in decided if each.verdict == verdict]
    lines = [each.why for each in sorted(deciding, key=is_overall_pass_rate, reverse=True)]
    if rate not in deciding:
        lines.append(rate.why)
    if verdict == "fail":
        which = (("failed", failed_cases(results)), ("flaky", flaky_cases(results)))
        listing = "; ".join(f"{word}: {', '.join(each.case.id for each in group)}" for word, group in which if group)
        lines.append(listing[:1].upper() + listing[1:])
    return shorten(" ".join(lines))


def failed_cases(results: Sequence[CaseResult]) -> list[CaseResult]:
    """Cases of which no chat passed; critical ones first."""
    return sort_by_urgency(result for result in results if not result.passed and not result.flaky)


def flaky_cases(results: Sequence[CaseResult]) -> list[CaseResult]:
    return sort_by_urgency(result for result in results if result.flaky)


def sort_by_urgency(results: Iterable[CaseResult]) -> list[CaseResult]:
    return sorted(results, key=lambda result: not result.case.critical)


def list_reasons(results: Sequence[CaseResult]) -> tuple[str, ...]:
    """Describe why each case failed; after those, each that is flaky."""
    failed = [describe_failure(result) for result in failed_cases(results)]
    flaky = [f"{describe_failure(result)} (flaky: it passed {pass_count(result)})" for result in flaky_cases(results)]
    return (*failed, *flaky)


def pass_count(result: CaseResult) -> str:
    return f"{sum(chat.passed for chat in result.chats)} of {len(result.chats)} times"


def describe_failure(result: CaseResult) -> str:
    name = f"{result.case.id} (critical)" if result.case.critical else result.case.id
    return f"{name}, {describe_chat_failure(result.deciding_chat)}"


def describe_chat_failure(chat: Chat) -> str:
    """Describe why a chat did not pass: the first turn that failed, else what failed of the whole chat."""
    for number, turn in enumerate(chat.turns, 1):
        if not turn.passed:
            why = turn.error or next(score.why for score in turn.scores if not score.passed)
            return f"turn {number}: {why}"
    return f"the whole chat: {next((score.why for score in chat.scores if not score.passed), 'it did not end')}"


def shorten(line: str) -> str:
    return one_line(line, LONGEST_SUMMARY)

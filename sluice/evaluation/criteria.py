"""What a gate wants, thing by thing, held against what was measured: absolute thresholds, overall and by tag."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from sluice.evaluation import metrics
from sluice.evaluation.compare.statistics import answers_needed, at_least
from sluice.evaluation.gate import Gate, Thresholds
from sluice.evaluation.results import CaseResult
from sluice.wording import counted, percent

VerdictName = Literal["pass", "fail", "inconclusive", "error"]
EVERY = "all"  # as what a criterion is of; otherwise a tag


@dataclass(frozen=True)
class Criterion:
    """One thing that the gate wants, and whether it was reached."""

    what: str  # pass rate, critical cases, latency p95, against the champion, ...
    of: str  # all, or a tag
    value: float | None
    wanted: str  # in words: at least 90 %
    verdict: VerdictName
    why: str  # a sentence
    cases_needed: int | None = None  # if inconclusive: how many more would tell, if that can be said


def check_gate(results: Sequence[CaseResult], gate: Gate) -> Iterator[Criterion]:
    """Every absolute threshold of the gate, with what decides first."""
    yield from check_critical_cases(results)
    yield from check_thresholds(results, gate.of_all, EVERY, gate.confidence)
    for tag, wanted in gate.tags.items():
        chosen = [result for result in results if tag in result.case.tags]
        if chosen:
            yield from check_thresholds(chosen, wanted, tag, gate.confidence)
        else:
            yield Criterion("cases", tag, 0, "at least one", "inconclusive", f"No case has the tag {tag!r}.")


def check_critical_cases(results: Sequence[CaseResult]) -> Iterator[Criterion]:
    """A critical case that fails closes the gate, whatever the pass rate."""
    chosen = [result for result in results if result.case.critical]
    if not chosen:
        return
    failed = [result.case.id for result in chosen if not result.passed]
    if failed:
        which = f"The critical case {failed[0]}" if len(failed) == 1 else f"{len(failed)} critical cases"
        names = "" if len(failed) == 1 else f": {', '.join(failed)}"
        yield Criterion("critical cases", EVERY, len(failed), "none fails", "fail", f"{which} failed{names}.")
    else:
        which = "The critical case" if len(chosen) == 1 else f"All {len(chosen)} critical cases"
        yield Criterion("critical cases", EVERY, 0, "none fails", "pass", f"{which} passed.")


def check_thresholds(results: Sequence[CaseResult], wanted: Thresholds, of: str, confidence: float) -> Iterator[Criterion]:
    if wanted.min_pass_rate is not None:
        yield check_pass_rate(results, wanted.min_pass_rate, of)
    answers = metrics.answered(results)
    latencies = [turn.latency_ms for turn in answers]
    first = [turn.first_token_ms for turn in answers if turn.first_token_ms is not None]
    timed = (
        ("latency p50", latencies, 0.50, wanted.max_p50_ms),
        ("latency p95", latencies, 0.95, wanted.max_p95_ms),
        ("latency p99", latencies, 0.99, wanted.max_p99_ms),
        ("first token p95", first, 0.95, wanted.max_first_token_ms),
    )
    for what, values, share, most in timed:
        if most is not None:
            yield check_percentile(what, of, values, share, most, confidence, len(results))
    if (least := wanted.min_tokens_per_second) is not None:
        found = metrics.tokens_per_second(answers)
        yield build_criterion("tokens per second", of, found, f"at least {least:g}", found is not None and found >= least)
    if (dearest := wanted.max_cost_per_answer) is not None:
        cost = metrics.cost_per_answer(answers)
        good = cost is not None and cost <= dearest * (1 + 1e-9)
        yield build_criterion("cost per answer", of, cost, f"at most {dearest:g} USD", good)


def check_pass_rate(results: Sequence[CaseResult], least: float, of: str) -> Criterion:
    """A plain comparison: the cases are what the model must do, and no sample of it."""
    weights = math.fsum(result.case.weight for result in results)
    rate = metrics.pass_rate(results)
    good = rate * weights >= least * weights - 1e-9
    passed = sum(result.passed for result in results)
    share = f"{passed} of {len(results)} cases passed"
    if abs(rate - passed / len(results)) < 1e-9:
        share += f" ({percent(rate)})"
    else:
        share += f", {percent(rate)} by weight and repeats"
    if of != EVERY:
        share = f"Tag {of!r}: {share}"
    wanted = f"the gate wants {percent(least)}"
    why = f"{share}, {wanted}." if good else f"{share}, but {wanted}."
    return Criterion("pass rate", of, rate, f"at least {percent(least)}", "pass" if good else "fail", why)


def check_percentile(
    what: str, of: str, values: Sequence[float], share: float, most: float, confidence: float, cases: int
) -> Criterion:
    """A percentile within its limit passes; above it fails, unless so few slow answers could be chance.

    The same question takes another time each time, so what was timed is a sample: if no more than `1 - share` of all
    answers were above the limit, how likely would as many be among these as there are?
    """
    found = metrics.percentile(sorted(values), share)
    wanted = f"at most {most:g} ms"
    if found is None:
        return build_criterion(what, of, None, wanted, False)
    if found <= most:
        return build_criterion(what, of, found, wanted, True)
    above = sum(value > most for value in values)
    chance = at_least(above, len(values), 1 - share)
    if chance <= 1 - confidence + 1e-9:
        return build_criterion(what, of, found, wanted, False)
    more = answers_needed(above, len(values), 1 - share, confidence)
    needed = None if more is None else math.ceil(more * cases / len(values))
    why = (
        f"{describe_subject(what, of)}: {found:g} ms and {wanted} is wanted, but {above} of {len(values)} answers above that"
        f" can be chance; {describe_cases_needed(needed)}."
    )
    return Criterion(what, of, found, wanted, "inconclusive", why, needed)


def build_criterion(what: str, of: str, found: float | None, wanted: str, good: bool) -> Criterion:
    """A comparison of what was measured with what is wanted; what was not measured was not reached, nor missed."""
    if found is None:
        why = f"{describe_subject(what, of)}: not measured, and {wanted} is wanted."
        return Criterion(what, of, None, wanted, "inconclusive", why)
    unit = next((unit for unit in (" ms", " USD") if wanted.endswith(unit)), "")
    why = f"{describe_subject(what, of)}: {found:g}{unit}, {'' if good else 'but '}{wanted} is wanted."
    return Criterion(what, of, found, wanted, "pass" if good else "fail", why)


def describe_subject(what: str, of: str) -> str:
    what = what[0].upper() + what[1:]
    return what if of == EVERY else f"{what} of tag {of!r}"


def describe_cases_needed(cases: int | None) -> str:
    return "no number of cases would tell" if cases is None else f"about {counted(cases, 'more case')} would tell"

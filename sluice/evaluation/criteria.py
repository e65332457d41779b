"""A gate's absolute thresholds, overall and by tag, compared with what was measured: one criterion for each."""

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
    """One thing that the gate requires, and whether it was reached."""

    what: str  # pass rate, critical cases, latency p95, against the champion, ...
    of: str  # all, or a tag
    value: float | None
    wanted: str  # in words: at least 90 %
    verdict: VerdictName
    why: str  # a sentence
    cases_needed: int | None = None  # if inconclusive: how many more would tell, if that can be said


def check_gate(results: Sequence[CaseResult], gate: Gate) -> Iterator[Criterion]:
    """Yield a criterion for every absolute threshold of the gate; those that can decide alone come first."""
    yield from check_critical_cases(results)
    yield from check_limits(results, gate.of_all, EVERY, gate.confidence)
    for tag, limits in gate.tags.items():
        tagged = [result for result in results if tag in result.case.tags]
        if tagged:
            yield from check_limits(tagged, limits, tag, gate.confidence)
        else:
            yield Criterion("cases", tag, 0, "at least one", "inconclusive", f"No case has the tag {tag!r}.")


def check_critical_cases(results: Sequence[CaseResult]) -> Iterator[Criterion]:
    """Yield a criterion that fails if any critical case failed, whatever the pass rate; nothing if none is critical."""
    critical = [result for result in results if result.case.critical]
    if not critical:
        return
    failed = [result.case.id for result in critical if not result.passed]
    if failed:
        which = f"The critical case {failed[0]}" if len(failed) == 1 else f"{len(failed)} critical cases"
        names = "" if len(failed) == 1 else f": {', '.join(failed)}"
        yield Criterion("critical cases", EVERY, len(failed), "none fails", "fail", f"{which} failed{names}.")
    else:
        which = "The critical case" if len(critical) == 1 else f"All {len(critical)} critical cases"
        yield Criterion("critical cases", EVERY, 0, "none fails", "pass", f"{which} passed.")


def check_limits(results: Sequence[CaseResult], limits: Thresholds, of: str, confidence: float) -> Iterator[Criterion]:
    if limits.min_pass_rate is not None:
        yield check_pass_rate(results, limits.min_pass_rate, of)
    answers = metrics.answered_turns(results)
    latencies = [turn.latency_ms for turn in answers]
    first = [turn.first_token_ms for turn in answers if turn.first_token_ms is not None]
    timed = (
        ("latency p50", latencies, 0.50, limits.max_p50_ms),
        ("latency p95", latencies, 0.95, limits.max_p95_ms),
        ("latency p99", latencies, 0.99, limits.max_p99_ms),
        ("first token p95", first, 0.95, limits.max_first_token_ms),
    )
    for what, values, share, most in timed:
        if most is not None:
            yield check_percentile(what, of, values, share, most, confidence, len(results))
    if (least := limits.min_tokens_per_second) is not None:
        rate = metrics.tokens_per_second(answers)
        yield build_criterion("tokens per second", of, rate, f"at least {least:g}", rate is not None and rate >= least)
    if (dearest := limits.max_cost_per_answer) is not None:
        cost = metrics.cost_per_answer(answers)
        good = cost is not None and cost <= dearest * (1 + 1e-9)
        yield build_criterion("cost per answer", of, cost, f"at most {dearest:g} USD", good)


def check_pass_rate(results: Sequence[CaseResult], least: float, of: str) -> Criterion:
    """Compare the pass rate plainly: the cases are what the model must do, and no sample of it."""
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
    requirement = f"the gate wants {percent(least)}"
    why = f"{share}, {requirement}." if good else f"{share}, but {requirement}."
    return Criterion("pass rate", of, rate, f"at least {percent(least)}", "pass" if good else "fail", why)


def check_percentile(
    what: str, of: str, values: Sequence[float], share: float, most: float, confidence: float, cases: int
) -> Criterion:
    """Compare a percentile with its limit: above it fails, unless so few slow answers could be chance.

    The same question takes another time each time, so what was timed is a sample: if no more than `1 - share` of all
    answers were above the limit, how likely would as many be among these as there are?
    """
    measured = metrics.percentile(sorted(values), share)
    limit = f"at most {most:g} ms"
    if measured is None:
        return build_criterion(what, of, None, limit, False)
    if measured <= most:
        return build_criterion(what, of, measured, limit, True)
    above = sum(value > most for value in values)
    chance = at_least(above, len(values), 1 - share)
    if chance <= 1 - confidence + 1e-9:
        return build_criterion(what, of, measured, limit, False)
    more = answers_needed(above, len(values), 1 - share, confidence)
    needed = None if more is None else math.ceil(more * cases / len(values))
    why = (
        f"{describe_subject(what, of)}: {measured:g} ms and {limit} is wanted, but {above} of {len(values)} answers"
        f" above that can be chance; {describe_cases_needed(needed)}."
    )
    return Criterion(what, of, measured, limit, "inconclusive", why, needed)


def build_criterion(what: str, of: str, value: float | None, requirement: str, good: bool) -> Criterion:
    """Describe one comparison; what was not measured (`value` is None) was neither reached nor missed."""
    if value is None:
        why = f"{describe_subject(what, of)}: not measured, and {requirement} is wanted."
        return Criterion(what, of, None, requirement, "inconclusive", why)
    unit = next((unit for unit in (" ms", " USD") if requirement.endswith(unit)), "")
    why = f"{describe_subject(what, of)}: {value:g}{unit}, {'' if good else 'but '}{requirement} is wanted."
    return Criterion(what, of, value, requirement, "pass" if good else "fail", why)


def describe_subject(what: str, of: str) -> str:
    what = what[0].upper() + what[1:]
    return what if of == EVERY else f"{what} of tag {of!r}"


def describe_cases_needed(cases: int | None) -> str:
    return "no number of cases would tell" if cases is None else f"about {counted(cases, 'more case')} would tell"

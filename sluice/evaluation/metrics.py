"""The figures that a report shows and a gate decides on: computed here, once, so that the two cannot differ."""

import math
from collections.abc import Iterable, Iterator, Sequence

from sluice.evaluation.results import CaseResult, TurnResult


def turns(results: Iterable[CaseResult]) -> Iterator[TurnResult]:
    return (turn for result in results for chat in result.chats for turn in chat.turns)


def answered_turns(results: Iterable[CaseResult]) -> list[TurnResult]:
    """The turns that the model server answered; one that it refused has no latency worth knowing."""
    return [turn for turn in turns(results) if turn.error is None]


def pass_rate(results: Sequence[CaseResult]) -> float:
    """The share of what passed, by the weights of the cases; a repeated case counts with the share of its chats."""
    weights = math.fsum(result.case.weight for result in results)
    return math.fsum(result.case.weight * result.rate for result in results) / weights if weights else 0.0


def percentiles(values: Sequence[float]) -> dict[str, float | None]:
    ordered = sorted(values)
    return {
        "p50": percentile(ordered, 0.50),
        "p95": percentile(ordered, 0.95),
        "p99": percentile(ordered, 0.99),
        "max": percentile(ordered, 1.0),
    }


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The percentile by the nearest rank: a value that was really measured. None if there are no values."""
    if not ordered:
        return None
    return round(ordered[math.ceil(len(ordered) * share) - 1], 1)


def tokens_per_second(answers: Sequence[TurnResult]) -> float | None:
    """Tokens per second of one answer at a time, waiting for the first included. None if no tokens were counted."""
    seconds = math.fsum(turn.latency_ms for turn in answers) / 1000
    written = sum(turn.completion_tokens for turn in answers)
    return round(written / seconds, 1) if seconds and written else None


def cost_per_answer(answers: Sequence[TurnResult]) -> float | None:
    """The mean cost of an answer in USD. None if there are no prices."""
    costs = [turn.cost for turn in answers if turn.cost is not None]
    return math.fsum(costs) / len(costs) if costs else None

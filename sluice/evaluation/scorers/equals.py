"""The answer is a text, and nothing else."""

from collections.abc import Iterator
from typing import Any

from sluice.evaluation.scorers import contains
from sluice.evaluation.scorers.text import folded, quoted
from sluice.evaluation.scoring import Sample, Score, ScorerSpec, ScoringServices


def find_problems(argument: Any) -> Iterator[str]:
    if isinstance(argument, list):
        yield "must be one text."
    else:
        yield from contains.find_problems(argument)


def score(sample: Sample, argument: Any, services: ScoringServices) -> Score:
    if folded(sample.answer) == folded(argument):
        return Score("equals", True, f"is {argument!r}")
    return Score("equals", False, f"expected exactly {argument!r}, the answer says {quoted(sample.answer)}")


SCORERS = {
    "equals": ScorerSpec(
        "equals",
        "The answer is this text, and nothing else. Case, width and blanks make no difference.",
        contains.TEXT,
        find_problems,
        contains.describe("equals"),
        score,
        ("네.",),
    )
}

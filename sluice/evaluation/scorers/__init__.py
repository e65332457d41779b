"""What an answer can be held against: one `ScorerSpec` per expectation, found by the name that cases write."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from sluice.evaluation.scoring import Sample, Score, ScorerSpec, ScoringServices

# name -> module with a KINDS of that name; imported when a case first uses it, as some bring libraries along
HOMES: Mapping[str, str] = {
    **dict.fromkeys(("contains", "contains_any", "contains_all", "not_contains", "equals"), "contains"),
    "matches": "matches",
    "number": "number",
    "json": "json_schema",
    "tool_calls": "json_schema",
    "similar": "similar",
    "language": "language",
    "refuses": "refuses",
    "cites": "citations",
    "grounded": "citations",
    **dict.fromkeys(("max_tokens", "latency", "finish_reason"), "limits"),
    "judge": "judge",
    "python": "python",
}
NAMES = tuple(HOMES)


@cache
def kind(name: str) -> ScorerSpec:
    """Raises KeyError for a name that is not in NAMES."""
    found: ScorerSpec = import_module(f"sluice.evaluation.scorers.{HOMES[name]}").KINDS[name]
    return found


def score(said: Sample, expect: Mapping[str, Any], help: ScoringServices) -> tuple[Score, ...]:
    """One score per expectation, in the order in which the case names them."""
    return tuple(kind(name).score(said, argument, help) for name, argument in expect.items())

"""What an answer can be scored by: one `ScorerSpec` per expectation, looked up by the name that cases write."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from sluice.evaluation.scoring import Sample, Score, ScorerSpec, ScoringServices

# The file is called what the YAML calls the scorer, but for the families of `contains` and of the measured limits.
# It is imported when a case first uses it, as some bring libraries along.
MODULES: Mapping[str, str] = {
    **dict.fromkeys(("contains", "contains_any", "contains_all", "not_contains"), "contains"),
    **{name: name for name in ("equals", "matches", "number", "json", "tool_calls", "similar", "language", "refuses")},
    **{name: name for name in ("cites", "grounded")},
    **dict.fromkeys(("max_tokens", "latency", "finish_reason"), "limits"),
    **{name: name for name in ("judge", "python")},
}
NAMES = tuple(MODULES)


@cache
def get_scorer(name: str) -> ScorerSpec:
    """The scorer of this name; its module is imported. Raises KeyError for a name that is not in NAMES."""
    scorer: ScorerSpec = import_module(f"sluice.evaluation.scorers.{MODULES[name]}").SCORERS[name]
    return scorer


def score(sample: Sample, expect: Mapping[str, Any], services: ScoringServices) -> tuple[Score, ...]:
    """One score per expectation, in the order in which the case names them."""
    return tuple(get_scorer(name).score(sample, argument, services) for name, argument in expect.items())

"""Functions that the model calls."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sluice.evaluation.scoring import Sample, Score, ScorerSpec, ScoringServices

EXCERPT = 200  # characters of a call's arguments


def find_problems(argument: Any) -> Iterator[str]:
    if not isinstance(argument, list):
        yield f"must be a list of calls, each with a name and perhaps arguments, but is {argument!r}."
        return
    for call in argument:
        if not isinstance(call, Mapping) or not isinstance(call.get("name"), str):
            yield f"{call!r} has no name."
        elif set(call) - {"name", "arguments"}:
            yield f"{call['name']}: takes name and arguments only."
        elif not isinstance(call.get("arguments", {}), Mapping):
            yield f"{call['name']}: arguments must be a mapping."


def score(sample: Sample, argument: Any, services: ScoringServices) -> Score:
    """Passes if every expected call was made, in any order, with the arguments that the case names."""
    if not argument:
        calls = [call["name"] for call in sample.tool_calls]
        return Score("tool_calls", not calls, f"called {', '.join(calls)}" if calls else "called nothing")
    unmatched = list(sample.tool_calls)
    for expected in argument:
        match = next((call for call in unmatched if agrees(call, expected)), None)
        if match is None:
            why = f"looked for the call {as_text(expected)}, the model called {listed(sample)}"
            return Score("tool_calls", False, why)
        unmatched.remove(match)
    return Score("tool_calls", True, f"called {listed(sample)}")


def agrees(call: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    arguments = call.get("arguments")
    arguments = arguments if isinstance(arguments, Mapping) else {}
    named = expected.get("arguments", {}).items()
    return call.get("name") == expected["name"] and all(arguments.get(key) == value for key, value in named)


def listed(sample: Sample) -> str:
    return " and ".join(as_text(call) for call in sample.tool_calls) or "nothing"


def as_text(call: Mapping[str, Any]) -> str:
    arguments = json.dumps(call.get("arguments", {}), ensure_ascii=False)
    return f"{call.get('name')}({arguments if len(arguments) <= EXCERPT else arguments[:EXCERPT] + ' ...'})"


SCORERS = {
    "tool_calls": ScorerSpec(
        "tool_calls",
        "The model calls these functions, with at least these arguments; an empty list: it calls none.",
        {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "arguments": {"type": "object"}},
                "required": ["name"],
                "additionalProperties": False,
            },
        },
        find_problems,
        lambda argument: "calls " + (" and ".join(as_text(call) for call in argument) or "nothing"),
        score,
        ([{"name": "leave_days", "arguments": {"employee": "mina"}}],),
    ),
}

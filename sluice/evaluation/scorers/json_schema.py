"""Answers with a structure: JSON that fits a schema, and functions that the model calls."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from sluice.evaluation.scorers.text import quoted
from sluice.evaluation.scoring import Sample, Score, ScorerSpec, ScoringServices

FENCE = re.compile(r"```[a-zA-Z]*\s*\n(.*?)```", re.DOTALL)
SHOWN = 200


def problems_of_json(argument: Any) -> Iterator[str]:
    if argument is True:
        return
    if not isinstance(argument, Mapping):
        yield f"must be a JSON schema, or true for any JSON, but is {argument!r}."
        return
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(argument)
    except SchemaError as error:
        yield f"is no JSON schema: {error.message[:SHOWN]}."


def fits(said: Sample, argument: Any, help: ScoringServices) -> Score:
    try:
        value = json.loads(unfenced(said.answer))
    except (ValueError, RecursionError) as error:
        return Score("json", False, f"expected JSON ({error}), the answer says {quoted(said.answer)}")
    if argument is True:
        return Score("json", True, "is JSON")
    from jsonschema import Draft202012Validator

    wrong = next(Draft202012Validator(argument).iter_errors(value), None)
    if wrong is None:
        return Score("json", True, "fits the schema")
    return Score("json", False, f"at {wrong.json_path}: {wrong.message[:SHOWN]}")


def unfenced(answer: str) -> str:
    """The answer, or the one code block in it: chat models like to wrap JSON."""
    blocks = FENCE.findall(answer)
    return blocks[0] if len(blocks) == 1 else answer


def problems_of_calls(argument: Any) -> Iterator[str]:
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


def called(said: Sample, argument: Any, help: ScoringServices) -> Score:
    """Every call that is wanted was made, in any order; of its arguments those that the case names."""
    if not argument:
        made = [call["name"] for call in said.tool_calls]
        return Score("tool_calls", not made, f"called {', '.join(made)}" if made else "called nothing")
    left = list(said.tool_calls)
    for wanted in argument:
        found = next((call for call in left if agrees(call, wanted)), None)
        if found is None:
            return Score("tool_calls", False, f"looked for the call {shown(wanted)}, the model called {listed(said)}")
        left.remove(found)
    return Score("tool_calls", True, f"called {listed(said)}")


def agrees(call: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    given = call.get("arguments")
    arguments = given if isinstance(given, Mapping) else {}
    named = wanted.get("arguments", {}).items()
    return call.get("name") == wanted["name"] and all(arguments.get(key) == value for key, value in named)


def listed(said: Sample) -> str:
    return " and ".join(shown(call) for call in said.tool_calls) or "nothing"


def shown(call: Mapping[str, Any]) -> str:
    arguments = json.dumps(call.get("arguments", {}), ensure_ascii=False)
    return f"{call.get('name')}({arguments if len(arguments) <= SHOWN else arguments[:SHOWN] + ' ...'})"


KINDS = {
    "json": ScorerSpec(
        "json",
        "The answer is JSON, alone or as its one code block, that fits this schema; true: any JSON.",
        {"oneOf": [{"const": True}, {"type": "object"}]},
        problems_of_json,
        lambda argument: "JSON" if argument is True else "JSON that fits the schema",
        fits,
        (True, {"type": "object", "required": ["days"]}),
    ),
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
        problems_of_calls,
        lambda argument: "calls " + (" and ".join(shown(call) for call in argument) or "nothing"),
        called,
        ([{"name": "leave_days", "arguments": {"employee": "mina"}}],),
    ),
}

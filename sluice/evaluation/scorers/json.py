"""The answer is JSON, alone or as its one code block, that fits a schema."""

import json  # Python's: imports are absolute
import re
from collections.abc import Iterator, Mapping
from typing import Any

from sluice.evaluation.scorers.text import quoted
from sluice.evaluation.scoring import Sample, Score, ScorerSpec, ScoringServices

FENCE = re.compile(r"```[a-zA-Z]*\s*\n(.*?)```", re.DOTALL)
EXCERPT = 200  # characters of the validator's message


def find_problems(argument: Any) -> Iterator[str]:
    if argument is True:
        return
    if not isinstance(argument, Mapping):
        yield f"must be a JSON schema, or true for any JSON, but is {argument!r}."
        return
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(argument)
    except SchemaError as error:
        yield f"is no JSON schema: {error.message[:EXCERPT]}."


def score(sample: Sample, argument: Any, services: ScoringServices) -> Score:
    try:
        value = json.loads(unfenced(sample.answer))
    except (ValueError, RecursionError) as error:
        return Score("json", False, f"expected JSON ({error}), the answer says {quoted(sample.answer)}")
    if argument is True:
        return Score("json", True, "is JSON")
    from jsonschema import Draft202012Validator

    violation = next(Draft202012Validator(argument).iter_errors(value), None)
    if violation is None:
        return Score("json", True, "fits the schema")
    return Score("json", False, f"at {violation.json_path}: {violation.message[:EXCERPT]}")


def unfenced(answer: str) -> str:
    """The answer, or the one code block in it: chat models like to wrap JSON."""
    blocks = FENCE.findall(answer)
    return blocks[0] if len(blocks) == 1 else answer


SCORERS = {
    "json": ScorerSpec(
        "json",
        "The answer is JSON, alone or as its one code block, that fits this schema; true: any JSON.",
        {"oneOf": [{"const": True}, {"type": "object"}]},
        find_problems,
        lambda argument: "JSON" if argument is True else "JSON that fits the schema",
        score,
        (True, {"type": "object", "required": ["days"]}),
    )
}

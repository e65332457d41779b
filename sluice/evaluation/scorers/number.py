"""A number that the answer must give: 15,000 is 15000, and so are 1만 5천 and 만 오천 원 (`numerals`)."""

from collections.abc import Iterator, Mapping
from typing import Any

from sluice.evaluation.scorers.numerals import read_numbers
from sluice.evaluation.scorers.text import number, quoted
from sluice.evaluation.scoring import Sample, Score, ScorerSpec, ScoringServices
from sluice.wording import suggestion

KEYS = ("value", "tolerance", "share", "which")
WHICH = ("any", "first", "last", "only")


def find_problems(argument: Any) -> Iterator[str]:
    if is_number(argument):
        return
    if not isinstance(argument, Mapping):
        yield f"must be a number, or value with tolerance or share, but is {argument!r}."
        return
    for key, value in argument.items():
        if key not in KEYS:
            yield f"has no {key}. {suggestion(str(key), KEYS)}"
        elif key == "which":
            if value not in WHICH:
                yield f"which: must be {', '.join(WHICH)}, not {value!r}."
        elif not is_number(value) or (key != "value" and value < 0):
            yield f"{key}: must be a number{'' if key == 'value' else ' from 0'}, not {value!r}."
    if "value" not in argument:
        yield "value: is missing."


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value and abs(value) < 1e300


def span(argument: Any) -> tuple[float, float]:
    """The least and the most that is right."""
    if not isinstance(argument, Mapping):
        return argument, argument
    value = argument["value"]
    off = max(argument.get("tolerance", 0), abs(value) * argument.get("share", 0))
    return value - off, value + off


def score(sample: Sample, argument: Any, services: ScoringServices) -> Score:
    least, most = span(argument)
    every = read_numbers(sample.answer)
    which = argument.get("which", "any") if isinstance(argument, Mapping) else "any"
    looked_at = {"first": every[:1], "last": every[-1:]}.get(which, every)
    right = [value for value in looked_at if least <= value <= most]
    passed = bool(right) and (which != "only" or len(right) == len(every))
    if passed:
        return Score("number", True, f"found {number(right[0])}", right[0])
    has = " and ".join(number(value) for value in every[:5]) + (" ..." if len(every) > 5 else "")
    why = f"the answer has {has}" if every else f"there is no number in {quoted(sample.answer)}"
    return Score("number", False, f"looked for {describe(argument)}, {why}", every[0] if every else None)


def describe(argument: Any) -> str:
    least, most = span(argument)
    words = "the number " + (number(least) if least == most else f"from {number(least)} to {number(most)}")
    which = argument.get("which", "any") if isinstance(argument, Mapping) else "any"
    return words if which == "any" else f"{words}, as the {which} one"


SCORERS = {
    "number": ScorerSpec(
        "number",
        "The answer gives this number, as 15,000 or 1만 5천 or 만 오천 원: exactly, or within a tolerance or a share.",
        {
            "oneOf": [
                {"type": "number"},
                {
                    "type": "object",
                    "properties": {
                        "value": {"type": "number"},
                        "tolerance": {"type": "number", "minimum": 0},
                        "share": {"type": "number", "minimum": 0},
                        "which": {"enum": list(WHICH)},
                    },
                    "required": ["value"],
                    "additionalProperties": False,
                },
            ]
        },
        find_problems,
        describe,
        score,
        (20, {"value": 15000, "tolerance": 500}, {"value": 3.14, "share": 0.01, "which": "first"}),
    )
}

"""An answer that is close to a text: by its letters, or by what it means."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sluice.evaluation.scorers.text import folded, quoted
from sluice.evaluation.scoring import Sample, Score, ScorerSpec, ScoringServices
from sluice.wording import suggestion

LEAST = 0.8
KEYS = ("to", "least", "by")
BY = ("letters", "embedding")


def find_problems(argument: Any) -> Iterator[str]:
    if isinstance(argument, str):
        if not argument.strip():
            yield "is empty."
        return
    if not isinstance(argument, Mapping):
        yield f"must be a text, or `to` with `least` and `by`, but is {argument!r}."
        return
    for key, value in argument.items():
        if key not in KEYS:
            yield f"has no {key}. {suggestion(str(key), KEYS)}"
        elif key == "to" and (not isinstance(value, str) or not value.strip()):
            yield f"to: must be a text, not {value!r}."
        elif key == "least" and (isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1):
            yield f"least: must be a number above 0 and up to 1, not {value!r}."
        elif key == "by" and value not in BY:
            yield f"by: must be {' or '.join(BY)}, not {value!r}."
    if "to" not in argument:
        yield "to: is missing."


def read_options(argument: Any) -> tuple[str, float, str]:
    if isinstance(argument, str):
        return argument, LEAST, "letters"
    return argument["to"], argument.get("least", LEAST), argument.get("by", "letters")


def score(sample: Sample, argument: Any, services: ScoringServices) -> Score:
    text, least, by = read_options(argument)
    if by == "embedding":
        if services.embed is None:
            return Score("similar", False, "no embedding model was named: evaluation.embeddings")
        value = cosine(*services.embed([sample.answer, text]))
    else:
        value = shared_pairs(folded(sample.answer), folded(text))
    why = f"{value:.0%} like {text!r} by {by}"
    if value < least:
        why += f", wanted {least:.0%}: {quoted(sample.answer)}"
    return Score("similar", value >= least, why, round(value, 4))


def shared_pairs(one: str, other: str) -> float:
    """Dice's coefficient over pairs of neighbouring letters: 1 for the same text, 0 for none in common."""
    if one == other:
        return 1.0
    pairs, others = pairs_of(one), pairs_of(other)
    total = pairs.total() + others.total()
    return 2 * (pairs & others).total() / total if total else 0.0


def pairs_of(text: str) -> Counter[str]:
    return Counter(text[index : index + 2] for index in range(len(text) - 1))


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    lengths = math.hypot(*one) * math.hypot(*other)
    return sum(a * b for a, b in zip(one, other, strict=True)) / lengths if lengths else 0.0


def describe(argument: Any) -> str:
    text, least, by = read_options(argument)
    return f"at least {least:.0%} like {text!r} by {by}"


SCORERS = {
    "similar": ScorerSpec(
        "similar",
        "The answer is close to this text: by shared letters, or by an embedding model.",
        {
            "oneOf": [
                {"type": "string", "minLength": 1},
                {
                    "type": "object",
                    "properties": {
                        "to": {"type": "string", "minLength": 1},
                        "least": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                        "by": {"enum": list(BY)},
                    },
                    "required": ["to"],
                    "additionalProperties": False,
                },
            ]
        },
        find_problems,
        describe,
        score,
        ("점심 식대는 하루 15,000원입니다.", {"to": "20 days a year", "least": 0.6, "by": "embedding"}),
        lambda argument: "embed" if read_options(argument)[2] == "embedding" else None,
    )
}

"""Texts that an answer must hold, or must not: contains, contains_any, contains_all, not_contains."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sluice.evaluation.scorers import particles
from sluice.evaluation.scorers.text import folded, listed, quoted
from sluice.evaluation.scoring import Sample, Score, ScorerSpec, ScoringServices
from sluice.wording import suggestion

TEXT = {"type": "string", "minLength": 1}
TEXTS: dict[str, list[Any]] = {"oneOf": [TEXT, {"type": "array", "items": TEXT, "minItems": 1}]}
PARTS = ("all", "any", "none")
CONTAINS = {
    "oneOf": [
        *TEXTS["oneOf"],
        {
            "type": "object",
            "properties": {**dict.fromkeys(PARTS, TEXTS), "particles": {"const": "ignored"}},
            "additionalProperties": False,
            "anyOf": [{"required": [part]} for part in PARTS],
        },
    ]
}
Holds = Callable[[str, str], bool]  # answer, text


def as_texts(argument: Any) -> tuple[str, ...]:
    return tuple(argument) if isinstance(argument, list | tuple) else (argument,)


def find_problems(argument: Any) -> Iterator[str]:
    if isinstance(argument, list) and not argument:
        yield "is empty."
    for text in as_texts(argument):
        if not isinstance(text, str):
            yield f"must be text or a list of texts, but holds {text!r}. Put it in quotes."
        elif not text.strip():
            yield "is empty."


def find_problems_of_contains(argument: Any) -> Iterator[str]:
    if not isinstance(argument, Mapping):
        yield from find_problems(argument)
        return
    for key, value in argument.items():
        if key in PARTS:
            yield from (f"{key}: {problem}" for problem in find_problems(value))
        elif key != "particles":
            yield f"has no {key}. {suggestion(str(key), (*PARTS, 'particles'))}"
        elif value != "ignored":
            yield f"particles: must be `ignored`, not {value!r}."
    if not any(part in argument for part in PARTS):
        yield "needs all, any or none."


def holds_plainly(answer: str, text: str) -> bool:
    return folded(text) in folded(answer)


def holds_without_particles(answer: str, text: str) -> bool:
    return holds_plainly(answer, text) or bool(particles.pattern(folded(text)).search(folded(answer)))


def contains(sample: Sample, argument: Any, services: ScoringServices) -> Score:
    if not isinstance(argument, Mapping):
        return holds_all("contains", sample.answer, as_texts(argument), holds_plainly)
    holds = holds_without_particles if argument.get("particles") == "ignored" else holds_plainly
    parts = {part: as_texts(argument[part]) for part in PARTS if part in argument}
    scores = [SCORE_PART[part]("contains", sample.answer, texts, holds) for part, texts in parts.items()]
    return next((score for score in scores if not score.passed), scores[0])


def holds_all(name: str, answer: str, texts: tuple[str, ...], holds: Holds) -> Score:
    missing = tuple(text for text in texts if not holds(answer, text))
    return Score(name, not missing, why(listed(missing or texts, "and"), answer, not missing))


def holds_any(name: str, answer: str, texts: tuple[str, ...], holds: Holds) -> Score:
    matches = tuple(text for text in texts if holds(answer, text))
    return Score(name, bool(matches), why(listed(matches or texts, "or"), answer, bool(matches)))


def holds_none(name: str, answer: str, unwanted: tuple[str, ...], holds: Holds) -> Score:
    matches = tuple(text for text in unwanted if holds(answer, text))
    if matches:
        return Score(name, False, f"must not say {listed(matches, 'or')}, the answer says {quoted(answer)}")
    return Score(name, True, f"does not say {listed(unwanted, 'or')}")


def why(expected: str, answer: str, passed: bool) -> str:
    return f"found {expected}" if passed else f"looked for {expected}, the answer says {quoted(answer)}"


def describe(words: str) -> Callable[[Any], str]:
    return lambda argument: f"{words} {' | '.join(repr(text) for text in as_texts(argument))}"


def describe_contains(argument: Any) -> str:
    if not isinstance(argument, Mapping):
        return describe("contains")(argument)
    return ", ".join(describe(f"contains {part} of")(argument[part]) for part in PARTS if part in argument)


SCORE_PART = {"all": holds_all, "any": holds_any, "none": holds_none}
ALL = ScorerSpec(
    "contains",
    "The answer holds this text, or each of these; or all, any, none, with Korean particles ignored if asked.",
    CONTAINS,
    find_problems_of_contains,
    describe_contains,
    contains,
    ("20 days", ["20일", "연차"], {"any": ["20일", "이십 일"], "none": ["15일"], "particles": "ignored"}),
)


def short_form(name: str, about: str, part: str) -> ScorerSpec:
    """A form of `contains` with a name of its own."""

    def score(sample: Sample, argument: Any, services: ScoringServices) -> Score:
        return SCORE_PART[part](name, sample.answer, as_texts(argument), holds_plainly)

    return ScorerSpec(
        name, about, TEXTS, find_problems, describe(name.replace("_", " ")), score, ("20 days", ["20일", "20 days"])
    )


SCORERS = {
    scorer.name: scorer
    for scorer in (
        ALL,
        short_form("contains_all", "The answer holds each of these.", "all"),
        short_form("contains_any", "The answer holds at least one of these.", "any"),
        short_form("not_contains", "The answer holds none of these.", "none"),
    )
}

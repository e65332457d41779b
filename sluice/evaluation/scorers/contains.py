"""Words that an answer must hold, or must not: contains, contains_any, contains_all, not_contains, equals."""

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


def texts(argument: Any) -> tuple[str, ...]:
    return tuple(argument) if isinstance(argument, list | tuple) else (argument,)


def problems(argument: Any) -> Iterator[str]:
    if isinstance(argument, list) and not argument:
        yield "is empty."
    for text in texts(argument):
        if not isinstance(text, str):
            yield f"must be text or a list of texts, but holds {text!r}. Put it in quotes."
        elif not text.strip():
            yield "is empty."


def problems_of_contains(argument: Any) -> Iterator[str]:
    if not isinstance(argument, Mapping):
        yield from problems(argument)
        return
    for key, value in argument.items():
        if key in PARTS:
            yield from (f"{key}: {problem}" for problem in problems(value))
        elif key != "particles":
            yield f"has no {key}. {suggestion(str(key), (*PARTS, 'particles'))}"
        elif value != "ignored":
            yield f"particles: must be `ignored`, not {value!r}."
    if not any(part in argument for part in PARTS):
        yield "needs all, any or none."


def problems_of_equals(argument: Any) -> Iterator[str]:
    if isinstance(argument, list):
        yield "must be one text."
    else:
        yield from problems(argument)


def plainly(answer: str, text: str) -> bool:
    return folded(text) in folded(answer)


def without_particles(answer: str, text: str) -> bool:
    return plainly(answer, text) or bool(particles.pattern(folded(text)).search(folded(answer)))


def contains(said: Sample, argument: Any, help: ScoringServices) -> Score:
    if not isinstance(argument, Mapping):
        return holds_all("contains", said.answer, texts(argument), plainly)
    holds = without_particles if argument.get("particles") == "ignored" else plainly
    asked = {part: texts(argument[part]) for part in PARTS if part in argument}
    scores = [PART[part]("contains", said.answer, wanted, holds) for part, wanted in asked.items()]
    return next((score for score in scores if not score.passed), scores[0])


def holds_all(name: str, answer: str, wanted: tuple[str, ...], holds: Holds) -> Score:
    missing = tuple(text for text in wanted if not holds(answer, text))
    return Score(name, not missing, why(listed(missing or wanted, "and"), answer, not missing))


def holds_any(name: str, answer: str, wanted: tuple[str, ...], holds: Holds) -> Score:
    found = tuple(text for text in wanted if holds(answer, text))
    return Score(name, bool(found), why(listed(found or wanted, "or"), answer, bool(found)))


def holds_none(name: str, answer: str, unwanted: tuple[str, ...], holds: Holds) -> Score:
    found = tuple(text for text in unwanted if holds(answer, text))
    if found:
        return Score(name, False, f"must not say {listed(found, 'or')}, the answer says {quoted(answer)}")
    return Score(name, True, f"does not say {listed(unwanted, 'or')}")


def equals(said: Sample, argument: Any, help: ScoringServices) -> Score:
    if folded(said.answer) == folded(argument):
        return Score("equals", True, f"is {argument!r}")
    return Score("equals", False, f"expected exactly {argument!r}, the answer says {quoted(said.answer)}")


def why(wanted: str, answer: str, passed: bool) -> str:
    return f"found {wanted}" if passed else f"looked for {wanted}, the answer says {quoted(answer)}"


def told(words: str) -> Callable[[Any], str]:
    return lambda argument: f"{words} {' | '.join(repr(text) for text in texts(argument))}"


def told_of_contains(argument: Any) -> str:
    if not isinstance(argument, Mapping):
        return told("contains")(argument)
    return ", ".join(told(f"contains {part} of")(argument[part]) for part in PARTS if part in argument)


PART = {"all": holds_all, "any": holds_any, "none": holds_none}
ALL = ScorerSpec(
    "contains",
    "The answer holds this text, or each of these; or all, any, none, with Korean particles ignored if asked.",
    CONTAINS,
    problems_of_contains,
    told_of_contains,
    contains,
    ("20 days", ["20일", "연차"], {"any": ["20일", "이십 일"], "none": ["15일"], "particles": "ignored"}),
)


def short(name: str, about: str, part: str) -> ScorerSpec:
    """A form of `contains` with a name of its own."""

    def score(said: Sample, argument: Any, help: ScoringServices) -> Score:
        return PART[part](name, said.answer, texts(argument), plainly)

    return ScorerSpec(
        name, about, TEXTS, problems, told(name.replace("_", " ")), score, ("20 days", ["20일", "20 days"])
    )


KINDS = {
    kind.name: kind
    for kind in (
        ALL,
        short("contains_all", "The answer holds each of these.", "all"),
        short("contains_any", "The answer holds at least one of these.", "any"),
        short("not_contains", "The answer holds none of these.", "none"),
        ScorerSpec(
            "equals",
            "The answer is this text, and nothing else. Case, width and blanks make no difference.",
            TEXT,
            problems_of_equals,
            told("equals"),
            equals,
            ("네.",),
        ),
    )
}

"""Words that an answer must hold, or must not: contains, contains_any, contains_all, not_contains, equals."""

from collections.abc import Callable, Iterator
from typing import Any

from evaluation.said import Help, Kind, Said, Score
from evaluation.scorers.text import folded, listed, quoted

TEXTS = {"oneOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}


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


def contains(said: Said, argument: Any, name: str = "contains") -> Score:
    wanted = texts(argument)
    missing = tuple(text for text in wanted if folded(text) not in folded(said.answer))
    return Score(name, not missing, why(listed(missing or wanted, "and"), said.answer, not missing))


def contains_any(said: Said, argument: Any) -> Score:
    wanted = texts(argument)
    found = tuple(text for text in wanted if folded(text) in folded(said.answer))
    return Score("contains_any", bool(found), why(listed(found or wanted, "or"), said.answer, bool(found)))


def not_contains(said: Said, argument: Any) -> Score:
    unwanted = texts(argument)
    found = tuple(text for text in unwanted if folded(text) in folded(said.answer))
    if found:
        what = f"must not say {listed(found, 'or')}, the answer says {quoted(said.answer)}"
        return Score("not_contains", False, what)
    return Score("not_contains", True, f"does not say {listed(unwanted, 'or')}")


def equals(said: Said, argument: Any) -> Score:
    if folded(said.answer) == folded(argument):
        return Score("equals", True, f"is {argument!r}")
    return Score("equals", False, f"expected exactly {argument!r}, the answer says {quoted(said.answer)}")


def why(wanted: str, answer: str, passed: bool) -> str:
    return f"found {wanted}" if passed else f"looked for {wanted}, the answer says {quoted(answer)}"


def told(words: str) -> Callable[[Any], str]:
    return lambda argument: f"{words} {' | '.join(repr(text) for text in texts(argument))}"


def made(name: str, about: str, score: Callable[[Said, Any], Score]) -> Kind:
    def scored(said: Said, argument: Any, help: Help) -> Score:
        return score(said, argument)

    return Kind(name, about, TEXTS, problems, told(name.replace("_", " ")), scored, ("20 days", ["20일", "20 days"]))


KINDS = {
    each.name: each
    for each in (
        made("contains", "The answer holds this text, or each of these.", contains),
        made("contains_all", "The answer holds each of these.", lambda s, a: contains(s, a, "contains_all")),
        made("contains_any", "The answer holds at least one of these.", contains_any),
        made("not_contains", "The answer holds none of these.", not_contains),
        made("equals", "The answer is this text, and nothing else.", equals),
    )
}

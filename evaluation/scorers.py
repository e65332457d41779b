"""What an answer can be held against. Case, line breaks and how a letter is composed make no difference."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

SHOWN = 160  # characters of an answer that a reason quotes


@dataclass(frozen=True)
class Score:
    name: str
    passed: bool
    why: str


def score(answer: str, expect: Mapping[str, tuple[str, ...]]) -> tuple[Score, ...]:
    """One score per expectation, in the order in which the case names them."""
    return tuple(SCORERS[name](answer, texts) for name, texts in expect.items())


def contains(answer: str, wanted: tuple[str, ...], name: str = "contains") -> Score:
    missing = [text for text in wanted if folded(text) not in folded(answer)]
    return Score(name, not missing, why(listed(missing or wanted, "and"), answer, not missing))


def contains_all(answer: str, wanted: tuple[str, ...]) -> Score:
    return contains(answer, wanted, "contains_all")


def contains_any(answer: str, wanted: tuple[str, ...]) -> Score:
    found = [text for text in wanted if folded(text) in folded(answer)]
    return Score("contains_any", bool(found), why(listed(found or wanted, "or"), answer, bool(found)))


def not_contains(answer: str, unwanted: tuple[str, ...]) -> Score:
    found = [text for text in unwanted if folded(text) in folded(answer)]
    if found:
        return Score("not_contains", False, f"must not say {listed(found, 'or')}, the answer says {quoted(answer)}")
    return Score("not_contains", True, f"does not say {listed(unwanted, 'or')}")


def matches(answer: str, patterns: tuple[str, ...]) -> Score:
    missing = [pattern for pattern in patterns if not re.search(normal(pattern), composed(answer), re.IGNORECASE)]
    return Score("matches", not missing, why(f"a match of {listed(missing or patterns, 'and')}", answer, not missing))


def equals(answer: str, wanted: tuple[str, ...]) -> Score:
    same = folded(answer) == folded(wanted[0])
    if same:
        return Score("equals", True, f"is {wanted[0]!r}")
    return Score("equals", False, f"expected exactly {wanted[0]!r}, the answer says {quoted(answer)}")


SCORERS: dict[str, Callable[[str, tuple[str, ...]], Score]] = {
    "contains": contains,
    "contains_any": contains_any,
    "contains_all": contains_all,
    "not_contains": not_contains,
    "matches": matches,
    "equals": equals,
}


def normal(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def composed(text: str) -> str:
    return " ".join(normal(text).split())


def folded(text: str) -> str:
    return normal(composed(text).casefold())


def why(wanted: str, answer: str, passed: bool) -> str:
    return f"found {wanted}" if passed else f"looked for {wanted}, the answer says {quoted(answer)}"


def listed(texts: list[str] | tuple[str, ...], word: str) -> str:
    return f" {word} ".join(repr(text) for text in texts)


def quoted(answer: str) -> str:
    line = composed(answer)
    if not line:
        return "nothing"
    return repr(line if len(line) <= SHOWN else line[:SHOWN].rstrip() + " ...")

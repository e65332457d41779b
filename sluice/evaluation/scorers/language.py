"""The language of an answer, told by its letters: addresses, code and numbers do not count."""

import re
from collections.abc import Iterator
from typing import Any

from sluice.evaluation.scorers.text import as_list, quoted
from sluice.evaluation.scoring import Sample, Score, ScorerSpec, ScoringServices

NAMES = {"ko": "Korean", "en": "English", "ja": "Japanese", "zh": "Chinese"}
SCRIPTS = {
    "ko": re.compile("[가-힣ㄱ-ㆎ]"),
    "en": re.compile("[A-Za-z]"),
    "ja": re.compile("[ぁ-ヿ]"),
    "zh": re.compile("[一-鿿]"),
}
CODE = re.compile(r"`[^`]*`")
ADDRESS = re.compile(r"@|://")
DIGIT = re.compile(r"\d")
ABBREVIATION = re.compile(r"[A-Z]{2,}")
LOOKED_AT = 20_000  # characters: what language a text is in shows sooner
ENOUGH = 0.5  # of the letters
AMONG_LATIN = 0.3  # a sentence in another script may name many things in Latin letters


def find_problems(argument: Any) -> Iterator[str]:
    for each in as_list(argument):
        if not isinstance(each, str) or each not in NAMES:
            yield f"must be {', '.join(NAMES)}, not {each!r}."
    if argument == []:
        yield "is empty."


def detect_language(text: str) -> str | None:
    """ko, en, ja or zh; None if there are no letters, or of no one language enough."""
    words = CODE.sub(" ", text[:LOOKED_AT]).split()
    plain = ABBREVIATION.sub("", " ".join(map(without_code, words)))
    counted = {name: len(script.findall(plain)) for name, script in SCRIPTS.items()}
    whole = sum(counted.values())
    if not whole:
        return None
    if counted["ja"] >= 0.1 * whole:  # Japanese is written with Chinese characters between its own
        return "ja"
    for name in ("ko", "zh"):
        if counted[name] >= AMONG_LATIN * whole:
            return name
    return "en" if counted["en"] >= ENOUGH * whole else None


def without_code(word: str) -> str:
    """The word as far as it is of a language: no address, and none of the Latin letters that stand with a digit.

    Other letters do count there: 20일입니다 is Korean, and a sentence of Chinese is one word.
    """
    if ADDRESS.search(word):
        return ""
    return SCRIPTS["en"].sub("", word) if DIGIT.search(word) else word


def score(sample: Sample, argument: Any, services: ScoringServices) -> Score:
    language = detect_language(sample.answer)
    if language in as_list(argument):
        return Score("language", True, f"is {NAMES[str(language)]}")
    what = f"is {NAMES[language]}" if language else "has no language to tell"
    return Score("language", False, f"wanted {describe(argument)}, the answer {what}: {quoted(sample.answer)}")


def describe(argument: Any) -> str:
    return " or ".join(NAMES[each] for each in as_list(argument))


SCORERS = {
    "language": ScorerSpec(
        "language",
        "The answer is in this language (ko, en, ja, zh), or in one of these.",
        {"oneOf": [{"enum": list(NAMES)}, {"type": "array", "items": {"enum": list(NAMES)}, "minItems": 1}]},
        find_problems,
        lambda argument: f"in {describe(argument)}",
        score,
        ("ko", ["ko", "en"]),
    )
}

"""Names of people, in all texts of a chat: what announces a name stands in one, and it is said again in others.

A name that nothing announces and that is made like no other is not found: no list and no pattern knows it.
"""

import re
from collections.abc import Iterator

from sluice.datasets.pii import english_names, korean_names
from sluice.datasets.pii.korean_names import AFTER, PARTICLE, TITLE, given_name
from sluice.datasets.pii.name_words import NOT_NAMES, NOUNS

HANGUL = re.compile("[가-힣]+")


def find_names(text: str) -> Iterator[str]:
    """Yields the names in a text, with repetitions."""
    yield from korean_names.find_names(text)
    yield from english_names.find_names(text)


def compile_mentions(names: frozenset[str]) -> re.Pattern[str] | None:
    """Returns a pattern that finds these names wherever they stand, with or without their surname."""
    if not names:
        return None
    written = sorted((form for name in names for form in forms(name)), key=len, reverse=True)
    parts = [bounded(form) for form in dict.fromkeys(written)]
    return re.compile("|".join(parts))


def forms(name: str) -> Iterator[str]:
    yield name
    if HANGUL.fullmatch(name):
        alone = given_name(name)
        if alone and alone not in NOUNS:
            yield alone
    else:
        words = name.split()
        for word in words if len(words) > 1 else ():
            if len(word) > 2 and word not in NOT_NAMES:
                yield word


def bounded(form: str) -> str:
    if HANGUL.fullmatch(form):
        # 민수 with what may be written on to it, and not as a part of another word
        more = rf"{PARTICLE}|{AFTER}|씨|님"
        return rf"(?<![가-힣]){re.escape(form)}(?=(?:{more}|{TITLE})?(?:[^가-힣]|$)|(?:{more}))"
    return rf"(?<![A-Za-z]){re.escape(form)}(?![A-Za-z])"


def full_name(name: str, names: frozenset[str]) -> str:
    """Returns the longest of these names that this one may stand for, so that both get the same number."""
    same = [each for each in names if each == name or name in forms(each)]
    return max(same, key=len, default=name)

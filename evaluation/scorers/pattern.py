"""A regular expression that the answer must match."""

import re
from collections.abc import Iterator
from typing import Any

from evaluation.said import Help, Kind, Said, Score
from evaluation.scorers import wording
from evaluation.scorers.text import composed, listed


def problems(argument: Any) -> Iterator[str]:
    found = list(wording.problems(argument))
    yield from found
    for pattern in () if found else wording.texts(argument):
        try:
            re.compile(pattern)
        except re.error as error:
            yield f"{pattern!r} is not a regular expression: {error}."


def matches(said: Said, argument: Any, help: Help) -> Score:
    patterns = wording.texts(argument)
    text = composed(said.answer)
    missing = tuple(pattern for pattern in patterns if not re.search(composed(pattern), text, re.IGNORECASE))
    why = wording.why(f"a match of {listed(missing or patterns, 'and')}", said.answer, not missing)
    return Score("matches", not missing, why)


KINDS = {
    "matches": Kind(
        "matches",
        "The answer matches this regular expression, or each of these.",
        wording.TEXTS,
        problems,
        wording.told("matches"),
        matches,
        (r"\\d+ ?(days|일)",),
    )
}

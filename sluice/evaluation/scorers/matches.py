"""A regular expression that the answer must match, within a time limit: some patterns never end on some answers."""

from collections.abc import Iterator
from typing import Any

from sluice.evaluation.scorers import contains
from sluice.evaluation.scorers.text import composed, listed, normal
from sluice.evaluation.scoring import Sample, Score, ScorerSpec, ScoringServices

SECONDS = 1.0


def find_problems(argument: Any) -> Iterator[str]:
    import regex  # like `re`, and can be told when to give up

    problems = list(contains.find_problems(argument))
    yield from problems
    for pattern in () if problems else contains.as_texts(argument):
        try:
            regex.compile(pattern, regex.IGNORECASE)
        except regex.error as error:
            yield f"{pattern!r} is not a regular expression: {error}."


def score(sample: Sample, argument: Any, services: ScoringServices) -> Score:
    patterns, text = contains.as_texts(argument), composed(sample.answer)
    missing, slow = [], []
    for pattern in patterns:
        try:
            if not search(pattern, text):
                missing.append(pattern)
        except TimeoutError:
            slow.append(pattern)
    if slow:
        why = f"{listed(slow, 'and')} took longer than {SECONDS:g} s on this answer: write a simpler pattern"
        return Score("matches", False, why)
    why = contains.why(f"a match of {listed(missing or patterns, 'and')}", sample.answer, not missing)
    return Score("matches", not missing, why)


def search(pattern: str, text: str) -> bool:
    import regex

    return regex.search(normal(pattern), text, regex.IGNORECASE, timeout=SECONDS) is not None


SCORERS = {
    "matches": ScorerSpec(
        "matches",
        "The answer matches this regular expression, or each of these. Blanks are one, case makes no difference.",
        contains.TEXTS,
        find_problems,
        contains.describe("matches"),
        score,
        (r"\d+ ?(days|일)",),
    )
}

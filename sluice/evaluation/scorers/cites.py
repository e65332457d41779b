"""The sources that an answer names: by name, or by a passage's number."""

import re
from collections.abc import Iterator
from typing import Any

from sluice.evaluation.scorers.text import as_list, folded
from sluice.evaluation.scoring import Sample, Score, ScorerSpec, ScoringServices

MARKER = re.compile(r"\[(\d{1,2})\]")


def find_problems(argument: Any) -> Iterator[str]:
    sources = as_list(argument)
    if not sources:
        yield "is empty."
    for each in sources:
        if isinstance(each, bool) or not (
            (isinstance(each, int) and each > 0) or (isinstance(each, str) and each.strip())
        ):
            yield f"must be the name of a source, or a passage's number from 1, not {each!r}."


def score(sample: Sample, argument: Any, services: ScoringServices) -> Score:
    """Looks for a text in the sources' names, as the RAG server gave them, and for a number as [1] in the answer."""
    expected = as_list(argument)
    marks = {int(mark) for mark in MARKER.findall(sample.answer)}
    missing = [each for each in expected if not (each in marks if isinstance(each, int) else is_named(sample, each))]
    if not missing:
        return Score("cites", True, f"cites {describe(expected)}")
    has = [f"[{mark}]" for mark in sorted(marks)] + list(sample.sources)
    return Score("cites", False, f"looked for {describe(missing)}, the answer cites {', '.join(has) or 'nothing'}")


def is_named(sample: Sample, source: str) -> bool:
    everywhere = (*sample.sources, sample.answer)
    return any(folded(source) in folded(each) for each in everywhere)


def describe(sources: list[Any]) -> str:
    return " and ".join(f"[{each}]" if isinstance(each, int) else repr(each) for each in sources)


SOURCE = {"oneOf": [{"type": "string", "minLength": 1}, {"type": "integer", "minimum": 1}]}
SCORERS = {
    "cites": ScorerSpec(
        "cites",
        "The answer names this source: part of its name, or a passage's number as [1].",
        {"oneOf": [*SOURCE["oneOf"], {"type": "array", "items": SOURCE, "minItems": 1}]},
        find_problems,
        lambda argument: f"cites {describe(as_list(argument))}",
        score,
        ("handbook.ko.md", 1, ["handbook.en.md", 2]),
    )
}

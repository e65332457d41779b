"""A place in a text that tells something personal."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

TAKEN = "\ue000"  # stands where something was found already, so that nothing is found twice


class Span(NamedTuple):
    start: int
    end: int
    kind: str


Finder = Callable[[str], Iterator[Span]]


def all_of(kind: str, pattern: re.Pattern[str], holds: Callable[[str], bool] = lambda text: True) -> Finder:
    """Every match that holds: its group `it` if the pattern has one, else the whole."""
    group = "it" if "it" in pattern.groupindex else 0

    def find(text: str) -> Iterator[Span]:
        for found in pattern.finditer(text):
            if found[group] and holds(found[group]):
                yield Span(*found.span(group), kind)

    return find

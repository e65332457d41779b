"""A place in a text that tells something personal."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

BLANK = "\ue000"  # stands where something was found already, so that nothing is found twice


class Span(NamedTuple):
    start: int
    end: int
    kind: str


Finder = Callable[[str], Iterator[Span]]


def match_finder(kind: str, pattern: re.Pattern[str], holds: Callable[[str], bool] = lambda text: True) -> Finder:
    """Returns a finder of every match that holds: its group `it` if the pattern has one, else the whole."""
    group = "it" if "it" in pattern.groupindex else 0

    def find(text: str) -> Iterator[Span]:
        for match in pattern.finditer(text):
            if match[group] and holds(match[group]):
                yield Span(*match.span(group), kind)

    return find

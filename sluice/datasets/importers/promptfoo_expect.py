"""The assertions of one promptfoo test, put together as what one turn expects."""

import re
from collections.abc import Sequence
from typing import Any

from sluice.datasets.importers.import_log import ImportLog
from sluice.evaluation import scorers
from sluice.evaluation.scorers.text import composed

LISTS = ("contains-any", "contains-all", "icontains-any", "icontains-all")


class NoCounterpart(Exception):
    """The assertion cannot be taken over; the message says which and why."""


class Expect:
    """Assertions of one test put together: an expectation stands in a case only once."""

    def __init__(self, told: ImportLog, place: str) -> None:
        self.found: dict[str, Any] = {}
        self.notes: list[str] = []
        self._told = told
        self._place = place

    def miss(self, what: str) -> None:
        self.notes.append(self._told.miss(what, self._place))

    def change(self, what: str) -> None:
        self._told.change(what, self._place)

    def all_of(self, wanted: Sequence[str]) -> None:
        self.found["contains"] = one_or_more(listed(self.found.get("contains")) + list(wanted))

    def none_of(self, unwanted: Sequence[str]) -> None:
        self.found["not_contains"] = one_or_more(listed(self.found.get("not_contains")) + list(unwanted))

    def any_of(self, wanted: Sequence[str]) -> None:
        if len(wanted) == 1:
            self.all_of(wanted)
        elif "contains_any" not in self.found:
            self.found["contains_any"] = list(wanted)
        else:
            self.match("|".join(escaped(text) for text in wanted))

    def match(self, pattern: str) -> None:
        problems = list(scorers.get_scorer("matches").problems(pattern))
        if problems:
            raise NoCounterpart(f"regex that {problems[0]}")
        self.found["matches"] = one_or_more([*listed(self.found.get("matches")), pattern])

    def once(self, name: str, argument: Any) -> None:
        if self.found.get(name, argument) != argument:
            raise NoCounterpart(f"a second {name} in one test")
        problems = list(scorers.get_scorer(name).problems(argument))
        if problems:
            raise NoCounterpart(f"{name} that {problems[0]}")
        self.found[name] = argument


def listed(value: Any) -> list[str]:
    return [] if value is None else list(value) if isinstance(value, list) else [value]


def one_or_more(found: Sequence[str]) -> str | list[str]:
    each = list(dict.fromkeys(found))
    return each[0] if len(each) == 1 else each


def escaped(text: str) -> str:
    """As the pattern that it matches in an answer made one line."""
    return re.sub(r"\\([ -])", r"\1", re.escape(composed(text)))


def texts(value: Any, name: str) -> list[str]:
    """A value, a list, or a list written with commas (`"a", b`)."""
    if isinstance(value, str) and name in LISTS:
        value = [part.strip().strip('"') for part in re.findall(r'\s*(?:"(?:[^"]|"")*"|[^,]+)', value)]
    found = [str(each) for each in (value if isinstance(value, list) else [value]) if each is not None]
    if not found or not all(text.strip() for text in found):
        raise NoCounterpart(f"{name} without a value")
    return found

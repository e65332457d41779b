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


class ExpectationBuilder:
    """Assertions of one test put together: an expectation stands in a case only once."""

    def __init__(self, log: ImportLog, place: str) -> None:
        self.expectations: dict[str, Any] = {}
        self.notes: list[str] = []
        self._log = log
        self._place = place

    def miss(self, what: str) -> None:
        self.notes.append(self._log.miss(what, self._place))

    def change(self, what: str) -> None:
        self._log.change(what, self._place)

    def all_of(self, texts: Sequence[str]) -> None:
        self.expectations["contains"] = one_or_more(listed(self.expectations.get("contains")) + list(texts))

    def none_of(self, texts: Sequence[str]) -> None:
        self.expectations["not_contains"] = one_or_more(listed(self.expectations.get("not_contains")) + list(texts))

    def any_of(self, alternatives: Sequence[str]) -> None:
        if len(alternatives) == 1:
            self.all_of(alternatives)
        elif "contains_any" not in self.expectations:
            self.expectations["contains_any"] = list(alternatives)
        else:
            self.match("|".join(escaped(text) for text in alternatives))

    def match(self, pattern: str) -> None:
        problems = list(scorers.get_scorer("matches").problems(pattern))
        if problems:
            raise NoCounterpart(f"regex that {problems[0]}")
        self.expectations["matches"] = one_or_more([*listed(self.expectations.get("matches")), pattern])

    def once(self, name: str, argument: Any) -> None:
        if self.expectations.get(name, argument) != argument:
            raise NoCounterpart(f"a second {name} in one test")
        problems = list(scorers.get_scorer(name).problems(argument))
        if problems:
            raise NoCounterpart(f"{name} that {problems[0]}")
        self.expectations[name] = argument


def listed(value: Any) -> list[str]:
    return [] if value is None else list(value) if isinstance(value, list) else [value]


def one_or_more(values: Sequence[str]) -> str | list[str]:
    each = list(dict.fromkeys(values))
    return each[0] if len(each) == 1 else each


def escaped(text: str) -> str:
    """Returns a pattern for the text in an answer made one line."""
    return re.sub(r"\\([ -])", r"\1", re.escape(composed(text)))


def texts(value: Any, name: str) -> list[str]:
    """Returns the texts of a value, a list, or a list written with commas (`"a", b`)."""
    if isinstance(value, str) and name in LISTS:
        value = [part.strip().strip('"') for part in re.findall(r'\s*(?:"(?:[^"]|"")*"|[^,]+)', value)]
    items = [str(each) for each in (value if isinstance(value, list) else [value]) if each is not None]
    if not items or not all(item.strip() for item in items):
        raise NoCounterpart(f"{name} without a value")
    return items

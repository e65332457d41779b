"""A report.json read by people: which cases to look at, in which order, and why. Nothing is judged again here.

Whatever is missing or of another kind than expected is as if it were empty: an old or a mended report can be read.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sluice.evaluation.reports.plain_text import counted, number, one_line

Json = Mapping[str, Any]
NAME = 80  # characters of what something is called
VERDICTS = ("pass", "fail", "inconclusive", "error")


def section(told: Any, name: str) -> Json:
    found = told.get(name) if isinstance(told, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def listed(told: Any, name: str) -> Sequence[Any]:
    found = told.get(name) if isinstance(told, Mapping) else None
    return found if isinstance(found, list | tuple) else ()


def sections(told: Any, name: str) -> list[Json]:
    return [each for each in listed(told, name) if isinstance(each, Mapping)]


def words(told: Any, name: str) -> str:
    found = told.get(name) if isinstance(told, Mapping) else None
    return "" if found is None or isinstance(found, Mapping | list) else str(found)


@dataclass(frozen=True)
class Wrong:
    """The first thing that went wrong in a chat; `turn` counts from 1, None means the chat as a whole."""

    turn: int | None
    why: str

    @property
    def where(self) -> str:
        return f"turn {self.turn}" if self.turn else "the whole chat"


@dataclass(frozen=True)
class Case:
    """One case of the report, and its place there: `cases[index]`."""

    index: int
    told: Json

    @property
    def id(self) -> str:
        return words(self.told, "id") or f"case {self.index + 1}"

    @property
    def tags(self) -> list[str]:
        return [str(tag) for tag in listed(self.told, "tags")]

    @property
    def passed(self) -> bool:
        return self.told.get("passed") is True

    @property
    def flaky(self) -> bool:
        return self.told.get("flaky") is True

    @property
    def critical(self) -> bool:
        return self.told.get("critical") is True

    @property
    def error(self) -> str:
        return words(self.told, "error")

    @property
    def outcome(self) -> str:
        """In one word, as tables and headings say it."""
        return "passed" if self.passed else "error" if self.error else "flaky" if self.flaky else "failed"

    @property
    def chats(self) -> list[Json]:
        return sections(self.told, "chats")

    @property
    def held(self) -> int:
        return sum(chat.get("passed") is True for chat in self.chats)

    @cached_property
    def shown(self) -> int:
        """Which chat to look at: the first that did not pass, else the first."""
        return next((place for place, chat in enumerate(self.chats) if chat.get("passed") is not True), 0)

    @property
    def chat(self) -> Json:
        return self.chats[self.shown] if self.chats else {}

    @property
    def turns(self) -> list[Json]:
        return sections(self.chat, "turns")

    @cached_property
    def wrong(self) -> Wrong:
        return wrong(self)

    def all_turns(self) -> Iterator[Json]:
        for chat in self.chats:
            yield from sections(chat, "turns")


def wrong(case: Case) -> Wrong:
    """Why a case did not pass."""
    for place, turn in enumerate(case.turns, 1):
        if turn.get("passed") is not True:
            return Wrong(place, words(turn, "error") or failed_why(turn) or "it did not pass")
    return Wrong(None, failed_why(case.chat) or case.error or "it did not end")


def failed_why(scored: Json) -> str:
    return "; ".join(words(score, "why") for score in sections(scored, "scores") if score.get("passed") is not True)


@dataclass(frozen=True)
class Flip:
    """A case that one of the two passed and the other did not; `before` are the champion's answers, one a turn."""

    case: Case
    kind: str  # lost | gained
    before: Sequence[str]


@dataclass(frozen=True)
class ReportView:
    """The whole report, in the order in which it is read."""

    told: Json

    @property
    def verdict(self) -> str:
        found = words(self.told, "verdict")
        return found if found in VERDICTS else "error"

    @property
    def name(self) -> str:
        """What was judged, as people call it."""
        about = section(self.told, "subject")
        model, version = words(about, "group"), words(about, "version")
        package = words(about, "model_package").rpartition("model-package/")[2]
        if not model and package:
            model, _, version = package.partition("/")
        if model:
            return one_line(f"{model} version {version}" if version else model, NAME)
        return one_line(words(about, "endpoint") or words(about, "url") or "a model", NAME)

    @property
    def short(self) -> str:
        """The same beside the champion."""
        version = words(section(self.told, "subject"), "version")
        return one_line(f"version {version}", NAME) if version.isdigit() else "this one"

    @cached_property
    def cases(self) -> list[Case]:
        return [Case(index, each) for index, each in enumerate(sections(self.told, "cases"))]

    @property
    def left_out(self) -> int:
        """How many cases are counted in the figures and not told: a very large replay keeps those that did not pass."""
        return max(int(self.figure("cases") or 0) - len(self.cases), 0)

    @cached_property
    def failed(self) -> list[Case]:
        """What did not pass in any chat; critical cases first, those without an answer last."""
        chosen = [case for case in self.cases if not case.passed and not case.flaky]
        return sorted(chosen, key=lambda case: (not case.critical, bool(case.error)))

    @cached_property
    def flaky(self) -> list[Case]:
        return [case for case in self.cases if case.flaky]

    @property
    def comparison(self) -> Json:
        return section(self.told, "comparison")

    @property
    def champion(self) -> Json:
        return section(self.comparison, "champion")

    @property
    def champion_name(self) -> str:
        version = words(self.champion, "version")
        told = f"version {version}" if version.isdigit() else version or words(self.champion, "model_package")
        return one_line(told or "the champion", NAME)

    @cached_property
    def flips(self) -> list[Flip]:
        """Lost first, and critical ones among them: they are what an approver must look at."""
        by_id = {case.id: case for case in self.cases}
        answers = section(self.comparison, "answers")
        found = [
            Flip(by_id[name], kind, [str(each) for each in listed(answers, name)])
            for kind in ("lost", "gained")
            for name in map(str, listed(self.comparison, kind))
            if name in by_id
        ]
        return sorted(found, key=lambda flip: (flip.kind != "lost", not flip.case.critical))

    @property
    def compared(self) -> str:
        """Why the comparison came out as it did: the first of what decided it, and how much else did."""
        verdict = words(self.comparison, "verdict")
        decided = [each for each in sections(self.comparison, "decided") if words(each, "verdict") == verdict]
        if len(decided) < 2:
            return words(self.comparison, "why")
        return f"{words(decided[0], 'why')} Likewise {counted(len(decided) - 1, 'other criterion', 'other criteria')}."

    @property
    def decided(self) -> list[Json]:
        """What the gate wanted, with what was not reached first."""
        order = {"error": 0, "fail": 0, "inconclusive": 1}
        return sorted(sections(self.told, "decided"), key=lambda each: order.get(words(each, "verdict"), 2))

    @property
    def reasons(self) -> list[str]:
        return [str(each) for each in listed(self.told, "reasons")]

    @property
    def warnings(self) -> list[str]:
        return [str(each) for each in listed(self.told, "warnings")]

    def figure(self, *path: str) -> float | None:
        """A number of the totals: figure("latency_ms", "p95")."""
        found: Any = section(self.told, "totals")
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return number(found)


def rows(told: ReportView) -> Iterator[Case]:
    """Every case once, in an order to read: what did not pass, then the rest as it was replayed."""
    first = [*told.failed, *told.flaky]
    yield from first
    seen = {case.index for case in first}
    yield from (case for case in told.cases if case.index not in seen)

"""A report.json read by people: which cases to look at, in which order, and why. Nothing is judged again here.

Whatever is missing or of another kind than expected is as if it were empty: an old or a mended report can be read.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sluice.evaluation.reports.plain_text import clipped_line, number
from sluice.wording import counted

Json = Mapping[str, Any]
NAME = 80  # characters of what something is called
VERDICTS = ("pass", "fail", "inconclusive", "error")


def mapping_at(entry: Any, name: str) -> Json:
    """The mapping under this name; an empty one if there is none."""
    value = entry.get(name) if isinstance(entry, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def list_at(entry: Any, name: str) -> Sequence[Any]:
    value = entry.get(name) if isinstance(entry, Mapping) else None
    return value if isinstance(value, list | tuple) else ()


def mappings_at(entry: Any, name: str) -> list[Json]:
    return [each for each in list_at(entry, name) if isinstance(each, Mapping)]


def text_at(entry: Any, name: str) -> str:
    """The value under this name as text; empty if there is none, or one that is no single value."""
    value = entry.get(name) if isinstance(entry, Mapping) else None
    return "" if value is None or isinstance(value, Mapping | list) else str(value)


@dataclass(frozen=True)
class Failure:
    """The first thing that went wrong in a chat; `turn` counts from 1, None means the chat as a whole."""

    turn: int | None
    why: str

    @property
    def where(self) -> str:
        return f"turn {self.turn}" if self.turn else "the whole chat"


@dataclass(frozen=True)
class CaseView:
    """One case of the report, and its place there: `cases[index]`."""

    index: int
    entry: Json

    @property
    def id(self) -> str:
        return text_at(self.entry, "id") or f"case {self.index + 1}"

    @property
    def tags(self) -> list[str]:
        return [str(tag) for tag in list_at(self.entry, "tags")]

    @property
    def passed(self) -> bool:
        return self.entry.get("passed") is True

    @property
    def flaky(self) -> bool:
        return self.entry.get("flaky") is True

    @property
    def critical(self) -> bool:
        return self.entry.get("critical") is True

    @property
    def error(self) -> str:
        return text_at(self.entry, "error")

    @property
    def outcome(self) -> str:
        """In one word, as tables and headings say it."""
        return "passed" if self.passed else "error" if self.error else "flaky" if self.flaky else "failed"

    @property
    def chats(self) -> list[Json]:
        return mappings_at(self.entry, "chats")

    @property
    def passed_chats(self) -> int:
        return sum(chat.get("passed") is True for chat in self.chats)

    @cached_property
    def shown_chat(self) -> int:
        """Which chat to look at: the first that did not pass, else the first."""
        return next((place for place, chat in enumerate(self.chats) if chat.get("passed") is not True), 0)

    @property
    def chat(self) -> Json:
        return self.chats[self.shown_chat] if self.chats else {}

    @property
    def turns(self) -> list[Json]:
        return mappings_at(self.chat, "turns")

    @cached_property
    def wrong(self) -> Failure:
        return first_failure(self)

    def all_turns(self) -> Iterator[Json]:
        for chat in self.chats:
            yield from mappings_at(chat, "turns")


def first_failure(case: CaseView) -> Failure:
    """Why a case did not pass."""
    for place, turn in enumerate(case.turns, 1):
        if turn.get("passed") is not True:
            return Failure(place, text_at(turn, "error") or failed_reasons(turn) or "it did not pass")
    return Failure(None, failed_reasons(case.chat) or case.error or "it did not end")


def failed_reasons(scored: Json) -> str:
    return "; ".join(text_at(score, "why") for score in failed_scores(scored))


def failed_scores(scored: Json) -> list[Json]:
    """The scores of a turn, or of a whole chat, that did not pass."""
    return [score for score in mappings_at(scored, "scores") if score.get("passed") is not True]


@dataclass(frozen=True)
class Flip:
    """A case that one of the two passed and the other did not; `before` are the champion's answers, one a turn."""

    case: CaseView
    kind: str  # lost | gained
    before: Sequence[str]


@dataclass(frozen=True)
class ReportView:
    """The whole report, in the order in which it is read."""

    report: Json

    @property
    def verdict(self) -> str:
        word = text_at(self.report, "verdict")
        return word if word in VERDICTS else "error"

    @property
    def name(self) -> str:
        """What was judged, as people call it."""
        about = mapping_at(self.report, "subject")
        model, version = text_at(about, "group"), text_at(about, "version")
        package = text_at(about, "model_package").rpartition("model-package/")[2]
        if not model and package:
            model, _, version = package.partition("/")
        if model:
            return clipped_line(f"{model} version {version}" if version else model, NAME)
        return clipped_line(text_at(about, "endpoint") or text_at(about, "url") or "a model", NAME)

    @property
    def short(self) -> str:
        """The same beside the champion."""
        version = text_at(mapping_at(self.report, "subject"), "version")
        return clipped_line(f"version {version}", NAME) if version.isdigit() else "this one"

    @cached_property
    def cases(self) -> list[CaseView]:
        return [CaseView(index, each) for index, each in enumerate(mappings_at(self.report, "cases"))]

    @property
    def left_out(self) -> int:
        """How many cases are counted in the figures and not told: a very large replay keeps those that did not pass."""
        return max(int(self.figure("cases") or 0) - len(self.cases), 0)

    @cached_property
    def failed(self) -> list[CaseView]:
        """What did not pass in any chat; critical cases first, those without an answer last."""
        cases = [case for case in self.cases if not case.passed and not case.flaky]
        return sorted(cases, key=lambda case: (not case.critical, bool(case.error)))

    @cached_property
    def flaky(self) -> list[CaseView]:
        return [case for case in self.cases if case.flaky]

    @property
    def comparison(self) -> Json:
        return mapping_at(self.report, "comparison")

    @property
    def champion(self) -> Json:
        return mapping_at(self.comparison, "champion")

    @property
    def champion_name(self) -> str:
        version = text_at(self.champion, "version")
        name = f"version {version}" if version.isdigit() else version or text_at(self.champion, "model_package")
        return clipped_line(name or "the champion", NAME)

    @cached_property
    def flips(self) -> list[Flip]:
        """Lost first, and critical ones among them: they are what an approver must look at."""
        by_id = {case.id: case for case in self.cases}
        answers = mapping_at(self.comparison, "answers")
        changed = [
            Flip(by_id[name], kind, [str(each) for each in list_at(answers, name)])
            for kind in ("lost", "gained")
            for name in map(str, list_at(self.comparison, kind))
            if name in by_id
        ]
        return sorted(changed, key=lambda flip: (flip.kind != "lost", not flip.case.critical))

    @property
    def compared(self) -> str:
        """Why the comparison came out as it did: the first of what decided it, and how much else did."""
        verdict = text_at(self.comparison, "verdict")
        decided = [each for each in mappings_at(self.comparison, "decided") if text_at(each, "verdict") == verdict]
        if len(decided) < 2:
            return text_at(self.comparison, "why")
        return (
            f"{text_at(decided[0], 'why')} Likewise {counted(len(decided) - 1, 'other criterion', 'other criteria')}."
        )

    @property
    def decided(self) -> list[Json]:
        """What the gate wanted, with what was not reached first."""
        order = {"error": 0, "fail": 0, "inconclusive": 1}
        return sorted(mappings_at(self.report, "decided"), key=lambda each: order.get(text_at(each, "verdict"), 2))

    @property
    def reasons(self) -> list[str]:
        return [str(each) for each in list_at(self.report, "reasons")]

    @property
    def warnings(self) -> list[str]:
        return [str(each) for each in list_at(self.report, "warnings")]

    def figure(self, *path: str) -> float | None:
        """A number of the totals: figure("latency_ms", "p95")."""
        value: Any = mapping_at(self.report, "totals")
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        return number(value)


def rows(view: ReportView) -> Iterator[CaseView]:
    """Every case once, in an order to read: what did not pass, then the rest as it was replayed."""
    first = [*view.failed, *view.flaky]
    yield from first
    indexes = {case.index for case in first}
    yield from (case for case in view.cases if case.index not in indexes)

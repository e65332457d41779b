"""Which cases the page tells in full: all that matter, up to what a page can hold and a person can read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sluice.evaluation.reports.report_view import Case, Flip, Json, ReportView, listed, words

MOST = 120  # cases of one kind
ROOM = 500_000  # letters of one kind
TURN = 1200  # letters of markup around what was said in a turn
Item = TypeVar("Item", Case, Flip)


@dataclass(frozen=True)
class Chosen:
    """Each case is told once: a lost one beside the champion, a flaky one that is no flip among the flaky."""

    lost: Sequence[Flip]
    gained: Sequence[Flip]
    failed: Sequence[Case]
    flaky: Sequence[Case]

    @property
    def indexes(self) -> frozenset[int]:
        flips = (flip.case.index for flip in (*self.lost, *self.gained))
        return frozenset({*flips, *(case.index for case in (*self.failed, *self.flaky))})


def choose(told: ReportView) -> Chosen:
    lost = fitting([flip for flip in told.flips if flip.kind == "lost"], of_flip)
    gained = fitting([flip for flip in told.flips if flip.kind == "gained"], of_flip)
    flipped = {flip.case.index for flip in told.flips}
    failed = fitting([case for case in told.failed if case.index not in flipped], letters)
    flaky = fitting([case for case in told.flaky if case.index not in flipped], letters)
    return Chosen(lost, gained, failed, flaky)


def fitting(items: Sequence[Item], size: Callable[[Item], int]) -> list[Item]:
    chosen: list[Item] = []
    room = ROOM
    for item in items[:MOST]:
        room -= size(item)
        if chosen and room < 0:
            break
        chosen.append(item)
    return chosen


def of_flip(flip: Flip) -> int:
    return letters(flip.case) + sum(min(len(answer), 3000) for answer in flip.before)


def letters(case: Case) -> int:
    """About how much of the page a case takes."""
    return sum(TURN + said(turn) for turn in case.turns[:30])


def said(turn: Json) -> int:
    passages = sum(min(len(str(each)), 800) for each in listed(turn, "passages")[:10])
    return passages + sum(min(len(words(turn, name)), 3000) for name in ("user", "answer", "expected", "error"))

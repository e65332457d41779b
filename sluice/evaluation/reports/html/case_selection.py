"""Which cases the page tells in full: all that matter, up to what a page can hold and a person can read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sluice.evaluation.reports.report_view import CaseView, Flip, Json, ReportView, list_at, text_at

MOST = 120  # cases of one kind
ROOM = 500_000  # letters of one kind
TURN = 1200  # letters of markup around what was said in a turn
Item = TypeVar("Item", CaseView, Flip)


@dataclass(frozen=True)
class CaseSelection:
    """Each case is told once: a lost one beside the champion, a flaky one that is no flip among the flaky."""

    lost: Sequence[Flip]
    gained: Sequence[Flip]
    failed: Sequence[CaseView]
    flaky: Sequence[CaseView]

    @property
    def indexes(self) -> frozenset[int]:
        flips = (flip.case.index for flip in (*self.lost, *self.gained))
        return frozenset({*flips, *(case.index for case in (*self.failed, *self.flaky))})


def select_cases(view: ReportView) -> CaseSelection:
    lost = take_fitting([flip for flip in view.flips if flip.kind == "lost"], letters_of_flip)
    gained = take_fitting([flip for flip in view.flips if flip.kind == "gained"], letters_of_flip)
    flipped = {flip.case.index for flip in view.flips}
    failed = take_fitting([case for case in view.failed if case.index not in flipped], letters_of_case)
    flaky = take_fitting([case for case in view.flaky if case.index not in flipped], letters_of_case)
    return CaseSelection(lost, gained, failed, flaky)


def take_fitting(items: Sequence[Item], size: Callable[[Item], int]) -> list[Item]:
    selection: list[Item] = []
    room = ROOM
    for item in items[:MOST]:
        room -= size(item)
        if selection and room < 0:
            break
        selection.append(item)
    return selection


def letters_of_flip(flip: Flip) -> int:
    return letters_of_case(flip.case) + sum(min(len(answer), 3000) for answer in flip.before)


def letters_of_case(case: CaseView) -> int:
    """About how much of the page a case takes."""
    return sum(TURN + letters_of_turn(turn) for turn in case.turns[:30])


def letters_of_turn(turn: Json) -> int:
    passages = sum(min(len(str(each)), 800) for each in list_at(turn, "passages")[:10])
    return passages + sum(min(len(text_at(turn, name)), 3000) for name in ("user", "answer", "expected", "error"))

"""The cases of a file, checked once and then read as often as needed: held if they are few, else kept on disk."""

from collections.abc import Collection, Iterator
from pathlib import Path

from sluice.evaluation.cases.case import Case
from sluice.evaluation.cases.loader import read
from sluice.evaluation.replay import records
from sluice.evaluation.replay.line_file import Lines

HELD = 10_000  # turns that are held in memory


class Cases(Collection[Case]):
    """All cases of a file or folder. Raises UsageError with every mistake before any of them can be used."""

    def __init__(self, path: Path, held: int = HELD) -> None:
        self.turns = 0
        self._count = 0
        self._held: list[Case] = []
        self._lines: Lines | None = None
        for case in read(path):
            self._count += 1
            self.turns += len(case.turns)
            if self._lines is None and self.turns > held:
                self._lines = Lines()
                for each in self._held:
                    self._lines.add(records.case_line(each))
                self._held = []
            if self._lines:
                self._lines.add(records.case_line(case))
            else:
                self._held.append(case)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Case]:
        if self._lines is None:
            return iter(self._held)
        return (records.read_case(line) for _, line in self._lines)

    def __contains__(self, case: object) -> bool:
        return any(case == each for each in self)

"""The cases of a file, checked once and then read as often as needed: in memory if they are few, else on disk."""

from collections.abc import Collection, Iterator
from pathlib import Path

from sluice.evaluation.cases.case import Case
from sluice.evaluation.cases.loader import read_cases
from sluice.evaluation.replay import records
from sluice.evaluation.replay.line_file import LineFile

MOST_IN_MEMORY = 10_000  # turns


class StoredCases(Collection[Case]):
    """All cases of a file or folder. Raises UsageError with every mistake before any of them can be used."""

    def __init__(self, path: Path, limit: int = MOST_IN_MEMORY) -> None:
        self.turns = 0
        self._count = 0
        self._in_memory: list[Case] = []
        self._lines: LineFile | None = None
        for case in read_cases(path):
            self._count += 1
            self.turns += len(case.turns)
            if self._lines is None and self.turns > limit:
                self._lines = LineFile()
                for each in self._in_memory:
                    self._lines.add(records.case_line(each))
                self._in_memory = []
            if self._lines:
                self._lines.add(records.case_line(case))
            else:
                self._in_memory.append(case)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Case]:
        if self._lines is None:
            return iter(self._in_memory)
        return (records.read_case(line) for _, line in self._lines)

    def __contains__(self, case: object) -> bool:
        return any(case == each for each in self)

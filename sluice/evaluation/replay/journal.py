"""The finished chats of a replay, written down as they end, so that an interrupted one can go on where it was.

A chat is found again by its key: of its case, its repeat, the plan and what is asked (`records.key`). A chat that was
interrupted is not in the journal and starts anew. Results are read from here, one case after the other, so that a
replay need not fit into memory.
"""

from collections.abc import Sequence
from pathlib import Path

from sluice.evaluation.replay import records
from sluice.evaluation.replay.line_file import LineFile, LineSpan
from sluice.evaluation.results import CaseResult, Chat, Results

FILE = "journal.jsonl"


class Journal:
    """A journal in a folder may hold chats of an interrupted replay; one without a folder is gone with the process."""

    def __init__(self, folder: Path | None = None) -> None:
        self._lines = LineFile(folder / FILE if folder else None)
        self._places: dict[str, LineSpan] = {}
        for place, line in self._lines:
            if key := records.read_key(line):
                self._places[key] = place

    @property
    def path(self) -> Path | None:
        return self._lines.path

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def add(self, key: str, chat: Chat) -> None:
        self._places[key] = self._lines.add(records.chat_line(key, chat))

    def chat(self, key: str) -> Chat:
        """Read a chat back. Raises KeyError if it has not ended."""
        return records.read_chat(self._lines.read_line(self._places[key]))

    def release_lock(self) -> None:
        """Release the file once the replay is over: another one may go on with it. All chats stay readable."""
        self._lines.release_lock()

    def delete_file(self) -> None:
        """Delete the file once the report is written: the next replay must ask anew. All chats stay readable."""
        if self.path:
            self.path.unlink(missing_ok=True)


def read_results(journals: Sequence[Journal], cases: Sequence[Sequence[str]]) -> Results:
    """The results of cases, read from journals when looked at; `cases` are the keys of each one's chats, by repeats."""

    def chat(key: str) -> Chat:
        return next(journal for journal in journals if key in journal).chat(key)

    def read(index: int) -> CaseResult:
        chats = tuple(map(chat, cases[index]))
        return CaseResult(chats[0].case, chats)

    return Results(len(cases), read)

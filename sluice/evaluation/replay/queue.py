"""The chats that a replay still has to do: pulled from the cases as needed, the longest of the next ones first.

Cases that name the same user share a history on the RAG server, so their chats are done one after the other, in the
order of the file.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sluice.evaluation.cases.case import Case

AHEAD = 128  # chats to choose the longest from: none of those is then left to run alone at the end


@dataclass(frozen=True)
class PendingChat:
    """One chat to do."""

    case: Case
    repeat: int
    key: str  # in the journal

    @property
    def chain(self) -> tuple[str, int] | None:
        """Chats of one chain have a user, and so a history, in common."""
        return (self.case.user, self.repeat) if self.case.user is not None else None


class ChatQueue:
    """The chats still to do. Not safe for several threads at once: the caller holds a lock."""

    def __init__(
        self,
        cases: Iterable[Case],
        chats: Callable[[Case], Iterable[PendingChat]],
        ended_before: Callable[[PendingChat], bool],
    ) -> None:
        self._cases = iter(cases)
        self._chats = chats
        self._ended_before = ended_before
        self._ready: list[tuple[int, int, PendingChat]] = []  # longest first, then in order
        self._pulled = 0
        self._chains: dict[
            tuple[str, int], deque[PendingChat]
        ] = {}  # of a chain that is ready or running: the rest of it
        self.keys: list[tuple[str, ...]] = []  # of every case that was pulled, in order
        self.before = 0  # chats that had ended before

    def pop_next(self) -> PendingChat | None:
        """The next chat. None: nothing is left, or all of it waits for a chat of its user that is still running."""
        while len(self._ready) < AHEAD and (case := next(self._cases, None)):
            chats = tuple(self._chats(case))
            self.keys.append(tuple(chat.key for chat in chats))
            for chat in chats:
                self._pull(chat)
        return heapq.heappop(self._ready)[-1] if self._ready else None

    def mark_ended(self, chat: PendingChat) -> None:
        """Let the next chat of the same chain begin."""
        if chat.chain is None:
            return
        if rest := self._chains[chat.chain]:
            self._push(rest.popleft())
        else:
            del self._chains[chat.chain]

    def _pull(self, chat: PendingChat) -> None:
        if self._ended_before(chat):
            self.before += 1
        elif chat.chain is None:
            self._push(chat)
        elif chat.chain in self._chains:
            self._chains[chat.chain].append(chat)
        else:
            self._chains[chat.chain] = deque()
            self._push(chat)

    def _push(self, chat: PendingChat) -> None:
        self._pulled += 1
        heapq.heappush(self._ready, (-len(chat.case.turns), self._pulled, chat))

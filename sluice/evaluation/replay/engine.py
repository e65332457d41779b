"""Replays chat cases: the turns of a chat in order, on the model's own answers, and several chats at once.

What has ended is written to a journal, so that an interrupted replay goes on where it was and a large one fits into
memory. Threads, not an event loop: boto3 has no other way, and with bare sockets they measure no worse (benchmarks).
"""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.evaluation.cases.case import Case
from sluice.evaluation.cases.requirements import CaseRequirements
from sluice.evaluation.replay import records
from sluice.evaluation.replay.conversation import ChatRunner
from sluice.evaluation.replay.failures import TargetDown
from sluice.evaluation.replay.journal import Journal, results
from sluice.evaluation.replay.plan import STANDARD, Plan
from sluice.evaluation.replay.queue import ChatQueue, PendingChat
from sluice.evaluation.replay.request import Interrupted
from sluice.evaluation.replay.target import RagTarget, Target
from sluice.evaluation.results import CaseResult, Chat
from sluice.evaluation.scoring import NOTHING, ScoringServices

__all__ = ["STANDARD", "Plan", "Progress", "Replayed", "replay"]

Progress = Callable[[int, int, Chat], None]  # chats done, chats in all, the one that has just ended
HELD = 1_000  # cases whose results are held in memory; of more, each is read when it is looked at


@dataclass(frozen=True)
class Replayed:
    """What was learned, in the order of the cases; `down` says why not all of it could be."""

    results: Sequence[CaseResult]
    down: TargetDown | None = None
    before: int = 0  # chats that were in the journal already


def replay(
    cases: Collection[Case],
    target: Target,
    plan: Plan = STANDARD,
    *,
    rag: RagTarget | None = None,
    help: ScoringServices = NOTHING,
    subject: Mapping[str, Any] | None = None,
    journal: Journal | None = None,
    progress: Progress | None = None,
    meanwhile: Callable[[], None] | None = None,
) -> Replayed:
    """Replay all cases, some chats at a time. When the target goes down, what was not finished is left out.

    `cases` are iterated more than once. `subject` is what is asked, in words; `journal` may hold chats of an
    interrupted replay of the same. `meanwhile` is called once, while the first answers are awaited. Raises UsageError,
    before anything is asked, if a case needs what was not given.
    """
    journal = Journal() if journal is None else journal
    survey = CaseRequirements(cases, plan.repeats)
    survey.check(rag is not None, help)
    survey.import_functions()
    most = min(max(plan.concurrency, 1), survey.chats)
    run = Run(cases, survey, ChatRunner(target, plan, rag, help, most), plan.about(subject or {}), journal, progress)
    workers = [threading.Thread(target=run.work, daemon=True) for _ in range(most)]
    for worker in workers:
        worker.start()
    try:
        if meanwhile:
            meanwhile()
        for worker in workers:
            worker.join()
    finally:
        run.stop()  # an interrupt in this thread must not leave the others asking
    match run.failure:
        case None | TargetDown():
            return Replayed(run.results(), run.failure, run.waiting.before)
        case failure:
            raise failure


class Run:
    """What the worker threads share: the chats still to do, the journal, and the first failure."""

    def __init__(
        self,
        cases: Collection[Case],
        survey: CaseRequirements,
        chatting: ChatRunner,
        about: Mapping[str, Any],
        journal: Journal,
        progress: Progress | None,
    ) -> None:
        self.survey = survey
        self.chatting = chatting
        self.about = about
        self.journal = journal
        self.progress = progress
        self.again = self.unfinished_chains(cases) if len(journal) else set()
        self.waiting = ChatQueue(cases, self.chats, self.ended_before)
        self.failure: BaseException | None = None
        self.done = 0
        self.lock = threading.Lock()

    def chats(self, case: Case) -> Iterator[PendingChat]:
        for repeat in range(self.survey.repeats(case)):
            yield PendingChat(case, repeat, records.key(case, repeat, self.about))

    def unfinished_chains(self, cases: Collection[Case]) -> set[tuple[str, int] | None]:
        """A history cannot be taken up in the middle: if one chat of a user is missing, all of them are done again."""
        named = (case for case in cases if case.user is not None)
        return {chat.chain for case in named for chat in self.chats(case) if chat.key not in self.journal}

    def ended_before(self, chat: PendingChat) -> bool:
        return chat.key in self.journal and not (chat.chain and chat.chain in self.again)

    def work(self) -> None:
        try:
            while chat := self.next():
                self.end(chat, self.chatting.chat(chat.case, chat.repeat))
        except Interrupted:
            pass
        except BaseException as error:  # a thread's boundary: the thread that waits raises it again
            self.fail(error)

    def next(self) -> PendingChat | None:
        with self.lock:
            return None if self.chatting.stopped.is_set() else self.waiting.take()

    def stop(self) -> None:
        self.chatting.stopped.set()

    def fail(self, error: BaseException) -> None:
        with self.lock:
            self.chatting.stopped.set()
            self.failure = self.failure or error

    def end(self, wanted: PendingChat, chat: Chat) -> None:
        self.journal.add(wanted.key, chat)
        with self.lock:
            self.waiting.ended(wanted)
            self.done += 1
            if self.progress:
                self.progress(self.done + self.waiting.before, self.survey.chats, chat)

    def results(self) -> Sequence[CaseResult]:
        found = results([self.journal], finished(self.waiting.keys, self.journal))
        return tuple(found) if len(found) <= HELD else found


def finished(keys: Sequence[tuple[str, ...]], journal: Journal) -> list[tuple[str, ...]]:
    """Of each case the chats that have ended; without the cases of which none has."""
    ended = (tuple(key for key in of_case if key in journal) for of_case in keys)
    return [of_case for of_case in ended if of_case]

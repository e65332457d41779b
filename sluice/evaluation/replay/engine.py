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
from sluice.evaluation.replay.journal import Journal, read_results
from sluice.evaluation.replay.plan import STANDARD, Plan
from sluice.evaluation.replay.queue import ChatQueue, PendingChat
from sluice.evaluation.replay.request import Interrupted
from sluice.evaluation.replay.target import RagTarget, Target
from sluice.evaluation.results import CaseResult, Chat
from sluice.evaluation.scoring import NOTHING, ScoringServices

Progress = Callable[[int, int, Chat], None]  # chats done, chats in all, the one that has just ended
MOST_IN_MEMORY = 1_000  # cases whose results are held in memory; of more, each is read when it is looked at


@dataclass(frozen=True)
class ReplayResult:
    """The results in the order of the cases; `down` says why some are missing."""

    results: Sequence[CaseResult]
    down: TargetDown | None = None
    before: int = 0  # chats that were in the journal already


def replay(
    cases: Collection[Case],
    target: Target,
    plan: Plan = STANDARD,
    *,
    rag: RagTarget | None = None,
    services: ScoringServices = NOTHING,
    subject: Mapping[str, Any] | None = None,
    journal: Journal | None = None,
    progress: Progress | None = None,
    meanwhile: Callable[[], None] | None = None,
) -> ReplayResult:
    """Replay all cases, some chats at a time. When the target goes down, what was not finished is left out.

    `cases` are iterated more than once. `subject` is what is asked, in words; `journal` may hold chats of an
    interrupted replay of the same. `meanwhile` is called once, while the first answers are awaited. Raises UsageError,
    before anything is sent, if a case needs what is not available.
    """
    journal = Journal() if journal is None else journal
    requirements = CaseRequirements(cases, plan.repeats)
    requirements.check(rag is not None, services)
    requirements.import_functions()
    most = min(max(plan.concurrency, 1), requirements.chats)
    run = ReplayRun(
        cases, requirements, ChatRunner(target, plan, rag, services, most), plan.about(subject or {}), journal, progress
    )
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
            return ReplayResult(run.results(), run.failure, run.queue.before)
        case failure:
            raise failure


class ReplayRun:
    """What the worker threads share: the chats still to do, the journal, and the first failure."""

    def __init__(
        self,
        cases: Collection[Case],
        requirements: CaseRequirements,
        runner: ChatRunner,
        about: Mapping[str, Any],
        journal: Journal,
        progress: Progress | None,
    ) -> None:
        self.requirements = requirements
        self.runner = runner
        self.about = about
        self.journal = journal
        self.progress = progress
        self.restarted_chains = self.unfinished_chains(cases) if len(journal) else set()
        self.queue = ChatQueue(cases, self.chats, self.ended_before)
        self.failure: BaseException | None = None
        self.completed = 0
        self.lock = threading.Lock()

    def chats(self, case: Case) -> Iterator[PendingChat]:
        for repeat in range(self.requirements.repeats(case)):
            yield PendingChat(case, repeat, records.chat_key(case, repeat, self.about))

    def unfinished_chains(self, cases: Collection[Case]) -> set[tuple[str, int] | None]:
        """Chains of which a chat is missing in the journal: a history cannot be taken up in the middle."""
        named = (case for case in cases if case.user is not None)
        return {chat.chain for case in named for chat in self.chats(case) if chat.key not in self.journal}

    def ended_before(self, chat: PendingChat) -> bool:
        return chat.key in self.journal and not (chat.chain and chat.chain in self.restarted_chains)

    def work(self) -> None:
        try:
            while chat := self.next():
                self.end(chat, self.runner.chat(chat.case, chat.repeat))
        except Interrupted:
            pass
        except BaseException as error:  # a thread's boundary: the thread that waits raises it again
            self.fail(error)

    def next(self) -> PendingChat | None:
        with self.lock:
            return None if self.runner.stopped.is_set() else self.queue.pop_next()

    def stop(self) -> None:
        self.runner.stopped.set()

    def fail(self, error: BaseException) -> None:
        with self.lock:
            self.runner.stopped.set()
            self.failure = self.failure or error

    def end(self, pending: PendingChat, chat: Chat) -> None:
        self.journal.add(pending.key, chat)
        with self.lock:
            self.queue.mark_ended(pending)
            self.completed += 1
            if self.progress:
                self.progress(self.completed + self.queue.before, self.requirements.chats, chat)

    def results(self) -> Sequence[CaseResult]:
        stored = read_results([self.journal], list_finished_chats(self.queue.keys, self.journal))
        return tuple(stored) if len(stored) <= MOST_IN_MEMORY else stored


def list_finished_chats(keys: Sequence[tuple[str, ...]], journal: Journal) -> list[tuple[str, ...]]:
    """The keys of each case's chats that have ended; cases of which none has ended are left out."""
    ended = (tuple(key for key in of_case if key in journal) for of_case in keys)
    return [of_case for of_case in ended if of_case]

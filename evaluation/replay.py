"""Replays chat cases: the turns of a chat in order, on the model's own answers, and several chats at once."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from evaluation import prompt, scorers
from evaluation.cases import Case, Turn
from evaluation.results import CaseResult, Chat, TurnResult, together
from evaluation.said import NOTHING, Help, Said
from evaluation.target import RagTarget, Refused, Target, TargetDown, TimedReply, timed
from lmi.wire import BadReply, chat_request

Progress = Callable[[int, int, Chat], None]  # chats done, chats in all, the one that has just ended


@dataclass(frozen=True)
class Replayed:
    """What was learned, in the order of the cases; `down` says why not all of it could be."""

    results: tuple[CaseResult, ...]
    down: TargetDown | None = None


@dataclass(frozen=True)
class Plan:
    """How a replay is done."""

    concurrency: int = 8
    max_tokens: int = 128
    repeats: int = 1  # at least so often, whatever a case says
    seed: int | None = None  # of the first repeat; each further one adds 1


STANDARD = Plan()


def replay(
    cases: Sequence[Case],
    target: Target,
    plan: Plan = STANDARD,
    *,
    rag: RagTarget | None = None,
    help: Help = NOTHING,
    progress: Progress | None = None,
) -> Replayed:
    """Replay all cases, some chats at a time. When the target goes down, what was not finished is left out."""
    run = Run(cases, target, plan, rag, help, progress)
    most = min(max(plan.concurrency, 1), len(run.wanted))
    workers = [threading.Thread(target=run.work, daemon=True) for _ in range(most)]
    for worker in workers:
        worker.start()
    try:
        for worker in workers:
            worker.join()
    finally:
        run.stop()  # an interrupt in this thread must not leave the others asking
    results = together(cases, [chat for chat in run.chats if chat])
    match run.failure:
        case None:
            return Replayed(results)
        case TargetDown() as down:
            return Replayed(results, down)
        case failure:
            raise failure


class Run:
    """What the worker threads share: the chats still to do, the results, and the first failure."""

    def __init__(
        self,
        cases: Sequence[Case],
        target: Target,
        plan: Plan,
        rag: RagTarget | None,
        help: Help,
        progress: Progress | None,
    ) -> None:
        self.target = target
        self.plan = plan
        self.rag = rag
        self.help = help
        self.progress = progress
        self.wanted = [(case, number) for case in cases for number in range(max(case.repeats, plan.repeats))]
        self.chats: list[Chat | None] = [None] * len(self.wanted)
        self.failure: BaseException | None = None
        # the longest chats first: none of them is then left to run alone at the end
        self.waiting = sorted(range(len(self.wanted)), key=lambda index: (len(self.wanted[index][0].turns), -index))
        self.lock = threading.Lock()
        self.stopped = False

    def work(self) -> None:
        while (index := self.next()) is not None:
            try:
                if chat := self.chat(*self.wanted[index]):
                    self.done(index, chat)
            except BaseException as error:  # a thread's boundary: the thread that waits raises it again
                self.fail(error)

    def next(self) -> int | None:
        with self.lock:
            return None if self.stopped or not self.waiting else self.waiting.pop()

    def stop(self) -> None:
        with self.lock:
            self.stopped = True

    def fail(self, error: BaseException) -> None:
        with self.lock:
            self.stopped = True
            self.failure = self.failure or error

    def done(self, index: int, chat: Chat) -> None:
        with self.lock:
            self.chats[index] = chat
            if self.progress:
                self.progress(sum(1 for each in self.chats if each), len(self.chats), chat)

    def chat(self, case: Case, repeat: int) -> Chat | None:
        turns: list[TurnResult] = []
        earlier: list[tuple[str, str]] = []
        for turn in case.turns:
            if self.stopped:
                return None
            result = self.turn(case, turn, earlier, repeat)
            turns.append(result)
            written = turn.answer if case.goes_on_with == "written" else None
            earlier.append((turn.user, result.answer if written is None else written))
            if result.error:
                break
        whole = Chat(case, tuple(turns), repeat=repeat)
        if whole.error or not case.expect:
            return whole
        return replace(whole, scores=scorers.score(of_chat(whole), case.expect, self.help))

    def turn(self, case: Case, turn: Turn, earlier: Sequence[tuple[str, str]], repeat: int) -> TurnResult:
        """One turn: the question with what went before, the answer, and what it scores."""
        started = time.perf_counter()
        try:
            reply = self.ask(case, turn, earlier, repeat)
        except (Refused, BadReply) as error:
            return TurnResult(turn, latency_ms=(time.perf_counter() - started) * 1000, error=error.message)
        latency = (time.perf_counter() - started) * 1000
        said = Said(
            answer=reply.text,
            question=turn.user,
            passages=reply.passages or turn.passages,
            earlier=tuple(earlier),
            sources=reply.sources,
            tool_calls=reply.tool_calls,
            finish_reason=reply.finish_reason,
            completion_tokens=reply.completion_tokens,
            latency_ms=latency,
            first_token_ms=reply.first_token_ms,
        )
        return TurnResult(
            turn,
            answer=reply.text,
            scores=scorers.score(said, turn.expect, self.help),
            latency_ms=latency,
            first_token_ms=reply.first_token_ms,
            finish_reason=reply.finish_reason,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            tool_calls=reply.tool_calls,
            sources=reply.sources,
        )

    def ask(self, case: Case, turn: Turn, earlier: Sequence[tuple[str, str]], repeat: int) -> TimedReply:
        if case.through == "rag":
            if self.rag is None:
                raise Refused("This case goes through the RAG server, and none was named.")
            return self.rag(f"{case.user or case.id}", turn.user, self.plan.max_tokens)
        messages = prompt.messages(turn.user, turn.passages, earlier, case.system)
        seed = None if self.plan.seed is None else self.plan.seed + repeat
        request = chat_request(messages, self.plan.max_tokens, seed=seed, tools=case.tools)
        return timed(self.target(request))


def of_chat(chat: Chat) -> Said:
    """A whole chat as one thing that was said."""
    turns = chat.turns
    return Said(
        answer="\n".join(turn.answer for turn in turns),
        question="\n".join(turn.turn.user for turn in turns),
        passages=tuple(passage for turn in turns for passage in turn.turn.passages),
        sources=tuple(source for turn in turns for source in turn.sources),
        tool_calls=tuple(call for turn in turns for call in turn.tool_calls),
        finish_reason=turns[-1].finish_reason if turns else None,
        completion_tokens=sum(turn.completion_tokens for turn in turns),
        latency_ms=sum(turn.latency_ms for turn in turns),
        first_token_ms=turns[0].first_token_ms if turns else None,
    )

"""Replays chat cases: the turns of a chat in order, on the model's own answers, and several chats at once."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evaluation import prompt
from evaluation.cases import Case, Turn
from evaluation.scorers import Score, score
from evaluation.target import Refused, Target, TargetDown, TimedReply
from lmi.wire import BadReply, chat_request


@dataclass(frozen=True)
class TurnResult:
    turn: Turn
    answer: str = ""
    scores: tuple[Score, ...] = ()
    latency_ms: float = 0.0
    first_token_ms: float | None = None
    finish_reason: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    error: str | None = None

    @property
    def passed(self) -> bool:
        return self.error is None and all(score.passed for score in self.scores)


@dataclass(frozen=True)
class CaseResult:
    """A chat as it went; it ends early at a turn that the model server would not answer."""

    case: Case
    turns: tuple[TurnResult, ...]

    @property
    def passed(self) -> bool:
        return len(self.turns) == len(self.case.turns) and all(turn.passed for turn in self.turns)

    @property
    def error(self) -> str | None:
        return self.turns[-1].error if self.turns else None


Progress = Callable[[int, int, CaseResult], None]  # chats done, chats in all, the one that has just ended


@dataclass(frozen=True)
class Replayed:
    """What was learned, in the order of the cases; `down` says why not all of it could be."""

    results: tuple[CaseResult, ...]
    down: TargetDown | None = None


def replay(
    cases: Sequence[Case], target: Target, *, concurrency: int, max_tokens: int, progress: Progress | None = None
) -> Replayed:
    """Replay all cases, `concurrency` chats at a time. When the target goes down, what was not finished is left out."""
    run = Run(cases, target, max_tokens, progress)
    workers = [threading.Thread(target=run.work, daemon=True) for _ in range(min(max(concurrency, 1), len(cases)))]
    for worker in workers:
        worker.start()
    try:
        for worker in workers:
            worker.join()
    finally:
        run.stop()  # an interrupt in this thread must not leave the others asking
    results = tuple(result for result in run.results if result)
    match run.failure:
        case None:
            return Replayed(results)
        case TargetDown() as down:
            return Replayed(results, down)
        case failure:
            raise failure


class Run:
    """What the worker threads share: the chats still to do, the results, and the first failure."""

    def __init__(self, cases: Sequence[Case], target: Target, max_tokens: int, progress: Progress | None) -> None:
        self.cases = cases
        self.target = target
        self.max_tokens = max_tokens
        self.progress = progress
        self.results: list[CaseResult | None] = [None] * len(cases)
        self.failure: BaseException | None = None
        # the longest chats first: none of them is then left to run alone at the end
        self.waiting = sorted(range(len(cases)), key=lambda index: (len(cases[index].turns), -index))
        self.lock = threading.Lock()
        self.stopped = False

    def work(self) -> None:
        while (index := self.next()) is not None:
            try:
                if result := self.chat(self.cases[index]):
                    self.done(index, result)
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

    def done(self, index: int, result: CaseResult) -> None:
        with self.lock:
            self.results[index] = result
            if self.progress:
                self.progress(sum(1 for result in self.results if result), len(self.results), result)

    def chat(self, case: Case) -> CaseResult | None:
        turns: list[TurnResult] = []
        history: list[tuple[str, str]] = []
        for turn in case.turns:
            if self.stopped:
                return None
            result = ask(self.target, turn, history, case.system, self.max_tokens)
            turns.append(result)
            history.append((turn.user, result.answer))
            if result.error:
                break
        return CaseResult(case, tuple(turns))


def ask(
    target: Target, turn: Turn, history: Sequence[tuple[str, str]], system: str | None, max_tokens: int
) -> TurnResult:
    """One turn: the question with what went before, the answer, and what it scores."""
    request = chat_request(prompt.messages(turn.user, turn.passages, history, system), max_tokens)
    started = time.perf_counter()
    try:
        reply = target(request)
    except (Refused, BadReply) as error:
        return TurnResult(turn, latency_ms=(time.perf_counter() - started) * 1000, error=error.message)
    return TurnResult(
        turn,
        answer=reply.text,
        scores=score(reply.text, turn.expect),
        latency_ms=(time.perf_counter() - started) * 1000,
        first_token_ms=reply.first_token_ms if isinstance(reply, TimedReply) else None,
        finish_reason=reply.finish_reason,
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
    )

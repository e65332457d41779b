"""One turn, in order: what is live, the last turns, the passages, the model, and the new turn written to the history.

Threads, not asyncio: boto3 is synchronous, and a turn is a handful of blocking calls. A turn runs in one thread from
its first call to its last, so this file reads from top to bottom.
"""

import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from sluice import chat_api
from sluice.evaluation.prompt import TURNS
from sluice.rag import budget, model
from sluice.rag.endpoint import Live, LiveEndpointWatcher
from sluice.rag.history import History, Turn
from sluice.rag.retrieval import Retrieval, Source

if TYPE_CHECKING:
    from types_boto3_sagemaker_runtime.client import SageMakerRuntimeClient


@dataclass(frozen=True)
class Question:
    user: str
    text: str
    max_tokens: int
    documents: bool = True


@dataclass(frozen=True)
class Sources:
    sources: list[Source]


@dataclass(frozen=True)
class Token:
    text: str


@dataclass(frozen=True)
class AnswerEnd:
    answer: str
    sources: list[Source]
    live: Live
    turn: Turn
    prompt_tokens: int
    completion_tokens: int
    finish_reason: str | None
    latency_ms: float
    first_token_ms: float | None


T = TypeVar("T")
Event = Sources | Token | AnswerEnd


@dataclass(frozen=True)
class Parts:
    """What a turn works with."""

    follower: LiveEndpointWatcher
    history: History
    retrieval: Retrieval
    runtime: "SageMakerRuntimeClient"
    passages: int
    clock: Callable[[], float] = time.perf_counter


@dataclass
class ChatTurn:
    """One question on its way to its answer. Its fields tell how far it came, whatever becomes of it."""

    parts: Parts
    question: Question
    live: Live | None = None
    turn: Turn | None = None
    sources: list[Source] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    finish_reason: str | None = None
    usage: tuple[int, int] = (0, 0)
    started: float = 0.0
    first_token: float | None = None
    interrupted: bool = False
    _look: int = 0
    _prompt: budget.Prompt = field(default_factory=lambda: budget.Prompt([], 0, 0))

    def __post_init__(self) -> None:
        self.started = self.parts.clock()

    @property
    def answer(self) -> str:
        return "".join(self.pieces)

    @property
    def latency_ms(self) -> float:
        return round((self.parts.clock() - self.started) * 1000, 1)

    def answer_whole(self) -> Generator[Event, None, None]:
        """The answer in one piece."""
        self._prepare()
        reply = self._call_live_endpoint(self._complete)
        self.pieces, self.finish_reason = [reply.text], reply.finish_reason
        self.usage = reply.prompt_tokens, reply.completion_tokens
        yield self._finish()

    def stream_answer(self) -> Generator[Event, None, None]:
        """The sources, the answer token by token, and the end. Nothing is yielded before the first token is there, so
        an error until then can still be an HTTP status. Close it to hang up: what was said is written to the history.
        """
        self._prepare()
        text, tokens = self._call_live_endpoint(self._first_token)
        with closing(tokens):
            try:
                yield Sources(self.sources)
                if text:
                    yield self._record_token(text)
                for text in tokens:
                    yield self._record_token(text)
            except GeneratorExit:
                self._interrupt()
                raise
        yield self._finish()

    def _prepare(self) -> None:
        self.live, self._look = self.parts.follower.current()
        earlier = self.parts.history.recent(self.question.user, TURNS)
        if self.question.documents and self.parts.passages:
            before = earlier[0].question if earlier else ""
            self.sources = self.parts.retrieval.find(self.question.text, self.parts.passages, before)
        self._prompt = budget.fit_prompt(
            self.question.text,
            [source.passage for source in self.sources],
            [(turn.question, turn.answer) for turn in reversed(earlier) if turn.answer],
            self.question.max_tokens,
            self.live.context,
        )
        self.sources = self.sources[: self._prompt.passages]

    def _call_live_endpoint(self, request: Callable[[Live], T]) -> T:
        """Ask; if the endpoint is lost and another one is live by now, ask that one, once."""
        live = self._require_live()
        try:
            return request(live)
        except model.EndpointLost:
            renewed, self._look = self.parts.follower.look_again(self._look)
            if renewed.endpoint == live.endpoint:
                raise
            self.live = renewed
            return request(renewed)

    def _require_live(self) -> Live:
        assert self.live is not None
        return self.live

    def _complete(self, live: Live) -> chat_api.Reply:
        request = chat_api.chat_request(self._prompt.messages, self._prompt.max_tokens)
        return model.complete(self.parts.runtime, live.endpoint, request)

    def _first_token(self, live: Live) -> tuple[str, Generator[str, None, None]]:
        tokens = self._tokens(live)
        return next(tokens, ""), tokens

    def _tokens(self, live: Live) -> Generator[str, None, None]:
        request = chat_api.chat_request(self._prompt.messages, self._prompt.max_tokens, stream=True)
        with closing(model.stream(self.parts.runtime, live.endpoint, request)) as objects:
            for obj in objects:
                self.finish_reason = chat_api.finish(obj) or self.finish_reason
                self.usage = chat_api.usage(obj) or self.usage
                if text := chat_api.delta(obj):
                    yield text

    def _record_token(self, text: str) -> Token:
        self.first_token = self.first_token or self.latency_ms
        self.pieces.append(text)
        return Token(text)

    def _interrupt(self) -> None:
        """The reader went away. What they saw becomes part of the chat, marked as cut off."""
        self.interrupted = True
        if self.pieces:
            self.turn = self._write(interrupted=True)

    def _finish(self) -> AnswerEnd:
        self.turn = self._write()
        live, (prompt_tokens, completion_tokens) = self._require_live(), self.usage
        return AnswerEnd(
            answer=self.answer,
            sources=self.sources,
            live=live,
            turn=self.turn,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            finish_reason=self.finish_reason,
            latency_ms=self.latency_ms,
            first_token_ms=self.first_token,
        )

    def _write(self, interrupted: bool = False) -> Turn:
        live = self._require_live()
        return self.parts.history.add(
            self.question.user,
            self.question.text,
            self.answer,
            version=live.version,
            endpoint=live.endpoint,
            sources=[{"id": source.id, "title": source.title} for source in self.sources],
            interrupted=interrupted,
        )

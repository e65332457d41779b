"""What a replay learned: each turn, each chat, and a case's chats together when it was repeated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluation.cases import Case, Turn
from evaluation.said import Score


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
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    sources: tuple[str, ...] = ()  # through the RAG server: what it says it answered from
    attempts: int = 1  # how often it was asked: throttled and cold endpoints are asked again
    error: str | None = None
    cost: float | None = None  # in USD; None: no price was given

    @property
    def passed(self) -> bool:
        return self.error is None and all(score.passed for score in self.scores)


@dataclass(frozen=True)
class Chat:
    """A case as it went, once; it ends early at a turn that the model server would not answer."""

    case: Case
    turns: tuple[TurnResult, ...]
    scores: tuple[Score, ...] = ()  # of what the case expects of the whole chat
    repeat: int = 0  # which of the case's repeats, from 0

    @property
    def passed(self) -> bool:
        whole = len(self.turns) == len(self.case.turns) and all(score.passed for score in self.scores)
        return whole and all(turn.passed for turn in self.turns)

    @property
    def error(self) -> str | None:
        return self.turns[-1].error if self.turns else None


@dataclass(frozen=True)
class CaseResult:
    """All chats of one case, in the order of their repeats."""

    case: Case
    chats: tuple[Chat, ...]

    @property
    def passed(self) -> bool:
        return bool(self.chats) and all(chat.passed for chat in self.chats)

    @property
    def rate(self) -> float:
        """The share of its chats that passed."""
        return sum(chat.passed for chat in self.chats) / len(self.chats) if self.chats else 0.0

    @property
    def flaky(self) -> bool:
        """Passed once and failed once, asked the same."""
        return 0 < self.rate < 1

    @property
    def error(self) -> str | None:
        return next((chat.error for chat in self.chats if chat.error), None)

    @property
    def shown(self) -> Chat:
        """The chat to look at: the first that did not pass, else the first."""
        return next((chat for chat in self.chats if not chat.passed), self.chats[0])


def together(cases: Sequence[Case], chats: Sequence[Chat]) -> tuple[CaseResult, ...]:
    """Chats by their cases, in the order of the cases; a case of which no chat ended is left out."""
    by_id: dict[str, list[Chat]] = {}
    for chat in chats:
        by_id.setdefault(chat.case.id, []).append(chat)
    return tuple(
        CaseResult(case, tuple(sorted(by_id[case.id], key=lambda chat: chat.repeat)))
        for case in cases
        if case.id in by_id
    )

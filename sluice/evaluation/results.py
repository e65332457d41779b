"""The results of a replay: of each turn, of each chat, and of a case's chats together when it was repeated."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, overload

from sluice.evaluation.cases.case import Case, Turn
from sluice.evaluation.scoring import Score


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
    passages: tuple[str, ...] = ()  # and what stood in them
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
        """Whether one of its chats passed and another did not, on the same questions."""
        return 0 < self.rate < 1

    @property
    def error(self) -> str | None:
        return next((chat.error for chat in self.chats if chat.error), None)

    @property
    def deciding_chat(self) -> Chat:
        """The chat to look at: the first that did not pass, else the first."""
        return next((chat for chat in self.chats if not chat.passed), self.chats[0])


EMPTY_TURN = Turn("")


class Results(Sequence[CaseResult]):
    """Results of a replay that is too large to hold: each is read when it is looked at."""

    def __init__(self, count: int, read: Callable[[int], CaseResult]) -> None:
        self._count = count
        self._read = read

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> CaseResult: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[CaseResult, ...]: ...
    def __getitem__(self, index: int | slice) -> CaseResult | tuple[CaseResult, ...]:
        selection = range(self._count)[index]
        return self._read(selection) if isinstance(selection, int) else tuple(map(self._read, selection))

    def __iter__(self) -> Iterator[CaseResult]:
        return map(self._read, range(self._count))

    @cached_property
    def light(self) -> tuple[CaseResult, ...]:
        """What `strip_texts` returns; computed once, as it takes reading all of them."""
        return tuple(map(strip_case, self))


def strip_texts(results: Iterable[CaseResult]) -> tuple[CaseResult, ...]:
    """The same results without their texts: all that figures and a verdict are made of, in little memory."""
    return results.light if isinstance(results, Results) else tuple(map(strip_case, results))


def strip_case(result: CaseResult) -> CaseResult:
    case = replace(result.case, turns=(EMPTY_TURN,) * len(result.case.turns), system=None, tools=(), expect={})
    return CaseResult(
        case, tuple(replace(chat, case=case, turns=tuple(map(strip_turn, chat.turns))) for chat in result.chats)
    )


def strip_turn(turn: TurnResult) -> TurnResult:
    scores = tuple(score for score in turn.scores if not score.passed)
    return replace(turn, turn=EMPTY_TURN, answer="", scores=scores, tool_calls=(), sources=(), passages=())

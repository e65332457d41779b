"""What was said in a turn, as expectations look at it, and the score that an expectation gives."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Said:
    """An answer with everything that it may be held against. About a whole chat: all its answers, one a line."""

    answer: str
    question: str = ""
    passages: tuple[str, ...] = ()  # what the model was given to answer from
    earlier: tuple[tuple[str, str], ...] = ()  # (question, answer) of the turns before, as they were sent
    sources: tuple[str, ...] = ()  # what the RAG server says it answered from
    tool_calls: tuple[Json, ...] = ()  # {"name": ..., "arguments": {...}}
    finish_reason: str | None = None
    completion_tokens: int = 0
    latency_ms: float = 0.0
    first_token_ms: float | None = None


@dataclass(frozen=True)
class Score:
    """`why` is read by people who have not seen the code; `value` is a figure behind it, if there is one."""

    name: str
    passed: bool
    why: str
    value: float | None = None


@dataclass(frozen=True)
class Vote:
    """What a judge model said of one answer."""

    passed: bool
    why: str


@dataclass(frozen=True)
class Help:
    """What a few expectations need from outside. None: it was not given, and `Kind.needs` says so before a replay."""

    judge: Callable[[Said, str, str | None], Sequence[Vote]] | None = None  # said, rubric, reference answer -> votes
    embed: Callable[[Sequence[str]], Sequence[Sequence[float]]] | None = None  # texts -> one vector each


NOTHING = Help()


@dataclass(frozen=True)
class Kind:
    """A kind of expectation: how its argument is written in a case, and how an answer is held against it."""

    name: str
    about: str  # one sentence for editors and docs/cases.md
    schema: Json  # of the argument
    problems: Callable[[Any], Iterator[str]]  # what is wrong with an argument, in words; each completes "<place> ..."
    told: Callable[[Any], str]  # the expectation in words, as in "expected: contains '15일'"
    score: Callable[[Said, Any, Help], Score]
    examples: tuple[Any, ...] = ()
    needs: Callable[[Any], str | None] = field(default=lambda argument: None)  # "judge" | "embed" | None

"""A sample to score, the scorers' specification, and the score that one gives."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sluice.evaluation.reasoning import without_reasoning

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Sample:
    """An answer with everything that it may be held against. About a whole chat: all its answers, one a line.

    Answers are kept without the reasoning in them, whoever makes this: no expectation is met or missed by a thought.
    """

    answer: str
    question: str = ""
    passages: tuple[str, ...] = ()  # what the model was given to answer from
    earlier: tuple[tuple[str, str], ...] = ()  # (question, answer) of the turns before
    sources: tuple[str, ...] = ()  # what the RAG server says it answered from
    tool_calls: tuple[Json, ...] = ()  # {"name": ..., "arguments": {...}}
    finish_reason: str | None = None
    completion_tokens: int = 0
    latency_ms: float = 0.0
    first_token_ms: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "answer", without_reasoning(self.answer))
        earlier = tuple((question, without_reasoning(answer)) for question, answer in self.earlier)
        object.__setattr__(self, "earlier", earlier)


@dataclass(frozen=True)
class Score:
    """`why` is read by people who have not seen the code; `value` is a figure behind it, if there is one."""

    name: str
    passed: bool
    why: str
    value: float | None = None


@dataclass(frozen=True)
class Vote:
    """A judge model's decision on one answer, and the sentence that it gave for it."""

    passed: bool
    why: str


@dataclass(frozen=True)
class ScoringServices:
    """What a few expectations need from outside; without it (None) a replay of cases that need it does not start."""

    judge: Callable[[Sample, str, str | None], Sequence[Vote]] | None = None  # sample, rubric, reference -> votes
    embed: Callable[[Sequence[str]], Sequence[Sequence[float]]] | None = None  # texts -> one vector each


NOTHING = ScoringServices()


@dataclass(frozen=True)
class ScorerSpec:
    """A kind of expectation: how its argument is written in a case, and how an answer is held against it."""

    name: str
    about: str  # one sentence for editors and docs/cases.md
    schema: Json  # of the argument
    problems: Callable[[Any], Iterator[str]]  # what is wrong with an argument, in words; each completes "<place> ..."
    describe: Callable[[Any], str]  # the expectation in words, as in "expected: contains '15일'"
    score: Callable[[Sample, Any, ScoringServices], Score]
    examples: tuple[Any, ...] = ()
    needs: Callable[[Any], str | None] = field(default=lambda argument: None)  # "judge" | "embed" | None

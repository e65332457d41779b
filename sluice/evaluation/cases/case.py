"""A chat case: a scripted chat and what its answers must hold, as the rest of Sluice sees it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeVar

from sluice.errors import UsageError
from sluice.evaluation import scorers

PASSAGES = 4  # as many as the prompt is made for
GoesOnWith = Literal["answers", "written"]
Through = Literal["model", "rag"]


@dataclass(frozen=True)
class Turn:
    user: str
    answer: str | None = None  # the written one, which a chat may go on with instead of the model's own
    passages: tuple[str, ...] = ()
    expect: Mapping[str, Any] = field(default_factory=dict)

    @property
    def expected(self) -> str:
        """What the answer must hold, in words."""
        return describe_expectations(self.expect)


@dataclass(frozen=True)
class Case:
    """A scripted chat."""

    id: str
    turns: tuple[Turn, ...]
    expect: Mapping[str, Any] = field(default_factory=dict)  # of all its answers together
    tags: tuple[str, ...] = ()
    system: str | None = None
    tools: tuple[Mapping[str, Any], ...] = ()  # functions that the model may call, as OpenAI describes them
    weight: float = 1.0
    critical: bool = False  # must never fail
    repeats: int = 1  # how often it is replayed, to find out whether it is flaky
    goes_on_with: GoesOnWith = "answers"
    through: Through = "model"
    user: str | None = None  # through the RAG server: whose chat; cases that name the same user share a history
    reviewed: bool = True  # a harvested case is not, until a person says so; then it may gate
    place: str = field(default="", compare=False)

    @property
    def expected(self) -> str:
        """What the whole chat must hold, in words."""
        return describe_expectations(self.expect)


AnyCases = TypeVar("AnyCases", bound=Iterable[Case])


def describe_expectations(expect: Mapping[str, Any]) -> str:
    return "; ".join(scorers.get_scorer(name).describe(argument) for name, argument in expect.items())


def require_reviewed(cases: AnyCases) -> AnyCases:
    """Return the same cases, which may decide a release. Raises UsageError if one of them is not reviewed."""
    unreviewed = [case.id for case in cases if not case.reviewed]
    if unreviewed:
        raise UsageError(
            f"{len(unreviewed)} cases are unreviewed and cannot gate: {', '.join(unreviewed[:5])}"
            f"{' ...' if len(unreviewed) > 5 else ''}.",
            "Read them, then remove `reviewed: false`; or move them out of the folder.",
        )
    return cases


def digest(cases: Iterable[Case]) -> str:
    """A hash of 16 hexadecimal digits: the same for the same cases, wherever their files lie."""
    whole = hashlib.sha256()
    for case in cases:
        content = asdict(case) | {"place": ""}
        whole.update(json.dumps(content, ensure_ascii=False, sort_keys=True).encode())
    return whole.hexdigest()[:16]

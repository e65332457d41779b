"""Which cases can be asked in a release, and whether all is named that they need. Pure: also asked before one starts.

Cases that go through the RAG server can be asked only where that server asks the endpoint under judgement. Inside the
evaluation job there is none, and a new endpoint is unknown to it until the version is live. So either it is named, for
an endpoint that keeps its name; or the file leaves these cases to `sluice replay --rag`; or the release stops here.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sluice.errors import UsageError
from sluice.evaluation.cases.case import Case, gating
from sluice.evaluation.cases.requirements import CaseRequirements
from sluice.evaluation.scoring import ScoringServices
from sluice.evaluation.settings import Rag, Settings

SHOWN = 5


def check(cases: Collection[Case], settings: Settings, on_endpoint: bool) -> None:
    """Raises UsageError if a release could not be judged by these cases."""
    asked, _ = chosen(gating(cases), settings.rag, on_endpoint)
    named = ScoringServices(judge=nobody if settings.judge else None, embed=nobody if settings.embeddings else None)
    CaseRequirements(asked).check(rag=True, help=named)


def nobody(*_: Any) -> Any:
    raise AssertionError("only looked at")


def chosen(cases: Collection[Case], rag: Rag, on_endpoint: bool) -> tuple[Collection[Case], tuple[str, ...]]:
    """The cases that can be asked here, and the ids of those that cannot. Raises UsageError if these stop a release."""
    through = tuple(case.id for case in cases if case.through == "rag")
    if not through or (rag.url and on_endpoint):
        return cases, ()
    if not rag.url and not rag.leave_out:
        raise UsageError(
            f"{len(through)} cases go through the RAG server, which a release cannot ask about a version that is not"
            f" live: {ids(through)}.",
            "Leave them to `sluice replay --rag` with `evaluation: {rag: {leave_out: true}}`, or move them out of "
            "evaluation.cases.",
        )
    if len(through) == len(cases):
        raise UsageError("Every case goes through the RAG server, so nothing is left to judge a version by.")
    return OfTheModel(cases), through


class OfTheModel(Collection[Case]):
    """Those of some cases that the model is asked directly."""

    def __init__(self, cases: Collection[Case]) -> None:
        self._cases = cases

    def __iter__(self) -> Iterator[Case]:
        return (case for case in self._cases if case.through == "model")

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, case: object) -> bool:
        return any(case == each for each in self)


def ids(found: Sequence[str]) -> str:
    return ", ".join(found[:SHOWN]) + (" ..." if len(found) > SHOWN else "")

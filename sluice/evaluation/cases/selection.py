"""Which cases a release can replay, and whether all is named that they need. Pure: also checked before one starts.

Cases that go through the RAG server can be replayed only where that server uses the endpoint under test. Inside the
evaluation job there is none, and a new endpoint is unknown to it until the version is live. So either it is named, for
an endpoint that keeps its name; or the file leaves these cases to `sluice replay --rag`; or the release stops here.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sluice.errors import UsageError
from sluice.evaluation.cases.case import Case, require_reviewed
from sluice.evaluation.cases.requirements import CaseRequirements
from sluice.evaluation.scoring import ScoringServices
from sluice.evaluation.settings import EvaluationSettings, RagSettings

MOST_LISTED = 5


def check_release_cases(cases: Collection[Case], settings: EvaluationSettings, on_endpoint: bool) -> None:
    """Raise UsageError if a release could not be evaluated on these cases."""
    selected, _ = select_cases(require_reviewed(cases), settings.rag, on_endpoint)
    judge, embed = (never_called if helper else None for helper in (settings.judge, settings.embeddings))
    CaseRequirements(selected).check(rag=True, services=ScoringServices(judge, embed))


def never_called(*_: Any) -> Any:
    raise AssertionError("only looked at")


def select_cases(
    cases: Collection[Case], rag: RagSettings, on_endpoint: bool
) -> tuple[Collection[Case], tuple[str, ...]]:
    """The cases that can be replayed, and the ids of those that cannot. Raises UsageError if these stop a release."""
    through = tuple(case.id for case in cases if case.through == "rag")
    if not through or (rag.url and on_endpoint):
        return cases, ()
    if not rag.url and not rag.leave_out:
        raise UsageError(
            f"{len(through)} cases go through the RAG server, which a release cannot ask about a version that is not"
            f" live: {join_ids(through)}.",
            "Leave them to `sluice replay --rag` with `evaluation: {rag: {leave_out: true}}`, or move them out of "
            "evaluation.cases.",
        )
    if len(through) == len(cases):
        raise UsageError("Every case goes through the RAG server, so nothing is left to judge a version by.")
    return DirectCases(cases), through


class DirectCases(Collection[Case]):
    """The cases of a collection that go to the model directly, not through the RAG server."""

    def __init__(self, cases: Collection[Case]) -> None:
        self._cases = cases

    def __iter__(self) -> Iterator[Case]:
        return (case for case in self._cases if case.through == "model")

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, case: object) -> bool:
        return any(case == each for each in self)


def join_ids(case_ids: Sequence[str]) -> str:
    return ", ".join(case_ids[:MOST_LISTED]) + (" ..." if len(case_ids) > MOST_LISTED else "")

"""The whole evaluation in one function: replay the cases on a target, decide, and build the report."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sluice.errors import UsageError
from sluice.evaluation.cases.case import Case, require_reviewed
from sluice.evaluation.gate import Gate
from sluice.evaluation.replay.engine import Progress, ReplayResult, replay
from sluice.evaluation.replay.journal import Journal
from sluice.evaluation.replay.plan import STANDARD, Plan
from sluice.evaluation.replay.target import RagTarget, Target
from sluice.evaluation.results import CaseResult, strip_texts
from sluice.evaluation.scoring import NOTHING, ScoringServices

if TYPE_CHECKING:
    from sluice.evaluation.report import Report
    from sluice.evaluation.verdict import Verdict

Compare = Callable[[Sequence[CaseResult]], Mapping[str, Any] | None]  # the results with the champion's


@dataclass(frozen=True)
class StartTime:
    """When an evaluation began: as a time, and on a clock that only goes forward."""

    at: datetime
    clock: float

    @classmethod
    def now(cls) -> "StartTime":
        return cls(datetime.now(UTC), time.perf_counter())


def evaluate(
    cases: Collection[Case],
    target: Target,
    gate: Gate,
    plan: Plan = STANDARD,
    *,
    rag: RagTarget | None = None,
    services: ScoringServices = NOTHING,
    subject: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    journal: Journal | None = None,
    compare: Compare | None = None,
    gates: bool = False,
    meanwhile: Callable[[], None] | None = None,
) -> "Report":
    """Evaluate whatever answers at `target`. If it is down, the report's verdict is "error", never "fail".

    `gates`: the verdict decides a release. Then nothing may come from a cache, and every case must be reviewed.
    """
    if gates:
        check_may_gate(cases, plan)
    began = StartTime.now()
    replayed = replay(
        cases,
        target,
        plan,
        rag=rag,
        services=services,
        subject=subject,
        journal=journal,
        progress=progress,
        meanwhile=meanwhile,
    )
    return build_report(replayed, gate, plan, began, subject=subject, compare=compare)


def build_report(
    replayed: ReplayResult,
    gate: Gate,
    plan: Plan,
    began: StartTime,
    *,
    subject: Mapping[str, str] | None = None,
    compare: Compare | None = None,
) -> "Report":
    """Decide, and report on what was replayed here, or in parts elsewhere (`shards.merge`)."""
    from sluice.evaluation.report import Report
    from sluice.evaluation.verdict import decide

    results, down = replayed.results, replayed.down
    light = strip_texts(results)
    comparison = compare(results) if compare and not down else None
    verdict = decide(light, gate, down=down.message if down else None, comparison=comparison)
    return Report(
        verdict=make_inconclusive(verdict) if plan.cached else verdict,
        gate=gate,
        results=results,
        started=began.at.isoformat(timespec="seconds"),
        seconds=time.perf_counter() - began.clock,
        subject=subject or {},
        plan=asdict(plan),
        comparison=comparison,
        warnings=tuple(list_warnings(light, replayed.before, plan)),
    )


def check_may_gate(cases: Iterable[Case], plan: Plan) -> None:
    """Raise UsageError if a release could not rest on a verdict: answers may be cached, or a case is not reviewed."""
    if plan.cached:
        raise UsageError("A replay whose answers come from a cache cannot gate.", "Leave the cache out.")
    require_reviewed(cases)


def make_inconclusive(verdict: "Verdict") -> "Verdict":
    """Return the verdict as "inconclusive" where it was "pass": for a replay whose answers may be cached."""
    from sluice.evaluation.verdict import shorten

    if verdict.verdict != "pass":
        return verdict
    why = "Answers came from a cache, which decides nothing."
    return replace(verdict, verdict="inconclusive", summary=shorten(f"{why} {verdict.summary}"))


def list_warnings(results: Iterable[CaseResult], before: int, plan: Plan) -> Iterable[str]:
    if plan.cached:
        yield "Answers came from a cache: times are those of when they were kept, and this decides nothing."
    if before:
        yield f"{before} chats were taken from the journal of an interrupted replay."
    cut = [result.case.id for result in results if was_cut_off(result)]
    if cut:
        yield f"Answers were cut off at max_tokens={plan.max_tokens} in {len(cut)} cases: {', '.join(cut[:5])}."


def was_cut_off(result: CaseResult) -> bool:
    return any(turn.finish_reason == "length" for chat in result.chats for turn in chat.turns)

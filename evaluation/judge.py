"""The whole judgement in one function: replay the cases on a target, decide, and give an account of it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from evaluation.cases import Case
from evaluation.gate import Gate
from evaluation.replay import STANDARD, Plan, Progress, replay
from evaluation.report import Report
from evaluation.results import CaseResult
from evaluation.said import NOTHING, Help
from evaluation.target import RagTarget, Target
from evaluation.verdict import decide


def judge(
    cases: Sequence[Case],
    target: Target,
    gate: Gate,
    plan: Plan = STANDARD,
    *,
    rag: RagTarget | None = None,
    help: Help = NOTHING,
    subject: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Report:
    """Judge whatever answers at `target`. If it is down, the report's verdict is "error", never "fail"."""
    started, clock = datetime.now(UTC), time.perf_counter()
    replayed = replay(cases, target, plan, rag=rag, help=help, progress=progress)
    verdict = decide(replayed.results, gate, down=replayed.down.message if replayed.down else None)
    return Report(
        verdict=verdict,
        gate=gate,
        results=replayed.results,
        started=started.isoformat(timespec="seconds"),
        seconds=time.perf_counter() - clock,
        subject=subject or {},
        plan=asdict(plan),
        warnings=cut_off(replayed.results, plan.max_tokens),
    )


def cut_off(results: Sequence[CaseResult], max_tokens: int) -> tuple[str, ...]:
    cut = [
        result.case.id
        for result in results
        if any(turn.finish_reason == "length" for chat in result.chats for turn in chat.turns)
    ]
    if not cut:
        return ()
    return (f"Answers were cut off at max_tokens={max_tokens} in {len(cut)} cases: {', '.join(cut[:5])}.",)

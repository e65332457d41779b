"""The whole judgement in one function: replay the cases on a target, decide, and give an account of it."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from evaluation.cases import Case
from evaluation.replay import CaseResult, Progress, replay
from evaluation.report import Report
from evaluation.target import Target
from evaluation.verdict import Gate, decide


def judge(
    cases: Sequence[Case],
    target: Target,
    gate: Gate,
    *,
    concurrency: int = 8,
    max_tokens: int = 128,
    subject: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Report:
    """Judge whatever answers at `target`. If it is down, the report's verdict is "error", never "fail"."""
    started, clock = datetime.now(UTC), time.perf_counter()
    replayed = replay(cases, target, concurrency=concurrency, max_tokens=max_tokens, progress=progress)
    verdict = decide(replayed.results, gate, down=replayed.down.message if replayed.down else None)
    return Report(
        verdict=verdict,
        gate=gate,
        results=replayed.results,
        started=started.isoformat(timespec="seconds"),
        seconds=time.perf_counter() - clock,
        subject=subject or {},
        warnings=cut_off(replayed.results, max_tokens),
    )


def cut_off(results: Sequence[CaseResult], max_tokens: int) -> tuple[str, ...]:
    cut = [result.case.id for result in results if any(turn.finish_reason == "length" for turn in result.turns)]
    if not cut:
        return ()
    return (f"Answers were cut off at max_tokens={max_tokens} in {len(cut)} cases: {', '.join(cut[:5])}.",)

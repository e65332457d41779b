"""The one account of a judgement: the gate, the approver and the terminal read it, and nobody recomputes it."""

import json
import math
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from evaluation.replay import CaseResult, TurnResult
from evaluation.verdict import Gate, Verdict
from lmi.errors import SluiceError

SCHEMA_VERSION = 1
FILE = "report.json"


class CannotWrite(SluiceError):
    """The report has no place to go."""


class NoReport(SluiceError):
    """What was read is not a report."""


@dataclass(frozen=True)
class Report:
    verdict: Verdict
    gate: Gate
    results: tuple[CaseResult, ...]
    started: str
    seconds: float
    subject: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    mlflow: Mapping[str, str] | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "verdict": self.verdict.verdict,
            "summary": self.verdict.summary,
            "reasons": list(self.verdict.reasons),
            "gate": asdict(self.gate),
            "subject": dict(self.subject),
            "started": self.started,
            "seconds": round(self.seconds, 3),
            "totals": totals(self.results),
            "cases": [case(result) for result in self.results],
            "warnings": list(self.warnings),
            "mlflow": dict(self.mlflow) if self.mlflow else None,
        }


def totals(results: Sequence[CaseResult]) -> dict[str, Any]:
    turns = [turn for result in results for turn in result.turns]
    answered = sorted(turn.latency_ms for turn in turns if turn.error is None)
    passed = sum(result.passed for result in results)
    errors = sum(result.error is not None for result in results)
    return {
        "cases": len(results),
        "passed": passed,
        "failed": len(results) - passed - errors,
        "errors": errors,
        "turns": len(turns),
        "pass_rate": round(passed / len(results), 4) if results else 0.0,
        "latency_ms": {
            "p50": percentile(answered, 0.50),
            "p95": percentile(answered, 0.95),
            "max": percentile(answered, 1.0),
        },
        "tokens": {
            "prompt": sum(turn.prompt_tokens for turn in turns),
            "completion": sum(turn.completion_tokens for turn in turns),
        },
    }


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The nearest rank: a latency that was really seen."""
    if not ordered:
        return None
    return round(ordered[math.ceil(len(ordered) * share) - 1], 1)


def case(result: CaseResult) -> dict[str, Any]:
    return {
        "id": result.case.id,
        "tags": list(result.case.tags),
        "passed": result.passed,
        "turns": [turn(item) for item in result.turns],
    }


def turn(result: TurnResult) -> dict[str, Any]:
    return {
        "user": result.turn.user,
        "passages": list(result.turn.passages),
        "expected": result.turn.expected,
        "answer": result.answer,
        "passed": result.passed,
        "scores": [asdict(score) for score in result.scores],
        "latency_ms": round(result.latency_ms, 1),
        "first_token_ms": None if result.first_token_ms is None else round(result.first_token_ms, 1),
        "finish_reason": result.finish_reason,
        "prompt_tokens": result.prompt_tokens,
        "completion_tokens": result.completion_tokens,
        "error": result.error,
    }


def write(report: Report, folder: Path) -> Path:
    """Write report.json whole or not at all."""
    path = folder / FILE
    text = json.dumps(report.as_json(), ensure_ascii=False, indent=1) + "\n"
    partial = folder / f".{FILE}.{os.getpid()}-{threading.get_ident()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise CannotWrite(
            f"The report cannot be written to {path}: {error.strerror or error}.",
            "Nothing was changed because of this judgement. Make room there, then run it again.",
        ) from None
    return path


def parse(text: str | bytes, name: str = FILE) -> dict[str, Any]:
    """A report read back, as plain values."""
    try:
        report = json.loads(text)
    except ValueError as error:
        raise NoReport(f"{name} is not JSON: {error}.") from None
    version = report.get("schema_version") if isinstance(report, dict) else None
    if not isinstance(report, dict) or version != SCHEMA_VERSION:
        raise NoReport(f"{name} is not a report of schema version {SCHEMA_VERSION} (it says {version!r}).")
    return report

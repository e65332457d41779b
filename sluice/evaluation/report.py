"""The report of an evaluation: the gate, the approver, MLflow and the terminal read it, and nobody recomputes it."""

import json
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sluice.errors import SluiceError
from sluice.evaluation.gate import Gate
from sluice.evaluation.metrics import answered_turns, cost_per_answer, pass_rate, percentiles, tokens_per_second
from sluice.evaluation.results import CaseResult, Chat, TurnResult, strip_texts
from sluice.evaluation.verdict import Verdict

SCHEMA_VERSION = 2
FILE = "report.json"


class CannotWrite(SluiceError):
    """The report has no place to go."""


class NoReport(SluiceError):
    """What was read is not a report."""


@dataclass(frozen=True)
class Report:
    verdict: Verdict
    gate: Gate
    results: Sequence[CaseResult]  # of a large replay they are read from disk, one after the other
    started: str
    seconds: float
    subject: Mapping[str, str] = field(default_factory=dict)  # what was evaluated
    environment: Mapping[str, str] = field(default_factory=dict)  # the container's
    hashes: Mapping[str, str] = field(default_factory=dict)  # of cases, scorers, environment
    plan: Mapping[str, Any] = field(default_factory=dict)  # how it was replayed
    comparison: Mapping[str, Any] | None = None  # with the champion
    warnings: tuple[str, ...] = ()
    mlflow: Mapping[str, str] | None = None

    def as_json(self) -> dict[str, Any]:
        """The whole report as plain values; `write_report` takes the cases one by one."""
        return self.without_cases() | {"cases": [case_json(result) for result in self.results]}

    def without_cases(self) -> dict[str, Any]:
        """The report as plain values, in the order of report.json, with no case in it."""
        light = strip_texts(self.results)
        return {
            "schema_version": SCHEMA_VERSION,
            "verdict": self.verdict.verdict,
            "summary": self.verdict.summary,
            "reasons": list(self.verdict.reasons),
            "decided": [asdict(each) for each in self.verdict.decided],
            "gate": asdict(self.gate),
            "subject": dict(self.subject),
            "environment": dict(self.environment),
            "hashes": dict(self.hashes),
            "plan": dict(self.plan),
            "started": self.started,
            "seconds": round(self.seconds, 3),
            "totals": totals(light),
            "tags": {tag: totals(group) for tag, group in group_by_tag(light).items()},
            "cases": [],
            "comparison": dict(self.comparison) if self.comparison else None,
            "warnings": list(self.warnings),
            "mlflow": dict(self.mlflow) if self.mlflow else None,
        }


def group_by_tag(results: Iterable[CaseResult]) -> dict[str, list[CaseResult]]:
    groups: dict[str, list[CaseResult]] = {}
    for result in results:
        for tag in result.case.tags:
            groups.setdefault(tag, []).append(result)
    return dict(sorted(groups.items()))


def totals(results: Sequence[CaseResult]) -> dict[str, Any]:
    turns = [turn for result in results for chat in result.chats for turn in chat.turns]
    answers = answered_turns(results)
    passed = sum(result.passed for result in results)
    errors = sum(result.error is not None for result in results)
    return {
        "cases": len(results),
        "passed": passed,
        "failed": len(results) - passed - errors,
        "errors": errors,
        "flaky": sum(result.flaky for result in results),
        "turns": len(turns),
        "pass_rate": round(pass_rate(results), 4),
        "latency_ms": percentiles([turn.latency_ms for turn in answers]),
        "first_token_ms": percentiles([turn.first_token_ms for turn in answers if turn.first_token_ms is not None]),
        "tokens": {
            "prompt": sum(turn.prompt_tokens for turn in turns),
            "completion": sum(turn.completion_tokens for turn in turns),
        },
        "tokens_per_second": tokens_per_second(answers),
        "cost_per_answer": cost_per_answer(answers),
    }


def case_json(result: CaseResult) -> dict[str, Any]:
    return {
        "id": result.case.id,
        "tags": list(result.case.tags),
        "weight": result.case.weight,
        "critical": result.case.critical,
        "passed": result.passed,
        "rate": round(result.rate, 4),
        "flaky": result.flaky,
        "error": result.error,
        "expected": result.case.expected,
        "chats": [chat_json(each) for each in result.chats],
    }


def chat_json(result: Chat) -> dict[str, Any]:
    return {
        "repeat": result.repeat,
        "passed": result.passed,
        "scores": [asdict(score) for score in result.scores],
        "turns": [turn_json(item) for item in result.turns],
    }


def turn_json(result: TurnResult) -> dict[str, Any]:
    return {
        "user": result.turn.user,
        "passages": list(result.passages or result.turn.passages),
        "expected": result.turn.expected,
        "answer": result.answer,
        "passed": result.passed,
        "scores": [asdict(score) for score in result.scores],
        "latency_ms": round(result.latency_ms, 1),
        "first_token_ms": None if result.first_token_ms is None else round(result.first_token_ms, 1),
        "finish_reason": result.finish_reason,
        "prompt_tokens": result.prompt_tokens,
        "completion_tokens": result.completion_tokens,
        "tool_calls": [dict(call) for call in result.tool_calls],
        "sources": list(result.sources),
        "attempts": result.attempts,
        "cost": result.cost,
        "error": result.error,
    }


def write_report(report: Report, folder: Path) -> Path:
    """Write report.json whole or not at all."""
    path = folder / FILE
    partial = folder / f".{FILE}.{os.getpid()}-{threading.get_ident()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("w", encoding="utf-8", errors="replace") as file:  # "why" may be anybody's text
                file.writelines(iterate_json(report))
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


def iterate_json(report: Report) -> Iterator[str]:
    """Yield report.json in pieces, so that it is never in memory whole; a case is a line."""
    for number, (name, value) in enumerate(report.without_cases().items()):
        yield f"{',' if number else '{'}\n {json.dumps(name)}: "
        if name == "cases":
            yield "["
            for place, result in enumerate(report.results):
                yield f"{',' if place else ''}\n  {json.dumps(case_json(result), ensure_ascii=False)}"
            yield "]"
        else:
            yield json.dumps(value, ensure_ascii=False)
    yield "\n}\n"


def parse_report(text: str | bytes, name: str = FILE) -> dict[str, Any]:
    """Parse a report into plain values. Raises NoReport for anything else, and for another schema version."""
    try:
        report = json.loads(text)
    except ValueError as error:
        raise NoReport(f"{name} is not JSON: {error}.") from None
    version = report.get("schema_version") if isinstance(report, dict) else None
    if not isinstance(report, dict) or version != SCHEMA_VERSION:
        raise NoReport(f"{name} is not a report of schema version {SCHEMA_VERSION} (it says {version!r}).")
    return report

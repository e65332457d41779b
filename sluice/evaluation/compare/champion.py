"""The model that is evaluated, the challenger, beside the live one, the champion, as report.json has it.

What is compared, when that is inconclusive and why: docs/gate.md.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sluice.evaluation.compare.comparison import Comparison, compare_pairs, describe_margin
from sluice.evaluation.compare.pairs import Side, pair_cases
from sluice.evaluation.compare.statistics import mcnemar
from sluice.evaluation.criteria import EVERY, Criterion
from sluice.evaluation.gate import Gate

HASHED = {"cases": "the cases", "scorers": "how answers are scored", "environment": "the environment"}


@dataclass(frozen=True)
class ReplayDecision:
    """Whether the champion must be replayed, or its stored report says all there is to know."""

    replay: bool
    why: str


def decide_replay(
    report: Mapping[str, Any] | None, hashes: Mapping[str, str], repeats: Mapping[str, int]
) -> ReplayDecision:
    """`report` is the champion's; `hashes` are those of this evaluation, `repeats` are wanted by case id."""
    if report is None:
        return ReplayDecision(True, "The champion has no stored report.")
    if report["verdict"] == "error":
        return ReplayDecision(True, "The champion's stored report could not judge it.")
    stored = report["hashes"]
    others = [what for name, what in HASHED.items() if not hashes.get(name) or stored.get(name) != hashes[name]]
    if others:
        return ReplayDecision(True, f"The champion's stored report does not fit: {', '.join(others)} changed since.")
    chats = {case["id"]: len(case["chats"]) for case in report["cases"]}
    if any(chats.get(name, 0) < number for name, number in repeats.items()):
        return ReplayDecision(True, "The champion's stored report has fewer repeats than are wanted now.")
    return ReplayDecision(False, "Cases, scoring and environment are those of the champion's stored report.")


def compare(
    challenger: Side,
    champion: Side,
    gate: Gate,
    *,
    about: Mapping[str, Any] | None = None,
    replayed: bool | None = None,
) -> dict[str, Any]:
    """The comparison as it stands in report.json. Each side is results of a replay, or a report that was read back.

    `about` says who the champion is: model_package, version, report (where it lies), environment. Without it, a report
    says so itself.
    """
    about = champion_subject(champion) if about is None else about
    pairs = pair_cases(champion, challenger)
    if not pairs:
        return describe_missing_comparison("No case was asked of the champion and of this model alike.", gate, about)
    comparison = compare_pairs(pairs, gate)
    return as_json(comparison, gate, about, not isinstance(champion, Mapping) if replayed is None else replayed)


def describe_missing_comparison(why: str, gate: Gate, about: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The comparison where there is none to be had, as when the champion could not be replayed: inconclusive."""
    decided = (Criterion("against the champion", EVERY, None, describe_margin(gate), "inconclusive", why),)
    return as_json(Comparison((), decided), gate, about or {}, False)


def as_json(comparison: Comparison, gate: Gate, about: Mapping[str, Any], replayed: bool) -> dict[str, Any]:
    worse, better = comparison.flips
    steady = [pair for pair in comparison.pairs if not pair.flaky]
    same = [pair for pair in steady if pair.difference == 0]
    entry = {
        "champion": dict(about),
        "replayed": replayed,
        "pairs": len(comparison.pairs),
        "both_passed": sum(pair.after[0].passed for pair in same),
        "both_failed": sum(not pair.after[0].passed for pair in same),
        "gained": [pair.id for pair in steady if pair.difference > 0],
        "lost": [pair.id for pair in steady if pair.difference < 0],
        "flaky": [pair.id for pair in comparison.pairs if pair.flaky],  # passed once and failed once, in either model
        "worse": worse,  # cases that pass less often than before, flaky ones among them
        "better": better,
        "difference": asdict(comparison.difference) | {"confidence": gate.confidence}
        if comparison.difference
        else None,
        "margin": gate.margin,
        "mcnemar_p": mcnemar(worse, better),
        "verdict": comparison.verdict,
        "why": comparison.why,
        "cases_needed": comparison.cases_needed,
        "repeats_needed": comparison.repeats_needed,
        "tags": [asdict(tag) for tag in comparison.tags],
        "latency": {name: asdict(ratio) for name, ratio in comparison.latency.items()} or None,
        "answers": {pair.id: list(pair.before[0].answers) for pair in steady if pair.difference},
        "decided": [asdict(each) for each in comparison.decided],
    }
    return {name: rounded(value) for name, value in entry.items()}


def rounded(value: Any) -> Any:
    """Six digits: the last ones differ between machines, and a report should not."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list) else value


def champion_subject(champion: Side) -> Mapping[str, Any]:
    if not isinstance(champion, Mapping):
        return {}
    subject = champion["subject"]
    return {
        "model_package": subject.get("model_package"),
        "version": subject.get("version"),
        "report": None,
        "environment": dict(champion["environment"]),
    }

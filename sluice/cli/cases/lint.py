"""What is wrong with case files, as `sluice cases lint` tells it: mistakes by line, then what `sluice check` knows."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sluice.cli import output
from sluice.datasets.lint import LintReport, Mistake, lint_path
from sluice.errors import UsageError
from sluice.evaluation.cases.case import Case
from sluice.preflight import checks
from sluice.preflight.cases import checks as rules
from sluice.preflight.deployment_spec import DeploymentSpec, EvaluationSpec
from sluice.preflight.finding import Finding
from sluice.wording import counted

LONGEST = 4096  # tokens of an answer, where no release says how long one may be


def show_problems(path: Path, config: Any, as_json: bool) -> bool:
    """Tells it, and whether anything is so wrong that the cases cannot be used. `config`: a release, or None."""
    report = lint_path(path)
    if not report.mistakes and config is not None:
        report.mistakes += check_services(report.cases, path, config)
    findings = [] if report.mistakes else find_problems(report.cases, config)
    render = print_document if as_json else print_text
    render(path, report, findings)
    return bool(report.mistakes) or any(each.severity == "error" for each in findings)


def check_services(cases: Sequence[Case], path: Path, config: Any) -> list[Mistake]:
    """What they need and the release does not name: a judge, embeddings, a RAG server."""
    from sluice.evaluation.cases import selection

    reviewed = [case for case in cases if case.reviewed]
    try:
        selection.check_release_cases(reviewed, config.settings, on_endpoint=config.evaluation.target == "endpoint")
    except UsageError as error:
        return [Mistake(str(path), None, "", f"{error.message} {error.hint}".strip())]
    return []


def find_problems(cases: Sequence[Case], config: Any) -> list[Finding]:
    """Of cases that a person has reviewed: the others are told as such."""
    reviewed = tuple(case for case in cases if case.reviewed)
    if config is not None:
        return check_with_release(reviewed, config)
    strict, lenient = (DeploymentSpec(judging=EvaluationSpec(reviewed, LONGEST, rate, None)) for rate in (1.0, 1e-9))
    alone = (
        rules.check_duplicates(strict),
        rules.check_expectations_can_hold(lenient),
        rules.check_gate_can_fail(strict),
        rules.check_forgotten_turns(strict),
    )
    return checks.sort_findings(each for check in alone for each in check)


def check_with_release(cases: tuple[Case, ...], config: Any) -> list[Finding]:
    from sluice.preflight import rule_pages, suppressions
    from sluice.preflight.adapters import pipeline_yaml

    model = config.model.folder
    tokenizer = model / "tokenizer.json" if model and (model / "tokenizer.json").is_file() else None
    judging = EvaluationSpec(cases, config.evaluation.max_tokens, config.evaluation.gate.min_pass_rate, tokenizer)
    setup = pipeline_yaml.build_deployment_spec(config, judging)
    findings = checks.sort_findings(each for check in rules.CHECKS for each in check(setup))
    silences = [each for each in pipeline_yaml.read_suppressions(config) if each.code.startswith("EVL")]
    remaining, _ = suppressions.apply_suppressions(findings, silences, rule_pages.rule_codes)
    return [replace(each, place=setup.at("judging")) if not each.place.file else each for each in remaining]


def print_text(path: Path, report: LintReport, findings: Sequence[Finding]) -> None:
    for mistake in report.mistakes:
        where = ":".join(str(part) for part in (mistake.file, mistake.line) if part is not None)
        output.say(": ".join(part for part in (where, mistake.place, mistake.what) if part))
    for each in findings:
        output.say(f"{each.place}: {each.severity} {each.code}: {each.message}")
    severities = Counter(each.severity for each in findings)
    parts = [counted(len(report.cases), "case"), counted(len(report.mistakes), "mistake")]
    parts += [counted(severities[kind], kind) for kind in ("error", "warning", "note") if severities[kind]]
    if report.unreviewed:
        parts.append(f"{len(report.unreviewed):,} unreviewed, which cannot gate")
    output.say(f"{path}: {', '.join(parts)}")


def print_document(path: Path, report: LintReport, findings: Sequence[Finding]) -> None:
    from sluice.cli.check.output import to_json

    output.print_json(
        {
            "path": str(path),
            "cases": len(report.cases),
            "turns": sum(len(case.turns) for case in report.cases),
            "unreviewed": report.unreviewed,
            "mistakes": [each._asdict() for each in report.mistakes],
            "findings": [to_json(each) for each in findings],
        }
    )

"""Where a judgement is written down: report.json and what is rendered of it, and a run in MLflow.

Only report.json must be: without MLflow, or without a page, there is a warning in it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from sluice.evaluation import report as reports
from sluice.evaluation.report import Report
from sluice.registry.packages import Package
from sluice.steps.inputs import Evaluate
from sluice.steps.job import print_line
from sluice.steps.mlflow_log import MlflowLog, NotLogged, Table
from sluice.steps.run_context import RunContext
from sluice.wording import flatten

MAX_CASES = 1_000  # failed cases of a very large report that pages and tables show
FIGURES = ("latency_ms", "first_token_ms", "completion_tokens", "cost")
COLUMNS = (
    *("case", "passed", "tags", "turn", "question", "expected", "answer", "why"),
    *(*FIGURES, "champion_answer"),
)


@dataclass(frozen=True)
class MlflowRun:
    """What a run in MLflow is about, beside the report."""

    inputs: Evaluate
    context: RunContext
    package: Package
    champion: Package | None

    @property
    def report_uri(self) -> str:
        return f"{self.inputs.report_uri.rstrip('/')}/{reports.FILE}"


def write_report(report: Report, folder: Path, mlflow: MlflowLog | None, run: MlflowRun) -> Report:
    """Write the report's files and its run in MLflow; returns it with the run, or with a warning why there is none."""
    if mlflow is None:
        return write_files(report, folder)[0]
    report_json = build_page_data(report)
    try:
        name = f"{run.package.group}-v{run.package.version}"
        where = mlflow.begin(name, build_params(run), build_metrics(report_json), build_tags(report_json, run))
    except NotLogged as why:
        return write_files(add_warning(report, f"MLflow has no record of this: {why}."), folder)[0]
    report, paths = write_files(replace(report, mlflow=where), folder)
    try:
        mlflow.end(where["run_id"], paths, build_table(report_json))
    except NotLogged as why:
        return write_files(add_warning(report, f"MLflow has no files of this: {why}."), folder)[0]
    return report


def write_files(report: Report, folder: Path) -> tuple[Report, list[Path]]:
    """Write report.json, and for readers what is rendered of it; returns what was written, and where."""
    from sluice.evaluation.reports import files as pages

    file = reports.write_report(report, folder)
    if warnings := pages.write_all(folder, build_page_data(report)):
        for warning in warnings:
            report = add_warning(report, warning)
        reports.write_report(report, folder)
    return report, [file, *(path for name in pages.FILES.values() if (path := folder / name).is_file())]


def build_page_data(report: Report) -> dict[str, Any]:
    """Return all of a report; of one that is read from disk, as it is so large, only cases that did not pass."""
    if isinstance(report.results, tuple):
        return report.as_json()
    failed = (reports.case_json(result) for result in report.results if not result.passed)
    return report.without_cases() | {"cases": list(islice(failed, MAX_CASES))}


def add_warning(report: Report, warning: str) -> Report:
    print_line(f"Warning: {warning}")
    return replace(report, warnings=(*report.warnings, warning))


def build_params(run: MlflowRun) -> dict[str, str]:
    package, settings = run.package, run.context.settings
    about = {
        "image": package.image,
        "model": package.model_uri,
        "model_package": package.arn,
        "git_commit": run.inputs.commit,
        "instance_type": run.inputs.machine,
        "target": run.inputs.target,
    }
    hashed = {f"{name}_hash": value for name, value in run.context.hashes(package).items()}
    settings_json = json.loads(settings.as_json())
    criteria = {name: value for name, value in flatten(settings_json) if value is not None and ".key_" not in name}
    options = {f"lmi.{name}": value for name, value in package.environment.items()}
    return about | hashed | {name: str(value) for name, value in criteria.items()} | options


def build_metrics(report_json: Mapping[str, Any]) -> dict[str, float]:
    """Return figures under the same names in every run, so that two stand side by side in MLflow's own comparison."""
    values = flatten_numbers(report_json["totals"], "")
    for tag, totals in report_json["tags"].items():
        values |= flatten_numbers(totals, f"tag/{tag}/")
    values["seconds"] = report_json["seconds"]
    if (comparison := report_json["comparison"]) and (difference := comparison["difference"]):
        values |= {f"champion/{name}": difference[name] for name in ("estimate", "low", "high")}
        values |= {f"champion/{name}": len(comparison[name]) for name in ("gained", "lost")}
    return {name: float(value) for name, value in values.items()}


def flatten_numbers(totals: Mapping[str, Any], before: str) -> dict[str, float]:
    flat = {f"{before}{path.replace('.', '_')}": value for path, value in flatten(totals)}
    return {name: value for name, value in flat.items() if isinstance(value, int | float)}


def build_tags(report_json: Mapping[str, Any], run: MlflowRun) -> dict[str, str]:
    """Return the run's tags: the way back to the model package, which has the run's id, and to the champion's run."""
    package, champion = run.package, run.champion
    values = {
        "verdict": report_json["verdict"],
        "model_package": package.arn,
        "model_package_group": package.group,
        "model_package_version": str(package.version),
        "execution": run.inputs.execution,
        "report": run.report_uri,
        "mlflow.note.content": report_json["summary"],
        "mlflow.source.name": f"{package.group}, version {package.version}",
    }
    if run.inputs.commit != "unknown":
        values["mlflow.source.git.commit"] = run.inputs.commit
    if champion:
        values |= {"champion_version": str(champion.version), "champion_run_id": champion.mlflow_run}
    return {name: value for name, value in values.items() if value}


def build_table(report_json: Mapping[str, Any]) -> Table:
    """Return a row for each turn of a case's chat that says most: the first that did not pass, else the first."""
    answers = (report_json["comparison"] or {}).get("answers") or {}
    rows = []
    for case in report_json["cases"]:
        chat = next((each for each in case["chats"] if not each["passed"]), case["chats"][0])
        before = answers.get(case["id"], [])
        for number, turn in enumerate(chat["turns"], 1):
            failed = [score["why"] for score in turn["scores"] if not score["passed"]]
            about = [case["id"], case["passed"], ", ".join(case["tags"]), number]
            texts = [turn["user"], turn["expected"], turn["answer"], turn["error"] or "; ".join(failed)]
            figures = [turn[name] for name in FIGURES]
            rows.append([*about, *texts, *figures, before[number - 1] if number <= len(before) else None])
    return {"columns": COLUMNS, "data": rows}

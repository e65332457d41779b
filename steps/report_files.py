"""Where a judgement is written down: report.json and what is rendered of it, and a run in MLflow.

Only report.json must be: without MLflow, or without a page, there is a warning in it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from sluice.evaluation import report as reports
from sluice.evaluation.report import Report
from sluice.registry.packages import Package
from sluice.steps.inputs import Evaluate
from sluice.steps.job import say
from sluice.steps.mlflow_log import MlflowLog, NotLogged, Table
from sluice.steps.run_context import Judging

MOST = 1_000  # failed cases of a very large report that pages and tables show
FIGURES = ("latency_ms", "first_token_ms", "completion_tokens", "cost")
COLUMNS = (
    *("case", "passed", "tags", "turn", "question", "expected", "answer", "why"),
    *(*FIGURES, "champion_answer"),
)


@dataclass(frozen=True)
class Run:
    """What a run in MLflow is about, beside the report."""

    inputs: Evaluate
    judging: Judging
    package: Package
    champion: Package | None

    @property
    def report_uri(self) -> str:
        return f"{self.inputs.report_uri.rstrip('/')}/{reports.FILE}"


def written(report: Report, folder: Path, mlflow: MlflowLog | None, run: Run) -> Report:
    """The report as it was written: with its run in MLflow, or with a warning why there is none."""
    if mlflow is None:
        return files(report, folder)[0]
    told = shown(report)
    try:
        name = f"{run.package.group}-v{run.package.version}"
        where = mlflow.begin(name, parameters(run), metrics(told), tags(told, run))
    except NotLogged as why:
        return files(warned(report, f"MLflow has no record of this: {why}."), folder)[0]
    report, made = files(replace(report, mlflow=where), folder)
    try:
        mlflow.end(where["run_id"], made, table(told))
    except NotLogged as why:
        return files(warned(report, f"MLflow has no files of this: {why}."), folder)[0]
    return report


def files(report: Report, folder: Path) -> tuple[Report, list[Path]]:
    """report.json, and for readers what is rendered of it; returns what was written, and where."""
    from sluice.evaluation import reports as pages

    file = reports.write(report, folder)
    if warnings := pages.write(folder, shown(report)):
        for warning in warnings:
            report = warned(report, warning)
        reports.write(report, folder)
    return report, [file, *(made for name in pages.FILES.values() if (made := folder / name).is_file())]


def shown(report: Report) -> dict[str, Any]:
    """All of a report; of one that is read from disk, because it is so large, only cases that did not pass."""
    if isinstance(report.results, tuple):
        return report.as_json()
    failed = (reports.case(result) for result in report.results if not result.passed)
    return report.without_cases() | {"cases": list(islice(failed, MOST))}


def warned(report: Report, warning: str) -> Report:
    say(f"Warning: {warning}")
    return replace(report, warnings=(*report.warnings, warning))


def parameters(run: Run) -> dict[str, str]:
    package, settings = run.package, run.judging.settings
    told = {
        "image": package.image,
        "model": package.model_uri,
        "model_package": package.arn,
        "git_commit": run.inputs.commit,
        "instance_type": run.inputs.machine,
        "target": run.inputs.target,
    }
    hashed = {f"{name}_hash": value for name, value in run.judging.hashes(package).items()}
    wanted = json.loads(settings.as_json())
    judged = {name: value for name, value in flattened(wanted, "") if value is not None and ".key_" not in name}
    options = {f"lmi.{name}": value for name, value in package.environment.items()}
    return told | hashed | {name: str(value) for name, value in judged.items()} | options


def flattened(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from flattened(below, f"{path}.{key}" if path else key)
    else:
        yield path, value


def metrics(told: Mapping[str, Any]) -> dict[str, float]:
    """The same names in every run, so that two of them stand side by side in MLflow's own comparison."""
    found = measured(told["totals"], "")
    for tag, totals in told["tags"].items():
        found |= measured(totals, f"tag/{tag}/")
    found["seconds"] = told["seconds"]
    if (comparison := told["comparison"]) and (difference := comparison["difference"]):
        found |= {f"champion/{name}": difference[name] for name in ("estimate", "low", "high")}
        found |= {f"champion/{name}": len(comparison[name]) for name in ("gained", "lost")}
    return {name: float(value) for name, value in found.items()}


def measured(totals: Mapping[str, Any], before: str) -> dict[str, float]:
    flat = {f"{before}{path.replace('.', '_')}": value for path, value in flattened(totals, "")}
    return {name: value for name, value in flat.items() if isinstance(value, int | float)}


def tags(told: Mapping[str, Any], run: Run) -> dict[str, str]:
    """Among them the way back to the model package, which has the run's id, and to the champion's run."""
    package, champion = run.package, run.champion
    found = {
        "verdict": told["verdict"],
        "model_package": package.arn,
        "model_package_group": package.group,
        "model_package_version": str(package.version),
        "execution": run.inputs.execution,
        "report": run.report_uri,
        "mlflow.note.content": told["summary"],
        "mlflow.source.name": f"{package.group}, version {package.version}",
    }
    if run.inputs.commit != "unknown":
        found["mlflow.source.git.commit"] = run.inputs.commit
    if champion:
        found |= {"champion_version": str(champion.version), "champion_run_id": champion.mlflow_run}
    return {name: value for name, value in found.items() if value}


def table(told: Mapping[str, Any]) -> Table:
    """A row for each turn of the chat of a case that says most: the first that did not pass, else the first."""
    answers = (told["comparison"] or {}).get("answers") or {}
    rows = []
    for case in told["cases"]:
        chat = next((each for each in case["chats"] if not each["passed"]), case["chats"][0])
        before = answers.get(case["id"], [])
        for number, turn in enumerate(chat["turns"], 1):
            failed = [score["why"] for score in turn["scores"] if not score["passed"]]
            about = [case["id"], case["passed"], ", ".join(case["tags"]), number]
            texts = [turn["user"], turn["expected"], turn["answer"], turn["error"] or "; ".join(failed)]
            figures = [turn[name] for name in FIGURES]
            rows.append([*about, *texts, *figures, before[number - 1] if number <= len(before) else None])
    return {"columns": COLUMNS, "data": rows}

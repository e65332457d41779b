"""Judges a model package: start its model server, replay the chat cases, write report.json, record the verdict.

`python -m steps.evaluate` inside the LMI image. It ends well when there is a verdict, a bad one too: the gate decides.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from evaluation import cases as chat_cases
from evaluation import report as reports
from evaluation.cases import Case
from evaluation.gate import Gate
from evaluation.judge import judge
from evaluation.replay import Plan
from evaluation.report import Report
from evaluation.target import HttpTarget, Target
from evaluation.verdict import Verdict, decide, shortened
from lmi.errors import SluiceError
from registry import packages
from registry.packages import Package
from steps import job
from steps.inputs import Evaluate
from steps.job import Aws, say
from steps.mlflow_log import MlflowLog, NotLogged
from steps.model_server import ModelServer, ServerFailed

SERVER_LOG = "model-server.log"


class CouldNotJudge(SluiceError):
    """There is no verdict: the report says why, and the package waits as it did."""


def evaluate(inputs: Evaluate, aws: Aws) -> str:
    """The whole step, once; returns the verdict in a line."""
    cases = chat_cases.gating(chat_cases.load(Path(inputs.cases)))
    folder = room_for_report(Path(inputs.report))
    mlflow = MlflowLog(inputs.mlflow_uri, inputs.experiment) if inputs.mlflow_uri else None

    package = packages.describe(aws.sagemaker, inputs.model_package)

    endpoint = None if inputs.target == "job" else inputs.target
    about = job.subject(package, inputs.execution, endpoint)
    report = replace(judged(inputs, aws, cases, folder), subject=about)
    report = logged(report, mlflow, inputs, package, cases)
    reports.write(report, folder)

    verdict = report.verdict
    run = report.mlflow["run_id"] if report.mlflow else None
    where = f"{inputs.report_uri.rstrip('/')}/{reports.FILE}"
    packages.record_verdict(aws.sagemaker, package.arn, verdict.verdict, verdict.summary, where, run)
    if verdict.verdict == "fail":
        packages.reject(aws.sagemaker, package.arn, " ".join([verdict.summary, *verdict.reasons]))
    if verdict.verdict == "error":
        raise CouldNotJudge(verdict.summary, "\n".join(verdict.reasons))
    return f"{verdict.verdict}: {verdict.summary}"


def room_for_report(folder: Path) -> Path:
    """Before anything costs time: a report that cannot be written is no reason to start a model."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise reports.CannotWrite(f"The report has no folder {folder}: {error.strerror}.") from None
    return folder


def judged(inputs: Evaluate, aws: Aws, cases: tuple[Case, ...], folder: Path) -> Report:
    """The judgement; a model server that fails is a report too, whose verdict is "error"."""
    gate = Gate(inputs.min_pass_rate)
    started = datetime.now(UTC)
    try:
        with target(inputs, aws, folder) as (ask, server):
            report = judge(
                cases,
                ask,
                gate,
                Plan(inputs.concurrency, inputs.max_tokens),
                progress=job.tell,
            )
            ended = server.gone() if server and report.verdict.verdict == "error" else None
    except ServerFailed as error:
        seconds = (datetime.now(UTC) - started).total_seconds()
        verdict = decide((), gate, down=f"{error.message} {error.hint}".strip())
        return Report(verdict, gate, (), started.isoformat(timespec="seconds"), seconds)
    if ended:
        reason = f"The model server ended during the replay: {ended}"
        return replace(report, verdict=Verdict("error", shortened(f"Could not be judged: {reason}"), (reason,)))
    return report


@contextmanager
def target(inputs: Evaluate, aws: Aws, folder: Path) -> Iterator[tuple[Target, ModelServer | None]]:
    """What is asked: the container's own model server, once it is ready, or a running endpoint."""
    if inputs.target != "job":
        from steps.endpoint_target import EndpointTarget

        yield EndpointTarget(aws.runtime, inputs.target), None
        return
    with ModelServer(inputs.server_command, folder / SERVER_LOG) as server:
        say(f"The model server was ready after {server.wait_ready(inputs.startup_seconds):.1f} s.")
        with HttpTarget(server.url) as http:
            yield http, server


def logged(
    report: Report, mlflow: MlflowLog | None, inputs: Evaluate, package: Package, cases: tuple[Case, ...]
) -> Report:
    """The same report with the MLflow run in it, or with a warning why there is none."""
    if mlflow is None:
        return report

    def text(where: Mapping[str, str]) -> str:
        return json.dumps(replace(report, mlflow=where).as_json(), ensure_ascii=False, indent=1)

    params = {
        "model_package": package.arn,
        "image": package.image,
        "model": package.model_uri,
        "cases": chat_cases.digest(cases),
        "min_pass_rate": str(inputs.min_pass_rate),
        "max_tokens": str(inputs.max_tokens),
        "concurrency": str(inputs.concurrency),
        **{f"lmi.{name}": value for name, value in package.environment.items()},
    }
    tags = {
        "verdict": report.verdict.verdict,
        "model_package": package.arn,
        "execution": inputs.execution,
        "report": f"{inputs.report_uri.rstrip('/')}/{reports.FILE}",
    }
    try:
        run = mlflow.log(f"{package.group}-v{package.version}", params, metrics(report), tags, text)
    except NotLogged as why:
        warning = f"MLflow has no record of this: {why}."
        say(f"Warning: {warning}")
        return replace(report, warnings=(*report.warnings, warning))
    return replace(report, mlflow=run)


def metrics(report: Report) -> dict[str, float]:
    totals = reports.totals(report.results)
    found = {name: totals[name] for name in ("pass_rate", "cases", "passed", "failed", "errors", "turns")}
    found |= {f"latency_ms_{name}": value for name, value in totals["latency_ms"].items() if value is not None}
    found |= {f"tokens_{name}": value for name, value in totals["tokens"].items()}
    return {name: float(value) for name, value in found.items()} | {"seconds": report.seconds}


if __name__ == "__main__":
    sys.exit(job.run(Evaluate, evaluate, sys.argv[1:]))

"""Judges a model package: start its model server, replay the chat cases, write report.json, record the verdict.

`python -m steps.evaluate` inside the LMI image. It ends well when there is a verdict, a bad one too: the gate decides.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from evaluation import report as reports
from evaluation.failures import TargetDown
from evaluation.judge import Began, account, judge
from evaluation.replay import Replayed
from evaluation.report import Report
from evaluation.target import HttpTarget, Target
from evaluation.verdict import Verdict, shortened
from lmi.errors import SluiceError
from registry import packages
from registry.packages import Package
from steps import accounts, job
from steps import champion as champions
from steps.accounts import Run
from steps.champion import Comparison
from steps.inputs import Evaluate
from steps.job import Aws, say
from steps.judging import Judging, ready
from steps.mlflow_log import MlflowLog
from steps.model_server import ModelServer, ServerFailed

SERVER_LOG = "model-server.log"


class CouldNotJudge(SluiceError):
    """There is no verdict: the report says why, and the package waits as it did."""


def evaluate(inputs: Evaluate, aws: Aws) -> str:
    """The whole step, once; returns the verdict in a line."""
    endpoint = None if inputs.target == "job" else inputs.target
    judging = ready(inputs, aws, endpoint, inputs.machine)
    folder = room_for_report(Path(inputs.report))
    mlflow = MlflowLog(inputs.mlflow_uri, inputs.experiment) if inputs.mlflow_uri else None

    package = packages.describe(aws.sagemaker, inputs.model_package)
    judging.check_rag()
    champion = champions.find(aws.sagemaker, package) if judging.settings.gate.against_champion else None

    report = judged(inputs, aws, judging, package, champion, folder)
    report = judging.complete(report, package)
    run = Run(inputs, judging, package, champion)
    report = accounts.written(report, folder, mlflow, run)
    recorded(aws, run, report)

    verdict = report.verdict
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


def judged(
    inputs: Evaluate, aws: Aws, judging: Judging, package: Package, champion: Package | None, folder: Path
) -> Report:
    """The judgement; a model server that fails is a report too, whose verdict is "error"."""
    wanted = judging.settings.gate
    gate = wanted if champion else wanted.without_champion()
    subject = job.subject(package, inputs.execution, judging.endpoint)
    began = Began.now()
    try:
        with target(inputs, aws, folder) as (ask, server):
            report = judge(
                judging.cases,
                ask,
                gate,
                judging.plan,
                rag=judging.rag,
                help=judging.help,
                subject=subject,
                progress=job.tell,
                compare=Comparison(aws, champion, judging, judging.hashes(package)) if champion else None,
                gates=True,
            )
            ended = server.gone() if server and report.verdict.verdict == "error" else None
    except ServerFailed as error:
        down = TargetDown(f"{error.message} {error.hint}".strip())
        return account(Replayed((), down), gate, judging.plan, began, subject=subject)
    if ended:
        reason = f"The model server ended during the replay: {ended}"
        return replace(report, verdict=Verdict("error", shortened(f"Could not be judged: {reason}"), (reason,)))
    alone = (champions.NONE,) if wanted.against_champion and not champion else ()
    return replace(report, warnings=(*report.warnings, *alone))


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


def recorded(aws: Aws, run: Run, report: Report) -> None:
    """The verdict on the package. Only a bad one rejects it: after an inconclusive one a person may decide."""
    verdict, arn = report.verdict, run.package.arn
    packages.record_verdict(aws.sagemaker, arn, verdict.verdict, verdict.summary, run.report_uri, report.mlflow)
    if verdict.verdict == "fail":
        packages.reject(aws.sagemaker, arn, " ".join([verdict.summary, *verdict.reasons]))


if __name__ == "__main__":
    sys.exit(job.run(Evaluate, evaluate, sys.argv[1:]))

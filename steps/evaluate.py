"""Judges a model package: start its model server, replay the chat cases, write report.json, record the verdict.

`python -m sluice.steps.evaluate`, in the LMI image. It ends well with any verdict, a bad one too: the gate decides.
"""

import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sluice.errors import SluiceError
from sluice.evaluation import report as reports
from sluice.evaluation.cases.case import Case
from sluice.evaluation.evaluate import StartTime, build_report
from sluice.evaluation.replay.engine import Progress, ReplayResult, replay
from sluice.evaluation.replay.failures import TargetDown
from sluice.evaluation.replay.journal import Journal
from sluice.evaluation.replay.shards import Shard
from sluice.evaluation.replay.target import HttpTarget, Target
from sluice.evaluation.report import Report
from sluice.registry import packages
from sluice.registry.packages import Package
from sluice.steps import champion as champions
from sluice.steps import job, report_files
from sluice.steps.champion import Comparison
from sluice.steps.inputs import Evaluate
from sluice.steps.job import Aws, print_line
from sluice.steps.mlflow_log import MlflowLog
from sluice.steps.model_server import ModelServer, ServerFailed
from sluice.steps.report_files import MlflowRun
from sluice.steps.run_context import RunContext, prepare_run
from sluice.steps.shards import Share, StateReporter, read_share

SERVER_LOG = "model-server.log"


class NoVerdict(SluiceError):
    """There is no verdict: the report says why, and the package waits as it did."""


@dataclass(frozen=True)
class Worker:
    """This machine's part in the step: what is judged by what, where it is written, and which share of it is here."""

    inputs: Evaluate
    aws: Aws
    context: RunContext
    package: Package
    folder: Path
    share: Share | None  # None: all of it

    @property
    def subject(self) -> dict[str, str]:
        return job.describe_subject(self.package, self.inputs.execution, self.context.endpoint)

    @property
    def server_log(self) -> Path:
        """All machines write into one folder in S3, so on others than the first the file has the machine's name."""
        own = self.share and not self.share.first
        return self.folder / (f"{self.share.host}-{SERVER_LOG}" if own and self.share else SERVER_LOG)


def evaluate(inputs: Evaluate, aws: Aws) -> str:
    """Run the whole step, once; returns the verdict in a line. On all machines but the first: what its share was."""
    context = prepare_run(inputs, aws, None if inputs.target == "job" else inputs.target, inputs.machine)
    folder = create_report_folder(Path(inputs.report))
    share = read_share(inputs, aws.s3)
    judges = share is None or share.first
    mlflow = MlflowLog(inputs.mlflow_uri, inputs.experiment) if inputs.mlflow_uri and judges else None

    worker = Worker(inputs, aws, context, packages.describe(aws.sagemaker, inputs.model_package), folder, share)
    context.check_rag()
    if not judges:
        return replay_share(worker)
    champion = (
        champions.find_champion_besides(aws.sagemaker, worker.package)
        if context.settings.gate.against_champion
        else None
    )

    run = MlflowRun(inputs, context, worker.package, champion)
    report = report_files.write_report(evaluate_version(worker, champion), folder, mlflow, run)
    record_verdict(aws, run, report)

    verdict = report.verdict
    if verdict.verdict == "error":
        raise NoVerdict(verdict.summary, "\n".join(verdict.reasons))
    return f"{verdict.verdict}: {verdict.summary}"


def create_report_folder(folder: Path) -> Path:
    """Make the folder before anything costs time. Raises CannotWrite: a report without a place needs no model."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise reports.CannotWrite(f"The report has no folder {folder}: {error.strerror}.") from None
    return folder


def evaluate_version(worker: Worker, champion: Package | None) -> Report:
    """Replay the cases and build the report; a model server that fails has one too, whose verdict is "error"."""
    context, began = worker.context, StartTime.now()
    gate = context.settings.gate
    report = build_report(
        replay_all_cases(worker),
        gate if champion else gate.without_champion(),
        context.plan,
        began,
        subject=worker.subject,
        compare=Comparison(worker.aws, champion, context, context.hashes(worker.package)) if champion else None,
    )
    alone = (champions.NONE,) if gate.against_champion and not champion else ()
    return context.complete(report, worker.package, *alone)


def replay_all_cases(worker: Worker) -> ReplayResult:
    """Replay all cases, on this machine or on all that share them."""
    if worker.share is None:
        return replay_cases(worker, worker.context.cases, Journal(), job.watch_progress())
    journal = Journal()
    own = replay_cases(worker, Shard(worker.context.cases, worker.share.instance), journal, job.watch_progress())
    return worker.share.merge_shares(own, journal, worker.context, worker.subject)


def replay_share(worker: Worker) -> str:
    """Replay this machine's share of the cases, for the first one to judge; returns what it was, in a line."""
    share = worker.share
    assert share is not None
    journal = Journal(worker.folder.parent / "journal")
    with StateReporter(share, job.watch_progress()) as reporter:
        replayed = replay_cases(worker, Shard(worker.context.cases, share.instance), journal, reporter)
    return share.upload_journal(replayed, journal)


def replay_cases(worker: Worker, cases: Collection[Case], journal: Journal, progress: Progress) -> ReplayResult:
    """Replay these cases on this machine's target; a model server that fails is a target that is down."""
    context, ended = worker.context, None
    try:
        with open_target(worker) as (target, server):
            replayed = replay(
                cases,
                target,
                context.plan,
                rag=context.rag,
                services=context.help,
                subject=worker.subject,
                journal=journal,
                progress=progress,
            )
            if server and replayed.down:
                ended = server.describe_exit(within=2)  # its connections break a moment before it has ended
    except ServerFailed as error:
        return ReplayResult((), TargetDown(f"{error.message} {error.hint}".strip()))
    if ended:
        return replace(replayed, down=TargetDown(f"The model server ended during the replay: {ended}"))
    return replayed


@contextmanager
def open_target(worker: Worker) -> Iterator[tuple[Target, ModelServer | None]]:
    """Open what is asked: the container's own model server, once it is ready, or a running endpoint."""
    inputs = worker.inputs
    if worker.context.endpoint:
        from sluice.steps.endpoint_target import EndpointTarget

        yield EndpointTarget(worker.aws.runtime, worker.context.endpoint), None
        return
    with ModelServer(inputs.server_command, worker.server_log) as server:
        print_line(f"The model server was ready after {server.wait_ready(inputs.startup_seconds):.1f} s.")
        with HttpTarget(server.url) as http:
            yield http, server


def record_verdict(aws: Aws, run: MlflowRun, report: Report) -> None:
    """Write the verdict on the package. Only a bad one rejects it: after an inconclusive one a person may decide."""
    verdict, arn = report.verdict, run.package.arn
    packages.record_verdict(aws.sagemaker, arn, verdict.verdict, verdict.summary, run.report_uri, report.mlflow)
    if verdict.verdict == "fail":
        packages.reject(aws.sagemaker, arn, " ".join([verdict.summary, *verdict.reasons]))


if __name__ == "__main__":
    sys.exit(job.run_step(Evaluate, evaluate, sys.argv[1:]))

"""Judges a model package: start its model server, replay the chat cases, write report.json, record the verdict.

`python -m sluice.steps.evaluate` inside the LMI image. It ends well when there is a verdict, a bad one too: the gate decides.
"""

import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sluice.errors import SluiceError
from sluice.evaluation import report as reports
from sluice.evaluation.cases.case import Case
from sluice.evaluation.evaluate import Began, build_report
from sluice.evaluation.replay.engine import Progress, Replayed, replay
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
from sluice.steps.job import Aws, say
from sluice.steps.mlflow_log import MlflowLog
from sluice.steps.model_server import ModelServer, ServerFailed
from sluice.steps.report_files import Run
from sluice.steps.run_context import Judging, ready
from sluice.steps.shards import Share, Telling, share_of

SERVER_LOG = "model-server.log"


class CouldNotJudge(SluiceError):
    """There is no verdict: the report says why, and the package waits as it did."""


@dataclass(frozen=True)
class Worker:
    """This machine's part in the step: what is judged by what, where it is written, and which share of it is here."""

    inputs: Evaluate
    aws: Aws
    judging: Judging
    package: Package
    folder: Path
    share: Share | None  # None: all of it

    @property
    def subject(self) -> dict[str, str]:
        return job.subject(self.package, self.inputs.execution, self.judging.endpoint)

    @property
    def server_log(self) -> Path:
        """All machines write into one folder in S3, so on others than the first the file has the machine's name."""
        own = self.share and not self.share.first
        return self.folder / (f"{self.share.host}-{SERVER_LOG}" if own and self.share else SERVER_LOG)


def evaluate(inputs: Evaluate, aws: Aws) -> str:
    """The whole step, once; returns the verdict in a line. On all machines but the first: what its share was."""
    judging = ready(inputs, aws, None if inputs.target == "job" else inputs.target, inputs.machine)
    folder = room_for_report(Path(inputs.report))
    share = share_of(inputs, aws.s3)
    judges = share is None or share.first
    mlflow = MlflowLog(inputs.mlflow_uri, inputs.experiment) if inputs.mlflow_uri and judges else None

    here = Worker(inputs, aws, judging, packages.describe(aws.sagemaker, inputs.model_package), folder, share)
    judging.check_rag()
    if not judges:
        return part(here)
    champion = champions.find(aws.sagemaker, here.package) if judging.settings.gate.against_champion else None

    run = Run(inputs, judging, here.package, champion)
    report = report_files.written(judged(here, champion), folder, mlflow, run)
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


def judged(here: Worker, champion: Package | None) -> Report:
    """The judgement; a model server that fails is a report too, whose verdict is "error"."""
    judging, began = here.judging, Began.now()
    wanted = judging.settings.gate
    report = build_report(
        learned(here),
        wanted if champion else wanted.without_champion(),
        judging.plan,
        began,
        subject=here.subject,
        compare=Comparison(here.aws, champion, judging, judging.hashes(here.package)) if champion else None,
    )
    alone = (champions.NONE,) if wanted.against_champion and not champion else ()
    return judging.complete(report, here.package, *alone)


def learned(here: Worker) -> Replayed:
    """What the replay of all cases learned: of this machine, or of all that share them."""
    if here.share is None:
        return replayed(here, here.judging.cases, Journal(), job.progress())
    journal = Journal()
    own = replayed(here, Shard(here.judging.cases, here.share.here), journal, job.progress())
    return here.share.together(own, journal, here.judging, here.subject)


def part(here: Worker) -> str:
    """One machine's share of the cases, for the first one to judge."""
    share = here.share
    assert share is not None
    journal = Journal(here.folder.parent / "journal")
    with Telling(share, job.progress()) as telling:
        found = replayed(here, Shard(here.judging.cases, share.here), journal, telling)
    return share.brought(found, journal)


def replayed(here: Worker, cases: Collection[Case], journal: Journal, progress: Progress) -> Replayed:
    """These cases, on this machine's target; a model server that fails is a target that is down."""
    judging, ended = here.judging, None
    try:
        with target(here) as (ask, server):
            found = replay(
                cases,
                ask,
                judging.plan,
                rag=judging.rag,
                help=judging.help,
                subject=here.subject,
                journal=journal,
                progress=progress,
            )
            if server and found.down:
                ended = server.gone(within=2)  # its connections break a moment before it has ended
    except ServerFailed as error:
        return Replayed((), TargetDown(f"{error.message} {error.hint}".strip()))
    if ended:
        return replace(found, down=TargetDown(f"The model server ended during the replay: {ended}"))
    return found


@contextmanager
def target(here: Worker) -> Iterator[tuple[Target, ModelServer | None]]:
    """What is asked: the container's own model server, once it is ready, or a running endpoint."""
    inputs = here.inputs
    if here.judging.endpoint:
        from sluice.steps.endpoint_target import EndpointTarget

        yield EndpointTarget(here.aws.runtime, here.judging.endpoint), None
        return
    with ModelServer(inputs.server_command, here.server_log) as server:
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

"""`sluice approve` and `sluice reject`: an operator's word on a version that has been judged."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import click

from sluice.cli import output
from sluice.cli.release import health, progress
from sluice.cli.target import Target, target_options
from sluice.config.model import PipelineConfig
from sluice.errors import SluiceError, UsageError
from sluice.evaluation.verdict import lets_through
from sluice.pipelines import executions
from sluice.registry import packages

PATIENCE = 120  # seconds in which the event of an approval has always arrived


class NotJudgedFit(SluiceError):
    """The version has no passing verdict."""


class OlderThanLive(UsageError):
    """The version is older than the live one, and nobody said that it is meant to replace it."""


@click.command()
@click.argument("version", type=int, required=False)
@click.option("--why", default="Approved with sluice approve.", help="Kept with the version.")
@click.option("--anyway", is_flag=True, help="Also a version that did not pass its gate.")
@click.option("--older", is_flag=True, help="Also a VERSION that is older than the live one, which it replaces.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Stay until the deployment is over.")
@target_options
def approve(
    config: PipelineConfig, target: Target, version: int | None, why: str, anyway: bool, older: bool, wait: bool
) -> None:
    """Approve a version; the deploy pipeline starts by itself.

    Without VERSION: the newest one that waits for approval, if it is newer than the live one.
    """
    if version is not None:
        package = packages.find(target.sagemaker, config.registry.group, version)
    elif older:
        raise UsageError("--older needs the version that is meant.", "`sluice versions` lists them.")
    else:
        package = select_waiting(target, config.registry.group)
    if not older and package.approval != "Approved":
        check_newer(target, package, named=version is not None)
    if not lets_through(package.verdict, config.settings.gate) and not anyway:
        verdict = f"its verdict is {package.verdict}: {package.verdict_why}" if package.verdict else "it was not judged"
        raise NotJudgedFit(
            f"Version {package.version} cannot be approved: {verdict}.".replace("..", "."),
            "`sluice versions` lists the others. Approve it all the same with --anyway.",
        )
    if package.approval == "Approved":
        if not lets_through(package.verdict, config.settings.gate):
            packages.override_verdict(target.sagemaker, package)
        next_command = f"`sluice deploy --version {package.version}` puts it live if it is not."
        output.say(f"Version {package.version} is approved already. {next_command}")
        return
    approve_and_follow(config, target, package, why, wait)


def approve_and_follow(config: PipelineConfig, target: Target, package: packages.Package, why: str, wait: bool) -> None:
    """Approve it, and show the deployment that this starts."""
    since = datetime.now(UTC)
    overridden = None if lets_through(package.verdict, config.settings.gate) else package.verdict
    packages.approve(target.sagemaker, package.arn, why, overridden)
    output.say(f"Version {package.version} is approved.")
    if config.approval == "automatic":
        output.say("With `approval: automatic` an approval starts nothing: `sluice deploy` puts it live.")
    elif wait:
        with progress.explain_interrupt(
            f"Version {package.version} is approved, and its deployment starts by itself.",
            f"`{progress.command(target, 'status')}` shows it; "
            f"`{progress.command(target, 'stop')}` stops it once it runs.",
        ):
            arn = find_started(config, target, package, since)
        output.say(f"The approval has started execution {arn.rpartition('/')[2]} of {config.deploy_pipeline}.")
        progress.show_live(target, package, progress.follow_to_success(target, arn))


@click.command()
@click.argument("version", type=int, required=False)
@click.option("--why", required=True, help="Kept with the version.")
@target_options
def reject(config: PipelineConfig, target: Target, version: int | None, why: str) -> None:
    """Reject a version.

    Without VERSION: the newest one that waits for approval. A live version stays live until another one replaces it.
    """
    group = config.registry.group
    package = select_waiting(target, group) if version is None else packages.find(target.sagemaker, group, version)
    packages.reject(target.sagemaker, package.arn, why)
    output.say(f"Version {package.version} is rejected.")
    if package.is_serving and (problem := health.find_rejection(target, replace(package, approval="Rejected"))):
        output.say(f"It is still live. {problem.next_step}")


def select_waiting(target: Target, group: str) -> packages.Package:
    """The newest version that waits for approval, described."""
    waiting = next(packages.list_versions(target.sagemaker, group, "PendingManualApproval"), None)
    if waiting is None:
        raise UsageError(f"No version of {group!r} waits for approval.", "`sluice versions` lists them all.")
    return packages.describe(target.sagemaker, waiting.arn)


def check_newer(target: Target, package: packages.Package, named: bool) -> None:
    """Raise OlderThanLive for a version older than the live one; `named`: a person has asked for this very version."""
    live = packages.find_champion(target.sagemaker, package.group)
    if live is None or package.version >= live.version:
        return
    if named:
        message = f"Version {package.version} is older than version {live.version}, which is live."
    else:
        message = (
            f"No version newer than version {live.version}, which is live, waits for approval; "
            f"the newest that waits is version {package.version}."
        )
    raise OlderThanLive(
        message, f"If it is meant to replace version {live.version}: `sluice approve {package.version} --older`."
    )


def find_started(config: PipelineConfig, target: Target, package: packages.Package, since: datetime) -> str:
    """The execution that this approval's event has started; the event takes a moment."""
    deadline = time.monotonic() + PATIENCE
    others: set[str] = set()
    while time.monotonic() < deadline:
        for arn in list_started(config, target, since):
            if arn in others:
                continue
            if deploys(target, arn, package):
                return arn
            others.add(arn)
        time.sleep(0.1 if target.name == "local" else 2.0)
    raise SluiceError(
        f"The approval has started no deployment within {PATIENCE} s.",
        f"Is the rule {config.name}-approved there and enabled? `sluice plan` tells; "
        f"`sluice deploy --version {package.version}` deploys by hand.",
    )


def list_started(config: PipelineConfig, target: Target, since: datetime) -> Iterator[str]:
    """The ARNs of the deploy pipeline's executions since then, newest first."""
    for execution in executions.list_recent(target.sagemaker, config.deploy_pipeline):
        # The clocks of this machine and of the service may differ by a little.
        if execution.started and execution.started > since - timedelta(seconds=1):
            yield execution.arn


def deploys(target: Target, arn: str, package: packages.Package) -> bool:
    """Whether an approval of this version has started the execution: others, and the schedule, start some as well."""
    parameters = executions.list_parameters(target.sagemaker, arn)
    return parameters.get("ModelPackageArn") == package.arn and parameters.get("Reason") == "approval"

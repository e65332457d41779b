"""`sluice approve` and `sluice reject`: an operator's word on a version that has been judged."""

import time
from datetime import UTC, datetime, timedelta

import click

from sluice.cli import output
from sluice.cli.release import progress
from sluice.cli.target import Target, options
from sluice.config.model import PipelineConfig
from sluice.errors import SluiceError, UsageError
from sluice.evaluation.verdict import lets_through
from sluice.pipelines import executions
from sluice.registry import packages

PATIENCE = 120  # seconds in which the event of an approval has always arrived


class NotJudgedFit(SluiceError):
    """The version has no passing verdict."""


@click.command()
@click.argument("version", type=int, required=False)
@click.option("--why", default="Approved with sluice approve.", help="Kept with the version.")
@click.option("--anyway", is_flag=True, help="Also a version that did not pass its gate.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Stay until the deployment is over.")
@options
def approve(config: PipelineConfig, target: Target, version: int | None, why: str, anyway: bool, wait: bool) -> None:
    """Approve a version; the deploy pipeline starts by itself.

    Without VERSION: the newest one that waits for approval.
    """
    package = chosen(config, target, version)
    if not lets_through(package.verdict, config.settings.gate) and not anyway:
        verdict = f"its verdict is {package.verdict}: {package.verdict_why}" if package.verdict else "it was not judged"
        raise NotJudgedFit(
            f"Version {package.version} cannot be approved: {verdict}.".replace("..", "."),
            "`sluice versions` lists the others. Approve it all the same with --anyway.",
        )
    if package.approval == "Approved":
        if not lets_through(package.verdict, config.settings.gate):
            packages.override_verdict(target.sagemaker, package)
        output.say(f"Version {package.version} is approved already. `sluice deploy` puts it live if it is not.")
        return
    give(config, target, package, why, wait)


def give(config: PipelineConfig, target: Target, package: packages.Package, why: str, wait: bool) -> None:
    """Approve it, and show the deployment that this starts."""
    since = datetime.now(UTC)
    overridden = None if lets_through(package.verdict, config.settings.gate) else package.verdict
    packages.approve(target.sagemaker, package.arn, why, overridden)
    output.say(f"Version {package.version} is approved.")
    if config.approval == "automatic":
        output.say("With `approval: automatic` an approval starts nothing: `sluice deploy` puts it live.")
    elif wait:
        arn = started_by_event(config, target, since)
        output.say(f"The approval has started execution {arn.rpartition('/')[2]} of {config.deploy_pipeline}.")
        progress.until_over(target, arn)
        live = packages.live(target.sagemaker, config.registry.group)
        output.say(f"Version {live.version} is live on the endpoint {live.endpoint_name}.")


@click.command()
@click.argument("version", type=int, required=False)
@click.option("--why", required=True, help="Kept with the version.")
@options
def reject(config: PipelineConfig, target: Target, version: int | None, why: str) -> None:
    """Reject a version.

    Without VERSION: the newest one that waits for approval. A live version stays live until another one replaces it.
    """
    package = chosen(config, target, version)
    packages.reject(target.sagemaker, package.arn, why)
    output.say(f"Version {package.version} is rejected.")
    if package.is_live:
        output.say("It is still live. Roll back with `sluice deploy --version N`.")


def chosen(config: PipelineConfig, target: Target, version: int | None) -> packages.Package:
    group = config.registry.group
    if version is not None:
        return packages.find(target.sagemaker, group, version)
    waiting = next(packages.versions(target.sagemaker, group, "PendingManualApproval"), None)
    if waiting is None:
        raise UsageError(f"No version of {group!r} waits for approval.", "`sluice versions` lists them all.")
    return packages.describe(target.sagemaker, waiting.arn)


def started_by_event(config: PipelineConfig, target: Target, since: datetime) -> str:
    """The execution that the approval's event has started; the event takes a moment."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        newest = executions.recent(target.sagemaker, config.deploy_pipeline, most=1)
        # The clocks of this machine and of the service may differ by a little.
        if newest and newest[0].started and newest[0].started > since - timedelta(seconds=1):
            return newest[0].arn
        time.sleep(0.1 if target.name == "local" else 2.0)
    raise SluiceError(
        f"The approval has started no deployment within {PATIENCE} s.",
        f"Is the rule {config.name}-approved there and enabled? `sluice plan` tells; `sluice deploy` deploys by hand.",
    )

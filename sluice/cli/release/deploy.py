"""`sluice deploy`: put a version live without waiting for an event; also the way back to an older one."""

import click

from sluice.cli import output
from sluice.cli.release import progress
from sluice.cli.target import Target, target_options
from sluice.config.model import PipelineConfig
from sluice.errors import UsageError
from sluice.evaluation.verdict import lets_through
from sluice.pipelines import apply
from sluice.registry import packages


@click.command()
@click.option("--version", type=int, help="Which; otherwise the newest approved one.")
@click.option("--anyway", is_flag=True, help="Also a version that was approved elsewhere without a passing verdict.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Stay until it is over.")
@target_options
def deploy(config: PipelineConfig, target: Target, version: int | None, anyway: bool, wait: bool) -> None:
    """Deploy the newest approved version, or roll back to another."""
    group = config.registry.group
    if version is None:
        package = packages.newest_approved(target.sagemaker, group)
    else:
        package = packages.find(target.sagemaker, group, version)
    if package.approval != "Approved":
        live = packages.find_champion(target.sagemaker, group)
        older = " --older" if live and package.version < live.version else ""
        raise UsageError(
            f"Version {package.version} is not approved ({package.approval}).",
            f"sluice approve {package.version}{older}",
        )
    if not (lets_through(package.verdict, config.settings.gate) or package.is_overridden or package.is_serving):
        if not anyway:
            raise UsageError(
                f"Version {package.version} is approved without a passing verdict: {package.judgement}.",
                f"Deploy it all the same with `sluice deploy --version {package.version} --anyway`, or name another.",
            )
        packages.override_verdict(target.sagemaker, package)
    parameters = {"ModelPackageArn": package.arn, "Reason": "rollback" if version else "release"}
    arn = apply.start_execution(target.sagemaker, config.deploy_pipeline, parameters)
    output.say(f"Execution {arn.rpartition('/')[2]} of {config.deploy_pipeline} puts version {package.version} live.")
    if wait:
        progress.show_live(target, package, progress.follow_to_success(target, arn))

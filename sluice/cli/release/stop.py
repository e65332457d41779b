"""`sluice stop`: end an execution that runs, and say what it leaves."""

import click

from sluice.cli import output
from sluice.cli.release import health, progress
from sluice.cli.target import Target, target_options
from sluice.config.model import PipelineConfig
from sluice.errors import UsageError
from sluice.pipelines import apply, executions
from sluice.pipelines.executions import Execution
from sluice.registry import packages


@click.command()
@click.argument("execution", required=False)
@click.option("--wait/--no-wait", default=True, show_default=True, help="Stay until it is over.")
@target_options
def stop(config: PipelineConfig, target: Target, execution: str | None, wait: bool) -> None:
    """Stop the execution that runs.

    Its job is ended, and costs nothing any more; what is live stays live.

    Without EXECUTION (its id or its ARN): the one that runs, be it a release or a deployment.
    """
    running = find_running(config, target) if execution is None else select_running(config, target, execution)
    if running is None:
        output.say(f"Nothing is to be stopped: no execution of {config.name} runs.")
        return
    if running.status != "Stopping":
        target.sagemaker.stop_pipeline_execution(PipelineExecutionArn=running.arn, ClientRequestToken=apply.new_token())
    output.say(f"Execution {running.id} of {running.pipeline} is being stopped.")
    if wait:
        show_end(config, target, running)


def find_running(config: PipelineConfig, target: Target) -> Execution | None:
    """The one execution that is not over, or None. Raises UsageError if there are several."""
    running = [each for each in list_executions(config, target, 20) if not each.over]
    if len(running) > 1:
        names = ", ".join(f"{each.id} of {each.pipeline}" for each in running)
        raise UsageError(
            f"{len(running)} executions run: {names}.", f"Name one: `{progress.command(target, 'stop', running[0].id)}`"
        )
    return running[0] if running else None


def select_running(config: PipelineConfig, target: Target, name: str) -> Execution:
    """The execution of that id or ARN. Raises UsageError if it is not there or over already."""
    recent = list_executions(config, target, 100)
    execution = next((each for each in recent if name in (each.id, each.arn)), None)
    if execution is None:
        raise UsageError(
            f"{config.release_pipeline} and {config.deploy_pipeline} have no execution {name!r} among their last 100.",
            f"`{progress.command(target, 'status')}` lists the last ones.",
        )
    if execution.over:
        raise UsageError(f"Execution {execution.id} of {execution.pipeline} is over already: {execution.status}.")
    return execution


def list_executions(config: PipelineConfig, target: Target, most: int) -> list[Execution]:
    pipelines = (config.release_pipeline, config.deploy_pipeline)
    return [each for pipeline in pipelines for each in executions.list_recent(target.sagemaker, pipeline, most)]


def show_end(config: PipelineConfig, target: Target, running: Execution) -> None:
    """Wait until the execution is over, then say how it ended and what it leaves."""
    with progress.explain_interrupt(
        f"Execution {running.id} of {running.pipeline} is being stopped all the same.",
        f"`{progress.command(target, 'status')}` shows when it is over.",
    ):
        ended = executions.watch_execution(
            target.sagemaker, running.arn, progress.ProgressPrinter(), progress.interval(target)
        )
    output.say(f"Execution {ended.id} of {ended.pipeline} is over: {ended.status}.")
    if ended.status == "Stopped" and ended.pipeline == config.release_pipeline:
        output.say(f"`{progress.command(target, 'run')}` starts this release anew.")
    if ended.step("Deploy"):
        show_leftovers(config, target, ended)


def show_leftovers(config: PipelineConfig, target: Target, ended: Execution) -> None:
    """Say what a stopped deployment leaves: an approval that stays, an endpoint that it could not take back."""
    live = packages.find_champion(target.sagemaker, config.registry.group)
    output.say(
        f"Version {live.version} is live on the endpoint {live.endpoint_name}." if live else "No version is live."
    )
    arn = executions.list_parameters(target.sagemaker, ended.arn).get("ModelPackageArn", "")
    version = arn.rpartition("/")[2]
    if ended.status == "Stopped" and version.isdigit() and not (live and live.arn == arn):
        output.say(
            f"Version {version} is as approved as it was: the schedule and `sluice deploy` may take it again. "
            f"`{progress.command(target, 'reject', version)} --why ...` keeps it from that."
        )
    for endpoint in health.list_leftovers(config, target, live):
        output.say(
            f"Endpoint {endpoint} is there, is not the live one, and costs money: {health.delete_endpoint(endpoint)}"
        )

"""`sluice run`: release what the file says."""

from pathlib import Path
from typing import Any

import click

from sluice import shipped
from sluice.cli import output
from sluice.cli.evaluation.report_output import read_report, show_failed_cases
from sluice.cli.release import flow, progress
from sluice.cli.target import Target, target_options
from sluice.config.model import PipelineConfig
from sluice.errors import SluiceError
from sluice.pipelines import executions
from sluice.pipelines.executions import Execution
from sluice.pipelines.upload import Upload
from sluice.registry import packages


@click.command()
@click.option("--wait/--no-wait", default=True, show_default=True, help="Stay until the execution is over.")
@click.option("--model", metavar="FOLDER|S3", help="Release this checkpoint instead of the file's.")
@click.option("--again", is_flag=True, help="Also when this very release has been judged before.")
@output.json_option
@target_options
def run(config: PipelineConfig, target: Target, wait: bool, model: str | None, again: bool, as_json: bool) -> None:
    """Release: submit the pipeline and start an execution."""
    if model:
        config = with_model(config, model)
    ready = flow.submit_release(config, target, None if as_json else show_upload)
    earlier = None if again else flow.find_earlier(config, target, ready)
    if earlier and earlier[0] != "running":
        show_earlier(config, target, earlier[1], as_json)
        return
    arn = earlier[1].arn if earlier else flow.start_execution(config, target)
    if not as_json:
        verb = "is already running" if earlier else "has started"
        output.say(f"Execution {arn.rpartition('/')[2]} of {config.release_pipeline} {verb}.")
    if wait:
        follow(config, target, arn, as_json)
    elif as_json:
        output.print_json({"execution": arn, "status": "Executing"})
    else:
        output.say("`sluice status` shows how far it is.")


def with_model(config: PipelineConfig, model: str) -> PipelineConfig:
    if model.startswith("s3://"):
        source = model.rstrip("/") + "/"
    elif model.startswith(shipped.SCHEME):
        source = str(shipped.find_checkpoint(model))
    else:
        source = str(Path(model).resolve())
    return config.model_copy(update={"model": config.model.model_copy(update={"source": source})})


def show_upload(item: Upload) -> None:
    output.say(f"Uploading the {item.what}, {item.size / 1e6:.1f} MB ...")


def follow(config: PipelineConfig, target: Target, arn: str, as_json: bool) -> None:
    """Watch to the end, then say what came of it. A gate that stays closed shows the cases that failed."""
    if as_json:
        execution = progress.follow(target, arn, lambda _: None)
        output.print_json(describe_outcome(target, execution))
        if not execution.ended_well:
            raise click.exceptions.Exit(1)
        return
    try:
        execution = progress.follow_to_success(target, arn)
    except progress.ExecutionFailed:
        ended = executions.describe_execution(target.sagemaker, arn)
        if ended.step("GateClosed") and (package := find_package(target, ended)):
            show_failed_cases(read_report(target, package))
            if package.verdict == "inconclusive":
                output.say(f"A person may let it through all the same: sluice approve {package.version} --anyway")
        raise
    package = find_package(target, execution)
    if package is None:
        return
    output.say(f"Version {package.version}: {package.verdict}. {read_report(target, package)['summary']}")
    if package.approval == "PendingManualApproval":
        output.say(f"It waits for approval: sluice approve {package.version}")


def show_earlier(config: PipelineConfig, target: Target, execution: Execution, as_json: bool) -> None:
    """The second run of an unchanged file: say what is known, and fail if the gate did."""
    package = find_package(target, execution)
    version = f"version {package.version}" if package else f"execution {execution.id}"
    if as_json:
        output.print_json(describe_outcome(target, execution) | {"started": False})
    elif execution.ended_well:
        verdict = f" ({package.verdict}, {package.approval})" if package else ""
        output.say(f"Nothing to release: this very file, model, cases and code are {version} already{verdict}.")
        output.say("Release it once more with --again.")
    else:
        raise SluiceError(
            f"Nothing was started: this very release was judged as {version}. {progress.reason(execution)}",
            "Change the model, the settings or the cases; or judge it once more with --again.",
        )
    if not execution.ended_well:
        raise click.exceptions.Exit(1)


def find_package(target: Target, execution: Execution) -> packages.Package | None:
    registered = execution.step("Register")
    return packages.describe(target.sagemaker, registered.resource) if registered and registered.resource else None


def describe_outcome(target: Target, execution: Execution) -> dict[str, Any]:
    package = find_package(target, execution)
    return {
        "execution": execution.arn,
        "status": execution.status,
        "failure": "" if execution.ended_well else progress.reason(execution),
        "version": package.version if package else None,
        "verdict": package.verdict if package else None,
        "steps": [{"name": each.name, "status": each.status, "seconds": each.seconds} for each in execution.steps],
    }

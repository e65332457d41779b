"""A release from the file to a running execution, told once; `run`, `plan` and the demo are made of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sluice.cli.state import state_folder
from sluice.cli.target import STACK, Target, require_stack
from sluice.config.model import PipelineConfig, StackOutputs
from sluice.errors import UsageError
from sluice.pipelines import apply, archive, compile_cache, executions, git_commit, images, plan, stack, upload
from sluice.pipelines.plan import Change, ReleaseResources
from sluice.preflight import rule_pages, suppressions
from sluice.preflight.adapters import pipeline_yaml

OnUpload = Callable[[upload.Upload], None]


@dataclass(frozen=True)
class PreparedRelease:
    """What a release would write, and to where."""

    place: StackOutputs
    uploads: Sequence[upload.Upload]
    desired: ReleaseResources
    changes: Sequence[Change]


def prepare_release(config: PipelineConfig, target: Target, where: StackOutputs) -> PreparedRelease:
    """Read the files and the account, and compile; nothing is written."""
    # On AWS the jobs' images lack our packages' dependencies; here jobs run where everything is installed.
    wheels = archive.download_wheels(images.PYTHON, state_folder()) if target.name == "aws" else None
    prepared = upload.prepare_uploads(config, where, wheels)
    definitions = compile_cache.compile_cached(config, where, prepared.sources, state_folder() / "compiled")
    desired = plan.desired_resources(config, where, definitions)
    current = apply.read_resources(target.sagemaker, target.client("events"), target.client("scheduler"), config)
    return PreparedRelease(where, prepared.uploads, desired, plan.list_changes(current, desired))


def list_changes(config: PipelineConfig, target: Target) -> Sequence[Change]:
    """What `sluice run` would change. In an account without the stack that is everything."""
    outputs = stack.find_outputs(target.client("cloudformation"), STACK)
    if outputs is None:
        resources = {f"stack {STACK}": {"template": "infra/stack.yaml"}}
        resources |= {name: {} for part, name in plan.names(config).items() if part != "schedule" or config.schedule}
        return [Change(name, "", None, what) for name, what in resources.items()]
    return prepare_release(config, target, stack.stack_outputs(outputs, config.region, config.role_arn)).changes


def refuse_doomed(config: PipelineConfig) -> None:
    """Raise UsageError if `sluice check` has an error to tell: what would fail on SageMaker is not sent there."""
    findings, _ = suppressions.apply_suppressions(
        pipeline_yaml.check_config(config), pipeline_yaml.read_suppressions(config), rule_pages.rule_codes
    )
    errors = [each for each in findings if each.severity == "error"]
    if errors:
        lines = [f"  {each.place}: {each.message} ({each.code})" for each in errors]
        raise UsageError(
            "\n".join(["This release would fail on SageMaker:", *lines]),
            "Nothing was started. `sluice check` tells what to write instead.",
        )


def submit_release(config: PipelineConfig, target: Target, on_upload: OnUpload | None = None) -> PreparedRelease:
    """Upload what is missing and bring the account to what the file says."""
    refuse_doomed(config)
    prepared = prepare_release(config, target, require_stack(target, config))
    for item in prepared.uploads:
        upload.send_missing(target.client("s3"), item, on_upload)
    apply.apply_changes(
        target.sagemaker,
        target.client("events"),
        target.client("scheduler"),
        config,
        prepared.desired,
        prepared.changes,
    )
    return prepared


def start_execution(config: PipelineConfig, target: Target) -> str:
    """A new execution of the release; it is told which commit it comes from. Returns its ARN."""
    folder = config.file.parent if config.file else Path.cwd()
    return apply.start_execution(
        target.sagemaker, config.release_pipeline, {"GitCommit": git_commit.read_commit(folder)}
    )


Earlier = Literal["running", "passed", "gate closed"]


def find_earlier(
    config: PipelineConfig, target: Target, prepared: PreparedRelease
) -> tuple[Earlier, executions.Execution] | None:
    """The execution that already did, or is doing, this very release; one that broke off does not count."""
    if any(change.resource == prepared.desired.names["release"] for change in prepared.changes):
        return None
    last = executions.list_recent(target.sagemaker, config.release_pipeline, most=1)
    if not last:
        return None
    execution = executions.describe_execution(target.sagemaker, last[0].arn)
    if not execution.over:
        return "running", execution
    if execution.ended_well:
        return "passed", execution
    if execution.step("GateClosed"):
        return "gate closed", execution
    return None

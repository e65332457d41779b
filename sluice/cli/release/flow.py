"""A release from the file to a running execution, told once; `run`, `plan` and the demo are made of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sluice.cli.target import STACK, Target, place, state_folder
from sluice.config.model import PipelineConfig, StackOutputs
from sluice.errors import UsageError
from sluice.pipelines import apply, archive, compile_cache, executions, git_commit, images, plan, stack, upload
from sluice.pipelines.plan import Change, ReleaseResources
from sluice.preflight import rule_pages, suppressions
from sluice.preflight.adapters import pipeline_yaml

OnUpload = Callable[[upload.Upload], None]


@dataclass(frozen=True)
class Planned:
    """What a release would write, and to where."""

    place: StackOutputs
    uploads: Sequence[upload.Upload]
    desired: ReleaseResources
    changes: Sequence[Change]


def planned(config: PipelineConfig, target: Target, where: StackOutputs) -> Planned:
    """Read the files and the account, and compile; nothing is written."""
    # On AWS the jobs' images lack our packages' dependencies; here jobs run where everything is installed.
    wheels = archive.download_wheels(images.PYTHON, state_folder()) if target.name == "aws" else None
    prepared = upload.prepare(config, where, wheels)
    definitions = compile_cache.compile(config, where, prepared.sources, state_folder() / "compiled")
    desired = plan.wanted(config, where, definitions)
    current = apply.current(target.sagemaker, target.client("events"), target.client("scheduler"), config)
    return Planned(where, prepared.uploads, desired, plan.changes(current, desired))


def changes(config: PipelineConfig, target: Target) -> Sequence[Change]:
    """What `sluice run` would change. In an account without the stack that is everything."""
    outputs = stack.find(target.client("cloudformation"), STACK)
    if outputs is None:
        made = {f"stack {STACK}": {"template": "infra/stack.yaml"}}
        made |= {name: {} for part, name in plan.names(config).items() if part != "schedule" or config.schedule}
        return [Change(name, "", None, what) for name, what in made.items()]
    return planned(config, target, stack.place(outputs, config.region, config.role_arn)).changes


def refuse_doomed(config: PipelineConfig) -> None:
    """Raise UsageError if `sluice check` has an error to tell: what would fail on SageMaker is not sent there."""
    found, _ = suppressions.apply_suppressions(
        pipeline_yaml.findings(config), pipeline_yaml.suppressions(config), rule_pages.codes
    )
    errors = [each for each in found if each.severity == "error"]
    if errors:
        told = [f"  {each.place}: {each.message} ({each.code})" for each in errors]
        raise UsageError(
            "\n".join(["This release would fail on SageMaker:", *told]),
            "Nothing was started. `sluice check` tells what to write instead.",
        )


def submitted(config: PipelineConfig, target: Target, on_upload: OnUpload | None = None) -> Planned:
    """Upload what is missing and bring the account to what the file says."""
    refuse_doomed(config)
    ready = planned(config, target, place(target, config))
    for wanted in ready.uploads:
        upload.send(target.client("s3"), wanted, on_upload)
    apply.apply(
        target.sagemaker, target.client("events"), target.client("scheduler"), config, ready.desired, ready.changes
    )
    return ready


def started(config: PipelineConfig, target: Target) -> str:
    """A new execution of the release; it is told which commit it comes from. Returns its ARN."""
    folder = config.file.parent if config.file else Path.cwd()
    return apply.start(target.sagemaker, config.release_pipeline, {"GitCommit": git_commit.commit(folder)})


Before = Literal["running", "passed", "gate closed"]


def before(config: PipelineConfig, target: Target, ready: Planned) -> tuple[Before, executions.Execution] | None:
    """The execution that already did, or is doing, this very release; one that broke off does not count."""
    if any(change.resource == ready.desired.names["release"] for change in ready.changes):
        return None
    last = executions.recent(target.sagemaker, config.release_pipeline, most=1)
    if not last:
        return None
    execution = executions.describe(target.sagemaker, last[0].arn)
    if not execution.over:
        return "running", execution
    if execution.ended_well:
        return "passed", execution
    if execution.step("GateClosed"):
        return "gate closed", execution
    return None

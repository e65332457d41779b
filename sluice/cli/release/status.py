"""`sluice status`: what is live, and what the last executions did."""

from typing import Any

import click

from sluice.cli import output
from sluice.cli.target import Target, options
from sluice.config.model import PipelineConfig
from sluice.pipelines import executions, triggers
from sluice.pipelines.executions import Execution
from sluice.registry import packages


@click.command()
@click.option("--limit", type=click.IntRange(1, 100), default=5, show_default=True, help="Executions of each pipeline.")
@output.json_option
@options
def status(config: PipelineConfig, target: Target, limit: int, as_json: bool) -> None:
    """Show what is live and what the last executions did."""
    live = live_or_none(config, target)
    recent = [
        executions.describe(target.sagemaker, each.arn)
        for pipeline in (config.release_pipeline, config.deploy_pipeline)
        for each in executions.recent(target.sagemaker, pipeline, limit)
    ]
    schedule = triggers.schedule_state(target.client("scheduler"), config)
    if as_json:
        output.document({"live": told(live), "schedule": schedule, "executions": [row(each) for each in recent]})
        return
    if live:
        output.say(f"Live: version {live.version} on {live.endpoint_name}, since {live.live_since}.")
    else:
        output.say(f"Live: no version of {config.registry.group!r} yet.")
    output.say(f"Scheduled re-deploys: {(schedule or 'none').lower()}.")
    output.table(
        ["pipeline", "execution", "status", "took", "steps", "why"],
        [
            [
                each.pipeline,
                each.id,
                each.status,
                output.seconds(each.seconds),
                ", ".join(f"{step.name} {step.status}" for step in each.steps),
                output.short("" if each.ended_well else "; ".join(step.failure for step in each.steps if step.failure)),
            ]
            for each in recent
        ],
    )


def live_or_none(config: PipelineConfig, target: Target) -> packages.Package | None:
    try:
        return packages.live(target.sagemaker, config.registry.group)
    except packages.NothingLive:
        return None


def told(live: packages.Package | None) -> dict[str, Any] | None:
    if live is None:
        return None
    return {"version": live.version, "endpoint": live.endpoint_name, "since": live.live_since, "arn": live.arn}


def row(execution: Execution) -> dict[str, Any]:
    return {
        "pipeline": execution.pipeline,
        "execution": execution.arn,
        "status": execution.status,
        "started": execution.started,
        "seconds": execution.seconds,
        "steps": [
            {"name": each.name, "status": each.status, "seconds": each.seconds, "failure": each.failure}
            for each in execution.steps
        ],
    }

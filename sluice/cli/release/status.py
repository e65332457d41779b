"""`sluice status`: what is live and whether it serves, and what the last executions did."""

from typing import Any

import click

from sluice.cli import output
from sluice.cli.release import health
from sluice.cli.release.health import Health
from sluice.cli.target import Target, target_options
from sluice.config.model import PipelineConfig
from sluice.pipelines import executions, triggers
from sluice.pipelines.executions import Execution
from sluice.registry import packages
from sluice.wording import one_line


@click.command()
@click.option("--limit", type=click.IntRange(1, 100), default=5, show_default=True, help="Executions of each pipeline.")
@output.json_option
@target_options
def status(config: PipelineConfig, target: Target, limit: int, as_json: bool) -> None:
    """Show what is live and what the last executions did.

    The live version's endpoint is asked as well. Exits with 1 if it is gone, takes no requests or serves something
    else, or if the live version is not approved any more: each with what to do next, in --json under `problems`.
    """
    live = packages.find_champion(target.sagemaker, config.registry.group)
    recent = [
        executions.describe_execution(target.sagemaker, each.arn)
        for pipeline in (config.release_pipeline, config.deploy_pipeline)
        for each in executions.list_recent(target.sagemaker, pipeline, limit)
    ]
    schedule = triggers.schedule_state(target.client("scheduler"), config)
    running = [each for each in recent if not each.over]
    is_deploying = any(each.pipeline == config.deploy_pipeline or each.step("Deploy") for each in running)
    is_scheduled = schedule == "ENABLED"
    examined = health.examine(target, live, is_deploying, is_scheduled) if live else Health(None, ())
    if as_json:
        problems = [{"problem": each.message, "next": each.next_step} for each in examined.problems]
        output.print_json(
            {
                "live": describe_live(live, examined),
                "problems": problems,
                "schedule": schedule,
                "executions": [row(each) for each in recent],
            }
        )
    else:
        show_live(config, live, examined)
        output.say(f"Scheduled re-deploys: {(schedule or 'none').lower()}.")
        show_executions(recent)
    if examined.problems:
        raise click.exceptions.Exit(1)


def show_live(config: PipelineConfig, live: packages.Package | None, examined: Health) -> None:
    """Say what is live and what is wrong with it."""
    if live is None:
        output.say(f"Live: no version of {config.registry.group!r} yet.")
        return
    endpoint = f"{live.endpoint_name} ({examined.endpoint_status or 'gone'})"
    output.say(f"Live: version {live.version} on {endpoint}, since {live.live_since}.")
    for problem in examined.problems:
        output.say(f"Problem: {problem.message}\n  {problem.next_step}")


def show_executions(recent: list[Execution]) -> None:
    output.print_table(
        ["pipeline", "execution", "status", "took", "steps", "why"],
        [
            [
                each.pipeline,
                each.id,
                each.status,
                output.seconds(each.seconds),
                ", ".join(f"{step.name} {step.status}" for step in each.steps),
                one_line(
                    "" if each.ended_well else "; ".join(step.failure for step in each.steps if step.failure), 120
                ),
            ]
            for each in recent
        ],
    )


def describe_live(live: packages.Package | None, examined: Health) -> dict[str, Any] | None:
    if live is None:
        return None
    return {
        "version": live.version,
        "endpoint": live.endpoint_name,
        "endpoint_status": examined.endpoint_status,
        "since": live.live_since,
        "arn": live.arn,
    }


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

"""`sluice schedule`: the scheduled re-deploys of the newest approved version."""

import click

from sluice.cli import output
from sluice.cli.release import flow
from sluice.cli.target import Target, options
from sluice.config.model import PipelineConfig
from sluice.pipelines import triggers
from sluice.pipelines.plan import schedule_name


@click.group(invoke_without_command=True)
@click.pass_context
def schedule(context: click.Context) -> None:
    """Show, apply, pause or resume the scheduled re-deploys.

    Without a command: show.
    """
    if context.invoked_subcommand is None:
        context.invoke(look)


@schedule.command("show")
@output.json_option
@options
def look(config: PipelineConfig, target: Target, as_json: bool) -> None:
    """Show what the file says and what the account has."""
    found = triggers.schedule(target.client("scheduler"), config)
    state = triggers.schedule_state(target.client("scheduler"), config)
    wanted = config.schedule
    if as_json:
        file = wanted.model_dump() if wanted else None
        output.document({"name": schedule_name(config), "file": file, "account": found, "state": state})
        return
    output.say(f"pipeline.yaml: {f'{wanted.expression} ({wanted.timezone})' if wanted else 'no schedule'}")
    if found:
        told = f"{found['ScheduleExpression']} ({found['ScheduleExpressionTimezone']}), {(state or '').lower()}"
    else:
        told = "no schedule"
    output.say(f"the account:   {told}")


@schedule.command()
@options
def apply(config: PipelineConfig, target: Target) -> None:
    """Bring the account to what the file says (as every run does)."""
    flow.submitted(config, target)
    output.say(f"The schedule {schedule_name(config)} is as the file says.")


@schedule.command()
@options
def pause(config: PipelineConfig, target: Target) -> None:
    """Let it start nothing until it is resumed."""
    triggers.set_schedule_state(target.client("scheduler"), config, "DISABLED")
    output.say(f"The schedule {schedule_name(config)} is paused.")


@schedule.command()
@options
def resume(config: PipelineConfig, target: Target) -> None:
    """Let it start deployments again."""
    triggers.set_schedule_state(target.client("scheduler"), config, "ENABLED")
    output.say(f"The schedule {schedule_name(config)} runs.")

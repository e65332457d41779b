"""`sluice schedule`: the scheduled re-deploys of the newest approved version."""

import click

from cli import release, show
from cli.target import Target, options
from pipelines import triggers
from pipelines.config import PipelineConfig
from pipelines.plan import schedule_name


@click.group(invoke_without_command=True)
@click.pass_context
def schedule(context: click.Context) -> None:
    """Show, apply, pause or resume the scheduled re-deploys.

    Without a command: show.
    """
    if context.invoked_subcommand is None:
        context.invoke(look)


@schedule.command("show")
@show.json_option
@options
def look(config: PipelineConfig, target: Target, as_json: bool) -> None:
    """Show what the file says and what the account has."""
    found = triggers.schedule(target.client("scheduler"), config)
    state = triggers.schedule_state(target.client("scheduler"), config)
    wanted = config.schedule
    if as_json:
        file = wanted.model_dump() if wanted else None
        show.document({"name": schedule_name(config), "file": file, "account": found, "state": state})
        return
    show.say(f"pipeline.yaml: {f'{wanted.expression} ({wanted.timezone})' if wanted else 'no schedule'}")
    if found:
        told = f"{found['ScheduleExpression']} ({found['ScheduleExpressionTimezone']}), {(state or '').lower()}"
    else:
        told = "no schedule"
    show.say(f"the account:   {told}")


@schedule.command()
@options
def apply(config: PipelineConfig, target: Target) -> None:
    """Bring the account to what the file says (as every run does)."""
    release.submitted(config, target)
    show.say(f"The schedule {schedule_name(config)} is as the file says.")


@schedule.command()
@options
def pause(config: PipelineConfig, target: Target) -> None:
    """Let it start nothing until it is resumed."""
    triggers.set_schedule_state(target.client("scheduler"), config, "DISABLED")
    show.say(f"The schedule {schedule_name(config)} is paused.")


@schedule.command()
@options
def resume(config: PipelineConfig, target: Target) -> None:
    """Let it start deployments again."""
    triggers.set_schedule_state(target.client("scheduler"), config, "ENABLED")
    show.say(f"The schedule {schedule_name(config)} runs.")

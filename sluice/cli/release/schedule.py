"""`sluice schedule`: the scheduled re-deploys of the newest approved version."""

import click

from sluice.cli import output
from sluice.cli.release import flow
from sluice.cli.target import Target, target_options
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
@target_options
def look(config: PipelineConfig, target: Target, as_json: bool) -> None:
    """Show what the file says and what the account has."""
    in_account = triggers.read_schedule(target.client("scheduler"), config)
    state = triggers.schedule_state(target.client("scheduler"), config)
    in_file = config.schedule
    if as_json:
        file = in_file.model_dump() if in_file else None
        output.print_json({"name": schedule_name(config), "file": file, "account": in_account, "state": state})
        return
    output.say(f"pipeline.yaml: {f'{in_file.expression} ({in_file.timezone})' if in_file else 'no schedule'}")
    if in_account:
        text = (
            f"{in_account['ScheduleExpression']} ({in_account['ScheduleExpressionTimezone']}), {(state or '').lower()}"
        )
    else:
        text = "no schedule"
    output.say(f"the account:   {text}")


@schedule.command()
@target_options
def apply(config: PipelineConfig, target: Target) -> None:
    """Bring the account to what the file says (as every run does)."""
    flow.submit_release(config, target)
    output.say(f"The schedule {schedule_name(config)} is as the file says.")


@schedule.command()
@target_options
def pause(config: PipelineConfig, target: Target) -> None:
    """Let it start nothing until it is resumed."""
    triggers.set_schedule_state(target.client("scheduler"), config, "DISABLED")
    output.say(f"The schedule {schedule_name(config)} is paused.")


@schedule.command()
@target_options
def resume(config: PipelineConfig, target: Target) -> None:
    """Let it start deployments again."""
    triggers.set_schedule_state(target.client("scheduler"), config, "ENABLED")
    output.say(f"The schedule {schedule_name(config)} runs.")

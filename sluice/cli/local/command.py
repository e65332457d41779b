"""`sluice local`: the local AWS, which other commands start by themselves when they need it."""

import os

import click

from sluice.cli import output
from sluice.cli.local import local_aws
from sluice.cli.state import state_folder


@click.group()
def local() -> None:
    """Start, stop or look at the local AWS."""


@local.command()
@click.option(
    "--model-server", metavar="URL", help="An OpenAI-compatible server that answers instead of the tiny model."
)
def up(model_server: str | None) -> None:
    """Start it in the background, if it is not running."""
    status = local_aws.ensure_started(model_server)
    output.say(f"The local AWS answers on {status.url} (process {status.pid}).")
    output.say(f"For boto3 and the aws CLI: export AWS_ENDPOINT_URL={status.url}")
    output.say("                           export AWS_ACCESS_KEY_ID=testing AWS_SECRET_ACCESS_KEY=testing")


@local.command()
def down() -> None:
    """Stop it and everything it started. Its state is in memory and is gone with it."""
    output.say("The local AWS is stopped." if local_aws.stop() else "The local AWS was not running.")


@local.command()
@output.json_option
def status(as_json: bool) -> None:
    """Say whether it runs, where, and where its files are. Exits with 1 if it does not run."""
    server = local_aws.read_status()
    state = state_folder() / "local"
    if as_json:
        output.print_json({"running": server.running, "url": server.url, "pid": server.pid, "state": state})
    elif server.running:
        output.say(f"The local AWS answers on {server.url} (process {server.pid}).")
        output.say(f"Its log and its jobs' folders are in {os.path.relpath(state)}.")
    else:
        output.say(f"The local AWS does not run on {server.url}. Commands start it when they need it.")
    if not server.running:
        raise click.exceptions.Exit(1)

"""`sluice local`: the local AWS, which other commands start by themselves when they need it."""

import os

import click

from sluice.cli import output
from sluice.cli.local import local_aws
from sluice.cli.target import state_folder


@click.group()
def local() -> None:
    """Start, stop or look at the local AWS."""


@local.command()
@click.option(
    "--model-server", metavar="URL", help="An OpenAI-compatible server that answers instead of the tiny model."
)
def up(model_server: str | None) -> None:
    """Start it in the background, if it is not running."""
    status = local_aws.started(model_server)
    output.say(f"The local AWS answers on {status.url} (process {status.pid}).")
    output.say(f"For boto3 and the aws CLI: export AWS_ENDPOINT_URL={status.url}")
    output.say("                           export AWS_ACCESS_KEY_ID=testing AWS_SECRET_ACCESS_KEY=testing")


@local.command()
def down() -> None:
    """Stop it and everything it started. Its state is in memory and is gone with it."""
    output.say("The local AWS is stopped." if local_aws.stopped() else "The local AWS was not running.")


@local.command()
@output.json_option
def status(as_json: bool) -> None:
    """Say whether it runs, where, and where its files are. Exits with 1 if it does not run."""
    found = local_aws.status()
    state = state_folder() / "local"
    if as_json:
        output.document({"running": found.running, "url": found.url, "pid": found.pid, "state": state})
    elif found.running:
        output.say(f"The local AWS answers on {found.url} (process {found.pid}).")
        output.say(f"Its log and its jobs' folders are in {os.path.relpath(state)}.")
    else:
        output.say(f"The local AWS does not run on {found.url}. Commands start it when they need it.")
    if not found.running:
        raise click.exceptions.Exit(1)

"""`sluice plan`: what a run would change, without changing it."""

import json
from typing import Any

import click

from cli import release, show
from cli.target import Target, options
from pipelines.config import PipelineConfig
from pipelines.plan import Change

SIGNS = {"create": ("+", "green"), "update": ("~", "yellow"), "delete": ("-", "red")}


@click.command()
@show.json_option
@options
def plan(config: PipelineConfig, target: Target, as_json: bool) -> None:
    """Show what a run would change in the account."""
    found = release.changes(config, target)
    if as_json:
        show.document([{"kind": each.kind, **each.__dict__} for each in found])
        return
    if not found:
        show.say("Nothing would change: the account has what the file says.")
    for change in found:
        show.console().print(line(change), soft_wrap=True)


def line(change: Change) -> str:
    sign, colour = SIGNS[change.kind]
    if change.kind != "update":
        return f"[{colour}]{sign} {change.kind} {show.safe(change.resource)}[/]"
    values = f"{value_of(change.before)} -> {value_of(change.after)}"
    return f"[{colour}]{sign} {show.safe(change.resource)}[/]  {show.safe(change.path)}: {show.safe(values)}"


def value_of(value: Any) -> str:
    return show.short("nothing" if value is None else json.dumps(value, ensure_ascii=False))

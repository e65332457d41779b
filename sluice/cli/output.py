"""How things look in the terminal: tables, steps as they run, verdicts, diffs; or one JSON document with --json."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

COLOURS = {
    "Succeeded": "green", "Completed": "green", "Approved": "green", "InService": "green", "pass": "green",
    "live": "bold green", "Failed": "red", "Rejected": "red", "fail": "red", "error": "red", "Stopped": "red",
    "Executing": "yellow", "Stopping": "yellow", "PendingManualApproval": "yellow", "inconclusive": "yellow",
}  # fmt: skip

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")


def console(stderr: bool = False) -> "Console":
    from rich.console import Console  # what prints JSON or one line of an error does not need it

    # Without a terminal (CI, a pipe) rich would wrap at 80 columns and cut tables; the reader there can scroll.
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, width=None if stream.isatty() else 120)


def readable(text: str) -> str:
    """Text from elsewhere, such as a model's answer, without what would move the cursor or ring the bell."""
    return "".join(each if each.isprintable() or each in "\n\t" else "\N{REPLACEMENT CHARACTER}" for each in text)


def safe(text: str) -> str:
    """The same as it may be put between rich's markup."""
    from rich.markup import escape

    return escape(readable(text))


def say(text: str = "", stderr: bool = False) -> None:
    """Plain text, whatever is in it."""
    console(stderr).print(safe(text), soft_wrap=True)


def styled(status: str) -> str:
    colour = COLOURS.get(status)
    return f"[{colour}]{safe(status)}[/]" if colour else safe(status)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table; cells are escaped, except statuses, which are coloured by what they say."""
    from rich.table import Table

    drawn = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*(styled(cell) for cell in row))
    console().print(drawn)


def print_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """The answer to --json: one document on standard output, times in ISO 8601."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def seconds(span: float | None) -> str:
    if span is None:
        return ""
    return f"{span:.1f} s" if span < 120 else f"{span / 60:.1f} min"

"""`sluice report`: a stored report, in the terminal or as a page, a comment or a JUnit document."""

from pathlib import Path
from typing import Literal

import click

from sluice.cli import output
from sluice.cli.evaluation.report_flags import form_options
from sluice.cli.evaluation.report_output import show_report, write_all
from sluice.cli.evaluation.sources import Reader


@click.command()
@click.argument("source", metavar="FILE|VERSION")
@form_options
@click.option(
    "--most", type=click.IntRange(0), default=5, show_default=True, help="How many transcripts are shown at most."
)
@output.json_option
@click.option("--file", "-f", type=click.Path(path_type=Path), default="pipeline.yaml", show_default=True,
              help="Where a version's group stands.")  # fmt: skip
@click.option("--target", "name", type=click.Choice(["local", "aws"]), default="local", show_default=True,
              help="Which AWS the version is in.")  # fmt: skip
def report(
    source: str,
    html: Path | None,
    markdown: Path | None,
    junit: Path | None,
    most: int,
    as_json: bool,
    file: Path,
    name: Literal["local", "aws"],
) -> None:
    """Show a stored report, or write it as a page, a comment or JUnit."""
    content = Reader(file, name).read_stored(source)
    write_all(content, html, markdown, junit)
    if as_json:
        output.print_json(content)
    elif not (html or markdown or junit):
        show_report(content, most)

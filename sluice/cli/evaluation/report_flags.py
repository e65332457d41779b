"""The flags that have a report written in other forms too; `reports.write_all` writes them."""

from collections.abc import Callable
from pathlib import Path

import click

FORMS = (
    ("junit", "as JUnit XML, for CI"),
    ("markdown", "as a comment for a pull request"),
    ("html", "as a page that needs nothing else"),
)


def form_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds --html, --markdown and --junit."""
    for form, about in FORMS:
        command = click.option(
            f"--{form}", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), metavar="FILE",
            help=f"Write the report {about} (-: standard output).",
        )(command)  # fmt: skip
    return command

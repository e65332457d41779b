"""`sluice replay`: the chat cases on anything that answers, without a pipeline."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sluice.cli import output
from sluice.cli.evaluation.replay_request import read_request
from sluice.cli.evaluation.report_flags import form_options
from sluice.errors import UsageError
from sluice.evaluation.cases.spool import StoredCases
from sluice.evaluation.evaluate import evaluate
from sluice.evaluation.replay.journal import FILE, Journal
from sluice.evaluation.replay.progress import ProgressReporter

if TYPE_CHECKING:
    from sluice.evaluation.report import Report

MOST_FAILED = 1_000  # failed cases of a large replay that the terminal and the other forms are given
QUIET = 15.0  # seconds between two lines of progress where no terminal is


@click.command()
@click.option("--url", help="A model server's /invocations, or any address that takes OpenAI's chat form.")
@click.option("--endpoint", help="A SageMaker endpoint.")
@click.option("--version", type=int, help="The endpoint of this version; it must be live.")
@click.option("--rag", metavar="URL", help="The RAG server that cases with `through: rag` are asked on.")
@click.option("--cases", type=click.Path(path_type=Path), help="A file or folder; otherwise the file's.")
@click.option("--min-pass-rate", type=click.FloatRange(0, 1), help="Otherwise the file's gate.")
@click.option("--concurrency", type=click.IntRange(1, 256), help="Chats at a time; otherwise the file's.")
@click.option("--requests-per-second", type=click.FloatRange(0, min_open=True), help="The most; otherwise the file's.")
@click.option("--retry-seconds", type=click.FloatRange(0), help="How long an endpoint may do nothing but refuse.")
@click.option("--max-tokens", type=click.IntRange(1), help="The longest answer; otherwise the file's.")
@click.option("--repeats", type=click.IntRange(1, 100), help="How often each case is replayed at least.")
@click.option("--seed", type=click.IntRange(0), help="What the seed of each repeat is made from.")
@click.option("--temperature", type=click.FloatRange(0, 2), help="0 unless it is given.")
@click.option("--model", metavar="NAME", help="With --url, where the server wants its model named.")
@click.option("--key-variable", metavar="VARIABLE", help="With --url: the environment variable that holds its API key.")
@click.option("--price-per-million", nargs=2, type=click.FloatRange(0), metavar="PROMPT ANSWER",
              help="What a million tokens cost, in USD.")  # fmt: skip
@click.option("--price-per-hour", type=click.FloatRange(0), help="What the endpoint costs in an hour, in USD.")
@click.option("--cache", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER",
              help="Keep answers there while you write cases; such a replay never passes.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER",
              help="Write report.json there, and until then a journal for an interrupted replay.")  # fmt: skip
@click.option("--resume", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER",
              help="The same, and only if such a journal is there.")  # fmt: skip
@form_options
@click.option("--file", "-f", type=click.Path(path_type=Path), default="pipeline.yaml", show_default=True,
              help="What to release.")  # fmt: skip
@click.option("--target", type=click.Choice(["local", "aws"]), default="local", show_default=True,
              help="Which AWS the endpoint is in.")  # fmt: skip
@output.json_option
@click.pass_context
def replay(
    context: click.Context,
    /,
    cache: Path | None,
    out: Path | None,
    resume: Path | None,
    html: Path | None,
    markdown: Path | None,
    junit: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Replay the chat cases on an endpoint, a version or a URL.

    Without --url, --endpoint, --version and --rag: on what is live. Exits with 1 if the verdict is not pass.
    """
    if sum(options[name] is not None for name in ("url", "endpoint", "version")) > 1:
        raise click.UsageError("Give only one of --url, --endpoint and --version.")
    if out and resume:
        raise click.UsageError("--resume FOLDER also writes there: leave out --out.")
    named = context.get_parameter_source("file") is not click.core.ParameterSource.DEFAULT
    request = read_request(options, file_named=named)
    if cache:
        request = request.with_cache(cache)
    cases = StoredCases(request.cases)
    request.check(cases)
    with closing(request), open_journal(out or resume, bool(resume)) as journal, show_progress() as progress:
        report = evaluate(
            cases,
            request.target,
            request.gate,
            request.plan,
            rag=request.rag,
            services=request.help,
            subject=request.subject,
            progress=progress,
            journal=journal,
            meanwhile=import_reporting,
        )
        report = replace(report, hashes=request.hashes(cases), plan={**report.plan, "cases": str(request.cases)})
        if folder := out or resume:
            write_report(report, folder, journal)
    show_result(report, as_json, html, markdown, junit)


def import_reporting() -> None:
    """Import what tells of the replay while the first answers are awaited: start-up counts."""
    for name in ("sluice.cli.evaluation.report_output", "sluice.evaluation.compare.hashes", "rich.table"):
        import_module(name)


def write_report(report: "Report", folder: Path, journal: Journal) -> None:
    from sluice.evaluation.report import write_report as write

    write(report, folder)
    if report.verdict.verdict != "error":
        journal.delete_file()


@contextmanager
def open_journal(folder: Path | None, must: bool) -> Iterator[Journal]:
    """The journal, and what is said of it. It stays where the replay did not come to its end."""
    if must and folder and not (folder / FILE).exists():
        raise UsageError(f"{folder} holds no journal of an interrupted replay.", "--out FOLDER writes one.")
    journal = Journal(folder)
    if len(journal):
        warning = f"{journal.path} holds {len(journal)} chats of a replay that did not end"
        click.echo(f"{warning}; what was asked the same is not asked again. Delete the file to begin anew.", err=True)
    try:
        yield journal
    finally:
        journal.release_lock()
        if folder and journal.path and journal.path.exists() and len(journal):
            click.echo(f"{len(journal)} chats are kept: the same with `--resume {folder}` goes on there.", err=True)


@contextmanager
def show_progress() -> Iterator[ProgressReporter]:
    """Progress on standard error: one line that changes on a terminal, else a line every so often."""
    if not sys.stderr.isatty():
        yield ProgressReporter(lambda line: click.echo(line, err=True), QUIET)
        return
    lines: list[str] = []

    def write_line(line: str) -> None:
        lines[:] = [line]
        click.echo(f"\r\x1b[K  {line}", nl=False, err=True)

    try:
        yield ProgressReporter(write_line, every=0.1)
    finally:
        if lines:
            click.echo(err=True)


def show_result(report: "Report", as_json: bool, html: Path | None, markdown: Path | None, junit: Path | None) -> None:
    """The report in the forms that were asked for; the whole of a large one is never in memory."""
    from sluice.cli.evaluation.report_output import show_report, write_all
    from sluice.evaluation.report import iterate_json

    if as_json:
        for piece in iterate_json(report):
            click.echo(piece, nl=False)
    if not as_json or html or markdown or junit:
        content = shorten_report(report)
        write_all(content, html, markdown, junit)
        if not as_json and "-" not in map(str, (html, markdown, junit)):
            show_report(content)
    if report.verdict.verdict != "pass":
        raise click.exceptions.Exit(1)


def shorten_report(report: "Report") -> dict[str, Any]:
    """All of a report; of a large one, only cases that did not pass."""
    from sluice.evaluation.report import case_json
    from sluice.evaluation.results import strip_texts

    if isinstance(report.results, tuple):
        return report.as_json()
    failed = (index for index, result in enumerate(strip_texts(report.results)) if not result.passed)
    return report.without_cases() | {
        "cases": [case_json(report.results[index]) for index in islice(failed, MOST_FAILED)]
    }

"""`sluice compare`: two reports, versions, URLs or endpoints, case by case; A is the champion and B the challenger."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from sluice.cli import output
from sluice.cli.evaluation.report_flags import form_options
from sluice.cli.evaluation.report_output import show_report, write_all
from sluice.cli.evaluation.sources import Reader, kind_of
from sluice.errors import SluiceError
from sluice.evaluation.reports.report_view import ReportView

if TYPE_CHECKING:
    from sluice.evaluation.gate import Gate

LIVE = ("url", "endpoint")
REPLAYED = ("cases", "repeats", "seed", "concurrency", "max_tokens")
DECIDING = ("margin", "latency_margin", "confidence")


@click.command()
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option(
    "--margin", type=click.FloatRange(0, 1), help="How much lower B's pass rate may be; otherwise the file's, or 0.05."
)
@click.option("--latency-margin", type=click.FloatRange(0), help="How much slower B's median may be, as a share.")
@click.option(
    "--confidence", type=click.FloatRange(0.5, 1, min_open=True, max_open=True), help="Otherwise the file's, or 0.95."
)
@click.option(
    "--cases", type=click.Path(path_type=Path), help="What is replayed on a URL or an endpoint; otherwise the file's."
)
@click.option(
    "--repeats", type=click.IntRange(1, 100), help="How often each case is replayed there; otherwise the file's."
)
@click.option("--seed", type=click.IntRange(0), help="What the seed of each repeat is made from.")
@click.option("--concurrency", type=click.IntRange(1, 256), help="Chats at a time; otherwise the file's.")
@click.option("--max-tokens", type=click.IntRange(1), help="The longest answer; otherwise the file's.")
@form_options
@output.json_option
@click.option("--file", "-f", type=click.Path(path_type=Path), default="pipeline.yaml", show_default=True,
              help="What is released; read where A or B needs it.")  # fmt: skip
@click.option("--target", "name", type=click.Choice(["local", "aws"]), default="local", show_default=True,
              help="Which AWS versions and endpoints are in.")  # fmt: skip
def compare(
    a: str,
    b: str,
    html: Path | None,
    markdown: Path | None,
    junit: Path | None,
    as_json: bool,
    file: Path,
    name: Literal["local", "aws"],
    **options: Any,
) -> None:
    """Compare two reports, versions or endpoints case by case.

    A and B are each a report.json, the number of a version (its stored report), a URL or the name of an endpoint
    (replayed now). Exits with 1 unless B is not worse than A by more than the margin.
    """
    reader = Reader(file, name)
    report = build_comparison(
        *read_sides(reader, a, b, options, quiet=as_json), read_gate(reader, a, b, options), replayed=kind_of(a) in LIVE
    )
    write_all(report, html, markdown, junit)
    if as_json:
        output.print_json(report)
    elif "-" not in map(str, (html, markdown, junit)):
        show_report(report)
    if report["verdict"] != "pass":
        raise click.exceptions.Exit(1)


def read_sides(
    reader: Reader, a: str, b: str, options: dict[str, Any], quiet: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both as reports. Stored ones are read first: a typing mistake must not cost a replay."""
    reports = {source: reader.read_stored(source) for source in (a, b) if kind_of(source) not in LIVE}
    replay_options = {name: options[name] for name in REPLAYED}
    for source in dict.fromkeys((a, b)):
        if source not in reports:
            reports[source] = reader.replay_now(source, replay_options, None if quiet else show_progress(source))
        if reports[source].get("verdict") == "error":
            raise SluiceError(f"{source} cannot be compared: {reports[source].get('summary')}")
    return reports[a], reports[b]


def read_gate(reader: Reader, a: str, b: str, options: dict[str, Any]) -> "Gate":
    from sluice.evaluation.gate import Gate

    needs_file = any(kind_of(source) in ("version", "endpoint") for source in (a, b))
    gate = reader.config.settings.gate if needs_file else Gate()
    return replace(gate, **{name: options[name] for name in DECIDING if options[name] is not None})


def build_comparison(a: dict[str, Any], b: dict[str, Any], gate: "Gate", replayed: bool) -> dict[str, Any]:
    """B's report with the comparison in it, whose verdict is the comparison's: that is what was asked."""
    from sluice.evaluation.compare import champion

    subject = a.get("subject") or {}
    about = {**subject, "environment": a.get("environment") or {}}
    about["version"] = subject.get("version") or subject.get("endpoint") or subject.get("url")
    comparison = champion.compare(b, a, gate, about=about, replayed=replayed)
    report = b | {
        "comparison": comparison,
        "verdict": comparison["verdict"],
        "decided": comparison["decided"],
        "reasons": [],
        "warnings": [*list_differences(a, b), *b.get("warnings", [])],
    }
    return report | {"summary": ReportView(report).compared}


def list_differences(a: dict[str, Any], b: dict[str, Any]) -> list[str]:
    """What the two should have had in common and did not. That their environments differ may be the very question."""
    ours, theirs = (each.get("hashes") or {} for each in (a, b))
    named = {"cases": "The cases are not the same", "scorers": "Answers were scored in another way"}
    return [f"{sentence} in A and B." for name, sentence in named.items() if ours.get(name) != theirs.get(name)]


def show_progress(source: str) -> Any:
    """A line on the terminal that says how far the replay is; nothing where nobody looks."""
    if not sys.stderr.isatty():
        return None
    from sluice.evaluation.replay.progress import ProgressReporter

    return ProgressReporter(lambda line: click.echo(f"\r\x1b[K  {source}: {line}", nl=False, err=True), every=0.2)

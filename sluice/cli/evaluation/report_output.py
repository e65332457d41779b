"""What report.json says, in the terminal and as files. It is read where the package says it lies; nothing is computed
again."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from sluice.cli import output
from sluice.cli.state import state_folder
from sluice.cli.target import Target
from sluice.errors import SluiceError
from sluice.evaluation import report
from sluice.evaluation.reports.plain_text import clipped_line, count, milliseconds, number, percent, points, seconds
from sluice.evaluation.reports.report_view import CaseView, ReportView, list_at, mapping_at, text_at
from sluice.wording import counted

if TYPE_CHECKING:
    from sluice.registry.packages import Package  # brings botocore along, which a replay on a URL does not need

TEXT_LENGTH = 300  # characters of a text


def read_report(target: Target, package: "Package") -> dict[str, Any]:
    """The report of a package from S3. Raises SluiceError if the package was never judged or the object is gone."""
    if not package.report:
        raise SluiceError(f"Version {package.version} has no report: it was not judged to the end.")
    place = urlsplit(package.report)
    s3 = target.client("s3")
    try:
        body = s3.get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))["Body"].read()
    except (s3.exceptions.NoSuchKey, s3.exceptions.NoSuchBucket):
        raise SluiceError(f"The report of version {package.version} is not at {package.report} any more.") from None
    return report.parse_report(body, package.report)


def save_copy(content: dict[str, Any], version: int) -> Path:
    """A copy on this machine: the local AWS's bucket is gone when the local AWS is stopped."""
    file = state_folder() / "reports" / f"version-{version}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8", errors="replace")
    return file


def write_all(
    content: Mapping[str, Any], html: Path | None = None, markdown: Path | None = None, junit: Path | None = None
) -> None:
    """The report in each form that was asked for; `-` is standard output. Raises CannotWrite."""
    from sluice.evaluation.reports.files import load_renderers

    for form, path in (("html", html), ("markdown", markdown), ("junit", junit)):
        if path is None:
            continue
        text = load_renderers()[form](content)
        if str(path) == "-":
            click.echo(text, nl=False)
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise report.CannotWrite(f"The report cannot be written to {path}: {error.strerror or error}.") from None


def show_report(content: Mapping[str, Any], most: int = 5) -> None:
    """The verdict and what failed first, then why, then the figures."""
    account = ReportView(content)
    verdict = text_at(content, "verdict")
    output.console().print(
        f"[bold]{output.styled(verdict)}[/]  {output.safe(clipped_line(account.name, 120))}", soft_wrap=True
    )
    output.say(f"{clipped_line(text_at(content, 'summary'), 600)}\n")
    show_criteria(account)
    show_failed_cases(content, most)
    show_figures(account)


def show_criteria(account: ReportView) -> None:
    if not account.decided:
        return
    rows = []
    for each in account.decided:
        of = text_at(each, "of")
        name = clipped_line(text_at(each, "what") + (f", {of}" if of not in ("", "all") else ""), 60)
        rows.append(
            [
                text_at(each, "verdict"),
                name,
                clipped_line(text_at(each, "wanted"), 60),
                clipped_line(text_at(each, "why"), 200),
            ]
        )
    output.print_table(["verdict", "criterion", "wanted", "why"], rows)


def show_failed_cases(content: Mapping[str, Any], most: int = 5) -> None:
    """What failed, one line a case; then question, expected, answer and why of the first turn that went wrong."""
    account = ReportView(content)
    flips = {flip.case.index: flip for flip in account.flips}
    cases = [*account.failed, *account.flaky]
    cases.sort(key=lambda case: (not case.critical, case.index not in flips))
    if not cases:
        return
    output.console().print("\n[bold]What failed[/]")
    for case in cases[: most * 4]:
        marks = ["critical"] if case.critical else []
        marks += [flips[case.index].kind] if case.index in flips else []
        told_marks = f" [dim]{', '.join(marks)}[/]" if marks else ""
        pad = " " * (7 - len(case.outcome))
        output.console().print(
            f"  {output.styled(case.outcome)}{pad}{output.safe(clipped_line(case.id, 80))}{told_marks}"
        )
    if len(cases) > most * 4:
        output.say(f"  and {counted(len(cases) - most * 4, 'more case')}.")
    output.console().print("\n[bold]Why[/]", end="")
    for case in cases[:most]:
        before = flips[case.index].before if case.index in flips else ()
        show_case(case, before)
    if len(cases) > most:
        output.say(f"\n  and {counted(len(cases) - most, 'more case')}; the report has them all.")


def show_case(case: CaseView, before: Any = ()) -> None:
    number = case.wrong.turn or len(case.turns)
    turn = case.turns[number - 1] if case.turns else {}
    where = f"turn {number} of {len(case.turns)}" if case.wrong.turn else "the whole chat"
    output.console().print(f"\n  [bold]{output.safe(clipped_line(case.id, 120))}[/], {where}")
    for passage in list_at(turn, "passages")[:5]:
        row("passage", str(passage))
    row("question", text_at(turn, "user"))
    row("expected", text_at(turn, "expected") if case.wrong.turn else text_at(case.entry, "expected"))
    if number <= len(before):
        row("champion", before[number - 1])
    row("answer", text_at(turn, "answer"))
    row("why", case.wrong.why)
    if case.flaky:
        row("flaky", f"{case.passed_chats} of {len(case.chats)} chats passed")


def row(label: str, text: str) -> None:
    output.console().print(f"    [dim]{label:<9}[/] {output.safe(clipped_line(text, TEXT_LENGTH))}", soft_wrap=True)


def show_figures(account: ReportView) -> None:
    output.say("")
    for line in figures(account):
        output.say(line)
    for warning in account.warnings[:10]:
        output.say(f"Note: {clipped_line(warning, 300)}")


def figures(account: ReportView) -> Iterator[str]:
    if comparison := account.comparison:
        flips = account.flips
        lost = sum(flip.kind == "lost" for flip in flips)
        change = points(mapping_at(comparison, "difference").get("estimate"))
        name = clipped_line(account.champion_name, 60)
        yield f"Against {name}: {change} points, {lost} lost, {len(flips) - lost} gained."
    if turns := account.figure("turns"):
        times = ", ".join(f"{name} {milliseconds(account.figure('latency_ms', name))}" for name in ("p50", "p95"))
        yield f"{count(turns)} turns in {seconds(account.report.get('seconds'))}; {times}."
    yield from tags_below(account)


def tags_below(account: ReportView) -> Iterator[str]:
    """Tags that did worse than the whole, the worst first."""
    tags = mapping_at(account.report, "tags")
    every = account.figure("pass_rate")
    rates = [(rate, name) for name in tags if (rate := number(mapping_at(tags, name).get("pass_rate"))) is not None]
    below = sorted((rate, name) for rate, name in rates if every is not None and rate < every)
    if below:
        yield (
            "Weakest tags: " + ", ".join(f"{clipped_line(name, 40)} {percent(rate)}" for rate, name in below[:5]) + "."
        )

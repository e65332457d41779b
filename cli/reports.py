"""What report.json says, in the terminal. It is read where the package says it lies, and nothing is computed again."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cli import show
from cli.target import Target, state_folder
from evaluation import report
from lmi.errors import SluiceError
from registry.packages import Package


def report_of(target: Target, package: Package) -> dict[str, Any]:
    """The report of a package from S3. Raises SluiceError if the package was never judged or the object is gone."""
    if not package.report:
        raise SluiceError(f"Version {package.version} has no report: it was not judged to the end.")
    place = urlsplit(package.report)
    s3 = target.client("s3")
    try:
        body = s3.get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))["Body"].read()
    except (s3.exceptions.NoSuchKey, s3.exceptions.NoSuchBucket):
        raise SluiceError(f"The report of version {package.version} is not at {package.report} any more.") from None
    return report.parse(body, package.report)


def saved(told: dict[str, Any], version: int) -> Path:
    """A copy on this machine: the local AWS's bucket is gone when the local AWS is stopped."""
    file = state_folder() / "reports" / f"version-{version}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return file


def show_failed_cases(told: dict[str, Any], most: int = 5) -> None:
    """Question, expected, answer and why, of the first turn that went wrong in each failed case."""
    failed = [case for case in told["cases"] if not case["passed"]]
    for case in failed[:most]:
        turns = next((chat for chat in case["chats"] if not chat["passed"]), case["chats"][0])["turns"]
        number, turn = next(
            ((n, turn) for n, turn in enumerate(turns, 1) if not turn["passed"]), (len(turns), turns[-1])
        )
        why = turn["error"] or "; ".join(score["why"] for score in turn["scores"] if not score["passed"])
        show.console().print(f"\n  [bold]{show.safe(case['id'])}[/], turn {number} of {len(turns)}")
        for passage in turn["passages"]:
            row("passage", passage)
        row("question", turn["user"])
        row("expected", turn["expected"])
        row("answer", turn["answer"])
        row("why", why)
    if len(failed) > most:
        show.say(f"\n  and {len(failed) - most} more cases; the report has them all.")


def row(label: str, text: str) -> None:
    show.console().print(f"    [dim]{label:<9}[/] {show.safe(show.short(text, 300))}", soft_wrap=True)

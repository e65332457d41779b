"""`sluice replay`: the chat cases on anything that answers, without a pipeline."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

from cli import show
from evaluation import cases as chat_cases
from evaluation import report
from evaluation.gate import Gate
from evaluation.judge import judge
from evaluation.replay import Plan
from evaluation.results import Chat
from evaluation.target import HttpTarget, Target
from lmi.errors import SluiceError

Number = TypeVar("Number", int, float)


@click.command()
@click.option("--url", help="A model server's /invocations.")
@click.option("--endpoint", help="A SageMaker endpoint.")
@click.option("--version", type=int, help="The endpoint of this version; it must be live.")
@click.option("--cases", type=click.Path(path_type=Path), help="A file or folder; otherwise the file's.")
@click.option("--min-pass-rate", type=click.FloatRange(0, 1), help="Otherwise the file's gate.")
@click.option("--concurrency", type=click.IntRange(1, 256), help="Chats at a time; otherwise the file's.")
@click.option("--max-tokens", type=click.IntRange(1), help="The longest answer; otherwise the file's.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FOLDER", help="Write report.json there.")
@click.option("--file", "-f", type=click.Path(path_type=Path), default="pipeline.yaml", show_default=True,
              help="What to release.")  # fmt: skip
@click.option("--target", type=click.Choice(["local", "aws"]), default="local", show_default=True,
              help="Which AWS the endpoint is in.")  # fmt: skip
@show.json_option
def replay(url: str | None, cases: Path | None, as_json: bool, out: Path | None, **rest: Any) -> None:
    """Replay the chat cases on an endpoint, a version or a URL.

    Without --url, --endpoint and --version: on what is live. Exits with 1 if the verdict is not pass.
    """
    if sum(given is not None for given in (url, rest["endpoint"], rest["version"])) > 1:
        raise click.UsageError("Give only one of --url, --endpoint and --version.")
    if url and cases:
        # Everything is said on the command line: pipeline.yaml is not needed, nor what it takes to read it.
        asked, target, subject = by_url(Asked(cases), url)
    else:
        asked, target, subject = from_file(rest["file"], rest["target"], url, rest["endpoint"], rest["version"])
    judged = judge(
        chat_cases.load(cases or asked.cases),
        target,
        Gate(first(rest["min_pass_rate"], asked.min_pass_rate)),
        Plan(first(rest["concurrency"], asked.concurrency), first(rest["max_tokens"], asked.max_tokens)),
        subject=subject,
        progress=None if as_json or not sys.stderr.isatty() else progress,
    )
    if out:
        report.write(judged, out)
    finish(judged.as_json(), as_json)


@dataclass(frozen=True)
class Asked:
    """What the command line does not say."""

    cases: Path
    min_pass_rate: float = 0.9
    concurrency: int = 8
    max_tokens: int = 128


def from_file(
    file: Path, name: Literal["local", "aws"], url: str | None, endpoint: str | None, version: int | None
) -> tuple[Asked, Target, dict[str, str]]:
    from cli.target import open_target, read

    config = read(file, name)
    told = config.evaluation
    asked = Asked(told.cases, told.gate.min_pass_rate, told.concurrency, told.max_tokens)
    if url:
        return by_url(asked, url)
    from registry import packages
    from steps.endpoint_target import EndpointTarget

    account = open_target(name, config)
    subject = {}
    if endpoint is None:
        live = packages.live(account.sagemaker, config.registry.group)
        if version is not None and live.version != version:
            raise SluiceError(
                f"Version {version} has no endpoint: version {live.version} is live.",
                "`sluice deploy --version` puts it live; --endpoint names any endpoint.",
            )
        endpoint, subject = live.endpoint_name, {"model_package": live.arn}
    return asked, EndpointTarget(account.client("sagemaker-runtime"), endpoint), subject | {"endpoint": endpoint}


def by_url(asked: Asked, url: str) -> tuple[Asked, Target, dict[str, str]]:
    return asked, HttpTarget(url), {"url": url}


def first(given: Number | None, otherwise: Number) -> Number:
    return otherwise if given is None else given


def progress(done: int, every: int, _: Chat) -> None:
    click.echo(f"\r  {done} of {every} chats", nl=done == every, err=True)


def finish(told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show.document(told)
    else:
        from cli.reports import show_failed_cases

        show_failed_cases(told)
        show.say(f"{told['verdict']}: {told['summary']}")
        if turns := told["totals"]["turns"]:
            latency = told["totals"]["latency_ms"]
            show.say(f"{turns} turns in {told['seconds']:.1f} s; p50 {latency['p50']} ms, p95 {latency['p95']} ms.")
        for warning in told["warnings"]:
            show.say(f"Note: {warning}")
    if told["verdict"] != "pass":
        raise click.exceptions.Exit(1)

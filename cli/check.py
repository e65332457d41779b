"""`sluice check`: what is wrong with the file, said before anything is started. Reads only, and asks no AWS."""

from pathlib import Path
from typing import Any

import click

from cli import show
from cli.target import read
from evaluation import cases
from lmi.environment import environment
from lmi.errors import UsageError
from pipelines.config import ConfigError, PipelineConfig


@click.command()
@click.option("--file", "-f", type=click.Path(path_type=Path), default="pipeline.yaml", show_default=True,
              help="What to check.")  # fmt: skip
@click.option("--target", type=click.Choice(["local", "aws"]), default="local", show_default=True,
              help="Check what a run on this target would use.")  # fmt: skip
@show.json_option
def check(file: Path, target: Any, as_json: bool) -> None:
    """Say what is wrong with pipeline.yaml before anything is started.

    Exits with 1 if something is.
    """
    try:
        config = read(file, target)
        findings = [finding for part in (model, container, chats) for finding in part(config)]
    except ConfigError as error:
        config = None
        findings = [{"where": each.path, "line": each.line, "message": each.message} for each in error.problems]
    if as_json:
        findings = [{"severity": "error", **finding} for finding in findings]
        show.document({"findings": findings, "summary": {"errors": len(findings)}})
    elif findings:
        show.say(f"{file}: {len(findings)} {'error' if len(findings) == 1 else 'errors'}")
        for finding in findings:
            line = f"line {finding['line']}: " if finding.get("line") else ""
            show.say(f"  {line}{finding['where']}: {finding['message']}")
    elif config:
        said = cases.load(config.evaluation.cases)
        turns = sum(len(case.turns) for case in said)
        show.say(f"{file}: nothing wrong was found. {config.name}: {len(said)} chats of {turns} turns.")
    if findings:
        raise click.exceptions.Exit(1)


def model(config: PipelineConfig) -> list[dict[str, Any]]:
    folder = config.model.folder
    if folder is None or (folder / "config.json").is_file():
        return []
    what = f"{folder} holds no config.json at its root." if folder.is_dir() else f"there is no folder {folder}."
    return [{"where": "model.source", "message": what}]


def container(config: PipelineConfig) -> list[dict[str, Any]]:
    lmi = config.lmi
    return said("lmi", lambda: environment(lmi.image, lmi.options, lmi.tensor_parallel_degree, lmi.env))


def chats(config: PipelineConfig) -> list[dict[str, Any]]:
    return said("evaluation.cases", lambda: cases.load(config.evaluation.cases))


def said(where: str, attempt: Any) -> list[dict[str, Any]]:
    try:
        attempt()
    except UsageError as error:
        return [{"where": where, "message": " ".join((error.message, error.hint)).strip()}]
    return []

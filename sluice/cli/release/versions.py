"""`sluice versions`: what the registry holds, newest first."""

from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from sluice.cli import output
from sluice.cli.target import Target, target_options
from sluice.config.model import PipelineConfig
from sluice.registry import packages
from sluice.wording import one_line

if TYPE_CHECKING:
    from types_boto3_sagemaker.client import SageMakerClient


@click.command()
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@output.json_option
@target_options
def versions(config: PipelineConfig, target: Target, limit: int, as_json: bool) -> None:
    """List the versions in the registry and their verdicts."""
    rows = list_versions(target.sagemaker, config.registry.group, limit)
    if as_json:
        output.print_json([row(package) for package in rows])
        return
    if not rows:
        output.say(f"The group {config.registry.group!r} has no versions yet. `sluice run` registers the first.")
        return
    print_versions(rows)


def list_versions(sagemaker: "SageMakerClient", group: str, limit: int) -> list[packages.Package]:
    return [packages.describe(sagemaker, each.arn) for each in islice(packages.list_versions(sagemaker, group), limit)]


def print_versions(rows: list[packages.Package]) -> None:
    output.print_table(
        ["version", "verdict", "approval", "live", "endpoint", "why"],
        [
            [
                str(package.version),
                package.verdict or "none yet",
                package.approval,
                "live" if package.is_live else package.stage_status.lower(),
                package.endpoint_name if package.is_live else "",
                one_line(package.verdict_why or package.why, 120),
            ]
            for package in rows
        ],
    )


def row(package: packages.Package) -> dict[str, Any]:
    return {
        "version": package.version,
        "arn": package.arn,
        "verdict": package.verdict or None,
        "verdict_why": package.verdict_why or None,
        "approval": package.approval,
        "approval_why": package.why or None,
        "live": package.is_live,
        "endpoint": package.endpoint_name or None,
        "live_since": package.live_since or None,
        "report": package.report or None,
        "mlflow_run": package.mlflow_run or None,
        "created": package.created,
    }

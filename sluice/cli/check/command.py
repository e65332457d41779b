"""`sluice check`: what would go wrong, said before anything is started. Reads only; asks AWS only with --target aws."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from sluice.cli import output
from sluice.cli.check import output as told
from sluice.errors import UsageError
from sluice.preflight import rule_pages, suppressions
from sluice.preflight.adapters.config_files import Suppression
from sluice.preflight.finding import Finding
from sluice.preflight.not_applied import NotApplied

FILE = click.Path(path_type=Path)
OTHER = ("env_file", "serving_properties", "model_package", "endpoint")  # what is checked instead of pipeline.yaml
FLAGS = (
    *("image", "instance_type", "instance_count", "region", "model", "model_config", "model_data", "network_isolation"),
    *("ami", "startup_seconds", "download_seconds", "volume_gb"),
)


@dataclass(frozen=True)
class Checked:
    """What was looked at, what was found, what its file asks not to be told, and what could not be looked at."""

    subject: str
    findings: Iterable[Finding]
    silences: tuple[Suppression, ...] = ()
    not_applied: tuple[NotApplied, ...] = ()


@click.command()
@click.option("--file", "-f", type=FILE, help="The release to check.  [default: pipeline.yaml]")
@click.option("--env-file", type=FILE, help="Instead: a container's environment, NAME=value lines or JSON.")
@click.option("--serving-properties", type=FILE, help="Instead, or with --env-file: DJL Serving's own file.")
@click.option("--model-package", metavar="ARN", help="Instead: a version in the account (--target aws).")
@click.option("--endpoint", metavar="NAME", help="Instead: a running endpoint (--target aws).")
@click.option("--image", metavar="TAG", help="The container's image.")
@click.option("--instance-type", metavar="TYPE", help="What it runs on.")
@click.option("--instance-count", type=click.IntRange(1, 10_000), metavar="N", help="How many of them.")
@click.option("--region", metavar="REGION", help="Where it runs.")
@click.option("--model", metavar="ID", help="The model's id on the hub, if the environment names none.")
@click.option("--model-config", type=FILE, help="The model's config.json, or the folder of its checkpoint.")
@click.option("--model-data", metavar="S3URI", help="What is mounted at /opt/ml/model.")
@click.option("--network-isolation", is_flag=True, help="The container may make no calls.")
@click.option("--ami", metavar="NAME", help="The variant's InferenceAmiVersion.")
@click.option("--startup-seconds", type=int, metavar="N", help="The variant's health-check timeout.")
@click.option("--download-seconds", type=int, metavar="N", help="The variant's model download timeout.")
@click.option("--volume-gb", type=int, metavar="N", help="The variant's volume.")
@click.option("--target", type=click.Choice(["local", "aws"]), default="local", show_default=True,
              help="aws: also ask the account, by calls that only read.")  # fmt: skip
@click.option("--compile", "compiled", is_flag=True, help="Also compile the pipelines and check every step.")
@click.option("--strict", is_flag=True, help="A warning ends in exit code 3.")
@click.option("--sarif", is_flag=True, help="Print SARIF 2.1.0 instead, for code scanning.")
@click.option("--explain", metavar="CODE", help="Print the page of one rule instead.")
@output.json_option
def check(as_json: bool, sarif: bool, strict: bool, explain: str | None, **given: Any) -> None:
    """Say what is wrong with pipeline.yaml before anything is started.

    Or with any LMI configuration that you already have: --env-file, --serving-properties. Exits with 1 for an error,
    with 3 for a warning under --strict, else with 0.
    """
    if explain:
        told.page(explain)
        return
    checked = of_configuration(given) if named(given, (*OTHER, *FLAGS)) else of_release(given)
    remaining, silenced = suppressions.apply_suppressions(checked.findings, checked.silences, rule_pages.codes)
    tell = told.as_json if as_json else told.as_sarif if sarif else told.as_text
    tell(checked.subject, remaining, silenced, checked.not_applied)
    if code := told.exit_code(remaining, strict):
        raise click.exceptions.Exit(code)


def of_release(given: Mapping[str, Any]) -> Checked:
    """pipeline.yaml, and with --target aws the account that it would be released to."""
    from sluice.cli.target import state_folder
    from sluice.config import model
    from sluice.pipelines import definition_check
    from sluice.preflight import checks, not_applied
    from sluice.preflight.adapters import pipeline_yaml

    file = given["file"] or Path("pipeline.yaml")
    try:
        release = model.load(file)
    except model.ConfigError as error:
        return Checked(str(file), pipeline_yaml.of_error(error, file))
    on_aws = given["target"] == "aws"
    if on_aws:
        from sluice.cli.check import account

        found = account.of_release(release)
    else:
        found = pipeline_yaml.findings(release)
    found += definition_check.check_definitions(release, state_folder() / "compiled", given["compiled"] or on_aws)
    unknown = not on_aws and pipeline_yaml.facts(release) is None
    missing = (NotApplied("a config.json in model.source", not_applied.NEEDS["model"]),) if unknown else ()
    return Checked(str(file), checks.ordered(found), pipeline_yaml.suppressions(release), missing)


def of_configuration(given: Mapping[str, Any]) -> Checked:
    """What somebody already has: in files and flags, or in the account."""
    if flags := named(given, ("file", "compiled")):
        raise UsageError(f"{flags[0]} is for a release.", "Leave it out, or leave out the other configuration.")
    if given["model_package"] or given["endpoint"]:
        from sluice.cli.check import account as check_account

        if flags := named(given, (*FLAGS, "env_file", "serving_properties")):
            raise UsageError(f"{flags[0]} describes another configuration.", "The account says it all by itself.")
        return check_account.of_deployed(given["model_package"], given["endpoint"], given["target"])
    from sluice.cli.check import files

    if given["target"] == "aws":
        hint = "Only pipeline.yaml, --model-package and --endpoint are held against the account."
        raise UsageError("--target aws asks for nothing here.", hint)
    return files.checked(given)


def named(given: Mapping[str, Any], keys: Iterable[str]) -> list[str]:
    """The flags of these that were given."""
    spelled = {"compiled": "compile"}
    return [f"--{spelled.get(key, key).replace('_', '-')}" for key in keys if given[key] not in (None, False)]

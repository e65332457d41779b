"""`sluice check`: what would go wrong, said before anything is started. Reads only; asks AWS only with --target aws."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from sluice.cli import output
from sluice.cli.check import output as findings
from sluice.cli.check.result import FLAGS, CheckResult
from sluice.errors import UsageError
from sluice.preflight import rule_pages, suppressions
from sluice.preflight.not_applied import NotApplied

FILE = click.Path(path_type=Path)
OTHER = ("env_file", "serving_properties", "model_package", "endpoint")  # what is checked instead of pipeline.yaml


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
def check(as_json: bool, sarif: bool, strict: bool, explain: str | None, **options: Any) -> None:
    """Say what is wrong with pipeline.yaml before anything is started.

    Or with any LMI configuration that you already have: --env-file, --serving-properties. Exits with 1 for an error,
    with 3 for a warning under --strict, else with 0.
    """
    if explain:
        findings.print_page(explain)
        return
    checked = check_configuration(options) if list_flags(options, (*OTHER, *FLAGS)) else check_release(options)
    remaining, silenced = suppressions.apply_suppressions(checked.findings, checked.silences, rule_pages.rule_codes)
    render = findings.print_json if as_json else findings.print_sarif if sarif else findings.print_text
    render(checked.subject, remaining, silenced, checked.not_applied)
    if code := findings.exit_code(remaining, strict):
        raise click.exceptions.Exit(code)


def check_release(options: Mapping[str, Any]) -> CheckResult:
    """pipeline.yaml, and with --target aws the account that it would be released to."""
    from sluice.cli.state import state_folder
    from sluice.config import model
    from sluice.pipelines import definition_check
    from sluice.preflight import checks, not_applied
    from sluice.preflight.adapters import pipeline_yaml

    file = options["file"] or Path("pipeline.yaml")
    try:
        release = model.load(file)
    except model.ConfigError as error:
        return CheckResult(str(file), pipeline_yaml.report_config_error(error, file))
    on_aws = options["target"] == "aws"
    if on_aws:
        from sluice.cli.check import account

        findings = account.check_release(release)
    else:
        findings = pipeline_yaml.check_config(release)
    findings += definition_check.check_definitions(release, state_folder() / "compiled", options["compiled"] or on_aws)
    unknown = not on_aws and pipeline_yaml.read_model_facts(release) is None
    missing = (NotApplied("a config.json in model.source", not_applied.NEEDS["model"]),) if unknown else ()
    return CheckResult(str(file), checks.sort_findings(findings), pipeline_yaml.read_suppressions(release), missing)


def check_configuration(options: Mapping[str, Any]) -> CheckResult:
    """What somebody already has: in files and flags, or in the account."""
    if flags := list_flags(options, ("file", "compiled")):
        raise UsageError(f"{flags[0]} is for a release.", "Leave it out, or leave out the other configuration.")
    if options["model_package"] or options["endpoint"]:
        from sluice.cli.check import account as check_account

        if flags := list_flags(options, (*FLAGS, "env_file", "serving_properties")):
            raise UsageError(f"{flags[0]} describes another configuration.", "The account says it all by itself.")
        return check_account.check_deployed(options["model_package"], options["endpoint"], options["target"])
    from sluice.cli.check import files

    if options["target"] == "aws":
        hint = "Only pipeline.yaml, --model-package and --endpoint are held against the account."
        raise UsageError("--target aws asks for nothing here.", hint)
    return files.check_files(options)


def list_flags(options: Mapping[str, Any], keys: Iterable[str]) -> list[str]:
    """The flags of these that were given."""
    spelled = {"compiled": "compile"}
    return [f"--{spelled.get(key, key).replace('_', '-')}" for key in keys if options[key] not in (None, False)]

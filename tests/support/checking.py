"""`sluice check` for tests: the real command on a configuration that is written as a rule's example lines are."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result

from sluice.cli.main import sluice

ROOT = Path(__file__).parents[2]
IMAGE = "djl-inference:0.35.0-lmi17.0.0-cu128"
# A configuration in which nothing is wrong. What an example says takes the place of what stands here.
FLAGS = {
    "--image": IMAGE,
    "--instance-type": "ml.g5.xlarge",
    "--region": "us-east-1",
    "--model": "Qwen/Qwen3-4B-Instruct-2507",
    "--model-data": "s3://models/qwen3-4b/",
}
ENVIRONMENT = {"OPTION_MAX_MODEL_LEN": "4096", "OPTION_MAX_ROLLING_BATCH_SIZE": "16", "TENSOR_PARALLEL_DEGREE": "1"}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(sluice, ["check", *arguments], standalone_mode=False)


def told(*arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit code and the findings."""
    done = run(*arguments, "--json")
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    code = done.return_value if isinstance(done.return_value, int) else 0
    return code, json.loads(done.output)["findings"]


def flags(given: Mapping[str, Any]) -> list[str]:
    """{"--ami": "x", "--network-isolation": ""} as arguments."""
    return [each for name, value in given.items() for each in ((name, str(value)) if value != "" else (name,))]


def of_environment(folder: Path, variables: Mapping[str, str], given: Mapping[str, Any]) -> tuple[int, list[dict]]:
    file = folder / "environment.json"
    file.write_text(json.dumps(variables, indent=1))
    return told("--env-file", str(file), *flags(given))


def of_release(folder: Path, changes: Mapping[str, Any]) -> tuple[int, list[dict]]:
    """The shipped pipeline.yaml with some of its keys changed."""
    return told("--file", str(release(folder, changes)))


def release(folder: Path, changes: Mapping[str, Any]) -> Path:
    content = yaml.safe_load((ROOT / "pipeline.yaml").read_text())
    content["evaluation"]["cases"] = str(ROOT / "cases")
    content["local"]["model"] = str(ROOT / "sluice" / "tinylmi" / "checkpoints" / "good")
    for key, value in changes.items():
        if key in {"evaluation.cases", "local.model"} and (ROOT / str(value)).exists():
            value = str(ROOT / value)  # the changed file lies in another folder
        *sections, last = key.split(".")
        within = content
        for section in sections:
            within = within.setdefault(section, {})
        within[last] = value
    file = folder / "pipeline.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    return file


def of_example(folder: Path, lines: str) -> tuple[int, list[dict]]:
    """What is found in a rule's `bad` or `good` lines, the rest of the configuration being right."""
    variables, given, changes = dict(ENVIRONMENT), dict(FLAGS), {}
    for line in lines.strip().splitlines():
        if line.startswith("--"):
            name, _, value = line.partition(" ")
            given[name] = value
        elif "=" in line.split(":")[0]:
            name, _, value = line.partition("=")
            variables[name] = value
        else:
            changes |= dotted(yaml.safe_load(line))
    if changes:
        return of_release(folder, changes)
    return of_environment(folder, variables, {name: value for name, value in given.items() if value != "none"})


def dotted(content: Mapping[str, Any]) -> Mapping[str, Any]:
    return {str(key): value for key, value in content.items()}


def codes(found: Sequence[Mapping[str, Any]], severity: str | None = None) -> set[str]:
    return {each["code"] for each in found if severity in (None, each["severity"])}

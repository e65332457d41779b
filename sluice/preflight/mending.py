"""Advice is a promise: the line that a finding says to write is written, here, and the whole is checked again."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from sluice.preflight.deployment_spec import DeploymentSpec, Setting
from sluice.preflight.finding import Finding

CheckAll = Callable[[DeploymentSpec], Iterable[Finding]]
LINE = re.compile(r"(?P<name>--[\w-]+|[\w.]+)(?: |=|: )(?P<value>.*)", re.DOTALL)
NUMBERS = ("instance_count", "startup_seconds", "download_seconds", "volume_gb")
TEXTS = ("image", "region", "instance_type", "model_id", "model_data", "ami")
SECTION = "lmi."  # of pipeline.yaml: its keys become the container's environment


def drop_harmful_fixes(setup: DeploymentSpec, findings: Iterable[Finding], check: CheckAll) -> Iterator[Finding]:
    """The findings, those without their line whose line would bring an error that is not there now."""
    every = list(findings)
    before = count_errors(every)
    for each in every:
        mended = apply_fix(setup, each) if each.fix else None
        yield replace(each, fix="") if mended is not None and count_errors(check(mended)) - before else each


def count_errors(findings: Iterable[Finding]) -> Counter[str]:
    """How often each rule calls something an error."""
    return Counter(each.code for each in dict.fromkeys(findings) if each.severity == "error")


def apply_fix(setup: DeploymentSpec, finding: Finding) -> DeploymentSpec | None:
    """The configuration with the finding's line in the place of what it is about; None if the line sets nothing that
    rules look at, as a command does."""
    line = LINE.fullmatch(finding.fix)
    if line is None:
        return None
    name, value, where = line["name"], line["value"], finding.place.where
    if where.rpartition(".")[2] == name or name.startswith("--"):
        for key, place in setup.places.items():
            if place.where in (name, where) and key in (*TEXTS, *NUMBERS):
                return _with_field(setup, key, value)
    if name.startswith("option.") or finding.fix.startswith(("engine=", "batch_size=")):
        others = tuple(each for each in setup.properties if each.place != finding.place)
        return replace(setup, properties=(*others, Setting(name, value, finding.place)))
    if setup.form == "yaml":
        name = _variable(name, where)
    others = tuple(each for each in setup.environment if each.place != finding.place and each.name != name)
    return replace(setup, environment=(*others, Setting(name, value, finding.place)))


def _variable(key: str, where: str) -> str:
    """The container's name of a key of pipeline.yaml."""
    if key == "tensor_parallel_degree" or where.startswith("lmi.env."):
        return key.upper()
    return f"OPTION_{key.upper()}" if key == key.lower() else key


def _with_field(setup: DeploymentSpec, key: str, value: str) -> DeploymentSpec | None:
    if key not in NUMBERS:
        return replace(setup, **{key: value})  # type: ignore[arg-type]
    return replace(setup, **{key: int(value)}) if value.isdecimal() else None  # type: ignore[arg-type]


def fixed_name(finding: Finding) -> str:
    """What the line of a finding sets: a variable, an option, a flag, or a key of the file."""
    line, where = LINE.fullmatch(finding.fix), finding.place.where
    name = line["name"] if line else finding.fix
    same_key = where.rpartition(".")[2] == name and not where.startswith(SECTION)
    return where if same_key else name  # instance_type stands in two sections of the file

"""What a step is told: the pipeline definition writes it as container arguments, the running step reads it back.

How it judges is a file beside these: `sluice.evaluation.settings`.
"""

import shlex
from collections.abc import Sequence
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any, ClassVar, TypeVar

from sluice.errors import UsageError
from sluice.wording import suggestion

Ref = Any  # in the definition a pipeline variable of the SDK may stand for any value; once running all are plain
Inputs = TypeVar("Inputs", "Evaluate", "Deploy")
PROVISION_SECONDS = 1800  # machine and image: an endpoint's share that no timeout of the service counts


@dataclass(frozen=True)
class Evaluate:
    """Judge one model package. The arguments pass the LMI image's entrypoint, which evaluates them as a shell line."""

    module: ClassVar[str] = "sluice.steps.evaluate"
    through_shell: ClassVar[bool] = True

    model_package: str | Ref
    report_uri: str | Ref
    experiment: str | Ref
    execution: str | Ref
    settings: str | Ref = "/opt/ml/processing/settings"
    cases: str | Ref = "/opt/ml/processing/cases"
    report: str | Ref = "/opt/ml/processing/report"
    target: str | Ref = "job"
    machine: str | Ref = "unknown"  # the instance type that answers
    commit: str | Ref = "unknown"  # of the repository that pipeline.yaml lies in
    startup_seconds: int | Ref = 900
    server_command: str | Ref = "dockerd-entrypoint.sh serve"
    mlflow_uri: str | Ref | None = None


@dataclass(frozen=True)
class Deploy:
    """Put one version of a group live; everything that the endpoint needs and the package does not say."""

    module: ClassVar[str] = "sluice.steps.deploy"
    through_shell: ClassVar[bool] = False

    group: str | Ref
    endpoint: str | Ref
    instance_type: str | Ref
    role_arn: str | Ref
    execution: str | Ref
    model_package: str | Ref = "newest-approved"
    reason: str | Ref = "schedule"
    approve: str | Ref = "no"
    strategy: str | Ref = "new_endpoint"
    instance_count: int | Ref = 1
    startup_seconds: int | Ref = 900
    download_seconds: int | Ref = 900
    drain_seconds: float | Ref = 60
    settings: str | Ref = "/opt/ml/processing/settings"
    cases: str | Ref = "/opt/ml/processing/cases"
    report: str | Ref = "/opt/ml/processing/report"
    kms_key: str | Ref | None = None
    subnets: str | Ref | None = None
    security_groups: str | Ref | None = None
    tags: str | Ref | None = None


CHOICES = {
    "reason": ("approval", "schedule", "rollback", "release"),
    "approve": ("yes", "no"),
    "strategy": ("new_endpoint", "in_place"),
}
NUMBERS: dict[str, type[int] | type[float]] = {
    "drain_seconds": float,
    "startup_seconds": int,
    "download_seconds": int,
    "instance_count": int,
}


def to_arguments(inputs: Evaluate | Deploy) -> list[Any]:
    """Return the module and its flags, as ContainerArguments; what is None or empty is left out."""
    arguments: list[Any] = [inputs.module]
    for field in fields(inputs):
        value = getattr(inputs, field.name)
        if value is None or value == "":
            continue
        if isinstance(value, int | float):
            value = str(value)
        elif isinstance(value, str) and inputs.through_shell:
            value = shlex.quote(value)
        arguments += [flag_name(field), value]
    return arguments


def from_arguments(cls: type[Inputs], argv: Sequence[str]) -> Inputs:
    """Read back what `to_arguments` wrote (without the module); the words of a value that a shell split are joined."""
    flags = {flag_name(field): field for field in fields(cls)}
    words: dict[str, list[str]] = {}
    current: list[str] | None = None
    for word in argv:
        if word in flags:
            current = words[word] = []
        elif word.startswith("--"):
            raise UsageError(f"{cls.module}: unknown flag {word}.", suggestion(word, flags))
        elif current is None:
            raise UsageError(f"{cls.module}: {word!r} stands before any flag.", f"It takes {', '.join(flags)}.")
        else:
            current.append(word)
    values = {
        flags[name].name: parse_value(cls, name, flags[name].name, " ".join(parts)) for name, parts in words.items()
    }
    missing = [name for name, field in flags.items() if field.name not in values and field.default is MISSING]
    if missing:
        raise UsageError(f"{cls.module}: {', '.join(missing)} must be given.")
    return cls(**values)


def flag_name(field: "Field[Any]") -> str:
    return "--" + field.name.replace("_", "-")


def parse_value(cls: type[Evaluate] | type[Deploy], name: str, key: str, text: str) -> str | int | float:
    if not text:
        raise UsageError(f"{cls.module}: {name} needs a value.")
    if key in CHOICES and text not in CHOICES[key]:
        raise UsageError(f"{cls.module}: {name} is {text!r}, but must be one of {', '.join(CHOICES[key])}.")
    if key not in NUMBERS:
        return text
    try:
        return NUMBERS[key](text)
    except ValueError:
        raise UsageError(f"{cls.module}: {name} is {text!r}, which is not a number.") from None

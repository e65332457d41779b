"""What a release wants in the account, and how that differs from what is there. Plan is data; `apply` writes it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from sluice.config.model import PipelineConfig, StackOutputs

Json = dict[str, Any]

# What names an item of a list in a definition; other lists are compared by position.
KEYS = ("Name", "InputName", "OutputName", "PropertyFileName", "Key")
DEPLOY = "deploy"  # the id of the rule's only target


@dataclass(frozen=True)
class Definitions:
    """The two pipelines as SageMaker takes them."""

    release: Json
    deploy: Json


@dataclass(frozen=True)
class Change:
    resource: str  # pipeline qwen3-4b-chat-release
    path: str  # Steps[Evaluate].Arguments.Environment.OPTION_MAX_MODEL_LEN; empty for the whole resource
    before: Any  # None: not there
    after: Any

    @property
    def kind(self) -> Literal["create", "update", "delete"]:
        if self.path:
            return "update"
        return "create" if self.before is None else "delete"


@dataclass(frozen=True)
class ReleaseResources:
    """What belongs to one release in an account; None is what is not there, or should not be."""

    names: Mapping[str, str] = field(compare=False)  # of each of the things below, for people
    group: Json | None = None
    release: Json | None = None
    deploy: Json | None = None
    rule: Json | None = None
    schedule: Json | None = None


def desired_resources(config: PipelineConfig, place: StackOutputs, definitions: Definitions) -> ReleaseResources:
    """Return everything that the file asks for."""
    return ReleaseResources(
        names(config),
        group={"Tags": dict(config.tags)},
        release=pipeline(config, place, definitions.release),
        deploy=pipeline(config, place, definitions.deploy),
        rule=rule(config, place),
        schedule=schedule(config, place),
    )


def list_changes(current: ReleaseResources, desired: ReleaseResources) -> list[Change]:
    """Return what applying `desired` would do, in the order in which it is done."""
    changes = []
    for part in parts(desired):
        before, after = getattr(current, part), getattr(desired, part)
        if before is None or after is None:
            differences: Iterator[tuple[str, Any, Any]] = iter([("", before, after)] if before != after else [])
        else:
            differences = diff(before, after)
        changes += [Change(desired.names[part], *difference) for difference in differences]
    return changes


def parts(account: ReleaseResources) -> list[str]:
    return [each.name for each in fields(account) if each.name != "names"]


def names(config: PipelineConfig) -> dict[str, str]:
    return {
        "group": f"model package group {config.registry.group}",
        "release": f"pipeline {config.release_pipeline}",
        "deploy": f"pipeline {config.deploy_pipeline}",
        "rule": f"rule {rule_name(config)}",
        "schedule": f"schedule {schedule_name(config)}",
    }


def pipeline(config: PipelineConfig, place: StackOutputs, definition: Json) -> Json:
    return {"Definition": definition, "RoleArn": place.role_arn, "Tags": dict(config.tags)}


def rule(config: PipelineConfig, place: StackOutputs) -> Json:
    """Return the rule that starts the deploy pipeline at an approval in this group, wherever that is given."""
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {
            "ModelPackageGroupName": [config.registry.group],
            "ModelApprovalStatus": ["Approved"],
            # Without it, every later write to an approved package would deploy it again.
            "UpdatedModelPackageFields": ["ModelApprovalStatus"],
        },
    }
    return {
        "Description": f"An approved version of {config.registry.group} is deployed.",
        "EventPattern": pattern,
        # An automatic release deploys by itself, in the execution that judged it.
        "State": "ENABLED" if config.approval == "manual" else "DISABLED",
        "Target": target(config, place, {"ModelPackageArn": "$.detail.ModelPackageArn", "Reason": "approval"}),
    }


def schedule(config: PipelineConfig, place: StackOutputs) -> Json | None:
    """Return the schedule that deploys the newest approved version again; that it may be paused is not in the file."""
    if config.schedule is None:
        return None
    return {
        "Description": f"The newest approved version of {config.registry.group} is deployed again.",
        "ScheduleExpression": config.schedule.expression,
        "ScheduleExpressionTimezone": config.schedule.timezone,
        "Target": target(config, place, {"Reason": "schedule"}),
    }


def target(config: PipelineConfig, place: StackOutputs, parameters: Mapping[str, str]) -> Json:
    named = [{"Name": name, "Value": value} for name, value in parameters.items()]
    return {
        "Arn": pipeline_arn(place, config.deploy_pipeline),
        "RoleArn": place.trigger_role_arn,
        "SageMakerPipelineParameters": {"PipelineParameterList": named},
    }


def rule_name(config: PipelineConfig) -> str:
    return f"{config.name}-approved"


def schedule_name(config: PipelineConfig) -> str:
    return f"{config.name}-redeploy"


def pipeline_arn(place: StackOutputs, name: str) -> str:
    partition = place.role_arn.split(":")[1]
    return f"arn:{partition}:sagemaker:{place.region}:{place.account_id}:pipeline/{name}"


def diff(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield every value that differs, by a path that names steps, parameters and flags instead of counting them."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            below = f"{path}.{key}" if path else key
            yield from diff(before.get(key), after.get(key), below)
    elif isinstance(before, list) and isinstance(after, list):
        old, new = by_name(before), by_name(after)
        for name in [*old, *(name for name in new if name not in old)]:
            yield from diff(old.get(name), new.get(name), f"{path}[{name}]")
    elif path.endswith(".Description") and isinstance(before, str) and isinstance(after, str):
        yield from diff(by_key(before), by_key(after), path)
    elif before != after:
        yield path, before, after


def by_key(description: str) -> dict[str, str]:
    """Split a step's description, which says how it judges: key=value; key=value."""
    return {key: value for key, _, value in (part.partition("=") for part in description.split("; "))}


def by_name(items: Sequence[Any]) -> dict[Any, Any]:
    """Return the items of a list under what names them: a member, a flag before its value, else the position."""
    for key in KEYS:
        if items and all(isinstance(item, dict) and key in item for item in items):
            return {item[key]: item for item in items}
    named: dict[Any, Any] = {}
    flag = None
    for position, item in enumerate(items):
        if isinstance(item, str) and item.startswith("--"):
            flag = item
            named[flag] = ""
        elif flag is not None:
            named[flag], flag = item, None
        else:
            named[position] = item
    return named

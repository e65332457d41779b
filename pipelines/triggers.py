"""What starts the deploy pipeline by itself: a rule for approvals, and a schedule. `plan` says what they should be."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from sluice.config.model import PipelineConfig
from sluice.errors import SluiceError
from sluice.pipelines.plan import DEPLOY, Json, rule_name, schedule_name

if TYPE_CHECKING:
    from types_boto3_events.client import EventBridgeClient
    from types_boto3_scheduler.client import EventBridgeSchedulerClient

GROUP = "default"  # the schedule group that every account has


class NoSchedule(SluiceError):
    """There is no schedule to pause or resume."""


def read_rule(events: "EventBridgeClient", config: PipelineConfig) -> Json | None:
    """Read the rule as it is, in the form of `plan.rule`; None if there is none."""
    name = rule_name(config)
    try:
        described = events.describe_rule(Name=name)
    except events.exceptions.ResourceNotFoundException:
        return None
    targets: Sequence[Mapping[str, Any]] = events.list_targets_by_rule(Rule=name)["Targets"]
    return {
        "Description": described.get("Description", ""),
        "EventPattern": json.loads(described.get("EventPattern") or "{}"),
        "State": described["State"],
        "Target": strip_target(next((each for each in targets if each["Id"] == DEPLOY), {})),
    }


def write_rule(events: "EventBridgeClient", config: PipelineConfig, desired: Json) -> None:
    """Write the rule first and its target after: it is complete or it does nothing."""
    name = rule_name(config)
    events.put_rule(
        Name=name,
        Description=desired["Description"],
        EventPattern=json.dumps(desired["EventPattern"]),
        State=desired["State"],
    )
    target: Any = {"Id": DEPLOY, **desired["Target"]}
    put = events.put_targets(Rule=name, Targets=[target])
    if put["FailedEntryCount"]:
        failed = put["FailedEntries"][0]
        raise SluiceError(f"EventBridge did not take the target of {name}: {failed.get('ErrorMessage', failed)}")


def read_schedule(scheduler: "EventBridgeSchedulerClient", config: PipelineConfig) -> Json | None:
    """Read the schedule as it is, in the form of `plan.schedule`; None if there is none."""
    described = describe_schedule(scheduler, config)
    if described is None:
        return None
    return {
        "Description": described.get("Description", ""),
        "ScheduleExpression": described["ScheduleExpression"],
        "ScheduleExpressionTimezone": described.get("ScheduleExpressionTimezone", "UTC"),
        "Target": strip_target(described["Target"]),
    }


def write_schedule(
    scheduler: "EventBridgeSchedulerClient", config: PipelineConfig, kind: str, desired: Json | None
) -> None:
    """Create, change or delete the schedule. Paused, it stays paused."""
    name = schedule_name(config)
    if desired is None:
        scheduler.delete_schedule(Name=name, GroupName=GROUP)
        return
    request = {"Name": name, "GroupName": GROUP, "FlexibleTimeWindow": {"Mode": "OFF"}, **desired}
    if kind == "create":
        scheduler.create_schedule(**request, State="ENABLED")
    else:
        scheduler.update_schedule(**request, State=scheduler.get_schedule(Name=name, GroupName=GROUP)["State"])


def schedule_state(scheduler: "EventBridgeSchedulerClient", config: PipelineConfig) -> str | None:
    """Read the schedule's state: ENABLED or DISABLED (paused); None if there is no schedule."""
    described = describe_schedule(scheduler, config)
    return None if described is None else str(described["State"])


def set_schedule_state(
    scheduler: "EventBridgeSchedulerClient", config: PipelineConfig, state: Literal["DISABLED", "ENABLED"]
) -> None:
    """Pause (DISABLED) or resume (ENABLED) the schedule. Raises NoSchedule."""
    described = describe_schedule(scheduler, config)
    if described is None:
        raise NoSchedule(
            f"There is no schedule {schedule_name(config)!r}.",
            "Write one under `schedule:` in pipeline.yaml, then `sluice schedule apply`.",
        )
    members = ("Description", "ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "Target")
    request = {key: described[key] for key in members if key in described}
    scheduler.update_schedule(Name=schedule_name(config), GroupName=GROUP, **request, State=state)


def describe_schedule(scheduler: "EventBridgeSchedulerClient", config: PipelineConfig) -> Mapping[str, Any] | None:
    try:
        described: Mapping[str, Any] = scheduler.get_schedule(Name=schedule_name(config), GroupName=GROUP)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise
    return described


def strip_target(target: Mapping[str, Any]) -> Json:
    """Return a target without what the service adds to it."""
    return {key: target[key] for key in ("Arn", "RoleArn", "SageMakerPipelineParameters") if key in target}

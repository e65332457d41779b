"""EventBridge: SageMaker's own events, rules that reach their targets, and refusals of targets they cannot reach.

moto stores the rules and matches the patterns. Here a disabled rule stays silent, a scheduled rule does not match every
event, and `deliveries.py` delivers.
"""

import json
import re
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from moto.events.exceptions import ValidationException
from moto.events.models import EventPattern, EventsBackend, Rule, events_backends
from moto.events.responses import EventsHandler
from moto.events.urls import url_bases as url_bases

from sluice.localaws.events import cron, deliveries
from sluice.localaws.server.api_errors import NotImplementedLocally, refuse_members
from sluice.localaws.server.lock import LOCK

RULES_CHANGED = threading.Event()  # wakes the scheduler

ALWAYS = {"Id", "Arn", "RoleArn", "DeadLetterConfig", "RetryPolicy"}
MEMBERS = {
    "pipeline": ALWAYS | {"SageMakerPipelineParameters"},
    "log group": ALWAYS,
    "queue": ALWAYS | {"SqsParameters", "Input", "InputPath", "InputTransformer"},
    "event bus": ALWAYS,
}


def install() -> None:
    """Replaces moto's EventBridge; idempotent, to be called before the first request."""
    events_backends.clear()
    events_backends.backend = LocalEvents
    Rule.send_to_targets = _match_and_send


def emit_event(account_id: str, region: str, detail_type: str, detail: Mapping[str, Any], resources: list[str]) -> None:
    """Puts an event of SageMaker's on the default bus; what it sets off begins after this returns."""
    entry = {"Source": "aws.sagemaker", "DetailType": detail_type, "Detail": json.dumps(detail), "Resources": resources}
    with LOCK:
        events_backends[account_id][region].put_events([entry])


def send_to_targets(rule: Rule, event: Mapping[str, Any]) -> None:
    metric, dimension = ("AWS/Events", "FailedInvocations"), ("RuleName", rule.name)
    origin = deliveries.Origin(rule.account_id, rule.region_name, rule.arn, metric, dimension)
    for target in rule.targets:
        deliveries.send_event(origin, target, event)


def format_event_time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _match_and_send(rule: Rule, original_event: dict[str, Any], transform_input: bool = True) -> None:
    event = {name: value for name, value in original_event.items() if name != "ingestion-time"}  # moto's own
    if not isinstance(event["time"], str):
        event["time"] = format_event_time(datetime.fromtimestamp(float(event["time"]), UTC))
    has_pattern = rule.event_pattern.dump() is not None  # moto lets a rule without one match everything
    if rule.state != "DISABLED" and has_pattern and rule.event_pattern.matches_event(event):
        send_to_targets(rule, event)


class LocalEvents(EventsBackend):
    @property
    def _url_module(self) -> Any:
        return sys.modules[__name__]

    def put_rule(self, name: str, *arguments: Any, **named: Any) -> Rule:
        if (expression := named.get("scheduled_expression")) is not None:
            _check_schedule(expression)
        rule = super().put_rule(name, *arguments, **named)
        RULES_CHANGED.set()
        return rule

    def enable_rule(self, name: str, event_bus_arn: str | None) -> bool:
        RULES_CHANGED.set()
        return bool(super().enable_rule(name, event_bus_arn))

    def put_targets(self, name: str, event_bus_arn: str | None, targets: list[dict[str, Any]]) -> None:
        for target in targets:
            _check_target(target)
        super().put_targets(name, event_bus_arn, targets)

    def create_archive(self, *arguments: Any, **named: Any) -> None:
        raise NotImplementedLocally("EventBridge archives (CreateArchive)")


class LocalEventsHandler(EventsHandler):
    def put_events(self) -> str:
        """Only AWS itself speaks as `aws.`; the other entries of the same call are taken."""
        entries = self._get_param("Entries")
        accepted = iter(self.events_backend.put_events([e for e in entries if not _claims_aws(e)]))
        refused = {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "Not authorized for the source."}
        results = [refused if _claims_aws(entry) else next(accepted) for entry in entries]
        failed = sum("ErrorCode" in result for result in results)
        return json.dumps({"FailedEntryCount": failed, "Entries": results})

    def test_event_pattern(self) -> str:
        pattern = EventPattern.load(self._get_param("EventPattern"))
        return json.dumps({"Result": pattern.matches_event(json.loads(self._get_param("Event")))})


url_paths = {"{0}/": LocalEventsHandler.dispatch}


def _claims_aws(entry: Mapping[str, Any]) -> bool:
    return str(entry.get("Source", "")).startswith("aws.")


def _check_schedule(expression: str) -> None:
    try:
        parsed = cron.parse_expression(expression)
        if isinstance(parsed, cron.At):
            raise cron.InvalidExpression("a rule takes rate(...) or cron(...); at(...) is for EventBridge Scheduler")
        if isinstance(parsed, cron.Rate) and not parsed.regular:
            raise cron.InvalidExpression("a rule takes `1 minute` and `2 minutes`, not `1 minutes` or `2 minute`")
    except cron.InvalidExpression as reason:
        raise ValidationException(f"Parameter ScheduleExpression is not valid. Reason: {reason}.") from None


def _check_target(target: dict[str, Any]) -> None:
    arn = target["Arn"]
    to = deliveries.parse_address(arn)
    if to is None:
        if not re.match(r"arn:[\w-]+:[\w-]+:", arn):
            raise ValidationException(f"Parameter {arn} is not valid. Reason: Provided Arn is not in correct format.")
        raise NotImplementedLocally(f"EventBridge target of service {arn.split(':')[2]!r} ({arn})")
    if to.kind == "pipeline" and not target.get("RoleArn"):
        raise ValidationException(f"RoleArn is required for target {arn}.")
    refuse_members(f"an EventBridge target of kind {to.kind!r}", target, MEMBERS[to.kind])

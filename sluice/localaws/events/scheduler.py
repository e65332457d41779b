"""EventBridge Scheduler, and EventBridge rules with a schedule: moto keeps them, this starts what they name when due.

Several times that passed unseen (a laptop slept) count as one. A flexible time window is taken at its start.
"""

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from weakref import WeakKeyDictionary

from moto.events.models import events_backends
from moto.scheduler.exceptions import ValidationException
from moto.scheduler.models import EventBridgeSchedulerBackend, Schedule, scheduler_backends
from moto.scheduler.responses import EventBridgeSchedulerResponse
from moto.scheduler.urls import url_bases as url_bases
from moto.scheduler.urls import url_paths as moto_paths

from sluice.localaws.events import cron, deliveries, eventbridge
from sluice.localaws.server.api_errors import NotImplementedLocally, refuse_members
from sluice.localaws.server.lock import LOCK

log = logging.getLogger(__name__)
LONGEST_SLEEP = timedelta(minutes=1)  # the wall clock may jump, and a wait would not notice
INSTANT = timedelta(microseconds=1)

TARGET_MEMBERS = {"Arn", "RoleArn", "SageMakerPipelineParameters", "DeadLetterConfig", "RetryPolicy"}


def install() -> None:
    """Replaces moto's EventBridge Scheduler; idempotent, to be called before the first request."""
    scheduler_backends.clear()
    scheduler_backends.backend = LocalScheduler


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Timer:
    """A schedule or a scheduled rule as it stands; equal timers have been due at the same times."""

    expression: str
    timezone: str = "UTC"
    start: datetime | None = None
    end: datetime | None = None
    at_once: bool = False  # a rate fires as soon as it is made


@dataclass
class TimerState:
    timer: Timer
    since: datetime  # when it was made or changed
    after: datetime  # everything up to here is settled

    def due(self) -> datetime | None:
        """Return the next time in UTC; None when the timer is through."""
        timer = self.timer
        next_time = cron.next_after(timer.expression, self.after, timer.timezone, timer.start or self.since)
        return None if next_time is None or (timer.end and next_time > timer.end) else next_time


class Scheduler:
    """`tick` does all the work; the thread only sleeps until it is called for."""

    def __init__(self, clock: Callable[[], datetime] = now) -> None:
        self._clock = clock
        self._watches: WeakKeyDictionary[object, TimerState] = WeakKeyDictionary()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="schedules", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        eventbridge.RULES_CHANGED.set()
        self._thread.join()

    def tick(self) -> datetime | None:
        """Fires what is due, and says when there will be something again."""
        moment = self._clock()
        with LOCK:
            waiting = [self._fire_if_due(one, timer, fire, moment) for one, timer, fire in [*_schedules(), *_rules()]]
        return min((due for due in waiting if due is not None), default=None)

    def _fire_if_due(
        self, one: object, timer: Timer, fire: Callable[[datetime, bool], None], moment: datetime
    ) -> datetime | None:
        watch = self._watches.get(one)
        if watch is None or watch.timer != timer:
            watch = self._watches[one] = TimerState(timer, moment, moment - INSTANT if timer.at_once else moment)
        due = watch.due()
        if due is None or due > moment:
            return due
        watch.after = moment
        coming = watch.due()
        fire(due, coming is None)
        return coming

    def _run(self) -> None:
        while not self._stopping:
            eventbridge.RULES_CHANGED.clear()
            try:
                due = self.tick()
            except Exception:  # the thread's boundary: one schedule that breaks must not silence the others for good
                log.exception("schedules could not be looked at")
                due = self._clock() + LONGEST_SLEEP
            if due is None:
                eventbridge.RULES_CHANGED.wait()
            else:
                eventbridge.RULES_CHANGED.wait(max(0.0, min(due - self._clock(), LONGEST_SLEEP).total_seconds()))


def _schedules() -> Iterator[tuple[object, Timer, Callable[[datetime, bool], None]]]:
    for account, region, backend in list(scheduler_backends.iter_backends()):
        for group in list(backend.schedule_groups.values()):
            for schedule in list(group.schedules.values()):
                if schedule.state == "ENABLED":
                    yield schedule, _timer(schedule), _schedule_action(account, region, backend, schedule)


def _timer(schedule: Schedule) -> Timer:
    expression = schedule.schedule_expression
    kind = cron.parse_expression(expression)
    once = isinstance(kind, cron.At)  # AWS ignores both dates for a one-time schedule
    start = None if once or schedule.start_date is None else datetime.fromtimestamp(schedule.start_date, UTC)
    end = None if once or schedule.end_date is None else datetime.fromtimestamp(schedule.end_date, UTC)
    return Timer(expression, schedule.schedule_expression_timezone, start, end, isinstance(kind, cron.Rate))


def _schedule_action(account: str, region: str, backend: Any, schedule: Schedule) -> Callable[[datetime, bool], None]:
    metric, dimension = ("AWS/Scheduler", "TargetErrorCount"), ("ScheduleGroup", schedule.group_name)

    def fire(due: datetime, last: bool) -> None:
        log.info("%s is due", schedule.arn)
        deliveries.send_event(deliveries.Origin(account, region, schedule.arn, metric, dimension), schedule.target, {})
        if last and schedule.action_after_completion == "DELETE":
            backend.delete_schedule(schedule.group_name, schedule.name)

    return fire


def _rules() -> Iterator[tuple[object, Timer, Callable[[datetime, bool], None]]]:
    for account, region, backend in list(events_backends.iter_backends()):
        for rule in list(backend.event_buses["default"].rules.values()):
            if rule.scheduled_expression and rule.state != "DISABLED":
                yield rule, Timer(rule.scheduled_expression), _rule_action(account, region, rule)


def _rule_action(account: str, region: str, rule: Any) -> Callable[[datetime, bool], None]:
    def fire(due: datetime, last: bool) -> None:
        log.info("%s is due", rule.arn)
        event = {"version": "0", "id": str(uuid4()), "detail-type": "Scheduled Event", "source": "aws.events"}
        event |= {"account": account, "time": eventbridge.format_event_time(due), "region": region}
        eventbridge.send_to_targets(rule, {**event, "resources": [rule.arn], "detail": {}})

    return fire


class LocalScheduler(EventBridgeSchedulerBackend):
    @property
    def _url_module(self) -> Any:
        return sys.modules[__name__]

    def create_schedule(self, **request: Any) -> Schedule:
        _check(request)
        self.get_schedule_group(request["group_name"])  # moto takes a group that is not there for an internal error
        created = super().create_schedule(**request)
        eventbridge.RULES_CHANGED.set()
        return created

    def update_schedule(self, **request: Any) -> Schedule:
        """Replace a schedule: what the request does not name gets its default, as AWS documents."""
        _check(request)
        updated = super().update_schedule(**{**request, "state": request["state"] or "ENABLED"})
        eventbridge.RULES_CHANGED.set()
        return updated


class LocalSchedulerResponse(EventBridgeSchedulerResponse):
    def update_schedule(self) -> str:
        answer = str(super().update_schedule())
        name = self.uri.split("?")[0].split("/")[-1]
        schedule = self.scheduler_backend.get_schedule(self._get_param("GroupName"), name)
        schedule.action_after_completion = self._get_param("ActionAfterCompletion")
        return answer


url_paths = {path: LocalSchedulerResponse.dispatch for path in moto_paths}


def _check(request: dict[str, Any]) -> None:
    expression, timezone = request["schedule_expression"], request["schedule_expression_timezone"] or "UTC"
    try:
        kind = cron.parse_expression(expression)
        cron.load_time_zone(timezone)
    except cron.InvalidExpression as reason:
        raise ValidationException(f"Invalid Schedule Expression {expression}. Reason: {reason}.") from None
    if isinstance(kind, cron.At) and cron.next_after(expression, now(), timezone) is None:
        raise NotImplementedLocally(f"a one-time schedule whose time is past ({expression} {timezone})")
    if request["start_date"] and request["end_date"] and request["start_date"] >= request["end_date"]:
        raise ValidationException("The EndDate must be later than the StartDate.")
    if request["state"] not in (None, "ENABLED", "DISABLED"):
        raise ValidationException("State must be ENABLED or DISABLED.")
    _check_window(request["flexible_time_window"])
    _check_target(request["target"])


def _check_window(window: dict[str, Any]) -> None:
    minutes = window.get("MaximumWindowInMinutes")
    flexible = window.get("Mode") == "FLEXIBLE" and minutes is not None and 1 <= minutes <= 1440
    if not flexible and not (window.get("Mode") == "OFF" and minutes is None):
        raise ValidationException("FlexibleTimeWindow is OFF, or FLEXIBLE with MaximumWindowInMinutes from 1 to 1440.")


def _check_target(target: dict[str, Any]) -> None:
    to = deliveries.parse_address(target["Arn"])
    if to is None or to.kind != "pipeline":
        raise NotImplementedLocally(f"the EventBridge Scheduler target {target['Arn']} (only SageMaker pipelines)")
    refuse_members("an EventBridge Scheduler target", target, TARGET_MEMBERS)
    for each in target.get("SageMakerPipelineParameters", {}).get("PipelineParameterList", []):
        if "<aws.scheduler." in each["Value"]:
            raise NotImplementedLocally(f"context attributes in a pipeline parameter of a schedule ({each['Value']})")

"""EventBridge Scheduler and scheduled rules: they start pipelines when they are due. A fake clock says when that is."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from localaws_fixture import REGION, ROLE, LocalAws, aws, eventually, pipeline

from sluice.localaws.events import deliveries
from sluice.localaws.events.scheduler import Scheduler

__all__ = ["aws"]

ACCOUNT = "123456789012"
OFF = {"Mode": "OFF"}


class Clock:
    """Stands still until it is told to move. It starts in the future, where the server's own clock never gets."""

    def __init__(self, aws: LocalAws) -> None:
        self.moment = datetime(2098, 1, 6, 12, tzinfo=UTC)  # a Monday
        self._scheduler = Scheduler(lambda: self.moment)
        self._aws = aws
        self.look()

    def look(self) -> datetime | None:
        due = self._scheduler.tick()
        deliveries.settle()
        return due

    def move(self, **by: int) -> datetime | None:
        self.moment += timedelta(**by)
        return self.look()


@pytest.fixture
def clock(aws: LocalAws) -> Iterator[Clock]:
    scheduler, bridge = aws.client("scheduler"), aws.client("events")
    yield Clock(aws)
    for schedule in scheduler.list_schedules()["Schedules"]:
        scheduler.delete_schedule(Name=schedule["Name"], GroupName=schedule["GroupName"])
    for rule in bridge.list_rules()["Rules"]:
        bridge.disable_rule(Name=rule["Name"])


def schedule(aws: LocalAws, name: str, expression: str, arn: str = "", update: bool = False, **more: Any) -> None:
    parameter = {"Name": "Reason", "Value": "schedule"}
    target = {"Arn": arn or f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/{name}", "RoleArn": ROLE,
              "SageMakerPipelineParameters": {"PipelineParameterList": [parameter]}}  # fmt: skip
    client = aws.client("scheduler")
    (client.update_schedule if update else client.create_schedule)(
        **{"Name": name, "ScheduleExpression": expression, "FlexibleTimeWindow": OFF, "Target": target, **more}
    )


def runs(aws: LocalAws, name: str) -> int:
    return len(aws.client("sagemaker").list_pipeline_executions(PipelineName=name)["PipelineExecutionSummaries"])


def test_a_schedule_starts_its_pipeline_with_its_parameters(aws: LocalAws, clock: Clock) -> None:
    pipeline(aws, "redeploy", "Reason")
    schedule(aws, "redeploy", "cron(0 3 ? * TUE *)", ScheduleExpressionTimezone="Asia/Seoul")
    assert clock.look() == datetime(2098, 1, 6, 18, tzinfo=UTC), "Tuesday, three in the morning in Seoul"
    clock.move(hours=5, minutes=59)
    assert runs(aws, "redeploy") == 0
    assert clock.move(minutes=1) == datetime(2098, 1, 13, 18, tzinfo=UTC)
    assert runs(aws, "redeploy") == 1
    sagemaker = aws.client("sagemaker")
    arn = sagemaker.list_pipeline_executions(PipelineName="redeploy")["PipelineExecutionSummaries"][0]
    parameters = sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn["PipelineExecutionArn"])
    assert parameters["PipelineParameters"] == [{"Name": "Reason", "Value": "schedule"}]


def test_a_rate_fires_at_once_and_then_regularly(aws: LocalAws, clock: Clock) -> None:
    """As AWS documents it for a rate without a start date."""
    pipeline(aws, "rate", "Reason")
    schedule(aws, "rate", "rate(5 minutes)", StartDate=clock.moment + timedelta(minutes=2))
    counts = [runs(aws, "rate")]
    for minutes in (1, 1, 4, 1):
        clock.move(minutes=minutes)
        counts.append(runs(aws, "rate"))
    assert counts == [0, 0, 1, 1, 2]


def test_the_server_itself_starts_what_is_due(aws: LocalAws) -> None:
    """No fake clock here: a rate without a start date is due when it is made."""
    pipeline(aws, "at-once", "Reason")
    schedule(aws, "at-once", "rate(365 days)")
    eventually(lambda: runs(aws, "at-once") == 1)
    aws.client("scheduler").delete_schedule(Name="at-once")


def test_one_time_is_one_time_and_the_schedule_goes_if_it_is_told_to(aws: LocalAws, clock: Clock) -> None:
    pipeline(aws, "once", "Reason")
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/once"
    schedule(aws, "stays", "at(2098-01-06T22:00:00)", arn, ScheduleExpressionTimezone="Asia/Seoul")
    schedule(aws, "goes", "at(2098-01-06T13:00:00)", arn, ActionAfterCompletion="DELETE")
    clock.look()
    clock.move(hours=1)
    clock.move(days=400)
    assert runs(aws, "once") == 2
    names = [one["Name"] for one in aws.client("scheduler").list_schedules()["Schedules"]]
    assert names == ["stays"]


def test_a_recurring_schedule_ends_at_its_end_date(aws: LocalAws, clock: Clock) -> None:
    pipeline(aws, "ending", "Reason")
    end = clock.moment + timedelta(hours=2)
    schedule(aws, "ending", "cron(0 * * * ? *)", EndDate=end, ActionAfterCompletion="DELETE")
    clock.look()
    for _ in range(4):
        clock.move(hours=1)
    assert runs(aws, "ending") == 2
    assert aws.client("scheduler").list_schedules()["Schedules"] == []


def test_a_disabled_schedule_waits_until_it_is_enabled(aws: LocalAws, clock: Clock) -> None:
    pipeline(aws, "waiting", "Reason")
    schedule(aws, "waiting", "cron(0 * * * ? *)", State="DISABLED")
    clock.look()
    clock.move(hours=3)
    assert runs(aws, "waiting") == 0
    schedule(aws, "waiting", "cron(0 * * * ? *)", update=True, State="ENABLED")
    clock.look()
    assert runs(aws, "waiting") == 0, "what it missed is not made up for"
    clock.move(hours=1)
    assert runs(aws, "waiting") == 1


def test_a_changed_schedule_follows_its_new_expression(aws: LocalAws, clock: Clock) -> None:
    pipeline(aws, "changing", "Reason")
    schedule(aws, "changing", "cron(30 * * * ? *)")
    assert clock.look() == clock.moment + timedelta(minutes=30)
    schedule(aws, "changing", "cron(45 * * * ? *)", update=True)
    assert clock.look() == clock.moment + timedelta(minutes=45)
    clock.move(minutes=44)
    assert runs(aws, "changing") == 0
    clock.move(minutes=1)
    assert runs(aws, "changing") == 1


def test_a_deleted_schedule_is_forgotten(aws: LocalAws, clock: Clock) -> None:
    pipeline(aws, "deleted", "Reason")
    schedule(aws, "deleted", "cron(0 * * * ? *)")
    clock.look()
    aws.client("scheduler").delete_schedule(Name="deleted")
    clock.move(hours=1)
    assert runs(aws, "deleted") == 0


def test_what_passed_unseen_counts_once(aws: LocalAws, clock: Clock) -> None:
    pipeline(aws, "asleep", "Reason")
    schedule(aws, "asleep", "cron(0 * * * ? *)")
    clock.look()
    assert clock.move(days=2, minutes=1) == clock.moment + timedelta(minutes=59)
    assert runs(aws, "asleep") == 1


def test_a_flexible_window_is_taken_at_its_start(aws: LocalAws, clock: Clock) -> None:
    pipeline(aws, "flexible", "Reason")
    window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 60}
    schedule(aws, "flexible", "cron(0 * * * ? *)", FlexibleTimeWindow=window)
    clock.look()
    clock.move(hours=1)
    assert runs(aws, "flexible") == 1


def test_a_pipeline_that_is_gone_is_counted_and_the_schedule_goes_on(aws: LocalAws, clock: Clock) -> None:
    schedule(aws, "gone", "cron(0 * * * ? *)")
    clock.look()
    clock.move(hours=1)
    pipeline(aws, "gone", "Reason")
    clock.move(hours=1)
    assert runs(aws, "gone") == 1
    now = datetime.now(UTC)
    counted = aws.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Scheduler", MetricName="TargetErrorCount",
        Dimensions=[{"Name": "ScheduleGroup", "Value": "default"}], StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1), Period=86400, Statistics=["Sum"],
    )  # fmt: skip
    assert sum(point["Sum"] for point in counted["Datapoints"]) == 1


def test_schedules_of_a_group_fire_too(aws: LocalAws, clock: Clock) -> None:
    pipeline(aws, "grouped", "Reason")
    aws.client("scheduler").create_schedule_group(Name="night")
    schedule(aws, "grouped", "cron(0 * * * ? *)", GroupName="night")
    clock.look()
    clock.move(hours=1)
    assert runs(aws, "grouped") == 1


def test_a_scheduled_rule_starts_its_pipeline(aws: LocalAws, clock: Clock) -> None:
    arn = pipeline(aws, "ruled", "Reason", "When")
    bridge = aws.client("events")
    bridge.put_rule(Name="ruled", ScheduleExpression="rate(1 hour)")
    values = [{"Name": "Reason", "Value": "rule"}, {"Name": "When", "Value": "$.time"}]
    target = {"Id": "1", "Arn": arn, "RoleArn": ROLE, "SageMakerPipelineParameters": {"PipelineParameterList": values}}
    bridge.put_targets(Rule="ruled", Targets=[target])
    clock.look()
    clock.move(minutes=59)
    assert runs(aws, "ruled") == 0
    clock.move(minutes=1)
    assert runs(aws, "ruled") == 1
    sagemaker = aws.client("sagemaker")
    execution = sagemaker.list_pipeline_executions(PipelineName="ruled")["PipelineExecutionSummaries"][0]
    parameters = sagemaker.list_pipeline_parameters_for_execution(
        PipelineExecutionArn=execution["PipelineExecutionArn"]
    )["PipelineParameters"]
    assert {each["Name"]: each["Value"] for each in parameters} == {"Reason": "rule", "When": "2098-01-06T13:00:00Z"}
    bridge.disable_rule(Name="ruled")
    clock.move(hours=2)
    assert runs(aws, "ruled") == 1


@pytest.mark.parametrize(
    ("expression", "more", "why"),
    [
        ("rate(0 days)", {}, "above 0"),
        ("cron(0 3 * * MON *)", {}, "must be `\\?`"),
        ("0 3 * * ? *", {}, "it must be rate"),
        ("cron(0 3 * * ? *)", {"ScheduleExpressionTimezone": "Seoul"}, "IANA time zone"),
        ("cron(0 3 * * ? *)", {"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}, "MaximumWindowInMinutes"),
        ("cron(0 3 * * ? *)", {"State": "ON"}, "ENABLED or DISABLED"),
        (
            "cron(0 3 * * ? *)",
            {"StartDate": datetime(2099, 1, 2, tzinfo=UTC), "EndDate": datetime(2099, 1, 1, tzinfo=UTC)},
            "later than the StartDate",
        ),
    ],
)
def test_what_is_wrong_is_refused_with_the_reason(
    aws: LocalAws, clock: Clock, expression: str, more: Any, why: str
) -> None:
    with pytest.raises(ClientError, match=why) as wrong:
        schedule(aws, "bad", expression, **more)
    assert wrong.value.response["Error"]["Code"] == "ValidationException"
    schedule(aws, "good", "rate(1 hours)", StartDate=datetime(2099, 1, 1, tzinfo=UTC))
    with pytest.raises(ClientError, match=why):
        schedule(aws, "good", expression, update=True, **more)
    assert aws.client("scheduler").get_schedule(Name="good")["ScheduleExpression"] == "rate(1 hours)"


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f",
        f"arn:aws:sqs:{REGION}:{ACCOUNT}:queue",
        "arn:aws:scheduler:::aws-sdk:sagemaker:startPipelineExecution",
    ],
)
def test_a_target_other_than_a_pipeline_is_refused_by_name(aws: LocalAws, clock: Clock, arn: str) -> None:
    with pytest.raises(ClientError) as refusal:
        schedule(aws, "elsewhere", "rate(1 hour)", arn)
    assert refusal.value.response["Error"]["Code"] == "NotImplementedLocally"
    assert arn in str(refusal.value)
    assert aws.client("scheduler").list_schedules()["Schedules"] == []


def test_other_things_that_nothing_here_acts_upon_are_refused_by_name(aws: LocalAws, clock: Clock) -> None:
    with pytest.raises(ClientError, match="whose time is past") as refusal:
        schedule(aws, "past", "at(2020-01-01T00:00:00)")
    assert refusal.value.response["Error"]["Code"] == "NotImplementedLocally"
    target = {"Arn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/x", "RoleArn": ROLE}
    with pytest.raises(ClientError, match="Input of an EventBridge Scheduler target"):
        schedule(aws, "input", "rate(1 hour)", Target={**target, "Input": "{}"})
    attribute = {"PipelineParameterList": [{"Name": "When", "Value": "<aws.scheduler.scheduled-time>"}]}
    with pytest.raises(ClientError, match=r"<aws\.scheduler\.scheduled-time>"):
        schedule(aws, "attribute", "rate(1 hour)", Target={**target, "SageMakerPipelineParameters": attribute})


def test_a_group_that_is_not_there_is_a_clear_error(aws: LocalAws, clock: Clock) -> None:
    with pytest.raises(ClientError, match="Schedule group nowhere does not exist"):
        schedule(aws, "lost", "rate(1 hour)", GroupName="nowhere")


def test_an_update_keeps_nothing_that_it_does_not_name(aws: LocalAws, clock: Clock) -> None:
    """As AWS documents it: what the request leaves out gets its default."""
    schedule(aws, "whole", "cron(0 3 * * ? *)", State="DISABLED", ActionAfterCompletion="DELETE",
             ScheduleExpressionTimezone="Asia/Seoul")  # fmt: skip
    schedule(aws, "whole", "cron(0 4 * * ? *)", update=True)
    description = aws.client("scheduler").get_schedule(Name="whole")
    assert (description["State"], description["ScheduleExpressionTimezone"]) == ("ENABLED", "UTC")
    assert description.get("ActionAfterCompletion") in (None, "NONE")

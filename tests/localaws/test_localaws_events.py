"""EventBridge: what SageMaker says reaches the targets of rules, and pipelines really start."""

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from localaws_fixture import REGION, ROLE, LocalAws, aws, eventually, pipeline

from sluice.localaws.events import deliveries, eventbridge

__all__ = ["aws"]

ACCOUNT = "123456789012"
CHANGED = "SageMaker Model Package State Change"
PACKAGE = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/chat/7"


def rule(aws: LocalAws, name: str, group: str, **more: Any) -> None:
    pattern = {"source": ["aws.sagemaker"], "detail-type": [CHANGED], "detail": {"ModelPackageGroupName": [group]}}
    aws.client("events").put_rule(Name=name, EventPattern=json.dumps(pattern), **more)


def target(aws: LocalAws, rule: str, arn: str, **more: Any) -> None:
    aws.client("events").put_targets(Rule=rule, Targets=[{"Id": "it", "Arn": arn, **more}])


def emit_change(group: str, **detail: Any) -> None:
    """As the registry does when a package changes."""
    eventbridge.emit_event(ACCOUNT, REGION, CHANGED, {"ModelPackageGroupName": group, **detail}, [PACKAGE])
    deliveries.settle()


def started(aws: LocalAws, name: str) -> list[dict[str, str]]:
    """The parameters of each execution."""
    sagemaker = aws.client("sagemaker")
    executions = sagemaker.list_pipeline_executions(PipelineName=name)["PipelineExecutionSummaries"]
    return [
        {each["Name"]: each["Value"] for each in sagemaker.list_pipeline_parameters_for_execution(
            PipelineExecutionArn=one["PipelineExecutionArn"])["PipelineParameters"]}
        for one in executions
    ]  # fmt: skip


def queue(aws: LocalAws, name: str) -> tuple[str, str]:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def received(aws: LocalAws, url: str) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = (
        aws.client("sqs")
        .receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        .get("Messages", [])
    )
    return messages


def failures(aws: LocalAws, rule: str) -> float:
    now = datetime.now(UTC)
    statistics = aws.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Events", MetricName="FailedInvocations", Dimensions=[{"Name": "RuleName", "Value": rule}],
        StartTime=now - timedelta(hours=1), EndTime=now + timedelta(hours=1), Period=86400, Statistics=["Sum"],
    )  # fmt: skip
    return sum(point["Sum"] for point in statistics["Datapoints"])


def test_an_event_has_the_shape_that_eventbridge_gives_it(aws: LocalAws) -> None:
    url, arn = queue(aws, "shape")
    rule(aws, "shape", "shape")
    target(aws, "shape", arn)
    emit_change("shape", ModelApprovalStatus="Approved")
    event = json.loads(received(aws, url)[0]["Body"])
    assert datetime.fromisoformat(event.pop("time")).tzinfo is UTC
    assert len(event.pop("id")) == 36
    assert event == {
        "version": "0",
        "detail-type": CHANGED,
        "source": "aws.sagemaker",
        "account": ACCOUNT,
        "region": REGION,
        "resources": [PACKAGE],
        "detail": {"ModelPackageGroupName": "shape", "ModelApprovalStatus": "Approved"},
    }


def test_a_rule_starts_a_pipeline_with_values_from_the_event(aws: LocalAws) -> None:
    arn = pipeline(aws, "deploy", "ModelPackageArn", "Reason", "Version", "First")
    values = {"ModelPackageArn": "$.detail.ModelPackageArn", "Reason": "approval", "Version": "$.detail.Version",
             "First": "$.resources[0]"}  # fmt: skip
    parameters = [{"Name": name, "Value": value} for name, value in values.items()]
    rule(aws, "deploy", "deploy")
    target(aws, "deploy", arn, RoleArn=ROLE, SageMakerPipelineParameters={"PipelineParameterList": parameters})
    emit_change("deploy", ModelPackageArn=PACKAGE, Version=7)
    emit_change("another group", ModelPackageArn=PACKAGE, Version=8)
    executions = eventually(lambda: started(aws, "deploy"))
    assert executions == [{"ModelPackageArn": PACKAGE, "Reason": "approval", "Version": "7", "First": PACKAGE}]


def test_an_approval_starts_the_pipeline_of_the_rule(aws: LocalAws) -> None:
    """The whole way: UpdateModelPackage, the event, the rule, the execution."""
    arn = pipeline(aws, "on-approval", "ModelPackageArn")
    sagemaker = aws.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="approving")
    container = {"Image": "stub:1"}
    inference = {"Containers": [container], "SupportedContentTypes": ["a/b"], "SupportedResponseMIMETypes": ["a/b"]}
    package = sagemaker.create_model_package(
        ModelPackageGroupName="approving", ModelApprovalStatus="PendingManualApproval", InferenceSpecification=inference
    )["ModelPackageArn"]
    detail = {"ModelPackageGroupName": ["approving"], "ModelApprovalStatus": ["Approved"]}
    pattern = {"source": ["aws.sagemaker"], "detail-type": [CHANGED], "detail": detail}
    aws.client("events").put_rule(Name="approved", EventPattern=json.dumps(pattern))
    parameter = {"Name": "ModelPackageArn", "Value": "$.detail.ModelPackageArn"}
    target(aws, "approved", arn, RoleArn=ROLE, SageMakerPipelineParameters={"PipelineParameterList": [parameter]})
    sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
    assert eventually(lambda: started(aws, "on-approval")) == [{"ModelPackageArn": package}]


def test_a_disabled_rule_stays_silent_until_it_is_enabled(aws: LocalAws) -> None:
    url, arn = queue(aws, "silent")
    rule(aws, "silent", "silent", State="DISABLED")
    target(aws, "silent", arn)
    emit_change("silent")
    assert received(aws, url) == []
    aws.client("events").enable_rule(Name="silent")
    emit_change("silent")
    assert len(received(aws, url)) == 1


def test_a_scheduled_rule_does_not_match_events(aws: LocalAws) -> None:
    url, arn = queue(aws, "scheduled")
    aws.client("events").put_rule(Name="yearly", ScheduleExpression="cron(0 0 1 1 ? 2199)")
    target(aws, "yearly", arn)
    emit_change("scheduled")
    assert received(aws, url) == []


def test_log_groups_and_other_buses_get_the_event_too(aws: LocalAws) -> None:
    bridge, url_and_arn = aws.client("events"), queue(aws, "onwards")
    aws.client("logs").create_log_group(logGroupName="/aws/events/all")
    bus = bridge.create_event_bus(Name="onwards")["EventBusArn"]
    rule(aws, "fan-out", "fan-out")
    bridge.put_targets(Rule="fan-out", Targets=[
        {"Id": "log", "Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/events/all"},
        {"Id": "bus", "Arn": bus},
    ])  # fmt: skip
    pattern = json.dumps({"source": [{"prefix": "aws."}]})
    bridge.put_rule(Name="onwards", EventBusName="onwards", EventPattern=pattern)
    bridge.put_targets(Rule="onwards", EventBusName="onwards", Targets=[{"Id": "q", "Arn": url_and_arn[1]}])
    emit_change("fan-out")
    deliveries.settle()  # what the first settling has forwarded
    logged = json.loads(aws.log_lines("/aws/events/all")[0])
    forwarded = json.loads(received(aws, url_and_arn[0])[0]["Body"])
    assert logged == forwarded, "the event keeps its id, time and account on its way"


@pytest.mark.parametrize(
    ("shaping", "body"),
    [
        ({"Input": '{"fixed": true}'}, '{"fixed": true}'),
        ({"InputPath": "$.detail.Why"}, '"it \\"works\\""'),
        (
            {"InputTransformer": {"InputPathsMap": {"why": "$.detail.Why", "n": "$.detail.N", "all": "$.resources"},
                                  "InputTemplate": '{"text": "<n>: <why>", "why": <why>, "n": <n>, "all": <all>}'}},
            f'{{"text": "3: it \\"works\\"", "why": "it \\"works\\"", "n": 3, "all": ["{PACKAGE}"]}}',
        ),
    ],
    ids=["Input", "InputPath", "InputTransformer"],
)  # fmt: skip
def test_a_queue_gets_what_the_target_makes_of_the_event(aws: LocalAws, shaping: Any, body: str) -> None:
    name = f"shaped-{next(iter(shaping))}"
    url, arn = queue(aws, name)
    rule(aws, name, name)
    target(aws, name, arn, **shaping)
    emit_change(name, Why='it "works"', N=3)
    assert received(aws, url)[0]["Body"] == body


def test_a_target_that_fails_hurts_nobody_and_is_seen(aws: LocalAws, caplog: pytest.LogCaptureFixture) -> None:
    bridge, (url, arn), (dead_url, dead_arn) = aws.client("events"), queue(aws, "alive"), queue(aws, "dead")
    gone = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/gone"
    rule(aws, "failing", "failing")
    bridge.put_targets(Rule="failing", Targets=[
        {"Id": "1", "Arn": gone, "RoleArn": ROLE, "DeadLetterConfig": {"Arn": dead_arn}},
        {"Id": "2", "Arn": arn},
    ])  # fmt: skip
    with caplog.at_level(logging.ERROR):
        emit_change("failing")
    assert len(received(aws, url)) == 1
    assert gone in caplog.text
    assert failures(aws, "failing") == 1
    dead = received(aws, dead_url)[0]
    assert json.loads(dead["Body"])["detail"] == {"ModelPackageGroupName": "failing"}
    assert dead["MessageAttributes"]["TARGET_ARN"]["StringValue"] == gone
    assert "gone" in dead["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"]


def test_a_parameter_that_the_event_has_not_fails_the_target(aws: LocalAws, caplog: pytest.LogCaptureFixture) -> None:
    arn = pipeline(aws, "missing", "X")
    rule(aws, "missing", "missing")
    parameter = {"Name": "X", "Value": "$.detail.Nothing"}
    target(aws, "missing", arn, RoleArn=ROLE, SageMakerPipelineParameters={"PipelineParameterList": [parameter]})
    emit_change("missing")
    assert "the event has nothing at $.detail.Nothing" in caplog.text
    assert started(aws, "missing") == []


def test_only_aws_speaks_as_aws(aws: LocalAws) -> None:
    url, arn = queue(aws, "imposter")
    aws.client("events").put_rule(Name="imposter", EventPattern=json.dumps({"detail-type": ["imposter"]}))
    target(aws, "imposter", arn)
    entries = [{"Source": source, "DetailType": "imposter", "Detail": "{}"} for source in ("aws.sagemaker", "mine")]
    answer = aws.client("events").put_events(Entries=entries)
    deliveries.settle()
    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][0]["ErrorCode"] == "NotAuthorizedForSourceException"
    assert [json.loads(message["Body"])["source"] for message in received(aws, url)] == ["mine"]


@pytest.mark.parametrize(
    ("arn", "named"),
    [
        (f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f", "'lambda'"),
        (f"arn:aws:sns:{REGION}:{ACCOUNT}:topic", "'sns'"),
        (f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:s", "'states'"),
        (f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/q", "'batch'"),
        (f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/c", "'ecs'"),
        (f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/e", "'sagemaker'"),
    ],
)
def test_a_target_that_cannot_be_reached_is_refused_by_name(aws: LocalAws, arn: str, named: str) -> None:
    rule(aws, "refused", "refused")
    with pytest.raises(ClientError) as refusal:
        target(aws, "refused", arn, RoleArn=ROLE)
    assert refusal.value.response["Error"]["Code"] == "NotImplementedLocally"
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert named in str(refusal.value) and arn in str(refusal.value)
    assert aws.client("events").list_targets_by_rule(Rule="refused")["Targets"] == []


def test_what_a_target_cannot_do_is_refused_by_name(aws: LocalAws) -> None:
    arn = pipeline(aws, "shaping")
    rule(aws, "shaping", "shaping")
    with pytest.raises(ClientError, match="Input of an EventBridge target of kind 'pipeline'"):
        target(aws, "shaping", arn, RoleArn=ROLE, Input="{}")


def test_a_pipeline_needs_a_role(aws: LocalAws) -> None:
    arn = pipeline(aws, "roleless")
    rule(aws, "roleless", "roleless")
    with pytest.raises(ClientError, match="RoleArn is required for target") as wrong:
        target(aws, "roleless", arn)
    assert wrong.value.response["Error"]["Code"] == "ValidationException"


def test_archives_are_refused_by_name(aws: LocalAws) -> None:
    bus = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
    with pytest.raises(ClientError, match="CreateArchive") as refusal:
        aws.client("events").create_archive(ArchiveName="a", EventSourceArn=bus)
    assert refusal.value.response["Error"]["Code"] == "NotImplementedLocally"


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("rate(1 minutes)", "not `1 minutes`"),
        ("rate(5 minute)", "or `2 minute`"),
        ("at(2099-01-01T00:00:00)", "EventBridge Scheduler"),
        ("cron(0 3 * * MON *)", "must be `\\?`"),
        ("every day", "it must be rate"),
    ],
)
def test_a_rule_with_a_bad_schedule_is_refused_with_the_reason(aws: LocalAws, expression: str, why: str) -> None:
    with pytest.raises(ClientError, match=why) as wrong:
        aws.client("events").put_rule(Name="bad", ScheduleExpression=expression)
    assert wrong.value.response["Error"]["Code"] == "ValidationException"
    assert "Parameter ScheduleExpression is not valid" in str(wrong.value)


def test_a_pattern_can_be_tried(aws: LocalAws) -> None:
    event = {"id": "1", "detail-type": "d", "source": "s", "account": ACCOUNT, "time": "2026-11-20T00:00:00Z",
             "region": REGION, "resources": [], "detail": {"a": 1}}  # fmt: skip
    tried = {
        value: aws.client("events").test_event_pattern(
            EventPattern=json.dumps({"detail": {"a": [value]}}), Event=json.dumps(event)
        )["Result"]
        for value in (1, 2)
    }
    assert tried == {1: True, 2: False}

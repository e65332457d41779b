"""Executions as the terminal shows them: every step's state and time, why it failed, and a connection that is lost."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from sluice.pipelines import executions
from sluice.pipelines.executions import ConnectionLost

ARN = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/chat-release/execution/abcdefghijkl"
START = datetime(2027, 1, 31, 3, 0, tzinfo=UTC)
REGISTERED = {
    "StepName": "Register",
    "StepStatus": "Succeeded",
    "StartTime": START,
    "EndTime": START + timedelta(seconds=2),
    "Metadata": {"RegisterModel": {"Arn": "arn:package/1"}},
}


class FakeSageMaker:
    """An execution that is in one state after the other, one per look."""

    class exceptions:
        class ResourceNotFound(Exception):
            pass

    def __init__(self, *states):
        self.states = list(states)

    def describe_pipeline_execution(self, PipelineExecutionArn):
        assert PipelineExecutionArn == ARN
        self.now = self.states.pop(0)
        if isinstance(self.now, Exception):
            raise self.now
        return {
            "PipelineExecutionStatus": self.now[0],
            "CreationTime": START,
            "LastModifiedTime": START + timedelta(seconds=30),
            **({"FailureReason": "Step failure"} if self.now[0] == "Failed" else {}),
        }

    def get_paginator(self, name):
        assert name == "list_pipeline_execution_steps"
        return self

    def paginate(self, **_):
        return [{"PipelineExecutionSteps": [step]} for step in self.now[1:]]

    def list_pipeline_executions(self, PipelineName, **_):
        raise self.exceptions.ResourceNotFound


def evaluate(status, **members):
    job = {"ProcessingJob": {"Arn": "arn:job"}}
    return {"StepName": "Evaluate", "StepStatus": status, "StartTime": START, "Metadata": job, **members}


def watched(*states):
    snapshots, waits = [], []
    sagemaker = FakeSageMaker(*states)
    return (
        executions.watch_execution(sagemaker, ARN, snapshots.append, interval=7, sleep=waits.append),
        snapshots,
        waits,
    )


def test_each_change_is_told_once():
    last, snapshots, waits = watched(
        ("Executing",),
        ("Executing", REGISTERED, evaluate("Executing")),
        ("Executing", REGISTERED, evaluate("Executing")),
        ("Succeeded", REGISTERED, evaluate("Succeeded", EndTime=START + timedelta(seconds=20))),
    )
    assert [[step.status for step in each.steps] for each in snapshots] == [
        [],
        ["Succeeded", "Executing"],
        ["Succeeded", "Succeeded"],
    ]
    assert waits == [7, 7, 7]
    assert last.ended_well and last.over
    assert (last.id, last.pipeline, last.seconds) == ("abcdefghijkl", "chat-release", 30)


def test_a_step_tells_its_kind_its_time_and_what_it_made():
    last, _, _ = watched(("Succeeded", REGISTERED))
    step = last.step("Register")
    assert (step.kind, step.seconds, step.resource) == ("RegisterModel", 2, "arn:package/1")
    assert last.step("Deploy") is None


def test_a_failure_tells_why():
    fail = {"StepName": "GateClosed", "StepStatus": "Failed", "Metadata": {"Fail": {"ErrorMessage": "2 of 9 failed"}}}
    gate = {"StepName": "Gate", "StepStatus": "Succeeded", "Metadata": {"Condition": {"Outcome": "False"}}}
    last, _, _ = watched(("Failed", evaluate("Failed", FailureReason="exit code 1"), gate, fail))
    assert last.failure == "Step failure"
    assert last.step("Evaluate").failure == "exit code 1"
    assert last.step("Gate").outcome == "False"
    assert last.step("GateClosed").failure == "2 of 9 failed"
    assert not last.ended_well


def test_a_step_that_has_not_begun_has_no_time():
    last, _, _ = watched(("Stopped", {"StepName": "Evaluate", "StepStatus": "Starting"}))
    assert last.step("Evaluate").seconds is None
    assert last.step("Evaluate").kind == ""


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="http://127.0.0.1:4599"),
        ReadTimeoutError(endpoint_url="http://127.0.0.1:4599"),
    ],
)
def test_a_lost_connection_is_one_message(error):
    with pytest.raises(ConnectionLost) as lost:
        watched(("Executing",), error)
    assert "chat-release/execution/abcdefghijkl" in lost.value.message
    assert "sluice status" in lost.value.hint


def test_an_error_of_aws_itself_is_not_a_lost_connection():
    error = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "DescribePipelineExecution")
    with pytest.raises(ClientError):
        watched(("Executing",), error)


def test_a_pipeline_that_is_not_there_has_no_executions():
    assert executions.list_recent(FakeSageMaker(), "chat-release") == []


def test_the_last_executions_come_without_their_steps():
    class Listing(FakeSageMaker):
        def list_pipeline_executions(self, **request):
            assert request["SortOrder"] == "Descending"
            summary = {"PipelineExecutionArn": ARN, "StartTime": START, "PipelineExecutionStatus": "Failed"}
            return {"PipelineExecutionSummaries": [summary | {"PipelineExecutionFailureReason": "why"}] * 5}

    listed = executions.list_recent(Listing(), "chat-release", most=3)
    assert [(each.status, each.failure, each.steps) for each in listed] == [("Failed", "why", ())] * 3

"""Pipeline executions as plain facts: which step is where, since when, and why it failed."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ConnectionError as ConnectionFailed
from botocore.exceptions import HTTPClientError

from sluice.errors import SluiceError

if TYPE_CHECKING:
    from types_boto3_sagemaker.client import SageMakerClient

ENDED = {"Succeeded", "Failed", "Stopped"}


class ConnectionLost(SluiceError):
    """AWS stopped answering while an execution was watched. The execution itself may go on."""

    def __init__(self, arn: str, why: Exception) -> None:
        super().__init__(
            f"The connection was lost while {short_name(arn)} was watched: {why}",
            "The execution may still be running: `sluice status` tells.",
        )


@dataclass(frozen=True)
class ExecutionStep:
    name: str
    kind: str  # RegisterModel, Processing, Condition, Fail
    status: str  # Starting, Executing, Stopping, Stopped, Failed, Succeeded
    started: datetime | None = None
    ended: datetime | None = None
    failure: str = ""
    attempts: int = 1
    resource: str = ""  # the job's or the package's ARN
    outcome: str = ""  # of a condition: True or False

    @property
    def seconds(self) -> float | None:
        return elapsed(self.started, self.ended)


@dataclass(frozen=True)
class Execution:
    arn: str
    pipeline: str
    status: str  # Executing, Stopping, Stopped, Failed, Succeeded
    started: datetime | None = None
    ended: datetime | None = None  # only once it has ended
    failure: str = ""
    display_name: str = ""
    steps: tuple[ExecutionStep, ...] = ()  # oldest first; empty in a list

    @property
    def id(self) -> str:
        return self.arn.rpartition("/")[2]

    @property
    def ended_well(self) -> bool:
        return self.status == "Succeeded"

    @property
    def over(self) -> bool:
        return self.status in ENDED

    @property
    def seconds(self) -> float | None:
        return elapsed(self.started, self.ended)

    def step(self, name: str) -> ExecutionStep | None:
        return next((step for step in self.steps if step.name == name), None)


def describe_execution(sagemaker: "SageMakerClient", arn: str) -> Execution:
    """Read an execution with all its steps."""
    response = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    pages = sagemaker.get_paginator("list_pipeline_execution_steps").paginate(
        PipelineExecutionArn=arn, SortOrder="Ascending"
    )
    steps = tuple(read_step(each) for page in pages for each in page["PipelineExecutionSteps"])
    status = response["PipelineExecutionStatus"]
    return Execution(
        arn=arn,
        pipeline=pipeline_name(arn),
        status=status,
        started=response.get("CreationTime"),
        ended=response.get("LastModifiedTime") if status in ENDED else None,
        failure=response.get("FailureReason", ""),
        display_name=response.get("PipelineExecutionDisplayName", ""),
        steps=steps,
    )


def watch_execution(
    sagemaker: "SageMakerClient",
    arn: str,
    on_change: Callable[[Execution], None],
    interval: float = 2.0,
    sleep: Callable[[float], None] = time.sleep,
) -> Execution:
    """Call `on_change` at once and whenever something has changed, until the execution is over; return its last state.

    Raises ConnectionLost when AWS (or the local AWS) stops answering.
    """
    previous: Execution | None = None
    while True:
        try:
            now = describe_execution(sagemaker, arn)
        except (ConnectionFailed, HTTPClientError) as error:
            raise ConnectionLost(arn, error) from error
        if now != previous:
            on_change(now)
            previous = now
        if now.over:
            return now
        sleep(interval)


def list_recent(sagemaker: "SageMakerClient", pipeline: str, most: int = 10) -> list[Execution]:
    """List a pipeline's last executions, newest first, without their steps; none if there is no such pipeline."""
    try:
        listed = sagemaker.list_pipeline_executions(
            PipelineName=pipeline, SortBy="CreationTime", SortOrder="Descending", MaxResults=most
        )
    except sagemaker.exceptions.ResourceNotFound:
        return []
    return [
        Execution(
            arn=each["PipelineExecutionArn"],
            pipeline=pipeline,
            status=each["PipelineExecutionStatus"],
            started=each.get("StartTime"),
            failure=each.get("PipelineExecutionFailureReason", ""),
            display_name=each.get("PipelineExecutionDisplayName", ""),
        )
        for each in listed["PipelineExecutionSummaries"][:most]
    ]


def list_parameters(sagemaker: "SageMakerClient", arn: str) -> dict[str, str]:
    """Read the parameters that an execution was started with, by name."""
    pages = sagemaker.get_paginator("list_pipeline_parameters_for_execution").paginate(PipelineExecutionArn=arn)
    return {each["Name"]: each["Value"] for page in pages for each in page["PipelineParameters"]}


def read_step(summary: Mapping[str, Any]) -> ExecutionStep:
    metadata: dict[str, dict[str, str]] = summary.get("Metadata") or {"": {}}
    kind, about = next(iter(metadata.items()))
    return ExecutionStep(
        name=summary["StepName"],
        kind="Processing" if kind == "ProcessingJob" else kind,
        status=summary["StepStatus"],
        started=summary.get("StartTime"),
        ended=summary.get("EndTime"),
        failure=summary.get("FailureReason") or about.get("ErrorMessage", ""),
        attempts=summary.get("AttemptCount") or 1,
        resource=about.get("Arn", ""),
        outcome=about.get("Outcome", ""),
    )


def pipeline_name(arn: str) -> str:
    return arn.split("pipeline/")[1].split("/")[0]


def short_name(arn: str) -> str:
    return "/".join(arn.split("/")[-3:])


def elapsed(started: datetime | None, ended: datetime | None) -> float | None:
    if started is None:
        return None
    return ((ended or datetime.now(UTC)) - started).total_seconds()

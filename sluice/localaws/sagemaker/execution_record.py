"""What the API shows of an execution, and the events that tell of its changes."""

import random
import string
from datetime import UTC, datetime
from typing import Any

from moto.sagemaker.models import FakePipeline, FakePipelineExecution

from sluice.localaws.events.eventbridge import emit_event
from sluice.localaws.pipelines.executions import Execution, StepRun, format_timestamp
from sluice.localaws.pipelines.step_actions import Json

EXECUTION_CHANGED = "SageMaker Model Building Pipeline Execution Status Change"
STEP_CHANGED = "SageMaker Model Building Pipeline Execution Step Status Change"


class ExecutionRecord(FakePipelineExecution):
    """moto's record of an execution, with the running thing behind it."""

    run: Execution
    experiment: Any = None

    def __init__(self, pipeline: FakePipeline, request: Json, values: Json) -> None:
        execution_id = "".join(random.choices(string.ascii_lowercase + string.digits, k=12))
        super().__init__(
            pipeline_execution_arn=f"{pipeline.arn}/execution/{execution_id}",
            pipeline_execution_display_name=request.get("PipelineExecutionDisplayName", f"execution-{_millis()}"),
            pipeline_parameters=[{"Name": name, "Value": _text(value)} for name, value in values.items()],
            pipeline_execution_description=request.get("PipelineExecutionDescription"),
            pipeline_definition=pipeline.pipeline_definition,
            parallelism_configuration=request.get("ParallelismConfiguration") or pipeline.parallelism_configuration,
            client_request_token=request.get("ClientRequestToken", ""),
        )
        self.pipeline_name, self.pipeline_arn = pipeline.pipeline_name, pipeline.arn
        self.pipeline_execution_status = "Executing"

    @property
    def limit(self) -> int | None:
        configured: int | None = (self.parallelism_configuration or {}).get("MaxParallelExecutionSteps")
        return configured

    def variables(self) -> dict[str, str]:
        return {
            "PipelineName": self.pipeline_name,
            "PipelineArn": self.pipeline_arn,
            "PipelineExecutionArn": self.arn,
            "PipelineExecutionId": self.arn.rpartition("/")[2],
            "StartDateTime": format_timestamp(datetime.now(UTC)),
        }

    def update(self, request: Json) -> None:
        if name := request.get("PipelineExecutionDisplayName"):
            self.pipeline_execution_display_name = name
        if (description := request.get("PipelineExecutionDescription")) is not None:
            self.pipeline_execution_description = description
        if parallelism := request.get("ParallelismConfiguration"):
            self.parallelism_configuration = parallelism
            self.run.limit = self.limit
        self.touch()

    def touch(self) -> None:
        self.last_modified_time = datetime.now(UTC).replace(tzinfo=None)
        self.pipeline_execution_status = self.run.status

    def description(self) -> Json:
        members = {
            "PipelineArn": self.pipeline_arn,
            "PipelineExecutionArn": self.arn,
            "PipelineExecutionDisplayName": self.pipeline_execution_display_name,
            "PipelineExecutionStatus": self.run.status,
            "PipelineExecutionDescription": self.pipeline_execution_description,
            "PipelineExperimentConfig": self.experiment,
            "FailureReason": self.run.failure_reason,
            "CreationTime": self.creation_time,
            "LastModifiedTime": self.last_modified_time,
            "CreatedBy": self.created_by,
            "LastModifiedBy": self.last_modified_by,
            "ParallelismConfiguration": self.parallelism_configuration,
        }
        return {name: value for name, value in members.items() if value is not None}

    def summary(self) -> Json:
        members = {
            "PipelineExecutionArn": self.arn,
            "StartTime": self.start_time,
            "PipelineExecutionStatus": self.run.status,
            "PipelineExecutionDescription": self.pipeline_execution_description,
            "PipelineExecutionDisplayName": self.pipeline_execution_display_name,
            "PipelineExecutionFailureReason": self.run.failure_reason,
        }
        return {name: value for name, value in members.items() if value is not None}

    def steps(self) -> list[Json]:
        """List the steps that have started, in the order in which they did."""
        return [_step(run) for run in list(self.run.runs.values())]


class Reporter:
    """Emits an event to EventBridge for every change of an execution."""

    def __init__(self, account_id: str, region: str, record: ExecutionRecord) -> None:
        self._place, self._record = (account_id, region), record

    def __call__(self, execution: Execution, change: StepRun | str) -> None:
        if isinstance(change, StepRun):
            self._emit(STEP_CHANGED, _step_detail(change))
        else:
            self._record.touch()
            self._emit(EXECUTION_CHANGED, _execution_detail(self._record, change))

    def _emit(self, detail_type: str, detail: Json) -> None:
        arns = {"pipelineArn": self._record.pipeline_arn, "pipelineExecutionArn": self._record.arn}
        emit_event(*self._place, detail_type, {**arns, **detail}, list(arns.values()))


def _step(run: StepRun) -> Json:
    members = {
        "StepName": run.step.name,
        "StepDisplayName": run.step.display_name,
        "StepDescription": run.step.description,
        "StartTime": run.started,
        "EndTime": run.ended,
        "StepStatus": run.status,
        "FailureReason": run.failure_reason,
        "AttemptCount": run.attempts,
        "Metadata": run.metadata,
    }
    return {name: value for name, value in members.items() if value is not None}


def _step_detail(run: StepRun) -> Json:
    members = {
        "stepName": run.step.name,
        "stepType": run.step.type,
        "previousStepStatus": run.previous,
        "currentStepStatus": run.status,
        "stepStartTime": format_timestamp(run.started),
        "stepEndTime": format_timestamp(run.ended) if run.ended else None,
        "failureReason": run.failure_reason,
        "metadata": {
            _lower(kind): {_lower(key): value for key, value in resource.items()}
            for kind, resource in run.metadata.items()
        },
    }
    return {name: value for name, value in members.items() if value is not None}


def _execution_detail(record: ExecutionRecord, previous: str) -> Json:
    members = {
        "pipelineExecutionDisplayName": record.pipeline_execution_display_name,
        "pipelineExecutionDescription": record.pipeline_execution_description,
        "previousPipelineExecutionStatus": previous or None,
        "currentPipelineExecutionStatus": record.run.status,
        "executionStartTime": format_timestamp(record.start_time.replace(tzinfo=UTC)),
        "executionEndTime": format_timestamp(datetime.now(UTC)) if record.run.ended else None,
    }
    return {name: value for name, value in members.items() if value is not None}


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _millis() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)

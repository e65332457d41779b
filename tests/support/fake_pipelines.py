"""A SageMaker in memory that also has pipeline executions: they are started, looked at, interrupted and stopped."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from fake_sagemaker import ARN, FakeSageMaker, refusal

RELEASE, DEPLOY = "chat-release", "chat-deploy"


class Pages:
    """A paginator whose every item is a page of its own."""

    def __init__(self, key: str, items: list[dict[str, Any]]) -> None:
        self.key, self.items = key, items

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        return ({self.key: [item]} for item in self.items)


class Listing:
    """Makes the paginator of one execution's steps or parameters when it is asked for that execution."""

    def __init__(self, key: str, of: dict[str, list[dict[str, Any]]]) -> None:
        self.key, self.of = key, of

    def paginate(self, PipelineExecutionArn: str, **_: Any) -> Iterator[dict[str, Any]]:
        return Pages(self.key, self.of[PipelineExecutionArn]).paginate()


class FakeOperations(FakeSageMaker):
    """What an operator's commands meet. `executions` holds the status of each execution, oldest first."""

    class exceptions:
        class ResourceNotFound(Exception):
            pass

    def __init__(self) -> None:
        super().__init__()
        self.executions: dict[str, str] = {}
        self.parameters: dict[str, list[dict[str, str]]] = {}
        self.steps: dict[str, list[dict[str, Any]]] = {}
        self.exit_messages: dict[str, str] = {}
        self.deploys_on_approval: list[dict[str, str]] = []
        self.interrupted = False

    # verbs for set-up

    def runs(self, pipeline: str, status: str = "Executing", **parameters: str) -> str:
        """An execution; returns its ARN."""
        arn = f"{ARN}:pipeline/{pipeline}/execution/e{len(self.executions) + 1}"
        self.executions[arn], self.steps[arn] = status, []
        self.parameters[arn] = [{"Name": name, "Value": value} for name, value in parameters.items()]
        return arn

    def has_step(self, arn: str, name: str, status: str, job: str = "job", failure: str = "") -> None:
        ended = {} if status == "Executing" else {"EndTime": datetime.now(UTC)}
        self.steps[arn].append(
            {
                "StepName": name,
                "StepStatus": status,
                "StartTime": datetime.now(UTC),
                "Metadata": {"ProcessingJob": {"Arn": f"{ARN}:processing-job/{job}"}},
                **ended,
                **({"FailureReason": failure} if failure else {}),
            }
        )

    def deploys_when_approved(self, *, first: str = "", live: bool = True, message: str = "") -> None:
        """An approval starts a deployment; `first` is a version whose deployment somebody else starts beside it."""
        others = [{"arn": first, "live": ""}] if first else []
        self.deploys_on_approval = [{"arn": "", "live": "yes" if live else "", "message": message}, *others]

    def is_interrupted(self) -> None:
        """The person at the terminal presses Ctrl-C at the next look at an execution."""
        self.interrupted = True

    # what a test asks

    def started(self) -> int:
        return self.count()["start_pipeline_execution"]

    # pipelines

    def update_model_package_(self, ModelPackageArn: str, **changes: Any) -> dict[str, Any]:
        answer = super().update_model_package_(ModelPackageArn, **changes)
        if changes.get("ModelApprovalStatus") == "Approved":
            for each in self.deploys_on_approval:
                arn = self.runs(DEPLOY, "Succeeded", ModelPackageArn=each["arn"] or ModelPackageArn, Reason="approval")
                self.has_step(arn, "Deploy", "Succeeded", job=arn.rpartition("/")[2])
                self.exit_messages[arn.rpartition("/")[2]] = each.get("message", "")
                if each["live"]:
                    self._moves_live(ModelPackageArn)
        return answer

    def start_pipeline_execution_(
        self, PipelineName: str, PipelineParameters: list[dict[str, str]], **_: Any
    ) -> dict[str, Any]:
        arn = self.runs(PipelineName, "Succeeded", **{each["Name"]: each["Value"] for each in PipelineParameters})
        return {"PipelineExecutionArn": arn}

    def stop_pipeline_execution_(self, PipelineExecutionArn: str, ClientRequestToken: str) -> dict[str, Any]:
        if self.executions[PipelineExecutionArn] != "Executing":
            raise refusal("StopPipelineExecution", "The execution cannot be stopped.", "ConflictException")
        self.executions[PipelineExecutionArn] = "Stopped"
        return {"PipelineExecutionArn": PipelineExecutionArn}

    def describe_pipeline_execution_(self, PipelineExecutionArn: str) -> dict[str, Any]:
        if self.interrupted:
            raise KeyboardInterrupt
        now = datetime.now(UTC)
        status = self.executions[PipelineExecutionArn]
        return {"PipelineExecutionStatus": status, "CreationTime": now, "LastModifiedTime": now}

    def list_pipeline_executions_(self, PipelineName: str, MaxResults: int, **_: Any) -> dict[str, Any]:
        summaries = [
            {"PipelineExecutionArn": arn, "PipelineExecutionStatus": status, "StartTime": datetime.now(UTC)}
            for arn, status in reversed(self.executions.items())
            if f"/{PipelineName}/" in arn
        ]
        return {"PipelineExecutionSummaries": summaries[:MaxResults]}

    def describe_processing_job_(self, ProcessingJobName: str) -> dict[str, Any]:
        return {"ExitMessage": self.exit_messages[ProcessingJobName]}

    def get_paginator(self, operation: str) -> Listing:
        return {
            "list_pipeline_execution_steps": Listing("PipelineExecutionSteps", self.steps),
            "list_pipeline_parameters_for_execution": Listing("PipelineParameters", self.parameters),
        }[operation]

    def _moves_live(self, arn: str) -> None:
        package = self.packages[arn]
        package["ModelLifeCycle"] = {"Stage": "Production", "StageStatus": "Live"}
        package["CustomerMetadataProperties"] |= {
            "endpoint_name": f"chat-v{package['ModelPackageVersion']}",
            "live_since": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }


class FakeScheduler:
    """The release's schedule, which nobody has made until it is `on`."""

    def __init__(self) -> None:
        self.state = ""

    def on(self) -> None:
        self.state = "ENABLED"

    def get_schedule(self, **_: Any) -> dict[str, Any]:
        if not self.state:
            raise refusal("GetSchedule", "There is no such schedule.", "ResourceNotFoundException")
        return {"State": self.state}

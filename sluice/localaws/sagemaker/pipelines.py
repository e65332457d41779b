"""Pipelines whose executions run: definitions are checked when they are submitted, and interpreted when started.

RoleArn and tags are stored and have no effect: nothing is authorised here.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moto.core.responses import ActionResult
from moto.sagemaker.exceptions import ConflictException, ResourceNotFound, ValidationError
from moto.sagemaker.models import FakePipeline
from moto.sagemaker.responses import SageMakerResponse

from sluice.localaws.pipelines.definition_checks import parse_definition
from sluice.localaws.pipelines.definition_model import Pipeline
from sluice.localaws.pipelines.executions import Execution
from sluice.localaws.pipelines.interpreter import Scope, Unresolvable, resolve_parameters
from sluice.localaws.pipelines.step_actions import Json
from sluice.localaws.sagemaker import submission
from sluice.localaws.sagemaker.execution_record import ExecutionRecord, Reporter
from sluice.localaws.sagemaker.jobs import JobBackend, between
from sluice.localaws.sagemaker.requests import raise_api_errors, read_request
from sluice.localaws.sagemaker.step_service import SageMakerStepService
from sluice.localaws.server.local_s3 import NotStored, Storage, split_uri
from sluice.localaws.server.paging import take_page

UNSUPPORTED_MEMBERS = frozenset(
    {"SelectiveExecutionConfig", "PipelineVersionId", "PipelineVersionAlias", "PipelineVersionAliases"}
    | {"MlflowExperimentName"}
)
UNIQUE = "Pipeline names must be unique within an AWS account and region."  # the SDK's upsert looks for these words


class PipelineBackend(JobBackend):
    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._tokens: dict[tuple[str, str], tuple[Json, str]] = {}

    def submit_pipeline(self, request: Json) -> FakePipeline:
        """Create a pipeline; the same token with the same request is the same pipeline."""
        if arn := self._previous_answer("CreatePipeline", request):
            return self.find_pipeline(arn)
        name = request["PipelineName"]
        if name in self.pipelines:
            raise ValidationError(f"{UNIQUE} Pipeline with name ({name}) already exists.")
        text = self._definition(request)
        if text is None:
            raise ValidationError("Either PipelineDefinition or PipelineDefinitionS3Location must be given.")
        pipeline = FakePipeline(
            name,
            request.get("PipelineDisplayName"),
            text,
            request.get("PipelineDescription"),
            request["RoleArn"],
            request.get("Tags"),
            self.account_id,
            self.region_name,
            request.get("ParallelismConfiguration"),
        )
        self.pipelines[name] = pipeline
        self._remember("CreatePipeline", request, pipeline.arn)
        return pipeline

    def change_pipeline(self, request: Json) -> str:
        pipeline = self.find_pipeline(request["PipelineName"])
        if (text := self._definition(request)) is not None:
            pipeline.pipeline_definition = text
        for member, attribute in (
            ("PipelineDisplayName", "pipeline_display_name"),
            ("PipelineDescription", "pipeline_description"),
            ("RoleArn", "role_arn"),
            ("ParallelismConfiguration", "parallelism_configuration"),
        ):
            if member in request:
                setattr(pipeline, attribute, request[member])
        pipeline.last_modified_time = datetime.now(UTC).replace(tzinfo=None)
        return str(pipeline.arn)

    def remove_pipeline(self, name: str) -> str:
        pipeline = self.find_pipeline(name)
        if any(not record.run.over.is_set() for record in pipeline.pipeline_executions.values()):
            raise ConflictException(f"Pipeline {name} has running executions: stop them first.")
        del self.pipelines[pipeline.pipeline_name]
        self._tokens = {key: entry for key, entry in self._tokens.items() if not entry[1].startswith(pipeline.arn)}
        return str(pipeline.arn)

    def find_pipeline(self, name: str) -> FakePipeline:
        """Find a pipeline by its name or ARN."""
        pipeline = self.pipelines.get(name.rpartition("/")[2])
        if pipeline is None or (":" in name and pipeline.arn != name):
            raise ResourceNotFound(f"Pipeline '{name}' does not exist.")
        return pipeline

    def find_execution(self, arn: str) -> ExecutionRecord:
        for pipeline in self.pipelines.values():
            if arn in pipeline.pipeline_executions:
                record: ExecutionRecord = pipeline.pipeline_executions[arn]
                return record
        raise ResourceNotFound(f"Pipeline execution with ARN {arn} does not exist.")

    def begin_execution(self, request: Json) -> str:
        pipeline = self.find_pipeline(request["PipelineName"])
        if arn := self._previous_answer("StartPipelineExecution", request):
            return arn
        with raise_api_errors():
            parsed = self._check(pipeline.pipeline_definition)
            values = resolve_parameters(parsed.parameters, request.get("PipelineParameters") or [])
        record = ExecutionRecord(pipeline, request, values)
        record.run = self._execution(record, parsed, values)
        pipeline.pipeline_executions[record.arn] = record
        pipeline.last_execution_time = record.start_time
        self._remember("StartPipelineExecution", request, record.arn)
        record.run.start()
        return str(record.arn)

    def retry_execution(self, record: ExecutionRecord, request: Json) -> None:
        if self._previous_answer("RetryPipelineExecution", request):
            return
        if "ParallelismConfiguration" in request:
            record.parallelism_configuration = request["ParallelismConfiguration"]
        if not record.run.retry(record.limit):
            raise ConflictException(
                f"Only a failed or stopped execution can be retried, and this is {record.run.status}."
            )
        self._remember("RetryPipelineExecution", request, record.arn)

    def reset(self) -> None:
        for pipeline in self.pipelines.values():
            for record in pipeline.pipeline_executions.values():
                record.run.abandon()
        super().reset()

    def _definition(self, request: Json) -> str | None:
        """The text of a request's definition, checked, wherever it lies."""
        text, place = request.get("PipelineDefinition"), request.get("PipelineDefinitionS3Location")
        if text is not None and place is not None:
            raise ValidationError("Give PipelineDefinition or PipelineDefinitionS3Location, not both.")
        if place is not None:
            try:
                storage = Storage(self.account_id, self.region_name)
                text = storage.read(place["Bucket"], place["ObjectKey"], place.get("VersionId")).decode("utf-8")
            except (NotStored, UnicodeDecodeError) as error:
                raise ValidationError(f"PipelineDefinitionS3Location: {error}") from None
        if text is not None:
            with raise_api_errors():
                self._check(text)
        return text

    def _check(self, text: str) -> Pipeline:
        parsed = parse_definition(text)
        submission.check_submission(parsed, self.containers)
        return parsed

    def _execution(self, record: ExecutionRecord, parsed: Pipeline, values: Json) -> Execution:
        storage = Storage(self.account_id, self.region_name)
        scope = Scope(parsed, values, record.variables(), lambda uri: _read_json(storage, uri))
        record.experiment = scope.resolve(parsed.experiment)
        reporter = Reporter(self.account_id, self.region_name, record)
        steps = SageMakerStepService(self, self.account_id, self.region_name)
        return Execution(scope, steps, record.limit, reporter, self.containers.settings.time_scale)

    def _previous_answer(self, operation: str, request: Json) -> str | None:
        """The answer to the same request with the same token."""
        before = self._tokens.get((operation, request.get("ClientRequestToken", "")))
        if before and before[0] != request:
            raise ConflictException(f"{operation}: this ClientRequestToken came with another request before.")
        return before[1] if before else None

    def _remember(self, operation: str, request: Json, arn: str) -> None:
        if token := request.get("ClientRequestToken"):
            self._tokens[operation, token] = request, arn


def _read_json(storage: Storage, uri: str) -> Any:
    try:
        return json.loads(storage.read(*split_uri(uri)))
    except NotStored as error:
        raise Unresolvable(f"Cannot read the property file {uri}: {error}") from None
    except ValueError as error:
        raise Unresolvable(f"The property file {uri} is not JSON: {error}") from None


class PipelineResponses(SageMakerResponse):
    sagemaker_backend: PipelineBackend

    def create_pipeline(self) -> ActionResult:
        request = read_request("CreatePipeline", self.params, UNSUPPORTED_MEMBERS)
        return ActionResult({"PipelineArn": self.sagemaker_backend.submit_pipeline(request).arn})

    def update_pipeline(self) -> ActionResult:
        request = read_request("UpdatePipeline", self.params, UNSUPPORTED_MEMBERS)
        return ActionResult({"PipelineArn": self.sagemaker_backend.change_pipeline(request)})

    def delete_pipeline(self) -> ActionResult:
        request = read_request("DeletePipeline", self.params)
        return ActionResult({"PipelineArn": self.sagemaker_backend.remove_pipeline(request["PipelineName"])})

    def describe_pipeline(self) -> ActionResult:
        request = read_request("DescribePipeline", self.params, UNSUPPORTED_MEMBERS)
        pipeline = self.sagemaker_backend.find_pipeline(request["PipelineName"])
        return ActionResult(self.sagemaker_backend.describe_pipeline(pipeline.pipeline_name))

    def start_pipeline_execution(self) -> ActionResult:
        request = read_request("StartPipelineExecution", self.params, UNSUPPORTED_MEMBERS)
        return ActionResult({"PipelineExecutionArn": self.sagemaker_backend.begin_execution(request)})

    def stop_pipeline_execution(self) -> ActionResult:
        record = self._record("StopPipelineExecution")
        if not record.run.stop():
            raise ConflictException(f"The execution cannot be stopped: it is {record.run.status}.")
        return ActionResult({"PipelineExecutionArn": record.arn})

    def retry_pipeline_execution(self) -> ActionResult:
        record = self._record("RetryPipelineExecution")
        self.sagemaker_backend.retry_execution(record, self.params)
        return ActionResult({"PipelineExecutionArn": record.arn})

    def update_pipeline_execution(self) -> ActionResult:
        record = self._record("UpdatePipelineExecution")
        record.update(self.params)
        return ActionResult({"PipelineExecutionArn": record.arn})

    def describe_pipeline_execution(self) -> ActionResult:
        return ActionResult(self._record("DescribePipelineExecution").description())

    def describe_pipeline_definition_for_execution(self) -> ActionResult:
        record = self._record("DescribePipelineDefinitionForExecution")
        definition = record.pipeline_definition_for_execution
        return ActionResult({"PipelineDefinition": definition, "CreationTime": record.creation_time})

    def list_pipeline_parameters_for_execution(self) -> ActionResult:
        record = self._record("ListPipelineParametersForExecution")
        return self._page("PipelineParameters", record.pipeline_parameters, lambda parameter: parameter["Name"])

    def list_pipeline_executions(self) -> ActionResult:
        request = read_request("ListPipelineExecutions", self.params, UNSUPPORTED_MEMBERS)
        pipeline = self.sagemaker_backend.find_pipeline(request["PipelineName"])
        after, before = request.get("CreatedAfter"), request.get("CreatedBefore")
        records = [one for one in pipeline.pipeline_executions.values() if between(one.creation_time, after, before)]
        if request.get("SortBy") == "PipelineExecutionArn":
            records.sort(key=lambda record: record.arn)
        if request.get("SortOrder") != "Ascending":
            records.reverse()
        summaries = [record.summary() for record in records]
        return self._page("PipelineExecutionSummaries", summaries, lambda one: one["PipelineExecutionArn"])

    def list_pipeline_execution_steps(self) -> ActionResult:
        if not self.params.get("PipelineExecutionArn"):
            raise ValidationError("PipelineExecutionArn is required.")
        steps = self._record("ListPipelineExecutionSteps").steps()
        if self.params.get("SortOrder") != "Ascending":
            steps.reverse()
        return self._page("PipelineExecutionSteps", steps, lambda step: step["StepName"])

    def _record(self, operation: str) -> ExecutionRecord:
        request = read_request(operation, self.params, UNSUPPORTED_MEMBERS)
        return self.sagemaker_backend.find_execution(request["PipelineExecutionArn"])

    def _page(self, member: str, items: list[Json], key: Callable[[Json], str]) -> ActionResult:
        with raise_api_errors():
            on_page, token = take_page(items, key, self.params.get("NextToken"), self.params.get("MaxResults"))
        return ActionResult({member: on_page} | ({"NextToken": token} if token else {}))

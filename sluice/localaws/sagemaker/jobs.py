"""Processing jobs that really run: create, describe, list, stop."""

import json
from datetime import datetime
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker.exceptions import ResourceInUseException, ValidationError
from moto.sagemaker.models import SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse
from moto.sagemaker.utils import arn_formatter

from sluice.localaws.events.eventbridge import emit_event
from sluice.localaws.jobs import job_request
from sluice.localaws.jobs.containers import Containers
from sluice.localaws.jobs.processing_job import ProcessingJob
from sluice.localaws.sagemaker.requests import raise_api_errors, read_request
from sluice.localaws.server.api_errors import NotImplementedLocally
from sluice.localaws.server.paging import take_page


class JobBackend(SageMakerModelBackend):
    containers: Containers
    processing_jobs: dict[str, ProcessingJob]

    def run_processing_job(self, request: dict[str, Any]) -> ProcessingJob:
        """Starts a job and returns it; `finished` is set when it has ended, in whatever way."""
        request = read_request("CreateProcessingJob", request)
        with raise_api_errors():
            job_request.check_job_request(request)
        check_image(self.containers, request["AppSpecification"])
        name = request["ProcessingJobName"]
        arn = arn_formatter("processing-job", name, self.account_id, self.region_name)
        if name in self.processing_jobs:
            raise ResourceInUseException(
                "Job name must be unique within an AWS account and region, and a job with this name already exists "
                f"({arn})"
            )
        job = ProcessingJob(request, arn, self.account_id, self.region_name)
        self.processing_jobs[name] = job
        job.start(self.containers, _emit_status_change)
        return job

    def find_processing_job(self, name: str) -> ProcessingJob:
        try:
            return self.processing_jobs[name]
        except KeyError:
            raise ValidationError(f"Could not find requested job with name: {name}") from None

    def reset(self) -> None:
        for job in self.processing_jobs.values():
            job.abandon()
        super().reset()


def check_image(containers: Containers, app: dict[str, Any]) -> None:
    """Refuse an image that no rule knows, unless the job brings its entrypoint: there is no registry to pull from."""
    image = app.get("ImageUri")
    if isinstance(image, str) and "ContainerEntrypoint" not in app and containers.rule_for(image) is None:
        raise NotImplementedLocally(f"the image {image} without a ContainerEntrypoint: no local command stands for it")


def _emit_status_change(job: ProcessingJob) -> None:
    detail = json.loads(json.dumps(job.description(), default=lambda moment: int(moment.timestamp() * 1000)))
    emit_event(job.account_id, job.region, "SageMaker Processing Job State Change", detail, [job.arn])


class JobResponses(SageMakerResponse):
    sagemaker_backend: JobBackend

    def create_processing_job(self) -> ActionResult:
        return ActionResult({"ProcessingJobArn": self.sagemaker_backend.run_processing_job(self.params).arn})

    def describe_processing_job(self) -> ActionResult:
        request = read_request("DescribeProcessingJob", self.params)
        return ActionResult(self.sagemaker_backend.find_processing_job(request["ProcessingJobName"]).description())

    def stop_processing_job(self) -> EmptyResult:
        request = read_request("StopProcessingJob", self.params)
        self.sagemaker_backend.find_processing_job(request["ProcessingJobName"]).stop()
        return EmptyResult()

    def list_processing_jobs(self) -> ActionResult:
        request = read_request("ListProcessingJobs", self.params)
        jobs = [job for job in self.sagemaker_backend.processing_jobs.values() if _matches_filters(job, request)]
        by = {"Name": lambda job: (job.name,), "Status": lambda job: (job.status, job.created)}
        jobs.sort(
            key=by.get(request.get("SortBy", ""), lambda job: (job.created,)),
            reverse=request.get("SortOrder") == "Descending",
        )
        with raise_api_errors():
            on_page, token = take_page(jobs, lambda job: job.name, request.get("NextToken"), request.get("MaxResults"))
        answer: dict[str, Any] = {"ProcessingJobSummaries": [_summary(job) for job in on_page]}
        return ActionResult(answer | ({"NextToken": token} if token else {}))


def _matches_filters(job: ProcessingJob, request: dict[str, Any]) -> bool:
    times = (("CreationTime", job.created), ("LastModifiedTime", job.modified))
    return (
        request.get("NameContains", "") in job.name
        and request.get("StatusEquals", job.status) == job.status
        and all(between(moment, request.get(f"{name}After"), request.get(f"{name}Before")) for name, moment in times)
    )


def between(moment: datetime, after: datetime | None, before: datetime | None) -> bool:
    """Tell whether a moment lies between two; times without a zone are UTC, as moto's parser makes them."""
    plain = moment.replace(tzinfo=None)
    low, high = (limit.replace(tzinfo=None) if limit else None for limit in (after, before))
    return (low is None or plain > low) and (high is None or plain < high)


def _summary(job: ProcessingJob) -> dict[str, Any]:
    keys = "ProcessingJobName ProcessingJobArn CreationTime ProcessingEndTime LastModifiedTime ProcessingJobStatus"
    described = job.description()
    return {key: described[key] for key in (*keys.split(), "FailureReason", "ExitMessage") if key in described}

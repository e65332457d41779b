"""SageMaker as a pipeline's steps use it: jobs are started directly, because they are many; the rest goes by API."""

from typing import Any

from sluice.localaws.jobs.processing_job import ProcessingJob
from sluice.localaws.pipelines.step_actions import Json, StepStopped, StopSignal, call_api, fail_step_on_refusal
from sluice.localaws.sagemaker.endpoints import IN_PROGRESS
from sluice.localaws.sagemaker.jobs import JobBackend
from sluice.localaws.server.in_process_client import create_client
from sluice.localaws.server.lock import LOCK

LOOK_SECONDS = 0.1


class SageMakerStepService:
    def __init__(self, backend: JobBackend, account_id: str, region: str) -> None:
        self._backend, self._account_id, self._region = backend, account_id, region

    def start_job(self, request: Json, stop: StopSignal) -> ProcessingJob:
        with LOCK, fail_step_on_refusal("CreateProcessingJob"):
            if stop.requested.is_set():  # perhaps by a reset, which holds the lock
                raise StepStopped
            return self._backend.run_processing_job(request)

    def call(self, operation: str, **request: Any) -> Json:
        return call_api(create_client("sagemaker", self._account_id, self._region), operation, request)

    def wait_for_endpoint(self, name: str, stop: StopSignal) -> None:
        while self.call("DescribeEndpoint", EndpointName=name)["EndpointStatus"] in IN_PROGRESS:
            if stop.requested.wait(LOOK_SECONDS):
                return

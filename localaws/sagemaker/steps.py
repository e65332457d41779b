"""SageMaker as a pipeline's steps use it: jobs are started directly, because they are many; the rest goes by API."""

from typing import Any

from localaws.inside import client
from localaws.lock import LOCK
from localaws.processing_job import ProcessingJob
from localaws.sagemaker.endpoints import IN_PROGRESS
from localaws.sagemaker.jobs import JobBackend
from localaws.step_actions import Json, StepStopped, Stop, invoke, refusals_fail

LOOK_SECONDS = 0.1


class Steps:
    def __init__(self, backend: JobBackend, account_id: str, region: str) -> None:
        self._backend, self._account_id, self._region = backend, account_id, region

    def start_job(self, request: Json, stop: Stop) -> ProcessingJob:
        with LOCK, refusals_fail("CreateProcessingJob"):
            if stop.asked.is_set():  # perhaps by a reset, which holds the lock
                raise StepStopped
            return self._backend.run_processing_job(request)

    def call(self, operation: str, **request: Any) -> Json:
        return invoke(client("sagemaker", self._account_id, self._region), operation, request)

    def wait_for_endpoint(self, name: str, stop: Stop) -> None:
        while self.call("DescribeEndpoint", EndpointName=name)["EndpointStatus"] in IN_PROGRESS:
            if stop.asked.wait(LOOK_SECONDS):
                return

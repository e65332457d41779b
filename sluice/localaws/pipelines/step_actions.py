"""What each step type does: the call it makes, what it waits for, and the description others can refer to."""

import random
import string
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from botocore import xform_name
from botocore.exceptions import ClientError
from moto.core.exceptions import ServiceException

from sluice.localaws.jobs.processing_job import ProcessingJob

Json = dict[str, Any]
MAX_NAME = 63
FAULTS = {"InternalServerError": "SageMaker.JOB_INTERNAL_ERROR", "CapacityError": "SageMaker.CAPACITY_ERROR"}


class StepFailed(Exception):
    """`kind` is the exception type that a retry policy may name."""

    def __init__(self, reason: str, kind: str = "") -> None:
        super().__init__(reason)
        self.kind = kind


class StepStopped(Exception):
    """The step ended because its execution is being stopped."""


class StopSignal:
    """Asks a step's work to end, also when it comes before the work has registered how it is stopped."""

    def __init__(self) -> None:
        self.requested = threading.Event()
        self._lock = threading.Lock()
        self._action: Callable[[], None] | None = None

    def on_request(self, action: Callable[[], None]) -> None:
        with self._lock:
            self._action = action
        if self.requested.is_set():
            action()

    def send(self) -> None:
        self.requested.set()
        with self._lock:
            action = self._action
        if action:
            action()


class StepRecord(Protocol):
    """What a step's action writes to: the resource that it has created, as soon as it is there."""

    stop: StopSignal

    def record_resource(self, kind: str, arn: str) -> None: ...


class Service(Protocol):
    """SageMaker, as the steps use it."""

    def start_job(self, request: Json, stop: StopSignal) -> ProcessingJob: ...
    def call(self, operation: str, **request: Any) -> Json: ...
    def wait_for_endpoint(self, name: str, stop: StopSignal) -> None: ...


Action = Callable[[Service, StepRecord, str, Json], Json]


def unique_name(*parts: str) -> str:
    """`pipelines-<execution>-<step>-<random>`, as the service names what its steps make."""
    tail = "".join(random.choices(string.ascii_letters + string.digits, k=10))
    head = "-".join(part.replace("_", "-").strip("-") for part in parts)
    return f"{head[: MAX_NAME - len(tail) - 1].rstrip('-')}-{tail}"


def run_processing_job(service: Service, run: StepRecord, name: str, arguments: Json) -> Json:
    job = service.start_job({**arguments, "ProcessingJobName": name}, run.stop)
    run.record_resource("ProcessingJob", job.arn)
    run.stop.on_request(job.stop)
    job.finished.wait()
    if job.status == "Completed":
        return job.description()
    if job.status == "Stopped" and run.stop.requested.is_set():
        raise StepStopped
    reason = job.failure_reason or f"The processing job {job.name} was {job.status.lower()}."
    raise StepFailed(reason, FAULTS.get(reason.partition(":")[0], ""))


def register_model(service: Service, run: StepRecord, name: str, arguments: Json) -> Json:
    """Register a package; as on AWS, its group is created when it is not there yet."""
    group = arguments.get("ModelPackageGroupName")
    if group and not _exists(service, "DescribeModelPackageGroup", ModelPackageGroupName=group):
        service.call("CreateModelPackageGroup", ModelPackageGroupName=group)
    arn = service.call("CreateModelPackage", **arguments)["ModelPackageArn"]
    run.record_resource("RegisterModel", arn)
    return service.call("DescribeModelPackage", ModelPackageName=arn)


def create_model(service: Service, run: StepRecord, name: str, arguments: Json) -> Json:
    run.record_resource("Model", service.call("CreateModel", **{**arguments, "ModelName": name})["ModelArn"])
    return service.call("DescribeModel", ModelName=name)


def create_endpoint_config(service: Service, run: StepRecord, name: str, arguments: Json) -> Json:
    """Create a configuration; a name from the definition gets a suffix of its own for each execution."""
    if "EndpointConfigName" in arguments:
        name = unique_name(arguments["EndpointConfigName"])
    config = service.call("CreateEndpointConfig", **{**arguments, "EndpointConfigName": name})
    run.record_resource("EndpointConfig", config["EndpointConfigArn"])
    return service.call("DescribeEndpointConfig", EndpointConfigName=name)


def deploy_endpoint(service: Service, run: StepRecord, name: str, arguments: Json) -> Json:
    """Creates the endpoint, or moves it to the new configuration, and waits until it serves."""
    name = arguments["EndpointName"]
    if _exists(service, "DescribeEndpoint", EndpointName=name):
        target = {key: arguments[key] for key in ("EndpointName", "EndpointConfigName")}
        arn = service.call("UpdateEndpoint", **target)["EndpointArn"]
    else:
        arn = service.call("CreateEndpoint", **arguments)["EndpointArn"]
    run.record_resource("Endpoint", arn)
    service.wait_for_endpoint(name, run.stop)
    if run.stop.requested.is_set():
        raise StepStopped
    description = service.call("DescribeEndpoint", EndpointName=name)
    status, config = description["EndpointStatus"], description["EndpointConfigName"]
    if status != "InService" or config != arguments["EndpointConfigName"]:
        reason = description.get("FailureReason") or f"it serves {config}"
        raise StepFailed(f"ClientError: The endpoint {name} is {status}: {reason}")
    return description


def _exists(service: Service, operation: str, **request: Any) -> bool:
    try:
        service.call(operation, **request)
    except StepFailed as failure:
        if failure.kind:
            raise
        return False
    return True


ACTIONS: Mapping[str, Action] = {
    "Processing": run_processing_job,
    "RegisterModel": register_model,
    "Model": create_model,
    "EndpointConfig": create_endpoint_config,
    "Endpoint": deploy_endpoint,
}


@contextmanager
def fail_step_on_refusal(operation: str) -> Iterator[None]:
    """Turn the refusal of a direct call into StepFailed."""
    try:
        yield
    except (ServiceException, NotImplementedError) as error:
        raise StepFailed(f"ClientError: {operation}: {error}") from None


def call_api(client: Any, operation: str, request: Json) -> Json:
    """Call SageMaker and return the answer; raises StepFailed if it refuses."""
    try:
        answer: Json = getattr(client, xform_name(operation))(**request)
    except ClientError as error:
        fault, status = error.response["Error"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        raise StepFailed(f"ClientError: {operation}: {fault['Message']}", _kind(fault["Code"], status)) from None
    answer.pop("ResponseMetadata", None)
    return answer


def _kind(code: str, status: int) -> str:
    if code.startswith("Throttling"):
        return "Step.THROTTLING"
    if code == "ResourceLimitExceeded":
        return "SageMaker.RESOURCE_LIMIT"
    return "Step.SERVICE_FAULT" if status >= 500 and status != 501 else ""

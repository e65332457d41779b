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


class Stop:
    """One thread asks another's work to end, before or after that work has said how that is done."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._lock = threading.Lock()
        self._how: Callable[[], None] | None = None

    def by(self, how: Callable[[], None]) -> None:
        with self._lock:
            self._how = how
        if self.asked.is_set():
            how()

    def ask(self) -> None:
        self.asked.set()
        with self._lock:
            how = self._how
        if how:
            how()


class Told(Protocol):
    """Where a step says what it made, as soon as it is there."""

    stop: Stop

    def made(self, kind: str, arn: str) -> None: ...


class Service(Protocol):
    """SageMaker, as the steps use it."""

    def start_job(self, request: Json, stop: Stop) -> ProcessingJob: ...
    def call(self, operation: str, **request: Any) -> Json: ...
    def wait_for_endpoint(self, name: str, stop: Stop) -> None: ...


Action = Callable[[Service, Told, str, Json], Json]


def unique_name(*parts: str) -> str:
    """`pipelines-<execution>-<step>-<random>`, as the service names what its steps make."""
    tail = "".join(random.choices(string.ascii_letters + string.digits, k=10))
    head = "-".join(part.replace("_", "-").strip("-") for part in parts)
    return f"{head[: MAX_NAME - len(tail) - 1].rstrip('-')}-{tail}"


def processing(service: Service, run: Told, name: str, arguments: Json) -> Json:
    job = service.start_job({**arguments, "ProcessingJobName": name}, run.stop)
    run.made("ProcessingJob", job.arn)
    run.stop.by(job.stop)
    job.finished.wait()
    if job.status == "Completed":
        return job.description()
    if job.status == "Stopped" and run.stop.asked.is_set():
        raise StepStopped
    reason = job.failure_reason or f"The processing job {job.name} was {job.status.lower()}."
    raise StepFailed(reason, FAULTS.get(reason.partition(":")[0], ""))


def register_model(service: Service, run: Told, name: str, arguments: Json) -> Json:
    """As on AWS, the group of a versioned package is made when it is not there yet."""
    group = arguments.get("ModelPackageGroupName")
    if group and not _exists(service, "DescribeModelPackageGroup", ModelPackageGroupName=group):
        service.call("CreateModelPackageGroup", ModelPackageGroupName=group)
    arn = service.call("CreateModelPackage", **arguments)["ModelPackageArn"]
    run.made("RegisterModel", arn)
    return service.call("DescribeModelPackage", ModelPackageName=arn)


def model(service: Service, run: Told, name: str, arguments: Json) -> Json:
    run.made("Model", service.call("CreateModel", **{**arguments, "ModelName": name})["ModelArn"])
    return service.call("DescribeModel", ModelName=name)


def endpoint_config(service: Service, run: Told, name: str, arguments: Json) -> Json:
    """A name given in the definition gets a suffix of its own for each execution."""
    if "EndpointConfigName" in arguments:
        name = unique_name(arguments["EndpointConfigName"])
    made = service.call("CreateEndpointConfig", **{**arguments, "EndpointConfigName": name})
    run.made("EndpointConfig", made["EndpointConfigArn"])
    return service.call("DescribeEndpointConfig", EndpointConfigName=name)


def endpoint(service: Service, run: Told, name: str, arguments: Json) -> Json:
    """Creates the endpoint, or moves it to the new configuration, and waits until it serves."""
    name = arguments["EndpointName"]
    if _exists(service, "DescribeEndpoint", EndpointName=name):
        wanted = {key: arguments[key] for key in ("EndpointName", "EndpointConfigName")}
        arn = service.call("UpdateEndpoint", **wanted)["EndpointArn"]
    else:
        arn = service.call("CreateEndpoint", **arguments)["EndpointArn"]
    run.made("Endpoint", arn)
    service.wait_for_endpoint(name, run.stop)
    if run.stop.asked.is_set():
        raise StepStopped
    made = service.call("DescribeEndpoint", EndpointName=name)
    if made["EndpointStatus"] != "InService" or made["EndpointConfigName"] != arguments["EndpointConfigName"]:
        reason = made.get("FailureReason") or f"it serves {made['EndpointConfigName']}"
        raise StepFailed(f"ClientError: The endpoint {name} is {made['EndpointStatus']}: {reason}")
    return made


def _exists(service: Service, operation: str, **request: Any) -> bool:
    try:
        service.call(operation, **request)
    except StepFailed as failure:
        if failure.kind:
            raise
        return False
    return True


ACTIONS: Mapping[str, Action] = {
    "Processing": processing,
    "RegisterModel": register_model,
    "Model": model,
    "EndpointConfig": endpoint_config,
    "Endpoint": endpoint,
}


@contextmanager
def refusals_fail(operation: str) -> Iterator[None]:
    """A refusal of a direct call becomes the step's failure."""
    try:
        yield
    except (ServiceException, NotImplementedError) as error:
        raise StepFailed(f"ClientError: {operation}: {error}") from None


def invoke(client: Any, operation: str, request: Json) -> Json:
    """One call to SageMaker; its refusal becomes the step's failure."""
    try:
        answer: Json = getattr(client, xform_name(operation))(**request)
    except ClientError as error:
        said, status = error.response["Error"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        raise StepFailed(f"ClientError: {operation}: {said['Message']}", _kind(said["Code"], status)) from None
    answer.pop("ResponseMetadata", None)
    return answer


def _kind(code: str, status: int) -> str:
    if code.startswith("Throttling"):
        return "Step.THROTTLING"
    if code == "ResourceLimitExceeded":
        return "SageMaker.RESOURCE_LIMIT"
    return "Step.SERVICE_FAULT" if status >= 500 and status != 501 else ""

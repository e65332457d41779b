"""Models, endpoint configurations and endpoints: made, waited for, and taken away again.

A run's model and configuration carry a name of its own, and an endpoint names the configuration it was made with. So
who made an endpoint can be read from it, however the run that made it ended.

SageMaker refuses to delete an endpoint while something is under way with it, and what was just made may not be seen
yet. So a deletion waits, a configuration goes only after its endpoint, and what is missing is asked for again.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from sluice.errors import SluiceError
from sluice.registry.packages import Package, UnknownPackage, is_missing
from sluice.steps.inputs import PROVISION_SECONDS, Deploy
from sluice.steps.job import print_line

if TYPE_CHECKING:
    from types_boto3_sagemaker.client import SageMakerClient

MAX_NAME = 63  # the longest name of a model, a configuration or an endpoint
MIN_BASE = 40  # of a name, which no suffix takes
VARIANT = "AllTraffic"
SETTLING = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
UNUSABLE = frozenset({"gone", "Deleting", "Failed", "OutOfService", "UpdateRollbackFailed"})
THROTTLED = frozenset({"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"})
STOP_SECONDS = 90  # a job that was told to stop has two minutes
RETRY_PAUSES = (2.0, 4.0, 8.0)  # seconds until something that was just made is asked for again

Response = TypeVar("Response")


class EndpointFailed(SluiceError):
    """The endpoint did not come into service."""


class NameTaken(SluiceError):
    """An endpoint of that name is there and is not ours to touch."""


@dataclass(frozen=True)
class Clock:
    """Time, so that a test need not wait for it."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Rollout:
    """One version on its way to one endpoint. `own` is the name of this run's model and endpoint configuration."""

    sagemaker: "SageMakerClient"
    inputs: Deploy
    package: Package
    endpoint: str
    own: str
    clock: Clock

    def create_config(self) -> None:
        """Create the model and its configuration: they cost nothing, and are this run's alone."""
        inputs, tags = self.inputs, tag_list(self.inputs.tags)
        network = {}
        if inputs.subnets and inputs.security_groups:
            groups, subnets = inputs.security_groups.split(","), inputs.subnets.split(",")
            network = {"VpcConfig": {"SecurityGroupIds": groups, "Subnets": subnets}}
        self._call_with_retries(
            self.sagemaker.create_model,
            ModelName=self.own,
            ExecutionRoleArn=inputs.role_arn,
            Containers=[{"ModelPackageName": self.package.arn}],
            **network,
            **tags,
        )
        variant = {
            "VariantName": VARIANT,
            "ModelName": self.own,
            "InstanceType": inputs.instance_type,
            "InitialInstanceCount": inputs.instance_count,
            "ModelDataDownloadTimeoutInSeconds": inputs.download_seconds,
            "ContainerStartupHealthCheckTimeoutInSeconds": inputs.startup_seconds,
        }
        key = {"KmsKeyId": inputs.kms_key} if inputs.kms_key else {}
        self._call_with_retries(
            self.sagemaker.create_endpoint_config,
            EndpointConfigName=self.own,
            ProductionVariants=[variant],
            **key,
            **tags,
        )

    def create_endpoint(self) -> None:
        """Create the endpoint, unless another run of the same version was quicker: then that one's is used."""
        tags = tag_list(self.inputs.tags)
        try:
            self._call_with_retries(
                self.sagemaker.create_endpoint, EndpointName=self.endpoint, EndpointConfigName=self.own, **tags
            )
        except ClientError as error:
            if "already exist" not in str(error):
                raise
            endpoint = self._describe_with_retries()
            if endpoint and endpoint["EndpointConfigName"] == self.own:
                return  # the answer to the request was lost, and asking again met its own endpoint
            self.adopt(endpoint)
            self.remove_config()

    def adopt(self, endpoint: Mapping[str, Any] | None) -> None:
        """Use an endpoint that is there. Of another package, or broken, it is not this run's to replace."""
        serves = retry_missing(self.clock, find_served_package, self.sagemaker, self.endpoint) if endpoint else None
        status = endpoint["EndpointStatus"] if endpoint else "gone"
        if serves != self.package.arn or status in UNUSABLE:
            raise NameTaken(
                f"Endpoint {self.endpoint} is there already: it is {status} and serves {serves or 'something else'}.",
                f"Delete it, then deploy again: aws sagemaker delete-endpoint --endpoint-name {self.endpoint}",
            )
        print_line(f"Endpoint {self.endpoint} of this version is there already; this run uses it.")

    def update_endpoint(self, config: str) -> None:
        """Move a running endpoint to a configuration: all traffic at once, when the new machines are healthy."""
        policy = {
            "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0},
            "TerminationWaitInSeconds": int(self.inputs.drain_seconds),
        }
        self._call_with_retries(
            self.sagemaker.update_endpoint,
            EndpointName=self.endpoint,
            EndpointConfigName=config,
            DeploymentConfig={"BlueGreenUpdatePolicy": policy},
        )

    def wait(self) -> Mapping[str, Any]:
        """Wait until the endpoint is in service, and return it. Raises EndpointFailed."""
        seconds = self.inputs.startup_seconds + self.inputs.download_seconds + PROVISION_SECONDS
        endpoint = wait_until_settled(self.sagemaker, self.endpoint, seconds, self.clock)
        if endpoint is None and self._describe_with_retries():
            endpoint = wait_until_settled(self.sagemaker, self.endpoint, seconds, self.clock)
        if endpoint is None:
            raise EndpointFailed(f"Endpoint {self.endpoint} was deleted by someone else while it was being made.")
        status = endpoint["EndpointStatus"]
        if status in SETTLING:
            raise EndpointFailed(f"Endpoint {self.endpoint} is still {status} after {seconds} s.")
        if status != "InService":
            reason = endpoint.get("FailureReason") or "SageMaker gives no reason"
            raise EndpointFailed(
                f"Endpoint {self.endpoint} is {status}: {reason}.",
                f"Its log group is /aws/sagemaker/Endpoints/{self.endpoint}.",
            )
        return endpoint

    def undo(self, seconds: float) -> str:
        """Take away exactly what this run made, within these seconds; returns what could not be, in words."""
        endpoint = self._describe_with_retries()
        if endpoint is not None and endpoint["EndpointConfigName"] == self.own:
            return delete_endpoint(self.sagemaker, self.endpoint, seconds, self.clock, config=self.own)
        self.remove_config()
        return ""

    def roll_back(self, before: str) -> str:
        """Give an endpoint that was updated in place its earlier configuration back; returns what could not be."""
        endpoint = wait_until_settled(self.sagemaker, self.endpoint, PROVISION_SECONDS, self.clock)
        if endpoint and endpoint["EndpointConfigName"] == self.own:
            self.update_endpoint(before)
            endpoint = wait_until_settled(self.sagemaker, self.endpoint, PROVISION_SECONDS, self.clock)
        if endpoint and endpoint["EndpointConfigName"] == before and endpoint["EndpointStatus"] == "InService":
            self.remove_config()
            return ""
        return f"Endpoint {self.endpoint} could not be rolled back to its configuration {before}: look at it at once."

    def remove_config(self) -> None:
        delete_if_exists(self.sagemaker.delete_endpoint_config, EndpointConfigName=self.own)
        delete_if_exists(self.sagemaker.delete_model, ModelName=self.own)

    def _describe_with_retries(self) -> Mapping[str, Any] | None:
        """Read the endpoint that was just made; None if it is not there however often it is asked for."""
        return retry_missing(self.clock, describe_endpoint, self.sagemaker, self.endpoint)

    def _call_with_retries(self, call: Callable[..., Any], **request: Any) -> None:
        retry_missing(self.clock, call, **request)


def retry_missing(clock: Clock, call: Callable[..., Response], *args: Any, **request: Any) -> Response:
    """Return a call's answer about something that was just made: what SageMaker reads lags behind what it wrote.

    Asks again where the answer is None or an error that says "there is no such thing"; the last answer counts.
    """
    for pause in RETRY_PAUSES:
        try:
            answer = call(*args, **request)
        except UnknownPackage:
            answer = None
        except ClientError as error:
            if not is_missing(error):
                raise
            answer = None
        if answer is not None:
            return answer
        clock.sleep(pause)
    return call(*args, **request)


def describe_endpoint(sagemaker: "SageMakerClient", endpoint: str) -> Mapping[str, Any] | None:
    try:
        response: Mapping[str, Any] = sagemaker.describe_endpoint(EndpointName=endpoint)
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    return response


def is_in_service(sagemaker: "SageMakerClient", endpoint: str) -> bool:
    description = describe_endpoint(sagemaker, endpoint)
    return description is not None and description["EndpointStatus"] == "InService"


def wait_until_settled(
    sagemaker: "SageMakerClient", endpoint: str, seconds: float, clock: Clock
) -> Mapping[str, Any] | None:
    """Return the endpoint once nothing is under way with it, or as it is after `seconds`; None if it is gone."""
    deadline, pause, last = clock.monotonic() + seconds, 0.2, ""
    while True:
        description = describe_endpoint(sagemaker, endpoint)
        if description is None or description["EndpointStatus"] not in SETTLING or clock.monotonic() >= deadline:
            return description
        if description["EndpointStatus"] != last:
            last = description["EndpointStatus"]
            print_line(f"Endpoint {endpoint}: {last}")
        clock.sleep(pause)
        pause = min(pause * 1.3, 15.0)


def find_served_package(sagemaker: "SageMakerClient", endpoint: str) -> str | None:
    """Read the model package behind an endpoint, through its configuration and its model; None if one is gone."""
    try:
        description = sagemaker.describe_endpoint(EndpointName=endpoint)
        config = sagemaker.describe_endpoint_config(EndpointConfigName=description["EndpointConfigName"])
        model = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    containers = [*(model.get("Containers") or []), model.get("PrimaryContainer") or {}]
    return next((each["ModelPackageName"] for each in containers if each.get("ModelPackageName")), None)


def list_endpoints_of_runs(sagemaker: "SageMakerClient", inputs: Deploy, before: datetime) -> Iterator[tuple[str, str]]:
    """List the endpoints that runs of this group made before then under names of their own, and what each serves.

    Such an endpoint and its configuration carry the names that a run gives, and it serves a package of the group.
    """
    for name in list_endpoint_names(sagemaker, inputs.endpoint[:MIN_BASE], before):
        number = re.search(r"-v(\d+)$", name)
        if number is None or name != append_suffix(inputs.endpoint, number[0]):
            continue
        endpoint, arn = describe_endpoint(sagemaker, name), find_served_package(sagemaker, name)
        config = re.escape(append_suffix(inputs.endpoint, f"{number[0]}-{'0' * 6}")[:-6]) + "[0-9a-f]{6}"
        is_own = endpoint is not None and re.fullmatch(config, endpoint["EndpointConfigName"])
        if is_own and arn and arn.endswith(f":model-package/{inputs.group.lower()}/{number[1]}"):
            yield name, arn


def list_endpoint_names(sagemaker: "SageMakerClient", part: str, before: datetime) -> Iterator[str]:
    """List the names of the endpoints that have this in their name and were made before then, page by page."""
    request: dict[str, Any] = {"NameContains": part, "CreationTimeBefore": before, "MaxResults": 100}
    while True:
        page = sagemaker.list_endpoints(**request)
        yield from (each["EndpointName"] for each in page["Endpoints"])
        if not page.get("NextToken"):
            return
        request["NextToken"] = page["NextToken"]


def delete_endpoint(
    sagemaker: "SageMakerClient", endpoint: str, seconds: float, clock: Clock, config: str | None = None
) -> str:
    """Delete an endpoint, and once it is gone its configuration and models; returns what could not be, in words.

    Waits up to `seconds` until nothing is under way with it, and until it is gone. `config`: only the endpoint that has
    this configuration; another one of that name is somebody else's.
    """
    deadline, pause, status = clock.monotonic() + seconds, 0.2, ""
    while True:
        description = describe_endpoint(sagemaker, endpoint)
        if description is None or (config and description["EndpointConfigName"] != config):
            if config:
                delete_config(sagemaker, config)
            return ""
        config, status, refused = description["EndpointConfigName"], description["EndpointStatus"], None
        if status not in SETTLING:
            refused = request_deletion(sagemaker, endpoint)
            status = status if refused else "Deleting"
        if clock.monotonic() >= deadline or (refused and not is_transient(refused)):
            why = str(refused) if refused else f"it is still {status} after {seconds:.0f} s"
            return (
                f"Endpoint {endpoint} could not be deleted and costs money: {why}. "
                f"Delete it: aws sagemaker delete-endpoint --endpoint-name {endpoint}"
            )
        clock.sleep(pause)
        pause = min(pause * 1.3, 15.0)


def request_deletion(sagemaker: "SageMakerClient", endpoint: str) -> ClientError | None:
    """Ask for the deletion of an endpoint; returns the refusal, if there is one."""
    try:
        sagemaker.delete_endpoint(EndpointName=endpoint)
    except ClientError as error:
        return None if is_missing(error) else error
    return None


def is_transient(error: ClientError) -> bool:
    """Whether the same request may be granted a moment later."""
    about = error.response.get("Error", {})
    return about.get("Code") in THROTTLED or "in-progress" in str(about.get("Message", "")).lower()


def delete_config(sagemaker: "SageMakerClient", config: str) -> None:
    """Delete an endpoint configuration that nothing uses any more, with its models."""
    try:
        variants = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    except ClientError as error:
        if is_missing(error):
            return
        raise
    delete_if_exists(sagemaker.delete_endpoint_config, EndpointConfigName=config)
    for variant in variants:
        if variant.get("ModelName"):
            delete_if_exists(sagemaker.delete_model, ModelName=variant["ModelName"])


def delete_if_exists(call: Callable[..., Any], **name: str) -> None:
    """Delete something that may be gone already."""
    try:
        call(**name)
    except ClientError as error:
        if not is_missing(error):
            raise


def append_suffix(base: str, suffix: str) -> str:
    return base[: MAX_NAME - len(suffix)].rstrip("-") + suffix


def tag_list(tags: str | None) -> dict[str, list[dict[str, str]]]:
    """Return `team=chat,stage=prod` as the service takes it; no tags are no argument."""
    pairs = [pair.partition("=") for pair in (tags or "").split(",") if pair]
    return {"Tags": [{"Key": key, "Value": value} for key, _, value in pairs]} if pairs else {}

"""A configuration read off the account: of a model package, or of a running endpoint. Asks by calls that only read.

Not verified on AWS: the answers are those of botocore's model of the service.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sluice.errors import SluiceError, UsageError
from sluice.preflight.account.client import AccountClient
from sluice.preflight.account.errors import Denied, Missing, NoAccount, NotAnswered
from sluice.preflight.account.requirements import ENDPOINT, Requirements
from sluice.preflight.container_definition import NAMES, find_container, read_container, read_network
from sluice.preflight.deployment_spec import DeploymentSpec, Strategy
from sluice.preflight.finding import Location

Client = Callable[[str], Any]
Json = Mapping[str, Any]
T = TypeVar("T")

VARIANT = "ProductionVariants"
STRATEGIES: Mapping[str, Strategy] = {"ALL_AT_ONCE": "all_at_once", "CANARY": "canary", "LINEAR": "linear"}
GONE = "`aws sagemaker list-endpoints` lists those of the region that the credentials are set to."


class CannotRead(SluiceError):
    """The account did not tell what is configured there."""


def read_package(client: Client, arn: str) -> DeploymentSpec:
    """What a model package says of its container. Raises UsageError if there is none, CannotRead if nobody tells.

    A package knows its container only: no instance, unless it names a single one that it supports.
    """
    package = _explain_refusals(lambda: _package(AccountClient(client), arn))
    kinds = (package.get("InferenceSpecification") or {}).get("SupportedRealtimeInferenceInstanceTypes") or []
    instance_type = kinds[0] if len(kinds) == 1 else None
    container = read_container(_of_package(package))
    names = {"group": str(package["ModelPackageGroupName"])} if package.get("ModelPackageGroupName") else {}
    return DeploymentSpec(
        **container,
        region=_region(client, arn),
        instance_type=instance_type,
        names=names,
        places=_places({"instance_type": "SupportedRealtimeInferenceInstanceTypes", "group": "ModelPackageGroupName"}),
    )


def read_endpoint(client: Client, name: str) -> DeploymentSpec:
    """What an endpoint runs: container, model data, network, variant, scaling. Raises as `read_package`."""
    running = _explain_refusals(lambda: _running(client, name))
    variant, model, config = running.variant, running.model, running.config
    isolated = bool(model.get("EnableNetworkIsolation") or config.get("EnableNetworkIsolation"))
    return DeploymentSpec(
        **read_container(running.container),
        region=_region(client, str(running.endpoint.get("EndpointArn", ""))),
        instance_type=variant.get("InstanceType"),
        instance_count=running.count,
        network_isolation=isolated,
        network=read_network(model) or read_network(config),
        ami=variant.get("InferenceAmiVersion"),
        volume_gb=variant.get("VolumeSizeInGB"),
        startup_seconds=variant.get("ContainerStartupHealthCheckTimeoutInSeconds"),
        download_seconds=variant.get("ModelDataDownloadTimeoutInSeconds"),
        strategy=_strategy(running.endpoint.get("LastDeploymentConfig")),
        scaling=running.scaling,
        names={"endpoint": name},
        places=_places(FIELDS),
    )


def read_endpoint_requirements(client: Client, name: str) -> Requirements:
    """What the endpoint uses of the account, for `account.runner.check_account`: its role, its key."""
    running = _explain_refusals(lambda: _running(client, name))
    return Requirements(
        role_arn=running.model.get("ExecutionRoleArn") or running.config.get("ExecutionRoleArn"),
        kms_key=running.config.get("KmsKeyId"),
        steps=ENDPOINT,
        deployed=True,
        places=_places({"role_arn": "ExecutionRoleArn", "kms_key": "KmsKeyId"}),
    )


FIELDS = {  # the API's own name for each field: what the reader changes
    "instance_type": "InstanceType",
    "instance_count": "InitialInstanceCount",
    "ami": "InferenceAmiVersion",
    "volume_gb": "VolumeSizeInGB",
    "startup_seconds": "ContainerStartupHealthCheckTimeoutInSeconds",
    "download_seconds": "ModelDataDownloadTimeoutInSeconds",
    "strategy": "DeploymentConfig",
    "scaling": "ScalableTarget",
    "endpoint": "EndpointName",
}


@dataclass(frozen=True)
class _Running:
    endpoint: Json
    config: Json
    variant: Json  # the first of the configuration
    model: Json
    container: Json
    count: int
    scaling: tuple[int, int] | None


def _running(client: Client, name: str) -> _Running:
    account = AccountClient(client)
    endpoint = _there(
        lambda: account.call("sagemaker", "DescribeEndpoint", EndpointName=name),
        f"There is no endpoint {name!r}.",
        GONE,
    )
    gone = f"Endpoint {name} is being changed, or what it was made of was deleted."
    config_name = endpoint["EndpointConfigName"]
    config = _there(
        lambda: account.call("sagemaker", "DescribeEndpointConfig", EndpointConfigName=config_name),
        f"{gone} Its configuration {config_name} is not there.",
    )
    variant = config[VARIANT][0]
    model_name = variant.get("ModelName")
    if not model_name:
        raise UsageError(
            f"Endpoint {name} serves inference components, which are not read yet.",
            "Check the component's container with --env-file and --image instead.",
        )
    model = _there(
        lambda: account.call("sagemaker", "DescribeModel", ModelName=model_name),
        f"{gone} Its model {model_name} is not there.",
    )
    container = find_container(model)
    if package := container.get("ModelPackageName"):
        # What the package says, and what the model says over it.
        own = {key: value for key, value in container.items() if value}
        of_package = _of_package(_package(account, package))
        environment = {**(of_package.get("Environment") or {}), **(own.get("Environment") or {})}
        container = {**of_package, **own, "Environment": environment}
    return _Running(
        endpoint, config, variant, model, container, _count(endpoint, variant), _scaling(account, name, variant)
    )


def _package(account: AccountClient, arn: str) -> Json:
    return _there(
        lambda: account.call("sagemaker", "DescribeModelPackage", ModelPackageName=arn),
        f"The registry holds no {arn}.",
        "`aws sagemaker list-model-packages --model-package-group-name GROUP` lists a group's ARNs.",
    )


def _of_package(package: Json) -> Json:
    containers: list[Json] = (package.get("InferenceSpecification") or {}).get("Containers") or []
    if not containers:
        raise UsageError(f"{package['ModelPackageArn']} names no container.", "Only versions with one can be checked.")
    return containers[0]


def _places(fields: Mapping[str, str]) -> dict[str, Location]:
    return {key: Location(where) for key, where in {**NAMES, "region": "region", **fields}.items()}


def _count(endpoint: Json, variant: Json) -> int:
    """As many as run now; the configuration's number where the endpoint does not say."""
    state: Json = next(
        (each for each in endpoint.get(VARIANT) or [] if each["VariantName"] == variant["VariantName"]), {}
    )
    return int(state.get("DesiredInstanceCount") or variant.get("InitialInstanceCount") or 1)


def _strategy(config: Json | None) -> Strategy | None:
    """How the last update was made: an endpoint has no other memory of it."""
    if not config:
        return None
    if config.get("RollingUpdatePolicy"):
        return "rolling"
    policy = config.get("BlueGreenUpdatePolicy") or {}
    return STRATEGIES.get((policy.get("TrafficRoutingConfiguration") or {}).get("Type", ""))


def _scaling(account: AccountClient, name: str, variant: Json) -> tuple[int, int] | None:
    """The bounds that autoscaling was given; not being allowed to ask for them is no reason to check nothing."""
    resource = f"endpoint/{name}/variant/{variant['VariantName']}"
    try:
        targets = account.list_all(
            "application-autoscaling",
            "DescribeScalableTargets",
            "ScalableTargets",
            ServiceNamespace="sagemaker",
            ResourceIds=[resource],
        )
    except NotAnswered:
        targets = []
    if targets:
        return int(targets[0]["MinCapacity"]), int(targets[0]["MaxCapacity"])
    managed = variant.get("ManagedInstanceScaling") or {}
    if managed.get("Status") != "ENABLED" or "MaxInstanceCount" not in managed:
        return None
    return int(managed.get("MinInstanceCount", 0)), int(managed["MaxInstanceCount"])


def _region(client: Client, arn: str) -> str | None:
    parts = arn.split(":")
    return parts[3] if len(parts) > 5 and parts[3] else client("sagemaker").meta.region_name


def _there(request: Callable[[], T], missing: str, hint: str = "") -> T:
    try:
        return request()
    except Missing:
        raise UsageError(missing, hint) from None


def _explain_refusals(read: Callable[[], T]) -> T:
    """Whatever the account does not answer is said in a line with the permission that it takes."""
    try:
        return read()
    except NoAccount as why:
        raise UsageError(
            f"The account cannot be asked: {why.message}", "`aws sts get-caller-identity` says who is calling."
        ) from why
    except Denied as why:
        raise CannotRead(
            f"The credentials may not ask {why.read.about}.", f"Allow {why.read.permission}, which only reads."
        ) from why
    except NotAnswered as why:
        raise CannotRead(f"It is not known {why.read.about}: {why.code}: {why.message}") from why

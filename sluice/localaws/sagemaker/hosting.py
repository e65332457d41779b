"""Models and endpoint configurations: what may be hosted here, and what a process needs to know of it.

Hardware, network, keys and roles are AWS's own: instance types and counts, VPCs, isolation, volumes and KMS keys are
checked, kept and described, and change nothing here. What would change the answers is refused by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.sagemaker.models import FakeEndpointConfig, Model

from sluice.localaws.server.api_errors import NotImplementedLocally, ValidationError

Json = dict[str, Any]
MOST_ENVIRONMENT_BYTES = 32 * 1024
DEFAULT_HEALTH_SECONDS = 480  # AWS gives a container 8 minutes unless the variant says otherwise

NOT_IN_MODEL = ("Containers", "InferenceExecutionConfig")
NOT_IN_CONTAINER = ("AdditionalModelDataSources", "MultiModelConfig")
NOT_IN_CONFIG = ("AsyncInferenceConfig", "ExplainerConfig", "ShadowProductionVariants", "CrossRegionTrafficConfig")
NOT_IN_VARIANT = (
    "ServerlessConfig", "ManagedInstanceScaling", "InstancePools", "AcceleratorType", "AcceleratorPartitionLayouts",
    "CoreDumpConfig", "CapacityReservationConfig", "VariantInstanceProvisionTimeoutInSeconds",
)  # fmt: skip


@dataclass(frozen=True)
class Workload:
    """What runs behind a variant."""

    image: str
    environment: Mapping[str, str]
    model_uri: str | None
    archived: bool = False  # the model is one .tar.gz


@dataclass(frozen=True)
class Variant:
    name: str
    model: str
    instances: int
    weight: float
    health_seconds: int


class LocalModel(Model):
    """A model as it was asked for, and the workload that it stood for at that moment."""

    def __init__(self, request: Json, workload: Workload, account: str, region: str) -> None:
        super().__init__(
            account_id=account,
            region_name=region,
            model_name=request["ModelName"],
            execution_role_arn=request.get("ExecutionRoleArn"),
            primary_container=request.get("PrimaryContainer") or {},
            vpc_config=request.get("VpcConfig") or {},
            tags=request.get("Tags") or [],
        )
        self.workload = workload
        self._request = request

    def describe(self) -> Json:
        members = ("ModelName", "PrimaryContainer", "ExecutionRoleArn", "VpcConfig")
        return {name: self._request[name] for name in members if self._request.get(name)} | {
            "ModelArn": self.arn,
            "CreationTime": self.creation_time,
            "EnableNetworkIsolation": bool(self._request.get("EnableNetworkIsolation")),
        }

    @property
    def response_object(self) -> Json:
        return self.describe()


class LocalConfig(FakeEndpointConfig):
    def __init__(self, request: Json, account: str, region: str) -> None:
        super().__init__(
            account_id=account,
            region_name=region,
            endpoint_config_name=request["EndpointConfigName"],
            production_variants=request["ProductionVariants"],
            async_inference_config={},
            data_capture_config=request.get("DataCaptureConfig") or {},
            tags=request.get("Tags") or [],
            kms_key_id=request.get("KmsKeyId"),
        )
        self.arn = self.endpoint_config_arn
        self._request = request

    def validate_production_variants(self, production_variants: list[Json]) -> None:
        """Does nothing: moto's list has no g5, and botocore's enumeration has been checked by now."""

    @property
    def variant(self) -> Variant:
        variant = self.production_variants[0]
        return Variant(
            name=variant["VariantName"],
            model=variant["ModelName"],
            instances=variant["InitialInstanceCount"],
            weight=variant.get("InitialVariantWeight", 1.0),
            health_seconds=variant.get("ContainerStartupHealthCheckTimeoutInSeconds", DEFAULT_HEALTH_SECONDS),
        )

    def describe(self) -> Json:
        variants = [{"InitialVariantWeight": 1.0} | variant for variant in self.production_variants]
        members = {name: value for name, value in self._request.items() if name != "Tags" and value is not None}
        return members | {
            "EndpointConfigArn": self.arn,
            "CreationTime": self.creation_time,
            "ProductionVariants": variants,
        }

    @property
    def response_object(self) -> Json:
        return self.describe()


def container_of(request: Json) -> Json:
    """Return the one container of a CreateModel request, or refuse the request."""
    if request.get("PrimaryContainer") and request.get("Containers"):
        raise ValidationError("CreateModel takes PrimaryContainer or Containers, not both.")
    containers = request.get("Containers") or []
    if len(containers) == 1:
        request["PrimaryContainer"] = containers[0]
        del request["Containers"]
    _refuse(request, NOT_IN_MODEL, "CreateModel")
    container: Json | None = request.get("PrimaryContainer")
    if not container:
        raise ValidationError("CreateModel needs a PrimaryContainer.")
    _refuse(container, NOT_IN_CONTAINER, "a model's container")
    if container.get("Mode") == "MultiModel":
        raise NotImplementedLocally("Mode MultiModel of a model's container")
    if bool(container.get("Image")) == bool(container.get("ModelPackageName")):
        raise ValidationError("A model's container needs either an Image or a ModelPackageName.")
    return container


def workload_of_container(container: Json, where: str) -> Workload:
    _refuse(container, NOT_IN_CONTAINER, where)
    environment = container.get("Environment") or {}
    if sum(len(f"{name}{value}".encode()) for name, value in environment.items()) > MOST_ENVIRONMENT_BYTES:
        raise ValidationError(f"The Environment of {where} is larger than {MOST_ENVIRONMENT_BYTES} bytes.")
    uri, archived = _model_data(container, where)
    return Workload(container["Image"], environment, uri, archived)


def _model_data(container: Json, where: str) -> tuple[str | None, bool]:
    source = (container.get("ModelDataSource") or {}).get("S3DataSource")
    if source is None:
        return container.get("ModelDataUrl"), True
    if container.get("ModelDataUrl"):
        raise ValidationError(f"{where} has a ModelDataUrl and a ModelDataSource; only one of them is allowed.")
    _refuse(source, ("HubAccessConfig", "ManifestS3Uri"), f"the ModelDataSource of {where}")
    uri, is_prefix = source["S3Uri"], source["S3DataType"] == "S3Prefix"
    if is_prefix and not uri.endswith("/"):
        raise ValidationError(f"S3Uri {uri} of {where} is an S3Prefix and must end with a slash.")
    if is_prefix != (source["CompressionType"] == "None"):
        raise NotImplementedLocally(f"S3DataType {source['S3DataType']} with {source['CompressionType']} in {where}")
    return uri, not is_prefix


def check_config(request: Json) -> None:
    _refuse(request, NOT_IN_CONFIG, "CreateEndpointConfig")
    if (request.get("DataCaptureConfig") or {}).get("EnableCapture"):
        raise NotImplementedLocally("DataCaptureConfig of CreateEndpointConfig")
    variants = request["ProductionVariants"]
    if len(variants) != 1:
        raise NotImplementedLocally(f"an endpoint with {len(variants)} ProductionVariants (it runs one)")
    variant = variants[0]
    if not variant.get("ModelName"):
        raise NotImplementedLocally("ProductionVariants without a ModelName (inference components)")
    _refuse(variant, NOT_IN_VARIANT, "a ProductionVariant")
    for name in ("InstanceType", "InitialInstanceCount"):
        if not variant.get(name):
            raise ValidationError(f"{name} is required for production variant {variant['VariantName']}.")


def check_deployment(deployment: Json | None) -> None:
    """Refuse what is not done here: a fleet takes all the traffic of another at once, and nothing watches alarms."""
    _refuse(deployment or {}, ("RollingUpdatePolicy",), "DeploymentConfig")
    alarms = ((deployment or {}).get("AutoRollbackConfiguration") or {}).get("Alarms")
    if alarms:
        raise NotImplementedLocally("AutoRollbackConfiguration.Alarms of DeploymentConfig")
    routing = ((deployment or {}).get("BlueGreenUpdatePolicy") or {}).get("TrafficRoutingConfiguration") or {}
    if routing.get("Type", "ALL_AT_ONCE") != "ALL_AT_ONCE":
        raise NotImplementedLocally(f"TrafficRoutingConfiguration.Type {routing['Type']} of DeploymentConfig")


def _refuse(members: Json, names: tuple[str, ...], where: str) -> None:
    for name in names:
        if members.get(name):
            raise NotImplementedLocally(f"{name} of {where}")

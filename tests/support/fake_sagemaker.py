"""An in-memory SageMaker: registry, endpoints, invocation. Every request is held against botocore's own model."""

import io
import json
import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.session import get_session
from botocore.validate import ParamValidator

GROUP = "qwen3-4b-chat"
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.35.0-lmi17.0.0-cu128"
ROLE = "arn:aws:iam::123456789012:role/sluice-execution"
UNDER_WAY = {"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"}
ARN = "arn:aws:sagemaker:us-east-1:123456789012"
SERVICES = ("sagemaker", "sagemaker-runtime", "s3", "bedrock-runtime", "secretsmanager")
MODELS = {service: get_session().get_service_model(service) for service in SERVICES}
OPERATIONS = {service: {xform_name(name): name for name in model.operation_names} for service, model in MODELS.items()}


RELEASE = Path(__file__).parents[1] / "golden" / "definition_release_manual.json"


def package_request(group: str, model_uri: str, image: str, environment: dict[str, str]) -> dict[str, Any]:
    """CreateModelPackage as the release pipeline's Register step makes it, of another group, model and image."""
    steps = {step["Name"]: step for step in json.loads(RELEASE.read_text(encoding="utf-8"))["Steps"]}
    request: dict[str, Any] = steps["Register"]["Arguments"]
    container = request["InferenceSpecification"]["Containers"][0]
    container |= {"Image": image, "Environment": environment}
    container["ModelDataSource"]["S3DataSource"]["S3Uri"] = model_uri
    request["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"] = "s3://sluice/reports/report.json"
    properties = {"execution": f"{ARN}:pipeline/chat-release/execution/1", "model_id": "m", "git_commit": "c0ffee"}
    return request | {"ModelPackageGroupName": group, "CustomerMetadataProperties": properties}


def refusal(operation: str, message: str, code: str = "ValidationException") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class Fake:
    """Answers a client's operations with the method of the same name plus an underscore; counts and can refuse them."""

    service: str

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.refused: dict[str, tuple[Exception, float]] = {}  # and how often still
        self.before: dict[str, Callable[[], None]] = {}  # what happens elsewhere just before an operation
        self.lock = threading.RLock()

    def refuses(self, operation: str, error: Exception, times: float = math.inf) -> None:
        self.refused[operation] = (error, times)

    def sees_nothing_yet(self, operation: str, times: int) -> None:
        """What was just made is not there so many times, as reads lag behind writes."""
        self.refuses(operation, refusal(OPERATIONS[self.service][operation], "Could not find what was made."), times)

    def requests(self, operation: str) -> list[dict[str, Any]]:
        return [params for name, params in self.calls if name == operation]

    def count(self) -> Counter[str]:
        return Counter(name for name, _ in self.calls)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in OPERATIONS[self.service]:
            raise AttributeError(name)

        def call(**params: Any) -> Any:
            operation = MODELS[self.service].operation_model(OPERATIONS[self.service][name])
            report = ParamValidator().validate(params, operation.input_shape)
            assert not report.has_errors(), f"{operation.name}: {report.generate_report()}"
            if name in self.before:
                self.before[name]()
            with self.lock:
                self.calls.append((name, params))
                error, times = self.refused.get(name, (None, 0))
                if error is not None and times > 0:
                    self.refused[name] = (error, times - 1)
                    raise error
                return getattr(self, f"{name}_")(**params)

        return call


class FakeSageMaker(Fake):
    service = "sagemaker"

    def __init__(self) -> None:
        super().__init__()
        self.clock = datetime(2026, 11, 20, 12, tzinfo=UTC)
        self.groups: set[str] = set()
        self.packages: dict[str, dict[str, Any]] = {}
        self.models: dict[str, dict[str, Any]] = {}
        self.configs: dict[str, dict[str, Any]] = {}
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.stale: dict[str, list[dict[str, Any]]] = {}
        self.looks = 2
        self.deletion_looks = 0
        self.outcome = "InService"
        self.reason = ""

    # verbs for set-up

    def registers(self, **metadata: str) -> str:
        """A version as the pipeline registers one; returns its ARN."""
        self.groups.add(GROUP)
        request = package_request(GROUP, "s3://b/models/1/", IMAGE, {"OPTION_MAX_MODEL_LEN": "4096"})
        arn: str = self.create_model_package_(**request | {"CustomerMetadataProperties": metadata})["ModelPackageArn"]
        return arn

    def approved(self, **metadata: str) -> str:
        """A version that has passed its gate, unless the metadata says otherwise, and that a person has approved."""
        arn = self.registers(**{"verdict": "pass"} | metadata)
        self.packages[arn]["ModelApprovalStatus"] = "Approved"
        return arn

    def live(self, endpoint: str, since: str = "2026-11-20T12:00:00.000+00:00") -> str:
        """An approved version that is live on an endpoint in service."""
        arn = self.approved(endpoint_name=endpoint, live_since=since)
        self.packages[arn]["ModelLifeCycle"] = {"Stage": "Production", "StageStatus": "Live"}
        self.serves(endpoint, arn)
        return arn

    def serves(self, endpoint: str, arn: str, status: str = "InService") -> None:
        self.models[f"{endpoint}-old"] = {"ModelName": f"{endpoint}-old", "Containers": [{"ModelPackageName": arn}]}
        variants = [{"VariantName": "AllTraffic", "ModelName": f"{endpoint}-old"}]
        self.configs[f"{endpoint}-old"] = {"EndpointConfigName": f"{endpoint}-old", "ProductionVariants": variants}
        self.endpoints[endpoint] = {"EndpointStatus": status, "EndpointConfigName": f"{endpoint}-old", "looks": 0}

    def shows_as_it_was(self, arn: str, times: int) -> None:
        """A description of the package is that of now so many times, whatever is written meanwhile."""
        self.stale[arn] = [json_copy(self.packages[arn])] * times

    def was_left(self, endpoint: str, arn: str, at: datetime, token: str = "0a1b2c") -> None:
        """An endpoint that a run made for a version and did not live to take back."""
        own = f"{endpoint}-{token}"
        self.models[own] = {"ModelName": own, "Containers": [{"ModelPackageName": arn}]}
        variants = [{"VariantName": "AllTraffic", "ModelName": own}]
        self.configs[own] = {"EndpointConfigName": own, "ProductionVariants": variants}
        self.endpoints[endpoint] = {"EndpointStatus": "InService", "EndpointConfigName": own, "CreationTime": at}

    def endpoints_fail(self, reason: str) -> None:
        self.outcome, self.reason = "Failed", reason

    def endpoints_never_settle(self) -> None:
        self.looks = 10**9

    def is_in_the_middle_of(self, endpoint: str, status: str, looks: int = 3) -> None:
        """Something goes on with the endpoint for so many looks: then it is in service, or gone."""
        self.endpoints[endpoint] |= {"EndpointStatus": status, "looks": looks}

    def deletions_take(self, looks: int) -> None:
        self.deletion_looks = looks

    def approves(self, arn: str) -> None:
        """As Studio and the SDK do: nobody looks at the verdict."""
        self.packages[arn]["ModelApprovalStatus"] = "Approved"

    # what a test asks

    def stage(self, arn: str) -> str:
        status: str = self.packages[arn].get("ModelLifeCycle", {}).get("StageStatus", "")
        return status

    def everything_hosted(self) -> tuple[list[str], list[str], list[str]]:
        return sorted(self.endpoints), sorted(self.configs), sorted(self.models)

    # registry

    def describe_model_package_group_(self, ModelPackageGroupName: str) -> dict[str, Any]:
        if ModelPackageGroupName not in self.groups:
            raise refusal("DescribeModelPackageGroup", f"ModelPackageGroup {ModelPackageGroupName} does not exist.")
        return {"ModelPackageGroupName": ModelPackageGroupName}

    def create_model_package_group_(self, ModelPackageGroupName: str) -> dict[str, Any]:
        self.groups.add(ModelPackageGroupName)
        return {}

    def create_model_package_(self, ModelPackageGroupName: str, **request: Any) -> dict[str, Any]:
        self.describe_model_package_group_(ModelPackageGroupName)
        version = 1 + sum(
            1 for each in self.packages.values() if each["ModelPackageGroupName"] == ModelPackageGroupName
        )
        arn = f"{ARN}:model-package/{ModelPackageGroupName}/{version}"
        self.clock += timedelta(seconds=1)
        self.packages[arn] = {
            "ModelPackageArn": arn,
            "ModelPackageGroupName": ModelPackageGroupName,
            "ModelPackageVersion": version,
            "ModelPackageStatus": "Completed",
            "CreationTime": self.clock,
            **request,
        }
        return {"ModelPackageArn": arn}

    def list_model_packages_(
        self,
        ModelPackageGroupName: str,
        SortBy: str,
        SortOrder: str,
        MaxResults: int = 10,
        NextToken: str = "0",
        ModelApprovalStatus: str | None = None,
    ) -> dict[str, Any]:
        assert (SortBy, SortOrder) == ("CreationTime", "Descending")
        if ModelPackageGroupName not in self.groups:
            raise refusal("ListModelPackages", f"ModelPackageGroup {ModelPackageGroupName} does not exist.")
        listed_members = (
            "ModelPackageArn", "ModelPackageGroupName", "ModelPackageVersion", "ModelPackageStatus", "CreationTime",
            "ModelApprovalStatus", "ModelLifeCycle",
        )  # fmt: skip
        summaries = [
            {key: package[key] for key in listed_members if key in package}
            for package in reversed(self.packages.values())
            if package["ModelPackageGroupName"] == ModelPackageGroupName
            and ModelApprovalStatus in {None, package["ModelApprovalStatus"]}
        ]
        start, end = int(NextToken), int(NextToken) + MaxResults
        more = {"NextToken": str(end)} if end < len(summaries) else {}
        return {"ModelPackageSummaryList": summaries[start:end], **more}

    def describe_model_package_(self, ModelPackageName: str) -> dict[str, Any]:
        if ModelPackageName not in self.packages:
            raise refusal("DescribeModelPackage", f"ModelPackage {ModelPackageName} does not exist.")
        stale = self.stale.get(ModelPackageName)
        return json_copy(stale.pop() if stale else self.packages[ModelPackageName])

    def update_model_package_(
        self, ModelPackageArn: str, CustomerMetadataProperties: dict[str, str] | None = None, **changes: Any
    ) -> dict[str, Any]:
        package = self.packages[ModelPackageArn]
        package.update(changes)
        package["CustomerMetadataProperties"] = {
            **package.get("CustomerMetadataProperties", {}),
            **(CustomerMetadataProperties or {}),
        }
        return {"ModelPackageArn": ModelPackageArn}

    # hosting

    def create_model_(self, ModelName: str, **request: Any) -> dict[str, Any]:
        self._is_new(self.models, ModelName, "CreateModel", "model")
        self.models[ModelName] = {"ModelName": ModelName, **request}
        return {}

    def create_endpoint_config_(self, EndpointConfigName: str, **request: Any) -> dict[str, Any]:
        self._is_new(self.configs, EndpointConfigName, "CreateEndpointConfig", "endpoint configuration")
        self.configs[EndpointConfigName] = {"EndpointConfigName": EndpointConfigName, **request}
        return {}

    def create_endpoint_(self, EndpointName: str, EndpointConfigName: str, **_: Any) -> dict[str, Any]:
        self._is_new(self.endpoints, EndpointName, "CreateEndpoint", "endpoint")
        self.endpoints[EndpointName] = {
            "EndpointStatus": "Creating",
            "EndpointConfigName": EndpointConfigName,
            "looks": self.looks,
        }
        return {}

    def update_endpoint_(self, EndpointName: str, EndpointConfigName: str, **_: Any) -> dict[str, Any]:
        endpoint = self._there(self.endpoints, EndpointName, "UpdateEndpoint", "endpoint")
        self._is_settled(EndpointName, "UpdateEndpoint")
        endpoint |= {"EndpointStatus": "Updating", "next": EndpointConfigName, "looks": self.looks}
        return {}

    def describe_endpoint_(self, EndpointName: str) -> dict[str, Any]:
        endpoint = self._there(self.endpoints, EndpointName, "DescribeEndpoint", "endpoint")
        if endpoint["EndpointStatus"] in UNDER_WAY:
            endpoint["looks"] -= 1
            if endpoint["looks"] < 0:
                self._settle(EndpointName)
        self._there(self.endpoints, EndpointName, "DescribeEndpoint", "endpoint")
        return {key: value for key, value in endpoint.items() if value}

    def list_endpoints_(
        self, NameContains: str, CreationTimeBefore: datetime, MaxResults: int, NextToken: str = "0"
    ) -> dict[str, Any]:
        listed = [
            {"EndpointName": name}
            for name, endpoint in sorted(self.endpoints.items())
            if NameContains in name and endpoint.get("CreationTime", self.clock) < CreationTimeBefore
        ]
        start, end = int(NextToken), int(NextToken) + min(MaxResults, 2)
        more = {"NextToken": str(end)} if end < len(listed) else {}
        return {"Endpoints": listed[start:end], **more}

    def describe_endpoint_config_(self, EndpointConfigName: str) -> dict[str, Any]:
        return self._there(self.configs, EndpointConfigName, "DescribeEndpointConfig", "endpoint configuration")

    def describe_model_(self, ModelName: str) -> dict[str, Any]:
        return self._there(self.models, ModelName, "DescribeModel", "model")

    def delete_endpoint_(self, EndpointName: str) -> None:
        self._there(self.endpoints, EndpointName, "DeleteEndpoint", "endpoint")
        self._is_settled(EndpointName, "DeleteEndpoint")
        self.is_in_the_middle_of(EndpointName, "Deleting", self.deletion_looks)
        if not self.deletion_looks:
            self._settle(EndpointName)

    def delete_endpoint_config_(self, EndpointConfigName: str) -> None:
        self._there(self.configs, EndpointConfigName, "DeleteEndpointConfig", "endpoint configuration")
        used = {each["EndpointConfigName"] for each in self.endpoints.values()}
        assert EndpointConfigName not in used, "a configuration must not be deleted under its endpoint"
        del self.configs[EndpointConfigName]

    def delete_model_(self, ModelName: str) -> None:
        self._there(self.models, ModelName, "DeleteModel", "model")
        del self.models[ModelName]

    def _is_new(self, store: dict[str, Any], name: str, operation: str, what: str) -> None:
        if name in store:
            raise refusal(operation, f'Cannot create already existing {what} "{ARN}:{what}/{name}".')

    def _there(self, store: dict[str, Any], name: str, operation: str, what: str) -> dict[str, Any]:
        if name not in store:
            raise refusal(operation, f'Could not find {what} "{name}".')
        resource: dict[str, Any] = store[name]
        return resource

    def _settle(self, name: str) -> None:
        endpoint = self.endpoints[name]
        if endpoint["EndpointStatus"] == "Deleting":
            del self.endpoints[name]
        elif endpoint["EndpointStatus"] == "SystemUpdating":
            endpoint["EndpointStatus"] = "InService"
        else:
            moved = endpoint.pop("next", "")
            endpoint["EndpointStatus"] = "InService" if moved else self.outcome
            endpoint["FailureReason"] = self.reason
            if moved and self.outcome == "InService":
                endpoint["EndpointConfigName"] = moved

    def _is_settled(self, name: str, operation: str) -> None:
        if self.endpoints[name]["EndpointStatus"] in UNDER_WAY:
            raise refusal(operation, f'Cannot update in-progress endpoint "{ARN}:endpoint/{name}".')


class FakeRuntime(Fake):
    """Endpoints that answer what `says` makes of the question, in parts that end anywhere."""

    service = "sagemaker-runtime"

    def __init__(self, sagemaker: FakeSageMaker) -> None:
        super().__init__()
        self.sagemaker = sagemaker
        self.says: Callable[[str], str] = lambda question: f"echo: {question}"
        self.asked_on: list[str] = []

    def answers(self, text: str) -> None:
        self.says = lambda _: text

    def invoke_endpoint_with_response_stream_(self, EndpointName: str, Body: bytes, ContentType: str) -> dict[str, Any]:
        endpoint = self.sagemaker.endpoints.get(EndpointName)
        if endpoint is None or endpoint["EndpointStatus"] not in {"InService", "Updating"}:
            raise refusal("InvokeEndpointWithResponseStream", f"Endpoint {EndpointName} not found.", "ValidationError")
        self.asked_on.append(EndpointName)
        request = json.loads(Body)
        assert request["stream"] is True
        return {"Body": self._parts(self.says(request["messages"][-1]["content"]))}

    def _parts(self, text: str) -> Iterator[dict[str, Any]]:
        items = [
            {"choices": [{"delta": {"content": text}}]},
            {"choices": [{"delta": {}, "finish_reason": "stop"}]},
            {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}},
        ]
        stream = "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items).encode() + b"\n"
        for start in range(0, len(stream), 7):
            yield {"PayloadPart": {"Bytes": stream[start : start + 7]}}


class FakeS3(Fake):
    """Objects by their URI."""

    service = "s3"

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[str, bytes] = {}

    def holds(self, uri: str, content: Any) -> None:
        self.objects[uri] = json.dumps(content).encode()

    def get_object_(self, Bucket: str, Key: str) -> dict[str, Any]:
        if f"s3://{Bucket}/{Key}" not in self.objects:
            raise refusal("GetObject", "The specified key does not exist.", "NoSuchKey")
        return {"Body": io.BytesIO(self.objects[f"s3://{Bucket}/{Key}"])}

    def upload_file(self, Filename: str, Bucket: str, Key: str) -> None:
        self.objects[f"s3://{Bucket}/{Key}"] = Path(Filename).read_bytes()

    def download_file(self, Bucket: str, Key: str, Filename: str) -> None:
        Path(Filename).write_bytes(self.objects[f"s3://{Bucket}/{Key}"])

    def put_object_(self, Bucket: str, Key: str, Body: bytes) -> dict[str, Any]:
        self.objects[f"s3://{Bucket}/{Key}"] = Body
        return {}


class FakeAws:
    """What a step gets: clients by their services."""

    def __init__(self) -> None:
        self.sagemaker = FakeSageMaker()
        self.runtime = FakeRuntime(self.sagemaker)
        self.s3 = FakeS3()
        self.others: dict[str, Fake] = {}

    def client(self, service: str, region: str | None = None, **_: Any) -> Any:
        own = {"sagemaker": self.sagemaker, "sagemaker-runtime": self.runtime, "s3": self.s3}
        return (own | self.others)[service]


class FakeClock:
    """Time that passes only by sleeping; `waits` keeps how long each sleep was."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.start = datetime(2026, 11, 20, 13, tzinfo=UTC)

    def monotonic(self) -> float:
        return sum(self.waits)

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.monotonic())

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


def json_copy(value: dict[str, Any]) -> dict[str, Any]:
    return {key: json_copy(item) if isinstance(item, dict) else item for key, item in value.items()}

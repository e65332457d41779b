"""An AWS account in memory behind boto3's own clients: each request is held against botocore's model, each answer too.

What is not played here is refused: a check that would call anything else fails its test.
"""

import io
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import quote

import boto3
from botocore import xform_name
from botocore.exceptions import EndpointConnectionError, NoCredentialsError
from botocore.validate import ParamValidator

from sluice.preflight.account.reads import READS

ACCOUNT = "123456789012"
REGION = "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/sluice-execution"
TRIGGER = f"arn:aws:iam::{ACCOUNT}:role/sluice-trigger"
BUCKET = f"sluice-{ACCOUNT}-{REGION}"
REGISTRY = f"763104351884.dkr.ecr.{REGION}.amazonaws.com"
IMAGE = f"{REGISTRY}/djl-inference:0.35.0-lmi17.0.0-cu128"
VPC = "vpc-1"
NOW = datetime(2026, 11, 20, tzinfo=UTC)
DENIED = {"ec2": "UnauthorizedOperation", "iam": "AccessDenied", "s3": "AccessDenied"}
Params = Mapping[str, Any]


class Refusal(Exception):
    def __init__(
        self, code: str, message: str = "", status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(code)
        self.status = status
        self.answer = {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": dict(headers or {})},
        }


class Answer:
    """As much of a response as botocore looks at."""

    def __init__(self, status: int) -> None:
        self.status_code = status


class FakeAccount:
    """`account.client` is what the checks are given; the other verbs say what the account holds."""

    def __init__(self, caller: str = f"arn:aws:sts::{ACCOUNT}:assumed-role/developer/me") -> None:
        self.caller = caller
        self.calls: list[tuple[str, str]] = []
        self.asked: list[tuple[str, Params]] = []
        self.denied: set[str] = set()
        self.failing: dict[str, Refusal | Exception] = {}
        self.roles: dict[str, tuple[str, Params]] = {}
        self.forbidden: dict[str, dict[str, Any]] = {}
        self.allowed_on: Callable[[str, str], bool] = lambda action, resource: True
        self.quotas: dict[str, int] = {}
        self.default_quotas: dict[str, int] = {}
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.configs: dict[str, dict[str, Any]] = {}
        self.models: dict[str, dict[str, Any]] = {}
        self.packages: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.scaling: dict[str, tuple[int, int]] = {}
        self.images: set[tuple[str, str, str]] = set()
        self.buckets: dict[str, str] = {}
        self.objects: dict[str, tuple[bytes, int, str]] = {}
        self.restored: set[str] = set()
        self.tables: dict[str, dict[str, Any]] = {}
        self.expiring: dict[str, str] = {}
        self.keys: dict[str, dict[str, Any]] = {}
        self.subnets: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, dict[str, Any]] = {}
        self.route_tables: list[dict[str, Any]] = []
        self.vpc_endpoints: list[dict[str, Any]] = []
        self.prices: dict[tuple[str, str], list[str]] = {}
        self.stacks: dict[str, dict[str, Any]] = {}

    # verbs for set-up

    def denies(self, permission: str) -> None:
        assert permission in {read.permission for read in READS.values()}, permission
        self.denied.add(permission)

    def fails(self, operation: str, error: Refusal | Exception) -> None:
        self.failing[operation] = error

    def has_no_credentials(self) -> None:
        self.fails("GetCallerIdentity", NoCredentialsError())

    def is_out_of_reach(self) -> None:
        self.fails("GetCallerIdentity", EndpointConnectionError(endpoint_url="https://sts.us-east-1.amazonaws.com/"))

    def has_role(self, arn: str, *services: str, policy: Params | None = None) -> None:
        statement = {"Effect": "Allow", "Principal": {"Service": list(services)}, "Action": "sts:AssumeRole"}
        trust = policy or {"Version": "2012-10-17", "Statement": [statement]}
        self.roles[arn.rpartition("/")[2]] = (arn, trust)

    def forbids(self, action: str, **how: Any) -> None:
        """The simulator says no to an action, with what else it says (MissingContextValues, ...)."""
        self.forbidden[action] = how

    def has_quota(self, name: str, value: int, *, only_by_default: bool = False) -> None:
        (self.default_quotas if only_by_default else self.quotas)[name] = value

    def runs_endpoint(self, name: str, kind: str, count: int, status: str = "InService", **more: Any) -> None:
        variant = {"VariantName": "AllTraffic"}
        made = {} if status == "Creating" else {"CurrentInstanceCount": count}
        self.endpoints[name] = {
            "EndpointName": name,
            "EndpointArn": arn("sagemaker", f"endpoint/{name}"),
            "EndpointConfigName": f"{name}-config",
            "EndpointStatus": status,
            "CreationTime": NOW,
            "LastModifiedTime": NOW,
            "ProductionVariants": [variant | made | {"DesiredInstanceCount": count}],
            **more,
        }
        self.configs[f"{name}-config"] = {
            "EndpointConfigName": f"{name}-config",
            "EndpointConfigArn": arn("sagemaker", f"endpoint-config/{name}-config"),
            "CreationTime": NOW,
            "ProductionVariants": [
                variant | {"ModelName": f"{name}-model", "InstanceType": kind, "InitialInstanceCount": count}
            ],
        }

    def serves(self, endpoint: str, **model: Any) -> None:
        """What the model behind an endpoint is."""
        name = f"{endpoint}-model"
        self.models[name] = {
            "ModelName": name, "ModelArn": arn("sagemaker", f"model/{name}"), "CreationTime": NOW, **model,
        }  # fmt: skip

    def registers(self, package: str, **more: Any) -> None:
        self.packages[package] = {
            "ModelPackageName": package.split("/")[1], "ModelPackageArn": package, "CreationTime": NOW,
            "ModelPackageStatus": "Completed", "ModelPackageStatusDetails": {"ValidationStatuses": []}, **more,
        }  # fmt: skip

    def scales(self, endpoint: str, fewest: int, most: int) -> None:
        self.scaling[f"endpoint/{endpoint}/variant/AllTraffic"] = (fewest, most)

    def runs_job(self, name: str, kind: str, count: int = 1) -> None:
        cluster = {"InstanceType": kind, "InstanceCount": count, "VolumeSizeInGB": 30}
        self.jobs[name] = {
            "ProcessingJobName": name,
            "ProcessingJobArn": arn("sagemaker", f"processing-job/{name}"),
            "ProcessingResources": {"ClusterConfig": cluster},
            "AppSpecification": {"ImageUri": IMAGE},
            "ProcessingJobStatus": "InProgress",
            "CreationTime": NOW,
        }

    def publishes(self, uri: str) -> None:
        host, _, rest = uri.partition("/")
        name, _, tag = rest.partition(":")
        self.images.add((host.split(".")[0], name, tag))

    def has_bucket(self, name: str, region: str = REGION) -> None:
        self.buckets[name] = region

    def holds(self, uri: str, content: bytes, *, size: int | None = None, kind: str = "STANDARD") -> None:
        """An object; `size` is what is said of it where its content is not needed."""
        self.objects[uri.removeprefix("s3://")] = (content, len(content) if size is None else size, kind)

    def restores(self, uri: str) -> None:
        self.restored.add(uri.removeprefix("s3://"))

    def has_table(self, name: str, expires: str | None = "expires", status: str = "ACTIVE", **keys: str) -> None:
        keys = keys or {"user": "HASH", "turn": "RANGE"}
        self.tables[name] = {
            "TableName": name,
            "TableStatus": status,
            "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in keys],
            "KeySchema": [{"AttributeName": key, "KeyType": kind} for key, kind in keys.items()],
        }
        if expires:
            self.expiring[name] = expires

    def has_key(self, name: str, **more: Any) -> None:
        self.keys[name] = {
            "KeyId": name.rpartition("/")[2], "Enabled": True, "KeyState": "Enabled", "KeyUsage": "ENCRYPT_DECRYPT",
            "KeySpec": "SYMMETRIC_DEFAULT", **more,
        }  # fmt: skip

    def has_subnet(self, name: str, zone: str = "us-east-1a", vpc: str = VPC, free: int = 200) -> None:
        self.subnets[name] = {
            "SubnetId": name, "VpcId": vpc, "AvailabilityZone": zone, "AvailableIpAddressCount": free,
        }  # fmt: skip

    def has_group(self, name: str, *egress: Params, vpc: str = VPC) -> None:
        anywhere = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        self.groups[name] = {"GroupId": name, "VpcId": vpc, "IpPermissionsEgress": list(egress or (anywhere,))}

    def routes(self, table: str, *routes: Params, subnets: tuple[str, ...] = (), vpc: str = VPC) -> None:
        """A route table; without subnets it is the VPC's main one."""
        local = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}
        to = [{"SubnetId": subnet, "Main": False} for subnet in subnets] or [{"Main": True}]
        self.route_tables.append({"RouteTableId": table, "VpcId": vpc, "Associations": to, "Routes": [local, *routes]})

    def has_vpc_endpoint(self, service: str, *tables: str, private_dns: bool = True) -> None:
        """A gateway in the route tables, or without any an interface."""
        kind = {"VpcEndpointType": "Gateway", "RouteTableIds": list(tables)} if tables else {
            "VpcEndpointType": "Interface", "PrivateDnsEnabled": private_dns,
        }  # fmt: skip
        name = f"com.amazonaws.{REGION}.{service}"
        self.vpc_endpoints.append({"ServiceName": name, "VpcId": VPC, "State": "available", **kind})

    def charges(self, kind: str, component: str, usd: float, unit: str = "Hrs") -> None:
        price = {"unit": unit, "pricePerUnit": {"USD": f"{usd:.10f}"}}
        product = {"terms": {"OnDemand": {"S.T": {"priceDimensions": {"S.T.D": price}}}}}
        self.prices.setdefault((kind, component), []).append(json.dumps(product))

    def has_stack(self, name: str, status: str = "CREATE_COMPLETE", **outputs: str) -> None:
        self.stacks[name] = {
            "StackName": name,
            "StackStatus": status,
            "CreationTime": NOW,
            "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
        }

    # boto3's side

    def client(self, service: str) -> Any:
        ANSWERING[service] = self
        return shared_client(service)

    def answer(self, service: str, model: Any, params: Params) -> tuple[Answer, dict[str, Any]]:
        name = model.name
        self.calls.append((service, name))
        self.asked.append((name, params))
        play = getattr(self, f"_{xform_name(name)}", None)
        assert play, f"{service} {name} is not played: a check may only read, by the calls of its table"
        try:
            if READS[service, name].permission in self.denied:
                raise Refusal(DENIED.get(service, "AccessDeniedException"), "is not authorized", 403)
            if name in self.failing:
                raise self.failing[name]
            answer = play(**params)
        except Refusal as refusal:
            return Answer(refusal.status), refusal.answer
        report = ParamValidator().validate(answer, model.output_shape)
        assert not report.has_errors(), f"{name} would not answer so: {report.generate_report()}"
        return Answer(200), {**answer, "ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {}}}

    # the services' side

    def _get_caller_identity(self) -> Any:
        return {"Account": self.caller.split(":")[4], "Arn": self.caller, "UserId": "AIDA"}

    def _describe_stacks(self, StackName: str) -> Any:
        if StackName not in self.stacks:
            raise Refusal("ValidationError", f"Stack with id {StackName} does not exist")
        return {"Stacks": [self.stacks[StackName]]}

    def _get_role(self, RoleName: str) -> Any:
        if RoleName not in self.roles:
            raise Refusal("NoSuchEntity", f"The role with name {RoleName} cannot be found.", 404)
        arn, trust = self.roles[RoleName]
        policy = quote(json.dumps(trust))
        role = {"Path": "/", "RoleName": RoleName, "RoleId": "AROA" + "X" * 12, "Arn": arn, "CreateDate": NOW}
        return {"Role": role | {"AssumeRolePolicyDocument": policy}}

    def _simulate_principal_policy(
        self, PolicySourceArn: str, ActionNames: list[str], ResourceArns: list[str], **_: Any
    ) -> Any:
        results = []
        for action in ActionNames:
            denied = {"EvalDecision": "implicitDeny", **self.forbidden[action]} if action in self.forbidden else None
            specific = [
                {
                    "EvalResourceName": resource,
                    "EvalResourceDecision": "allowed" if self.allowed_on(action, resource) else "implicitDeny",
                }
                for resource in ResourceArns
            ]
            whole = {each["EvalResourceDecision"] for each in specific}
            result = {"EvalActionName": action, "EvalResourceName": ResourceArns[0], "EvalDecision": sorted(whole)[-1]}
            if denied:
                result |= denied
            elif len(ResourceArns) > 1:
                result["ResourceSpecificResults"] = specific
            results.append(result)
        return {"EvaluationResults": results, "IsTruncated": False}

    def _list_service_quotas(self, ServiceCode: str, NextToken: str = "0", **_: Any) -> Any:
        return self._paged(self.quotas, ServiceCode, int(NextToken))

    def _list_aws_default_service_quotas(self, ServiceCode: str, NextToken: str = "0", **_: Any) -> Any:
        return self._paged(self.default_quotas, ServiceCode, int(NextToken))

    def _paged(self, quotas: Mapping[str, int], service: str, start: int, size: int = 2) -> Any:
        assert service == "sagemaker"
        page = [
            {"QuotaName": name, "QuotaCode": f"L-{abs(hash(name)) % 10**8:08d}", "Value": float(value)}
            for name, value in list(quotas.items())[start : start + size]
        ]
        more = {"NextToken": str(start + size)} if start + size < len(quotas) else {}
        return {"Quotas": page, **more}

    def _list_endpoints(self, **_: Any) -> Any:
        told = ("EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus")
        return {"Endpoints": [{key: each[key] for key in told} for each in self.endpoints.values()]}

    def _describe_endpoint(self, EndpointName: str) -> Any:
        return self._of(self.endpoints, EndpointName, "endpoint")

    def _describe_endpoint_config(self, EndpointConfigName: str) -> Any:
        return self._of(self.configs, EndpointConfigName, "endpoint configuration")

    def _describe_model(self, ModelName: str) -> Any:
        return self._of(self.models, ModelName, "model")

    def _describe_model_package(self, ModelPackageName: str) -> Any:
        if ModelPackageName not in self.packages:
            raise Refusal("ValidationException", f"ModelPackage {ModelPackageName} does not exist.")
        return self.packages[ModelPackageName]

    def _of(self, kept: Mapping[str, Any], name: str, what: str) -> Any:
        if name not in kept:
            raise Refusal("ValidationException", f'Could not find {what} "{name}".')
        return kept[name]

    def _list_processing_jobs(self, StatusEquals: str) -> Any:
        told = ("ProcessingJobName", "ProcessingJobArn", "CreationTime", "ProcessingJobStatus")
        found = [each for each in self.jobs.values() if each["ProcessingJobStatus"] == StatusEquals]
        return {"ProcessingJobSummaries": [{key: each[key] for key in told} for each in found]}

    def _describe_processing_job(self, ProcessingJobName: str) -> Any:
        return self.jobs[ProcessingJobName]

    def _describe_scalable_targets(self, ServiceNamespace: str, ResourceIds: list[str], **_: Any) -> Any:
        return {
            "ScalableTargets": [
                {
                    "ServiceNamespace": ServiceNamespace,
                    "ResourceId": name,
                    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
                    "MinCapacity": self.scaling[name][0],
                    "MaxCapacity": self.scaling[name][1],
                    "RoleARN": ROLE,
                    "CreationTime": NOW,
                }
                for name in ResourceIds
                if name in self.scaling
            ]
        }

    def _describe_images(self, registryId: str, repositoryName: str, imageIds: list[Params]) -> Any:
        if not any(repositoryName == name for _, name, _ in self.images):
            raise Refusal("RepositoryNotFoundException", f"no {repositoryName}")
        if (registryId, repositoryName, imageIds[0].get("imageTag")) not in self.images:
            raise Refusal("ImageNotFoundException", "no such image")
        return {"imageDetails": [{"registryId": registryId, "repositoryName": repositoryName}]}

    def _batch_get_image(self, registryId: str, repositoryName: str, imageIds: list[Params], **_: Any) -> Any:
        if (registryId, repositoryName, imageIds[0].get("imageTag")) in self.images:
            return {"images": [{"registryId": registryId, "repositoryName": repositoryName}], "failures": []}
        return {"images": [], "failures": [{"imageId": imageIds[0], "failureCode": "ImageNotFound"}]}

    def _head_bucket(self, Bucket: str) -> Any:
        if Bucket not in self.buckets:
            raise Refusal("404", "Not Found", 404)
        return {"BucketRegion": self.buckets[Bucket]}

    def _list_objects_v2(self, Bucket: str, Prefix: str, ContinuationToken: str = "0", **_: Any) -> Any:
        if Bucket not in self.buckets:
            raise Refusal("NoSuchBucket", "The specified bucket does not exist", 404)
        found = [
            {"Key": name.partition("/")[2], "Size": size, "StorageClass": kind, "LastModified": NOW}
            | (
                {"RestoreStatus": {"IsRestoreInProgress": False, "RestoreExpiryDate": NOW}}
                if name in self.restored
                else {}
            )
            for name, (_, size, kind) in sorted(self.objects.items())
            if name.startswith(f"{Bucket}/{Prefix}")
        ]
        start = int(ContinuationToken)
        more = {"NextContinuationToken": str(start + 3), "IsTruncated": True} if start + 3 < len(found) else {}
        return {"Contents": found[start : start + 3], **more}

    def _head_object(self, Bucket: str, Key: str) -> Any:
        _, size, kind = self._object(Bucket, Key, "404")
        return {"ContentLength": size, "StorageClass": kind}

    def _get_object(self, Bucket: str, Key: str, Range: str, **_: Any) -> Any:
        content, _, _ = self._object(Bucket, Key, "NoSuchKey")
        first, last = Range.removeprefix("bytes=").split("-")
        return {"Body": io.BytesIO(content[int(first) : int(last) + 1])}

    def _object(self, bucket: str, key: str, code: str) -> tuple[bytes, int, str]:
        if f"{bucket}/{key}" not in self.objects:
            raise Refusal(code, "Not Found", 404)
        return self.objects[f"{bucket}/{key}"]

    def _describe_table(self, TableName: str) -> Any:
        if TableName not in self.tables:
            raise Refusal("ResourceNotFoundException", f"Requested resource not found: Table: {TableName} not found")
        return {"Table": self.tables[TableName]}

    def _describe_time_to_live(self, TableName: str) -> Any:
        self._describe_table(TableName)
        name = self.expiring.get(TableName)
        on = {"TimeToLiveStatus": "ENABLED", "AttributeName": name} if name else {"TimeToLiveStatus": "DISABLED"}
        return {"TimeToLiveDescription": on}

    def _describe_key(self, KeyId: str) -> Any:
        if KeyId not in self.keys:
            raise Refusal("NotFoundException", f"Key '{KeyId}' does not exist")
        return {"KeyMetadata": self.keys[KeyId]}

    def _describe_subnets(self, Filters: list[Params], **_: Any) -> Any:
        return {"Subnets": [self.subnets[name] for name in Filters[0]["Values"] if name in self.subnets]}

    def _describe_security_groups(self, Filters: list[Params], **_: Any) -> Any:
        return {"SecurityGroups": [self.groups[name] for name in Filters[0]["Values"] if name in self.groups]}

    def _describe_route_tables(self, Filters: list[Params], **_: Any) -> Any:
        return {"RouteTables": [each for each in self.route_tables if each["VpcId"] in Filters[0]["Values"]]}

    def _describe_vpc_endpoints(self, Filters: list[Params], **_: Any) -> Any:
        return {"VpcEndpoints": [each for each in self.vpc_endpoints if each["VpcId"] in Filters[0]["Values"]]}

    def _get_products(self, ServiceCode: str, Filters: list[Params], **_: Any) -> Any:
        asked = {each["Field"]: each["Value"] for each in Filters}
        assert ServiceCode == "AmazonSageMaker"
        here = asked["regionCode"] == REGION
        return {"PriceList": self.prices.get((asked["instanceName"], asked["component"]), []) if here else []}


ANSWERING: dict[str, FakeAccount] = {}  # whose client it is now: making one takes a while


@cache
def shared_client(service: str) -> Any:
    made = boto3.client(service, region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing")

    def note(params: Params, context: dict[str, Any], **_: Any) -> None:
        context["params"] = dict(params)

    def answer(model: Any, context: dict[str, Any], **_: Any) -> tuple[Answer, dict[str, Any]]:
        return ANSWERING[service].answer(service, model, context["params"])

    made.meta.events.register("before-parameter-build", note)
    made.meta.events.register("before-call", answer)
    return made


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"

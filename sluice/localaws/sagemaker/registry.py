"""The Model Registry: moto's packages and groups, with what moto drops, wipes, accepts or lacks.

UpdateModelPackage keeps what a request does not name, versions are never given twice, a package has a life cycle and
tags, packages and groups can be deleted, and every creation and update is an event.
"""

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import camelcase_to_underscores
from moto.sagemaker.exceptions import ConflictException
from moto.sagemaker.models import ModelPackage, ModelPackageGroup, SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse
from moto.sagemaker.utils import arn_formatter

from sluice.localaws.events import eventbridge
from sluice.localaws.sagemaker.listing import build_page, matches_filters, sort_items
from sluice.localaws.server.api_errors import NotImplementedLocally, ValidationError

Json = dict[str, Any]
AT_MOTO = (
    "ModelPackageGroupName", "ModelPackageDescription", "InferenceSpecification", "SourceAlgorithmSpecification",
    "ValidationSpecification", "CertifyForMarketplace", "ModelApprovalStatus", "MetadataProperties", "ModelMetrics",
    "CustomerMetadataProperties", "DriftCheckBaselines", "Domain", "Task", "SamplePayloadUrl", "ClientToken", "Tags",
)  # fmt: skip
# What moto has no place for.
BESIDE_MOTO = (
    "ModelLifeCycle", "SourceUri", "SkipModelValidation", "ModelCard", "SecurityConfig", "ModelPackageRegistrationType",
    "ManagedStorageType",
)  # fmt: skip
SUMMARY = (
    "ModelPackageName", "ModelPackageGroupName", "ModelPackageVersion", "ModelPackageArn", "ModelPackageDescription",
    "CreationTime", "ModelPackageStatus", "ModelApprovalStatus", "ModelLifeCycle", "ModelPackageRegistrationType",
)  # fmt: skip
GROUP_SUMMARY = (
    "ModelPackageGroupName", "ModelPackageGroupArn", "ModelPackageGroupDescription", "CreationTime",
    "ModelPackageGroupStatus",
)  # fmt: skip
# What an update names, and the field that changes by it.
UPDATES = {
    "ModelApprovalStatus": "ModelApprovalStatus",
    "ApprovalDescription": "ApprovalDescription",
    "CustomerMetadataProperties": "CustomerMetadataProperties",
    "CustomerMetadataPropertiesToRemove": "CustomerMetadataProperties",
    "AdditionalInferenceSpecificationsToAdd": "AdditionalInferenceSpecifications",
    "InferenceSpecification": "InferenceSpecification",
    "SourceUri": "SourceUri",
    "ModelCard": "ModelCard",
    "ModelLifeCycle": "ModelLifeCycle",
    "ModelPackageRegistrationType": "ModelPackageRegistrationType",
}
IN_EVENT = (
    "ModelPackageGroupName", "ModelPackageName", "ModelPackageArn", "ModelPackageVersion", "ModelPackageDescription",
    "ModelPackageStatus", "ModelPackageStatusDetails", "ModelApprovalStatus", "ApprovalDescription", "SourceUri",
    "CustomerMetadataProperties", "ModelLifeCycle", "InferenceSpecification", "CertifyForMarketplace",
)  # fmt: skip
MOST_METADATA = 50


class RegistryBackend(SageMakerModelBackend):
    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._beside: dict[str, Json] = {}  # by package ARN
        self._last_version: dict[str, int] = {}  # by group
        self._package_tokens: dict[str, str] = {}

    def create_group(self, request: Json) -> str:
        name = request["ModelPackageGroupName"]
        if request.get("ManagedConfiguration"):
            raise NotImplementedLocally("ManagedConfiguration of CreateModelPackageGroup")
        if name in self.model_package_groups:
            raise ValidationError(f"Model Package Group already exists: {self.model_package_groups[name].arn}")
        description = request.get("ModelPackageGroupDescription")
        arn: str = self.create_model_package_group(name, description, request.get("Tags"))
        return arn

    def group(self, name_or_arn: str) -> ModelPackageGroup:
        name = name_or_arn.rpartition("/")[2]
        if name not in self.model_package_groups:
            arn = arn_formatter("model-package-group", name, self.account_id, self.region_name)
            raise ValidationError(f"ModelPackageGroup {arn} does not exist.")
        return self.model_package_groups[name]

    def delete_group(self, name_or_arn: str) -> None:
        group = self.group(name_or_arn)
        name = group.model_package_group_name
        if any(each.model_package_group_name == name for each in self.model_packages.values()):
            raise ConflictException(f"ModelPackageGroup {group.arn} still has model packages: delete them first.")
        del self.model_package_groups[name]

    def create_package(self, request: Json) -> str:
        """Create a package: version 1, 2, 3… of its group, whatever was deleted in between."""
        token = request.get("ClientToken")
        if token in self._package_tokens:
            return self._package_tokens[token]
        if group := request.get("ModelPackageGroupName"):
            request = request | {"ModelPackageGroupName": self.group(group).model_package_group_name}
            request.setdefault("ModelApprovalStatus", "PendingManualApproval")
        elif (name := request.get("ModelPackageName")) is None:
            raise ValidationError("A model package needs a ModelPackageGroupName or a ModelPackageName.")
        elif name in self.model_package_name_mapping:
            raise ValidationError(f"Model package already exists: {self.model_package_name_mapping[name]}")
        if request.get("SourceAlgorithmSpecification"):
            raise NotImplementedLocally("SourceAlgorithmSpecification of CreateModelPackage")
        package = self._store(request)
        self._beside[package.arn] = {name: request[name] for name in BESIDE_MOTO if name in request}
        package.tags = request.get("Tags") or []
        if token:
            self._package_tokens[token] = package.arn
        self._emit_package(package, [])
        return str(package.arn)

    def _store(self, request: Json) -> ModelPackage:
        """Not by moto's own method: it counts the packages that are there, and would overwrite one after a deletion."""
        group, version = request.get("ModelPackageGroupName"), None
        if group:
            version = self._last_version[group] = self._last_version.get(group, 0) + 1
        package = ModelPackage(
            **{camelcase_to_underscores(name): request.get(name) for name in AT_MOTO},
            model_package_name=group or request["ModelPackageName"],
            model_package_version=version,
            model_package_type="Versioned" if group else "Unversioned",
            approval_description=None,
            additional_inference_specifications=None,
            region_name=self.region_name,
            account_id=self.account_id,
        )
        package.additional_inference_specifications = request.get("AdditionalInferenceSpecifications")
        self.model_packages[package.arn] = package
        self.model_package_name_mapping[package.arn if group else package.model_package_name] = package.arn
        return package

    def package(self, name_or_arn: str) -> ModelPackage:
        """Find a package by ARN, by `group/version`, or an unversioned one by its name."""
        whole = f":model-package/{name_or_arn.lower()}"
        for arn, package in self.model_packages.items():
            if arn == name_or_arn or arn.endswith(whole):
                return package
        prefix = arn_formatter("model-package", "", self.account_id, self.region_name)
        raise ValidationError(
            f"ModelPackage {name_or_arn if name_or_arn.startswith('arn:') else prefix + name_or_arn} does not exist."
        )

    def package_object(self, package: ModelPackage) -> Json:
        described: Json = package.gen_response_object() | self._beside.get(package.arn, {})
        return described

    def update_package(self, request: Json) -> str:
        """Changes what the request names, and nothing else."""
        package = self.package(request["ModelPackageArn"])
        properties = dict(package.customer_metadata_properties or {}) | (
            request.get("CustomerMetadataProperties") or {}
        )
        for name in request.get("CustomerMetadataPropertiesToRemove") or []:
            properties.pop(name, None)
        if len(properties) > MOST_METADATA:
            raise ValidationError(f"A model package has at most {MOST_METADATA} CustomerMetadataProperties.")
        package.customer_metadata_properties = properties
        if added := request.get("AdditionalInferenceSpecificationsToAdd"):
            package.additional_inference_specifications = [
                *(package.additional_inference_specifications or []), *added
            ]  # fmt: skip
        for name in ("ModelApprovalStatus", "ApprovalDescription", "InferenceSpecification"):
            if request.get(name) is not None:
                setattr(package, camelcase_to_underscores(name), request[name])
        self._beside[package.arn] |= {name: request[name] for name in BESIDE_MOTO if request.get(name) is not None}
        package.modifications_done()
        updated = {field for name, field in UPDATES.items() if request.get(name) is not None}
        self._emit_package(package, sorted(updated))
        return str(package.arn)

    def delete_package(self, name_or_arn: str) -> None:
        package = self.package(name_or_arn)
        for index in (self.model_packages, self._beside, self.model_package_name_mapping):
            index.pop(package.arn, None)
        if not package.model_package_group_name:
            self.model_package_name_mapping.pop(package.model_package_name, None)

    def find_packages(self, request: Json) -> list[ModelPackage]:
        kind = request.get("ModelPackageType") or "Unversioned"
        group = request.get("ModelPackageGroupName")
        if group:
            group, kind = self.group(group).model_package_group_name, "Versioned"
        packages = [
            package
            for package in self.model_packages.values()
            if (kind == "Both" or (kind == "Versioned") == bool(package.model_package_group_name))
            and group in (None, package.model_package_group_name)
            and request.get("ModelApprovalStatus") in (None, package.model_approval_status)
            and matches_filters(request, package.model_package_name, package.creation_time)
        ]
        return sort_items(
            request,
            packages,
            Name=lambda package: (package.model_package_name, package.model_package_version or 0),
            CreationTime=lambda package: (package.creation_time, package.model_package_version or 0),
        )

    def find_groups(self, request: Json) -> list[ModelPackageGroup]:
        groups = self.model_package_groups.values()
        return sort_items(
            request,
            [each for each in groups if matches_filters(request, each.model_package_group_name, each.creation_time)],
            Name=lambda group: group.model_package_group_name,
            CreationTime=lambda group: (group.creation_time, group.model_package_group_name),
        )

    def _get_resource_from_arn(self, arn: str) -> Any:
        kind = arn.split(":", 5)[-1].partition("/")[0]
        resource = self.package(arn) if kind == "model-package" else super()._get_resource_from_arn(arn)
        if resource is None:
            raise ValidationError(f"Could not find {kind} {arn}: it does not exist.")
        return resource

    def add_tags(self, arn: str, tags: list[dict[str, str]]) -> list[dict[str, str]]:
        """Set tags: a key that is there gets the new value, where moto would keep both."""
        resource = self._get_resource_from_arn(arn)
        named = {tag["Key"] for tag in tags}
        resource.tags = [tag for tag in resource.tags or [] if tag["Key"] not in named] + tags
        merged: list[dict[str, str]] = resource.tags
        return merged

    def _emit_package(self, package: ModelPackage, updated: list[str]) -> None:
        everything = self.package_object(package)
        detail = {name: everything[name] for name in IN_EVENT if name in everything}
        detail["CreationTime"] = int(package.creation_time.timestamp() * 1000)
        if updated:
            detail["UpdatedModelPackageFields"] = updated
        eventbridge.emit_event(
            self.account_id, self.region_name, "SageMaker Model Package State Change", detail, [package.arn]
        )  # fmt: skip


class RegistryResponses(SageMakerResponse):
    def create_model_package_group(self) -> ActionResult:
        return ActionResult({"ModelPackageGroupArn": self.sagemaker_backend.create_group(self.params)})

    def describe_model_package_group(self) -> ActionResult:
        group = self.sagemaker_backend.group(self.params["ModelPackageGroupName"])
        return ActionResult(group.gen_response_object() | {"CreatedBy": group.created_by})

    def list_model_package_groups(self) -> ActionResult:
        groups = [group.gen_response_object() for group in self.sagemaker_backend.find_groups(self.params)]
        return build_page(self.params, groups, "ModelPackageGroupSummaryList", "ModelPackageGroupArn", GROUP_SUMMARY)

    def delete_model_package_group(self) -> ActionResult:
        self.sagemaker_backend.delete_group(self.params["ModelPackageGroupName"])
        return EmptyResult()

    def create_model_package(self) -> ActionResult:
        return ActionResult({"ModelPackageArn": self.sagemaker_backend.create_package(self.params)})

    def describe_model_package(self) -> ActionResult:
        backend = self.sagemaker_backend
        return ActionResult(backend.package_object(backend.package(self.params["ModelPackageName"])))

    def update_model_package(self) -> ActionResult:
        return ActionResult({"ModelPackageArn": self.sagemaker_backend.update_package(self.params)})

    def delete_model_package(self) -> ActionResult:
        self.sagemaker_backend.delete_package(self.params["ModelPackageName"])
        return EmptyResult()

    def list_model_packages(self) -> ActionResult:
        backend = self.sagemaker_backend
        descriptions = [backend.package_object(package) for package in backend.find_packages(self.params)]
        return build_page(self.params, descriptions, "ModelPackageSummaryList", "ModelPackageArn", SUMMARY)

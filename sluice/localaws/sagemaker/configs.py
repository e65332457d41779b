"""CreateModel and CreateEndpointConfig: what an endpoint is made of. The rules are in `hosting.py`."""

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker.models import SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse
from moto.sagemaker.utils import arn_formatter

from sluice.localaws.sagemaker import hosting
from sluice.localaws.sagemaker.hosting import LocalConfig, LocalModel, Workload
from sluice.localaws.sagemaker.listing import build_page, matches_filters, sort_newest_first
from sluice.localaws.server.api_errors import NotImplementedLocally, ValidationError

Json = dict[str, Any]
MODEL_SUMMARY = ("ModelName", "ModelArn", "CreationTime")
CONFIG_SUMMARY = ("EndpointConfigName", "EndpointConfigArn", "CreationTime")


class HostingBackend(SageMakerModelBackend):
    def host_model(self, request: Json) -> LocalModel:
        name = request["ModelName"]
        if name in self._models:
            raise ValidationError(f'Cannot create already existing model "{self._models[name].arn}".')
        container = hosting.container_of(request)
        workload = self._workload(container, f"model {name}")
        model = self._models[name] = LocalModel(request, workload, self.account_id, self.region_name)
        return model

    def _workload(self, container: Json, where: str) -> Workload:
        if not (reference := container.get("ModelPackageName")):
            return hosting.workload_of_container(container, where)
        package = self.package(reference)
        if package.model_package_group_name and package.model_approval_status != "Approved":
            raise ValidationError(
                f"Cannot create a model from model package {package.arn}: its ModelApprovalStatus is "
                f"{package.model_approval_status}, and it must be Approved to be deployed."
            )
        specification = self._specification(package, container.get("InferenceSpecificationName"))
        containers = (specification or {}).get("Containers") or []
        if len(containers) != 1:
            raise NotImplementedLocally(f"a model package with {len(containers)} containers ({package.arn})")
        environment = (containers[0].get("Environment") or {}) | (container.get("Environment") or {})
        return hosting.workload_of_container(containers[0] | {"Environment": environment}, package.arn)

    def _specification(self, package: Any, name: str | None) -> Any:
        if name is None:
            return package.inference_specification
        for each in package.additional_inference_specifications or []:
            if each["Name"] == name:
                return each
        raise ValidationError(f"{package.arn} has no inference specification {name!r}.")

    def model(self, name: str) -> LocalModel:
        if name not in self._models:
            raise ValidationError(f'Could not find model "{self._arn("model", name)}".')
        model: LocalModel = self._models[name]
        return model

    def unhost_model(self, name: str) -> None:
        del self._models[self.model(name).model_name]

    def configure(self, request: Json) -> LocalConfig:
        name = request["EndpointConfigName"]
        if name in self.endpoint_configs:
            arn = self.endpoint_configs[name].arn
            raise ValidationError(f'Cannot create already existing endpoint configuration "{arn}".')
        hosting.check_config(request)
        self.model(request["ProductionVariants"][0]["ModelName"])
        config = self.endpoint_configs[name] = LocalConfig(request, self.account_id, self.region_name)
        return config

    def config(self, name: str) -> LocalConfig:
        if name not in self.endpoint_configs:
            raise ValidationError(f'Could not find endpoint configuration "{self._arn("endpoint-config", name)}".')
        config: LocalConfig = self.endpoint_configs[name]
        return config

    def unconfigure(self, name: str) -> None:
        """Delete a configuration, also while an endpoint uses it, which AWS allows and advises against."""
        del self.endpoint_configs[self.config(name).endpoint_config_name]

    def _arn(self, kind: str, name: str) -> str:
        return str(arn_formatter(kind, name, self.account_id, self.region_name))


class HostingResponses(SageMakerResponse):
    def create_model(self) -> ActionResult:
        return ActionResult({"ModelArn": self.sagemaker_backend.host_model(self.params).arn})

    def describe_model(self) -> ActionResult:
        return ActionResult(self.sagemaker_backend.model(self.params["ModelName"]).describe())

    def delete_model(self) -> ActionResult:
        self.sagemaker_backend.unhost_model(self.params["ModelName"])
        return EmptyResult()

    def list_models(self) -> ActionResult:
        descriptions = [
            model.describe()
            for model in self.sagemaker_backend._models.values()
            if matches_filters(self.params, model.model_name, model.creation_time)
        ]
        ordered = sort_newest_first(self.params, descriptions, "ModelName")
        return build_page(self.params, ordered, "Models", "ModelArn", MODEL_SUMMARY)

    def create_endpoint_config(self) -> ActionResult:
        return ActionResult({"EndpointConfigArn": self.sagemaker_backend.configure(self.params).arn})

    def describe_endpoint_config(self) -> ActionResult:
        return ActionResult(self.sagemaker_backend.config(self.params["EndpointConfigName"]).describe())

    def delete_endpoint_config(self) -> ActionResult:
        self.sagemaker_backend.unconfigure(self.params["EndpointConfigName"])
        return EmptyResult()

    def list_endpoint_configs(self) -> ActionResult:
        descriptions = [
            config.describe()
            for config in self.sagemaker_backend.endpoint_configs.values()
            if matches_filters(self.params, config.endpoint_config_name, config.creation_time)
        ]
        ordered = sort_newest_first(self.params, descriptions, "EndpointConfigName")
        return build_page(self.params, ordered, "EndpointConfigs", "EndpointConfigArn", CONFIG_SUMMARY)

"""Endpoints, whose status is what their process and its `/ping` say.

Each creation, update and deletion runs on a thread of its own and takes the lock for moments only. A container that
dies in service is started once more, as SageMaker does; if it dies again soon, the endpoint is Failed and says why.
As on AWS, an endpoint cannot be deleted while it is Creating or Updating: it must come up or fail first.
"""

import logging
import threading
import time
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.moto_api._internal import mock_random
from moto.sagemaker.models import FakeEndpoint

from sluice.localaws.events import eventbridge
from sluice.localaws.jobs.containers import Containers
from sluice.localaws.sagemaker import hosting
from sluice.localaws.sagemaker.configs import HostingBackend, HostingResponses
from sluice.localaws.sagemaker.fleet import Fleet, FleetFailed, Home
from sluice.localaws.sagemaker.hosting import LocalConfig
from sluice.localaws.sagemaker.listing import build_page, matches_filters, sort_newest_first
from sluice.localaws.server.api_errors import NotImplementedLocally, ValidationError
from sluice.localaws.server.lock import LOCK

Json = dict[str, Any]
log = logging.getLogger(__name__)
STOP_SECONDS = 10.0
DRAIN_SECONDS = 60.0  # the longest that an answer may take
STEADY_SECONDS = 60.0  # a container that dies twice within this is not started again
IN_PROGRESS = ("Creating", "Updating", "RollingBack", "SystemUpdating", "Deleting")
SERVING = ("InService", "Updating", "RollingBack", "SystemUpdating")
ENDPOINT_SUMMARY = ("EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus")


class LocalEndpoint(FakeEndpoint):
    def __init__(self, request: Json, config: LocalConfig, account: str, region: str) -> None:
        super().__init__(
            account_id=account,
            region_name=region,
            endpoint_name=request["EndpointName"],
            endpoint_config_name=config.endpoint_config_name,
            production_variants=config.production_variants,
            data_capture_config=config.data_capture_config,
            tags=request.get("Tags") or [],
        )
        self.endpoint_status = "Creating"
        self.deployment = request.get("DeploymentConfig")
        self.fleet: Fleet | None = None  # the one that has the traffic
        self.pending: Json | None = None
        self.instances = config.variant.instances
        self.weight = config.variant.weight

    @property
    def is_serving(self) -> bool:
        return self.fleet is not None and self.endpoint_status in SERVING

    def describe(self) -> Json:
        description: Json = {
            "EndpointName": self.endpoint_name,
            "EndpointArn": self.arn,
            "EndpointConfigName": self.endpoint_config_name,
            "EndpointStatus": self.endpoint_status,
            "CreationTime": self.creation_time,
            "LastModifiedTime": self.last_modified_time,
        }
        if self.fleet is not None:
            description["ProductionVariants"] = [self._variant(self.fleet)]
        beside = {
            "FailureReason": self.failure_reason,
            "LastDeploymentConfig": self.deployment,
            "PendingDeploymentSummary": self.pending,
        }
        return description | {name: value for name, value in beside.items() if value}

    def _variant(self, fleet: Fleet) -> Json:
        image = fleet.workload.image
        return {
            "VariantName": fleet.variant.name,
            "DeployedImages": [{"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": fleet.started}],
            "CurrentWeight": self.weight,
            "DesiredWeight": self.weight,
            "CurrentInstanceCount": self.instances,
            "DesiredInstanceCount": self.instances,
        }

    @property
    def response_object(self) -> Json:
        return self.describe()


class EndpointBackend(HostingBackend):
    containers: Containers

    def reset(self) -> None:
        """Whoever waits for an endpoint's process finds that the endpoint is gone."""
        self.containers.kill_all()
        super().reset()

    def endpoint(self, name: str) -> LocalEndpoint:
        if name not in self.endpoints:
            raise ValidationError(f'Could not find endpoint "{self._arn("endpoint", name)}".')
        endpoint: LocalEndpoint = self.endpoints[name]
        return endpoint

    def serve(self, request: Json) -> LocalEndpoint:
        name = request["EndpointName"]
        if name in self.endpoints:
            raise ValidationError(f'Cannot create already existing endpoint "{self.endpoints[name].arn}".')
        hosting.check_deployment(request.get("DeploymentConfig"))
        config = self.config(request["EndpointConfigName"])
        fleet = self._fleet(name, config)
        endpoint = self.endpoints[name] = LocalEndpoint(request, config, self.account_id, self.region_name)
        self._emit_endpoint(endpoint)
        self._run(f"creation of {name}", self._create, endpoint, fleet)
        return endpoint

    def update(self, request: Json) -> LocalEndpoint:
        """Start a new fleet beside the old one; the traffic moves if it becomes healthy, and stays otherwise."""
        endpoint = self._idle(request["EndpointName"])
        if endpoint.endpoint_status == "Failed":
            raise ValidationError(f'Cannot update failed endpoint "{endpoint.arn}": it can only be deleted.')
        hosting.check_deployment(request.get("DeploymentConfig"))
        config = self.config(request["EndpointConfigName"])
        fleet = self._fleet(endpoint.endpoint_name, config)
        if not request.get("RetainDeploymentConfig"):
            endpoint.deployment = request.get("DeploymentConfig")
        endpoint.pending = {"EndpointConfigName": config.endpoint_config_name, "StartTime": time.time()}
        retained = set() if not request.get("RetainAllVariantProperties") else {"DesiredInstanceCount", "DesiredWeight"}
        retained -= {each["VariantPropertyType"] for each in request.get("ExcludeRetainedVariantProperties") or []}
        self._set_status(endpoint, "Updating")
        self._run(f"update of {endpoint.endpoint_name}", self._replace, endpoint, fleet, config, retained)
        return endpoint

    def scale(self, request: Json) -> LocalEndpoint:
        """Record the counts and weights; the one process stays."""
        endpoint = self._idle(request["EndpointName"])
        if endpoint.endpoint_status != "InService" or endpoint.fleet is None:
            raise ValidationError(f'Cannot update endpoint "{endpoint.arn}": it is {endpoint.endpoint_status}.')
        for change in request["DesiredWeightsAndCapacities"]:
            if change["VariantName"] != endpoint.fleet.variant.name:
                raise ValidationError(
                    f'The variant name(s) "{change["VariantName"]}" is/are not present within endpoint configuration '
                    f'"{endpoint.endpoint_config_name}".'
                )
            if change.get("ServerlessUpdateConfig"):
                raise NotImplementedLocally("ServerlessUpdateConfig of UpdateEndpointWeightsAndCapacities")
        for change in request["DesiredWeightsAndCapacities"]:
            endpoint.instances = change.get("DesiredInstanceCount") or endpoint.instances
            endpoint.weight = change.get("DesiredWeight", endpoint.weight)
        self._set_status(endpoint, "InService")
        return endpoint

    def remove(self, name: str) -> None:
        endpoint = self._idle(name)
        self._set_status(endpoint, "Deleting")
        self._run(f"deletion of {name}", self._delete, endpoint)

    def _idle(self, name: str) -> LocalEndpoint:
        endpoint = self.endpoint(name)
        if endpoint.endpoint_status in IN_PROGRESS:
            raise ValidationError(
                f'Cannot update in-progress endpoint "{endpoint.arn}" (it is {endpoint.endpoint_status}).'
            )
        return endpoint

    def _fleet(self, endpoint: str, config: LocalConfig) -> Fleet:
        variant = config.variant
        instance = f"i-{mock_random.get_random_hex(17)}"
        folder = self.containers.settings.state / "endpoints" / self.region_name / f"{endpoint}-{instance}"
        home = Home(self.account_id, self.region_name, endpoint, folder, f"{variant.name}/{instance}")
        return Fleet(home, variant, self.model(variant.model).workload, self.containers)

    def _run(self, name: str, work: Any, *arguments: Any) -> None:
        threading.Thread(target=work, args=arguments, name=name, daemon=True).start()

    # On threads of their own, from here on

    def _create(self, endpoint: LocalEndpoint, fleet: Fleet) -> None:
        try:
            fleet.bring_up()
        except FleetFailed as reason:
            self._set_status_unless_gone(endpoint, "Failed", str(reason))
            return
        with LOCK:
            endpoint.fleet = fleet
            there = self._set_status_unless_gone(endpoint, "InService")
        if there:
            self._watch(endpoint, fleet)
        else:
            fleet.stop(STOP_SECONDS)

    def _replace(self, endpoint: LocalEndpoint, fleet: Fleet, config: LocalConfig, retained: set[str]) -> None:
        policy = (endpoint.deployment or {}).get("BlueGreenUpdatePolicy") or {}
        try:
            fleet.bring_up()
        except FleetFailed as reason:
            self._set_status_unless_gone(endpoint, "RollingBack", str(reason))
            endpoint.pending = None
            self._set_status_unless_gone(endpoint, "InService", str(reason))
            return
        with LOCK:
            old, endpoint.fleet = endpoint.fleet, fleet
            endpoint.endpoint_config_name = config.endpoint_config_name
            endpoint.instances = endpoint.instances if "DesiredInstanceCount" in retained else config.variant.instances
            endpoint.weight = endpoint.weight if "DesiredWeight" in retained else config.variant.weight
            gone = self._is_gone(endpoint)
        if old is not None:
            self._wait(policy.get("TerminationWaitInSeconds", 0))
            old.drain(self._scaled(DRAIN_SECONDS))
            old.stop(STOP_SECONDS)
        endpoint.pending = None
        if gone or not self._set_status_unless_gone(endpoint, "InService"):
            fleet.stop(STOP_SECONDS)
        else:
            self._watch(endpoint, fleet)

    def _delete(self, endpoint: LocalEndpoint) -> None:
        if endpoint.fleet is not None:
            endpoint.fleet.stop(STOP_SECONDS)
        with LOCK:
            if not self._is_gone(endpoint):
                del self.endpoints[endpoint.endpoint_name]

    def _watch(self, endpoint: LocalEndpoint, fleet: Fleet) -> None:
        """Until the fleet is stopped, or its process has died once too often."""
        restarted = float("-inf")
        while True:
            code = fleet.wait()
            if fleet.stopped or self._is_gone(endpoint) or self.containers.closed:
                return
            died = f"The container of production variant {fleet.variant.name} exited with code {code} in service"
            log.warning("%s: %s", endpoint.endpoint_name, died)
            try:
                if time.monotonic() - restarted < self._scaled(STEADY_SECONDS):
                    raise FleetFailed(f"{died}, soon after it had been restarted for the same reason.")
                restarted = time.monotonic()
                fleet.restart()
            except FleetFailed as reason:
                fleet.stop(STOP_SECONDS)
                self._set_status_unless_gone(endpoint, "Failed", str(reason))
                return

    def _wait(self, seconds: float) -> None:
        time.sleep(self._scaled(seconds))

    def _scaled(self, seconds: float) -> float:
        return seconds * self.containers.settings.time_scale

    def _is_gone(self, endpoint: LocalEndpoint) -> bool:
        """Deleted, or the whole account was reset."""
        return self.endpoints.get(endpoint.endpoint_name) is not endpoint

    def _set_status_unless_gone(self, endpoint: LocalEndpoint, status: str, reason: str | None = None) -> bool:
        with LOCK:
            if self._is_gone(endpoint) or endpoint.endpoint_status == "Deleting":
                return False
            self._set_status(endpoint, status, reason)
            return True

    def _set_status(self, endpoint: LocalEndpoint, status: str, reason: str | None = None) -> None:
        endpoint.endpoint_status = status
        endpoint.failure_reason = reason
        endpoint.last_modified_time = utcnow()
        self._emit_endpoint(endpoint)

    def _emit_endpoint(self, endpoint: LocalEndpoint) -> None:
        status = "".join(f"_{each}" if each.isupper() else each for each in endpoint.endpoint_status)
        detail = {
            "EndpointName": endpoint.endpoint_name,
            "EndpointArn": endpoint.arn,
            "EndpointConfigName": endpoint.endpoint_config_name,
            "EndpointStatus": status.lstrip("_").upper(),
            "CreationTime": int(endpoint.creation_time.timestamp() * 1000),
            "LastModifiedTime": int(endpoint.last_modified_time.timestamp() * 1000),
            "Tags": {tag["Key"]: tag["Value"] for tag in endpoint.tags},
        } | ({"FailureReason": endpoint.failure_reason} if endpoint.failure_reason else {})
        kind = "SageMaker Endpoint State Change"
        eventbridge.emit_event(self.account_id, self.region_name, kind, detail, [endpoint.arn])


class EndpointResponses(HostingResponses):
    def create_endpoint(self) -> ActionResult:
        return ActionResult({"EndpointArn": self.sagemaker_backend.serve(self.params).arn})

    def describe_endpoint(self) -> ActionResult:
        return ActionResult(self.sagemaker_backend.endpoint(self.params["EndpointName"]).describe())

    def update_endpoint(self) -> ActionResult:
        return ActionResult({"EndpointArn": self.sagemaker_backend.update(self.params).arn})

    def update_endpoint_weights_and_capacities(self) -> ActionResult:
        return ActionResult({"EndpointArn": self.sagemaker_backend.scale(self.params).arn})

    def delete_endpoint(self) -> ActionResult:
        self.sagemaker_backend.remove(self.params["EndpointName"])
        return EmptyResult()

    def list_endpoints(self) -> ActionResult:
        status = self.params.get("StatusEquals")
        descriptions = [
            endpoint.describe()
            for endpoint in self.sagemaker_backend.endpoints.values()
            if status in (None, endpoint.endpoint_status)
            and matches_filters(self.params, endpoint.endpoint_name, endpoint.creation_time)
            and matches_filters(self.params, "", endpoint.last_modified_time, "LastModifiedTime")
        ]
        ordered = sort_newest_first(self.params, descriptions, "EndpointName")
        return build_page(self.params, ordered, "Endpoints", "EndpointArn", ENDPOINT_SUMMARY)

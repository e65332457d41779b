"""CloudFormation that does what it says: a stack is checked before it begins, and rolled back if it fails.

moto ends a stack CREATE_COMPLETE although it skipped types and properties, misses an update that reaches a resource
through Fn::Sub, and leaves a stack that failed half-way as it is. `resource_map.py` makes the resources,
`template_check.py` refuses what cannot be made.
"""

import sys
from collections.abc import Mapping
from typing import Any

from moto.cloudformation import models as moto_models
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import CloudFormationBackend, Event, Stack, cloudformation_backends
from moto.cloudformation.responses import CloudFormationResponse
from moto.cloudformation.urls import url_bases as url_bases
from moto.core.responses import ActionResult
from yaml import YAMLError

from sluice.localaws.cloudformation import template_check
from sluice.localaws.cloudformation.resource_map import LocalResourceMap, ResourceFailed
from sluice.localaws.server.api_errors import NotImplementedLocally

REFUSED_OPTIONS = (
    "EnableTerminationProtection", "ResourceTypes", "RollbackConfiguration", "StackPolicyBody", "StackPolicyURL",
    "StackPolicyDuringUpdateBody", "StackPolicyDuringUpdateURL", "TimeoutInMinutes", "NotificationARNs",
    "ResourcesToImport", "ImportExistingResources", "IncludeNestedStacks", "RetainExceptOnCreate", "DeploymentMode",
)  # fmt: skip
NO_CHANGES = (  # the aws CLI looks for these words
    "The submitted information didn't contain changes. Submit different information to create a change set."
)


def install() -> None:
    """Replaces moto's CloudFormation; idempotent, to be called before the first request."""
    cloudformation_backends.clear()
    cloudformation_backends.backend = LocalCloudFormation
    moto_models.ResourceMap = LocalResourceMap


class LocalCloudFormation(CloudFormationBackend):
    @property
    def _url_module(self) -> Any:
        return sys.modules[__name__]

    def _resolve_update_parameters(self, instance: Any, incoming_params: list[dict[str, Any]]) -> dict[str, str]:
        """moto does not find the previous value of a parameter that had its default."""
        previous = instance.stack_parameters if isinstance(instance, Stack) else instance.parameters
        return {
            parameter["ParameterKey"]: str(previous[parameter["ParameterKey"]])
            if parameter.get("UsePreviousValue")
            else parameter["ParameterValue"]
            for parameter in incoming_params
        }


class LocalCloudFormationResponse(CloudFormationResponse):
    def create_stack(self) -> ActionResult:
        self._check(None)
        try:
            answer = super().create_stack()
        except ResourceFailed as failed:
            stack = self.cloudformation_backend.get_stack(self._get_param("StackName"))
            self._undo_creation(stack, failed)
            return ActionResult({"StackId": stack.stack_id})
        _record_resources(self.cloudformation_backend.get_stack(self._get_param("StackName")), "CREATE_COMPLETE")
        return answer

    def update_stack(self) -> ActionResult:
        stack = self.cloudformation_backend.get_stack(self._get_param("StackName"))
        template, parameters = self._check(stack)
        if self._changes_nothing(stack, template, parameters):
            raise ValidationError(message="No updates are to be performed.")
        return _roll_back_on_failure(stack, lambda: self._update(stack))

    def _update(self, stack: Stack) -> ActionResult:
        if tags := self._get_param("Tags", []):
            stack.resource_map.tags = {tag["Key"]: tag["Value"] for tag in tags}
        answer = super().update_stack()
        _record_resources(stack, "UPDATE_COMPLETE")
        return answer

    def create_change_set(self) -> ActionResult:
        backend = self.cloudformation_backend
        update = self._get_param("ChangeSetType", "CREATE") == "UPDATE"
        stack = backend.get_stack(self._get_param("StackName")) if update else None
        template, parameters = self._check(stack)
        answer = super().create_change_set()
        if stack is not None and self._changes_nothing(stack, template, parameters):
            change_set = backend.describe_change_set(self._get_param("ChangeSetName"))
            change_set.status, change_set.execution_status = "FAILED", "UNAVAILABLE"
            change_set.status_reason = NO_CHANGES
        return answer

    def _validate_different_update(self, *ignored: Any) -> None:
        """moto compares less than it should; `_changes_nothing` has done it."""

    def execute_change_set(self) -> ActionResult:
        backend = self.cloudformation_backend
        change_set = backend.describe_change_set(self._get_param("ChangeSetName"))
        stack = backend.stacks[change_set.stack_id]
        if change_set.change_set_type == "UPDATE":
            return _roll_back_on_failure(stack, lambda: self._execute(stack, change_set))
        try:
            return self._execute(stack, change_set)
        except ResourceFailed as failed:
            self._undo_creation(stack, failed)
            return ActionResult({})

    def _execute(self, stack: Stack, change_set: Any) -> ActionResult:
        """moto forgets the outputs and parameters of the new template."""
        if change_set.tags:
            stack.resource_map.tags = dict(change_set.tags)
        answer = super().execute_change_set()
        stack.parameters = change_set.parameters
        stack._parse_template()
        stack.output_map = stack._create_output_map()
        _record_resources(stack, stack.status)
        return answer

    def delete_stack(self) -> ActionResult:
        backend, name = self.cloudformation_backend, self._get_param("StackName")
        stacks = [stack for stack in backend.stacks.values() if name in (stack.name, stack.stack_id)]
        for stack in stacks:
            _forget_outputs(stack)
        try:
            return super().delete_stack()
        except ResourceFailed as failed:
            backend.stacks[stacks[0].stack_id] = stacks[0]  # moto has dropped it already
            _record_failure(stacks[0], failed, "DELETE_FAILED")
            _record_stack(
                stacks[0], "DELETE_FAILED", f"The following resource(s) failed to delete: [{failed.logical_id}]."
            )
            return ActionResult({})

    def _check(self, stack: Stack | None) -> tuple[dict[str, Any], dict[str, str]]:
        """The template and the parameters of the request, or the reason why it cannot be done."""
        refused = [name for name in REFUSED_OPTIONS if self._get_param(name)]
        if refused:
            raise NotImplementedLocally(f"the CloudFormation options {', '.join(refused)}")
        template = _parse(self._body(stack))
        entries = {each["ParameterKey"]: each for each in self._get_param("Parameters", [])}
        previous = stack.stack_parameters if stack else {}
        parameters = {
            name: str(previous.get(name)) if each.get("UsePreviousValue") else each.get("ParameterValue", "")
            for name, each in entries.items()
        }
        template_check.check_template(template, parameters, self._get_param("Capabilities", []))
        return template, parameters

    def _body(self, stack: Stack | None) -> str:
        if stack is not None and self._get_bool_param("UsePreviousTemplate", False):
            return str(stack.template)
        if url := self._get_param("TemplateURL"):
            return str(self._get_stack_from_s3_url(url))
        return str(self._get_param("TemplateBody") or "")

    def _changes_nothing(self, stack: Stack, template: Mapping[str, Any], parameters: Mapping[str, str]) -> bool:
        defaults = {name: spec.get("Default") for name, spec in template.get("Parameters", {}).items()}
        now = {name: str(value) for name, value in stack.stack_parameters.items()}
        then = {name: str(value) for name, value in {**defaults, **parameters}.items()}
        tags = {tag["Key"]: tag["Value"] for tag in self._get_param("Tags", [])}
        return template == stack.template_dict and now == then and tags in ({}, stack.tags)

    def _undo_creation(self, stack: Stack, failed: ResourceFailed) -> None:
        _record_failure(stack, failed, "CREATE_FAILED")
        keep = self._get_bool_param("DisableRollback", False)
        wish = self._get_param("OnFailure") or self._get_param("OnStackFailure")
        if keep or wish == "DO_NOTHING":
            _record_stack(stack, "CREATE_FAILED", failed.reason)
            return
        _record_stack(
            stack, "ROLLBACK_IN_PROGRESS", f"The following resource(s) failed to create: [{failed.logical_id}]."
        )
        _forget_outputs(stack)
        stack.resource_map.delete(undo=True)
        _record_stack(stack, "ROLLBACK_COMPLETE")
        if wish == "DELETE":
            self.cloudformation_backend.delete_stack(stack.stack_id)


url_paths = {"{0}/$": LocalCloudFormationResponse.dispatch}


def _parse(body: str) -> dict[str, Any]:
    try:
        template = Stack.parse_template(body)
    except (YAMLError, ValueError) as reason:
        raise ValidationError(message=f"Template format error: {reason}") from None
    if not isinstance(template, dict):
        raise ValidationError(message="Template format error: unsupported structure.")
    return template


def _roll_back_on_failure(stack: Stack, change: Any) -> ActionResult:
    """An update that fails puts back what was there."""
    template, parameters, tags = stack.template, dict(stack.parameters), dict(stack.resource_map.tags)
    try:
        return change()
    except ResourceFailed as failed:
        _record_failure(stack, failed, "UPDATE_FAILED")
        _record_stack(stack, "UPDATE_ROLLBACK_IN_PROGRESS", f"[{failed.logical_id}] failed to update.")
    try:
        stack.resource_map.tags = tags
        stack.update(template, stack.role_arn, parameters)
        _record_stack(stack, "UPDATE_ROLLBACK_COMPLETE")
    except ResourceFailed as failed:
        _record_failure(stack, failed, "UPDATE_FAILED")
        _record_stack(stack, "UPDATE_ROLLBACK_FAILED", failed.reason)
    return ActionResult({"StackId": stack.stack_id})


def _forget_outputs(stack: Stack) -> None:
    """They speak of resources that are about to go."""
    stack.template_dict = {name: part for name, part in stack.template_dict.items() if name != "Outputs"}
    stack.output_map = stack._create_output_map()


def _record_stack(stack: Stack, status: str, reason: str | None = None) -> None:
    stack.status = status
    stack._add_stack_event(status, resource_status_reason=reason)


def _record_failure(stack: Stack, failed: ResourceFailed, status: str) -> None:
    stack.events.append(_event(stack, failed.logical_id, "", failed.kind, status, failed.reason))


def _record_resources(stack: Stack, status: str) -> None:
    """Before the stack's own last event."""
    events = [
        _event(stack, name, one.physical_resource_id, one.type, status)
        for name, one in stack.resource_map.created_resources().items()
    ]
    stack.events[-1:-1] = events


def _event(stack: Stack, name: str, physical_id: str, kind: str, status: str, reason: str | None = None) -> Event:
    return Event(
        stack_id=stack.stack_id, stack_name=stack.name, logical_resource_id=name, physical_resource_id=physical_id,
        resource_type=kind, resource_status=status, resource_status_reason=reason, resource_properties=None,
    )  # fmt: skip

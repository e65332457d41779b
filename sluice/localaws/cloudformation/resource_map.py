"""The resources of one stack: made, changed and removed in the order in which they speak of each other."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.cloudformation.parsing import ResourceMap, clean_json, generate_resource_name

from sluice.localaws.cloudformation import template_check
from sluice.localaws.cloudformation.resources import Resource

RETAIN_POLICIES = {"Retain", "RetainExceptOnCreate"}


class ResourceFailed(Exception):
    def __init__(self, logical_id: str, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.logical_id, self.kind, self.reason = logical_id, kind, reason


@contextmanager
def _attribute_failures(logical_id: str, kind: str) -> Iterator[None]:
    """Whatever a call for a resource fails with becomes that resource's failure."""
    try:
        yield
    except ClientError as error:
        raise ResourceFailed(logical_id, kind, error.response["Error"]["Message"]) from error
    except (BotoCoreError, KeyError, ValueError) as error:  # bad arguments; a missing property; one that is there
        reason = f"{error} is required or not supported" if isinstance(error, KeyError) else str(error)
        raise ResourceFailed(logical_id, kind, reason) from error


class LocalResourceMap(ResourceMap):
    """The resources of one stack by their logical id; those whose condition does not hold are not there."""

    def __iter__(self) -> Iterator[str]:
        return iter(self.created_resources())

    def validate_outputs(self) -> None:
        """Left out: `template_check` has done it before the stack began."""

    def __getitem__(self, name: str) -> Any:
        """moto asks for the values of references here, parameters and pseudo parameters among them."""
        if name in self._parsed_resources or name not in self._resource_json_map:
            return super().__getitem__(name)
        return None

    def create(self, template: dict[str, Any]) -> bool:
        self._template, self._resource_json_map = template, template["Resources"]
        self._converge({})
        return True

    def update(self, template: dict[str, Any], parameters: dict[str, Any] | None = None) -> None:
        before = self._resource_json_map
        self._template, self._resource_json_map = template, template["Resources"]
        if parameters is not None:
            self.input_parameters = parameters
        self.resolved_parameters.clear()
        self.load()
        self._converge(before)

    def _converge(self, before: Mapping[str, Any]) -> None:
        """Makes or changes each resource after those it speaks of, then removes what the template no longer has."""
        outdated: list[tuple[Resource, Mapping[str, Any]]] = []
        for name in template_check.sort_by_dependency(self._resource_json_map):
            spec = self._resource_json_map[name]
            if self._condition_holds(spec) and (old := self._make_or_change(name, spec)) is not None:
                outdated.append((old, {"DeletionPolicy": spec.get("UpdateReplacePolicy")}))
        for name in reversed(template_check.sort_by_dependency(before) if before else []):
            spec = self._resource_json_map.get(name)
            if name in self._parsed_resources and not (spec and self._condition_holds(spec)):
                outdated.append((self._parsed_resources.pop(name), before[name]))
        for resource, spec in outdated:
            self._remove(resource, spec)

    def _condition_holds(self, spec: Mapping[str, Any]) -> bool:
        return "Condition" not in spec or bool(self.lazy_condition_map[spec["Condition"]])

    def _make_or_change(self, name: str, spec: Mapping[str, Any]) -> Resource | None:
        """What the new resource replaces, if it replaces one."""
        kind = template_check.TYPES[spec["Type"]]
        properties = self._properties(spec)
        old: Resource | None = self._parsed_resources.get(name)
        called = properties.get(kind.name_property) or (
            old.name if old and old.type == kind.type else self._generate_name(name, spec)
        )
        with _attribute_failures(name, kind.type):
            if old and old.type == kind.type and old.name == called and not old.replaced_by(properties):
                old.apply(properties)
                return None
            if old and old.type == kind.type and old.name == called:
                if kind.name_property in properties:
                    raise ValueError(
                        "CloudFormation cannot update a stack when a custom-named resource requires replacing."
                    )
                called = self._generate_name(name, spec)
            resource = kind(called, self._account_id, self._region_name)
            resource.cf_resource_type, resource.logical_resource_id = kind.type, name  # type: ignore[attr-defined]  # moto lists by them
            resource.create(properties)
            self._parsed_resources[name] = resource  # before its settings: if one fails, the rollback finds it
            resource.apply(properties)
            return old

    def _generate_name(self, name: str, spec: Mapping[str, Any]) -> str:
        return str(generate_resource_name(spec["Type"], self["AWS::StackName"], name))

    def _properties(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        properties: dict[str, Any] = _without_none(clean_json(spec.get("Properties", {}), self))
        if "Tags" in template_check.TYPES[spec["Type"]].property_names():  # the stack's tags go to what can have tags
            own = {tag["Key"] for tag in properties.get("Tags", [])}
            more = [{"Key": key, "Value": self.tags[key]} for key in self.tags if key not in own]
            properties["Tags"] = properties.get("Tags", []) + more
        return properties

    def _remove(self, resource: Resource, spec: Mapping[str, Any]) -> None:
        if spec.get("DeletionPolicy") not in RETAIN_POLICIES:
            with _attribute_failures(getattr(resource, "logical_resource_id", resource.name), resource.type):
                resource.delete()

    def created_resources(self) -> dict[str, Resource]:
        return {name: one for name, one in self._parsed_resources.items() if isinstance(one, Resource)}

    def delete(self, undo: bool = False) -> None:
        """Deletes what no policy retains; after a failed creation (`undo`) RetainExceptOnCreate retains nothing."""
        for name in reversed(template_check.sort_by_dependency(self._resource_json_map)):
            resource, spec = self.created_resources().get(name), self._resource_json_map[name]
            if resource is not None:
                goes = undo and spec.get("DeletionPolicy") == "RetainExceptOnCreate"
                self._remove(resource, {} if goes else spec)
                self._parsed_resources.pop(name)

    def build_resource_diff(self, other_template: dict[str, Any], parameters: Any = None) -> dict[str, list[str]]:
        """List what a change set adds, modifies and removes; a resource may change with whatever it refers to."""
        old, new = self._resource_json_map, other_template["Resources"]
        changed = {name for name in new if name in old and new[name] != old[name]}
        changed |= {name for name in parameters or {} if str(self.input_parameters.get(name)) != str(parameters[name])}
        for name in template_check.sort_by_dependency(new):
            if {referenced for referenced, _ in template_check.list_references(new[name])} & changed:
                changed.add(name)
        return {
            "Add": [name for name in new if name not in old],
            "Modify": [name for name in new if name in old and name in changed],
            "Remove": [name for name in old if name not in new],
        }


def _without_none(part: Any) -> Any:
    """AWS::NoValue, wherever it stands."""
    if isinstance(part, dict):
        return {name: _without_none(inner) for name, inner in part.items() if inner is not None}
    if isinstance(part, list):
        return [_without_none(inner) for inner in part if inner is not None]
    return part

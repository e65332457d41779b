"""What is wrong with a template, or not supported here, said before a stack begins. Values in, errors out."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from moto.cloudformation.exceptions import CloudFormationError, ValidationError

from sluice.localaws.cloudformation.resources import (
    LIFECYCLE_KNOWN,
    Bucket,
    BucketPolicy,
    EventRule,
    LogGroup,
    LogsPolicy,
    Resource,
    Table,
)
from sluice.localaws.cloudformation.roles import InlinePolicy, ManagedPolicy, Role
from sluice.localaws.server.api_errors import NotImplementedLocally

Template = Mapping[str, Any]

KINDS: tuple[type[Resource], ...] = (
    Bucket, BucketPolicy, Table, Role, InlinePolicy, ManagedPolicy, LogGroup, LogsPolicy, EventRule,
)  # fmt: skip
TYPES = {kind.type: kind for kind in KINDS}
SECTIONS = {"AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Conditions", "Resources", "Outputs"}
ATTRIBUTES = {"Type", "Properties", "DependsOn", "Condition", "DeletionPolicy", "UpdateReplacePolicy", "Metadata"}
FUNCTIONS = {"GetAtt", "If", "Join", "Split", "Select", "Sub", "Base64", "ToJsonString", "Equals", "Not", "And", "Or"}
PARAMETER_TYPES = {"String", "Number", "CommaDelimitedList"}
PSEUDO = {"AccountId", "Region", "StackId", "StackName", "URLSuffix", "NoValue", "Partition"}


def check_template(template: Template, parameters: Mapping[str, str], capabilities: list[str]) -> None:
    check_supported(template)
    check_references(template)
    check_parameters(template.get("Parameters", {}), parameters)
    check_capabilities(template, capabilities)


def check_supported(template: Template) -> None:
    """Raises NotImplementedLocally, which names everything that moto would pass over."""
    refused = [f"the template section {name}" for name in template if name not in SECTIONS]
    for name, spec in template.get("Resources", {}).items():
        refused += [f"{what} ({name})" for what in _unsupported_parts(spec)]
    refused += [f"Export ({name})" for name, spec in template.get("Outputs", {}).items() if "Export" in spec]
    refused += sorted(f"Fn::{name}" for name in set(_functions(template)) - FUNCTIONS)
    for name, spec in template.get("Parameters", {}).items():
        if spec.get("Type") not in PARAMETER_TYPES:
            refused.append(f"the parameter type {spec.get('Type')} ({name})")
    if refused:
        raise NotImplementedLocally("in CloudFormation: " + "; ".join(refused))


def _unsupported_parts(spec: Mapping[str, Any]) -> Iterator[str]:
    kind = TYPES.get(spec.get("Type", ""))
    if kind is None:
        yield str(spec.get("Type"))
        return
    yield from (f"the attribute {name} of {kind.type}" for name in spec if name not in ATTRIBUTES)
    if "Snapshot" in (spec.get("DeletionPolicy"), spec.get("UpdateReplacePolicy")):
        yield f"a Snapshot of {kind.type}"
    properties = spec.get("Properties", {})
    yield from (f"{kind.type}.{name}" for name in properties if name not in kind.property_names())
    if kind is Bucket:
        for rule in properties.get("LifecycleConfiguration", {}).get("Rules", []):
            yield from (f"{kind.type}.LifecycleConfiguration.Rules.{name}" for name in set(rule) - LIFECYCLE_KNOWN)


def _functions(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        yield from (name.removeprefix("Fn::") for name in part if isinstance(name, str) and name.startswith("Fn::"))
    for inner in part.values() if isinstance(part, Mapping) else part if isinstance(part, list) else ():
        yield from _functions(inner)


def list_references(part: Any) -> Iterator[tuple[str, str]]:
    """Each name that Ref, Fn::GetAtt and Fn::Sub speak of, with the attribute ("" for Ref)."""
    if isinstance(part, list):
        for inner in part:
            yield from list_references(inner)
    if not isinstance(part, Mapping):
        return
    own: Mapping[str, Any] = {}
    if isinstance(part.get("Ref"), str):
        yield part["Ref"], ""
    if isinstance(part.get("Fn::GetAtt"), list):
        yield part["Fn::GetAtt"][0], ".".join(part["Fn::GetAtt"][1:])
    if sub := part.get("Fn::Sub"):
        text, own = (sub, {}) if isinstance(sub, str) else (sub[0], sub[1])
        for name in re.findall(r"\$\{([^!{}]+)\}", text):
            if name not in own:
                yield name.partition(".")[0], name.partition(".")[2]
    for inner in part.values():
        yield from list_references(inner)


def check_references(template: Template) -> None:
    resources = template.get("Resources", {})
    if not resources:
        raise ValidationError(message="Template format error: At least one Resources member must be defined.")
    defined = {*resources, *template.get("Parameters", {}), *(f"AWS::{name}" for name in PSEUDO)}
    for section in ("Resources", "Outputs"):
        missing = {name for name, _ in list_references(template.get(section, {}))} - defined
        if missing:
            text = f"Template format error: Unresolved resource dependencies [{', '.join(sorted(missing))}]"
            raise ValidationError(message=f"{text} in the {section} block of the template")
    for name, spec in resources.items():
        for other in list_depends_on(spec) - resources.keys():
            raise ValidationError(message=f"Template format error: {name} depends on {other}, which is not there")


def list_depends_on(spec: Mapping[str, Any]) -> set[str]:
    names = spec.get("DependsOn", [])
    return {names} if isinstance(names, str) else set(names)


def sort_by_dependency(resources: Mapping[str, Any]) -> list[str]:
    """Return the names, each after those that it refers to; raises ValidationError for a circle."""
    ordered: list[str] = []

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise ValidationError(message=f"Circular dependency between resources: [{', '.join(path)}]")
        spec = resources[name]
        for other in sorted({*list_depends_on(spec), *(referenced for referenced, _ in list_references(spec))}):
            if other in resources and other not in ordered:
                visit(other, (*path, name))
        if name not in ordered:
            ordered.append(name)

    for name in resources:
        visit(name, ())
    return ordered


def check_parameters(declared: Mapping[str, Any], supplied: Mapping[str, str]) -> None:
    unknown = sorted(set(supplied) - set(declared))
    if unknown:
        raise ValidationError(message=f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    missing = [name for name, spec in declared.items() if name not in supplied and "Default" not in spec]
    if missing:
        raise ValidationError(message=f"Parameters: [{', '.join(missing)}] must have values")
    for name, spec in declared.items():
        value = str(supplied.get(name, spec.get("Default")))
        if (problem := _constraint_violation(spec, value)) is not None:
            reason = spec.get("ConstraintDescription", problem)
            raise ValidationError(message=f"Parameter {name} failed to satisfy constraint: {reason}")


def _constraint_violation(spec: Mapping[str, Any], value: str) -> str | None:
    if "AllowedPattern" in spec and not re.fullmatch(spec["AllowedPattern"], value):
        return f"must match pattern {spec['AllowedPattern']}"
    if "AllowedValues" in spec and value not in map(str, spec["AllowedValues"]):
        return f"must be one of {spec['AllowedValues']}"
    if not int(spec.get("MinLength", 0)) <= len(value) <= int(spec.get("MaxLength", len(value))):
        return f"must have a length from {spec.get('MinLength', 0)} to {spec.get('MaxLength', 'any')}"
    if spec.get("Type") == "Number":
        return _number_violation(spec, value)
    return None


def _number_violation(spec: Mapping[str, Any], value: str) -> str | None:
    try:
        number = float(value)
    except ValueError:
        return "must be a number"
    if not float(spec.get("MinValue", number)) <= number <= float(spec.get("MaxValue", number)):
        return f"must be from {spec.get('MinValue', 'any')} to {spec.get('MaxValue', 'any')}"
    return None


class InsufficientCapabilities(CloudFormationError):
    code = "InsufficientCapabilitiesException"


def check_capabilities(template: Template, capabilities: list[str]) -> None:
    """Raises InsufficientCapabilities if the stack makes roles or policies and the caller has not allowed that."""
    iam = [spec for spec in template["Resources"].values() if spec["Type"].startswith("AWS::IAM::")]
    named = any(TYPES[spec["Type"]].name_property in spec.get("Properties", {}) for spec in iam)
    if named and "CAPABILITY_NAMED_IAM" not in capabilities:
        raise InsufficientCapabilities("Requires capabilities : [CAPABILITY_NAMED_IAM]")
    if iam and not {"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"} & set(capabilities):
        raise InsufficientCapabilities("Requires capabilities : [CAPABILITY_IAM]")

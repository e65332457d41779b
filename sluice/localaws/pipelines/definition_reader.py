"""Reads a definition's JSON into parameters and steps, and refuses what has the wrong form.

What one part says about another (references, order) and what a step's operation takes: see `definition_checks.py`.
"""

import json
from collections.abc import Iterator
from typing import Any

from sluice.localaws.jobs import job_request
from sluice.localaws.pipelines.definition_model import Parameter, PropertyFile, RetryPolicy, StepDefinition
from sluice.localaws.server import request_validation
from sluice.localaws.server.request_faults import Malformed, NotSupported

VERSION = "2020-12-01"
TYPES: dict[str, type] = {"String": str, "Integer": int, "Float": float, "Boolean": bool}
# Step types that call an operation, with the operation and the name that the step generates itself.
OPERATIONS = {
    "Processing": ("CreateProcessingJob", "ProcessingJobName"),
    "RegisterModel": ("CreateModelPackage", ""),
    "Model": ("CreateModel", "ModelName"),
    "EndpointConfig": ("CreateEndpointConfig", "EndpointConfigName"),
    "Endpoint": ("CreateEndpoint", ""),
}
SUPPORTED = {*OPERATIONS, "Condition", "Fail"}
ON_AWS_ONLY = {
    *("Training", "Transform", "Tuning", "AutoML", "Job", "QualityCheck", "ClarifyCheck", "Callback", "Lambda"),
    *("EMR", "EMRServerless", "Athena", "InferenceComponent", "Lineage", "Cleanup", "ForEach", "HubContent"),
    *("BedrockCustomModel", "BedrockCustomModelDeployment", "BedrockModelImport", "BedrockProvisionedModelThroughput"),
}
RETRYABLE = {"Processing", "RegisterModel", "Model", "EndpointConfig"}
EXCEPTIONS = (
    *("Step.SERVICE_FAULT", "Step.THROTTLING"),
    *("SageMaker.JOB_INTERNAL_ERROR", "SageMaker.CAPACITY_ERROR", "SageMaker.RESOURCE_LIMIT"),
)
STEP_MEMBERS = {"DependsOn", "DisplayName", "Description", "PropertyFiles", "CacheConfig", "RetryPolicies"}
DEFAULT_ATTEMPTS = 5
RETRY_LIMITS = (
    ("IntervalSeconds", 0, None),
    ("BackoffRate", 0, None),
    ("MaxAttempts", 1, 20),
    ("ExpireAfterMin", 0, 14400),
)


def read_definition(text: str) -> tuple[dict[str, Parameter], dict[str, StepDefinition], Any]:
    """Return the parameters, the steps of all branches in document order, and the experiment's configuration."""
    try:
        top = json.loads(text, object_pairs_hook=_refuse_duplicate_keys)
    except (json.JSONDecodeError, RecursionError) as error:
        raise Malformed(f"The pipeline definition is not JSON: {error}") from None
    optional = {"Metadata", "Parameters", "PipelineExperimentConfig", "MlflowConfig"}
    check_keys(top, "The definition", {"Version", "Steps"}, optional)
    if top["Version"] != VERSION:
        raise Malformed(f"Version: {top['Version']!r} is unknown; the schema's version is {VERSION!r}.")
    if top.get("MlflowConfig") is not None:
        raise NotSupported("MlflowConfig of a pipeline definition")
    steps: dict[str, StepDefinition] = {}
    for step in _steps(top["Steps"], "Steps", ()):
        if step.name in steps:
            raise Malformed(
                f"{step.where}: {steps[step.name].where} has the same name; names are unique across branches."
            )
        steps[step.name] = step
    if not steps:
        raise Malformed("Steps: a pipeline has at least one step.")
    parameters = {parameter.name: parameter for parameter in _parameters(top.get("Parameters") or [])}
    return parameters, steps, top.get("PipelineExperimentConfig")


def _refuse_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON lets the last of two equal keys win silently; here that is a fault."""
    members = dict(pairs)
    if len(members) < len(pairs):
        keys = [key for key, _ in pairs]
        raise Malformed(f"The key {next(key for key in keys if keys.count(key) > 1)!r} is there twice in one object.")
    return members


def check_keys(value: Any, where: str, needed: set[str], allowed: set[str]) -> None:
    if not isinstance(value, dict):
        raise Malformed(f"{where}: must be an object.")
    if missing := needed - value.keys():
        raise Malformed(f"{where}: {', '.join(sorted(missing))} is missing.")
    if unknown := value.keys() - needed - allowed:
        raise Malformed(
            f"{where}: unknown {', '.join(sorted(unknown))}; known are {', '.join(sorted(needed | allowed))}."
        )


def _parameters(items: Any) -> Iterator[Parameter]:
    if not isinstance(items, list):
        raise Malformed("Parameters: must be a list.")
    names: set[str] = set()
    for index, item in enumerate(items):
        where = f"Parameters[{index}]"
        check_keys(item, where, {"Name", "Type"}, {"DefaultValue", "EnumValues"})
        name, kind = _text(item, "Name", where) or "", _text(item, "Type", where)
        default, enum = item.get("DefaultValue"), item.get("EnumValues") or []
        if name in names:
            raise Malformed(f"{where}: the parameter {name!r} is there twice.")
        names.add(name)
        if kind is None or kind not in TYPES:
            raise Malformed(f"{where} {name!r}: the type {kind!r} is not one of {', '.join(TYPES)}.")
        if default is not None and not _is(default, kind):
            raise Malformed(f"{where} {name!r}: the default {default!r} is not of type {kind}.")
        if enum and (kind != "String" or not _strings(enum)):
            raise Malformed(f"{where} {name!r}: EnumValues must be a list of strings, for a String parameter.")
        if enum and default is not None and default not in enum:
            raise Malformed(f"{where} {name!r}: the default {default!r} is not one of {', '.join(enum)}.")
        yield Parameter(name, kind, default, tuple(enum))


def _strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool) or kind == "Boolean":
        return isinstance(value, bool) and kind == "Boolean"
    return isinstance(value, (int, float) if kind == "Float" else TYPES[kind])


def _steps(items: Any, where: str, branch: tuple[tuple[str, bool], ...]) -> Iterator[StepDefinition]:
    if not isinstance(items, list):
        raise Malformed(f"{where}: must be a list of steps.")
    for index, item in enumerate(items):
        step = _step(item, f"{where}[{index}]", branch)
        yield step
        if step.type == "Condition":
            for key, outcome in (("IfSteps", True), ("ElseSteps", False)):
                inner = step.arguments.get(key) or []
                yield from _steps(inner, f"{step.where}.Arguments.{key}", (*branch, (step.name, outcome)))


def _step(item: Any, where: str, branch: tuple[tuple[str, bool], ...]) -> StepDefinition:
    if not isinstance(item, dict) or not isinstance(item.get("Name"), str):
        raise Malformed(f"{where}: a step is an object with a Name.")
    where = f"{where} {item['Name']!r}"
    _check_step(item, str(item.get("Type")), where)
    return StepDefinition(
        item["Name"],
        item["Type"],
        item["Arguments"],
        where,
        branch,
        depends_on=tuple(_depends_on(item.get("DependsOn") or [], where)),
        retries=tuple(_retry_policies(item.get("RetryPolicies") or [], where)),
        property_files=dict(_property_files(item.get("PropertyFiles") or [], item["Arguments"], where)),
        display_name=_text(item, "DisplayName", where),
        description=_text(item, "Description", where),
    )


def _check_step(item: dict[str, Any], kind: str, where: str) -> None:
    if kind in ON_AWS_ONLY:
        raise NotSupported(f"step type {kind} ({where})")
    if kind not in SUPPORTED:
        raise Malformed(f"{where}: the step type {item.get('Type')!r} is unknown.")
    check_keys(item, where, {"Name", "Type", "Arguments"}, STEP_MEMBERS)
    if not isinstance(item["Arguments"], dict):
        raise Malformed(f"{where}.Arguments: must be an object.")
    if not item["Name"]:
        raise Malformed(f"{where}: the name is empty.")
    if faults := list(request_validation.find_faults(item["Name"], request_validation.step_name_shape(), "Name")):
        raise Malformed(f"{where}: {faults[0]}")
    if isinstance(item.get("CacheConfig"), dict) and item["CacheConfig"].get("Enabled") not in (None, False):
        raise NotSupported(f"CacheConfig, the caching of steps ({where})")
    if item.get("RetryPolicies") and kind not in RETRYABLE:
        raise Malformed(f"{where}: a step of type {kind} takes no RetryPolicies.")
    if item.get("PropertyFiles") and kind != "Processing":
        raise Malformed(f"{where}: a step of type {kind} takes no PropertyFiles.")


def _text(item: dict[str, Any], key: str, where: str) -> str | None:
    value = item.get(key)
    if value is not None and not isinstance(value, str):
        raise Malformed(f"{where}.{key}: must be a string.")
    return value


def _depends_on(items: Any, where: str) -> Iterator[str]:
    if not isinstance(items, list):
        raise Malformed(f"{where}.DependsOn: must be a list.")
    for item in items:
        if isinstance(item, dict) and item.keys() == {"Step", "Trigger"}:
            if item["Trigger"] != "Completed":
                raise NotSupported(f"run condition {item['Trigger']!r} in DependsOn ({where})")
            item = item["Step"]
        if not isinstance(item, str):
            raise Malformed(f"{where}.DependsOn: {item!r} is no step's name.")
        yield item


def _retry_policies(items: Any, where: str) -> Iterator[RetryPolicy]:
    if not isinstance(items, list):
        raise Malformed(f"{where}.RetryPolicies: must be a list.")
    for index, item in enumerate(items):
        place = f"{where}.RetryPolicies[{index}]"
        check_keys(item, place, {"ExceptionType"}, {key for key, *_ in RETRY_LIMITS})
        exceptions = item["ExceptionType"]
        if not _strings(exceptions) or not exceptions or not set(exceptions) <= set(EXCEPTIONS):
            raise Malformed(f"{place}.ExceptionType: {exceptions!r} must list some of {', '.join(EXCEPTIONS)}.")
        if "MaxAttempts" in item and "ExpireAfterMin" in item:
            raise Malformed(f"{place}: give MaxAttempts or ExpireAfterMin, not both.")
        for key, low, high in RETRY_LIMITS:
            value = item.get(key, 1)
            if not _is(value, "Float") or value < low or (high and value > high):
                raise Malformed(f"{place}.{key}: {value!r} must be a number from {low}{f' to {high}' if high else ''}.")
        attempts = item.get("MaxAttempts", None if "ExpireAfterMin" in item else DEFAULT_ATTEMPTS)
        interval, backoff = item.get("IntervalSeconds", 1), item.get("BackoffRate", 2.0)
        yield RetryPolicy(tuple(exceptions), interval, backoff, attempts, item.get("ExpireAfterMin"))


def _property_files(items: Any, arguments: dict[str, Any], where: str) -> Iterator[tuple[str, PropertyFile]]:
    if not isinstance(items, list):
        raise Malformed(f"{where}.PropertyFiles: must be a list.")
    outputs = [output.get("OutputName") for output in job_request.list_outputs(arguments)]
    for index, item in enumerate(items):
        place = f"{where}.PropertyFiles[{index}]"
        check_keys(item, place, {"PropertyFileName", "OutputName", "FilePath"}, set())
        name, output, path = (_text(item, key, place) or "" for key in ("PropertyFileName", "OutputName", "FilePath"))
        if output not in outputs:
            there = ", ".join(map(str, outputs)) or "none"
            raise Malformed(f"{place}: the step has no output {output!r}, only {there}.")
        yield name, PropertyFile(output, path)

"""Whether AWS would take a definition, found out without it: CreatePipeline accepts much that fails hours later.

Every step's arguments are held against botocore's model of the call that SageMaker will make with them, with sample
values where references stand; and every reference is followed to what it names.
"""

import functools
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

from sluice.config.validation_errors import did_you_mean, quote_value
from sluice.errors import SluiceError
from sluice.pipelines.plan import Json
from sluice.wording import nearest

# step type -> (what SageMaker calls, the argument that it adds by itself, what it describes the result with)
CALLS = {
    "RegisterModel": ("CreateModelPackage", None, "DescribeModelPackage"),
    "Processing": ("CreateProcessingJob", "ProcessingJobName", "DescribeProcessingJob"),
}
CONDITIONS = {
    "Equals", "GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo", "In", "Not", "Or"
}  # fmt: skip
EXECUTION = {
    "CurrentDateTime": "2027-01-31T03:00:00Z",
    "PipelineArn": "arn:aws:sagemaker:us-east-1:123456789012:pipeline/name",
    "PipelineExecutionArn": "arn:aws:sagemaker:us-east-1:123456789012:pipeline/name/execution/abcdefghijkl",
    "PipelineExecutionId": "abcdefghijkl",
    "PipelineName": "name",
    "StartDateTime": "2027-01-31T03:00:00Z",
}
FUNCTIONS = {"Get", "Std:Join", "Std:JsonGet"}
NUMBERS: dict[str, Any] = {"integer": 1, "long": 1, "double": 1.0, "float": 1.0, "boolean": True}
LONGEST_DEFINITION = 1_048_576
PACKAGE_ENVIRONMENT = 16  # the documentation's limit; the model of the API would let 100 pass


class InvalidDefinition(SluiceError):
    """SageMaker would refuse the definition, or fail while it runs."""

    def __init__(self, name: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join([f"The definition of {name} is not valid:", *(f"  {each}" for each in problems)]))


def validate_definition(name: str, definition: Json) -> None:
    """Raise InvalidDefinition with everything that is wrong."""
    problems = list(find_problems(definition))
    if problems:
        raise InvalidDefinition(name, problems)


def find_problems(definition: Json) -> Iterator[str]:
    declared = {each["Name"]: each.get("DefaultValue") for each in definition["Parameters"]}
    names = [step["Name"] for step in every_step(definition["Steps"])]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{name}: more than one step has this name"
    if len(declared) < len(definition["Parameters"]):
        yield "Parameters: one is declared twice"
    yield from problems_of_steps(definition["Steps"], declared, {})
    if (size := len(json.dumps(definition))) > LONGEST_DEFINITION:
        yield f"it has {size} characters, at most {LONGEST_DEFINITION} are allowed"


def every_step(steps: Sequence[Json]) -> Iterator[Json]:
    for step in steps:
        yield step
        if step["Type"] == "Condition":
            yield from every_step([*step["Arguments"]["IfSteps"], *step["Arguments"]["ElseSteps"]])


def problems_of_steps(steps: Sequence[Json], declared: Json, earlier: dict[str, Json]) -> Iterator[str]:
    """Yield each step's problems. What a branch adds to `earlier` stays there: no other step can wait for it."""
    for step in steps:
        name, arguments = step["Name"], step["Arguments"]
        looked_at = {key: value for key, value in arguments.items() if key not in {"IfSteps", "ElseSteps"}}
        for reference in references(looked_at):
            problem = explain_unresolved(reference, declared, earlier)
            if problem:
                yield f"{name}: {reference}: {problem}"
        for other in step.get("DependsOn", []):
            if other not in earlier:
                yield f"{name}: depends on {other}, which is no earlier step"
        if step["Type"] in CALLS:
            yield from problems_of_call(step, declared)
        elif step["Type"] == "Condition":
            for condition in arguments["Conditions"]:
                if condition["Type"] not in CONDITIONS:
                    yield f"{name}: no condition is called {condition['Type']}"
            yield from problems_of_steps(arguments["IfSteps"], declared, dict(earlier))
            yield from problems_of_steps(arguments["ElseSteps"], declared, dict(earlier))
        elif step["Type"] != "Fail":
            yield f"{name}: steps of type {step['Type']} are not ours"
        earlier[name] = step


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("Get"), str) and len(value) == 1:
            yield value["Get"]
        else:
            for each in value.values():
                yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def explain_unresolved(reference: str, declared: Json, earlier: dict[str, Json]) -> str:
    """Say why a reference names nothing; empty if it names something."""
    head, _, rest = reference.partition(".")
    if head == "Parameters":
        return "" if rest in declared else f"no such parameter is declared.{did_you_mean(rest, declared)}"
    if head == "Execution":
        return "" if rest in EXECUTION else f"an execution has no such value.{did_you_mean(rest, EXECUTION)}"
    if head != "Steps":
        return "refers to neither Parameters, Execution nor Steps"
    name, _, path = rest.partition(".")
    step = earlier.get(name)
    if step is None:
        return f"{name} is no earlier step.{did_you_mean(name, earlier)}"
    if path.startswith("PropertyFiles."):
        return explain_undeclared_file(path.removeprefix("PropertyFiles."), step)
    if step["Type"] not in CALLS:
        return f"a {step['Type']} step has no properties"
    return explain_missing_property(path, service().operation_model(CALLS[step["Type"]][2]).output_shape)


def explain_undeclared_file(name: str, step: Json) -> str:
    files = {each["PropertyFileName"]: each["OutputName"] for each in step.get("PropertyFiles", [])}
    if name not in files:
        return f"{step['Name']} declares no such property file.{did_you_mean(name, files)}"
    outputs = {each["OutputName"] for each in step["Arguments"]["ProcessingOutputConfig"]["Outputs"]}
    return "" if files[name] in outputs else f"{step['Name']} has no output {files[name]!r} to hold it"


def explain_missing_property(path: str, shape: Any) -> str:
    """Follow `A.B['key'].C` or `A.B[0]` through the shape of a description."""
    parts = re.findall(r"\.?([A-Za-z0-9]+)|\['([^']*)'\]|\[(\d+)\]", path)
    for member, _, _ in parts:
        if member:
            if shape.type_name != "structure" or member not in shape.members:
                return f"{shape.name} has no {member}"
            shape = shape.members[member]
        elif shape.type_name not in {"list", "map"}:
            return f"{shape.name} is no list"
        else:
            shape = shape.member if shape.type_name == "list" else shape.value
    return "" if parts else "names no property"


def problems_of_call(step: Json, declared: Json) -> Iterator[str]:
    operation, generated, _ = CALLS[step["Type"]]
    shape = service().operation_model(operation).input_shape
    arguments = sampled(step["Arguments"], shape, declared)
    if generated:
        arguments.setdefault(generated, "generated")
    for line in ParamValidator().validate(arguments, shape).generate_report().splitlines():
        yield f"{step['Name']}: {line}"
    yield from beyond_types(arguments, shape, step["Name"])
    for container in step["Arguments"].get("InferenceSpecification", {}).get("Containers", []):
        if (size := len(container.get("Environment", {}))) > PACKAGE_ENVIRONMENT:
            yield f"{step['Name']}: {size} environment variables, a package has at most {PACKAGE_ENVIRONMENT}"


def sampled(value: Any, shape: Any, declared: Json) -> Any:
    """Return the value with something of the right type and a likely length in place of each reference."""
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in FUNCTIONS:
        if getattr(shape, "enum", None):
            return shape.enum[0]
        return NUMBERS.get(getattr(shape, "type_name", ""), sample_text(value, declared))
    if isinstance(value, dict):
        return {key: sampled(each, child(shape, key), declared) for key, each in value.items()}
    if isinstance(value, list):
        return [sampled(each, child(shape, 0), declared) for each in value]
    return value


def sample_text(value: Any, declared: Json) -> str:
    match value:
        case {"Std:Join": {"On": between, "Values": parts}}:
            return str(between).join(sample_text(part, declared) for part in parts)
        case {"Get": str() as reference} if reference.startswith("Parameters."):
            return str(declared.get(reference.partition(".")[2]) or "value")
        case {"Get": str() as reference} if reference.startswith("Execution."):
            return EXECUTION.get(reference.partition(".")[2], "value")
        case {"Get": str() as reference} if reference.endswith("Arn"):
            return "arn:aws:sagemaker:us-east-1:123456789012:model-package/" + "group" * 12 + "/1234"
        case {"Get": str() as reference} if reference.endswith("S3Uri"):
            return "s3://bucket/prefix"
        case dict():
            return "value"
    return str(value)


def beyond_types(value: Any, shape: Any, path: str) -> Iterator[str]:
    """Yield what botocore leaves to the service: wrong enums, maxima and patterns."""
    if shape is None:
        return
    limits = shape.metadata
    size = value if isinstance(value, int | float) else len(value)
    if "max" in limits and not isinstance(value, bool) and size > limits["max"]:
        yield f"{path}: {size} is more than the {limits['max']} that are allowed"
    if isinstance(value, str):
        choices = getattr(shape, "enum", None)
        if choices and value not in choices:
            near = nearest(value, choices)
            yield f"{path}: {shape.name} has no {value!r}." + (f" Did you mean {near}?" if near else "")
        pattern = compiled_pattern(limits.get("pattern"))
        if pattern and not pattern.fullmatch(value):
            yield f"{path}: {quote_value(value)} does not match {limits['pattern']}"
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from beyond_types(each, child(shape, key), f"{path}.{key}")


def child(shape: Any, key: Any) -> Any:
    match getattr(shape, "type_name", None):
        case "structure":
            return shape.members.get(key)
        case "map":
            return shape.value
        case "list":
            return shape.member
    return None


@functools.cache
def compiled_pattern(java: str | None) -> re.Pattern[str] | None:
    """Return Java's pattern as Python's, or None if it says something that Python cannot."""
    if java is None:
        return None
    translated = java
    for theirs, ours in ((r"\p{L}", r"\w"), (r"\p{N}", r"\d"), (r"\p{Z}", r"\s"), (r"\p{M}", r"\w")):
        translated = translated.replace(theirs, ours)
    try:
        return None if r"\p" in translated else re.compile(translated)
    except re.error:
        return None


@functools.cache
def service() -> Any:
    return botocore.session.Session().get_service_model("sagemaker")

"""A pipeline definition (version 2020-12-01), checked.

`parse_definition` refuses what is wrong (Malformed) and what is right on AWS but not done here (NotSupported), each
with its place, so that an execution never meets a definition it cannot run.

Accepted without effect: Metadata, PipelineExperimentConfig (DescribePipelineExecution shows it; no experiment is
recorded), DisplayName and Description (shown with the step).
"""

from collections.abc import Mapping
from typing import Any

from sluice.localaws.jobs import job_request
from sluice.localaws.pipelines import conditions, definition_reader
from sluice.localaws.pipelines.definition_model import Parameter, Pipeline, StepDefinition
from sluice.localaws.pipelines.definition_reader import OPERATIONS, TYPES, check_keys
from sluice.localaws.pipelines.references import Reference, is_expression
from sluice.localaws.server import request_validation
from sluice.localaws.server.request_faults import Malformed, NotSupported

VARIABLES = (
    *("StartDateTime", "CurrentDateTime"),
    *("PipelineName", "PipelineArn", "PipelineExecutionId", "PipelineExecutionArn"),
)
Steps = Mapping[str, StepDefinition]
# The service's schema gives an endpoint step nothing else: no DeploymentConfig, so no blue/green by a pipeline.
ENDPOINT_MEMBERS = {"EndpointName", "EndpointConfigName", "Tags"}


def parse_definition(text: str) -> Pipeline:
    parameters, steps, experiment = definition_reader.read_definition(text)
    for step in steps.values():
        _check_references(step, steps, parameters)
        _check_arguments(step, parameters)
    waits_for = {step.name: _waits_for(step, steps) for step in steps.values()}
    _check_order(waits_for)
    return Pipeline(parameters, steps, waits_for, experiment)


def _check_references(step: StepDefinition, steps: Steps, parameters: Mapping[str, Parameter]) -> None:
    for name in step.depends_on:
        _check_reachable(step, name, steps, f"{step.where}.DependsOn")
    for reference in step.references():
        place = f"{step.where}: {reference.text}"
        if reference.root == "Parameters" and reference.name not in parameters:
            raise Malformed(f"{place}: no parameter {reference.name!r} is declared.")
        if reference.root == "Execution" and reference.name not in _variables(step):
            raise Malformed(f"{place}: no such execution variable here; there are {', '.join(_variables(step))}.")
        if reference.root == "Steps":
            _check_reachable(step, reference.name, steps, place)
            _check_property(reference, steps[reference.name], place)


def _variables(step: StepDefinition) -> tuple[str, ...]:
    return (*VARIABLES, "ProcessingJobName") if step.type == "Processing" else VARIABLES


def _check_reachable(step: StepDefinition, name: str, steps: Steps, place: str) -> None:
    if name not in steps:
        raise Malformed(f"{place}: there is no step {name!r}.")
    if name == step.name:
        raise Malformed(f"{place}: the step waits for itself.")
    other = steps[name]
    if step.branch[: len(other.branch)] != other.branch:
        gate = other.branch[-1][0]
        raise Malformed(f"{place}: {name!r} stands in a branch of {gate!r}, and may never have run.")


def _check_property(reference: Reference, source: StepDefinition, place: str) -> None:
    if reference.path[0] == "PropertyFiles":
        if reference.path[1] not in source.property_files:
            raise Malformed(f"{place}: {source.name!r} declares no property file {reference.path[1]!r}.")
    elif source.type == "Fail":
        raise Malformed(f"{place}: a Fail step has no properties.")
    elif source.type == "Condition":
        if reference.path != ("Outcome",):
            raise Malformed(f"{place}: the only property of a Condition step is Outcome.")
    else:
        request_validation.check_property(OPERATIONS[source.type][0], reference.path, place)


def _check_arguments(step: StepDefinition, parameters: Mapping[str, Parameter]) -> None:
    where = f"{step.where}.Arguments"
    if step.type == "Condition":
        check_keys(step.arguments, where, {"Conditions"}, {"IfSteps", "ElseSteps"})
        conditions.check_conditions(step.arguments["Conditions"], f"{where}.Conditions")
    elif step.type == "Fail":
        check_keys(step.arguments, where, {"ErrorMessage"}, set())
        if not isinstance(step.arguments["ErrorMessage"], str) and not is_expression(step.arguments["ErrorMessage"]):
            raise Malformed(f"{where}.ErrorMessage: must be a string or an expression.")
    else:
        _check_call(step, where, parameters)


def _check_call(step: StepDefinition, where: str, parameters: Mapping[str, Parameter]) -> None:
    operation, generated = OPERATIONS[step.type]
    if step.type == "Endpoint" and (extra := step.arguments.keys() - ENDPOINT_MEMBERS):
        raise NotSupported(f"{', '.join(sorted(extra))} of an Endpoint step ({where})")
    if step.type == "Processing":
        job_request.check_job_request(step.arguments, f"{where}.")

    def type_of(expression: Any) -> type | None:
        if "Std:Join" in expression:
            return str
        root, _, name = str(expression.get("Get", "")).partition(".")
        if root == "Parameters" and name in parameters:
            return TYPES[parameters[name].type]
        return str if root == "Execution" else None

    shape = request_validation.input_shape(operation)
    faults = list(request_validation.find_faults(step.arguments, shape, "", frozenset({generated}), type_of))
    if faults:
        raise Malformed(f"{where}: {'; '.join(faults)}")


def _waits_for(step: StepDefinition, steps: Steps) -> frozenset[str]:
    """Names of the steps that must have ended, or be out of the question, before this one starts."""
    above = {name for name, _ in step.branch}
    waits = {name for name, _ in step.branch[-1:]} | {r.name for r in step.references() if r.root == "Steps"}
    for name in step.depends_on:
        waits.add(name)
        if name not in above:
            # A condition by name stands for the whole branch it takes.
            waits |= {other.name for other in steps.values() if name in {above for above, _ in other.branch}}
    return frozenset(waits)


def _check_order(waits_for: Mapping[str, frozenset[str]]) -> None:
    visited: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        if name in trail:
            raise Malformed(f"Steps: these wait for each other: {' -> '.join((*trail[trail.index(name) :], name))}.")
        if name not in visited:
            for other in sorted(waits_for[name]):
                visit(other, (*trail, name))
            visited.add(name)

    for name in waits_for:
        visit(name, ())

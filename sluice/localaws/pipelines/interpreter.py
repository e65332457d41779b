"""What a pipeline does next, decided without touching the world.

`resolve_parameters` settles the values of an execution, `Scope.resolve` puts values in the place of expressions,
`list_ready_steps` says which steps may start, and `Retries` whether and when a failed step is tried again. The world is
behind two functions: `read_json`, which fetches a property file, and the caller, which runs the steps.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sluice.localaws.pipelines import conditions, references
from sluice.localaws.pipelines.definition_model import Parameter, Pipeline, RetryPolicy, StepDefinition
from sluice.localaws.server.request_faults import Malformed


class Unresolvable(Exception):
    """A value that an expression points at is not there, or is not of a usable kind."""


def resolve_parameters(declared: Mapping[str, Parameter], supplied: Iterable[Mapping[str, str]]) -> dict[str, Any]:
    """Return the values of an execution's parameters, typed, with defaults for the rest; raises Malformed."""
    values: dict[str, Any] = {}
    for item in supplied:
        name = item["Name"]
        if name not in declared:
            raise Malformed(f"Unknown parameter {name!r}: the pipeline declares {', '.join(declared) or 'none'}.")
        if name in values:
            raise Malformed(f"The parameter {name!r} is given twice.")
        values[name] = _typed(declared[name], item.get("Value", ""))
    missing = [p.name for p in declared.values() if p.name not in values and p.default is None]
    if missing:
        raise Malformed(f"Parameters without a default need a value: {', '.join(missing)}.")
    return {name: values.get(name, parameter.default) for name, parameter in declared.items()}


def _typed(parameter: Parameter, text: str) -> Any:
    try:
        if parameter.type == "Integer":
            return int(text)
        if parameter.type == "Float":
            return float(text)
        if parameter.type == "Boolean":
            return {"true": True, "false": False}[text.lower()]
    except (ValueError, KeyError):
        raise Malformed(f"The parameter {parameter.name!r} is of type {parameter.type}; {text!r} is not.") from None
    if parameter.enum and text not in parameter.enum:
        raise Malformed(f"The parameter {parameter.name!r} must be one of {', '.join(parameter.enum)}, not {text!r}.")
    return text


@dataclass(frozen=True)
class Scope:
    """The values that expressions can point at, at one moment of an execution."""

    pipeline: Pipeline
    parameters: Mapping[str, Any]
    execution: Mapping[str, str]
    read_json: Callable[[str], Any]
    outputs: Mapping[str, Any] = field(default_factory=dict)  # by step: the answer of its describe operation

    def with_variables(self, **variables: str) -> "Scope":
        return replace(self, execution={**self.execution, **variables})

    def resolve(self, value: Any) -> Any:
        if references.is_expression(value):
            return self._evaluate(value)
        if isinstance(value, dict):
            return {key: self.resolve(item) for key, item in value.items()}
        return [self.resolve(item) for item in value] if isinstance(value, list) else value

    def holds(self, step: StepDefinition) -> bool:
        try:
            return conditions.all_hold(step.arguments["Conditions"], self.resolve)
        except conditions.Incomparable as error:
            raise Unresolvable(str(error)) from None

    def _evaluate(self, expression: dict[str, Any]) -> Any:
        function, body = next(iter(expression.items()))
        if function == "Get":
            return self._get(body)
        if function == "Std:Join":
            return body.get("On", "").join(_text(self.resolve(item)) for item in body["Values"])
        return self._json_get(body)

    def _get(self, text: str) -> Any:
        reference = references.parse_reference(text)
        if reference.root == "Parameters":
            return self.parameters[reference.name]
        if reference.root == "Execution":
            return self.execution[reference.name]
        value = _at(self.outputs[reference.name], reference.path, text)
        return value.isoformat() if isinstance(value, datetime) else value

    def _json_get(self, body: dict[str, Any]) -> Any:
        uri = self._property_file_uri(body) if "PropertyFile" in body else self.resolve(body["S3Uri"])
        value = _at(self.read_json(uri), references.parse_path(body["Path"]), f"{body['Path']} of {uri}")
        if value is None or isinstance(value, (dict, list)):
            raise Unresolvable(f"{body['Path']} of {uri} is {'null' if value is None else 'no plain value'}.")
        return value

    def _property_file_uri(self, body: dict[str, Any]) -> str:
        reference = references.parse_property_file(body)
        file = self.pipeline.steps[reference.name].property_files[str(reference.path[1])]
        path: references.PropertyPath = ("ProcessingOutputConfig", "Outputs", file.output, "S3Output", "S3Uri")
        folder = _at(self.outputs[reference.name], path, reference.text)
        return f"{folder.rstrip('/')}/{file.path.lstrip('/')}"


def _at(value: Any, path: references.PropertyPath, text: str) -> Any:
    try:
        return references.follow_path(value, path)
    except KeyError as error:
        raise Unresolvable(f"{text}: there is no {error.args[0]!r}.") from None


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def list_ready_steps(
    pipeline: Pipeline, started: Iterable[str], succeeded: Iterable[str], outcomes: Mapping[str, bool]
) -> list[StepDefinition]:
    """List the steps that may start now, in the order of the document."""
    started, ended = set(started), set(succeeded)
    excluded = {step.name for step in pipeline.steps.values() if _is_excluded(step, outcomes)}
    ended |= excluded
    waiting = (step for step in pipeline.steps.values() if step.name not in started and step.name not in excluded)
    return [step for step in waiting if pipeline.waits_for[step.name] <= ended]


def _is_excluded(step: StepDefinition, outcomes: Mapping[str, bool]) -> bool:
    return any(outcomes.get(condition, needed) != needed for condition, needed in step.branch)


class Retries:
    """Counts the attempts of one step against its retry policies; each policy keeps its own count."""

    def __init__(self, policies: Iterable[RetryPolicy], begun: float, scale: float = 1.0) -> None:
        self._used = {policy: 0 for policy in policies}
        self._begun, self._scale = begun, scale

    def delay(self, exception: str, now: float) -> float | None:
        """Seconds until the next attempt after this kind of failure; None if there is none."""
        for policy, used in self._used.items():
            if exception in policy.exceptions:
                wait = policy.interval_seconds * policy.backoff_rate**used * self._scale
                if policy.max_attempts is not None and used >= policy.max_attempts:
                    return None
                if (
                    policy.expire_after_min is not None
                    and now + wait - self._begun > policy.expire_after_min * 60 * self._scale
                ):
                    return None
                self._used[policy] = used + 1
                return wait
        return None

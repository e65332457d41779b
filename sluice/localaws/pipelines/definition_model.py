"""A pipeline as checked, typed data: what `definition_checks.parse_definition` makes of its JSON."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sluice.localaws.pipelines.references import Reference, find_expressions, list_references


@dataclass(frozen=True)
class Parameter:
    name: str
    type: str
    default: Any = None
    enum: tuple[str, ...] = ()


@dataclass(frozen=True)
class PropertyFile:
    output: str
    path: str


@dataclass(frozen=True)
class RetryPolicy:
    exceptions: tuple[str, ...]
    interval_seconds: float = 1
    backoff_rate: float = 2.0
    max_attempts: int | None = None
    expire_after_min: float | None = None


@dataclass(frozen=True)
class StepDefinition:
    name: str
    type: str
    arguments: dict[str, Any]
    where: str
    branch: tuple[tuple[str, bool], ...] = ()  # the conditions above it, outermost first, with the outcomes it needs
    depends_on: tuple[str, ...] = ()
    retries: tuple[RetryPolicy, ...] = ()
    property_files: Mapping[str, PropertyFile] = field(default_factory=dict)
    display_name: str | None = None
    description: str | None = None

    @property
    def own_arguments(self) -> dict[str, Any]:
        """The arguments without the steps of its branches, which have references of their own."""
        return {key: value for key, value in self.arguments.items() if self.type != "Condition" or key == "Conditions"}

    def references(self) -> Iterator[Reference]:
        for where, expression in find_expressions(self.own_arguments, f"{self.where}.Arguments"):
            yield from list_references(expression, where)


@dataclass(frozen=True)
class Pipeline:
    parameters: Mapping[str, Parameter]
    steps: Mapping[str, StepDefinition]  # every step, those in branches included, in the order of the document
    waits_for: Mapping[str, frozenset[str]]
    experiment: Any = None

"""What is going to run, in one shape: whether it was read from pipeline.yaml, an env file, flags, or off an account."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from sluice.errors import UsageError
from sluice.evaluation.cases.case import Case
from sluice.lmi import images, options, variables
from sluice.lmi.images import Image
from sluice.lmi.model import ModelFacts
from sluice.preflight.finding import Location

Form = Literal["yaml", "env", "properties"]  # how the reader's own file spells an option
Strategy = Literal["new_endpoint", "in_place", "canary", "linear", "rolling", "all_at_once"]


@dataclass(frozen=True)
class Setting:
    """One entry that the container reads."""

    name: str  # in the environment OPTION_MAX_LEN, in serving.properties option.max_len
    value: str
    place: Location


@dataclass(frozen=True)
class Network:
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]


@dataclass(frozen=True)
class Job:
    """The Processing job that judges the version in the same image."""

    instance_type: str
    volume_gb: int
    runtime_seconds: int


@dataclass(frozen=True)
class EvaluationSpec:
    """How a version is judged before it is let through."""

    cases: Collection[Case]  # each knows its own place: file and position
    max_tokens: int  # the longest answer that is asked for
    min_pass_rate: float
    tokenizer: Path | None  # the model's own tokenizer.json, if it is at hand


@dataclass(frozen=True)
class DeploymentSpec:
    """Everything that rules look at. None is what the reader's file does not say; a rule about it stays silent.

    `places` has an entry for each of the other fields that was given, by the field's name.
    """

    image: str | None = None  # as written
    environment: tuple[Setting, ...] = ()
    properties: tuple[Setting, ...] = ()  # serving.properties
    form: Form = "env"
    region: str | None = None
    instance_type: str | None = None
    instance_count: int = 1
    model_id: str | None = None  # the name on the hub, for people and for the table of known models
    model: ModelFacts | None = None
    model_data: str | None = None  # what is mounted at /opt/ml/model: an S3 URI or a folder
    network_isolation: bool = False
    network: Network | None = None
    ami: str | None = None  # InferenceAmiVersion
    volume_gb: int | None = None
    startup_seconds: int | None = None  # ContainerStartupHealthCheckTimeoutInSeconds
    download_seconds: int | None = None  # ModelDataDownloadTimeoutInSeconds
    strategy: Strategy | None = None
    scaling: tuple[int, int] | None = None  # the fewest and the most instances
    names: Mapping[str, str] = field(default_factory=dict)  # endpoint, group, ...: each place has the same key
    job: Job | None = None
    judging: EvaluationSpec | None = None
    places: Mapping[str, Location] = field(default_factory=dict)

    def at(self, key: str) -> Location:
        return self.places.get(key, Location(key.replace("_", "-")))

    @cached_property
    def parsed(self) -> Image | None:
        """The image's release and CUDA, if its tag says so."""
        try:
            return images.parse_image(self.image) if self.image else None
        except UsageError:
            return None

    @cached_property
    def release(self) -> int | None:
        return self.parsed.release if self.parsed else None

    @cached_property
    def options(self) -> Mapping[str, Setting]:
        """The container's options by their lower-case names, as it puts them together: serving.properties win."""
        by_name: dict[str, Setting] = {}
        for each in self.environment:
            name = options.option_name(each.name)
            if name and each.value:
                by_name[name] = each
        for alias, own in variables.ALIASES.items():
            name, setting = options.option_name(own), self.variable(alias)
            if name and setting:
                by_name.setdefault(name, setting)
        degree = self.variable("TENSOR_PARALLEL_DEGREE") or self.variable("SM_NUM_GPUS")
        if degree:
            by_name.setdefault("tensor_parallel_degree", degree)
        for each in self.properties:
            if each.name.startswith("option.") and each.value:
                by_name[each.name.removeprefix("option.")] = each
        return by_name

    def option(self, name: str) -> Setting | None:
        return self.options.get(name)

    def variable(self, name: str) -> Setting | None:
        """A plain environment variable, by its exact name; the last one of a file wins."""
        return next((each for each in reversed(self.environment) if each.name == name and each.value), None)

    def option_place(self, name: str) -> Location:
        """Where an option stands, or where it would have to be written."""
        setting = self.option(name)
        return setting.place if setting else self._home(name)

    def line(self, name: str, value: object) -> str:
        """The exact line that sets an option in the reader's own file."""
        text = str(value).lower() if isinstance(value, bool) else str(value)
        degree = name == "tensor_parallel_degree"
        if self.form == "yaml":
            return f"{name}: {text}"
        if self.form == "properties":
            return f"option.{name}={text}"
        return f"{name.upper()}={text}" if degree else f"OPTION_{name.upper()}={text}"

    def _home(self, name: str) -> Location:
        if self.form == "yaml":
            section = "lmi" if name == "tensor_parallel_degree" else "lmi.options"
            return Location(f"{section}.{name}", self.at("options").file, self.at("options").line)
        return Location(self.line(name, "").rstrip("="), self.at("options").file)


def settings(pairs: Iterable[tuple[str, str, Location]]) -> tuple[Setting, ...]:
    return tuple(Setting(*each) for each in pairs)

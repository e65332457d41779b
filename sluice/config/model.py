"""pipeline.yaml, typed: every key with what it means and what it may be. Read once by `load`, never changed after."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, PrivateAttr, ValidationError

from sluice import yaml_file
from sluice.config import evaluation, field_types, settings
from sluice.config.evaluation import Evaluation
from sluice.config.field_types import Section
from sluice.config.validation_errors import (
    ConfigProblem,
    Loc,
    did_you_mean,
    dotted,
    find_line,
    line_numbers,
    list_problems,
    quote_value,
)
from sluice.errors import UsageError
from sluice.evaluation.cases import selection
from sluice.evaluation.cases.spool import StoredCases
from sluice.evaluation.settings import EvaluationSettings
from sluice.lmi import images

# A new endpoint is named after the version, so the base must leave room for it in SageMaker's 63 characters.
ENDPOINT_BASE_LENGTH = 45
DEGREE = {"tensor_parallel_degree", "option_tensor_parallel_degree"}


class Model(Section):
    """The checkpoint to release."""

    id: field_types.ModelId = Field(
        description="The model's name, for people and for the registry. Nothing is downloaded by it.",
        examples=["Qwen/Qwen3-4B-Instruct-2507"],
    )
    source: field_types.Source = Field(
        description="Where its files are, with config.json at the root: a folder, which is uploaded once, or an S3 "
        "prefix, which is used as it is.",
        examples=["models/Qwen3-4B-Instruct-2507", "s3://my-bucket/models/qwen3-4b/"],
    )

    @property
    def folder(self) -> Path | None:
        """The folder to upload, or None if the files are in S3 already."""
        return None if self.source.startswith("s3://") else Path(self.source)


class Lmi(Section):
    """How the LMI (DJL Serving + vLLM) container serves it."""

    image: field_types.Image = Field(
        description="The LMI container with its full tag. The registry of the region is put before it.",
        examples=["djl-inference:0.35.0-lmi17.0.0-cu128"],
    )
    tensor_parallel_degree: int = Field(
        default=1, ge=1, le=64, description="How many GPUs one copy of the model is spread over."
    )
    options: Mapping[field_types.Option, field_types.Scalar] = Field(
        default={},
        description="LMI options by their own names, without OPTION_ before them. A name that the image would ignore "
        "is refused.",
        examples=[{"max_model_len": 4096, "max_rolling_batch_size": 16}],
    )
    env: Mapping[field_types.Variable, field_types.VariableValue] = Field(
        default={}, description="Further environment variables of the container, as they are."
    )


class Registry(Section):
    """Where its versions are recorded."""

    group: field_types.ResourceName = Field(
        description="The model package group that holds the versions. It is made if it is not there.",
        examples=["qwen3-4b-chat"],
    )


class Deployment(Section):
    """Where an approved version goes live."""

    endpoint: field_types.ResourceName = Field(
        description="The endpoint's name; with strategy new_endpoint, what its names begin with.",
        examples=["qwen3-4b-chat"],
    )
    instance_type: field_types.InstanceType = Field(default="ml.g5.xlarge", description="What the endpoint runs on.")
    instance_count: int = Field(default=1, ge=1, le=100, description="How many of them.")
    startup_seconds: field_types.Seconds = Field(
        default=900, description="How long the container may take until it answers its first health check."
    )
    download_seconds: field_types.Seconds = Field(
        default=900, description="How long the model's files may take to arrive."
    )
    drain_seconds: int = Field(
        default=60, ge=0, le=3600, description="How long the replaced endpoint stays for requests that are under way."
    )
    strategy: Literal["new_endpoint", "in_place"] = Field(
        default="new_endpoint",
        description="new_endpoint: every version gets an endpoint of its own, judged before any user is on it. "
        "in_place: one fixed name, updated blue/green.",
    )


class Schedule(Section):
    """When the newest approved version is deployed again."""

    expression: field_types.Expression = Field(
        description="cron(minutes hours day-of-month month day-of-week year), rate(...) or at(...).",
        examples=["cron(0 3 ? * MON *)", "rate(7 days)"],
    )
    timezone: field_types.TimeZone = Field(
        default="UTC", description="The time zone that the expression is meant in.", examples=["Asia/Seoul"]
    )


class History(Section):
    """The users' chats."""

    table: field_types.TableName = Field(default="sluice-history", description="The DynamoDB table that holds them.")
    keep_days: int = Field(default=90, ge=1, le=3650, description="How long a turn is kept.")


class Vpc(Section):
    """The network that jobs and endpoints run in."""

    subnets: tuple[field_types.Subnet, ...] = Field(
        strict=False, min_length=1, max_length=16, description="Their subnets. S3 must be reachable from them."
    )
    security_groups: tuple[field_types.SecurityGroup, ...] = Field(
        strict=False, min_length=1, max_length=5, description="Their security groups."
    )


class Local(Section):
    """What runs on the local AWS use instead."""

    model: field_types.AnyPath | None = Field(
        default=None,
        description="Instead of model.source: the folder of a checkpoint that is small enough for a CPU, or one that "
        "comes with Sluice: `shipped:good`, `shipped:worse`.",
    )
    model_server: field_types.Url | None = Field(
        default=None, description="An OpenAI-compatible server that answers instead of the small checkpoint."
    )
    drain_seconds: int = Field(default=1, ge=0, le=3600, description="Instead of deployment.drain_seconds.")


class Checks(Section):
    """What `sluice check` need not say."""

    suppress: Mapping[field_types.RuleCode, field_types.Reason] = Field(
        default={},
        description="Rules that are not applied, each with the reason. `sluice check --explain CODE` tells a rule.",
        examples=[{"MEM004": "requests may queue, nobody waits for them"}],
    )


class PipelineConfig(Section):
    """What to release, how it is judged, and where it goes."""

    name: field_types.ReleaseName = Field(
        description="What the release is called. Its pipelines are NAME-release and NAME-deploy.",
        examples=["qwen3-4b-chat"],
    )
    region: field_types.Region = Field(
        description="The AWS region of everything in this file.", examples=["us-east-1", "ap-northeast-2"]
    )
    model: Model = Field(description="The checkpoint to release.")
    lmi: Lmi = Field(description="How the LMI container serves it.")
    registry: Registry = Field(description="Where its versions are recorded.")
    evaluation: Evaluation = Field(description="How a version is judged before it is let through.")
    approval: Literal["manual", "automatic"] = Field(
        default="manual",
        description="manual: a person approves what has passed the gate. automatic: passing the gate is enough.",
    )
    deployment: Deployment = Field(description="Where an approved version goes live.")
    schedule: Schedule | None = Field(
        default=None, description="When the newest approved version is deployed again. None: never by itself."
    )
    history: History = Field(default=History(), description="The users' chats.")
    tags: Mapping[field_types.TagKey, field_types.TagValue] = Field(
        default={}, max_length=40, description="Put on everything that is made."
    )
    role_arn: field_types.RoleArn | None = Field(
        default=None, description="The role of pipelines, jobs and endpoints, if not the one that bootstrap makes."
    )
    vpc: Vpc | None = Field(default=None, description="The network of jobs and endpoints. None: SageMaker's own.")
    kms_key: field_types.KmsKey | None = Field(
        default=None, description="The key that encrypts what jobs and endpoints write."
    )
    prices: Mapping[field_types.InstanceType, field_types.Price] = Field(
        default={},
        description="What an instance costs you, in USD an hour, where `sluice plan` should not take its dated table.",
        examples=[{"ml.g5.xlarge": 1.2}],
    )
    checks: Checks = Field(default=Checks(), description="What `sluice check` need not say.")
    local: Local = Field(default=Local(), description="What runs on the local AWS use instead.")
    _file: Path | None = PrivateAttr(default=None)
    _lines: Mapping[Loc, int] = PrivateAttr(default={})
    _cases: StoredCases | None = PrivateAttr(default=None)

    @property
    def file(self) -> Path | None:
        """The file that the configuration was read from."""
        return self._file

    def line(self, *loc: str | int) -> int | None:
        """The line of a key in that file; for a key that is not there, that of the section it would be in."""
        return find_line(loc, self._lines)

    @property
    def release_pipeline(self) -> str:
        return f"{self.name}-release"

    @property
    def deploy_pipeline(self) -> str:
        return f"{self.name}-deploy"

    @property
    def answering_machines(self) -> tuple[str, ...]:
        """The instance types that serve a version while it is judged: in the job, and on its endpoint."""
        in_job = [self.evaluation.instance_type] if self.evaluation.target == "job" else []
        return tuple(dict.fromkeys([*in_job, self.deployment.instance_type]))

    def read_cases(self) -> StoredCases:
        """Return the release's cases, read and checked by the first call and kept for the others; many lie on disk.

        Raises UsageError for a broken case, or one that nobody can judge: later it would cost the GPU's time.
        """
        if self._cases is None:
            cases = StoredCases(self.evaluation.cases)
            selection.check_release_cases(cases, self.settings, on_endpoint=self.evaluation.target == "endpoint")
            self._cases = cases
        return self._cases

    @property
    def settings(self) -> EvaluationSettings:
        """The evaluation's settings, as the steps read them."""
        deployment, prices = self.deployment, self.prices
        hour = prices.get(deployment.instance_type)
        on_endpoint = None if hour is None else hour * deployment.instance_count
        return settings.build_settings(
            self.evaluation, settings.HourlyPrices(prices.get(self.evaluation.instance_type), on_endpoint)
        )

    @property
    def tags_argument(self) -> str | None:
        """The tags as a step's argument: k=v,k=v."""
        return ",".join(f"{key}={value}" for key, value in sorted(self.tags.items())) or None

    @property
    def subnets_argument(self) -> str | None:
        return ",".join(self.vpc.subnets) if self.vpc else None


@dataclass(frozen=True)
class StackOutputs:
    """The account's side of a release: what bootstrap made there."""

    account_id: str
    region: str
    bucket: str
    role_arn: str
    trigger_role_arn: str


@dataclass(frozen=True)
class Sources:
    """Where a release finds what it runs on: S3 prefixes that end in a slash."""

    model: str
    cases: str
    code: str
    settings: str


class ConfigError(UsageError):
    """pipeline.yaml cannot be used; `problems` are the reasons, all of one kind."""

    def __init__(
        self, path: Path, problems: Sequence[ConfigProblem], kind: Literal["form", "contradiction"] = "form"
    ) -> None:
        self.problems = tuple(problems)
        self.kind = kind
        lines = [f"  line {each.line}: {each}" if each.line else f"  {each}" for each in problems]
        super().__init__("\n".join([f"{path} is not valid:", *lines]))


def load(path: Path) -> PipelineConfig:
    """Reads and checks a file; relative paths in it are seen from its own folder. Raises ConfigError."""
    content = yaml_file.load(path)
    if not isinstance(content, dict):
        raise ConfigError(
            path, [ConfigProblem("file", f"must be a section of `key: value` lines, not {quote_value(content)}.", 1)]
        )
    text = path.read_text(encoding="utf-8-sig")
    try:
        config = PipelineConfig.model_validate(content, context={"folder": path.parent})
    except ValidationError as error:
        raise ConfigError(path, list_problems(error, PipelineConfig, text)) from None
    config._file, config._lines = path, line_numbers(text)
    placed = [ConfigProblem(dotted(loc), message, config.line(*loc)) for loc, message in find_contradictions(config)]
    if placed:
        raise ConfigError(path, sorted(placed, key=lambda problem: problem.line or 0), "contradiction")
    return config


def for_local(config: PipelineConfig, mlflow: str | None = None) -> PipelineConfig:
    """Returns the release as the local AWS runs it: the small model, the short wait, a place to log runs to."""
    if config.local.model is None and config.model.folder is None:
        raise UsageError(
            f"model.source is {config.model.source}, which the local AWS does not have.",
            "Name the folder of a small checkpoint in pipeline.yaml, under `local: model:`.",
        )
    source = config.model.source if config.local.model is None else str(config.local.model)
    changes: dict[str, Section] = {
        "model": config.model.model_copy(update={"source": source}),
        "deployment": config.deployment.model_copy(update={"drain_seconds": config.local.drain_seconds}),
        "evaluation": config.evaluation.model_copy(update={"mlflow": config.evaluation.mlflow or mlflow}),
    }
    return config.model_copy(update=changes)


def find_contradictions(config: PipelineConfig) -> Iterator[tuple[Loc, str]]:
    """Yields the place and the message of each contradiction between keys that are right by themselves."""
    deployment = config.deployment
    unpriced = [name for name in config.answering_machines if name not in config.prices]
    for loc, message in evaluation.find_contradictions(config.evaluation, deployment.strategy == "in_place", unpriced):
        yield ("evaluation", *loc), message
    if deployment.strategy == "new_endpoint" and len(deployment.endpoint) > ENDPOINT_BASE_LENGTH:
        yield (
            ("deployment", "endpoint"),
            f"has {len(deployment.endpoint)} characters. With strategy new_endpoint the version is appended, so "
            f"at most {ENDPOINT_BASE_LENGTH} are allowed.",
        )
    for key, line in (("tags", config.tags_argument), ("vpc", config.subnets_argument)):
        if line is not None and len(line) > field_types.ARGUMENT_LENGTH:
            yield (
                (key,),
                f"is too much: in one line it has {len(line)} characters; a job's argument takes 256.",
            )
    if config.region not in images.ACCOUNTS:
        yield ("region",), f"no LMI images are known in {config.region}.{did_you_mean(config.region, images.ACCOUNTS)}"
    for name in config.lmi.options:
        if name.lower() in DEGREE:
            yield ("lmi", "options", name), "has a key of its own: tensor_parallel_degree, beside options."
    for name in config.lmi.env:
        if name in {"TENSOR_PARALLEL_DEGREE", "SM_NUM_GPUS"}:
            yield ("lmi", "env", name), "has a key of its own: tensor_parallel_degree."
        elif name.startswith("OPTION_"):
            yield ("lmi", "env", name), f"belongs in options, as {name.removeprefix('OPTION_').lower()}."

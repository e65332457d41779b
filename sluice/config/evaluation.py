"""The `evaluation` section of pipeline.yaml."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field

from sluice.config import field_types
from sluice.config.field_types import Section
from sluice.config.validation_errors import Loc
from sluice.evaluation import gate as gates

THRESHOLDS = tuple(gates.Thresholds.__dataclass_fields__)


class Thresholds(Section):
    """What its cases must reach. What is not named is not asked for."""

    min_pass_rate: field_types.Share | None = Field(default=None, description="The share of cases that must pass.")
    max_p50_ms: field_types.Milliseconds | None = Field(
        default=None, description="The longest that half of the answers may take."
    )
    max_p95_ms: field_types.Milliseconds | None = Field(
        default=None, description="The longest that 95 of 100 answers may take."
    )
    max_p99_ms: field_types.Milliseconds | None = Field(
        default=None, description="The longest that 99 of 100 answers may take."
    )
    max_first_token_ms: field_types.Milliseconds | None = Field(
        default=None, description="The longest that 95 of 100 answers may take until their first token."
    )
    min_tokens_per_second: field_types.Positive | None = Field(
        default=None, description="How fast one answer must be written, the wait for its first token included."
    )
    max_cost_per_answer: field_types.Positive | None = Field(
        default=None, description="The most that an answer may cost on average, in USD."
    )


class Champion(Section):
    """How a version is compared with the one that is live, case by case."""

    margin: float = Field(
        default=0.05,
        gt=0,
        lt=1,
        allow_inf_nan=False,
        description="How much lower its pass rate may be. Whether it is lower by more must be known, or the verdict is "
        "inconclusive: a small margin takes many cases.",
    )
    latency_margin: field_types.Positive | None = Field(
        default=None, description="How much slower half of its answers may be, as a share: 0.2 is a fifth. None: any."
    )
    confidence: float = Field(
        default=0.95, gt=0.5, lt=1, allow_inf_nan=False, description="How sure the comparison must be of what it says."
    )
    at_deploy: bool = Field(
        default=False, description="Compare once more on the new endpoint, before any user is on it."
    )


class Gate(Thresholds):
    """What a version must reach to be let through."""

    min_pass_rate: float = Field(
        default=0.9, ge=0, le=1, allow_inf_nan=False, description="The share of cases that must pass, from 0 to 1."
    )
    tags: Mapping[field_types.CaseTag, Thresholds] = Field(
        default={},
        description="The same for the cases with a tag, beside what all cases must reach.",
        examples=[{"korean": {"min_pass_rate": 0.95}}],
    )
    champion: Champion | None = Field(
        default=None, description="Not to be worse than the version that is live. None: not compared."
    )
    inconclusive: Literal["stop", "deploy"] = Field(
        default="stop",
        description="What happens when the cases are too few to tell. stop: the version waits, and a person may let it "
        "through. deploy: it goes on as if it had passed.",
    )


class Helper(Section):
    """A model that is asked while cases are judged."""

    model: field_types.PinnedModel = Field(
        description="The model's name there, with its version: another model would judge otherwise.",
        examples=["gpt-4.1-mini-2025-04-14", "anthropic.claude-3-5-haiku-20241022-v1:0"],
    )
    url: field_types.Url | None = Field(
        default=None,
        description="The base URL of an OpenAI-compatible API, to which /chat/completions or /embeddings is added. "
        "None: Amazon Bedrock.",
        examples=["https://api.openai.com/v1"],
    )
    region: field_types.Region | None = Field(default=None, description="Bedrock's region. None: that of the file.")
    key_variable: field_types.Variable | None = Field(
        default=None,
        description="The environment variable that holds the API's key, where `sluice replay` runs.",
        examples=["OPENAI_API_KEY"],
    )
    key_secret: field_types.SecretArn | None = Field(
        default=None, description="The Secrets Manager secret that holds the API's key, for jobs on AWS."
    )
    timeout_seconds: field_types.Positive = Field(default=60.0, description="How long one of its answers may take.")
    retry_seconds: float = Field(
        default=60.0,
        ge=0,
        le=3600,
        allow_inf_nan=False,
        description="How long it may refuse or fail before the evaluation is given up as an error.",
    )


class Judge(Helper):
    """The model that answers the rubrics of `judge` expectations."""

    votes: int = Field(
        default=3,
        ge=1,
        le=15,
        description="How often it is asked about one answer. With a reference answer the two are shown in either order "
        "equally often, so an odd number is made even.",
    )
    max_tokens: int = Field(default=512, ge=32, le=8192, description="The longest that it may answer.")


class Embeddings(Helper):
    """The model that turns texts into vectors, for `similar` by embedding."""


class Rag(Section):
    """The cases that go through the RAG server (`through: rag`)."""

    url: field_types.Url | None = Field(
        default=None,
        description="A running RAG server whose answers come from the endpoint that is judged; what comes from another "
        "one ends the evaluation as an error.",
        examples=["https://chat.internal.example.com"],
    )
    leave_out: bool = Field(
        default=False,
        description="Leave them to `sluice replay --rag`, and say so in the report. Otherwise they stop a release in "
        "which nobody can ask them.",
    )


class TokenPrice(Section):
    """What tokens cost, in USD a million."""

    prompt: field_types.Price = Field(description="Of a question, with its history and passages.")
    completion: field_types.Price = Field(description="Of an answer.")


class Evaluation(Section):
    """How a version is judged before it is let through."""

    cases: field_types.AnyPath = Field(
        description="The chat cases to replay: a YAML file, or a folder of them.", examples=["cases"]
    )
    instance_type: field_types.InstanceType = Field(
        default="ml.g5.xlarge",
        description="What the evaluation job runs on. It serves the model, so it needs the endpoint's GPU.",
    )
    instances: int = Field(
        default=1, ge=1, le=20, description="How many of them share the cases. The verdict is the same as one's."
    )
    volume_gb: int = Field(default=60, ge=1, le=16384, description="The job's disk; the model's files must fit.")
    max_runtime_minutes: int = Field(
        default=60, ge=1, le=12960, description="A job that takes longer is stopped and counts as failed."
    )
    target: Literal["job", "endpoint"] = Field(
        default="job",
        description="job: serve the new version inside the job, and judge that. endpoint: judge one that is running.",
    )
    endpoint: field_types.ResourceName | None = Field(
        default=None, description="With target endpoint: the name of the running endpoint that is judged."
    )
    concurrency: int = Field(default=8, ge=1, le=256, description="How many chats are replayed at a time, by each.")
    requests_per_second: field_types.Positive | None = Field(
        default=None, description="The most requests that are sent in a second, by each. None: as many as are answered."
    )
    retry_seconds: float = Field(
        default=120.0,
        ge=0,
        le=3600,
        allow_inf_nan=False,
        description="How long the model server may do nothing but refuse, as a throttled or cold one does, before the "
        "evaluation is given up as an error.",
    )
    max_tokens: int = Field(default=128, ge=1, le=4096, description="The longest answer that is asked for.")
    repeats: int = Field(
        default=1,
        ge=1,
        le=100,
        description="How often each case is replayed at least. Cases that pass once and fail once are flaky, and shown "
        "apart.",
    )
    seed: int | None = Field(
        default=None,
        ge=0,
        le=2**31 - 1,
        description="What the seed of each repeat of a case is made from. None: the model draws its words as it likes.",
    )
    gate: Gate = Field(default=Gate(), description="What a version must reach to be let through.")
    judge: Judge | None = Field(
        default=None, description="The model that answers the rubrics of `judge` expectations. None: there are none."
    )
    embeddings: Embeddings | None = Field(
        default=None, description="The model that turns texts into vectors, for `similar` by embedding. None: not used."
    )
    rag: Rag = Field(default=Rag(), description="The cases that go through the RAG server.")
    price_per_million_tokens: TokenPrice | None = Field(
        default=None,
        description="What tokens cost you. None: an answer costs its share of the machine's time, where `prices` names "
        "the machine.",
    )
    mlflow: field_types.MlflowUri | None = Field(
        default=None, description="The MLflow tracking server (ARN or URL) that runs are logged to. None: not logged."
    )


def find_contradictions(evaluation: Evaluation, in_place: bool, unpriced: Sequence[str]) -> Iterator[tuple[Loc, str]]:
    """Yields the place, seen from `evaluation`, and the message of what is wrong between keys that are right alone.

    `unpriced` are the instance types that will answer and have no price in the file.
    """
    if evaluation.target == "endpoint" and evaluation.endpoint is None:
        yield ("endpoint",), "is missing: with target endpoint, name the running endpoint to judge."
    if evaluation.target == "job" and evaluation.endpoint is not None:
        yield ("endpoint",), "is only for target endpoint: with target job, the job serves the model."
    if evaluation.target == "endpoint" and evaluation.instances > 1:
        yield ("instances",), "is only for target job: one machine can ask a running endpoint as fast as it answers."
    tags = evaluation.gate.tags
    for tag, thresholds in tags.items():
        if all(value is None for value in thresholds.model_dump().values()):
            yield ("gate", "tags", tag), f"says nothing. It takes {', '.join(THRESHOLDS)}."
    if unpriced and not evaluation.price_per_million_tokens:
        by_path: dict[Loc, Thresholds] = {("gate",): evaluation.gate}
        by_path |= {("gate", "tags", tag): each for tag, each in tags.items()}
        for path, thresholds in by_path.items():
            if thresholds.max_cost_per_answer is not None:
                yield (
                    (*path, "max_cost_per_answer"),
                    "cannot be held: nothing says what an answer costs. Add evaluation.price_per_million_tokens, or "
                    f"{' and '.join(unpriced)} to prices.",
                )
    for name, helper in (("judge", evaluation.judge), ("embeddings", evaluation.embeddings)):
        if helper:
            yield from find_misplaced_keys(name, helper)
    if evaluation.rag.url and not in_place and evaluation.target == "job":
        yield (
            ("rag", "url"),
            "has no use here: the RAG server asks a new endpoint only once it is live, and that is after the verdict. "
            "It takes deployment.strategy in_place or evaluation.target endpoint; or leave these cases to "
            "`sluice replay --rag`, with leave_out.",
        )


def find_misplaced_keys(name: str, helper: Helper) -> Iterator[tuple[Loc, str]]:
    """Yields the keys that this helper cannot use, because it is reached by a URL or because it is not."""
    if helper.url and helper.region:
        yield (name, "region"), "is only for Bedrock, which is asked if there is no url."
    if helper.url and urlsplit(helper.url).username is not None:
        yield (name, "url"), "holds a name or a password, which would stand in S3 and in logs. Use key_secret."
    if not helper.url:
        for key in ("key_variable", "key_secret"):
            if getattr(helper, key):
                yield (name, key), "is only for a url: Bedrock takes the role that the job runs as."

"""How a version is evaluated, as `settings.json` says it: the definition's author writes it, the running steps read it.

A file and no container arguments, because these take 256 characters each and a hundred at most, and a gate with tags
has no such bounds. The file lies in S3 under the hash of its content, as cases and code do, so a definition changes
exactly when the settings do. Pure, so that both ends of the wire import it; what is None is not asked for.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from sluice.errors import UsageError
from sluice.evaluation.gate import Gate, Thresholds
from sluice.evaluation.replay.plan import Plan
from sluice.evaluation.replay.prices import Prices

FILE = "settings.json"
EVERYDAY = Gate()
UNPRICED = Prices()
Section = TypeVar("Section")


@dataclass(frozen=True)
class HelperModel:
    """A model that helps to judge: behind an OpenAI-compatible URL, else in Amazon Bedrock."""

    model: str
    url: str | None = None  # the base of its API: /chat/completions and /embeddings are put behind it
    region: str | None = None  # Bedrock's, if not the release's own
    key_variable: str | None = None  # the environment variable that holds its key
    key_secret: str | None = None  # the Secrets Manager secret that does
    votes: int = 3  # of a judge
    max_tokens: int = 512  # of a judge's answer
    timeout_seconds: float = 60.0
    retry_seconds: float = 60.0

    def scoring(self) -> dict[str, Any]:
        """What its replies depend on: not where its key is, nor how long they are waited for."""
        return {name: getattr(self, name) for name in ("model", "url", "region", "votes", "max_tokens")}


@dataclass(frozen=True)
class RagSettings:
    """How cases that go through the RAG server are replayed, or whether they are left out."""

    url: str | None = None
    leave_out: bool = False


@dataclass(frozen=True)
class EvaluationSettings:
    gate: Gate = EVERYDAY
    champion_at_deploy: bool = False  # the comparison once more, on the new endpoint
    concurrency: int = 8
    max_tokens: int = 128
    repeats: int = 1
    seed: int | None = None
    requests_per_second: float | None = None
    retry_seconds: float = 120.0
    judge: HelperModel | None = None
    embeddings: HelperModel | None = None
    rag: RagSettings = RagSettings()
    job_prices: Prices = UNPRICED  # of an answer that comes from the evaluation job
    endpoint_prices: Prices = UNPRICED

    def as_json(self) -> bytes:
        """The content of settings.json, as UTF-8: the same bytes for the same settings."""
        return (json.dumps(asdict(self), ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()

    def plan(self, on_endpoint: bool) -> Plan:
        return Plan(
            concurrency=self.concurrency,
            max_tokens=self.max_tokens,
            repeats=self.repeats,
            seed=self.seed,
            requests_per_second=self.requests_per_second,
            retry_seconds=self.retry_seconds,
            prices=self.endpoint_prices if on_endpoint else self.job_prices,
        )

    def scoring(self) -> dict[str, Any]:
        """What decides a score or a time beside the case, the code and the environment: for `compare.hashes`."""
        values = {name: getattr(self, name) for name in ("concurrency", "max_tokens", "seed", "requests_per_second")}
        helpers = {"judge": self.judge, "embeddings": self.embeddings}
        return values | {name: helper.scoring() if helper else None for name, helper in helpers.items()}


def read_settings(path: Path) -> EvaluationSettings:
    """Read what `as_json` wrote, from the file itself or from its folder. Raises UsageError for anything else."""
    file = path / FILE if path.is_dir() else path
    try:
        return parse_settings(file.read_bytes())
    except OSError as error:
        raise UsageError(
            f"The evaluation's settings cannot be read from {file}: {error.strerror}.", "`sluice run` uploads them."
        ) from None
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(
            f"{file} holds no settings of this version: {error}.", "`sluice run` writes new ones."
        ) from None


def parse_settings(content: bytes) -> EvaluationSettings:
    """Parse what `as_json` wrote. Raises ValueError, TypeError or KeyError for anything else."""
    values = json.loads(content)
    gate = dict(values["gate"])
    gate["overall"] = build_section("thresholds", Thresholds, gate["overall"])
    gate["tags"] = {tag: build_section("thresholds", Thresholds, limits) for tag, limits in gate["tags"].items()}
    values |= {
        "gate": build_section("gate", Gate, gate),
        "judge": values["judge"] and build_section("helper", HelperModel, values["judge"]),
        "embeddings": values["embeddings"] and build_section("helper", HelperModel, values["embeddings"]),
        "rag": build_section("rag", RagSettings, values["rag"]),
        "job_prices": build_section("prices", Prices, values["job_prices"]),
        "endpoint_prices": build_section("prices", Prices, values["endpoint_prices"]),
    }
    return build_section("settings", EvaluationSettings, values)


def build_section(name: str, cls: type[Section], values: Mapping[str, Any]) -> Section:
    keys = {each.name for each in fields(cls)}  # type: ignore[arg-type]  # every Section is a dataclass
    if wrong := sorted(set(values) ^ keys):
        raise ValueError(f"{name} has other keys than this code: {', '.join(wrong)}")
    return cls(**values)

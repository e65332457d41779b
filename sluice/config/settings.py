"""The evaluation's settings, out of pipeline.yaml: as the steps read them, and key by key for people."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sluice.config.evaluation import THRESHOLDS, Evaluation, Thresholds, TokenPrice
from sluice.evaluation import gate as gates
from sluice.evaluation import settings
from sluice.evaluation.replay.prices import Prices
from sluice.wording import flatten

# The keys that go into `settings.json`, in the order in which people see them.
SETTINGS_KEYS = (
    *("gate", "repeats", "seed", "max_tokens", "concurrency", "requests_per_second", "retry_seconds"),
    *("judge", "embeddings", "rag", "price_per_million_tokens"),
)


@dataclass(frozen=True)
class HourlyPrices:
    """What the machines that answer cost in an hour, in USD, where the file says it."""

    job: float | None = None
    endpoint: float | None = None  # all of them together


NO_HOURLY_PRICES = HourlyPrices()


def build_settings(evaluation: Evaluation, hours: HourlyPrices = NO_HOURLY_PRICES) -> settings.EvaluationSettings:
    """Returns what the steps read as `settings.json`."""
    gate, champion = evaluation.gate, evaluation.gate.champion
    compared: dict[str, Any] = champion.model_dump(exclude={"at_deploy"}) if champion else {}
    return settings.EvaluationSettings(
        gate=gates.Gate(
            min_pass_rate=gate.min_pass_rate,
            overall=build_thresholds(gate, "min_pass_rate"),
            tags={tag: build_thresholds(section) for tag, section in gate.tags.items()},
            against_champion=champion is not None,
            let_inconclusive_through=gate.inconclusive == "deploy",
            **compared,
        ),
        champion_at_deploy=champion is not None and champion.at_deploy,
        concurrency=evaluation.concurrency,
        max_tokens=evaluation.max_tokens,
        repeats=evaluation.repeats,
        seed=evaluation.seed,
        requests_per_second=evaluation.requests_per_second,
        retry_seconds=evaluation.retry_seconds,
        judge=settings.HelperModel(**evaluation.judge.model_dump()) if evaluation.judge else None,
        embeddings=settings.HelperModel(**evaluation.embeddings.model_dump()) if evaluation.embeddings else None,
        rag=settings.RagSettings(**evaluation.rag.model_dump()),
        job_prices=build_prices(evaluation.price_per_million_tokens, hours.job),
        endpoint_prices=build_prices(evaluation.price_per_million_tokens, hours.endpoint),
    )


def flatten_settings(evaluation: Evaluation) -> Iterator[tuple[str, str]]:
    """Yields the settings key by key in the file's own words: ("gate.min_pass_rate", "0.9").

    Where a helper's API key is found is left out: it is nobody's business but the step's.
    """
    sections = evaluation.model_dump(mode="json", include=set(SETTINGS_KEYS), exclude_none=True)
    for helper in ("judge", "embeddings"):
        sections[helper] = {key: value for key, value in sections.get(helper, {}).items() if not key.startswith("key_")}
    for path, value in flatten({key: sections[key] for key in SETTINGS_KEYS if key in sections}):
        yield path, str(value).lower() if isinstance(value, bool) else str(value)


def build_thresholds(section: Thresholds, *without: str) -> gates.Thresholds:
    return gates.Thresholds(**section.model_dump(include=set(THRESHOLDS) - set(without)))


def build_prices(tokens: TokenPrice | None, hour: float | None) -> Prices:
    return Prices(tokens.prompt, tokens.completion) if tokens else Prices(instance_hour=hour)

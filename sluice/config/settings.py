"""How a version is judged, out of pipeline.yaml: as the steps are given it, and as people are told of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sluice.config.evaluation import THRESHOLDS, Evaluation, Thresholds, TokenPrice
from sluice.evaluation import gate as gates
from sluice.evaluation import settings
from sluice.evaluation.replay.prices import Prices

# The keys of which the steps are told by `settings.json`, in the order in which people are told of them.
JUDGED = (
    *("gate", "repeats", "seed", "max_tokens", "concurrency", "requests_per_second", "retry_seconds"),
    *("judge", "embeddings", "rag", "price_per_million_tokens"),
)


@dataclass(frozen=True)
class Hours:
    """What the machines that answer cost in an hour, in USD, where the file says it."""

    job: float | None = None
    endpoint: float | None = None  # all of them together


NO_HOURS = Hours()


def as_settings(told: Evaluation, hours: Hours = NO_HOURS) -> settings.Settings:
    """What the steps are given."""
    gate, champion = told.gate, told.gate.champion
    compared: dict[str, Any] = champion.model_dump(exclude={"at_deploy"}) if champion else {}
    return settings.Settings(
        gate=gates.Gate(
            min_pass_rate=gate.min_pass_rate,
            overall=thresholds(gate, "min_pass_rate"),
            tags={tag: thresholds(wanted) for tag, wanted in gate.tags.items()},
            against_champion=champion is not None,
            let_inconclusive_through=gate.inconclusive == "deploy",
            **compared,
        ),
        champion_at_deploy=champion is not None and champion.at_deploy,
        concurrency=told.concurrency,
        max_tokens=told.max_tokens,
        repeats=told.repeats,
        seed=told.seed,
        requests_per_second=told.requests_per_second,
        retry_seconds=told.retry_seconds,
        judge=settings.Helper(**told.judge.model_dump()) if told.judge else None,
        embeddings=settings.Helper(**told.embeddings.model_dump()) if told.embeddings else None,
        rag=settings.Rag(**told.rag.model_dump()),
        job_prices=priced(told.price_per_million_tokens, hours.job),
        endpoint_prices=priced(told.price_per_million_tokens, hours.endpoint),
    )


def flat(told: Evaluation) -> Iterator[tuple[str, str]]:
    """What the steps are given, key by key in the file's own words: ("gate.min_pass_rate", "0.9").

    Where a helper's key is found is nobody's business but the step's.
    """
    chosen = told.model_dump(mode="json", include=set(JUDGED), exclude_none=True)
    for helper in ("judge", "embeddings"):
        chosen[helper] = {key: value for key, value in chosen.get(helper, {}).items() if not key.startswith("key_")}
    yield from flattened("", {key: chosen[key] for key in JUDGED if key in chosen})


def flattened(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from flattened(f"{path}.{key}" if path else key, below)
    else:
        yield path, str(value).lower() if isinstance(value, bool) else str(value)


def thresholds(told: Thresholds, *without: str) -> gates.Thresholds:
    return gates.Thresholds(**told.model_dump(include=set(THRESHOLDS) - set(without)))


def priced(tokens: TokenPrice | None, hour: float | None) -> Prices:
    return Prices(tokens.prompt, tokens.completion) if tokens else Prices(instance_hour=hour)

"""How cases are replayed: concurrency, sampling, rate and prices."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sluice.evaluation.replay.prices import Prices

DECISIVE = ("max_tokens", "seed", "temperature", "prices", "cached")


@dataclass(frozen=True)
class Plan:
    concurrency: int = 8
    max_tokens: int = 128
    repeats: int = 1  # at least so often, whatever a case says
    seed: int | None = None  # what each repeat's own seed is made from
    temperature: float = 0.0
    requests_per_second: float | None = None
    retry_seconds: float = 120.0  # in which an endpoint may do nothing but refuse as throttled or cold
    prices: Prices = field(default=Prices())
    cached: bool = False  # answers may come from a cache: such a replay never gates

    def about(self, subject: Mapping[str, Any]) -> dict[str, Any]:
        """What a chat depends on, beside its case: one in a journal is taken up only if all of it is the same."""
        values = asdict(self)
        return {name: values[name] for name in DECISIVE} | {"subject": dict(subject)}


STANDARD = Plan()

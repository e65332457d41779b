"""What a model must reach to be let through."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Thresholds:
    """Of all cases, or of those with a tag. None: nothing is wanted. Latencies in milliseconds, costs in USD."""

    min_pass_rate: float | None = None
    max_p50_ms: float | None = None
    max_p95_ms: float | None = None
    max_p99_ms: float | None = None
    max_first_token_ms: float | None = None  # the 95th percentile
    min_tokens_per_second: float | None = None
    max_cost_per_answer: float | None = None


@dataclass(frozen=True)
class Gate:
    min_pass_rate: float = 0.9
    overall: Thresholds = Thresholds()
    tags: Mapping[str, Thresholds] = field(default_factory=dict)
    against_champion: bool = False  # not worse than the live version by more than the margin
    margin: float = 0.05  # of the pass rate
    latency_margin: float | None = None  # of the median latency, as a share; None: not compared
    confidence: float = 0.95
    let_inconclusive_through: bool = False

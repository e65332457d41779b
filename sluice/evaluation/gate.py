"""What a model must reach to be let through."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Thresholds:
    """Limits for all cases, or for those with a tag. None: no limit. Latencies in milliseconds, costs in USD."""

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
    confidence: float = 0.95  # how sure each thing said about the champion must be
    let_inconclusive_through: bool = False

    @property
    def of_all(self) -> Thresholds:
        """What all cases together must reach; `overall.min_pass_rate` wins over `min_pass_rate`."""
        if self.overall.min_pass_rate is not None:
            return self.overall
        return replace(self.overall, min_pass_rate=self.min_pass_rate)

    def without_champion(self) -> "Gate":
        """The same gate where nothing is live yet, or where the comparison was made before."""
        return replace(self, against_champion=False)

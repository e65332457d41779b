"""The next token: the likeliest one, or one drawn the way the request says. The same seed draws the same tokens."""

import secrets
from dataclasses import dataclass

import numpy as np

from sluice.tinylmi.folder import Array

GREEDY_BELOW = 1e-5


@dataclass(frozen=True)
class Sampling:
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0  # 0: no limit
    seed: int | None = None


class Sampler:
    def __init__(self, how: Sampling) -> None:
        self._how = how
        seed = secrets.randbits(64) if how.seed is None else how.seed & (2**64 - 1)
        self._random = None if how.temperature < GREEDY_BELOW else np.random.default_rng(seed)

    def next(self, logits: Array) -> int:
        if self._random is None:
            return int(logits.argmax())
        how = self._how
        order = np.argsort(-logits, kind="stable")[: how.top_k or None]
        scaled = logits[order].astype(np.float64) / how.temperature
        share = np.exp(scaled - scaled[0])
        total = np.cumsum(share / share.sum())
        if how.top_p < 1:  # the fewest tokens that together reach top_p
            total = total[: int(np.searchsorted(total, how.top_p)) + 1]
        at = int(np.searchsorted(total, self._random.random() * total[-1], side="right"))
        return int(order[min(at, len(total) - 1)])


def log_probability(logits: Array, token: int) -> float:
    """The token's log probability by the model itself, whatever the sampling makes of it."""
    wide = logits.astype(np.float64)
    highest = wide.max()
    return float(wide[token] - highest - np.log(np.exp(wide - highest).sum()))

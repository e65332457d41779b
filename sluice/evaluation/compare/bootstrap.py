"""The bootstrap over cases: all chats and turns of a case are drawn together, as they are not independent.

What is drawn is drawn from one seed: the same cases get the same verdict. NumPy is imported where it is used.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sluice.evaluation.compare.statistics import Interval, tally_differences

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SEED = 20261125
RESAMPLES = 2000
CELLS = 4_000_000  # of a matrix of resamples at a time, so that memory stays flat
WORK = 10_000_000  # cells in all, where that leaves a quarter of the resamples


def resampled_mean(differences: Sequence[float], weights: Sequence[float], low: float, high: float) -> Interval:
    """The weighted mean, with a bootstrap over cases: all chats of a case are drawn together."""
    import numpy as np

    tally: dict[tuple[float, float], int] = {}
    for pair in zip(differences, weights, strict=True):
        tally[pair] = tally.get(pair, 0) + 1
    pairs = sorted(tally)
    # Drawing cases is drawing how often each kind of case comes up: as much work for 100,000 cases as for 100.
    shares = np.array([tally[pair] for pair in pairs]) / len(differences)
    drawn = np.random.default_rng(SEED).multinomial(len(differences), shares, RESAMPLES)
    values, weighing = np.array(pairs).T
    means = drawn @ (values * weighing) / (drawn @ weighing)
    ends = np.quantile(means, (1 - low, high))
    return Interval(tally_differences(differences, weights).mean, float(ends[0]), float(ends[1]))


def resampled_ratios(
    above: Sequence[Sequence[float]], below: Sequence[Sequence[float]], shares: Sequence[float], confidence: float
) -> list[Interval] | None:
    """Ratios of percentiles (`shares` of 1). On each side one inner sequence per case, none empty.

    None if there is nothing to divide by: no case, or values that are not above 0.
    """
    import numpy as np

    if not below or min(min(each) for each in (*above, *below)) <= 0:
        return None
    sides = Clustered(above), Clustered(below)
    size = max(len(above), *(len(side.values) for side in sides))
    drawn = [ratios(sides, counts, shares) for counts in resampled_counts(len(above), size)]
    estimates = ratios(sides, np.ones((1, len(above)), dtype=np.int64), shares)[0]
    ends = np.quantile(np.concatenate(drawn), (1 - confidence, confidence), axis=0)
    return [Interval(float(e), float(low), float(high)) for e, low, high in zip(estimates, *ends, strict=True)]


def resampled_counts(cases: int, size: int) -> Iterator["NDArray[np.int64]"]:
    """How often each case was drawn, a row per resample; fewer of them where there are very many values."""
    import numpy as np

    random = np.random.default_rng(SEED)
    remaining = min(RESAMPLES, max(RESAMPLES // 4, WORK // size))
    while remaining > 0:
        rows = min(remaining, max(1, CELLS // size))
        drawn = random.integers(0, cases, (rows, cases)) + np.arange(rows)[:, None] * cases
        yield np.bincount(drawn.ravel(), minlength=rows * cases).reshape(rows, cases)
        remaining -= rows


def ratios(
    sides: tuple["Clustered", "Clustered"], counts: "NDArray[np.int64]", shares: Sequence[float]
) -> "NDArray[np.float64]":
    above, below = (side.percentiles(counts, shares) for side in sides)
    return above / below


class Clustered:
    """Values in order, each knowing the case it came from, so that a resample's percentiles are one cumulated sum."""

    def __init__(self, by_case: Sequence[Sequence[float]]) -> None:
        import numpy as np

        values = np.array([value for each in by_case for value in each], dtype=float)
        cases = np.repeat(np.arange(len(by_case)), [len(each) for each in by_case])
        order = np.argsort(values, kind="stable")
        self.values, self.cases = values[order], cases[order]

    def percentiles(self, counts: "NDArray[np.int64]", shares: Sequence[float]) -> "NDArray[np.float64]":
        """Nearest ranks, one row per resample; `counts` says how often each case was drawn."""
        import numpy as np

        reached = np.cumsum(counts[:, self.cases], axis=1)
        ranks = [np.ceil(reached[:, -1:] * share) for share in shares]
        return np.stack([self.values[(reached >= rank).argmax(axis=1)] for rank in ranks], axis=1)

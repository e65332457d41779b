"""What pairs of cases can tell: how much worse a model is, how sure that is, and how many cases would make it sure.

SciPy is imported where it is used, as a judgement without a champion needs none of it. Why these methods: docs/gate.md.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

CORRECTION = 0.2  # of a case; chosen so that the exact error of the score interval keeps to what it promises
POWER = 0.8  # how often as many cases as are asked for would decide
MOST = 1_000_000  # cases; beyond, no number is of use

NORMAL = NormalDist()


@dataclass(frozen=True)
class Interval:
    """`low` and `high` each hold with the confidence that they were asked for with."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class Differences:
    """Differences of pairs, each from -1 to 1, as the values that were seen and how often.

    Weighted pairs count for fewer than they are: `size` is as many equal ones as would tell as much (Kish).
    """

    points: tuple[tuple[float, float], ...]
    size: float

    @cached_property
    def mean(self) -> float:
        return math.fsum(value * count for value, count in self.points) / self.size

    @cached_property
    def variance(self) -> float:
        return math.fsum(count * (value - self.mean) ** 2 for value, count in self.points) / self.size

    @property
    def mirrored(self) -> "Differences":
        return Differences(tuple((-value, count) for value, count in self.points), self.size)


def tally_differences(differences: Sequence[float], weights: Sequence[float]) -> Differences:
    total = math.fsum(weights)
    size = total**2 / math.fsum(weight**2 for weight in weights)
    counts: dict[float, list[float]] = {}
    for value, weight in zip(differences, weights, strict=True):
        counts.setdefault(round(value, 12), []).append(weight)
    return Differences(tuple((value, math.fsum(each) * size / total) for value, each in sorted(counts.items())), size)


def score_interval(differences: Differences, low: float, high: float, correction: float = CORRECTION) -> Interval:
    """Tango's score interval for a difference of paired rates; with repeats, the same for any values from -1 to 1.

    `low` and `high` are the confidences of the two bounds.
    """
    above = lower_bound(differences.mirrored, high, correction)
    return Interval(differences.mean, lower_bound(differences, low, correction), -above)


def lower_bound(differences: Differences, confidence: float, correction: float = CORRECTION) -> float:
    """The smallest true mean that what was found does not speak against."""
    from scipy.optimize import brentq

    errors = NORMAL.inv_cdf(confidence) / math.sqrt(differences.size)

    def spare(mean: float) -> float:
        return differences.mean - mean - correction / differences.size - errors * spread(differences, mean)

    return -1.0 if spare(-1.0) <= 0 else float(brentq(spare, -1.0, differences.mean - 1e-9))


def worse_than(differences: Differences, mean: float) -> float:
    """The p-value of what was found if the true mean were `mean`, or higher: small where it must be lower."""
    gap = differences.mean - mean
    distance = math.copysign(max(abs(gap) - CORRECTION / differences.size, 0.0), gap)
    if distance == 0:
        return 0.5
    deviation = spread(differences, mean)
    return NORMAL.cdf(distance * math.sqrt(differences.size) / deviation) if deviation else float(distance > 0)


def spread(differences: Differences, mean: float) -> float:
    """The standard deviation of the likeliest distribution from -1 to 1 that has this mean.

    Values that were seen keep a share of count / (size + tilt * gap), and the end towards which the mean lies may take
    one although it was not seen: for -1, 0 and 1 these are the estimates of Tango's score test.
    """
    from scipy.optimize import brentq

    gaps = [(value - mean, count) for value, count in differences.points]
    end = (-1.0 if mean < differences.mean else 1.0) - mean
    if abs(mean - differences.mean) < 1e-10:
        return math.sqrt(differences.variance)
    if end == 0:
        return 0.0

    def pull(tilt: float) -> float:
        return math.fsum(count * gap / (differences.size + tilt * gap) for gap, count in gaps)

    most = -differences.size / end  # the tilt at which the end's own share is free
    end_observed = any(gap == end for gap, _ in gaps)
    if not end_observed and pull(most) * end <= 0:
        shares = [(gap, count / (differences.size + most * gap)) for gap, count in gaps]
        shares.append((end, 1 - math.fsum(share for _, share in shares)))
    else:
        tilt = brentq(pull, 0.0, most * (1 - 1e-12) if end_observed else most)
        shares = [(gap, count / (differences.size + tilt * gap)) for gap, count in gaps]
    return math.sqrt(math.fsum(share * gap**2 for gap, share in shares))


def mcnemar(worse: int, better: int) -> float:
    """The exact test: how likely so uneven a split is, either way, if neither model is better."""
    from scipy.stats import binomtest

    return float(binomtest(worse, worse + better).pvalue) if worse + better else 1.0


def mcnemar_worse(worse: int, better: int) -> float:
    """The exact test, one way: small where the model must be worse."""
    from scipy.stats import binomtest

    return float(binomtest(worse, worse + better, alternative="greater").pvalue) if worse + better else 1.0


def holm(values: Sequence[float]) -> list[float]:
    """p-values corrected for being several (Holm 1979), in the order given."""
    corrected = [0.0] * len(values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        highest = max(highest, min(1.0, (len(values) - rank) * values[index]))
        corrected[index] = highest
    return corrected


def at_least(count: int, of: int, share: float) -> float:
    """How likely `found` or more of `of` are, if each is one with this probability."""
    if count <= 0:
        return 1.0
    logs = math.lgamma(of + 1) - math.lgamma(count + 1) - math.lgamma(of - count + 1)
    term = math.exp(logs + count * math.log(share) + (of - count) * math.log1p(-share))
    total = 0.0
    for number in range(count, of + 1):
        total += term
        term *= (of - number) / (number + 1) * share / (1 - share)
        if term < total * 1e-12 and number > of * share:
            break
    return min(total, 1.0)


def cases_needed(differences: Differences, mean: float, confidence: float, pairs: int) -> int | None:
    """How many more pairs like these would tell on which side of `mean` the truth lies, POWER of the time.

    None where no number helps: what was found lies on `mean` itself.
    """
    gap = abs(differences.mean - mean)
    if gap < 1e-9:
        return None
    errors = NORMAL.inv_cdf(confidence) * spread(differences, mean)
    errors += NORMAL.inv_cdf(POWER) * math.sqrt(differences.variance)
    # The size at which gap * sqrt(size) - CORRECTION / sqrt(size) reaches the errors.
    size = ((errors + math.sqrt(errors**2 + 4 * gap * CORRECTION)) / (2 * gap)) ** 2
    total = math.ceil(size * pairs / differences.size - 1e-9)
    return max(total - pairs, 1) if total <= MOST else None


def repeats_needed(
    differences: Differences, mean: float, confidence: float, noise: float, repeats: int, most: int = 100
) -> int | None:
    """How often each case would have to be replayed to tell, with the same cases; None if that alone cannot.

    `noise` is the part of the variance that one chat more or less makes: what repeats average away.
    """
    gap = abs(differences.mean - mean) - CORRECTION / differences.size
    observed = spread(differences, mean) ** 2
    alike = Differences(((differences.mean, differences.size),), differences.size)  # as if all cases went alike
    least = spread(alike, mean) ** 2
    for number in range(repeats + 1, most + 1):
        less = noise / repeats - noise / number
        errors = NORMAL.inv_cdf(confidence) * math.sqrt(max(observed - less, least))
        errors += NORMAL.inv_cdf(POWER) * math.sqrt(max(differences.variance - less, 0.0))
        if gap * math.sqrt(differences.size) >= errors:
            return number
    return None


def answers_needed(above: int, of: int, share: float, confidence: float) -> int | None:
    """How many more answers would tell that more than `share` of all are above, if as many of them are as were seen."""
    observed = above / of
    if observed <= share:
        return None
    errors = NORMAL.inv_cdf(confidence) * math.sqrt(share * (1 - share))
    errors += NORMAL.inv_cdf(POWER) * math.sqrt(observed * (1 - observed))
    total = math.ceil((errors / (observed - share)) ** 2)
    return max(total - of, 1) if total <= MOST else None


def ratio_needed(ratio: Interval, limit: float, confidence: float, pairs: int) -> int | None:
    """How many more pairs would tell on which side of `limit` a ratio lies, POWER of the time."""
    gap = abs(math.log(ratio.estimate / limit))
    if gap < 1e-9:
        return None
    width = abs(math.log((ratio.high if ratio.estimate <= limit else ratio.low) / ratio.estimate))
    errors = 1 + NORMAL.inv_cdf(POWER) / NORMAL.inv_cdf(confidence)
    total = math.ceil(pairs * (width / gap * errors) ** 2)
    return max(total - pairs, 1) if total <= MOST else None

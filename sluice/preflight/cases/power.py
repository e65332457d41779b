"""How small a regression a number of cases can show: exact binomial arithmetic, nothing but the standard library.

A gate lets a version through if at least `needed` of its cases pass. Of versions that answer each case rightly with
some probability, a *sound* one is let through 95 times in 100, and a *spoiled* one is stopped 80 times in 100. What
lies between the two is the smallest regression that the gate tells from luck.
"""

import math
from functools import lru_cache

CONFIDENCE = 0.95  # a sound version is let through this often
POWER = 0.80  # a spoiled one is stopped this often


def needed(cases: int, rate: float) -> int:
    """How many of the cases must pass, as the gate counts."""
    return min(cases, max(0, math.ceil(rate * cases - 1e-9)))


def passing(cases: int, least: int, rate: float) -> float:
    """The probability that at least `least` of the cases pass, each with the same probability."""
    if least <= 0 or rate >= 1:
        return 1.0
    if rate <= 0:
        return 0.0
    failed, total = cases - least, 0.0
    term = math.exp(_log_term(cases, failed, 1 - rate))
    if term == 0.0:  # far out in one of the tails
        return 1.0 if failed > cases * (1 - rate) else 0.0
    odds = rate / (1 - rate)
    for each in range(failed, -1, -1):
        total += term
        step = odds * each / (cases - each + 1)
        if step < 1 and term < 1e-9 * total:
            break
        term *= step
    return min(1.0, total)


@lru_cache(maxsize=256)
def sound(cases: int, rate: float) -> float:
    """The lowest true pass rate at which a version is let through 95 times in 100."""
    return _crossing(cases, needed(cases, rate), CONFIDENCE)


@lru_cache(maxsize=256)
def spoiled(cases: int, rate: float) -> float:
    """The highest true pass rate at which a version is stopped 80 times in 100."""
    return _crossing(cases, needed(cases, rate), 1 - POWER)


def regression(cases: int, rate: float) -> float:
    """The smallest drop of the true pass rate that is told from luck: 0.13 is 13 points."""
    return max(0.0, sound(cases, rate) - spoiled(cases, rate))


@lru_cache(maxsize=64)
def cases_for(drop: float, rate: float) -> int:
    """About how many cases it takes to show such a drop."""
    normal = (2.5 / drop) ** 2 * max(rate * (1 - rate), 0.01)  # the textbook's rough count, to begin with
    few, many = 1, math.ceil(3 * normal) + 30
    while few < many:  # the steps of `needed` make this a little uneven, hence "about"
        middle = (few + many) // 2
        few, many = (few, middle) if regression(middle, rate) <= drop else (middle + 1, many)
    return many


def _crossing(cases: int, least: int, probability: float) -> float:
    """The pass rate at which the gate opens with this probability."""
    low, high = 0.0, 1.0
    for _ in range(14):
        middle = (low + high) / 2
        low, high = (middle, high) if passing(cases, least, middle) < probability else (low, middle)
    return (low + high) / 2


def _log_term(cases: int, failed: int, chance: float) -> float:
    ways = math.lgamma(cases + 1) - math.lgamma(failed + 1) - math.lgamma(cases - failed + 1)
    return ways + failed * math.log(chance) + (cases - failed) * math.log1p(-chance)

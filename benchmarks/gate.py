"""How often the gate is wrong and how often it does not know, by simulation, beside the unpaired z-test of the peers.

Each case has a chance of its own to be passed, drawn from a beta distribution: some are hard, and both models find
them so. The same simulated pairs go to the gate's own code and to the z-test, both at 5 %, one way. A false alarm is a
verdict `fail` on two runs of one model (A/A). Figures are shares of the simulations.
"""

import sys
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import print_result
from sluice.evaluation.compare.comparison import compare_pairs
from sluice.evaluation.compare.pairs import ChatOutcome, Pair
from sluice.evaluation.gate import Gate

SIMULATIONS = 200_000  # where chats are asked once: the verdict hangs on three counts, so most are known already
FEWER = 500  # where each verdict is computed anew: with tags, repeats, weights, or latencies
SIZES = (20, 50, 200, 1000)
RATES = (0.5, 0.9, 0.97)
TABLE_RATE = 0.9
REGRESSIONS = (0.02, 0.05, 0.10)
ALIKE = 1.0  # the beta distribution's a + b: two runs of one model correlate by 1 / (1 + it)
UNLIKE = 1e6  # all cases equally hard: two runs have nothing in common
MARGIN = Gate(against_champion=True)
AT_ALL = Gate(against_champion=True, margin=0.0)  # the z-test's question: is it worse at all?
SLOWER = Gate(against_champion=True, latency_margin=0.0)
CRITICAL = NormalDist().inv_cdf(MARGIN.confidence)

Kind = Literal["once", "tags", "repeats", "weights", "latency"]
KINDS: tuple[Kind, ...] = ("tags", "repeats", "weights", "latency")
Chances = NDArray[np.float64]


@dataclass(frozen=True)
class Cell:
    """One setting, simulated from a seed of its own, so that it does not matter when and where it runs."""

    kind: Kind
    size: int
    rate: float
    regression: float = 0.0
    alike: float = ALIKE

    @property
    def random(self) -> np.random.Generator:
        settings = (self.rate, self.regression, 1 / (1 + self.alike))
        return np.random.default_rng([self.size, *(round(1000 * each) for each in settings)])

    @property
    def remaining(self) -> float:
        """The share of a case's chance that the challenger keeps: on the whole it is worse by `regression`."""
        return 1 - self.regression / self.rate

    def chances(self, random: np.random.Generator) -> tuple[Chances, Chances]:
        """Draw the chances of passing each case, for the champion and for the challenger."""
        before = random.beta(self.rate * self.alike, (1 - self.rate) * self.alike, self.size)
        return before, before * self.remaining

    @property
    def flips(self) -> tuple[float, float, float, float]:
        """The chances that a case is passed by both, by the champion alone, by the challenger alone, by none."""
        both = self.remaining * (self.rate**2 + self.rate * (1 - self.rate) / (self.alike + 1))
        return both, self.rate - both, self.rate * self.remaining - both, 1 - self.rate * (1 + self.remaining) + both


def simulate(cells: Sequence[Cell]) -> list[dict[str, float]]:
    """How often each is said: "at all fail", "margin pass", "z-test fail" and so on."""
    return [simulate_counts(cell) if cell.kind == "once" else simulate_pairs(cell) for cell in cells]


def simulate_counts(cell: Cell) -> dict[str, float]:
    both, worse, better, _ = cell.random.multinomial(cell.size, cell.flips, SIMULATIONS).T
    counter = Counter({"z-test fail": int((unpaired(cell.size, both + worse, both + better) < -CRITICAL).sum())})
    counts, times = np.unique(np.stack([worse, worse + better]), axis=1, return_counts=True)
    for lost, flips, number in zip(*counts.tolist(), times.tolist(), strict=True):
        for name, gate in (("at all", AT_ALL), ("margin", MARGIN)):
            passes_below, fails_from = find_bounds(cell.size, flips, gate.margin)
            outcome = "pass" if lost < passes_below else "fail" if lost >= fails_from else "inconclusive"
            counter[f"{name} {outcome}"] += number
    return {outcome: number / SIMULATIONS for outcome, number in counter.items()}


def unpaired(size: int, champion: NDArray[np.int64], challenger: NDArray[np.int64]) -> Chances:
    """The z of two numbers of passed cases as if they were of different cases."""
    p, q = champion / size, challenger / size
    error = np.sqrt((p * (1 - p) + q * (1 - q)) / (size - 1))
    z: Chances = np.divide(q - p, error, out=np.zeros_like(p), where=error > 0)
    return z


@cache
def find_bounds(size: int, flips: int, margin: float) -> tuple[int, int]:
    """Of so many flips, with how few for the worse the gate passes, and from how many on it fails.

    The more cases are lost the worse the verdict, so these two say all that the gate would.
    """
    every = range(flips + 1)
    passes_below = bisect_left(every, True, key=lambda worse: verdict(size, worse, flips - worse, margin) != "pass")
    fails_from = bisect_left(every, True, key=lambda worse: verdict(size, worse, flips - worse, margin) == "fail")
    return passes_below, fails_from


def verdict(size: int, worse: int, better: int, margin: float) -> str:
    yes, no = outcomes([True]), outcomes([False])
    same, lost, gained = (Pair("", (), 1.0, before, after) for before, after in ((yes, yes), (yes, no), (no, yes)))
    pairs = [same] * (size - worse - better) + [lost] * worse + [gained] * better
    return compare_pairs(pairs, AT_ALL if margin == 0 else MARGIN).verdict


def simulate_pairs(cell: Cell) -> dict[str, float]:
    random, counter = cell.random, Counter[str]()
    for _ in range(FEWER):
        pairs = draw_pairs(cell.kind, random, *cell.chances(random))
        if cell.kind == "latency":
            counter[f"slower {compare_pairs(pairs, SLOWER).decided[-1].verdict}"] += 1
        else:
            counter[f"at all {compare_pairs(pairs, AT_ALL).verdict}"] += 1
            counter[f"margin {compare_pairs(pairs, MARGIN).verdict}"] += 1
    return {outcome: number / FEWER for outcome, number in counter.items()}


def draw_pairs(kind: Kind, random: np.random.Generator, before: Chances, after: Chances) -> list[Pair]:
    cases, repeats = len(before), 3 if kind == "repeats" else 1
    passed = [random.random((cases, repeats)) < chances[:, None] for chances in (before, after)]
    times = draw_latencies(random, cases) if kind == "latency" else np.empty((2, cases, 0))
    weights = random.choice([1.0, 2.0, 5.0], cases).tolist() if kind == "weights" else [1.0] * cases
    tags = random.choice(list("abcdef"), cases).tolist() if kind == "tags" else [()] * cases
    sides = [[outcomes(*chats) for chats in zip(*side, strict=True)] for side in zip(passed, times, strict=True)]
    return [
        Pair(str(n), tuple(tags[n]), weights[n], first, then)
        for n, (first, then) in enumerate(zip(*sides, strict=True))
    ]


def draw_latencies(random: np.random.Generator, cases: int) -> Chances:
    """Draw seconds for two models and three turns a case: some questions take longer, and no two times are equal."""
    difficulty = random.normal(0, 0.5, (cases, 1)) + random.normal(0, 0.3, (cases, 3))
    return np.exp(difficulty + random.normal(0, 0.2, (2, cases, 3)))


def outcomes(passed: Iterable[bool], times: Iterable[float] = ()) -> tuple[ChatOutcome, ...]:
    return tuple(ChatOutcome(bool(each), (), tuple(times), ()) for each in passed)


def groups() -> list[list[Cell]]:
    """What is worth doing in one process: chats asked once of as many cases have most of their verdicts in common."""
    once = [
        [Cell("once", size, rate, worse) for rate in RATES for worse in (0.0, MARGIN.margin)]
        + [Cell("once", size, TABLE_RATE, worse) for worse in REGRESSIONS if worse != MARGIN.margin]
        + [Cell("once", size, rate, alike=UNLIKE) for rate in RATES]
        for size in reversed(SIZES)
    ]
    several: list[Cell] = [
        Cell(kind, size, TABLE_RATE, worse)
        for kind in KINDS
        for size in (50, 200)
        for worse in (0.0, MARGIN.margin)
        if not (kind == "latency" and worse)
    ]
    return [*once, *([cell] for cell in several)]


def main() -> None:
    cells = [cell for group in groups() for cell in group]
    print(f"{len(cells)} settings, {SIMULATIONS} or {FEWER} simulations of each ...", file=sys.stderr)
    with ProcessPoolExecutor() as workers:
        shares = [each for group in workers.map(simulate, groups()) for each in group]
    results = dict(zip(cells, shares, strict=True))
    once = select_kind(results, "once")
    print_cells(results)
    print_result(
        "gate",
        false_alarm_rate=worst_share(once, 0.0, "at all fail"),
        false_alarm_rate_at_margin=worst_share(once, 0.0, "margin fail"),
        false_alarm_rate_z_test=worst_share(once, 0.0, "z-test fail"),
        false_pass_rate=worst_share(once, MARGIN.margin, "margin pass"),
        simulations=SIMULATIONS,
        others={kind: worst_share(select_kind(results, kind), 0.0, "at all fail", "slower fail") for kind in KINDS},
        simulations_others=FEWER,
        power=tabulate(once, "at all fail"),
        power_z_test=tabulate(once, "z-test fail"),
        passed=tabulate(once, "margin pass"),
        inconclusive=tabulate(once, "margin inconclusive"),
        failed=tabulate(once, "margin fail"),
    )


def select_kind(results: dict[Cell, dict[str, float]], kind: Kind) -> dict[Cell, dict[str, float]]:
    return {cell: shares for cell, shares in results.items() if cell.kind == kind}


def worst_share(results: dict[Cell, dict[str, float]], regression: float, *names: str) -> float:
    """The highest share in any setting."""
    return max(each.get(what, 0.0) for cell, each in results.items() if cell.regression == regression for what in names)


def tabulate(results: dict[Cell, dict[str, float]], *names: str) -> dict[str, dict[str, float]]:
    """Sum the shares by regression in points and number of cases, at a pass rate of 0.9."""
    return {
        f"{100 * worse:g}": {
            str(size): round(sum(results[Cell("once", size, TABLE_RATE, worse)].get(each, 0.0) for each in names), 4)
            for size in SIZES[1:]
        }
        for worse in (0.0, *REGRESSIONS)
    }


def print_cells(results: dict[Cell, dict[str, float]]) -> None:
    for cell, shares in results.items():
        what = f"{cell.kind}, {cell.size} cases, pass rate {cell.rate:g}, worse by {cell.regression:g}"
        listed = ", ".join(f"{each} {share:.4f}" for each, share in sorted(shares.items()))
        print(f"{what}{', unlike' if cell.alike == UNLIKE else ''}: {listed}")


if __name__ == "__main__":
    main()

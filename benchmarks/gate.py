"""How often the gate is wrong and how often it does not know, by simulation, beside the unpaired z-test of the peers.

Each case has a chance of its own to be passed, drawn from a beta distribution: some are hard, and both models find
them so. The same simulated pairs go to the gate's own code and to the z-test, both at 5 %, one way. A false alarm is a
verdict `fail` on two runs of one model (A/A). Figures are shares of the simulations.
"""

import sys
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import result
from evaluation.comparison import compared
from evaluation.gate import Gate
from evaluation.pairs import Pair, Went

SIMULATIONS = 10_000  # where chats are asked once: the verdict hangs on three counts, so most are known already
FEWER = 1000  # where each verdict is computed anew: with tags, repeats, weights, or latencies
SIZES = (20, 50, 200, 1000)
RATES = (0.5, 0.9, 0.97)
REGRESSIONS = (0.02, 0.05, 0.10)
ALIKE = 1.0  # the beta distribution's a + b: two runs of one model correlate by 1 / (1 + it)
UNLIKE = 1e6  # all cases equally hard: two runs have nothing in common
MARGIN = Gate(against_champion=True)
AT_ALL = Gate(against_champion=True, margin=0.0)  # the z-test's question: is it worse at all?
SLOWER = Gate(against_champion=True, latency_margin=0.0)
CRITICAL = NormalDist().inv_cdf(MARGIN.confidence)

Kind = Literal["once", "tags", "repeats", "weights", "latency"]
Chances = NDArray[np.float64]


@dataclass(frozen=True)
class Cell:
    """One setting, simulated from a seed of its own, so that it does not matter when and where it runs."""

    kind: Kind
    size: int
    rate: float
    regression: float = 0.0
    alike: float = ALIKE

    def chances(self, random: np.random.Generator, simulations: int) -> tuple[Chances, Chances]:
        """Of passing each case, for the champion and for a challenger that is worse by `regression` on the whole."""
        before = random.beta(self.rate * self.alike, (1 - self.rate) * self.alike, (simulations, self.size))
        return before, before * (1 - self.regression / self.rate)


def simulated(cell: Cell) -> dict[str, float]:
    """How often each is said: "at all fail", "margin pass", "z-test fail" and so on."""
    random = np.random.default_rng([cell.size, *(round(1000 * each) for each in (cell.rate, cell.regression))])
    simulations = SIMULATIONS if cell.kind == "once" else FEWER
    found: Counter[str] = Counter()
    for start in range(0, simulations, 1000):
        before, after = cell.chances(random, min(1000, simulations - start))
        found += once(random, before, after) if cell.kind == "once" else anew(cell.kind, random, before, after)
    return {said: number / simulations for said, number in found.items()}


def once(random: np.random.Generator, before: Chances, after: Chances) -> Counter[str]:
    champion, challenger = random.random(before.shape) < before, random.random(after.shape) < after
    found = Counter({"z-test fail": int((unpaired(champion, challenger) < -CRITICAL).sum())})
    worse, flips = (champion & ~challenger).sum(axis=1).tolist(), (champion ^ challenger).sum(axis=1).tolist()
    for name, gate in (("at all", AT_ALL), ("margin", MARGIN)):
        for lost, of in zip(worse, flips, strict=True):
            passes_below, fails_from = bounds(before.shape[1], of, gate.margin)
            said = "pass" if lost < passes_below else "fail" if lost >= fails_from else "inconclusive"
            found[f"{name} {said}"] += 1
    return found


def unpaired(champion: NDArray[np.bool_], challenger: NDArray[np.bool_]) -> Chances:
    """The z of two pass rates as if they were of different cases."""
    p, q = champion.mean(axis=1), challenger.mean(axis=1)
    error = np.sqrt((p * (1 - p) + q * (1 - q)) / (champion.shape[1] - 1))
    z: Chances = np.divide(q - p, error, out=np.zeros_like(p), where=error > 0)
    return z


@cache
def bounds(size: int, flips: int, margin: float) -> tuple[int, int]:
    """Of so many flips, with how few for the worse the gate passes, and from how many on it fails.

    The more cases are lost the worse the verdict, so these two say all that the gate would.
    """
    every = range(flips + 1)
    passes_below = bisect_left(every, True, key=lambda worse: verdict(size, worse, flips - worse, margin) != "pass")
    fails_from = bisect_left(every, True, key=lambda worse: verdict(size, worse, flips - worse, margin) == "fail")
    return passes_below, fails_from


def verdict(size: int, worse: int, better: int, margin: float) -> str:
    yes, no = went([True]), went([False])
    same, lost, gained = (Pair("", (), 1.0, before, after) for before, after in ((yes, yes), (yes, no), (no, yes)))
    pairs = [same] * (size - worse - better) + [lost] * worse + [gained] * better
    return compared(pairs, AT_ALL if margin == 0 else MARGIN).verdict


def anew(kind: Kind, random: np.random.Generator, before: Chances, after: Chances) -> Counter[str]:
    found: Counter[str] = Counter()
    for champion, challenger in zip(before, after, strict=True):
        pairs = drawn(kind, random, champion, challenger)
        if kind == "latency":
            found[f"slower {compared(pairs, SLOWER).decided[-1].verdict}"] += 1
            continue
        found[f"at all {compared(pairs, AT_ALL).verdict}"] += 1
        found[f"margin {compared(pairs, MARGIN).verdict}"] += 1
    return found


def drawn(kind: Kind, random: np.random.Generator, before: Chances, after: Chances) -> list[Pair]:
    cases, repeats = len(before), 3 if kind == "repeats" else 1
    passed = [random.random((cases, repeats)) < chances[:, None] for chances in (before, after)]
    times = latencies(random, cases) if kind == "latency" else np.empty((2, cases, 0))
    weights = random.choice([1.0, 2.0, 5.0], cases).tolist() if kind == "weights" else [1.0] * cases
    tags = random.choice(list("abcdef"), cases).tolist() if kind == "tags" else [()] * cases
    sides = [[went(*chats) for chats in zip(*side, strict=True)] for side in zip(passed, times, strict=True)]
    return [
        Pair(str(n), tuple(tags[n]), weights[n], first, then)
        for n, (first, then) in enumerate(zip(*sides, strict=True))
    ]


def latencies(random: np.random.Generator, cases: int) -> Chances:
    """Of two models and three turns a case: some questions take longer, and each time it is another time."""
    asked = random.normal(0, 0.5, (cases, 1)) + random.normal(0, 0.3, (cases, 3))
    return np.exp(asked + random.normal(0, 0.2, (2, cases, 3)))


def went(passed: Iterable[bool], times: Iterable[float] = ()) -> tuple[Went, ...]:
    return tuple(Went(bool(each), (), tuple(times), ()) for each in passed)


def cells() -> list[Cell]:
    once = [Cell("once", size, rate) for size in SIZES for rate in RATES]
    once += [Cell("once", size, rate, alike=UNLIKE) for size in SIZES[:-1] for rate in RATES]
    once += [Cell("once", size, rate, worse) for size in SIZES for rate in RATES for worse in REGRESSIONS]
    anew = [
        Cell(kind, size, 0.9, worse)
        for kind in ("tags", "repeats", "weights")
        for size in SIZES[:-1]
        for worse in (0.0, MARGIN.margin)
    ]
    return [*once, *anew, *(Cell("latency", size, 0.9) for size in SIZES[:-1])]


def main() -> None:
    print(f"{len(cells())} settings, {SIMULATIONS} or {FEWER} simulations of each ...", file=sys.stderr)
    with ProcessPoolExecutor() as workers:
        found = dict(zip(cells(), workers.map(simulated, cells()), strict=True))
    show(found)
    result(
        "gate",
        false_alarm_rate=worst(found, 0.0, "at all fail", "margin fail", "slower fail"),
        false_alarm_rate_at_margin=worst(found, 0.0, "margin fail"),
        false_alarm_rate_z_test=worst(found, 0.0, "z-test fail"),
        false_pass_rate=worst(found, MARGIN.margin, "margin pass"),
        simulations=sum(SIMULATIONS if cell.kind == "once" else FEWER for cell in found),
        power=table(found, "at all fail"),
        power_z_test=table(found, "z-test fail"),
        stopped=table(found, "margin fail", "margin inconclusive"),
        inconclusive=table(found, "margin inconclusive"),
    )


def worst(found: dict[Cell, dict[str, float]], regression: float, *said: str) -> float:
    """The highest share in any setting."""
    return max(each.get(what, 0.0) for cell, each in found.items() if cell.regression == regression for what in said)


def table(found: dict[Cell, dict[str, float]], *said: str) -> dict[str, dict[str, float]]:
    """By regression in points and number of cases, at a pass rate of 0.9."""
    return {
        f"{100 * worse:g}": {
            str(size): round(sum(found[Cell("once", size, 0.9, worse)].get(each, 0.0) for each in said), 4)
            for size in SIZES[1:]
        }
        for worse in (0.0, *REGRESSIONS)
    }


def show(found: dict[Cell, dict[str, float]]) -> None:
    for cell, said in found.items():
        what = f"{cell.kind}, {cell.size} cases, pass rate {cell.rate:g}, worse by {cell.regression:g}"
        told = ", ".join(f"{each} {share:.4f}" for each, share in sorted(said.items()))
        print(f"{what}{', unlike' if cell.alike == UNLIKE else ''}: {told}")


if __name__ == "__main__":
    main()

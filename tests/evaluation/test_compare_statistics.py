"""The statistics against published worked examples, and against their own promises by enumerating every outcome."""

import math
import random
import subprocess
import sys
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.evaluation.compare import statistics
from sluice.evaluation.compare.bootstrap import resampled_mean, resampled_ratios
from sluice.evaluation.compare.statistics import (
    Differences,
    Interval,
    answers_needed,
    at_least,
    cases_needed,
    holm,
    mcnemar,
    mcnemar_worse,
    ratio_needed,
    repeats_needed,
    score_interval,
    spread,
    tally_differences,
    worse_than,
)


def table(both: int, gained: int, lost: int, neither: int) -> Differences:
    """A paired two-by-two table, as its papers print it."""
    return equally([1.0] * gained + [-1.0] * lost + [0.0] * (both + neither))


def equally(differences: Sequence[float]) -> Differences:
    return tally_differences(differences, [1.0] * len(differences))


def bounds(differences: Differences, confidence: float) -> tuple[float, float]:
    """Two-sided and without the correction, as published."""
    interval = score_interval(differences, (1 + confidence) / 2, (1 + confidence) / 2, correction=0)
    return interval.low, interval.high


@pytest.mark.parametrize(
    ("cells", "confidence", "low", "high"),
    [
        # Tango, Statistics in Medicine 17 (1998), 891-908: his two examples
        ((4, 9, 3, 16), 0.95, -0.027, 0.390),
        ((43, 0, 1, 0), 0.90, -0.096, 0.037),
        # Agresti and Min, Statistics in Medicine 24 (2005), 729-740
        ((53, 16, 8, 9), 0.95, -0.020, 0.207),
        # Fagerland, Lydersen and Laake, Statistics in Medicine 33 (2014), 2850-2875: Bentur et al. 2009
        ((1, 1, 7, 12), 0.95, -0.517, -0.026),
        # the same authors' R package contingencytables, test-ch8.R: Cavo et al. 2012
        ((59, 6, 16, 80), 0.95, -0.1240, -0.0054),
    ],
)
def test_the_score_interval_is_the_published_one(cells, confidence: float, low: float, high: float) -> None:
    digits = 4 if abs(low) == 0.1240 else 3
    assert [round(bound, digits) for bound in bounds(table(*cells), confidence)] == [low, high]


@pytest.mark.parametrize("size", [1, 44, 1000])
def test_without_a_flip_the_interval_is_known_in_closed_form(size: int) -> None:
    z = statistics.NORMAL.inv_cdf(0.975)
    low, high = bounds(equally([0.0] * size), 0.95)
    assert (low, high) == (pytest.approx(-(z**2) / (size + z**2)), pytest.approx(z**2 / (size + z**2)))


@given(st.integers(1, 60), st.integers(0, 30), st.integers(0, 30), st.sampled_from([0.8, 0.9, 0.99]))
def test_for_flips_it_is_tangos_own_formula(same: int, gained: int, lost: int, confidence: float) -> None:
    """The closed form of his restricted estimate, put into his statistic: at each bound it is the normal quantile."""
    size, z = same + gained + lost, statistics.NORMAL.inv_cdf((1 + confidence) / 2)
    for bound in bounds(table(same, gained, lost, 0), confidence):
        if abs(bound) < 1:
            b = -gained - lost + (2 * size - gained + lost) * bound
            lost_share = (math.sqrt(b * b + 8 * size * lost * bound * (1 - bound)) - b) / (4 * size)
            error = math.sqrt(size * (2 * lost_share + bound * (1 - bound)))
            assert abs(gained - lost - size * bound) / error == pytest.approx(z, rel=1e-5)


def test_the_spread_of_what_was_found_is_its_own() -> None:
    outcomes = equally([0, 0, 1, -1, 0.5])
    assert spread(outcomes, outcomes.mean) == pytest.approx(math.sqrt(outcomes.variance))
    assert spread(outcomes, -1.0) == 0


@pytest.mark.parametrize("size", [20, 50, 100])
def test_the_errors_are_what_was_promised_by_every_outcome_there_is(size: int) -> None:
    """Not a simulation: the probability of each outcome, for models that flip rarely, often, or mostly one way."""
    for margin in (0.02, 0.05, 0.1):
        let_through = {
            (gained, lost): 1 - worse_than(table(size - gained - lost, gained, lost, 0), -margin) <= 0.05
            for gained in range(size // 2)
            for lost in range(size // 2)
            if gained + lost <= size
        }
        for flipping in (0.0, 0.02, 0.05, 0.1, 0.2, 0.3):
            gains, losses = flipping / 2, margin + flipping / 2
            error = sum(chance(size, *flips, gains, losses) for flips, yes in let_through.items() if yes)
            assert error <= 0.0506, (margin, flipping)


@pytest.mark.parametrize("size", [20, 50, 100])
def test_two_runs_of_one_model_are_called_different_at_most_one_time_in_twenty(size: int) -> None:
    alarm = {
        (gained, lost): worse_than(table(size - gained - lost, gained, lost, 0), 0.0) < 0.05
        for gained in range(size // 2)
        for lost in range(size // 2)
        if gained + lost <= size
    }
    for flipping in (0.01, 0.03, 0.06, 0.09, 0.18, 0.3, 0.5):
        error = sum(chance(size, *flips, flipping / 2, flipping / 2) for flips, yes in alarm.items() if yes)
        assert error <= 0.05, flipping


def chance(size: int, gained: int, lost: int, gains: float, losses: float) -> float:
    """Of exactly these flips: a multinomial probability."""
    same = size - gained - lost
    logs = math.lgamma(size + 1) - math.lgamma(gained + 1) - math.lgamma(lost + 1) - math.lgamma(same + 1)
    for count, share in ((gained, gains), (lost, losses), (same, 1 - gains - losses)):
        if count:
            if not share:
                return 0.0
            logs += count * math.log(share)
    return math.exp(logs)


@pytest.mark.parametrize(
    ("worse", "better", "p"),
    [
        (7, 1, 0.0703),  # Fagerland, Lydersen and Laake, BMC Med Res Methodol 13:91 (2013): Bentur et al. 2009
        (16, 6, 0.052479),  # contingencytables, test-ch8.R: Cavo et al. 2012
        (0, 0, 1.0),
        (1, 0, 1.0),
        (5, 0, 0.0625),
        (10, 10, 1.0),
    ],
)
def test_mcnemar_is_exact(worse: int, better: int, p: float) -> None:
    assert mcnemar(worse, better) == mcnemar(better, worse) == pytest.approx(p, abs=5e-5)


def test_mcnemar_one_way_is_a_sum_of_binomials() -> None:
    assert mcnemar_worse(7, 1) == pytest.approx(9 / 256)
    assert mcnemar_worse(1, 7) == pytest.approx(255 / 256)
    assert mcnemar_worse(0, 0) == 1.0


@pytest.mark.parametrize(
    ("values", "corrected"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        # R: p.adjust(c(0.01, 0.04, 0.20, 0.03, 0.005, 0.07), "holm")
        ([0.01, 0.04, 0.20, 0.03, 0.005, 0.07], [0.05, 0.12, 0.20, 0.12, 0.03, 0.14]),
        ([], []),
        ([0.6, 0.6], [1.0, 1.0]),
    ],
)
def test_holm_corrects_from_the_smallest_on(values: list[float], corrected: list[float]) -> None:
    assert holm(values) == pytest.approx(corrected)


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_never_makes_surer_and_keeps_the_order(values: list[float]) -> None:
    corrected = holm(values)
    assert all(p <= c <= 1 for p, c in zip(values, corrected, strict=True))
    assert sorted(range(len(values)), key=values.__getitem__) == sorted(
        range(len(values)), key=lambda index: (corrected[index], values[index])
    )


@given(st.integers(1, 300), st.data(), st.sampled_from([0.01, 0.05, 0.5]))
def test_at_least_is_the_binomial_tail(of: int, data, share: float) -> None:
    from scipy.stats import binom

    count = data.draw(st.integers(0, of))
    assert at_least(count, of, share) == pytest.approx(binom.sf(count - 1, of, share), rel=1e-6, abs=1e-12)


def test_the_tail_of_a_hundred_thousand_answers_is_no_effort() -> None:
    assert at_least(5100, 100_000, 0.05) == pytest.approx(0.0749, abs=2e-3)


def test_weighted_cases_count_for_fewer() -> None:
    outcomes = tally_differences([0.0, 0.0, 0.0], [1.0, 1.0, 8.0])
    assert outcomes.size == pytest.approx(100 / 66)
    heavy = tally_differences([0.0, 0.0, -1.0], [1.0, 1.0, 8.0])
    assert heavy.mean == pytest.approx(-0.8)
    assert bounds(heavy, 0.9)[1] > bounds(equally([-1, -1, -1, -1, 0]), 0.9)[1]


differences = st.lists(st.sampled_from([-1, -2 / 3, -1 / 3, 0, 0, 0, 1 / 3, 2 / 3, 1]), min_size=1, max_size=60)


@given(differences, st.sampled_from([0.0, 0.01, 0.05, 0.3]))
def test_bounds_lie_around_the_estimate_and_say_the_same_as_the_p_value(values: list[float], margin: float) -> None:
    outcomes = equally(values)
    interval = score_interval(outcomes, 0.95, 0.95)
    assert -1 <= interval.low <= interval.estimate <= interval.high <= 1
    if abs(interval.low + margin) > 1e-6:
        assert (1 - worse_than(outcomes, -margin) < 0.05) == (interval.low > -margin)
    if abs(interval.high + margin) > 1e-6:
        assert (worse_than(outcomes, -margin) < 0.05) == (interval.high < -margin)


@given(differences)
def test_the_other_way_round_is_the_mirror_image(values: list[float]) -> None:
    interval, other = (score_interval(equally(each), 0.95, 0.95) for each in (values, [-v for v in values]))
    assert (interval.low, interval.high) == (pytest.approx(-other.high), pytest.approx(-other.low))


@given(differences, st.integers(0, 1000))
def test_no_order_makes_a_difference(values: list[float], seed: int) -> None:
    mixed = random.Random(seed).sample(values, len(values))
    assert equally(mixed) == equally(values)
    weights = [1.0] * len(values)
    assert resampled_mean(mixed, weights, 0.95, 0.95) == resampled_mean(values, weights, 0.95, 0.95)


@settings(deadline=None)
@given(differences, st.data())
def test_one_better_case_never_lowers_the_bound(values: list[float], data) -> None:
    place = data.draw(st.integers(0, len(values) - 1))
    better = [*values]
    better[place] = data.draw(st.sampled_from([v for v in (-1, -1 / 3, 0, 1 / 3, 1) if v >= values[place]] or [1]))
    assert score_interval(equally(better), 0.95, 0.95).low >= score_interval(equally(values), 0.95, 0.95).low - 1e-9


def test_the_bootstrap_of_a_mean_is_near_the_normal_one_for_many_cases() -> None:
    values = [-1.0] * 60 + [1.0] * 40 + [0.0] * 900
    mean = resampled_mean(values, [1.0] * 1000, 0.95, 0.95)
    error = math.sqrt(equally(values).variance / 1000)
    assert mean.estimate == pytest.approx(-0.02)
    assert mean.low == pytest.approx(-0.02 - 1.645 * error, abs=0.001)
    assert mean.high == pytest.approx(-0.02 + 1.645 * error, abs=0.001)


def test_cases_all_alike_leave_the_bootstrap_nothing_to_draw() -> None:
    assert resampled_mean([0.0] * 5, [1.0, 2.0, 3.0, 4.0, 5.0], 0.95, 0.95) == Interval(0.0, 0.0, 0.0)
    assert resampled_ratios([[100.0]] * 3, [[50.0]] * 3, (0.5,), 0.95) == [Interval(2.0, 2.0, 2.0)]


def test_all_turns_of_a_case_are_drawn_together() -> None:
    """A hundred turns of ten cases tell little more than ten: the interval must not shrink with the turns."""
    noise = random.Random(7)
    cases = [noise.lognormvariate(0, 0.5) for _ in range(10)]
    plain = [[1.0]] * 10
    once, often = (resampled_ratios([[case] * turns for case in cases], plain, (0.5,), 0.95)[0] for turns in (1, 100))
    assert once == often and once.high / once.low > 1.2


def test_ratios_are_of_nearest_ranks() -> None:
    ratios = resampled_ratios([[10.0, 20.0, 30.0, 40.0]], [[1.0, 2.0, 3.0, 4.0]], (0.5, 0.95), 0.95)
    assert [ratio.estimate for ratio in ratios] == [10.0, 10.0]
    assert resampled_ratios([[20.0], [30.0, 40.0]], [[1.0], [2.0, 8.0]], (0.5, 1.0), 0.95)[1].estimate == 5.0


def test_what_cannot_be_divided_is_not_compared() -> None:
    assert resampled_ratios([[0.0]], [[1.0]], (0.5,), 0.95) is None
    assert resampled_ratios([[1.0]], [[0.0]], (0.5,), 0.95) is None
    assert resampled_ratios([], [], (0.5,), 0.95) is None


def test_as_many_cases_as_are_asked_for_decide_four_times_in_five() -> None:
    """50 pairs with 2 lost and 1 gained: the answer is tried on that many more pairs like these."""
    outcomes = table(47, 1, 2, 0)
    more = cases_needed(outcomes, -0.05, 0.95, 50)
    assert more is not None
    total, draw = 50 + more, random.Random(3)
    decided = sum(
        score_interval(equally(draw.choices([1, -1, 0], [1, 2, 47], k=total)), 0.95, 0.95).low >= -0.05
        for _ in range(300)
    )
    assert 0.72 <= decided / 300 <= 0.9


def test_identical_reports_need_sixty_cases_to_show_it() -> None:
    assert cases_needed(equally([0.0] * 50), -0.05, 0.95, 50) == 10
    assert score_interval(equally([0.0] * 60), 0.95, 0.95).low >= -0.05
    assert score_interval(equally([0.0] * 59), 0.95, 0.95).low < -0.05


def test_weights_make_more_cases_necessary() -> None:
    weights = [1.0] * 45 + [10.0] * 5
    assert cases_needed(tally_differences([0.0] * 50, weights), -0.05, 0.95, 50) > 60


def test_no_number_of_cases_tells_what_lies_on_the_margin_itself() -> None:
    assert cases_needed(equally([-1.0] + [0.0] * 19), -0.05, 0.95, 20) is None
    assert cases_needed(equally([-1.0] * 51 + [0.0] * 949), -0.05, 0.95, 1000) > 100_000
    assert ratio_needed(Interval(1.1, 1.0, 1.2), 1.1, 0.95, 20) is None


def test_repeats_help_only_against_chance() -> None:
    """Repeats average away what is noise of single chats; not what cases differ by, nor that the cases are few."""
    many = equally([0.2, -0.2] * 50)
    assert repeats_needed(many, -0.03, 0.95, noise=0.19, repeats=5) is None
    assert repeats_needed(many, -0.05, 0.95, noise=0.19, repeats=5) == 11
    assert repeats_needed(many, -0.05, 0.95, noise=0.0, repeats=5) is None
    assert repeats_needed(equally([0.2, -0.2] * 20), -0.05, 0.95, noise=0.2, repeats=5) is None


def test_a_ratio_needs_more_cases_the_nearer_it_lies_to_the_limit() -> None:
    near, far = (ratio_needed(Interval(estimate, 0.9, 1.2), 1.1, 0.95, 50) for estimate in (1.05, 1.0))
    assert near is not None and far is not None and near > far > 0


def test_answers_above_a_limit_need_more_answers_the_fewer_they_are() -> None:
    assert answers_needed(5, 90, 0.05, 0.95) > answers_needed(7, 90, 0.05, 0.95) > 0
    assert answers_needed(4, 90, 0.05, 0.95) is None


def test_a_judgement_without_a_champion_loads_neither_numpy_nor_scipy() -> None:
    modules = "sluice.evaluation.evaluate, sluice.evaluation.compare.champion"
    script = f"import sys, {modules}; print(sorted({{'numpy', 'scipy'}} & set(sys.modules)))"
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert process.stdout == "[]\n"

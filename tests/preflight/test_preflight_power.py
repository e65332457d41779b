"""The arithmetic behind "too few cases": exact, and held against the plain sum."""

import math

import pytest

from sluice.preflight.cases import power


def plainly(cases, least, rate):
    return sum(
        math.comb(cases, passed) * rate**passed * (1 - rate) ** (cases - passed) for passed in range(least, cases + 1)
    )


@pytest.mark.parametrize(
    ("cases", "least", "rate"),
    [(26, 24, 0.9), (100, 90, 0.85), (600, 300, 0.52), (5, 5, 0.9), (5, 0, 0.1), (200, 1, 0.001), (200, 200, 0.5),
     (1000, 1, 0.9), (1, 1, 0.0), (3, 2, 1.0), (900, 899, 0.2)],
)  # fmt: skip
def test_the_chance_to_pass_is_that_of_the_plain_sum(cases, least, rate):
    assert power.passing(cases, least, rate) == pytest.approx(plainly(cases, least, rate), abs=1e-6)


@pytest.mark.parametrize(
    ("cases", "rate", "needed"),
    [(26, 0.9, 24), (10, 0.9, 9), (10, 0.97, 10), (10, 0.0, 0), (3, 1.0, 3), (10, 0.3, 3), (7, 1 / 7, 1)],
)
def test_as_many_must_pass_as_the_gate_counts(cases, rate, needed):
    assert power.needed(cases, rate) == needed


@pytest.mark.parametrize("cases", [1, 5, 26, 100])
@pytest.mark.parametrize("rate", [0.5, 0.9, 1.0])
def test_a_sound_version_passes_95_times_and_a_spoiled_one_is_stopped_80_times_in_100(cases, rate):
    least = power.needed(cases, rate)
    assert plainly(cases, least, power.sound(cases, rate)) == pytest.approx(0.95, abs=0.002)
    assert 1 - plainly(cases, least, power.spoiled(cases, rate)) == pytest.approx(0.80, abs=0.002)


def test_more_cases_show_smaller_regressions():
    drops = [power.regression(cases, 0.9) for cases in (10, 50, 200)]
    assert drops == sorted(drops, reverse=True)
    assert drops[0] == pytest.approx(0.234, abs=0.002)


@pytest.mark.parametrize("rate", [0.5, 0.8, 0.9, 1.0])
def test_so_many_cases_show_such_a_drop(rate):
    for drop in (0.05, 0.10):
        assert power.regression(power.cases_for(drop, rate), rate) <= drop
        assert power.regression(power.cases_for(drop, rate) // 2, rate) > drop

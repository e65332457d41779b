"""What a release takes and costs: every figure says where it is from, and what is assumed says so."""

import pytest
from costs_example import cost, estimated, release, step

from sluice.evaluation.cases.case import Case, Turn
from sluice.pipelines import costs


def test_an_endpoint_costs_its_instances_by_the_hour_and_the_month():
    one, three = estimated(), estimated(deployment={"instance_count": 3})
    assert cost(one, "endpoint").low == pytest.approx(1.408)
    assert cost(three, "endpoint").low == pytest.approx(3 * 1.408)
    assert cost(one, "endpoint, always on").low == pytest.approx(730 * 1.408)


def test_scaled_down_it_costs_the_hours_that_it_is_on_and_that_is_an_assumption():
    endpoint = cost(estimated(week_hours=84), "endpoint, scaled down")
    assert endpoint.low == pytest.approx(365 * 1.408)
    assert endpoint.assumed and "84 hours" in endpoint.how


def test_the_files_own_price_counts_before_the_table():
    estimate = estimated(prices={"ml.g5.xlarge": 2.0})
    assert cost(estimate, "endpoint").low == 2.0
    assert "pipeline.yaml" in estimate.prices["ml.g5.xlarge"].source


def test_a_region_without_a_price_takes_that_of_another_and_says_so():
    estimate = estimated(region="me-central-1")
    assert estimate.prices["ml.g5.xlarge"].assumed
    sources = {what: (source, assumed) for what, source, assumed in costs.list_sources(estimate)}
    assert "us-east-1" in sources["price of ml.g5.xlarge"][0] and sources["price of ml.g5.xlarge"][1]


def test_an_instance_without_any_price_is_named_and_costs_nothing_silently():
    estimate = estimated(deployment={"instance_type": "ml.g5.nowhere"})
    assert "ml.g5.nowhere" in estimate.unpriced
    assert not [each for each in estimate.costs if each.what.startswith("endpoint")]


def test_a_second_endpoint_stands_while_a_scheduled_redeploy_runs():
    weekly = estimated()
    daily = estimated(schedule=release().schedule.model_copy(update={"expression": "rate(1 day)"}))
    assert cost(daily, "scheduled re-deploys").high == pytest.approx(
        7 * cost(weekly, "scheduled re-deploys").high, rel=0.01
    )
    assert not [each for each in estimated(schedule=None).costs if "re-deploys" in each.what]


def test_the_evaluation_costs_its_minutes_on_its_own_instance():
    estimate = estimated()
    evaluate = step(estimate, "Evaluate")
    assert cost(estimate, "evaluation job").high == pytest.approx(evaluate.high / 3600 * 1.408)
    assert 0 < evaluate.low < evaluate.high < 7200


def test_the_image_and_the_model_arrive_side_by_side():
    phases = {phase.name: phase.seconds_high for phase in step(estimated(), "Evaluate").phases}
    side_by_side = [phases[name] for name in costs.SIDE_BY_SIDE]
    assert step(estimated(), "Evaluate").high == pytest.approx(sum(phases.values()) - min(side_by_side))


def test_a_longer_replay_takes_longer():
    assert step(estimated(turns=500), "Evaluate").high > step(estimated(turns=5), "Evaluate").high


def test_every_repeat_of_a_case_is_counted():
    cases = [Case("a", (Turn("hi"), Turn("again"))), Case("b", (Turn("hi"),), repeats=5)]
    assert (costs.count_turns(cases, 1), costs.count_turns(cases, 3), costs.count_turns([], 3)) == (7, 11, 0)


def test_several_machines_take_less_time_and_each_of_them_costs():
    one, three = estimated(turns=5000), estimated(turns=5000, evaluation={"instances": 3})
    shared = step(three, "Evaluate")
    assert shared.high < step(one, "Evaluate").high
    evaluation = cost(three, "evaluation job")
    assert evaluation.high == pytest.approx(3 * shared.high / 3600 * 1.408) and "3 x ml.g5.xlarge" in evaluation.how
    assert step(three, "Deploy").high == step(one, "Deploy").high


def test_a_comparison_may_take_a_replay_of_the_live_version():
    gate = release().evaluation.gate
    compared = step(estimated(turns=500), "Evaluate")
    alone = step(estimated(turns=500, evaluation={"gate": gate.model_copy(update={"champion": None})}), "Evaluate")
    assert compared.low == alone.low and compared.high > alone.high


def test_every_phase_and_price_says_where_it_is_from():
    estimate = estimated()
    sources = {what: source for what, source, _ in costs.list_sources(estimate)}
    assert all(sources[phase.name] for each in estimate.steps for phase in each.phases)
    assert all(sources[f"price of {name}"] for name in estimate.prices)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(1, 10, "under 1 min"), (10, 70, "about 1 min"), (60, 130, "1 to 2 min"), (300, 310, "5 min")],
)
def test_minutes_are_said_in_words(low, high, words):
    assert costs.format_minutes(low, high) == words

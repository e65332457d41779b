"""What `sluice plan` prints: the changes, the time and the money, in three forms. Nothing is asked of any account."""

import json

import pytest
from costs_example import estimated, release

from sluice.cli.release import plan
from sluice.pipelines.plan import Change

CHANGES = [
    Change("pipeline mine-release", "", None, {"Definition": {}}),
    Change("pipeline mine-deploy", "Steps[Deploy].Arguments.X", "old", "new | 새것"),
    Change("schedule mine", "", {"A": 1}, None),
]


def test_changes_are_marked_by_what_they_do(capsys):
    plan.print_text(CHANGES, estimated())
    printed = capsys.readouterr().out
    assert "+ create pipeline mine-release" in printed
    assert '~ change pipeline mine-deploy  Steps[Deploy].Arguments.X: "old" -> "new | 새것"' in printed
    assert "- delete schedule mine" in printed


def test_the_time_the_money_and_their_sources_are_told(capsys):
    plan.print_text([], estimated())
    printed = capsys.readouterr().out
    assert "Nothing would change" in printed
    for words in (
        "Evaluate",
        "endpoint, always on",
        "1,027.84",
        "Where the figures come from",
        "(assumed)",
        "image pull",
    ):
        assert words in printed


def test_markdown_is_one_comment_with_a_diff_and_two_tables():
    lines = plan.to_markdown(release(), CHANGES, estimated())
    text = "\n".join(lines)
    assert "```diff\n+ create pipeline mine-release\n! change" in text
    assert text.count("|---|---|---|") == 2
    rows = [line for line in lines if line.startswith("| ")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {4}


def test_json_holds_every_figure_with_its_source():
    printed = json.loads(json.dumps(plan.to_json(CHANGES, estimated())))
    assert {each["kind"] for each in printed["changes"]} == {"create", "update", "delete"}
    assert printed["prices"]["ml.g5.xlarge"]["usd_per_hour"] == pytest.approx(1.408)
    assert all(each["source"] for each in printed["sources"])
    assert {each["per"] for each in printed["costs"]} == {"release", "hour", "month"}

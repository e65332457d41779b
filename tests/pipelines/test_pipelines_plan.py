"""What a run would change, as data."""

import json
from copy import deepcopy
from pathlib import Path

import pytest
from release_example import PLACE, shipped, written

from sluice.config.model import load
from sluice.pipelines import plan
from sluice.pipelines.plan import Change, Definitions, ReleaseResources, diff, list_changes

GOLDEN = Path(__file__).parents[1] / "golden"
DEFINITIONS = Definitions(
    json.loads((GOLDEN / "definition_release_manual.json").read_text("utf-8")),
    json.loads((GOLDEN / "definition_deploy.json").read_text("utf-8")),
)


@pytest.fixture
def desired():
    return plan.desired_resources(shipped(), PLACE, deepcopy(DEFINITIONS))


def test_in_an_empty_account_everything_is_created_in_order(desired):
    changes = list_changes(ReleaseResources(desired.names), desired)
    assert [(change.kind, change.resource) for change in changes] == [
        ("create", "model package group qwen3-4b-chat"),
        ("create", "pipeline qwen3-4b-chat-release"),
        ("create", "pipeline qwen3-4b-chat-deploy"),
        ("create", "rule qwen3-4b-chat-approved"),
        ("create", "schedule qwen3-4b-chat-redeploy"),
    ]


def test_what_is_as_it_should_be_is_no_change(desired):
    assert list_changes(deepcopy(desired), desired) == []


def test_a_change_names_the_step_and_the_variable(desired):
    current = deepcopy(desired)
    current.release["Definition"]["Steps"][1]["Arguments"]["Environment"]["OPTION_MAX_MODEL_LEN"] = "2048"
    path = "Definition.Steps[Evaluate].Arguments.Environment.OPTION_MAX_MODEL_LEN"
    assert list_changes(current, desired) == [Change("pipeline qwen3-4b-chat-release", path, "2048", "4096")]


def test_a_schedule_that_is_no_longer_wanted_is_deleted(tmp_path, desired):
    without = plan.desired_resources(load(written(tmp_path, schedule=None)), PLACE, DEFINITIONS)
    changes = list_changes(desired, without)
    assert [(change.kind, change.resource) for change in changes] == [("delete", "schedule qwen3-4b-chat-redeploy")]


def test_an_automatic_release_needs_no_rule(tmp_path, desired):
    automatic = plan.desired_resources(load(written(tmp_path, approval="automatic")), PLACE, DEFINITIONS)
    assert list_changes(desired, automatic) == [Change("rule qwen3-4b-chat-approved", "State", "ENABLED", "DISABLED")]


def test_the_rule_fires_on_approvals_of_this_group_only(desired):
    detail = desired.rule["EventPattern"]["detail"]
    assert detail == {
        "ModelPackageGroupName": ["qwen3-4b-chat"],
        "ModelApprovalStatus": ["Approved"],
        "UpdatedModelPackageFields": ["ModelApprovalStatus"],
    }
    parameters = desired.rule["Target"]["SageMakerPipelineParameters"]["PipelineParameterList"]
    assert {"Name": "ModelPackageArn", "Value": "$.detail.ModelPackageArn"} in parameters
    assert desired.rule["Target"]["Arn"] == "arn:aws:sagemaker:us-east-1:123456789012:pipeline/qwen3-4b-chat-deploy"
    assert desired.rule["Target"]["RoleArn"] == PLACE.trigger_role_arn


def test_parameters_of_a_trigger_are_declared_by_the_deploy_pipeline(desired):
    declared = {each["Name"] for each in DEFINITIONS.deploy["Parameters"]}
    for trigger in (desired.rule, desired.schedule):
        parameters = trigger["Target"]["SageMakerPipelineParameters"]["PipelineParameterList"]
        assert {each["Name"] for each in parameters} <= declared


@pytest.mark.parametrize(
    ("before", "after", "differences"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"b": 1}, [("a", 1, None), ("b", None, 1)]),
        ([1, 2], [1, 3, 4], [("[1]", 2, 3), ("[2]", None, 4)]),
        (["run", "--n", "8"], ["run", "--m", "4", "--n", "9"], [("[--n]", "8", "9"), ("[--m]", None, "4")]),
        ([{"Name": "A", "x": 1}, {"Name": "B"}], [{"Name": "B"}, {"Name": "A", "x": 2}], [("[A].x", 1, 2)]),
        ({"a": {"b": [1]}}, {"a": {"b": {"c": 1}}}, [("a.b", [1], {"c": 1})]),
    ],
)
def test_differences_are_named_not_counted(before, after, differences):
    assert list(diff(before, after)) == differences

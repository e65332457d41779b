"""What a pipeline does next, without running anything."""

import json
from typing import Any

import pytest

from sluice.localaws.pipelines.definition_checks import parse_definition
from sluice.localaws.pipelines.definition_model import Pipeline, RetryPolicy
from sluice.localaws.pipelines.interpreter import Retries, Scope, Unresolvable, list_ready_steps, resolve_parameters
from sluice.localaws.server.request_faults import Malformed

REPORT = {"verdict": "pass", "totals": {"pass_rate": 0.95, "by.tag": [1, 2]}, "empty": None}
DESCRIBED = {
    "Work": {
        "ProcessingJobArn": "arn:job",
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "report", "S3Output": {"S3Uri": "s3://b/out/"}}]},
        "Environment": {"KEY": "value"},
    }
}


def step(name: str, *after: str) -> dict[str, Any]:
    cluster = {"InstanceCount": 1, "InstanceType": "ml.t3.medium", "VolumeSizeInGB": 1}
    arguments = {
        "AppSpecification": {"ImageUri": "i"},
        "ProcessingResources": {"ClusterConfig": cluster},
        "RoleArn": "arn:aws:iam::123456789012:role/run",
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "report",
                    "S3Output": {
                        "S3Uri": "s3://b/out/",
                        "LocalPath": "/opt/ml/processing/r",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
    }
    files = [{"PropertyFileName": "Report", "OutputName": "report", "FilePath": "report.json"}]
    return {
        "Name": name,
        "Type": "Processing",
        "Arguments": arguments,
        "DependsOn": list(after),
        "PropertyFiles": files,
    }


def gate(name: str, conditions: list[Any], then: list[Any], otherwise: list[Any]) -> dict[str, Any]:
    return {
        "Name": name,
        "Type": "Condition",
        "Arguments": {"Conditions": conditions, "IfSteps": then, "ElseSteps": otherwise},
    }


def pipeline(*steps: Any, **top: Any) -> Pipeline:
    return parse_definition(json.dumps({"Version": "2020-12-01", "Steps": list(steps), **top}))


def scope(**values: Any) -> Scope:
    def read_json(uri: str) -> Any:
        assert uri == "s3://b/out/report.json"
        return REPORT

    return Scope(pipeline(step("Work")), values, {"PipelineName": "p"}, read_json, DESCRIBED)


def names(steps: list[Any]) -> list[str]:
    return [one.name for one in steps]


TYPED = {
    "Parameters": [
        {"Name": "Name", "Type": "String", "DefaultValue": "x"},
        {"Name": "Mode", "Type": "String", "DefaultValue": "a", "EnumValues": ["a", "b"]},
        {"Name": "Count", "Type": "Integer", "DefaultValue": 3},
        {"Name": "Rate", "Type": "Float", "DefaultValue": 1},
        {"Name": "Loud", "Type": "Boolean", "DefaultValue": False},
        {"Name": "Needed", "Type": "String"},
    ]
}


def resolve(**values: str) -> dict[str, Any]:
    return resolve_parameters(
        pipeline(step("A"), **TYPED).parameters, [{"Name": name, "Value": value} for name, value in values.items()]
    )


def test_supplied_values_become_what_their_type_says():
    values = resolve(Needed="여기", Count="7", Rate="0.5", Loud="True", Mode="b")
    assert values == {"Name": "x", "Mode": "b", "Count": 7, "Rate": 0.5, "Loud": True, "Needed": "여기"}


@pytest.mark.parametrize(
    "values, message",
    [
        ({}, "need a value: Needed"),
        ({"Needed": "x", "Other": "y"}, "Unknown parameter 'Other'"),
        ({"Needed": "x", "Count": "many"}, "'Count' is of type Integer; 'many' is not"),
        ({"Needed": "x", "Count": "1.5"}, "Integer"),
        ({"Needed": "x", "Rate": "fast"}, "Float"),
        ({"Needed": "x", "Loud": "yes"}, "Boolean"),
        ({"Needed": "x", "Mode": "c"}, "one of a, b"),
    ],
)
def test_a_wrong_value_is_refused_before_anything_starts(values: dict[str, str], message: str):
    with pytest.raises(Malformed, match=message):
        resolve(**values)


def json_get(path: str) -> dict[str, Any]:
    return {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Work.PropertyFiles.Report"}, "Path": path}}


@pytest.mark.parametrize(
    "expression, value",
    [
        ({"Get": "Parameters.N"}, 5),
        ({"Get": "Execution.PipelineName"}, "p"),
        ({"Get": "Steps.Work.ProcessingJobArn"}, "arn:job"),
        ({"Get": "Steps.Work.ProcessingOutputConfig.Outputs['report'].S3Output.S3Uri"}, "s3://b/out/"),
        ({"Get": "Steps.Work.ProcessingOutputConfig.Outputs[0].OutputName"}, "report"),
        ({"Get": 'Steps.Work.Environment["KEY"]'}, "value"),
        ({"Std:Join": {"On": "-", "Values": ["a", {"Get": "Parameters.N"}, 1.5, True]}}, "a-5-1.5-true"),
        ({"Std:Join": {"On": "/", "Values": ["a", {"Std:Join": {"On": "", "Values": ["b", "c"]}}]}}, "a/bc"),
        ({"Std:Join": {"Values": []}}, ""),
        (json_get("verdict"), "pass"),
        (json_get("totals.pass_rate"), 0.95),
        (json_get("$.totals['by.tag'][1]"), 2),
        (
            {
                "Std:JsonGet": {
                    "S3Uri": {"Std:Join": {"On": "/", "Values": ["s3://b/out", "report.json"]}},
                    "Path": "verdict",
                }
            },
            "pass",
        ),
    ],
)
def test_expressions_become_values(expression: Any, value: Any):
    assert scope(N=5).resolve({"deep": [expression]}) == {"deep": [value]}


@pytest.mark.parametrize(
    "expression, message",
    [
        ({"Get": "Steps.Work.ExitMessage"}, "Steps.Work.ExitMessage: there is no 'ExitMessage'"),
        ({"Get": "Steps.Work.ProcessingOutputConfig.Outputs[4].OutputName"}, "there is no 4"),
        (json_get("totals.speed"), "totals.speed of s3://b/out/report.json: there is no 'speed'"),
        (json_get("totals"), "no plain value"),
        (json_get("empty"), "is null"),
    ],
)
def test_a_value_that_is_not_there_is_named(expression: Any, message: str):
    with pytest.raises(Unresolvable, match=message):
        scope().resolve(expression)


def compare(kind: str, left: Any, right: Any) -> dict[str, Any]:
    return {"Type": kind, "LeftValue": left, "RightValue": right}


NO, YES = compare("Equals", 1, 2), compare("Equals", 1, 1)


@pytest.mark.parametrize(
    "conditions, outcome",
    [
        ([compare("Equals", json_get("verdict"), "pass")], True),
        ([compare("Equals", 1, 1.0)], True),
        ([compare("GreaterThan", 2, 2)], False),
        ([compare("GreaterThanOrEqualTo", json_get("totals.pass_rate"), {"Get": "Parameters.Least"})], True),
        ([compare("LessThan", 1, 2)], True),
        ([compare("LessThanOrEqualTo", 3, 2)], False),
        ([{"Type": "In", "QueryValue": "b", "Values": ["a", "b"]}], True),
        ([{"Type": "In", "QueryValue": {"Get": "Parameters.Least"}, "Values": [1, 2]}], False),
        ([{"Type": "Not", "Condition": NO}], True),
        ([{"Type": "Or", "Conditions": [NO, YES]}], True),
        ([{"Type": "Or", "Conditions": [NO, {"Type": "Not", "Condition": YES}]}], False),
        ([YES, NO], False),
        ([YES, YES], True),
    ],
)
def test_conditions(conditions: list[Any], outcome: bool):
    checked = pipeline(
        step("Work"),
        gate("Gate", conditions, [], []),
        Parameters=[{"Name": "Least", "Type": "Float", "DefaultValue": 0.9}],
    )
    assert scope(Least=0.9).holds(checked.steps["Gate"]) is outcome


@pytest.mark.parametrize(
    "kind, below, equal, above",
    [
        ("Equals", False, True, False),
        ("GreaterThan", False, False, True),
        ("GreaterThanOrEqualTo", False, True, True),
        ("LessThan", True, False, False),
        ("LessThanOrEqualTo", True, True, False),
    ],
)
def test_each_comparison_below_at_and_above_equality(kind: str, below: bool, equal: bool, above: bool):
    for left, outcome in ((0.89, below), (0.9, equal), (0.91, above)):
        checked = pipeline(gate("Gate", [compare(kind, left, 0.9)], [], []))
        assert scope().holds(checked.steps["Gate"]) is outcome, left


@pytest.mark.parametrize("left, right", [("1", 1), (True, 1), ("a", True)])
def test_values_of_different_kinds_do_not_compare(left: Any, right: Any):
    checked = pipeline(gate("Gate", [compare("Equals", left, right)], [], []))
    with pytest.raises(Unresolvable, match="cannot compare"):
        scope().holds(checked.steps["Gate"])


def test_independent_steps_may_start_together_and_the_rest_waits():
    checked = pipeline(step("A"), step("B"), step("C", "A", "B"))
    assert names(list_ready_steps(checked, [], [], {})) == ["A", "B"]
    assert names(list_ready_steps(checked, ["A", "B"], ["A"], {})) == []
    assert names(list_ready_steps(checked, ["A", "B"], ["A", "B"], {})) == ["C"]


def test_only_the_branch_taken_starts_and_what_follows_waits_for_all_of_it():
    inner = gate("Inner", [YES], [step("Deep")], [step("Never")])
    checked = pipeline(gate("Gate", [YES], [step("A"), inner], [step("B")]), step("After", "Gate"))
    assert names(list_ready_steps(checked, [], [], {})) == ["Gate"]
    outcomes = {"Gate": True}
    assert names(list_ready_steps(checked, ["Gate"], ["Gate"], outcomes)) == ["A", "Inner"]
    outcomes["Inner"] = True
    assert names(list_ready_steps(checked, ["Gate", "A", "Inner"], ["Gate", "A", "Inner"], outcomes)) == ["Deep"]
    everything = ["Gate", "A", "Inner", "Deep"]
    assert names(list_ready_steps(checked, everything, everything, outcomes)) == ["After"]
    assert names(list_ready_steps(checked, ["Gate"], ["Gate"], {"Gate": False})) == ["B"], (
        "nothing of the other branch, not even its inner gate"
    )


def test_an_empty_branch_lets_the_next_step_start():
    checked = pipeline(gate("Gate", [NO], [step("A")], []), step("After", "Gate"))
    assert names(list_ready_steps(checked, ["Gate"], ["Gate"], {"Gate": False})) == ["After"]


def test_retries_back_off_and_run_out():
    retries = Retries([RetryPolicy(("Step.THROTTLING",), interval_seconds=2, backoff_rate=3, max_attempts=2)], begun=0)
    assert [retries.delay("Step.THROTTLING", 0) for _ in range(3)] == [2, 6, None]


def test_a_failure_that_no_policy_names_is_final():
    assert (
        Retries([RetryPolicy(("Step.THROTTLING",), max_attempts=2)], begun=0).delay("SageMaker.JOB_INTERNAL_ERROR", 0)
        is None
    )


def test_each_policy_keeps_its_own_count():
    retries = Retries(
        [RetryPolicy(("Step.THROTTLING",), max_attempts=1), RetryPolicy(("Step.SERVICE_FAULT",), max_attempts=1)],
        begun=0,
    )
    assert retries.delay("Step.THROTTLING", 0) == 1
    assert retries.delay("Step.SERVICE_FAULT", 0) == 1
    assert retries.delay("Step.THROTTLING", 0) is None


def test_retries_expire_and_time_can_be_scaled():
    policy = RetryPolicy(("Step.THROTTLING",), interval_seconds=30, backoff_rate=1, expire_after_min=1)
    assert [Retries([policy], begun=100).delay("Step.THROTTLING", now) for now in (100, 130, 131)] == [30, 30, None]
    assert Retries([policy], begun=0, scale=0.01).delay("Step.THROTTLING", 0) == pytest.approx(0.3)

"""What AWS would only say hours later is said at once."""

import json
from copy import deepcopy
from pathlib import Path

import pytest

from sluice.pipelines.validation import (
    InvalidDefinition,
    compiled_pattern,
    explain_missing_property,
    find_problems,
    service,
    validate_definition,
)

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "definition_release_automatic.json").read_text("utf-8"))


@pytest.fixture
def definition():
    return deepcopy(GOLDEN)


def register(definition):
    return definition["Steps"][0]["Arguments"]


def evaluate(definition):
    return definition["Steps"][1]["Arguments"]


def gate(definition):
    return definition["Steps"][2]["Arguments"]


def only_problem(definition) -> str:
    problems = list(find_problems(definition))
    assert len(problems) == 1, problems
    return problems[0]


def test_the_golden_definition_has_no_problem(definition):
    assert list(find_problems(definition)) == []


def test_an_unknown_argument_is_found(definition):
    evaluate(definition)["Enviroment"] = {}
    assert 'Unknown parameter in input: "Enviroment"' in only_problem(definition)


def test_a_missing_argument_is_found(definition):
    del evaluate(definition)["RoleArn"]
    assert 'Missing required parameter in input: "RoleArn"' in only_problem(definition)


def test_a_wrong_type_is_found(definition):
    evaluate(definition)["StoppingCondition"]["MaxRuntimeInSeconds"] = "3600"
    assert "MaxRuntimeInSeconds" in next(find_problems(definition))


def test_a_value_that_is_no_choice_is_found_with_the_nearest(definition):
    register(definition)["ModelApprovalStatus"] = "PendingManualAproval"
    assert only_problem(definition).endswith("Did you mean PendingManualApproval?")


def test_a_list_that_may_not_be_empty_is_found(definition):
    register(definition)["InferenceSpecification"]["SupportedTransformInstanceTypes"] = []
    assert "SupportedTransformInstanceTypes" in only_problem(definition)


@pytest.mark.parametrize("where", ["argument", "environment"])
def test_more_than_256_characters_are_found(definition, where):
    if where == "argument":
        evaluate(definition)["AppSpecification"]["ContainerArguments"].append("x" * 257)
    else:
        evaluate(definition)["Environment"]["A"] = "x" * 257
    assert "257 is more than the 256 that are allowed" in only_problem(definition)


def test_a_join_is_measured_with_what_will_stand_in_it(definition):
    join = {"Std:Join": {"On": "/", "Values": ["s3://" + "b" * 250, {"Get": "Execution.PipelineExecutionId"}]}}
    evaluate(definition)["AppSpecification"]["ContainerArguments"].append(join)
    assert "268 is more than the 256 that are allowed" in only_problem(definition)


def test_a_pattern_is_applied(definition):
    evaluate(definition)["RoleArn"] = "sluice-execution"
    assert "does not match" in "\n".join(find_problems(definition))


def test_a_package_has_at_most_sixteen_variables(definition):
    container = register(definition)["InferenceSpecification"]["Containers"][0]
    container["Environment"] = {f"A{number}": "1" for number in range(17)}
    assert only_problem(definition) == "Register: 17 environment variables, a package has at most 16"


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ("Parameters.ModelUri", "no such parameter is declared. Did you mean ModelDataUri?"),
        ("Execution.PipelineId", "an execution has no such value. Did you mean Pipeline"),
        ("Steps.Regster.ModelPackageArn", "Regster is no earlier step. Did you mean Register?"),
        ("Steps.Deploy.ProcessingJobArn", "Deploy is no earlier step."),
        ("Steps.Register.PackageArn", "DescribeModelPackageOutput has no PackageArn"),
        ("Steps.Evaluate.ProcessingJobArn", "Evaluate is no earlier step."),
        ("Secrets.X", "refers to neither"),
    ],
)
def test_a_reference_must_name_something(definition, reference, problem):
    evaluate(definition)["AppSpecification"]["ContainerArguments"].append({"Get": reference})
    assert problem in only_problem(definition)


def test_a_property_file_must_be_declared_by_its_step(definition):
    definition["Steps"][1]["PropertyFiles"] = []
    assert all("declares no such property file" in problem for problem in find_problems(definition))
    assert len(list(find_problems(definition))) == 2  # the condition, and the message of the Fail step


def test_a_property_file_needs_an_output_to_lie_in(definition):
    definition["Steps"][1]["PropertyFiles"][0]["OutputName"] = "reports"
    assert "Evaluate has no output 'reports' to hold it" in next(find_problems(definition))


def test_what_a_branch_makes_cannot_be_read_outside_of_it(definition):
    late = deepcopy(gate(definition)["IfSteps"][0])
    late["Name"], late["DependsOn"] = "Late", ["Deploy"]
    definition["Steps"].append(late)
    assert only_problem(definition) == "Late: depends on Deploy, which is no earlier step"


def test_names_are_unique_across_branches(definition):
    gate(definition)["ElseSteps"][0]["Name"] = "Evaluate"
    assert "Evaluate: more than one step has this name" in list(find_problems(definition))


def test_unknown_steps_and_conditions_are_named(definition):
    gate(definition)["Conditions"][0]["Type"] = "Equal"
    definition["Steps"].append({"Name": "Tune", "Type": "Tuning", "Arguments": {}})
    assert list(find_problems(definition)) == [
        "Gate: no condition is called Equal",
        "Tune: steps of type Tuning are not ours",
    ]


def test_everything_is_told_in_one_error(definition):
    evaluate(definition)["Enviroment"] = {}
    register(definition)["SkipModelValidation"] = "Some"
    with pytest.raises(InvalidDefinition) as error:
        validate_definition("chat-release", definition)
    assert len(error.value.problems) == 2
    assert error.value.message.startswith("The definition of chat-release is not valid:")


def test_properties_are_followed_through_lists_and_structures():
    shape = service().operation_model("DescribeProcessingJob").output_shape
    assert explain_missing_property("ProcessingOutputConfig.Outputs['report'].S3Output.S3Uri", shape) == ""
    assert "has no S3Url" in explain_missing_property("ProcessingOutputConfig.Outputs['report'].S3Output.S3Url", shape)


def test_patterns_of_java_are_read_or_left_alone():
    assert compiled_pattern(r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$").fullmatch("비용 = 연구")
    assert compiled_pattern(r"\p{Alnum}+") is None
    assert compiled_pattern(None) is None

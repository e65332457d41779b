"""What the local AWS accepts as a pipeline definition, and how it says no."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sluice.localaws.pipelines import definition_reader
from sluice.localaws.pipelines.definition_checks import parse_definition
from sluice.localaws.server.request_faults import Malformed, NotSupported

ROLE = "arn:aws:iam::123456789012:role/run"
GOLDEN = Path(__file__).parents[1] / "golden"


def processing(name: str = "Work", **extra: Any) -> dict[str, Any]:
    arguments = {
        "AppSpecification": {"ImageUri": "tools:1", "ContainerEntrypoint": ["/bin/true"]},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.t3.medium", "VolumeSizeInGB": 1}
        },
        "RoleArn": ROLE,
        **extra.pop("arguments", {}),
    }
    return {"Name": name, "Type": "Processing", "Arguments": arguments, **extra}


def gate(then: list[Any], otherwise: list[Any] = [], left: Any = 1, name: str = "Gate", **extra: Any) -> dict[str, Any]:  # noqa: B006 - never changed
    conditions = [{"Type": "Equals", "LeftValue": left, "RightValue": 1}]
    return {
        "Name": name,
        "Type": "Condition",
        "Arguments": {"Conditions": conditions, "IfSteps": then, "ElseSteps": otherwise},
        **extra,
    }


def fail(name: str = "Stop", message: Any = "no") -> dict[str, Any]:
    return {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": message}}


def text(*steps: Any, **top: Any) -> str:
    return json.dumps({"Version": "2020-12-01", "Steps": list(steps), **top})


def with_output(name: str = "report", uri: Any = "s3://bucket/report") -> dict[str, Any]:
    s3 = {"S3Uri": uri, "LocalPath": "/opt/ml/processing/report", "S3UploadMode": "EndOfJob"}
    return {"ProcessingOutputConfig": {"Outputs": [{"OutputName": name, "S3Output": s3}]}}


def with_input(**source: Any) -> dict[str, Any]:
    s3 = {"S3Uri": "s3://bucket/data", "LocalPath": "/opt/ml/processing/data", "S3DataType": "S3Prefix", **source}
    return {"ProcessingInputs": [{"InputName": "data", "S3Input": s3}]}


def test_steps_of_branches_are_found_with_what_they_wait_for():
    pipeline = parse_definition(
        text(processing("A"), gate([processing("B")], [fail("C")]), processing("D", DependsOn=["A", "Gate"]))
    )
    assert list(pipeline.steps) == ["A", "Gate", "B", "C", "D"]
    assert pipeline.steps["C"].branch == (("Gate", False),)
    assert pipeline.waits_for["B"] == {"Gate"}
    assert pipeline.waits_for["D"] == {"A", "Gate", "B", "C"}, "a condition by name stands for its branch"


def test_reading_a_step_is_waiting_for_it():
    reader = processing(
        "B",
        arguments={
            "Environment": {"JOB": {"Std:Join": {"On": "/", "Values": ["x", {"Get": "Steps.A.ProcessingJobArn"}]}}}
        },
    )
    assert parse_definition(text(reader, processing("A"))).waits_for["B"] == {"A"}, "whatever the order in the document"


def test_a_property_file_is_read_after_its_step():
    files = [{"PropertyFileName": "Report", "OutputName": "report", "FilePath": "report.json"}]
    verdict = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.A.PropertyFiles.Report"}, "Path": "totals.pass_rate"}}
    work = processing("A", arguments=with_output(), PropertyFiles=files)
    pipeline = parse_definition(text(work, gate([fail()], left=verdict)))
    assert pipeline.waits_for["Gate"] == {"A"}


@pytest.mark.parametrize(
    "kind",
    ["Training", "Lambda", "Callback", "QualityCheck", "ForEach", "InferenceComponent", "EMRServerless", "Cleanup"],
)
def test_other_step_types_are_refused_by_name(kind: str):
    with pytest.raises(NotSupported, match=f"step type {kind} .*'X'"):
        parse_definition(text({"Name": "X", "Type": kind, "Arguments": {}}))


def test_the_sdk_knows_no_step_type_that_is_not_named_here():
    """The SDK's own list, as of 3.27; it is not imported, because that takes seconds."""
    sdk_types = (
        "Condition Model Processing RegisterModel Training Transform Callback Tuning Lambda QualityCheck ClarifyCheck"
    )
    sdk_types += " EMR EMRServerless Fail AutoML EndpointConfig Endpoint InferenceComponent Lineage Job Cleanup ForEach"
    assert set(sdk_types.split()) <= definition_reader.ON_AWS_ONLY | definition_reader.SUPPORTED


NOT_HERE = {
    "caching": (processing(CacheConfig={"Enabled": True, "ExpireAfter": "P1D"}), "CacheConfig"),
    "run conditions": (processing(DependsOn=[{"Step": "A", "Trigger": "Failed"}]), "run condition 'Failed'"),
    "pipe mode": (processing(arguments=with_input(S3InputMode="Pipe")), "Pipe input mode"),
    "gzip": (processing(arguments=with_input(S3CompressionType="Gzip")), "Gzip"),
    "https": (processing(arguments=with_input(S3Uri="https://bucket/data")), "other than s3://"),
    "datasets": (
        processing(arguments={"ProcessingInputs": [{"InputName": "d", "DatasetDefinition": {}}]}),
        "dataset definitions",
    ),
    "isolation": (processing(arguments={"NetworkConfig": {"EnableNetworkIsolation": True}}), "network isolation"),
    "continuous": (
        processing(
            arguments={
                "ProcessingOutputConfig": {"Outputs": [{"OutputName": "r", "S3Output": {"S3UploadMode": "Continuous"}}]}
            }
        ),
        "Continuous upload",
    ),
    "feature store": (
        processing(
            arguments={
                "ProcessingOutputConfig": {
                    "Outputs": [{"OutputName": "r", "FeatureStoreOutput": {"FeatureGroupName": "g"}}]
                }
            }
        ),
        "feature store",
    ),
    "functions": (fail(message={"Std:Format": {}}), "function Std:Format"),
    "blue/green": (
        {
            "Name": "E",
            "Type": "Endpoint",
            "Arguments": {"EndpointName": "e", "EndpointConfigName": "c", "DeploymentConfig": {}},
        },
        "DeploymentConfig of an Endpoint step",
    ),
}


@pytest.mark.parametrize("step, named", NOT_HERE.values(), ids=NOT_HERE)
def test_what_would_change_the_outcome_is_refused_by_name(step: dict[str, Any], named: str):
    with pytest.raises(NotSupported, match=named):
        parse_definition(text(processing("A"), step))


def test_what_only_concerns_the_hardware_is_accepted():
    cluster = {"InstanceCount": 1, "InstanceType": "ml.g5.xlarge", "VolumeSizeInGB": 60, "VolumeKmsKeyId": "key"}
    network = {"EnableNetworkIsolation": False, "VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}
    parse_definition(
        text(
            processing(arguments={"ProcessingResources": {"ClusterConfig": cluster}, "NetworkConfig": network}),
            Metadata={},
        )
    )


WRONG = {
    "undeclared parameter": ([fail(message={"Get": "Parameters.Nope"})], "'Stop'.*Parameters.Nope.*'Nope' is declared"),
    "missing step": ([processing(DependsOn=["Ghost"])], "DependsOn: there is no step 'Ghost'"),
    "itself": ([processing(DependsOn=["Work"])], "waits for itself"),
    "duplicate across branches": ([processing("A"), gate([processing("A")])], "'A'.*Steps.* has the same name"),
    "into a branch": (
        [gate([processing("B")]), processing("C", DependsOn=["B"])],
        "branch of 'Gate', and may never have run",
    ),
    "into the other branch": (
        [gate([processing("B")], [fail(message={"Get": "Steps.B.ProcessingJobArn"})])],
        "'B' stands in a branch",
    ),
    "cycle": ([processing("A", DependsOn=["B"]), processing("B", DependsOn=["A"])], "A -> B -> A"),
    "cycle through a condition": (
        [gate([processing("B", DependsOn=["C"])]), processing("C", DependsOn=["Gate"])],
        "wait for each other",
    ),
    "unknown property": (
        [processing("A"), fail(message={"Get": "Steps.A.Nope"})],
        "DescribeProcessingJobResponse has no 'Nope'",
    ),
    "property of a Fail step": ([fail("A"), fail("B", {"Get": "Steps.A.ErrorMessage"})], "has no properties"),
    "property of a condition": (
        [gate([fail()]), fail("B", {"Get": "Steps.Gate.Result"})],
        "only property of a Condition step is Outcome",
    ),
    "execution variable": ([fail(message={"Get": "Execution.Mood"})], "no such execution variable"),
    "undeclared property file": (
        [
            processing("A"),
            gate([fail()], left={"Std:JsonGet": {"PropertyFile": {"Get": "Steps.A.PropertyFiles.R"}, "Path": "x"}}),
        ],
        "declares no property file 'R'",
    ),
    "property file without its output": (
        [processing(PropertyFiles=[{"PropertyFileName": "R", "OutputName": "report", "FilePath": "r.json"}])],
        "no output 'report'",
    ),
    "unknown argument": ([processing(arguments={"Enviroment": {}})], "Enviroment: unknown member"),
    "missing argument": (
        [{"Name": "A", "Type": "RegisterModel", "Arguments": {"ModelApprovalStatus": "Perhaps"}}],
        "'Perhaps' is not one of",
    ),
    "long argument": (
        [processing(arguments={"AppSpecification": {"ImageUri": "i", "ContainerArguments": ["x" * 300]}})],
        r"ContainerArguments\[0\]: 300 characters, at most 256",
    ),
    "number for a string": (
        [processing(arguments={"Environment": {"N": {"Get": "Parameters.Count"}}})],
        "Environment.N: .*Parameters.Count.* is int, and string is expected",
    ),
    "local path": ([processing(arguments=with_input(LocalPath="/data"))], "must begin with /opt/ml/processing/"),
    "same input twice": (
        [processing(arguments={"ProcessingInputs": with_input()["ProcessingInputs"] * 2})],
        "'data' is there twice",
    ),
    "no conditions": ([{"Name": "G", "Type": "Condition", "Arguments": {"Conditions": []}}], "at least one condition"),
    "condition type": (
        [
            {
                "Name": "G",
                "Type": "Condition",
                "Arguments": {"Conditions": [{"Type": "Like", "LeftValue": 1, "RightValue": 2}]},
            }
        ],
        "condition type 'Like'",
    ),
    "retries of a Fail step": (
        [{**fail(), "RetryPolicies": [{"ExceptionType": ["Step.THROTTLING"]}]}],
        "takes no RetryPolicies",
    ),
    "retry for the unknown": (
        [processing(RetryPolicies=[{"ExceptionType": ["Bad.LUCK"], "MaxAttempts": 1}])],
        "must list some of",
    ),
    "two ends of a retry": (
        [processing(RetryPolicies=[{"ExceptionType": ["Step.THROTTLING"], "MaxAttempts": 1, "ExpireAfterMin": 1}])],
        "not both",
    ),
    "unknown step member": ([processing(Dependson=[])], "unknown Dependson"),
    "step type": ([{"Name": "X", "Type": "Dance", "Arguments": {}}], "step type 'Dance' is unknown"),
    "step name": ([fail("a b")], "does not match"),
    "no steps": ([], "at least one step"),
    "bad join": ([fail(message={"Std:Join": {"On": "/", "Values": "abc"}})], "Std:Join takes"),
    "bad reference": ([fail(message={"Get": "Stepps.A.B"})], "'Stepps.A.B' is no reference"),
}


@pytest.mark.parametrize("steps, message", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_with_its_place(steps: list[Any], message: str):
    with pytest.raises(Malformed, match=message):
        parse_definition(text(*steps, Parameters=[{"Name": "Count", "Type": "Integer", "DefaultValue": 1}]))


TOP = {
    "not JSON": ("{nope", "not JSON"),
    "version": (json.dumps({"Version": "2030-01-01", "Steps": [fail()]}), "'2030-01-01' is unknown"),
    "unknown member": (text(fail(), Step=[]), "unknown Step"),
    "same key twice": ('{"Version": "2020-12-01", "Version": "2020-12-01", "Steps": []}', "'Version' is there twice"),
    "parameter type": (text(fail(), Parameters=[{"Name": "A", "Type": "Text"}]), "type 'Text'"),
    "default type": (
        text(fail(), Parameters=[{"Name": "A", "Type": "Integer", "DefaultValue": "1"}]),
        "default '1' is not of type Integer",
    ),
    "default and enum": (
        text(fail(), Parameters=[{"Name": "A", "Type": "String", "DefaultValue": "c", "EnumValues": ["a", "b"]}]),
        "not one of a, b",
    ),
    "parameter twice": (text(fail(), Parameters=[{"Name": "A", "Type": "String"}] * 2), "'A' is there twice"),
}


@pytest.mark.parametrize("definition, message", TOP.values(), ids=TOP)
def test_a_broken_document_is_named(definition: str, message: str):
    with pytest.raises(Malformed, match=message):
        parse_definition(definition)


def test_an_mlflow_config_is_refused_and_null_is_fine():
    parse_definition(text(fail(), MlflowConfig=None, PipelineExperimentConfig=None))
    with pytest.raises(NotSupported, match="MlflowConfig"):
        parse_definition(text(fail(), MlflowConfig={"MlflowResourceArn": "x"}))


def test_a_job_may_ask_for_its_own_name():
    parse_definition(text(processing(arguments={"Environment": {"ME": {"Get": "Execution.ProcessingJobName"}}})))


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*definition*.json")), ids=lambda path: path.stem)
def test_what_the_sdk_compiles_is_accepted(path: Path):
    parse_definition(path.read_text("utf-8"))


def test_no_junk_anywhere_gets_past_as_another_kind_of_error():
    """Every value of a rich definition is replaced by junk of each kind: refused with words, or harmless."""
    verdict = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.A.PropertyFiles.R"}, "Path": "x[0]"}}
    first = processing(
        "A",
        arguments={
            **with_output(),
            **with_input(),
            "Environment": {"A": {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.P"}]}}},
        },
        PropertyFiles=[{"PropertyFileName": "R", "OutputName": "report", "FilePath": "r.json"}],
        RetryPolicies=[{"ExceptionType": ["Step.THROTTLING"], "MaxAttempts": 1}],
        CacheConfig={"Enabled": False},
    )
    rich = text(
        first,
        gate([fail("F")], left=verdict, DependsOn=["A"]),
        Parameters=[{"Name": "P", "Type": "String", "EnumValues": ["x"]}],
    )

    def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        yield path
        for key, item in (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        ):
            yield from places(item, (*path, key))

    for path in places(json.loads(rich)):
        for junk in (None, 7, "", "x.y", [], [[]], {}, {"Get": 1}, {"Std:JsonGet": 1}, [{}], True):
            broken = json.loads(rich)
            holder = broken
            for key in path[:-1]:
                holder = holder[key]
            if path:
                holder[path[-1]] = junk
            else:
                broken = junk
            with contextlib.suppress(Malformed, NotSupported):
                parse_definition(json.dumps(broken))

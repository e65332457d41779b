"""Pipeline definitions and processing jobs for tests, written as one reads them."""

import json
from typing import Any

from localaws_fixture import ROLE, LocalAws, eventually

CLUSTER = {"InstanceCount": 1, "InstanceType": "ml.t3.medium", "VolumeSizeInGB": 1}
OVER = ("Succeeded", "Failed", "Stopped")


def job(script: str = "true", **more: Any) -> dict[str, Any]:
    """The arguments of a job that runs a line of shell; inputs and outputs by name: {name: uri}."""
    inputs, outputs = more.pop("inputs", {}), more.pop("outputs", {})
    request = {
        "AppSpecification": {"ImageUri": "tools:1", "ContainerEntrypoint": ["/bin/sh", "-c", script]},
        "ProcessingResources": {"ClusterConfig": CLUSTER},
        "RoleArn": ROLE,
        **more,
    }
    if inputs:
        request["ProcessingInputs"] = [
            {"InputName": name, "S3Input": _input(name, uri)} for name, uri in inputs.items()
        ]
    if outputs:
        request["ProcessingOutputConfig"] = {
            "Outputs": [{"OutputName": name, "S3Output": _output(name, uri)} for name, uri in outputs.items()]
        }
    return request


def _input(name: str, uri: str) -> dict[str, Any]:
    kind = "ManifestFile" if uri.endswith(".manifest") else "S3Prefix"
    return {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/{name}", "S3DataType": kind, "S3InputMode": "File"}


def _output(name: str, uri: str) -> dict[str, Any]:
    return {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/{name}", "S3UploadMode": "EndOfJob"}


def step(name: str, script: str = "true", after: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    around = {key: more.pop(key) for key in ("PropertyFiles", "RetryPolicies", "DisplayName") if key in more}
    made = {"Name": name, "Type": "Processing", "Arguments": job(script, **more), **around}
    return {**made, "DependsOn": list(after)} if after else made


def gate(left: Any, right: Any, then: list[Any], otherwise: list[Any], name: str = "Gate") -> dict[str, Any]:
    conditions = [{"Type": "Equals", "LeftValue": left, "RightValue": right}]
    arguments = {"Conditions": conditions, "IfSteps": then, "ElseSteps": otherwise}
    return {"Name": name, "Type": "Condition", "Arguments": arguments}


def fail(name: str, message: Any) -> dict[str, Any]:
    return {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": message}}


def definition(*steps: Any, **top: Any) -> str:
    return json.dumps({"Version": "2020-12-01", "Steps": list(steps), **top})


def join(*values: Any, on: str = "") -> dict[str, Any]:
    return {"Std:Join": {"On": on, "Values": list(values)}}


def get(path: str) -> dict[str, Any]:
    return {"Get": path}


class Pipelines:
    """Submits, starts and watches pipelines of one local AWS."""

    def __init__(self, aws: LocalAws) -> None:
        self.sagemaker = aws.client("sagemaker")

    def submit(self, name: str, *steps: Any, **top: Any) -> str:
        arn: str = self.sagemaker.create_pipeline(
            PipelineName=name, PipelineDefinition=definition(*steps, **top), RoleArn=ROLE
        )["PipelineArn"]
        return arn

    def start(self, name: str, parallel: int | None = None, **parameters: str) -> str:
        given = [{"Name": key, "Value": value} for key, value in parameters.items()]
        limit = {"ParallelismConfiguration": {"MaxParallelExecutionSteps": parallel}} if parallel else {}
        arn: str = self.sagemaker.start_pipeline_execution(PipelineName=name, PipelineParameters=given, **limit)[
            "PipelineExecutionArn"
        ]
        return arn

    def describe(self, arn: str) -> dict[str, Any]:
        described: dict[str, Any] = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        return described

    def end(self, arn: str) -> dict[str, Any]:
        """The description of an execution once it is over."""
        eventually(lambda: self.describe(arn)["PipelineExecutionStatus"] in OVER)
        return self.describe(arn)

    def run(self, name: str, *steps: Any, **top: Any) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """The description of an execution that is over, and its steps by name."""
        self.submit(name, *steps, **top)
        arn = self.start(name)
        return self.end(arn), self.steps(arn)

    def steps(self, arn: str) -> dict[str, dict[str, Any]]:
        listed = self.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn, SortOrder="Ascending")
        return {one["StepName"]: one for one in listed["PipelineExecutionSteps"]}

    def step_is(self, arn: str, name: str, status: str) -> bool:
        return self.steps(arn).get(name, {}).get("StepStatus") == status

"""Other people's clients, unmodified, against the local AWS: the aws CLI and the SageMaker SDK."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from localaws_fixture import REGION, ROLE, LocalAws, eventually, local_aws

from sluice.localaws.server.settings import ImageRule

TESTS = Path(__file__).parents[1]
BUCKET = "clients"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    folder = tmp_path_factory.mktemp("localaws")
    command = (sys.executable, str(TESTS / "support" / "stub_container.py"), "good", str(folder / "pid"))
    with local_aws(folder, (ImageRule("model:*", command, "serve-model"),), time_scale=0.1) as server:
        server.client("s3").create_bucket(Bucket=BUCKET)
        yield server


def environment(aws: LocalAws, **more: str) -> dict[str, str]:
    """Nothing of this machine's own configuration."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(aws.server.settings.state),
        "LANG": "C.UTF-8",
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        **more,
    }


class Cli:
    """The `aws` command of PyPI's awscli, which lives in an environment of its own because it pins botocore."""

    def __init__(self, aws: LocalAws) -> None:
        self._aws = aws
        self._command = os.environ.get("SLUICE_AWSCLI") or str(TESTS.parent / ".venv-awscli" / "bin" / "aws")
        assert Path(self._command).is_file(), f"there is no {self._command}: `make test` sets it up"

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._command, *words], env=environment(self._aws), capture_output=True, text=True, timeout=60, check=False
        )

    def __call__(self, *words: str) -> Any:
        """What it prints; it must succeed."""
        process = self.run(*words)
        assert process.returncode == 0, process.stderr
        return json.loads(process.stdout) if process.stdout.strip().startswith("{") else process.stdout


@pytest.fixture(scope="module")
def cli(aws: LocalAws) -> Cli:
    return Cli(aws)


def submit(aws: LocalAws, name: str) -> None:
    entrypoint = {"ImageUri": "tools:1", "ContainerEntrypoint": ["/bin/sh", "-c", "echo 일했다"]}
    cluster = {"InstanceCount": 1, "InstanceType": "ml.t3.medium", "VolumeSizeInGB": 1}
    job = {"AppSpecification": entrypoint, "ProcessingResources": {"ClusterConfig": cluster}, "RoleArn": ROLE}
    steps = [{"Name": "Work", "Type": "Processing", "Arguments": job}]
    aws.client("sagemaker").create_pipeline(
        PipelineName=name, PipelineDefinition=json.dumps({"Version": "2020-12-01", "Steps": steps}), RoleArn=ROLE,
        ClientRequestToken=name.ljust(32, "-"),
    )  # fmt: skip


def test_the_cli_starts_a_pipeline_and_sees_its_steps(aws: LocalAws, cli: Cli) -> None:
    submit(aws, "from-cli")
    listed = cli("sagemaker", "list-pipelines")["PipelineSummaries"]
    assert [pipeline["PipelineName"] for pipeline in listed if pipeline["PipelineName"] == "from-cli"]
    assert cli("sagemaker", "describe-pipeline", "--pipeline-name", "from-cli")["PipelineStatus"] == "Active"
    execution = cli("sagemaker", "start-pipeline-execution", "--pipeline-name", "from-cli")["PipelineExecutionArn"]

    def over() -> Any:
        described = aws.client("sagemaker").describe_pipeline_execution(PipelineExecutionArn=execution)
        return described["PipelineExecutionStatus"] not in ("Executing", "Stopping")

    eventually(over)
    described = cli("sagemaker", "describe-pipeline-execution", "--pipeline-execution-arn", execution)
    assert described["PipelineExecutionStatus"] == "Succeeded"
    steps = cli("sagemaker", "list-pipeline-execution-steps", "--pipeline-execution-arn", execution)
    assert [(step["StepName"], step["StepStatus"]) for step in steps["PipelineExecutionSteps"]] == [
        ("Work", "Succeeded")
    ]


def test_the_cli_approves_a_package(aws: LocalAws, cli: Cli) -> None:
    sagemaker = aws.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="from-cli")
    inference = {"Containers": [{"Image": "model:1"}], "SupportedContentTypes": ["a/b"],
                 "SupportedResponseMIMETypes": ["a/b"]}  # fmt: skip
    arn = sagemaker.create_model_package(
        ModelPackageGroupName="from-cli",
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification=inference,
    )["ModelPackageArn"]
    cli("sagemaker", "update-model-package", "--model-package-arn", arn, "--model-approval-status", "Approved",
        "--approval-description", "좋다")  # fmt: skip
    listed = cli("sagemaker", "list-model-packages", "--model-package-group-name", "from-cli")
    assert [package["ModelApprovalStatus"] for package in listed["ModelPackageSummaryList"]] == ["Approved"]


def test_the_cli_copies_to_and_from_the_bucket(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "up.json").write_text('{"말": 1}', encoding="utf-8")
    cli("s3", "cp", str(tmp_path / "up.json"), f"s3://{BUCKET}/reports/보고서.json")
    cli("s3", "cp", f"s3://{BUCKET}/reports/보고서.json", str(tmp_path / "down.json"))
    assert (tmp_path / "down.json").read_text(encoding="utf-8") == '{"말": 1}'


def test_the_cli_queries_the_history(aws: LocalAws, cli: Cli) -> None:
    dynamodb = aws.client("dynamodb")
    keys = [("user", "HASH"), ("turn", "RANGE")]
    dynamodb.create_table(
        TableName="history", BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
    )  # fmt: skip
    for turn in ("1", "2", "3"):
        item = {"user": "minji", "turn": turn, "answer": f"답 {turn}"}
        dynamodb.put_item(TableName="history", Item={name: {"S": value} for name, value in item.items()})
    answer = cli(
        "dynamodb", "query", "--table-name", "history", "--no-scan-index-forward", "--max-items", "2",
        "--key-condition-expression", "#u = :u", "--expression-attribute-names", '{"#u": "user"}',
        "--expression-attribute-values", '{":u": {"S": "minji"}}',
    )  # fmt: skip
    assert [item["answer"]["S"] for item in answer["Items"]] == ["답 3", "답 2"]


def test_the_cli_shows_what_is_not_supported_and_does_not_try_again(cli: Cli) -> None:
    refused = cli.run("sagemaker", "create-training-plan", "--training-plan-name", "x",
                      "--training-plan-offering-id", "y")  # fmt: skip
    assert refused.returncode != 0
    assert "NotImplementedLocally" in refused.stderr
    assert "CreateTrainingPlan" in refused.stderr
    assert "reached max retries" not in refused.stderr


def test_the_sagemaker_sdk_runs_pipelines_and_endpoints(aws: LocalAws, tmp_path: Path) -> None:
    """One process for all of it: the SDK takes six seconds to import."""
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = aws.client("iam").create_role(RoleName="sdk", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    process = subprocess.run(
        [sys.executable, str(TESTS / "support" / "sdk_client.py"), role, BUCKET, str(tmp_path / "told")],
        env=environment(aws), capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    results = json.loads((tmp_path / "told").read_text())
    assert results["yes"]["status"] == "Succeeded"
    assert results["yes"]["steps"] == {"Work": "Succeeded", "Gate": "Succeeded"}
    assert (results["no"]["status"], results["no"]["steps"]["Stop"]) == ("Failed", "Failed")
    assert results["yes"]["failure"] is None and "terminal failure state" in results["no"]["failure"]
    assert results["endpoint"]["status"] == "InService"
    answer = json.loads(results["endpoint"]["answer"])
    assert answer["choices"][0]["message"]["content"] == "echo: 안녕"
    assert results["endpoint"]["left"] == []

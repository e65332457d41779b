"""Jobs and executions on a local AWS that each test has for itself: moto is global, so these share no server."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from localaws_fixture import ROLE, LocalAws, eventually, local_aws, reset, rule
from localaws_steps import Pipelines, job, step
from processes import processes_with

GOLDEN = Path(__file__).parents[1] / "golden"


def create(aws: LocalAws, name: str, script: str = "true") -> None:
    aws.client("sagemaker").create_processing_job(ProcessingJobName=name, **job(script))


def describe(aws: LocalAws, name: str) -> dict[str, Any]:
    described: dict[str, Any] = aws.client("sagemaker").describe_processing_job(ProcessingJobName=name)
    return described


def test_a_folder_that_cannot_be_written_is_the_machines_fault(tmp_path: Path):
    (tmp_path / "jobs").write_text("a file where the jobs' folders should be")
    with local_aws(tmp_path) as aws:
        create(aws, "nowhere")
        eventually(lambda: describe(aws, "nowhere")["ProcessingJobStatus"] == "Failed")
        reason = describe(aws, "nowhere")["FailureReason"]
        assert reason.startswith("InternalServerError: The job could not be run on this machine: ")


def test_a_reset_and_the_end_of_the_server_end_running_jobs(tmp_path: Path):
    with local_aws(tmp_path) as aws:
        create(aws, "before", "sleep 4714")
        eventually(lambda: processes_with("sleep 4714"))
        reset()
        eventually(lambda: not processes_with("sleep 4714"))
        with pytest.raises(ClientError, match="Could not find"):
            describe(aws, "before")
        create(aws, "before", "sleep 4715")
        eventually(lambda: processes_with("sleep 4715"))
    eventually(lambda: not processes_with("sleep 4715"))


def test_the_machines_faults_are_retried_by_policy_and_the_jobs_own_are_not(tmp_path: Path):
    retry = [
        {"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"], "IntervalSeconds": 1, "BackoffRate": 1, "MaxAttempts": 3}
    ]
    with local_aws(tmp_path, time_scale=0.01) as aws:
        pipelines = Pipelines(aws)
        _, steps = pipelines.run("own-fault", step("Work", "exit 1", RetryPolicies=retry))
        assert steps["Work"]["AttemptCount"] == 1
        eventually(lambda: not list((tmp_path / "jobs").iterdir()))
        (tmp_path / "jobs").rmdir()
        (tmp_path / "jobs").touch()  # now no job can have a folder
        ended, steps = pipelines.run("machine", step("Work", RetryPolicies=retry))
        assert ended["PipelineExecutionStatus"] == "Failed"
        assert steps["Work"]["AttemptCount"] == 4, "once, and three times more"
        assert "InternalServerError" in steps["Work"]["FailureReason"]
        pipelines.submit("mended", step("Work", RetryPolicies=[{**retry[0], "MaxAttempts": 20}]))
        arn = pipelines.start("mended")
        eventually(lambda: pipelines.steps(arn).get("Work", {}).get("AttemptCount", 0) > 1)
        (tmp_path / "jobs").unlink()
        assert pipelines.end(arn)["PipelineExecutionStatus"] == "Succeeded"


def test_a_reset_ends_everything(tmp_path: Path):
    with local_aws(tmp_path) as aws:
        pipelines = Pipelines(aws)
        pipelines.submit("gone", step("Work", "sleep 4814"), step("Next", "sleep 4814", after=("Work",)))
        arn = pipelines.start("gone")
        eventually(lambda: processes_with("sleep 4814"))
        reset()
        eventually(lambda: not processes_with("sleep 4814"))
        with pytest.raises(ClientError, match="ResourceNotFound"):
            pipelines.describe(arn)
        assert pipelines.sagemaker.list_processing_jobs()["ProcessingJobSummaries"] == []


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*definition*.json")), ids=lambda path: path.stem)
def test_what_the_sdk_compiles_can_be_submitted(tmp_path: Path, path: Path):
    with local_aws(tmp_path, (rule("unused.py", match="djl-inference:*"),)) as aws:
        aws.client("sagemaker").create_pipeline(
            PipelineName="compiled", PipelineDefinition=path.read_text("utf-8"), RoleArn=ROLE
        )

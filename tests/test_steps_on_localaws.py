"""The steps on the local AWS: the calls that the fakes answer are answered here by something that was written apart."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from localaws_fixture import ROLE, LocalAws, eventually, local_aws

from localaws.settings import ImageRule
from registry import packages
from steps.deploy import deploy
from steps.hosting import EndpointFailed
from steps.inputs import Deploy, Evaluate, to_arguments

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.35.0-lmi17.0.0-cu128"
STUB = Path(__file__).parent / "stub_container.py"
CHATS = "cases: [{id: hello, turns: [{user: hi, expect: {contains: echo}}, {user: again, expect: {contains: echo}}]}]"


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    folder = tmp_path_factory.mktemp("steps")
    command = (sys.executable, str(STUB), "good", str(folder / "pid"))
    with local_aws(folder / "state", (ImageRule("djl-inference:*", command, "dockerd-entrypoint.sh"),), 0.02) as aws:
        s3 = aws.client("s3")
        s3.create_bucket(Bucket="sluice")
        s3.put_object(Bucket="sluice", Key="models/1/config.json", Body=b"{}")
        s3.put_object(Bucket="sluice", Key="cases/1/cases.yaml", Body=CHATS.encode())
        yield aws


@dataclass(frozen=True)
class Clients:
    sagemaker: Any
    runtime: Any


@pytest.fixture
def clients(local: LocalAws) -> Clients:
    return Clients(local.client("sagemaker"), local.client("sagemaker-runtime"))


def register(clients: Clients, group: str, behaviour: str) -> str:
    return packages.register(
        clients.sagemaker, group, image=IMAGE, model_uri="s3://sluice/models/1", environment={"STUB": behaviour}
    )


def run_evaluate(local: LocalAws, clients: Clients, arn: str, name: str) -> dict[str, Any]:
    """The step in a Processing job of the package's own image and environment, until it has ended."""
    module, *arguments = to_arguments(
        Evaluate(
            model_package=arn, report_uri=f"s3://sluice/reports/{name}", experiment="chat", execution=arn,
            min_pass_rate=0.9, startup_seconds=30,
        )
    )  # fmt: skip
    folder = "/opt/ml/processing"
    upload = {"S3Uri": f"s3://sluice/reports/{name}", "LocalPath": f"{folder}/report", "S3UploadMode": "EndOfJob"}
    cases = {"S3Uri": "s3://sluice/cases/1", "LocalPath": f"{folder}/cases", "S3DataType": "S3Prefix"}
    clients.sagemaker.create_processing_job(
        ProcessingJobName=name,
        RoleArn=ROLE,
        AppSpecification={
            "ImageUri": IMAGE,
            # the stub has no entrypoint that would run a command, so the shell line is made here
            "ContainerEntrypoint": ["/bin/sh", "-c", f'eval "exec {sys.executable} -m {module} $*"', "entrypoint"],
            "ContainerArguments": arguments,
        },
        ProcessingResources={
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.g5.xlarge", "VolumeSizeInGB": 30}
        },
        Environment=dict(packages.describe(clients.sagemaker, arn).environment),
        ProcessingInputs=[{"InputName": "cases", "S3Input": cases | {"S3InputMode": "File"}}],
        ProcessingOutputConfig={"Outputs": [{"OutputName": "report", "S3Output": upload}]},
    )

    def ended() -> dict[str, Any] | None:
        job: dict[str, Any] = clients.sagemaker.describe_processing_job(ProcessingJobName=name)
        return job if job["ProcessingJobStatus"] != "InProgress" else None

    found: dict[str, Any] = eventually(ended, 60)
    return found


def settings(group: str, tmp_path: Path) -> Deploy:
    (tmp_path / "cases.yaml").write_text(CHATS)
    return Deploy(
        group=group, endpoint=group, instance_type="ml.g5.xlarge", role_arn=ROLE, execution="e", min_pass_rate=0.9,
        cases=str(tmp_path / "cases.yaml"), report=str(tmp_path / "report"), drain_seconds=0.1,
    )  # fmt: skip


def endpoints(sagemaker: Any) -> list[str]:
    return [each["EndpointName"] for each in sagemaker.list_endpoints()["Endpoints"]]


def test_a_package_is_judged_in_a_processing_job_of_its_own_image(local: LocalAws, clients: Clients) -> None:
    good, bad = register(clients, "judged", "good"), register(clients, "judged", "wrong")
    job = run_evaluate(local, clients, good, "judge-good")
    assert (job["ProcessingJobStatus"], job["ExitMessage"]) == (
        "Completed",
        "pass: 1 of 1 cases passed (100 %), the gate wants 90 %.",
    )
    package = packages.describe(clients.sagemaker, good)
    assert (package.verdict, package.report) == ("pass", "s3://sluice/reports/judge-good/report.json")
    stored = local.client("s3").get_object(Bucket="sluice", Key="reports/judge-good/report.json")["Body"].read()
    assert json.loads(stored)["verdict"] == "pass"

    assert run_evaluate(local, clients, bad, "judge-bad")["ProcessingJobStatus"] == "Completed"
    package = packages.describe(clients.sagemaker, bad)
    assert (package.verdict, package.approval) == ("fail", "Rejected")


def test_a_model_server_that_dies_fails_the_job_with_its_last_words(local: LocalAws, clients: Clients) -> None:
    arn = register(clients, "dies", "dies-at-start")
    job = run_evaluate(local, clients, arn, "judge-dead")
    assert job["ProcessingJobStatus"] == "Failed"
    assert "OPTION_DTYPE=half is not a value" in job["ExitMessage"]
    package = packages.describe(clients.sagemaker, arn)
    assert (package.verdict, package.approval) == ("error", "PendingManualApproval")


def test_versions_replace_each_other_and_a_bad_one_never_goes_live(
    local: LocalAws, clients: Clients, tmp_path: Path
) -> None:
    sagemaker, asked = clients.sagemaker, settings("chat", tmp_path)
    for number in (1, 2):
        packages.approve(sagemaker, register(clients, "chat", "good"), "for the test")
        assert deploy(asked, clients) == f"Version {number} of chat is live on endpoint chat-v{number}."
    assert "already live" in deploy(asked, clients)
    eventually(lambda: endpoints(sagemaker) == ["chat-v2"])  # a deleted one is Deleting for a while

    for behaviour, wrong in (("wrong", "did not pass on endpoint chat-v3"), ("dies-at-start", "chat-v4 is Failed")):
        packages.approve(sagemaker, register(clients, "chat", behaviour), "for the test")
        with pytest.raises(Exception, match=wrong):
            deploy(replace(asked, startup_seconds=60), clients)
    live = packages.live(sagemaker, "chat")
    assert (live.version, live.endpoint_name) == (2, "chat-v2")
    eventually(lambda: endpoints(sagemaker) == ["chat-v2"])  # a deleted one is Deleting for a while
    assert len(sagemaker.list_models()["Models"]) == len(sagemaker.list_endpoint_configs()["EndpointConfigs"]) == 1

    rollback = replace(asked, model_package=packages.find(sagemaker, "chat", 1).arn, reason="rollback")
    deploy(rollback, clients)
    assert packages.live(sagemaker, "chat").endpoint_name == "chat-v1"


def test_in_place_the_endpoint_is_updated_under_its_own_name(local: LocalAws, clients: Clients, tmp_path: Path) -> None:
    asked = replace(settings("fixed", tmp_path), strategy="in_place", drain_seconds=0)
    for version in ("good", "good", "wrong"):
        arn = register(clients, "fixed", version)
        packages.record_verdict(clients.sagemaker, arn, "pass", "for the test", "s3://sluice/report.json")
        packages.approve(clients.sagemaker, arn, "for the test")
        if version == "good":
            deploy(asked, clients)
            continue
        with pytest.raises(Exception, match="did not pass on endpoint fixed"):
            deploy(asked, clients)
    live = packages.live(clients.sagemaker, "fixed")
    assert (live.version, live.endpoint_name) == (2, "fixed")
    config = clients.sagemaker.describe_endpoint(EndpointName="fixed")["EndpointConfigName"]
    assert config.startswith("fixed-v2-")


def test_an_endpoint_whose_server_never_answers_ping_is_taken_away(
    local: LocalAws, clients: Clients, tmp_path: Path
) -> None:
    packages.approve(clients.sagemaker, register(clients, "silent", "never-ready"), "for the test")
    with pytest.raises(EndpointFailed, match=r"silent-v1 is Failed: .*ping"):
        deploy(replace(settings("silent", tmp_path), startup_seconds=60), clients)
    eventually(lambda: "silent-v1" not in endpoints(clients.sagemaker))

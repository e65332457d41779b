"""The steps on the local AWS: the calls that the fakes answer are answered here by something that was written apart."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from fake_sagemaker import package_request
from localaws_fixture import ROLE, LocalAws, eventually, local_aws
from steps_example import settled

from sluice.evaluation.gate import Gate
from sluice.evaluation.settings import FILE, EvaluationSettings
from sluice.localaws.server.settings import ImageRule
from sluice.registry import packages
from sluice.steps import hosting
from sluice.steps.deploy import deploy
from sluice.steps.hosting import EndpointFailed
from sluice.steps.inputs import Deploy, Evaluate, to_arguments

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.35.0-lmi17.0.0-cu128"
FILES = {"S3DataType": "S3Prefix", "S3InputMode": "File"}
STUB = Path(__file__).parents[1] / "support" / "stub_container.py"
MANY = [{"id": f"c{n}", "turns": [{"user": f"question {n}", "expect": {"contains": "echo"}}]} for n in range(60)]
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
        s3.put_object(Bucket="sluice", Key="cases/many/cases.yaml", Body=json.dumps({"cases": MANY}).encode())
        for name, gate in (("1", Gate()), ("champion", Gate(against_champion=True, margin=0.1))):
            criteria = EvaluationSettings(gate=gate, concurrency=4, retry_seconds=5.0).as_json()
            s3.put_object(Bucket="sluice", Key=f"settings/{name}/{FILE}", Body=criteria)
        yield aws


@dataclass(frozen=True)
class Clients:
    sagemaker: Any
    runtime: Any


@pytest.fixture
def clients(local: LocalAws) -> Clients:
    return Clients(local.client("sagemaker"), local.client("sagemaker-runtime"))


def register(clients: Clients, group: str, behaviour: str) -> str:
    """A version as the release pipeline registers one, whose group is made when it is the first."""
    if not clients.sagemaker.list_model_package_groups(NameContains=group)["ModelPackageGroupSummaryList"]:
        clients.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    request = package_request(group, "s3://sluice/models/1/", IMAGE, {"STUB": behaviour})
    arn: str = clients.sagemaker.create_model_package(**request)["ModelPackageArn"]
    return arn


def let_through(clients: Clients, arn: str) -> None:
    packages.record_verdict(clients.sagemaker, arn, "pass", "for the test", "s3://sluice/report.json")
    packages.approve(clients.sagemaker, arn, "for the test")


def run_evaluate(
    clients: Clients, arn: str, name: str, machines: int = 1, cases: str = "1", gate: str = "1"
) -> dict[str, Any]:
    """The step in a Processing job of the package's own image and environment, until it has ended."""
    module, *arguments = to_arguments(
        Evaluate(
            model_package=arn, report_uri=f"s3://sluice/reports/{name}", experiment="chat", execution=arn,
            startup_seconds=30,
        )
    )  # fmt: skip
    folder = "/opt/ml/processing"
    upload = {"S3Uri": f"s3://sluice/reports/{name}", "LocalPath": f"{folder}/report", "S3UploadMode": "EndOfJob"}
    step_arguments = [
        {
            "InputName": what,
            "S3Input": {"S3Uri": f"s3://sluice/{what}/{which}", "LocalPath": f"{folder}/{what}", **FILES},
        }
        for what, which in (("cases", cases), ("settings", gate))
    ]
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
            "ClusterConfig": {"InstanceCount": machines, "InstanceType": "ml.g5.xlarge", "VolumeSizeInGB": 30}
        },
        Environment={**packages.describe(clients.sagemaker, arn).environment, "PYTHONPATH": str(STUB.parents[2])},
        ProcessingInputs=step_arguments,
        ProcessingOutputConfig={"Outputs": [{"OutputName": "report", "S3Output": upload}]},
    )

    def ended() -> dict[str, Any] | None:
        job: dict[str, Any] = clients.sagemaker.describe_processing_job(ProcessingJobName=name)
        return job if job["ProcessingJobStatus"] != "InProgress" else None

    description: dict[str, Any] = eventually(ended, 60)
    return description


def stored(local: LocalAws, name: str) -> dict[str, Any]:
    body = local.client("s3").get_object(Bucket="sluice", Key=f"reports/{name}/report.json")["Body"].read()
    report: dict[str, Any] = json.loads(body)
    return report


def listed(local: LocalAws, name: str) -> set[str]:
    objects = local.client("s3").list_objects_v2(Bucket="sluice", Prefix=f"reports/{name}/")["Contents"]
    return {each["Key"].removeprefix(f"reports/{name}/") for each in objects}


def settings(group: str, tmp_path: Path) -> Deploy:
    (tmp_path / "cases.yaml").write_text(CHATS)
    return Deploy(
        group=group, endpoint=group, instance_type="ml.g5.xlarge", role_arn=ROLE, execution="e",
        settings=settled(tmp_path), cases=str(tmp_path / "cases.yaml"), report=str(tmp_path / "report"),
        drain_seconds=0.1,
    )  # fmt: skip


def endpoints(sagemaker: Any) -> list[str]:
    return [each["EndpointName"] for each in sagemaker.list_endpoints()["Endpoints"]]


def test_a_package_is_judged_in_a_processing_job_of_its_own_image(local: LocalAws, clients: Clients) -> None:
    good, bad = register(clients, "judged", "good"), register(clients, "judged", "wrong")
    job = run_evaluate(clients, good, "judge-good")
    assert (job["ProcessingJobStatus"], job["ExitMessage"]) == (
        "Completed",
        "pass: 1 of 1 cases passed (100 %), the gate wants 90 %.",
    )
    package = packages.describe(clients.sagemaker, good)
    assert (package.verdict, package.report) == ("pass", "s3://sluice/reports/judge-good/report.json")
    assert stored(local, "judge-good")["verdict"] == "pass"

    assert run_evaluate(clients, bad, "judge-bad")["ProcessingJobStatus"] == "Completed"
    package = packages.describe(clients.sagemaker, bad)
    assert (package.verdict, package.approval) == ("fail", "Rejected")


def test_a_model_server_that_dies_fails_the_job_with_its_last_words(local: LocalAws, clients: Clients) -> None:
    arn = register(clients, "dies", "dies-at-start")
    job = run_evaluate(clients, arn, "judge-dead")
    assert job["ProcessingJobStatus"] == "Failed"
    assert "OPTION_DTYPE=half is not a value" in job["ExitMessage"]
    package = packages.describe(clients.sagemaker, arn)
    assert (package.verdict, package.approval) == ("error", "PendingManualApproval")


def test_several_machines_share_the_cases_and_their_verdict_is_that_of_one(local: LocalAws, clients: Clients) -> None:
    arn = register(clients, "shared", "good")
    ended = {count: run_evaluate(clients, arn, f"shared-{count}", machines=count, cases="many") for count in (1, 3)}
    assert [job["ProcessingJobStatus"] for job in ended.values()] == ["Completed"] * 2, ended
    assert (
        ended[1]["ExitMessage"]
        == ended[3]["ExitMessage"]
        == "pass: 60 of 60 cases passed (100 %), the gate wants 90 %."
    )
    one, three = (stored(local, f"shared-{count}") for count in (1, 3))
    for report in (one, three):
        for name in ("started", "seconds", "tags"):
            del report[name]
        for case in report["cases"]:
            for turn in (turn for chat in case["chats"] for turn in chat["turns"]):
                turn["latency_ms"] = turn["first_token_ms"] = 0
        report["totals"] |= {name: None for name in ("latency_ms", "first_token_ms", "tokens_per_second")}
    assert one == three
    assert {"model-server.log", "algo-2-model-server.log", "algo-3-model-server.log"} <= listed(local, "shared-3")


def test_a_machine_that_cannot_replay_its_share_leaves_no_verdict(local: LocalAws, clients: Clients) -> None:
    arn = register(clients, "shared-badly", "dies-on-the-second")
    job = run_evaluate(clients, arn, "shared-badly", machines=2, cases="many")
    assert job["ProcessingJobStatus"] == "Failed"
    assert "The model server ended before it was ready" in job["FailureReason"]
    assert packages.describe(clients.sagemaker, arn).verdict in {"", "error"}


def test_a_version_is_compared_with_the_live_one_by_what_the_registry_and_s3_know(
    local: LocalAws, clients: Clients, tmp_path: Path
) -> None:
    first, second, worse = (register(clients, "compared", how) for how in ("good", "good", "forgets"))
    assert "ExitMessage" in run_evaluate(clients, first, "compared-1", cases="many", gate="champion")
    assert stored(local, "compared-1")["warnings"][0].startswith("No champion")
    packages.approve(clients.sagemaker, first, "for the test")
    deploy(replace(settings("compared", tmp_path), model_package=first), clients)

    job = run_evaluate(clients, second, "compared-2", cases="many", gate="champion")
    assert job["ExitMessage"].startswith("pass: 60 of 60 cases passed") and "Not worse" in job["ExitMessage"]
    assert stored(local, "compared-2")["comparison"]["replayed"] is False

    message = run_evaluate(clients, worse, "compared-3", cases="many", gate="champion")["ExitMessage"]
    assert message.startswith("inconclusive: ") and "more cases would tell" in message
    assert packages.describe(clients.sagemaker, worse).approval == "PendingManualApproval"
    assert hosting.delete_endpoint(clients.sagemaker, "compared-v1", 60, hosting.Clock()) == ""


def test_versions_replace_each_other_and_a_bad_one_never_goes_live(
    local: LocalAws, clients: Clients, tmp_path: Path
) -> None:
    sagemaker, inputs = clients.sagemaker, settings("chat", tmp_path)
    for number in (1, 2):
        let_through(clients, register(clients, "chat", "good"))
        assert deploy(inputs, clients) == f"Version {number} of chat is live on endpoint chat-v{number}."
    assert "already live" in deploy(inputs, clients)
    eventually(lambda: endpoints(sagemaker) == ["chat-v2"])  # a deleted one is Deleting for a while

    for behaviour, wrong in (("wrong", "did not pass on endpoint chat-v3"), ("dies-at-start", "chat-v4 is Failed")):
        let_through(clients, register(clients, "chat", behaviour))
        with pytest.raises(Exception, match=wrong):
            deploy(replace(inputs, startup_seconds=60), clients)
    live = packages.find_live(sagemaker, "chat")
    assert (live.version, live.endpoint_name) == (2, "chat-v2")
    eventually(lambda: endpoints(sagemaker) == ["chat-v2"])  # a deleted one is Deleting for a while
    assert len(sagemaker.list_models()["Models"]) == len(sagemaker.list_endpoint_configs()["EndpointConfigs"]) == 1

    rollback = replace(inputs, model_package=packages.find(sagemaker, "chat", 1).arn, reason="rollback")
    deploy(rollback, clients)
    assert packages.find_live(sagemaker, "chat").endpoint_name == "chat-v1"


def test_in_place_the_endpoint_is_updated_under_its_own_name(local: LocalAws, clients: Clients, tmp_path: Path) -> None:
    inputs = replace(settings("fixed", tmp_path), strategy="in_place", drain_seconds=0)
    for version in ("good", "good", "wrong"):
        arn = register(clients, "fixed", version)
        let_through(clients, arn)
        if version == "good":
            deploy(inputs, clients)
            continue
        with pytest.raises(Exception, match="did not pass on endpoint fixed"):
            deploy(inputs, clients)
    live = packages.find_live(clients.sagemaker, "fixed")
    assert (live.version, live.endpoint_name) == (2, "fixed")
    config = clients.sagemaker.describe_endpoint(EndpointName="fixed")["EndpointConfigName"]
    assert config.startswith("fixed-v2-")


def test_an_endpoint_whose_server_never_answers_ping_is_taken_away(
    local: LocalAws, clients: Clients, tmp_path: Path
) -> None:
    let_through(clients, register(clients, "silent", "never-ready"))
    with pytest.raises(EndpointFailed, match=r"silent-v1 is Failed: .*ping"):
        deploy(replace(settings("silent", tmp_path), startup_seconds=60), clients)
    eventually(lambda: "silent-v1" not in endpoints(clients.sagemaker))

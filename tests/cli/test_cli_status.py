"""`sluice status` asks the live version's endpoint: what the registry says of it may have ceased to be true."""

import json

import click
import pytest
from fake_pipelines import DEPLOY, RELEASE
from operators import Operator

from sluice.cli.release.status import status
from sluice.cli.target import Name


@pytest.fixture
def operator() -> Operator:
    return Operator()


@pytest.fixture
def live(operator: Operator) -> str:
    """Version 2, which is live on an endpoint in service; version 1 is approved as well."""
    operator.sagemaker.approved()
    return operator.sagemaker.live("chat-v2")


def read_output(operator: Operator, capsys: pytest.CaptureFixture[str], code: int = 1) -> str:
    """What the command shows; it must exit with this code."""
    try:
        operator.types(status)
    except click.exceptions.Exit as ending:
        assert ending.exit_code == code
    else:
        assert code == 0, capsys.readouterr().out
    return capsys.readouterr().out


def problems(operator: Operator, capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    with pytest.raises(click.exceptions.Exit):
        operator.types(status, "--json")
    listed: list[dict[str, str]] = json.loads(capsys.readouterr().out)["problems"]
    return listed


def test_a_healthy_version_is_live_and_its_endpoint_in_service(operator: Operator, live: str, capsys) -> None:
    assert "Live: version 2 on chat-v2 (InService), since" in read_output(operator, capsys, 0)
    operator.types(status, "--json")
    document = json.loads(capsys.readouterr().out)
    assert document["live"]["endpoint_status"] == "InService"
    assert (document["live"]["version"], document["problems"]) == (2, [])


def test_without_a_live_version_there_is_nothing_to_ask(operator: Operator, capsys) -> None:
    assert "Live: no version of" in read_output(operator, capsys, 0)
    assert operator.sagemaker.requests("describe_endpoint") == []


@pytest.mark.parametrize(("target", "more"), [("local", ""), ("aws", " --target aws")])
def test_an_endpoint_that_was_deleted_is_gone(target: Name, more: str, capsys) -> None:
    operator = Operator(target=target)
    operator.sagemaker.live("chat-v1")
    del operator.sagemaker.endpoints["chat-v1"]
    text = read_output(operator, capsys)
    assert "Live: version 1 on chat-v1 (gone)" in text
    assert "Problem: Endpoint chat-v1 is gone, so nobody is served." in text
    assert f"Make it again: `sluice deploy --version 1{more}`.\n" in text
    operator.scheduler.on()
    assert f"If it is meant to be gone: `sluice schedule pause{more}`" in read_output(operator, capsys)


def test_a_failed_endpoint_says_why_and_must_go_before_it_is_made_again(operator: Operator, live: str, capsys) -> None:
    operator.sagemaker.endpoints["chat-v2"] |= {"EndpointStatus": "Failed", "FailureReason": "The container ended."}
    (problem,) = problems(operator, capsys)
    assert problem["problem"] == "Endpoint chat-v2 is Failed, so nobody is served: The container ended."
    assert problem["next"] == (
        "Delete it, then deploy again: `aws sagemaker delete-endpoint --endpoint-name chat-v2`, "
        "then `sluice deploy --version 2`."
    )


@pytest.mark.parametrize("on_its_way", ["Creating", "Deleting"])
def test_an_endpoint_on_its_way_in_or_out_serves_nobody(operator: Operator, live: str, on_its_way: str, capsys) -> None:
    operator.sagemaker.is_in_the_middle_of("chat-v2", on_its_way)
    text = read_output(operator, capsys)
    assert f"Endpoint chat-v2 is {on_its_way}, so nobody is served." in text and "`sluice status`" in text


@pytest.mark.parametrize("still_serving", ["Updating", "SystemUpdating", "RollingBack"])
def test_an_endpoint_that_is_updated_takes_requests_meanwhile(
    operator: Operator, live: str, still_serving: str, capsys
) -> None:
    operator.sagemaker.is_in_the_middle_of("chat-v2", still_serving)
    assert f"Live: version 2 on chat-v2 ({still_serving})" in read_output(operator, capsys, 0)


def test_an_endpoint_that_was_given_another_version_is_found_out(operator: Operator, live: str, capsys) -> None:
    operator.sagemaker.serves("chat-v2", live.replace("/2", "/1"))
    (problem,) = problems(operator, capsys)
    assert problem["problem"] == "Endpoint chat-v2 serves version 1, not version 2."
    assert "delete-endpoint --endpoint-name chat-v2" in problem["next"]
    assert "`sluice deploy --version 2`" in problem["next"]


def test_an_endpoint_that_serves_no_version_is_found_out(operator: Operator, live: str, capsys) -> None:
    operator.sagemaker.models["chat-v2-old"]["Containers"] = [{"Image": "hand-made"}]
    assert "serves a model that is no version, not version 2." in read_output(operator, capsys)


@pytest.mark.parametrize("approval", ["Rejected", "PendingManualApproval"])
def test_a_live_version_whose_approval_was_taken_back_is_a_problem(
    operator: Operator, live: str, approval: str, capsys
) -> None:
    operator.sagemaker.packages[live] |= {"ModelApprovalStatus": approval, "ApprovalDescription": "it insults users."}
    (problem,) = problems(operator, capsys)
    assert problem["problem"] == f"Version 2 is {approval}, and still live: it insults users."
    assert problem["next"] == "Put version 1 live instead: `sluice deploy --version 1`."


def test_a_rejected_version_without_another_to_go_back_to_says_so(operator: Operator, capsys) -> None:
    arn = operator.sagemaker.live("chat-v1")
    operator.sagemaker.packages[arn]["ModelApprovalStatus"] = "Rejected"
    assert "No other version is approved" in read_output(operator, capsys)


def test_every_problem_is_told(operator: Operator, live: str, capsys) -> None:
    operator.sagemaker.packages[live]["ModelApprovalStatus"] = "Rejected"
    del operator.sagemaker.endpoints["chat-v2"]
    assert [each["problem"].split(",")[0] for each in problems(operator, capsys)] == [
        "Version 2 is Rejected",
        "Endpoint chat-v2 is gone",
    ]


@pytest.mark.parametrize("pipeline", [RELEASE, DEPLOY])
def test_a_deployment_under_way_may_mend_it(operator: Operator, live: str, pipeline: str, capsys) -> None:
    execution = operator.sagemaker.runs(pipeline)
    operator.sagemaker.has_step(execution, "Deploy", "Executing")
    del operator.sagemaker.endpoints["chat-v2"]
    assert "A deployment is under way." in read_output(operator, capsys)


def test_a_release_that_does_not_deploy_mends_nothing(operator: Operator, live: str, capsys) -> None:
    operator.sagemaker.has_step(operator.sagemaker.runs(RELEASE), "Evaluate", "Executing")
    del operator.sagemaker.endpoints["chat-v2"]
    assert "under way" not in read_output(operator, capsys)

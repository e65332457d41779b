"""`sluice approve`: an older version replaces the live one only when that is said, and what it starts is its own."""

import pytest
from fake_pipelines import FakeOperations
from operators import Operator

from sluice.cli.release.approve import OlderThanLive, approve, reject
from sluice.cli.release.deploy import deploy
from sluice.cli.release.progress import Interrupted, NotLive
from sluice.cli.target import Name
from sluice.errors import UsageError
from sluice.registry import packages


@pytest.fixture
def operator() -> Operator:
    return Operator()


@pytest.fixture
def sagemaker(operator: Operator) -> FakeOperations:
    operator.sagemaker.deploys_when_approved()
    return operator.sagemaker


def approval(sagemaker: FakeOperations, arn: str) -> str:
    return packages.describe(sagemaker, arn).approval


def test_a_bare_approval_takes_the_newest_that_waits(operator: Operator, sagemaker: FakeOperations, capsys) -> None:
    sagemaker.live("chat-v1")
    older, newest = sagemaker.registers(verdict="pass"), sagemaker.registers(verdict="pass")
    operator.types(approve)
    assert (approval(sagemaker, older), approval(sagemaker, newest)) == ("PendingManualApproval", "Approved")
    assert "Version 3 is live on the endpoint chat-v3." in capsys.readouterr().out


def test_the_first_version_needs_no_live_one_before_it(operator: Operator, sagemaker: FakeOperations) -> None:
    arn = sagemaker.registers(verdict="pass")
    operator.types(approve)
    assert approval(sagemaker, arn) == "Approved"


def test_a_bare_approval_typed_twice_does_not_go_back(operator: Operator, sagemaker: FakeOperations) -> None:
    older, newest = sagemaker.registers(verdict="pass"), sagemaker.registers(verdict="pass")
    operator.types(approve)
    with pytest.raises(OlderThanLive) as refusal:
        operator.types(approve)
    assert refusal.value.exit_code == 2
    assert "No version newer than version 2, which is live, waits" in refusal.value.message
    assert "the newest that waits is version 1" in refusal.value.message
    assert "`sluice approve 1 --older`" in refusal.value.hint
    assert (approval(sagemaker, older), approval(sagemaker, newest)) == ("PendingManualApproval", "Approved")


@pytest.mark.parametrize("status", ["PendingManualApproval", "Rejected"])
def test_an_older_version_that_is_named_replaces_the_live_one_only_with_older(
    operator: Operator, sagemaker: FakeOperations, status: str, capsys
) -> None:
    older = sagemaker.registers(verdict="pass")
    sagemaker.packages[older]["ModelApprovalStatus"] = status
    sagemaker.live("chat-v2")
    with pytest.raises(OlderThanLive, match="Version 1 is older than version 2, which is live") as refusal:
        operator.types(approve, "1")
    assert "`sluice approve 1 --older`" in refusal.value.hint
    assert approval(sagemaker, older) == status
    operator.types(approve, "1", "--older")
    assert approval(sagemaker, older) == "Approved"
    assert "Version 1 is live on the endpoint chat-v1." in capsys.readouterr().out


def test_the_live_version_itself_can_be_approved_again(operator: Operator, sagemaker: FakeOperations) -> None:
    arn = sagemaker.live("chat-v1")
    operator.types(reject, "1", "--why", "a mistake")
    operator.types(approve, "1")
    assert approval(sagemaker, arn) == "Approved"


def test_older_needs_a_version(operator: Operator, sagemaker: FakeOperations) -> None:
    sagemaker.registers(verdict="pass")
    with pytest.raises(UsageError, match="--older needs the version"):
        operator.types(approve, "--older")
    assert sagemaker.requests("update_model_package") == []


def test_a_rejection_without_a_version_may_be_of_an_older_one(operator: Operator, sagemaker: FakeOperations) -> None:
    arn = sagemaker.registers(verdict="pass")
    sagemaker.live("chat-v2")
    operator.types(reject, "--why", "nobody needs it")
    assert approval(sagemaker, arn) == "Rejected"


def test_a_rejection_of_the_live_version_names_the_way_back(
    operator: Operator, sagemaker: FakeOperations, capsys
) -> None:
    sagemaker.approved()
    sagemaker.live("chat-v2")
    operator.types(reject, "2", "--why", "it insults users")
    assert "It is still live. Put version 1 live instead: `sluice deploy --version 1`." in capsys.readouterr().out


def test_what_is_approved_already_is_put_live_by_its_number(
    operator: Operator, sagemaker: FakeOperations, capsys
) -> None:
    sagemaker.approved()
    sagemaker.live("chat-v2")
    operator.types(approve, "1")
    assert "Version 1 is approved already. `sluice deploy --version 1` puts it live" in capsys.readouterr().out


def test_a_deployment_of_what_is_older_and_not_approved_names_the_whole_command(
    operator: Operator, sagemaker: FakeOperations
) -> None:
    sagemaker.registers(verdict="pass")
    sagemaker.live("chat-v2")
    with pytest.raises(UsageError) as refusal:
        operator.types(deploy, "--version", "1")
    assert refusal.value.hint == "sluice approve 1 --older"


def test_the_execution_that_is_watched_is_this_approvals_own(
    operator: Operator, sagemaker: FakeOperations, capsys
) -> None:
    other, mine = sagemaker.registers(verdict="pass"), sagemaker.registers(verdict="pass")
    sagemaker.runs("chat-deploy", ModelPackageArn="newest-approved", Reason="schedule")
    sagemaker.deploys_when_approved(first=other)
    operator.types(approve, "2")
    own = next(arn for arn, each in sagemaker.parameters.items() if {"Name": "ModelPackageArn", "Value": mine} in each)
    assert f"has started execution {own.rpartition('/')[2]} of chat-deploy" in capsys.readouterr().out


def test_a_version_that_did_not_go_live_is_an_error_with_the_steps_own_words(operator: Operator) -> None:
    sagemaker = operator.sagemaker
    sagemaker.registers(verdict="pass")
    sagemaker.live("chat-v2")
    sagemaker.deploys_when_approved(live=False, message="Version 1 was live before and was replaced; nothing to do.")
    with pytest.raises(NotLive) as failure:
        operator.types(approve, "1", "--older")
    assert failure.value.message == (
        "Version 1 is not live; version 2 is, on the endpoint chat-v2. "
        "Version 1 was live before and was replaced; nothing to do."
    )
    assert failure.value.hint == "`sluice deploy --version 1` puts it live."


def test_a_rollback_that_another_deployment_overtakes_does_not_end_well(operator: Operator) -> None:
    operator.sagemaker.approved()
    operator.sagemaker.live("chat-v2")
    with pytest.raises(NotLive, match="Version 1 is not live; version 2 is"):
        operator.types(deploy, "--version", "1")


@pytest.mark.parametrize(("target", "more"), [("local", ""), ("aws", " --target aws")])
def test_an_interrupted_approval_says_that_its_deployment_goes_on(target: Name, more: str) -> None:
    operator = Operator(target=target)
    operator.sagemaker.registers(verdict="pass")
    operator.sagemaker.deploys_when_approved()
    operator.sagemaker.is_interrupted()
    with pytest.raises(Interrupted) as interruption:
        operator.types(approve)
    assert interruption.value.exit_code == 130
    assert interruption.value.message == "Execution e1 of chat-deploy goes on."
    assert f"`sluice stop e1{more}`" in interruption.value.hint
    assert f"`sluice status{more}`" in interruption.value.hint


def test_an_approval_that_is_interrupted_before_its_event_has_come_says_so_too(operator: Operator) -> None:
    operator.sagemaker.registers(verdict="pass")
    operator.sagemaker.refuses("list_pipeline_executions", KeyboardInterrupt())  # type: ignore[arg-type]
    with pytest.raises(Interrupted, match="Version 1 is approved, and its deployment starts by itself"):
        operator.types(approve)

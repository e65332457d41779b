"""`sluice approve` and `sluice deploy` on a version whose gate did not pass: refused, or let through on record."""

from types import SimpleNamespace
from typing import Any

import pytest
from fake_sagemaker import ARN, GROUP, FakeSageMaker

from sluice.cli.release.approve import NotJudgedFit, approve
from sluice.cli.release.deploy import deploy
from sluice.cli.target import Target
from sluice.errors import UsageError
from sluice.evaluation.gate import Gate
from sluice.registry import packages


class WithPipelines(FakeSageMaker):
    def start_pipeline_execution_(self, **_: Any) -> dict[str, Any]:
        return {"PipelineExecutionArn": f"{ARN}:pipeline/chat-deploy/execution/abc"}


@pytest.fixture
def sagemaker() -> FakeSageMaker:
    return WithPipelines()


def run(command: Any, sagemaker: FakeSageMaker, gate: Gate | None = None, **options: Any) -> None:
    """The command as it is once it has read its file and opened its target."""
    config = SimpleNamespace(
        registry=SimpleNamespace(group=GROUP),
        settings=SimpleNamespace(gate=gate or Gate()),
        approval="automatic",
        deploy_pipeline="chat-deploy",
    )
    target = Target("local", "us-east-1", None, {"sagemaker": sagemaker})
    command.callback.__wrapped__(config=config, target=target, **{"anyway": False, "wait": False} | options)


def started(sagemaker: FakeSageMaker) -> int:
    return sagemaker.count()["start_pipeline_execution"]


def test_an_approval_in_spite_of_the_verdict_is_on_the_package(sagemaker: FakeSageMaker) -> None:
    arn = sagemaker.registers(verdict="fail")
    with pytest.raises(NotJudgedFit, match="its verdict is fail"):
        run(approve, sagemaker, version=1, why="no")
    run(approve, sagemaker, version=1, why="known to be wrong", anyway=True)
    package = packages.describe(sagemaker, arn)
    assert (package.approval, package.is_overridden) == ("Approved", True)


@pytest.mark.parametrize("verdict", ["pass", "inconclusive"])
def test_an_approval_of_what_is_let_through_overrides_nothing(sagemaker: FakeSageMaker, verdict: str) -> None:
    sagemaker.registers(verdict=verdict)
    run(approve, sagemaker, Gate(let_inconclusive_through=True), version=1, why="fine", anyway=True)
    (update,) = sagemaker.requests("update_model_package")
    assert "CustomerMetadataProperties" not in update


def test_a_version_approved_elsewhere_can_still_be_let_through_by_an_approval(sagemaker: FakeSageMaker) -> None:
    arn = sagemaker.approved(verdict="")
    run(approve, sagemaker, version=1, why="fine", anyway=True)
    assert packages.describe(sagemaker, arn).is_overridden


def test_a_deployment_of_what_nobody_judged_is_refused_until_a_person_says_anyway(sagemaker: FakeSageMaker) -> None:
    arn = sagemaker.approved(verdict="")
    with pytest.raises(
        UsageError, match="Version 1 is approved without a passing verdict: it was not judged"
    ) as caught:
        run(deploy, sagemaker, version=None)
    assert "sluice deploy --version 1 --anyway" in caught.value.hint and started(sagemaker) == 0
    run(deploy, sagemaker, version=1, anyway=True)
    assert packages.describe(sagemaker, arn).is_overridden and started(sagemaker) == 1
    run(deploy, sagemaker, version=1)
    assert started(sagemaker) == 2


def test_a_deployment_of_what_passed_records_no_word(sagemaker: FakeSageMaker) -> None:
    sagemaker.approved()
    run(deploy, sagemaker, version=None, anyway=True)
    assert started(sagemaker) == 1 and sagemaker.requests("update_model_package") == []

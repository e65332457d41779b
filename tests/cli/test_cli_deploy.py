"""`sluice approve` and `sluice deploy` on a version whose gate did not pass: refused, or let through on record."""

import pytest
from operators import Operator

from sluice.cli.release.approve import NotJudgedFit, approve
from sluice.cli.release.deploy import deploy
from sluice.errors import UsageError
from sluice.evaluation.gate import Gate
from sluice.registry import packages


@pytest.fixture
def operator() -> Operator:
    return Operator(approval="automatic")


def test_an_approval_in_spite_of_the_verdict_is_on_the_package(operator: Operator) -> None:
    arn = operator.sagemaker.registers(verdict="fail")
    with pytest.raises(NotJudgedFit, match="its verdict is fail"):
        operator.types(approve, "1")
    operator.types(approve, "1", "--why", "known to be wrong", "--anyway")
    package = packages.describe(operator.sagemaker, arn)
    assert (package.approval, package.is_overridden) == ("Approved", True)


@pytest.mark.parametrize("verdict", ["pass", "inconclusive"])
def test_an_approval_of_what_is_let_through_overrides_nothing(verdict: str) -> None:
    operator = Operator("automatic", gate=Gate(let_inconclusive_through=True))
    operator.sagemaker.registers(verdict=verdict)
    operator.types(approve, "1", "--anyway")
    (update,) = operator.sagemaker.requests("update_model_package")
    assert "CustomerMetadataProperties" not in update


def test_a_version_approved_elsewhere_can_still_be_let_through_by_an_approval(operator: Operator) -> None:
    arn = operator.sagemaker.approved(verdict="")
    operator.types(approve, "1", "--anyway")
    assert packages.describe(operator.sagemaker, arn).is_overridden


def test_a_deployment_of_what_nobody_judged_is_refused_until_a_person_says_anyway(operator: Operator) -> None:
    arn = operator.sagemaker.approved(verdict="")
    with pytest.raises(
        UsageError, match="Version 1 is approved without a passing verdict: it was not judged"
    ) as caught:
        operator.types(deploy, "--no-wait")
    assert "sluice deploy --version 1 --anyway" in caught.value.hint and operator.sagemaker.started() == 0
    operator.types(deploy, "--version", "1", "--anyway", "--no-wait")
    assert packages.describe(operator.sagemaker, arn).is_overridden and operator.sagemaker.started() == 1
    operator.types(deploy, "--version", "1", "--no-wait")
    assert operator.sagemaker.started() == 2


def test_a_deployment_of_what_passed_records_no_word(operator: Operator) -> None:
    operator.sagemaker.approved()
    operator.types(deploy, "--anyway", "--no-wait")
    assert operator.sagemaker.started() == 1 and operator.sagemaker.requests("update_model_package") == []

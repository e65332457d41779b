"""A version beside the one that is live: compared by its report, by a replay, or not at all, and what follows."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_sagemaker import ARN, GROUP, FakeAws
from steps_example import settled

from sluice.evaluation.gate import Gate
from sluice.registry import packages
from sluice.steps.evaluate import evaluate
from sluice.steps.inputs import Evaluate

REPORT = "s3://sluice/reports/1/report.json"
AGAINST = Gate(0.0, against_champion=True, margin=0.1)
NEW = f"{ARN}:model-package/{GROUP}/2"


@pytest.fixture
def aws() -> FakeAws:
    """Version 1 is live and version 2 serves on an endpoint of its own, where it can be judged."""
    aws = FakeAws()
    old = aws.sagemaker.live("chat-v1")
    aws.sagemaker.packages[old]["CustomerMetadataProperties"] |= {"report": REPORT, "mlflow_run": "run-1"}
    aws.sagemaker.registers()
    aws.sagemaker.serves("chat-v2", NEW)
    return aws


@pytest.fixture
def inputs(tmp_path: Path) -> Evaluate:
    asks(tmp_path / "cases", 40)
    return Evaluate(
        model_package=NEW,
        report_uri="s3://sluice/reports/2",
        experiment="chat",
        execution=f"{ARN}:pipeline/chat-release/execution/abc",
        settings=settled(tmp_path / "settings", AGAINST),
        cases=str(tmp_path / "cases"),
        report=str(tmp_path / "report"),
        target="chat-v2",
        machine="ml.g5.xlarge",
    )


def asks(folder: Path, count: int) -> None:
    folder.mkdir(exist_ok=True)
    cases = [
        {"id": f"c{n}", "turns": [{"user": f"question {n}", "expect": {"contains": "echo"}}]} for n in range(count)
    ]
    (folder / "cases.yaml").write_text(json.dumps({"cases": cases}))


def report(inputs: Evaluate) -> dict[str, Any]:
    report_json: dict[str, Any] = json.loads((Path(inputs.report) / "report.json").read_text())
    return report_json


def was_judged_before(aws: FakeAws, inputs: Evaluate, **changes: str) -> None:
    """The champion's own report, made the way this one will be."""
    old = f"{ARN}:model-package/{GROUP}/1"
    evaluate(replace(inputs, model_package=old, target="chat-v1", **changes), aws)
    aws.s3.holds(REPORT, report(inputs))
    aws.sagemaker.packages[old]["CustomerMetadataProperties"]["report"] = REPORT
    aws.runtime.asked_on.clear()


def forgets(aws: FakeAws, endpoint: str, *numbers: int) -> None:
    """The model behind this endpoint no longer answers some questions."""
    answer_before = aws.runtime.says

    def answer(question: str) -> str:
        lost = question in {f"question {n}" for n in numbers}
        return "I do not know." if lost and aws.runtime.asked_on[-1] == endpoint else answer_before(question)

    aws.runtime.says = answer


def test_the_champions_stored_report_is_used_if_nothing_that_matters_has_changed(
    aws: FakeAws, inputs: Evaluate
) -> None:
    was_judged_before(aws, inputs)
    message = evaluate(inputs, aws)
    assert message.startswith("pass: 40 of 40 cases passed") and "Not worse than the champion" in message
    assert set(aws.runtime.asked_on) == {"chat-v2"}
    comparison = report(inputs)["comparison"]
    assert (comparison["replayed"], comparison["pairs"], comparison["champion"]["version"]) == (False, 40, "1")
    assert comparison["champion"]["mlflow_run"] == "run-1"


@pytest.mark.parametrize(
    "change",
    [
        lambda inputs, aws: asks(Path(inputs.cases), 41),
        lambda inputs, aws: settled(Path(inputs.settings), AGAINST, max_tokens=64),
        lambda inputs, aws: settled(Path(inputs.settings), AGAINST, repeats=2),
        lambda inputs, aws: aws.sagemaker.packages[NEW]["InferenceSpecification"]["Containers"][0].update(
            Environment={"OPTION_MAX_MODEL_LEN": "8192"}
        ),
        lambda inputs, aws: aws.s3.objects.clear(),
        lambda inputs, aws: aws.s3.holds(REPORT, {"schema_version": 1}),
    ],
    ids=["cases", "settings", "repeats", "environment", "report is gone", "report of another version"],
)
def test_else_the_champion_is_replayed_on_its_own_endpoint(aws: FakeAws, inputs: Evaluate, change: Any) -> None:
    was_judged_before(aws, inputs)
    change(inputs, aws)
    assert evaluate(inputs, aws).startswith("pass")
    assert aws.runtime.asked_on.count("chat-v1") == aws.runtime.asked_on.count("chat-v2") >= 40
    assert report(inputs)["comparison"]["replayed"] is True


def test_a_report_of_a_job_does_not_stand_for_an_endpoint(aws: FakeAws, inputs: Evaluate) -> None:
    was_judged_before(aws, inputs, machine="ml.g6.xlarge")
    evaluate(inputs, aws)
    assert "chat-v1" in aws.runtime.asked_on


def test_a_version_that_is_worse_by_more_than_the_margin_fails_with_the_cases_it_lost(
    aws: FakeAws, inputs: Evaluate
) -> None:
    was_judged_before(aws, inputs)
    forgets(aws, "chat-v2", *range(20))
    assert evaluate(inputs, aws).startswith("fail: Worse than the champion by more than 10 points")
    assert report(inputs)["comparison"]["lost"] == sorted(f"c{n}" for n in range(20))
    assert packages.describe(aws.sagemaker, NEW).approval == "Rejected"


def test_too_few_cases_are_inconclusive_and_a_person_decides(aws: FakeAws, inputs: Evaluate) -> None:
    was_judged_before(aws, inputs)
    forgets(aws, "chat-v2", 1, 2, 3)
    message = evaluate(inputs, aws)
    assert message.startswith("inconclusive: ") and "more cases would tell" in message
    package = packages.describe(aws.sagemaker, NEW)
    assert (package.verdict, package.approval) == ("inconclusive", "PendingManualApproval")


def test_a_version_that_fails_by_itself_puts_no_load_on_the_live_endpoint(aws: FakeAws, inputs: Evaluate) -> None:
    settled(Path(inputs.settings), replace(AGAINST, min_pass_rate=0.9))
    forgets(aws, "chat-v2", *range(20))
    assert evaluate(inputs, aws).startswith("fail: 20 of 40 cases passed (50 %)")
    assert "chat-v1" not in aws.runtime.asked_on and report(inputs)["comparison"] is None


def test_a_champion_that_cannot_be_asked_leaves_the_verdict_open(aws: FakeAws, inputs: Evaluate) -> None:
    del aws.sagemaker.endpoints["chat-v1"]
    assert evaluate(inputs, aws).startswith("inconclusive: The champion could not be replayed: Endpoint chat-v1 ")
    assert packages.describe(aws.sagemaker, NEW).approval == "PendingManualApproval"


def test_where_nothing_is_live_the_thresholds_alone_decide_and_the_report_says_so(
    aws: FakeAws, inputs: Evaluate
) -> None:
    packages.archive(aws.sagemaker, f"{ARN}:model-package/{GROUP}/1")
    assert evaluate(inputs, aws) == "pass: 40 of 40 cases passed (100 %), the gate wants 0 %."
    assert report(inputs)["warnings"] == [
        "No champion: nothing else is live, so the version was judged by thresholds alone."
    ]


def test_a_version_is_not_compared_with_itself(aws: FakeAws, inputs: Evaluate) -> None:
    evaluate(replace(inputs, model_package=f"{ARN}:model-package/{GROUP}/1", target="chat-v1"), aws)
    assert report(inputs)["comparison"] is None


def test_without_a_champion_in_the_file_nobody_looks_for_one(aws: FakeAws, inputs: Evaluate) -> None:
    settled(Path(inputs.settings), Gate(0.9))
    evaluate(inputs, aws)
    assert aws.sagemaker.count()["list_model_packages"] == 0 and report(inputs)["warnings"] == []

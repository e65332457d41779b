from datetime import UTC, datetime

import pytest
from fake_sagemaker import GROUP, IMAGE, FakeSageMaker, refusal
from hypothesis import given
from hypothesis import strategies as st

from registry import metadata, packages
from registry.packages import NothingApproved, NothingLive, UnknownPackage

NOW = datetime(2026, 11, 20, 13, tzinfo=UTC)


@pytest.fixture
def sagemaker() -> FakeSageMaker:
    return FakeSageMaker()


def test_a_version_is_registered_and_described(sagemaker: FakeSageMaker) -> None:
    arn = packages.register(
        sagemaker, GROUP, image=IMAGE, model_uri="s3://b/models/1", environment={"OPTION_MAX_MODEL_LEN": "4096"},
        properties={"model_id": "Qwen/Qwen3-4B-Instruct-2507"},
    )  # fmt: skip
    package = packages.describe(sagemaker, arn)
    assert (package.group, package.version, package.approval) == (GROUP, 1, "PendingManualApproval")
    assert (package.image, package.model_uri) == (IMAGE, "s3://b/models/1/")
    assert package.environment == {"OPTION_MAX_MODEL_LEN": "4096"}
    assert package.metadata == {"model_id": "Qwen/Qwen3-4B-Instruct-2507"}
    assert (package.stage, package.is_live, package.verdict, package.endpoint_name) == ("", False, "", "")


def test_the_live_version_is_found_by_one_list_and_one_description_among_250(sagemaker: FakeSageMaker) -> None:
    for _ in range(180):
        sagemaker.registers()
    live = sagemaker.live("chat-v181")
    for _ in range(69):
        sagemaker.registers()
    sagemaker.calls.clear()
    assert packages.live(sagemaker, GROUP).arn == live
    assert sagemaker.count() == {"list_model_packages": 1, "describe_model_package": 1}


def test_a_live_version_far_back_is_found_page_by_page(sagemaker: FakeSageMaker) -> None:
    live = sagemaker.live("chat-v1")
    for _ in range(249):
        sagemaker.registers()
    assert packages.live(sagemaker, GROUP).arn == live
    assert sagemaker.count() == {"list_model_packages": 3, "describe_model_package": 1}


def test_the_live_package_says_where_to_chat(sagemaker: FakeSageMaker) -> None:
    sagemaker.live("newer", since="2026-11-20T12:00:01.000+00:00")
    sagemaker.live("older", since="2026-11-20T12:00:00.000+00:00")
    assert packages.live(sagemaker, GROUP).endpoint_name == "newer"


def test_nothing_live_is_one_clear_error(sagemaker: FakeSageMaker) -> None:
    with pytest.raises(NothingLive, match=f"No version of '{GROUP}' is live"):
        packages.live(sagemaker, GROUP)
    sagemaker.registers()
    with pytest.raises(NothingLive) as caught:
        packages.live(sagemaker, GROUP)
    assert "sluice approve" in caught.value.hint


def test_a_version_set_live_by_hand_without_an_endpoint_is_told(sagemaker: FakeSageMaker) -> None:
    arn = sagemaker.approved()
    sagemaker.packages[arn]["ModelLifeCycle"] = packages.LIVE
    with pytest.raises(NothingLive, match="version 1 says Live, but names no endpoint"):
        packages.live(sagemaker, GROUP)


def test_versions_come_newest_first_over_all_pages(sagemaker: FakeSageMaker) -> None:
    for _ in range(205):
        sagemaker.registers()
    assert [package.version for package in packages.versions(sagemaker, GROUP)] == list(range(205, 0, -1))
    assert list(packages.versions(sagemaker, "no-such-group")) == []


def test_a_version_is_found_by_its_number(sagemaker: FakeSageMaker) -> None:
    for _ in range(120):
        sagemaker.registers()
    sagemaker.calls.clear()
    assert packages.find(sagemaker, GROUP, 3).version == 3
    assert sagemaker.count() == {"list_model_packages": 1, "describe_model_package": 1}
    with pytest.raises(UnknownPackage, match="no version 121; the newest is 120"):
        packages.find(sagemaker, GROUP, 121)
    with pytest.raises(UnknownPackage, match="has no versions yet"):
        packages.find(sagemaker, "empty", 1)


def test_the_newest_approved_version_skips_what_was_replaced_or_not_let_through(sagemaker: FakeSageMaker) -> None:
    with pytest.raises(NothingApproved):
        packages.newest_approved(sagemaker, GROUP)
    wanted = sagemaker.approved()
    archived = sagemaker.approved()
    packages.archive(sagemaker, archived)
    packages.reject(sagemaker, sagemaker.registers(), "no")
    sagemaker.registers()
    assert packages.newest_approved(sagemaker, GROUP).arn == wanted


MLFLOW = {"tracking_uri": "sqlite:///mlflow.db", "experiment": "chat", "run_id": "run1"}


def test_approving_and_rejecting_keep_the_verdict(sagemaker: FakeSageMaker) -> None:
    arn = sagemaker.registers(model_id="m")
    packages.record_verdict(sagemaker, arn, "pass", "9 of 10 cases passed (90 %)", "s3://b/report.json", MLFLOW)
    packages.approve(sagemaker, arn, "looks\ngood")
    package = packages.describe(sagemaker, arn)
    assert (package.approval, package.why) == ("Approved", "looks good")
    assert (package.verdict, package.report, package.mlflow_run) == ("pass", "s3://b/report.json", "run1")
    assert package.metadata["mlflow_experiment"] == "chat"
    assert package.verdict_why == "9 of 10 cases passed 90 percent"
    packages.reject(sagemaker, arn, "drift " * 500)
    package = packages.describe(sagemaker, arn)
    assert (package.approval, len(package.why), package.metadata["model_id"]) == ("Rejected", 1024, "m")


def test_live_moves_by_one_write(sagemaker: FakeSageMaker) -> None:
    arn = sagemaker.approved(verdict="pass")
    sagemaker.calls.clear()
    packages.move_live(sagemaker, arn, "chat-v1", NOW)
    assert [name for name, _ in sagemaker.calls] == ["update_model_package"]
    package = packages.live(sagemaker, GROUP)
    assert (package.endpoint_name, package.live_since) == ("chat-v1", "2026-11-20T13:00:00.000+00:00")
    assert (package.verdict, package.approval) == ("pass", "Approved")
    packages.archive(sagemaker, arn)
    assert packages.describe(sagemaker, arn).is_archived


def test_an_error_that_means_something_else_is_not_taken_for_nothing_there(sagemaker: FakeSageMaker) -> None:
    denied = refusal("ListModelPackages", "not authorized to perform: sagemaker:ListModelPackages", "AccessDenied")
    sagemaker.refuses("list_model_packages", denied)
    with pytest.raises(type(denied)):
        packages.live(sagemaker, GROUP)


def test_metadata_is_spelt_as_the_service_takes_it() -> None:
    assert metadata.clean({"why": "17 of 18 (94.4 %), not '90 %'\nfailed: 연차", "none": None, "empty": "?!"}) == {
        "why": "17 of 18 94.4 percent - not 90 percent failed: 연차"
    }


@given(st.text())
def test_no_text_can_make_metadata_that_is_refused(text: str) -> None:
    value = metadata.text(text)
    assert len(value) <= 256
    assert all(mark.isalnum() or mark in "_.:/=+-@ " for mark in value)
    assert metadata.text(value) == value or len(value) == 256

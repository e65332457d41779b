from datetime import UTC, datetime, timedelta, timezone

import pytest
from fake_sagemaker import ARN, GROUP, IMAGE, FakeSageMaker, refusal
from hypothesis import given
from hypothesis import strategies as st

from sluice.registry import metadata, packages
from sluice.registry.packages import NothingApproved, NothingLive, UnknownPackage

NOW = datetime(2026, 11, 20, 13, tzinfo=UTC)


@pytest.fixture
def sagemaker() -> FakeSageMaker:
    return FakeSageMaker()


def test_a_version_that_the_pipeline_registered_is_described(sagemaker: FakeSageMaker) -> None:
    arn = sagemaker.registers(model_id="Qwen/Qwen3-4B-Instruct-2507")
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
    assert packages.find_live(sagemaker, GROUP).arn == live
    assert sagemaker.count() == {"list_model_packages": 1, "describe_model_package": 1}


def test_a_live_version_far_back_is_found_page_by_page(sagemaker: FakeSageMaker) -> None:
    live = sagemaker.live("chat-v1")
    for _ in range(249):
        sagemaker.registers()
    assert packages.find_live(sagemaker, GROUP).arn == live
    assert sagemaker.count() == {"list_model_packages": 3, "describe_model_package": 1}


def test_the_live_package_says_where_to_chat(sagemaker: FakeSageMaker) -> None:
    sagemaker.live("newer", since="2026-11-20T12:00:01.000+00:00")
    sagemaker.live("older", since="2026-11-20T12:00:00.000+00:00")
    assert packages.find_live(sagemaker, GROUP).endpoint_name == "newer"


def test_of_two_that_went_live_at_the_same_time_the_newer_version_is_live(sagemaker: FakeSageMaker) -> None:
    older = sagemaker.live("older")
    sagemaker.live("newer")
    live = packages.find_live(sagemaker, GROUP)
    assert live.endpoint_name == "newer"
    assert [package.arn for package in packages.list_replaced(sagemaker, live)] == [older]


def test_live_since_is_compared_as_a_moment_and_not_as_a_wall_clock(sagemaker: FakeSageMaker) -> None:
    first, second = sagemaker.live("a"), sagemaker.live("b")
    seoul = timezone(timedelta(hours=9))
    packages.move_live(sagemaker, first, "earlier", datetime(2026, 11, 20, 21, 59, tzinfo=seoul))
    packages.move_live(sagemaker, second, "later", datetime(2026, 11, 20, 13, 0, tzinfo=UTC))
    assert packages.find_live(sagemaker, GROUP).endpoint_name == "later"
    assert packages.describe(sagemaker, first).live_since == "2026-11-20T12:59:00.000+00:00"


@pytest.mark.parametrize("stage", ["Staging", ""])
def test_only_what_is_live_in_production_is_live(sagemaker: FakeSageMaker, stage: str) -> None:
    arn = sagemaker.live("chat-v1")
    sagemaker.packages[arn]["ModelLifeCycle"] = {"Stage": stage, "StageStatus": "Live"}
    assert not packages.describe(sagemaker, arn).is_live
    with pytest.raises(NothingLive):
        packages.find_live(sagemaker, GROUP)


def test_what_was_live_before_is_found_until_it_is_archived(sagemaker: FakeSageMaker) -> None:
    earlier = sagemaker.live("chat-v1", since="2026-11-20T11:00:00.000+00:00")
    sagemaker.live("chat-v2", since="2026-11-20T12:00:00.000+00:00")
    sagemaker.live("chat-v3", since="2026-11-20T13:00:00.000+00:00")
    second = packages.find(sagemaker, GROUP, 2)
    assert [package.arn for package in packages.list_replaced(sagemaker, second)] == [earlier]
    packages.archive(sagemaker, earlier)
    assert packages.list_replaced(sagemaker, second) == []


def test_nothing_live_is_one_clear_error(sagemaker: FakeSageMaker) -> None:
    with pytest.raises(NothingLive, match=f"No version of '{GROUP}' is live"):
        packages.find_live(sagemaker, GROUP)
    sagemaker.registers()
    with pytest.raises(NothingLive) as caught:
        packages.find_live(sagemaker, GROUP)
    assert "sluice approve" in caught.value.hint


def test_a_version_set_live_by_hand_without_an_endpoint_is_told(sagemaker: FakeSageMaker) -> None:
    arn = sagemaker.approved()
    sagemaker.packages[arn]["ModelLifeCycle"] = packages.LIVE
    with pytest.raises(NothingLive, match="version 1 says Live, but names no endpoint"):
        packages.find_live(sagemaker, GROUP)


def test_versions_come_newest_first_over_all_pages(sagemaker: FakeSageMaker) -> None:
    for _ in range(205):
        sagemaker.registers()
    assert [package.version for package in packages.list_versions(sagemaker, GROUP)] == list(range(205, 0, -1))
    assert list(packages.list_versions(sagemaker, "no-such-group")) == []


def test_a_version_is_found_by_its_number(sagemaker: FakeSageMaker) -> None:
    for _ in range(120):
        sagemaker.registers()
    sagemaker.calls.clear()
    assert packages.find(sagemaker, GROUP, 3).version == 3
    assert sagemaker.count() == {"list_model_packages": 1, "describe_model_package": 1}
    (request,) = sagemaker.requests("list_model_packages")
    assert request["MaxResults"] == 1
    with pytest.raises(UnknownPackage, match="no version 121; the newest is 120"):
        packages.find(sagemaker, GROUP, 121)
    with pytest.raises(UnknownPackage, match="has no versions yet"):
        packages.find(sagemaker, "empty", 1)


def test_the_newest_approved_version_skips_what_was_replaced_or_not_let_through(sagemaker: FakeSageMaker) -> None:
    with pytest.raises(NothingApproved):
        packages.newest_approved(sagemaker, GROUP)
    approved = sagemaker.approved()
    archived = sagemaker.approved()
    packages.archive(sagemaker, archived)
    packages.reject(sagemaker, sagemaker.registers(), "no")
    sagemaker.registers()
    assert packages.newest_approved(sagemaker, GROUP).arn == approved


def test_the_newest_approved_version_is_not_one_that_a_rollback_has_replaced(sagemaker: FakeSageMaker) -> None:
    champion = sagemaker.live("chat-v1", since="2026-11-20T13:00:00.000+00:00")
    sagemaker.live("chat-v2", since="2026-11-20T12:00:00.000+00:00")
    assert packages.newest_approved(sagemaker, GROUP).arn == champion


def test_a_persons_word_is_written_with_the_approval_and_names_the_verdict(sagemaker: FakeSageMaker) -> None:
    arn = sagemaker.registers(verdict="fail", verdict_why="2 of 9 cases passed.")
    assert packages.describe(sagemaker, arn).judgement == "its verdict is fail: 2 of 9 cases passed"
    sagemaker.calls.clear()
    packages.approve(sagemaker, arn, "known to be wrong", overridden="fail")
    assert sagemaker.requests("update_model_package") == [
        {
            "ModelPackageArn": arn,
            "ModelApprovalStatus": "Approved",
            "ApprovalDescription": "known to be wrong",
            "CustomerMetadataProperties": {"approved_anyway": "fail"},
        }
    ]
    assert packages.describe(sagemaker, arn).is_overridden
    packages.reject(sagemaker, arn, "after all")
    assert not packages.describe(sagemaker, arn).is_overridden


def test_an_approval_without_such_a_word_overrides_nothing(sagemaker: FakeSageMaker) -> None:
    arn = sagemaker.registers()
    packages.approve(sagemaker, arn, "fine")
    package = packages.describe(sagemaker, arn)
    assert (package.is_overridden, package.judgement) == (False, "it was not judged")
    packages.override_verdict(sagemaker, package)
    assert packages.describe(sagemaker, arn).is_overridden


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
    assert (package.approval, len(package.why), package.metadata["model_id"]) == ("Rejected", 1023, "m")


def test_live_moves_by_one_write(sagemaker: FakeSageMaker) -> None:
    arn = sagemaker.approved(verdict="pass")
    sagemaker.calls.clear()
    packages.move_live(sagemaker, arn, "chat-v1", NOW)
    assert [name for name, _ in sagemaker.calls] == ["update_model_package"]
    package = packages.find_live(sagemaker, GROUP)
    assert (package.endpoint_name, package.live_since) == ("chat-v1", "2026-11-20T13:00:00.000+00:00")
    assert (package.verdict, package.approval) == ("pass", "Approved")
    packages.archive(sagemaker, arn)
    assert packages.describe(sagemaker, arn).is_archived


def test_an_error_that_means_something_else_is_not_taken_for_nothing_there(sagemaker: FakeSageMaker) -> None:
    denied = refusal("ListModelPackages", "not authorized to perform: sagemaker:ListModelPackages", "AccessDenied")
    sagemaker.refuses("list_model_packages", denied)
    with pytest.raises(type(denied)):
        packages.find_live(sagemaker, GROUP)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ValidationException", "ModelPackageGroup chat does not exist."),
        ("ValidationException", "Model package not found."),
        ("ValidationException", 'Could not find model package "chat/1".'),
        ("ValidationException", "Cannot find model package chat/1"),
        ("ResourceNotFound", "No such thing."),
        ("ResourceNotFoundException", "No such thing."),
    ],
)
def test_every_way_in_which_the_service_says_that_there_is_no_such_thing(
    sagemaker: FakeSageMaker, code: str, message: str
) -> None:
    sagemaker.refuses("describe_model_package", refusal("DescribeModelPackage", message, code))
    with pytest.raises(UnknownPackage):
        packages.describe(sagemaker, f"{ARN}:model-package/{GROUP}/1")


def test_metadata_is_spelt_as_the_service_takes_it() -> None:
    assert metadata.clean({"why": "17 of 18 (94.4 %), not '90 %'\nfailed: 연차", "none": None, "empty": "?!"}) == {
        "why": "17 of 18 94.4 percent - not 90 percent failed: 연차"
    }


@given(st.text())
def test_no_text_can_make_metadata_that_is_refused(text: str) -> None:
    value = metadata.clean_text(text)
    assert len(value) <= 256
    assert all(mark.isalnum() or mark in "_.:/=+-@ " for mark in value)
    assert metadata.clean_text(value) == value or len(value) == 256

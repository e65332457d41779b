import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fake_sagemaker import GROUP, ROLE, FakeAws, FakeClock, refusal
from steps_example import settled
from stub_rag import stub_rag

from sluice.errors import UsageError
from sluice.evaluation.gate import Gate, Thresholds
from sluice.evaluation.settings import RagSettings
from sluice.registry import packages
from sluice.registry.packages import NothingApproved
from sluice.steps.deploy import LeftBehind, NotApproved, NotGoodEnough, deploy
from sluice.steps.hosting import EndpointFailed, NameTaken, append_suffix
from sluice.steps.inputs import Deploy
from sluice.steps.job import Stopped
from sluice.steps.run_context import OtherEndpoint

EXECUTION = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/chat-deploy/execution/abc123"
NOTHING: tuple[list[str], list[str], list[str]] = ([], [], [])


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def inputs(tmp_path: Path) -> Deploy:
    cases = tmp_path / "cases.yaml"
    cases.write_text("cases: [{id: hello, turns: [{user: hi, expect: {contains: echo}}]}]")
    return Deploy(
        group=GROUP,
        endpoint="chat",
        instance_type="ml.g5.xlarge",
        role_arn=ROLE,
        execution=EXECUTION,
        settings=settled(tmp_path),
        cases=str(cases),
        report=str(tmp_path / "report"),
        drain_seconds=60,
    )


def test_the_newest_approved_version_goes_live_on_an_endpoint_of_its_own(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    aws.sagemaker.approved()
    arn = aws.sagemaker.approved()
    assert deploy(inputs, aws, clock) == f"Version 2 of {GROUP} is live on endpoint chat-v2."
    live = packages.find_live(aws.sagemaker, GROUP)
    assert (live.arn, live.endpoint_name) == (arn, "chat-v2")
    endpoints, (config,), (model,) = aws.sagemaker.everything_hosted()
    assert endpoints == ["chat-v2"] and config == model and config.startswith("chat-v2-")
    assert aws.sagemaker.models[model]["Containers"] == [{"ModelPackageName": arn}]
    assert aws.runtime.asked_on == ["chat-v2"]
    report = json.loads((Path(inputs.report) / "report.json").read_text())
    assert (report["verdict"], report["subject"]["endpoint"]) == ("pass", "chat-v2")
    assert report["warnings"] == [] and (Path(inputs.report) / "report.html").is_file()


def test_what_the_file_says_reaches_the_endpoint(aws: FakeAws, inputs: Deploy, clock: FakeClock) -> None:
    aws.sagemaker.approved()
    changed = replace(
        inputs, instance_count=2, startup_seconds=600, download_seconds=700, kms_key="key-1",
        subnets="subnet-1,subnet-2", security_groups="sg-1", tags="team=chat,stage=prod",
    )  # fmt: skip
    deploy(changed, aws, clock)
    (model,), (config,) = aws.sagemaker.models.values(), aws.sagemaker.configs.values()
    tags = [{"Key": "team", "Value": "chat"}, {"Key": "stage", "Value": "prod"}]
    assert model["VpcConfig"] == {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]}
    assert model["ExecutionRoleArn"] == ROLE
    assert (config["KmsKeyId"], config["Tags"], model["Tags"]) == ("key-1", tags, tags)
    assert config["ProductionVariants"] == [
        {
            "VariantName": "AllTraffic",
            "ModelName": model["ModelName"],
            "InstanceType": "ml.g5.xlarge",
            "InitialInstanceCount": 2,
            "ModelDataDownloadTimeoutInSeconds": 700,
            "ContainerStartupHealthCheckTimeoutInSeconds": 600,
        }
    ]


def test_the_old_version_is_drained_loses_its_endpoint_and_is_archived_in_that_order(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    old = aws.sagemaker.live("chat-v1")
    aws.sagemaker.approved()
    aws.sagemaker.calls.clear()
    deploy(inputs, aws, clock)
    assert aws.sagemaker.stage(old) == "Archived"
    assert aws.sagemaker.everything_hosted()[0] == ["chat-v2"]
    assert [name for name in aws.sagemaker.models if "v1" in name] == []
    assert 60 in clock.waits
    changes = [name for name, _ in aws.sagemaker.calls if name.split("_")[0] in {"create", "update", "delete"}]
    assert changes == [
        "create_model", "create_endpoint_config", "create_endpoint", "update_model_package",
        "delete_endpoint", "delete_endpoint_config", "delete_model", "update_model_package",
    ]  # fmt: skip


def test_a_version_that_is_live_already_is_left_alone(aws: FakeAws, inputs: Deploy, clock: FakeClock) -> None:
    aws.sagemaker.live("chat-v1")
    aws.sagemaker.calls.clear()
    assert deploy(inputs, aws, clock) == "Version 1 is already live on endpoint chat-v1; nothing to do."
    assert not any(name.startswith(("create", "update", "delete")) for name in aws.sagemaker.count())


def test_a_live_version_whose_endpoint_is_gone_gets_a_new_one(aws: FakeAws, inputs: Deploy, clock: FakeClock) -> None:
    arn = aws.sagemaker.live("chat-v1")
    aws.sagemaker.endpoints.clear()
    deploy(inputs, aws, clock)
    assert packages.find_live(aws.sagemaker, GROUP).arn == arn
    assert list(aws.sagemaker.endpoints) == ["chat-v1"]


@pytest.mark.parametrize("reason", ["approval", "schedule"])
def test_a_replaced_version_comes_back_only_on_purpose(
    aws: FakeAws, inputs: Deploy, clock: FakeClock, reason: str
) -> None:
    first = aws.sagemaker.live("chat-v1")
    aws.sagemaker.approved()
    deploy(inputs, aws, clock)
    by_event = replace(inputs, model_package=first, reason=reason)
    assert "was live before and was replaced; nothing to do" in deploy(by_event, aws, clock)
    deploy(replace(by_event, reason="rollback"), aws, clock)
    live = packages.find_live(aws.sagemaker, GROUP)
    assert (live.arn, live.endpoint_name) == (first, "chat-v1")
    assert list(aws.sagemaker.endpoints) == ["chat-v1"]


def test_nothing_approved_is_one_clear_error(aws: FakeAws, inputs: Deploy, clock: FakeClock) -> None:
    aws.sagemaker.registers()
    with pytest.raises(NothingApproved, match=r"No version of .* is approved"):
        deploy(inputs, aws, clock)


def test_the_automatic_policy_approves_what_has_passed_and_nothing_else(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    passed, failed, rejected = (aws.sagemaker.registers(verdict=verdict) for verdict in ("pass", "fail", "pass"))
    packages.reject(aws.sagemaker, rejected, "a person said no")
    automatic = replace(inputs, approve="yes", reason="release")
    with pytest.raises(NotApproved, match=r"has no passing verdict \(fail\)"):
        deploy(replace(automatic, model_package=failed), aws, clock)
    with pytest.raises(NotApproved, match="is Rejected, not Approved"):
        deploy(replace(automatic, model_package=rejected), aws, clock)
    deploy(replace(automatic, model_package=passed), aws, clock)
    assert packages.describe(aws.sagemaker, passed).approval == "Approved"
    assert packages.find_live(aws.sagemaker, GROUP).arn == passed


def test_a_version_that_waits_for_approval_is_not_deployed(aws: FakeAws, inputs: Deploy, clock: FakeClock) -> None:
    arn = aws.sagemaker.registers(verdict="pass")
    with pytest.raises(NotApproved, match="is PendingManualApproval, not Approved"):
        deploy(replace(inputs, model_package=arn), aws, clock)
    with pytest.raises(UsageError, match="is a version of"):
        deploy(replace(inputs, model_package=arn, group="other"), aws, clock)
    assert aws.sagemaker.everything_hosted() == NOTHING


@pytest.mark.parametrize(
    ("verdict", "why"),
    [("", "it was not judged"), ("fail", "its verdict is fail: 2 of 9"), ("error", "its verdict is error: 2 of 9")],
)
def test_a_version_approved_where_nobody_looks_at_the_verdict_is_deployed_only_on_a_persons_word(
    aws: FakeAws, inputs: Deploy, clock: FakeClock, verdict: str, why: str
) -> None:
    arn = aws.sagemaker.registers(verdict=verdict, verdict_why="2 of 9.")
    aws.sagemaker.approves(arn)
    named = replace(inputs, model_package=arn, reason="approval")
    with pytest.raises(NotApproved, match=f"is approved without a passing verdict: {why}\\.$") as caught:
        deploy(named, aws, clock)
    assert "`sluice deploy --version 1 --anyway`" in caught.value.hint
    assert aws.sagemaker.everything_hosted() == NOTHING
    packages.override_verdict(aws.sagemaker, packages.describe(aws.sagemaker, arn))
    deploy(named, aws, clock)
    assert packages.find_live(aws.sagemaker, GROUP).arn == arn


def test_a_persons_word_holds_for_the_verdict_that_it_was_given_on_and_until_a_rejection(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    arn = aws.sagemaker.registers()
    packages.approve(aws.sagemaker, arn, "in a hurry", overridden="")
    packages.record_verdict(aws.sagemaker, arn, "inconclusive", "too few cases", "s3://b/report.json")
    with pytest.raises(NotApproved, match="its verdict is inconclusive: too few cases"):
        deploy(inputs, aws, clock)
    packages.approve(aws.sagemaker, arn, "few, but good", overridden="inconclusive")
    packages.reject(aws.sagemaker, arn, "no")
    aws.sagemaker.approves(arn)
    with pytest.raises(NotApproved, match="its verdict is inconclusive"):
        deploy(inputs, aws, clock)
    packages.approve(aws.sagemaker, arn, "few, but good", overridden="inconclusive")
    deploy(inputs, aws, clock)


def test_a_version_without_a_verdict_does_not_keep_the_others_from_being_served(
    aws: FakeAws, inputs: Deploy, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    package = aws.sagemaker.live("chat-v1")
    aws.sagemaker.approved(verdict="")
    aws.sagemaker.endpoints.clear()
    deploy(inputs, aws, clock)
    assert packages.find_live(aws.sagemaker, GROUP).arn == package
    assert "Passed over: Version 2 of qwen3-4b-chat is approved without a passing verdict" in capsys.readouterr().out


def test_a_live_version_gets_its_endpoint_back_even_if_it_never_had_a_verdict(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    arn = aws.sagemaker.live("chat-v1")
    del aws.sagemaker.packages[arn]["CustomerMetadataProperties"]["verdict"]
    aws.sagemaker.endpoints.clear()
    deploy(inputs, aws, clock)
    assert list(aws.sagemaker.endpoints) == ["chat-v1"]


def test_an_inconclusive_version_goes_live_only_if_the_file_says_so(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    arn = aws.sagemaker.registers(verdict="inconclusive", verdict_why="about 40 more cases would tell")
    automatic = replace(inputs, approve="yes", reason="release", model_package=arn)
    with pytest.raises(NotApproved, match=r"has no passing verdict \(inconclusive\)"):
        deploy(automatic, aws, clock)
    settled(Path(inputs.settings), Gate(let_inconclusive_through=True))
    deploy(automatic, aws, clock)
    package = packages.find_live(aws.sagemaker, GROUP)
    assert package.arn == arn
    assert package.why == "Inconclusive, which the file lets through: about 40 more cases would tell"


def test_thresholds_hold_on_the_endpoint_as_well(aws: FakeAws, inputs: Deploy, clock: FakeClock) -> None:
    aws.sagemaker.approved()
    settled(Path(inputs.settings), Gate(overall=Thresholds(min_tokens_per_second=1e9)))
    with pytest.raises(NotGoodEnough, match=r"Tokens per second: [\d.]+, but at least 1e\+09 is wanted"):
        deploy(inputs, aws, clock)


def test_the_champion_is_not_compared_once_more_unless_the_file_says_so(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    aws.sagemaker.live("chat-v1")
    for again, endpoints in ((False, ["chat-v2"]), (True, ["chat-v3", "chat-v2"])):
        aws.sagemaker.approved()
        settled(Path(inputs.settings), Gate(against_champion=True, margin=0.99), champion_at_deploy=again)
        deploy(inputs, aws, clock)
        assert aws.runtime.asked_on == endpoints
        aws.runtime.asked_on.clear()
    report = json.loads((Path(inputs.report) / "report.json").read_text())
    assert report["comparison"]["champion"]["version"] == "2"


def test_a_version_that_is_worse_than_the_champion_on_its_endpoint_does_not_go_live(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    old = aws.sagemaker.live("chat-v1")
    aws.sagemaker.approved()
    cases = [{"id": f"c{n}", "turns": [{"user": f"question {n}", "expect": {"contains": "echo"}}]} for n in range(40)]
    Path(inputs.cases).write_text(json.dumps({"cases": cases}))
    aws.runtime.says = lambda question: (
        "I do not know." if aws.runtime.asked_on[-1] == "chat-v2" and question[-1] in "02468" else f"echo: {question}"
    )
    gate = Gate(min_pass_rate=0.0, against_champion=True, margin=0.1)
    settled(Path(inputs.settings), gate, champion_at_deploy=True, concurrency=1)
    with pytest.raises(NotGoodEnough, match="Worse than the champion by more than 10 points"):
        deploy(inputs, aws, clock)
    assert packages.find_live(aws.sagemaker, GROUP).arn == old
    assert list(aws.sagemaker.endpoints) == ["chat-v1"]


def test_cases_through_a_rag_server_that_asks_another_endpoint_stop_the_deploy(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    old = aws.sagemaker.live("chat-v1")
    aws.sagemaker.approved()
    case = "{id: hello, through: rag, turns: [{user: hi, expect: {contains: echo}}]}"
    Path(inputs.cases).write_text(f"cases: [{case}]")
    with stub_rag() as rag:
        rag.asks("chat-v1")
        settled(Path(inputs.settings), rag=RagSettings(rag.url))
        with pytest.raises(OtherEndpoint, match=r"asks chat-v1, and chat-v2 is judged"):
            deploy(inputs, aws, clock)
    assert packages.find_live(aws.sagemaker, GROUP).arn == old
    assert list(aws.sagemaker.endpoints) == ["chat-v1"]


def test_every_case_that_cannot_be_judged_stops_the_step_before_anything_is_made(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    aws.sagemaker.approved()
    for case, reason in (
        ("turns: [{user: hi, expect: {judge: is polite}}]", "1 cases need a judge model, and none was named: hello"),
        ("turns: [{user: hi, expect: {similar: {to: x, by: embedding}}}]", "need embeddings"),
        ("through: rag, turns: [{user: hi, expect: {contains: x}}]", "1 cases go through the RAG server.*: hello"),
        ("reviewed: false, turns: [{user: hi, expect: {contains: x}}]", "unreviewed and cannot gate: hello"),
    ):
        Path(inputs.cases).write_text(f"cases: [{{id: hello, {case}}}]")
        with pytest.raises(UsageError, match=reason):
            deploy(inputs, aws, clock)
    assert aws.sagemaker.everything_hosted() == NOTHING


# what fails before the move changes nothing


def endpoint_fails(aws: FakeAws) -> None:
    aws.sagemaker.endpoints_fail("CannotStartContainerError. Please check the logs")


def replay_fails(aws: FakeAws) -> None:
    aws.runtime.answers("wrong")


def move_is_refused(aws: FakeAws) -> None:
    aws.sagemaker.refuses("update_model_package", refusal("UpdateModelPackage", "denied", "AccessDeniedException"))


def config_is_refused(aws: FakeAws) -> None:
    aws.sagemaker.refuses("create_endpoint_config", refusal("CreateEndpointConfig", "Invalid combination"))


def quota_is_used_up(aws: FakeAws) -> None:
    aws.sagemaker.refuses("create_endpoint", refusal("CreateEndpoint", "quota", "ResourceLimitExceeded"))


def job_is_stopped(aws: FakeAws) -> None:
    def stop(_: str) -> str:
        raise Stopped

    aws.runtime.says = stop


@pytest.mark.parametrize(
    ("goes_wrong", "reason"),
    [
        (endpoint_fails, "Endpoint chat-v2 is Failed: CannotStartContainerError"),
        (replay_fails, "Version 2 did not pass on endpoint chat-v2: 0 of 1 cases passed"),
        (move_is_refused, "denied"),
        (config_is_refused, "Invalid combination"),
        (quota_is_used_up, "quota"),
        (job_is_stopped, None),
    ],
)
def test_a_failure_before_the_move_takes_back_what_was_made_and_changes_nothing(
    aws: FakeAws, inputs: Deploy, clock: FakeClock, goes_wrong: Callable[[FakeAws], None], reason: str | None
) -> None:
    old = aws.sagemaker.live("chat-v1")
    aws.sagemaker.approved()
    before = aws.sagemaker.everything_hosted()
    goes_wrong(aws)
    with pytest.raises(BaseException, match=reason) as caught:
        deploy(inputs, aws, clock)
    assert not isinstance(caught.value, AssertionError)
    assert aws.sagemaker.everything_hosted() == before
    live = packages.find_live(aws.sagemaker, GROUP)
    assert (live.arn, live.endpoint_name) == (old, "chat-v1")
    removals = [name for name, _ in aws.sagemaker.calls if name.startswith("delete")]
    assert removals[-2:] == ["delete_endpoint_config", "delete_model"]


def test_the_reasons_of_a_failed_replay_are_told(aws: FakeAws, inputs: Deploy, clock: FakeClock) -> None:
    aws.sagemaker.approved()
    replay_fails(aws)
    with pytest.raises(NotGoodEnough) as caught:
        deploy(inputs, aws, clock)
    assert caught.value.hint == "hello, turn 1: looked for 'echo', the answer says 'wrong'"
    assert json.loads((Path(inputs.report) / "report.json").read_text())["verdict"] == "fail"


def test_an_endpoint_that_never_settles_is_given_up_and_what_is_left_is_named(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    aws.sagemaker.approved()
    aws.sagemaker.endpoints_never_settle()
    with pytest.raises(LeftBehind, match=r"still Creating after 3600 s.*delete-endpoint --endpoint-name chat-v1"):
        deploy(inputs, aws, clock)
    waits = clock.waits
    assert waits[0] == 0.2 and max(waits) == 15.0 and len(waits) < 400


def test_when_the_registry_is_lost_nothing_is_deleted_blindly(aws: FakeAws, inputs: Deploy, clock: FakeClock) -> None:
    aws.sagemaker.approved()

    def registry_is_lost(_: str) -> str:
        aws.sagemaker.refuses("describe_model_package", refusal("DescribeModelPackage", "unreachable", "Throttling"))
        return "wrong"

    aws.runtime.says = registry_is_lost
    with pytest.raises(LeftBehind, match="endpoint chat-v1 may still be there and cost money"):
        deploy(inputs, aws, clock)
    assert list(aws.sagemaker.endpoints) == ["chat-v1"]


def test_a_report_that_cannot_be_written_keeps_the_old_version_live(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    aws.sagemaker.live("chat-v1")
    aws.sagemaker.approved()
    Path(inputs.report).write_text("in the way")
    with pytest.raises(Exception, match=r"cannot be written to .*report.json"):
        deploy(inputs, aws, clock)
    assert list(aws.sagemaker.endpoints) == ["chat-v1"]


def test_broken_cases_are_told_before_anything_is_made(aws: FakeAws, inputs: Deploy, clock: FakeClock) -> None:
    aws.sagemaker.approved()
    Path(inputs.cases).write_text("")
    with pytest.raises(UsageError, match="is empty"):
        deploy(inputs, aws, clock)
    assert not any(name.startswith("create") for name in aws.sagemaker.count())


def test_a_version_rejected_while_it_is_deployed_does_not_go_live(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    old = aws.sagemaker.live("chat-v1")
    new = aws.sagemaker.approved()

    def person_says_no(question: str) -> str:
        packages.reject(aws.sagemaker, new, "it insults people")
        return f"echo: {question}"

    aws.runtime.says = person_says_no
    with pytest.raises(NotApproved, match=r"Version 2 of .* is Rejected, not Approved"):
        deploy(inputs, aws, clock)
    assert packages.find_live(aws.sagemaker, GROUP).arn == old
    assert aws.sagemaker.everything_hosted()[0] == ["chat-v1"]


def test_a_live_version_whose_new_endpoint_fails_the_replay_leaves_nothing_behind(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    """It says Live on an endpoint of this very name, and has for long: that is no reason to keep this one."""
    aws.sagemaker.live("chat-v1")
    aws.sagemaker.endpoints.clear()
    replay_fails(aws)
    with pytest.raises(NotGoodEnough):
        deploy(inputs, aws, clock)
    assert list(aws.sagemaker.endpoints) == []


def test_an_endpoint_is_taken_back_where_another_run_has_put_the_version_live_elsewhere(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    arn = aws.sagemaker.approved()

    def other_run_moved_live(_: str) -> str:
        packages.move_live(aws.sagemaker, arn, "elsewhere", clock.now())
        return "wrong"

    aws.runtime.says = other_run_moved_live
    with pytest.raises(NotGoodEnough):
        deploy(inputs, aws, clock)
    assert list(aws.sagemaker.endpoints) == []


# what AWS does now and then


IN_PROGRESS = refusal("DeleteEndpoint", 'Cannot update in-progress endpoint "arn:aws:sagemaker:x:1:endpoint/chat-v1".')
THROTTLED = refusal("DeleteEndpoint", "Rate exceeded", "ThrottlingException")
DENIED = refusal("DeleteEndpoint", "not authorized to perform: sagemaker:DeleteEndpoint", "AccessDeniedException")


@pytest.mark.parametrize("error", [IN_PROGRESS, THROTTLED], ids=["in progress", "throttled"])
def test_a_deletion_that_is_refused_for_the_moment_is_asked_for_again(
    aws: FakeAws, inputs: Deploy, clock: FakeClock, error: Exception
) -> None:
    old = aws.sagemaker.live("chat-v1")
    aws.sagemaker.approved()
    aws.sagemaker.refuses("delete_endpoint", error, times=3)
    deploy(inputs, aws, clock)
    assert aws.sagemaker.stage(old) == "Archived"
    assert [len(resources) for resources in aws.sagemaker.everything_hosted()] == [1, 1, 1]


@pytest.mark.parametrize("status", ["Updating", "SystemUpdating", "RollingBack", "Deleting"])
def test_an_endpoint_with_which_something_is_under_way_is_waited_for_before_it_is_deleted(
    aws: FakeAws, inputs: Deploy, clock: FakeClock, status: str
) -> None:
    old = aws.sagemaker.live("chat-v1")
    aws.sagemaker.approved()
    slept = clock.sleep

    def sleep(seconds: float) -> None:
        slept(seconds)
        if seconds == inputs.drain_seconds:
            aws.sagemaker.is_in_the_middle_of("chat-v1", status)

    clock.sleep = sleep
    deploy(inputs, aws, clock)
    assert aws.sagemaker.stage(old) == "Archived"
    assert [len(resources) for resources in aws.sagemaker.everything_hosted()] == [1, 1, 1]
    assert aws.sagemaker.count()["delete_endpoint"] == (0 if status == "Deleting" else 1)


def test_the_configuration_of_an_endpoint_that_is_not_gone_yet_stays(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    aws.sagemaker.live("chat-v1")
    aws.sagemaker.approved()
    aws.sagemaker.deletions_take(looks=5)
    deploy(inputs, aws, clock)
    assert [len(resources) for resources in aws.sagemaker.everything_hosted()] == [1, 1, 1]

    aws.sagemaker.approved()
    aws.sagemaker.deletions_take(looks=10**9)
    with pytest.raises(LeftBehind, match=r"Version 3 is live on endpoint chat-v3. Endpoint chat-v2 .* still Deleting"):
        deploy(inputs, aws, clock)
    assert [len(resources) for resources in aws.sagemaker.everything_hosted()] == [2, 2, 2]


def test_an_endpoint_that_could_not_be_deleted_is_deleted_by_the_next_run_though_it_has_nothing_else_to_do(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    old = aws.sagemaker.live("chat-v1")
    aws.sagemaker.approved()
    aws.sagemaker.refuses("delete_endpoint", DENIED, times=1)
    with pytest.raises(
        LeftBehind, match=r"Version 2 is live on endpoint chat-v2.*chat-v1 could not be deleted"
    ) as failure:
        deploy(inputs, aws, clock)
    assert (
        "`sluice deploy`" in failure.value.hint and "delete-endpoint --endpoint-name chat-v1" in failure.value.message
    )
    assert packages.find_live(aws.sagemaker, GROUP).endpoint_name == "chat-v2"
    assert aws.sagemaker.stage(old) == "Live"
    assert "already live on endpoint chat-v2; nothing to do" in deploy(inputs, aws, clock)
    assert aws.sagemaker.stage(old) == "Archived"
    assert [len(resources) for resources in aws.sagemaker.everything_hosted()] == [1, 1, 1]


def test_what_a_rollback_has_replaced_is_not_brought_back_while_its_endpoint_is_still_there(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    first = aws.sagemaker.live("chat-v1", since="2026-11-20T12:30:00.000+00:00")
    newer = aws.sagemaker.live("chat-v2", since="2026-11-20T12:00:00.000+00:00")
    by_event = replace(inputs, model_package=newer, reason="approval")
    aws.sagemaker.refuses("delete_endpoint", DENIED, times=2)
    for run in (inputs, by_event):
        with pytest.raises(LeftBehind, match="Version 1 is live on endpoint chat-v1"):
            deploy(run, aws, clock)
    assert "Version 1 is already live" in deploy(inputs, aws, clock)
    assert packages.find_live(aws.sagemaker, GROUP).arn == first
    assert (aws.sagemaker.stage(newer), list(aws.sagemaker.endpoints)) == ("Archived", ["chat-v1"])


def test_the_old_endpoint_goes_though_the_registry_does_not_show_the_move_at_once(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    old = aws.sagemaker.live("chat-v1")
    new = aws.sagemaker.approved()

    def registry_lags_behind() -> None:
        del aws.sagemaker.before["update_model_package"]
        aws.sagemaker.shows_as_it_was(new, times=2)

    aws.sagemaker.before["update_model_package"] = registry_lags_behind
    deploy(inputs, aws, clock)
    assert (list(aws.sagemaker.endpoints), aws.sagemaker.stage(old)) == (["chat-v2"], "Archived")


YESTERDAY = datetime(2026, 11, 19, 12, tzinfo=UTC)


def test_endpoints_that_runs_have_left_a_day_ago_are_deleted_by_the_next_run(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    """Killed before the move: the version never said Live, and a newer one was released since."""
    killed = [aws.sagemaker.approved() for _ in range(3)]
    for number, arn in enumerate(killed, 1):
        aws.sagemaker.was_left(f"chat-v{number}", arn, YESTERDAY)
    aws.sagemaker.live("chat-v4")
    assert "already live on endpoint chat-v4" in deploy(inputs, aws, clock)
    assert aws.sagemaker.everything_hosted() == (["chat-v4"], ["chat-v4-old"], ["chat-v4-old"])


def test_a_role_that_may_not_list_endpoints_deploys_all_the_same(
    aws: FakeAws, inputs: Deploy, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.sagemaker.approved()
    aws.sagemaker.refuses("list_endpoints", refusal("ListEndpoints", "not authorized", "AccessDeniedException"))
    deploy(inputs, aws, clock)
    assert packages.find_live(aws.sagemaker, GROUP).version == 1
    assert "were not looked for" in capsys.readouterr().out


def test_only_what_a_run_has_made_long_ago_for_a_version_that_is_not_live_is_taken_for_abandoned(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    first, second, third = (aws.sagemaker.approved() for _ in range(3))
    aws.sagemaker.was_left("chat-v1", first, clock.now() - timedelta(hours=12))  # another run may be on it
    aws.sagemaker.was_left("chat-v2", second, YESTERDAY, token="made-by-hand")
    aws.sagemaker.was_left("chat-v3", third.replace(GROUP, "other"), YESTERDAY)
    aws.sagemaker.was_left("chat-v3-blue", third, YESTERDAY)
    aws.sagemaker.was_left("chat-copy-v2", second, YESTERDAY)
    aws.sagemaker.was_left("chat-copy", second, YESTERDAY)
    own = {"EndpointConfigName": "chat-v2-0a1b2c", "ProductionVariants": [{"ModelName": "chat-copy-0a1b2c"}]}
    aws.sagemaker.configs["chat-v2-0a1b2c"] = own
    aws.sagemaker.endpoints["chat-copy-v2"]["EndpointConfigName"] = "chat-v2-0a1b2c"
    live = aws.sagemaker.live("chat-v4")
    aws.sagemaker.was_left("chat-v4", live, YESTERDAY)
    before = list(aws.sagemaker.endpoints)
    deploy(inputs, aws, clock)
    assert list(aws.sagemaker.endpoints) == before and aws.sagemaker.count()["delete_endpoint"] == 0


@pytest.mark.parametrize(
    ("operation", "after"),
    [
        ("describe_model_package", "describe_model_package"),
        ("create_endpoint_config", "create_model"),
        ("create_endpoint", "create_endpoint_config"),
        ("describe_endpoint", "create_endpoint"),
    ],
)
def test_what_was_just_made_is_asked_for_again_where_it_is_not_seen_yet(
    aws: FakeAws, inputs: Deploy, clock: FakeClock, operation: str, after: str
) -> None:
    arn = aws.sagemaker.approved()

    def reads_lag_behind() -> None:
        del aws.sagemaker.before[after]
        aws.sagemaker.sees_nothing_yet(operation, times=2)

    aws.sagemaker.before[after] = reads_lag_behind
    deploy(replace(inputs, model_package=arn), aws, clock)
    assert packages.find_live(aws.sagemaker, GROUP).endpoint_name == "chat-v1"
    assert [len(resources) for resources in aws.sagemaker.everything_hosted()] == [1, 1, 1]


def test_in_place_a_configuration_that_is_not_seen_yet_is_asked_for_again(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    aws.sagemaker.live("chat")
    aws.sagemaker.approved()
    aws.sagemaker.sees_nothing_yet("update_endpoint", times=2)
    deploy(replace(inputs, strategy="in_place"), aws, clock)
    assert packages.find_live(aws.sagemaker, GROUP).version == 2


def test_a_request_whose_answer_was_lost_finds_its_own_endpoint(aws: FakeAws, inputs: Deploy, clock: FakeClock) -> None:
    """The client asks again by itself, and is told that the endpoint exists."""
    aws.sagemaker.approved()

    def made_but_not_answered() -> None:
        (config,) = aws.sagemaker.configs
        aws.sagemaker.create_endpoint_("chat-v1", config)

    aws.sagemaker.before["create_endpoint"] = made_but_not_answered
    deploy(inputs, aws, clock)
    assert [len(resources) for resources in aws.sagemaker.everything_hosted()] == [1, 1, 1]


def test_a_run_stopped_while_its_endpoint_is_being_made_leaves_one_that_the_next_run_can_use(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    aws.sagemaker.approved()
    aws.sagemaker.endpoints_never_settle()
    slept = clock.sleep

    def stop(_: float) -> None:
        clock.sleep = slept
        raise Stopped

    clock.sleep = stop
    with pytest.raises(LeftBehind, match=r"chat-v1 could not be deleted .* still Creating after 90 s"):
        deploy(inputs, aws, clock)
    assert [len(resources) for resources in aws.sagemaker.everything_hosted()] == [1, 1, 1]
    aws.sagemaker.is_in_the_middle_of("chat-v1", "Creating")
    deploy(inputs, aws, clock)
    assert packages.find_live(aws.sagemaker, GROUP).endpoint_name == "chat-v1"
    assert [len(resources) for resources in aws.sagemaker.everything_hosted()] == [1, 1, 1]


def test_an_endpoint_that_is_slow_to_be_made_is_taken_back_as_soon_as_it_can_be(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    """Nobody stopped the run, so it has more than the moment that a stopped one has."""
    aws.sagemaker.approved()
    aws.sagemaker.endpoints_never_settle()

    def settles_in_the_end() -> None:
        if clock.monotonic() > 4500 and "chat-v1" in aws.sagemaker.endpoints:
            aws.sagemaker.endpoints["chat-v1"]["looks"] = 0

    aws.sagemaker.before["describe_endpoint"] = settles_in_the_end
    with pytest.raises(EndpointFailed, match="still Creating after 3600 s"):
        deploy(inputs, aws, clock)
    assert aws.sagemaker.everything_hosted() == NOTHING


def test_a_stop_while_it_takes_back_an_endpoint_only_shortens_that(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    aws.sagemaker.approved()
    aws.sagemaker.endpoints_never_settle()
    slept = clock.sleep

    def sleep(seconds: float) -> None:
        slept(seconds)
        if clock.monotonic() > 3700:
            clock.sleep = slept
            raise Stopped

    clock.sleep = sleep
    with pytest.raises(LeftBehind, match="still Creating after 90 s"):
        deploy(inputs, aws, clock)


# more than one run


def test_a_second_run_that_is_quicker_is_followed(aws: FakeAws, inputs: Deploy, clock: FakeClock) -> None:
    """Both see no endpoint; the other run makes it, and goes live on it, just before this one would."""
    aws.sagemaker.approved()

    def other_run() -> None:
        del aws.sagemaker.before["create_endpoint"]
        deploy(inputs, aws, FakeClock())

    aws.sagemaker.before["create_endpoint"] = other_run
    deploy(inputs, aws, clock)
    assert [len(resources) for resources in aws.sagemaker.everything_hosted()] == [1, 1, 1]
    assert packages.find_live(aws.sagemaker, GROUP).endpoint_name == "chat-v1"


def test_two_runs_at_the_same_time_end_with_one_endpoint_and_one_live_version(aws: FakeAws, inputs: Deploy) -> None:
    old = aws.sagemaker.live("chat-v1")
    new = aws.sagemaker.approved()
    both = threading.Barrier(2, timeout=10)
    aws.sagemaker.before["create_endpoint"] = lambda: both.wait() and None
    messages: list[str] = []
    runs = [threading.Thread(target=lambda: messages.append(deploy(inputs, aws, FakeClock()))) for _ in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join(20)
    assert messages == [f"Version 2 of {GROUP} is live on endpoint chat-v2."] * 2
    assert packages.find_live(aws.sagemaker, GROUP).arn == new
    assert aws.sagemaker.stage(old) == "Archived"
    assert [len(resources) for resources in aws.sagemaker.everything_hosted()] == [1, 1, 1]


def test_a_run_that_adopted_an_endpoint_never_deletes_it(aws: FakeAws, inputs: Deploy, clock: FakeClock) -> None:
    arn = aws.sagemaker.approved()
    aws.sagemaker.serves("chat-v1", arn, status="Creating")
    replay_fails(aws)
    with pytest.raises(NotGoodEnough):
        deploy(inputs, aws, clock)
    assert list(aws.sagemaker.endpoints) == ["chat-v1"]


def test_a_run_whose_replay_fails_leaves_an_endpoint_on_which_another_run_went_live(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    arn = aws.sagemaker.approved()

    def other_run_moved_live(_: str) -> str:
        packages.move_live(aws.sagemaker, arn, "chat-v1", clock.now())
        return "wrong"

    aws.runtime.says = other_run_moved_live
    with pytest.raises(NotGoodEnough):
        deploy(inputs, aws, clock)
    assert packages.find_live(aws.sagemaker, GROUP).endpoint_name == "chat-v1"
    assert list(aws.sagemaker.endpoints) == ["chat-v1"]


def test_an_endpoint_of_something_else_is_not_touched(aws: FakeAws, inputs: Deploy, clock: FakeClock) -> None:
    aws.sagemaker.approved()
    aws.sagemaker.serves("chat-v1", "arn:aws:sagemaker:us-east-1:123456789012:model-package/other/1")
    before = aws.sagemaker.everything_hosted()
    with pytest.raises(NameTaken, match=r"chat-v1 is there already: it is InService and serves .*other/1"):
        deploy(inputs, aws, clock)
    assert aws.sagemaker.everything_hosted() == before


@pytest.mark.parametrize("status", ["Failed", "OutOfService", "UpdateRollbackFailed"])
def test_a_broken_endpoint_is_not_taken_for_the_versions_own(
    aws: FakeAws, inputs: Deploy, clock: FakeClock, status: str
) -> None:
    arn = aws.sagemaker.approved()
    aws.sagemaker.serves("chat-v1", arn, status)
    before = aws.sagemaker.everything_hosted()
    with pytest.raises(NameTaken, match=f"it is {status} and serves {arn}"):
        deploy(inputs, aws, clock)
    assert aws.sagemaker.everything_hosted() == before


def test_an_endpoint_that_is_being_deleted_is_waited_for_and_made_anew(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    arn = aws.sagemaker.approved()
    aws.sagemaker.serves("chat-v1", arn)
    aws.sagemaker.is_in_the_middle_of("chat-v1", "Deleting", looks=5)
    deploy(inputs, aws, clock)
    (request,) = aws.sagemaker.requests("create_endpoint")
    assert aws.sagemaker.endpoints["chat-v1"]["EndpointConfigName"] == request["EndpointConfigName"] != "chat-v1-old"


@pytest.mark.parametrize("half", [{"subnets": "subnet-1"}, {"security_groups": "sg-1"}])
def test_half_a_network_is_none(aws: FakeAws, inputs: Deploy, clock: FakeClock, half: dict[str, str]) -> None:
    aws.sagemaker.approved()
    deploy(replace(inputs, **half), aws, clock)
    (model,) = aws.sagemaker.requests("create_model")
    assert "VpcConfig" not in model


def test_a_version_that_went_live_meanwhile_is_not_retired(aws: FakeAws, inputs: Deploy, clock: FakeClock) -> None:
    aws.sagemaker.approved()
    later = aws.sagemaker.live("chat-v2", since="2030-01-01T00:00:00.000+00:00")
    first = "arn:aws:sagemaker:us-east-1:123456789012:model-package/qwen3-4b-chat/1"
    deploy(replace(inputs, model_package=first), aws, clock)
    assert aws.sagemaker.stage(later) == "Live"
    assert "chat-v2" in aws.sagemaker.endpoints


def test_an_old_version_made_live_again_while_it_drains_keeps_its_endpoint(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    old = aws.sagemaker.live("chat-v1")
    aws.sagemaker.approved()
    slept = clock.sleep

    def sleep(seconds: float) -> None:
        slept(seconds)
        if seconds == inputs.drain_seconds:
            packages.move_live(aws.sagemaker, old, "chat-v1", clock.now())

    clock.sleep = sleep
    deploy(inputs, aws, clock)
    assert sorted(aws.sagemaker.endpoints) == ["chat-v1", "chat-v2"]


def test_a_stop_while_draining_still_removes_the_old_endpoint(aws: FakeAws, inputs: Deploy, clock: FakeClock) -> None:
    aws.sagemaker.live("chat-v1")
    new = aws.sagemaker.approved()
    slept = clock.sleep

    def sleep(seconds: float) -> None:
        slept(seconds)
        if seconds == inputs.drain_seconds:
            raise Stopped

    clock.sleep = sleep
    with pytest.raises(Stopped):
        deploy(inputs, aws, clock)
    assert packages.find_live(aws.sagemaker, GROUP).arn == new
    assert list(aws.sagemaker.endpoints) == ["chat-v2"]


# strategy: in_place


def test_in_place_the_endpoint_keeps_its_name_and_only_judged_versions_take_it(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    fixed = replace(inputs, strategy="in_place")
    old = aws.sagemaker.live("chat")
    unjudged = aws.sagemaker.approved(verdict="", approved_anyway="none")
    with pytest.raises(NotApproved, match="before users before it can be replayed"):
        deploy(replace(fixed, model_package=unjudged), aws, clock)
    new = aws.sagemaker.approved(verdict="pass")
    deploy(fixed, aws, clock)
    (update,) = aws.sagemaker.requests("update_endpoint")
    assert update == {
        "EndpointName": "chat",
        "EndpointConfigName": aws.sagemaker.endpoints["chat"]["EndpointConfigName"],
        "DeploymentConfig": {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0},
                "TerminationWaitInSeconds": 60,
            }
        },
    }
    live = packages.find_live(aws.sagemaker, GROUP)
    assert (live.arn, live.endpoint_name, aws.sagemaker.stage(old)) == (new, "chat", "Archived")
    endpoints, (config,), _ = aws.sagemaker.everything_hosted()
    assert endpoints == ["chat"] and config.startswith("chat-v3-")


def test_in_place_the_first_version_makes_the_endpoint(aws: FakeAws, inputs: Deploy, clock: FakeClock) -> None:
    aws.sagemaker.approved(verdict="pass")
    deploy(replace(inputs, strategy="in_place"), aws, clock)
    assert packages.find_live(aws.sagemaker, GROUP).endpoint_name == "chat"


def test_in_place_a_failed_replay_rolls_the_endpoint_back(aws: FakeAws, inputs: Deploy, clock: FakeClock) -> None:
    old = aws.sagemaker.live("chat")
    aws.sagemaker.approved(verdict="pass")
    before = aws.sagemaker.everything_hosted()
    replay_fails(aws)
    with pytest.raises(NotGoodEnough):
        deploy(replace(inputs, strategy="in_place"), aws, clock)
    assert aws.sagemaker.everything_hosted() == before
    assert aws.sagemaker.endpoints["chat"]["EndpointConfigName"] == "chat-old"
    assert packages.find_live(aws.sagemaker, GROUP).arn == old


def test_in_place_an_update_that_sagemaker_rolled_back_is_a_failure(
    aws: FakeAws, inputs: Deploy, clock: FakeClock
) -> None:
    aws.sagemaker.live("chat")
    aws.sagemaker.approved(verdict="pass")
    aws.sagemaker.endpoints_fail("new fleet unhealthy")
    before = aws.sagemaker.everything_hosted()
    with pytest.raises(EndpointFailed, match="rolled endpoint chat back"):
        deploy(replace(inputs, strategy="in_place"), aws, clock)
    assert aws.sagemaker.everything_hosted() == before


def test_names_fit_however_long_the_endpoints_is() -> None:
    assert append_suffix("chat", "-v7") == "chat-v7"
    assert len(append_suffix("c" * 80, "-v123-abcdef")) == 63
    assert append_suffix("c" * 57 + "-" + "d" * 20, "-v123") == "c" * 57 + "-v123"

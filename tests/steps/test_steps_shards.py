"""One evaluation on several machines: where they meet, and that a part that is missing is never judged over."""

import json
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from fake_sagemaker import ARN, FakeAws, FakeClock, FakeS3
from replayed import Echo, chat
from steps_example import settled

from sluice.evaluation.replay.engine import ReplayResult, replay
from sluice.evaluation.replay.failures import TargetDown
from sluice.evaluation.replay.journal import Journal
from sluice.evaluation.replay.shards import InstanceState, Shard
from sluice.steps.inputs import Evaluate
from sluice.steps.run_context import RunContext, prepare_run
from sluice.steps.shards import PartFailed, Share, StateReporter, read_share

CASES = {"cases": [{"id": f"c{n}", "turns": [{"user": f"q{n}", "expect": {"contains": "echo"}}]} for n in range(30)]}
SUBJECT = {"model_package": "chat/3", "execution": "e1"}
HOSTS = [f"algo-{number}" for number in range(1, 12)]


def machine(folder: Path, host: str, hosts: list[str], job: str = "pipelines-abc-Evaluate-1") -> Evaluate:
    """What the step is told on one of a job's machines, and what SageMaker writes there."""
    config = folder / host / "config"
    config.mkdir(parents=True)
    (config / "resourceconfig.json").write_text(json.dumps({"current_host": host, "hosts": hosts}))
    about = {"ProcessingJobArn": f"{ARN}:processing-job/{job}"}
    (config / "processingjobconfig.json").write_text(json.dumps(about))
    processing = folder / host / "processing"
    (processing / "report").mkdir(parents=True)
    (processing / "cases.json.yaml").write_text(json.dumps(CASES))
    return Evaluate(
        model_package=f"{ARN}:model-package/chat/3", report_uri="s3://sluice/reports/7/", experiment="chat",
        execution="e1", settings=settled(processing / "settings"), cases=str(processing / "cases.json.yaml"),
        report=str(processing / "report"), startup_seconds=60,
    )  # fmt: skip


@pytest.fixture
def s3() -> FakeS3:
    return FakeS3()


def shared(folder: Path, s3: FakeS3, count: int) -> tuple[list[Share], RunContext]:
    machines = [machine(folder, host, HOSTS[:count]) for host in HOSTS[:count]]
    shares = [share for each in machines if (share := read_share(each, s3))]
    return shares, prepare_run(machines[0], FakeAws(), None, "ml.g5.xlarge")


def learned(share: Share, judging: RunContext, folder: Path) -> tuple[ReplayResult, Journal]:
    journal = Journal(folder / f"journal-{share.host}")
    cases = Shard(judging.cases, share.instance)
    return replay(cases, Echo(), judging.plan, subject=SUBJECT, journal=journal), journal


def test_one_machine_shares_with_nobody(tmp_path: Path, s3: FakeS3) -> None:
    assert read_share(machine(tmp_path, "algo-1", ["algo-1"]), s3) is None
    outside = replace(machine(tmp_path / "other", "algo-1", ["algo-1"]), report=str(tmp_path / "report"))
    assert read_share(outside, s3) is None


def test_they_meet_beside_the_report_under_the_name_of_the_job(tmp_path: Path, s3: FakeS3) -> None:
    share = read_share(machine(tmp_path, "algo-2", HOSTS[:3]), s3)
    assert share and (share.host, share.first, share.instance.index) == ("algo-2", False, 1)
    last = read_share(machine(tmp_path, "algo-11", HOSTS), s3)
    assert last and last.instance.index == 10
    assert share.uri == "s3://sluice/reports/7/shards/pipelines-abc-Evaluate-1"
    again = read_share(machine(tmp_path / "again", "algo-2", HOSTS[:3], "pipelines-abc-Evaluate-2"), s3)
    assert again and again.uri != share.uri  # what a job that failed has told is not taken for this one's word


@pytest.mark.parametrize("count", [2, 11])
def test_the_first_learns_what_all_have_learned(tmp_path: Path, s3: FakeS3, count: int) -> None:
    shares, judging = shared(tmp_path, s3, count)
    for share in shares[1:]:
        replayed, journal = learned(share, judging, tmp_path)
        message = share.upload_journal(replayed, journal)
        assert message == f"{share.host} has replayed its share, {len(replayed.results)} chats; algo-1 judges."
    own, journal = learned(shares[0], judging, tmp_path)
    whole = shares[0].merge_shares(own, journal, judging, SUBJECT, FakeClock())
    assert whole.down is None
    assert [result.case.id for result in whole.results] == [f"c{n}" for n in range(30)]


def test_a_machine_that_is_down_says_why_and_the_first_has_no_verdict(tmp_path: Path, s3: FakeS3) -> None:
    (first, second), judging = shared(tmp_path, s3, 2)
    with pytest.raises(PartFailed, match="algo-2 could not replay its share: the model server is gone"):
        second.upload_journal(ReplayResult((), TargetDown("the model server is gone")), Journal())
    own, journal = learned(first, judging, tmp_path)
    whole = first.merge_shares(own, journal, judging, SUBJECT, FakeClock())
    assert whole.down and whole.down.message == "Instance 2 could not go on: the model server is gone"


def test_a_machine_that_is_never_heard_of_is_given_up(tmp_path: Path, s3: FakeS3) -> None:
    (first, _), judging = shared(tmp_path, s3, 2)
    own, journal = learned(first, judging, tmp_path)
    clock = FakeClock()
    whole = first.merge_shares(own, journal, judging, SUBJECT, clock)
    assert whole.down and "Instance 2 has told nothing for 660 s" in whole.down.message
    assert 660 <= clock.monotonic() < 700


def test_the_first_waits_for_nobody_if_its_own_share_failed(tmp_path: Path, s3: FakeS3) -> None:
    (first, _), judging = shared(tmp_path, s3, 2)
    down = ReplayResult((), TargetDown("gone"))
    assert first.merge_shares(down, Journal(), judging, SUBJECT, FakeClock()) is down


def test_a_machine_tells_how_far_it_is_and_that_it_failed(tmp_path: Path, s3: FakeS3) -> None:
    (first, second), _ = shared(tmp_path, s3, 2)
    published, states = Event(), []

    def put(**_: Any) -> None:
        states.append(first.read_state(1))
        published.set()

    original = s3.put_object_
    s3.put_object_ = lambda **request: (original(**request), put())[0]  # type: ignore[method-assign]
    with pytest.raises(KeyError), StateReporter(second, lambda *_: None, every=0.001) as telling:
        assert published.wait(10)
        published.clear()
        telling(7, 30, chat("c1", "q"))  # type: ignore[arg-type]  # only counted
        assert published.wait(10)
        raise KeyError("something nobody foresaw")
    assert states[:2] == [InstanceState(0), InstanceState(7)]
    assert states[-1] == InstanceState(down="'something nobody foresaw'")

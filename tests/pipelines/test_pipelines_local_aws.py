"""The local AWS takes what we submit, and gives it back unchanged."""

import json
from pathlib import Path

import pytest
from localaws_fixture import local_aws, rule
from release_example import PLACE, shipped, written

from sluice.config.model import load
from sluice.pipelines import apply, executions, plan, triggers
from sluice.pipelines.plan import Definitions, list_changes

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    lmi = rule("never-run.py", "djl-inference:*", "dockerd-entrypoint.sh")
    with local_aws(tmp_path_factory.mktemp("local"), (lmi,)) as aws:
        yield aws.client("sagemaker"), aws.client("events"), aws.client("scheduler")


def definitions(variant: str) -> Definitions:
    release, deploy = (
        json.loads((GOLDEN / f"definition_{name}.json").read_text("utf-8")) for name in (f"release_{variant}", "deploy")
    )
    return Definitions(release, deploy)


def submitted(clients, config, variant: str) -> list:
    desired = plan.desired_resources(config, PLACE, definitions(variant))
    apply.apply_changes(*clients, config, desired, list_changes(apply.read_resources(*clients, config), desired))
    return list_changes(apply.read_resources(*clients, config), desired)


def test_both_pipelines_and_their_triggers_are_taken_as_they_are(clients, tmp_path):
    assert submitted(clients, shipped(), "manual") == []
    assert submitted(clients, load(written(tmp_path, approval="automatic", tags={"team": "chat"})), "automatic") == []
    assert submitted(clients, load(written(tmp_path, schedule=None)), "manual") == []


def test_a_schedule_can_be_paused(clients):
    submitted(clients, shipped(), "manual")
    triggers.set_schedule_state(clients[2], shipped(), "DISABLED")
    assert triggers.schedule_state(clients[2], shipped()) == "DISABLED"
    assert submitted(clients, shipped(), "manual") == []


def test_an_execution_that_fails_tells_which_step_and_why(clients):
    submitted(clients, shipped(), "manual")
    token = apply.new_token()
    arn = apply.start_execution(clients[0], shipped().deploy_pipeline, {"Reason": "rollback"}, token=token)
    assert apply.start_execution(clients[0], shipped().deploy_pipeline, {"Reason": "rollback"}, token=token) == arn
    ended = executions.watch_execution(clients[0], arn, lambda execution: None, interval=0.05)
    assert ended.status == "Failed"
    deploy = ended.step("Deploy")
    assert deploy.kind == "Processing"
    assert deploy.failure  # there is no such bucket
    assert [each.arn for each in executions.list_recent(clients[0], shipped().deploy_pipeline)] == [arn]

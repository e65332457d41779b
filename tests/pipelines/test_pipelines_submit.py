"""The account is brought to what the plan says, and only then."""

import json
import sys
from copy import deepcopy
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from localaws_fixture import local_aws
from release_example import PLACE, shipped, written

from sluice.config.model import load
from sluice.errors import SluiceError
from sluice.localaws.server.settings import ImageRule
from sluice.pipelines import apply, plan, triggers
from sluice.pipelines.plan import Definitions, list_changes

GOLDEN = Path(__file__).parents[1] / "golden"
DEFINITIONS = Definitions(
    json.loads((GOLDEN / "definition_release_manual.json").read_text("utf-8")),
    json.loads((GOLDEN / "definition_deploy.json").read_text("utf-8")),
)


class Recorded:
    """A client that remembers which calls were made through it."""

    def __init__(self, client):
        self.client = client
        self.calls = []

    def __getattr__(self, name):
        if not name.startswith("get_paginator"):
            self.calls.append(name)
        return getattr(self.client, name)

    @property
    def writes(self):
        return [call for call in self.calls if not call.startswith(("describe", "list", "get", "exceptions"))]


class Account:
    """What the tests say about an account: release a file in it, look at it."""

    def __init__(self, aws):
        self.sagemaker = Recorded(aws.client("sagemaker"))
        self.events = Recorded(aws.client("events"))
        self.scheduler = Recorded(aws.client("scheduler"))

    @property
    def clients(self):
        return self.sagemaker, self.events, self.scheduler

    def submit(self, config, definitions=DEFINITIONS):
        desired = plan.desired_resources(config, PLACE, definitions)
        changes = list_changes(apply.read_resources(*self.clients, config), desired)
        for client in self.clients:
            client.calls.clear()
        apply.apply_changes(*self.clients, config, desired, changes)
        return changes

    def remaining_changes(self, config, definitions=DEFINITIONS):
        return list_changes(
            apply.read_resources(*self.clients, config), plan.desired_resources(config, PLACE, definitions)
        )

    @property
    def writes(self):
        return [call for client in self.clients for call in client.writes]


@pytest.fixture
def account(tmp_path):
    """What is submitted is also refused here, if it could not run; nothing in these tests has to run to its end."""
    image = ImageRule("djl-inference:*", (sys.executable, "-c", ""), "dockerd-entrypoint.sh")
    with local_aws(tmp_path / "aws", (image,)) as aws:
        yield Account(aws)


def test_an_empty_account_gets_everything(account):
    assert len(account.submit(shipped())) == 5
    assert account.remaining_changes(shipped()) == []
    described = account.sagemaker.describe_pipeline(PipelineName="qwen3-4b-chat-release")
    assert json.loads(described["PipelineDefinition"]) == DEFINITIONS.release
    assert described["RoleArn"] == PLACE.role_arn


def test_a_second_run_writes_nothing(account):
    account.submit(shipped())
    assert account.submit(shipped()) == []
    assert account.writes == []


def test_only_what_changed_is_written(account):
    account.submit(shipped())
    changed = deepcopy(DEFINITIONS)
    changed.release["Steps"][1]["Arguments"]["StoppingCondition"]["MaxRuntimeInSeconds"] = 1800
    assert [change.path for change in account.submit(shipped(), changed)] == [
        "Definition.Steps[Evaluate].Arguments.StoppingCondition.MaxRuntimeInSeconds"
    ]
    assert account.writes == ["update_pipeline"]
    assert account.remaining_changes(shipped(), changed) == []


def test_approval_automatic_disables_the_rule_and_manual_enables_it(account, tmp_path):
    automatic = load(written(tmp_path, approval="automatic"))
    account.submit(shipped())
    account.submit(automatic)
    assert account.events.describe_rule(Name="qwen3-4b-chat-approved")["State"] == "DISABLED"
    account.submit(shipped())
    assert account.events.describe_rule(Name="qwen3-4b-chat-approved")["State"] == "ENABLED"


def test_the_rule_starts_the_deploy_pipeline(account):
    account.submit(shipped())
    (target,) = account.events.list_targets_by_rule(Rule="qwen3-4b-chat-approved")["Targets"]
    assert target["Arn"] == account.sagemaker.describe_pipeline(PipelineName="qwen3-4b-chat-deploy")["PipelineArn"]
    assert target["RoleArn"] == PLACE.trigger_role_arn


def test_a_target_that_someone_took_away_is_put_back(account):
    account.submit(shipped())
    account.events.remove_targets(Rule="qwen3-4b-chat-approved", Ids=["deploy"])
    assert account.submit(shipped())
    assert account.remaining_changes(shipped()) == []


def test_the_schedule_follows_the_file(account, tmp_path):
    account.submit(shipped())
    weekly = load(written(tmp_path, schedule={"expression": "rate(7 days)"}))
    assert {change.path for change in account.submit(weekly)} == {"ScheduleExpression", "ScheduleExpressionTimezone"}
    assert account.remaining_changes(weekly) == []
    never = load(written(tmp_path, schedule=None))
    assert [change.kind for change in account.submit(never)] == ["delete"]
    assert account.remaining_changes(never) == []


def test_a_paused_schedule_stays_paused(account, tmp_path):
    account.submit(shipped())
    triggers.set_schedule_state(account.scheduler, shipped(), "DISABLED")
    assert account.remaining_changes(shipped()) == []
    account.submit(load(written(tmp_path, schedule={"expression": "rate(7 days)"})))
    assert triggers.schedule_state(account.scheduler, shipped()) == "DISABLED"
    triggers.set_schedule_state(account.scheduler, shipped(), "ENABLED")
    assert triggers.schedule_state(account.scheduler, shipped()) == "ENABLED"
    assert triggers.read_schedule(account.scheduler, shipped())["ScheduleExpression"] == "rate(7 days)"


def test_no_schedule_cannot_be_paused(account):
    assert triggers.schedule_state(account.scheduler, shipped()) is None
    with pytest.raises(triggers.NoSchedule) as error:
        triggers.set_schedule_state(account.scheduler, shipped(), "DISABLED")
    assert "qwen3-4b-chat-redeploy" in error.value.message


def test_tags_are_put_on_and_others_are_left_alone(account, tmp_path):
    tagged = load(written(tmp_path, tags={"team": "search"}))
    account.submit(tagged)
    arn = account.sagemaker.describe_pipeline(PipelineName="qwen3-4b-chat-release")["PipelineArn"]
    account.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "mine", "Value": "1"}])
    assert account.remaining_changes(tagged) == []
    account.submit(load(written(tmp_path, tags={"team": "chat"})))
    tags = {tag["Key"]: tag["Value"] for tag in account.sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    assert tags == {"team": "chat", "mine": "1"}


def test_an_execution_is_started_with_its_parameters(account):
    account.submit(shipped())
    arn = apply.start_execution(
        account.sagemaker, "qwen3-4b-chat-deploy", {"Reason": "rollback", "ModelPackageArn": "arn"}, "rollback-to-1"
    )
    described = account.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    assert described["PipelineExecutionDisplayName"] == "rollback-to-1"
    listed = account.sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)["PipelineParameters"]
    parameters = {each["Name"]: each["Value"] for each in listed}
    assert parameters.items() >= {"Reason": "rollback", "ModelPackageArn": "arn"}.items()


def test_an_error_that_is_not_about_absence_is_not_taken_for_it(account):
    class Refusing:
        def describe_pipeline(self, **_):
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "DescribePipeline")

    with pytest.raises(Exception, match="AccessDenied"):
        apply.read_pipeline(Refusing(), "qwen3-4b-chat-release", {})


def test_a_target_that_eventbridge_does_not_take_is_an_error(account):
    class Choosy:
        def put_rule(self, **_):
            return {}

        def put_targets(self, **_):
            return {"FailedEntryCount": 1, "FailedEntries": [{"ErrorMessage": "not that role"}]}

    desired = plan.desired_resources(shipped(), PLACE, DEFINITIONS)
    with pytest.raises(SluiceError, match="not that role"):
        triggers.write_rule(Choosy(), shipped(), desired.rule)

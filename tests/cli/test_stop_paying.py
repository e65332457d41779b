"""What README says under "Stop paying" is typed on a local AWS as it stands there: then nothing that costs is left."""

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from botocore import xform_name
from fake_sagemaker import IMAGE, package_request
from localaws_fixture import LocalAws, eventually, local_aws
from release_example import ROOT, shipped

from sluice.cli.main import sluice
from sluice.cli.target import STACK, Target
from sluice.localaws.server.settings import ImageRule
from sluice.pipelines import apply, plan, stack, triggers
from sluice.registry import packages
from tests.pipelines.test_pipelines_local_aws import definitions

ENDPOINT = "qwen3-4b-chat-v1"
ENDPOINTS, EVERYTHING = re.findall(
    r"^```\n(.*?)^```",
    (ROOT / "README.md").read_text("utf-8").split("## Stop paying\n")[1].split("\n## ")[0],
    re.M | re.S,
)


class Operator:
    """Somebody who types the commands of a page into an account that has a live version."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws, self.config = aws, shipped()
        services = ("sagemaker", "events", "scheduler", "cloudformation")
        self.target = Target("local", "us-east-1", aws.url, {name: aws.client(name) for name in services})

    def releases(self) -> None:
        """The account as bootstrap and a release leave it, with version 1 live."""
        sagemaker = self.aws.client("sagemaker")
        template = (ROOT / "infra/stack.yaml").read_text("utf-8")
        outputs = stack.apply_stack(
            self.target.client("cloudformation"), STACK, template, stack.stack_parameters(self.config)
        )
        place = stack.stack_outputs(outputs.outputs, "us-east-1")
        desired = plan.desired_resources(self.config, place, definitions("manual"))
        clients = (sagemaker, self.target.client("events"), self.target.client("scheduler"))
        apply.apply_changes(
            *clients, self.config, desired, plan.list_changes(apply.read_resources(*clients, self.config), desired)
        )
        self.aws.client("s3").put_object(Bucket=place.bucket, Key="models/1/config.json", Body=b"{}")
        request = package_request(self.config.registry.group, f"s3://{place.bucket}/models/1/", IMAGE, {"STUB": "good"})
        arn = sagemaker.create_model_package(**request)["ModelPackageArn"]
        packages.approve(sagemaker, arn, "for the test")
        sagemaker.create_model(
            ModelName=ENDPOINT, ExecutionRoleArn=place.role_arn, Containers=[{"ModelPackageName": arn}]
        )
        variant = {"VariantName": "AllTraffic", "ModelName": ENDPOINT, "InstanceType": "ml.g5.xlarge",
                   "InitialInstanceCount": 1}  # fmt: skip
        sagemaker.create_endpoint_config(EndpointConfigName=ENDPOINT, ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName=ENDPOINT)
        sagemaker.get_waiter("endpoint_in_service").wait(
            EndpointName=ENDPOINT, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
        packages.move_live(sagemaker, arn, ENDPOINT, packages.describe(sagemaker, arn).created)

    def types(self, line: str) -> Any:
        program, *words = shlex.split(line, comments=True)
        return self._sluice(words) if program.endswith("sluice") else self._aws(*words)

    def _sluice(self, words: list[str]) -> int:
        command: click.Command | None = sluice
        context = click.Context(sluice)
        while isinstance(command, click.Group):
            command = command.get_command(context, words.pop(0))
        assert command and command.callback
        parameters = dict(command.make_context(str(command.name), words).params)
        assert parameters.pop("name") == "aws", "on the page it is the account"
        del parameters["file"]
        try:
            command.callback.__wrapped__(config=self.config, target=self.target, **parameters)  # type: ignore[attr-defined]
        except click.exceptions.Exit as ending:
            return ending.exit_code
        return 0

    def _aws(self, service: str, operation: str, *words: str) -> Any:
        """The aws CLI's way to write a request, sent by boto3."""
        client = self.aws.client(service)
        if operation == "wait":
            name, *words = words  # type: ignore[assignment]
            parameters = {pascal(flag): value for flag, value in zip(words[::2], words[1::2], strict=True)}
            return client.get_waiter(name.replace("-", "_")).wait(**parameters, WaiterConfig={"Delay": 1})
        method = operation.replace("-", "_")
        shape = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method]).input_shape
        members = {"--" + xform_name(name, "-"): (name, member) for name, member in shape.members.items()}
        request = {}
        for flag, value in zip(words[::2], words[1::2], strict=True):
            name, member = members[flag]
            request[name] = [value] if member.type_name == "list" else value
        return getattr(client, method)(**request)


def pascal(flag: str) -> str:
    return "".join(word.capitalize() for word in flag.strip("-").split("-"))


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    command = (sys.executable, str(ROOT / "tests/support/stub_container.py"), "good", str(tmp_path / "pid"))
    lmi = ImageRule("djl-inference:*", command, "dockerd-entrypoint.sh")
    with local_aws(tmp_path / "state", (lmi,), time_scale=0.02) as aws:
        someone = Operator(aws)
        someone.releases()
        yield someone


def lines(block: str) -> list[str]:
    return [line for line in block.splitlines() if line]


def test_what_costs_by_the_hour_goes_and_then_everything_else(operator: Operator, capsys) -> None:
    sagemaker, scheduler = operator.aws.client("sagemaker"), operator.aws.client("scheduler")
    *before, status = lines(ENDPOINTS)
    answers = [operator.types(line) for line in before]
    assert [each["EndpointName"] for each in answers[2]["Endpoints"]] == [ENDPOINT]
    assert triggers.schedule_state(scheduler, operator.config) == "DISABLED"
    eventually(lambda: not sagemaker.list_endpoints()["Endpoints"])
    assert operator.types(status) == 1
    assert f"Endpoint {ENDPOINT} is gone" in capsys.readouterr().out

    for line in lines(EVERYTHING):
        operator.types(line)
    assert sagemaker.list_pipelines()["PipelineSummaries"] == []
    assert scheduler.list_schedules()["Schedules"] == []
    assert operator.aws.client("events").list_rules()["Rules"] == []
    assert operator.aws.client("dynamodb").list_tables()["TableNames"] == []
    assert stack.find_outputs(operator.aws.client("cloudformation"), STACK) is None
    assert [each["Name"] for each in operator.aws.client("s3").list_buckets()["Buckets"]] == [
        "sluice-123456789012-us-east-1"
    ], "which the page says stays"
    groups = operator.aws.client("logs").describe_log_groups()["logGroups"]
    assert all(each["logGroupName"].startswith("/aws/sagemaker/") for each in groups), "which the page says as well"

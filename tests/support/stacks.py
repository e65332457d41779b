"""CloudFormation stacks for tests, written as one reads them."""

import json
from pathlib import Path
from typing import Any

from localaws_fixture import LocalAws

TEMPLATE = (Path(__file__).parents[2] / "infra" / "stack.yaml").read_text(encoding="utf-8")


def request(name: str, template: Any, **parameters: str) -> dict[str, Any]:
    return {
        "StackName": name,
        "TemplateBody": template if isinstance(template, str) else json.dumps(template),
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
    }


def create(aws: LocalAws, name: str, template: Any, **parameters: str) -> str:
    return str(aws.client("cloudformation").create_stack(**request(name, template, **parameters))["StackId"])


def update(aws: LocalAws, name: str, template: Any, **parameters: str) -> None:
    aws.client("cloudformation").update_stack(**request(name, template, **parameters))


def stack(aws: LocalAws, name: str) -> dict[str, Any]:
    found: dict[str, Any] = aws.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    return found


def outputs(aws: LocalAws, name: str) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack(aws, name).get("Outputs", [])}


def events(aws: LocalAws, stack_id: str) -> list[tuple[str, str, str]]:
    found = aws.client("cloudformation").describe_stack_events(StackName=stack_id)["StackEvents"]
    return [
        (event["LogicalResourceId"], event["ResourceStatus"], event.get("ResourceStatusReason", "")) for event in found
    ]


def resources(**resources: Any) -> dict[str, Any]:
    return {"Resources": resources}


def log_group(name: Any, **more: Any) -> dict[str, Any]:
    return {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name, **more}}


def log_groups(aws: LocalAws, prefix: str) -> dict[str, int | None]:
    found = aws.client("logs").describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]
    return {group["logGroupName"]: group.get("retentionInDays") for group in found}

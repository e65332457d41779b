"""The account's own things (infra/stack.yaml): applied as one CloudFormation stack, and read back as `StackOutputs`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError, WaiterError

from sluice.config.model import PipelineConfig, StackOutputs
from sluice.errors import SluiceError

if TYPE_CHECKING:
    from types_boto3_cloudformation.client import CloudFormationClient

COMPLETE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"}


class StackFailed(SluiceError):
    """CloudFormation could not create or change the stack; what it had begun is rolled back by the service."""


@dataclass(frozen=True)
class Applied:
    change: Literal["created", "changed", "unchanged"]
    outputs: Mapping[str, str]


def find_outputs(cloudformation: "CloudFormationClient", stack: str) -> Mapping[str, str] | None:
    """Read the stack's outputs; None if it is not there (or never came up)."""
    described = _describe(cloudformation, stack)
    if described is None or described["StackStatus"] not in COMPLETE:
        return None
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def stack_parameters(config: PipelineConfig) -> dict[str, str]:
    """Return the parameters that the template takes from the file; the rest are its own defaults."""
    mlflow = config.evaluation.mlflow or ""
    judge, embeddings = config.evaluation.judge, config.evaluation.embeddings
    return {
        "HistoryTableName": config.history.table,
        "KmsKeyArn": config.kms_key or "",
        "UseVpc": "yes" if config.vpc else "no",
        "MlflowArn": mlflow if mlflow.startswith("arn:") else "",
        "JudgeSecretArn": (judge.key_secret if judge else None) or "",
        "EmbeddingsSecretArn": (embeddings.key_secret if embeddings else None) or "",
        "UseBedrock": "yes" if any(each and not each.url for each in (judge, embeddings)) else "no",
    }


def apply_stack(
    cloudformation: "CloudFormationClient", stack: str, template: str, parameters: Mapping[str, str]
) -> Applied:
    """Create or update the stack and wait for it. Raises StackFailed with the first resource that failed and why."""
    request: dict[str, Any] = {
        "StackName": stack,
        "TemplateBody": template,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
    }
    change: Literal["created", "changed", "unchanged"] = "created"
    waiter: Literal["stack_create_complete", "stack_update_complete"] = "stack_create_complete"
    identity = stack
    if _describe(cloudformation, stack) is None:
        # By its id, a stack that failed and was deleted can still be asked why; by its name it cannot.
        identity = cloudformation.create_stack(**request, OnFailure="DELETE")["StackId"]
    else:
        change, waiter = "changed", "stack_update_complete"
        try:
            cloudformation.update_stack(**request)
        except ClientError as error:
            if "No updates are to be performed" not in error.response["Error"]["Message"]:
                raise
            change = "unchanged"
    if change != "unchanged":
        try:
            cloudformation.get_waiter(waiter).wait(StackName=identity, WaiterConfig={"Delay": 2, "MaxAttempts": 300})
        except WaiterError as error:
            raise StackFailed(f"The stack {stack!r} failed: {_first_failure(cloudformation, identity)}") from error
    outputs = find_outputs(cloudformation, stack)
    if outputs is None:
        raise StackFailed(f"The stack {stack!r} failed: {_first_failure(cloudformation, identity)}")
    return Applied(change, outputs)


def stack_outputs(outputs: Mapping[str, str], region: str, role_arn: str | None = None) -> StackOutputs:
    """Return where releases run: the stack's outputs, but with the execution role that pipeline.yaml names, if any."""
    trigger = outputs["TriggerRoleArn"]
    return StackOutputs(
        account_id=trigger.split(":")[4],
        region=region,
        bucket=outputs["BucketName"],
        role_arn=role_arn or outputs["ExecutionRoleArn"],
        trigger_role_arn=trigger,
    )


def _describe(cloudformation: "CloudFormationClient", stack: str) -> Mapping[str, Any] | None:
    try:
        described: Mapping[str, Any] = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise
    return None if described["StackStatus"] == "DELETE_COMPLETE" else described


def _first_failure(cloudformation: "CloudFormationClient", stack: str) -> str:
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    failed = [event for event in reversed(events) if event.get("ResourceStatus", "").endswith("FAILED")]
    if not failed:
        return "CloudFormation names no resource; see its console."
    return f"{failed[0]['LogicalResourceId']}: {failed[0].get('ResourceStatusReason', 'no reason given')}"

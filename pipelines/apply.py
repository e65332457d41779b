"""Reads what a release has in an account, and makes it what the plan wants."""

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from sluice.config.model import PipelineConfig
from sluice.pipelines import triggers
from sluice.pipelines.plan import Change, Json, ReleaseResources, names

if TYPE_CHECKING:
    from types_boto3_events.client import EventBridgeClient
    from types_boto3_sagemaker.client import SageMakerClient
    from types_boto3_scheduler.client import EventBridgeSchedulerClient

NOT_THERE = ("does not exist", "not exist", "not found", "could not find")


def read_resources(
    sagemaker: "SageMakerClient",
    events: "EventBridgeClient",
    scheduler: "EventBridgeSchedulerClient",
    config: PipelineConfig,
) -> ReleaseResources:
    """Read what the account has of this release now; writes nothing."""
    return ReleaseResources(
        names(config),
        group=read_group(sagemaker, config.registry.group, config.tags),
        release=read_pipeline(sagemaker, config.release_pipeline, config.tags),
        deploy=read_pipeline(sagemaker, config.deploy_pipeline, config.tags),
        rule=triggers.read_rule(events, config),
        schedule=triggers.read_schedule(scheduler, config),
    )


def apply_changes(
    sagemaker: "SageMakerClient",
    events: "EventBridgeClient",
    scheduler: "EventBridgeSchedulerClient",
    config: PipelineConfig,
    desired: ReleaseResources,
    changes: Sequence[Change],
) -> None:
    """Write the changes to the account: what they do not name is not touched, and without any nothing is called."""
    kinds = {change.resource: change.kind for change in changes}
    for part in ("group", "release", "deploy", "rule", "schedule"):
        kind = kinds.get(desired.names[part])
        if kind is None:
            continue
        resource = getattr(desired, part)
        if part == "group":
            write_group(sagemaker, config.registry.group, kind, resource)
        elif part == "rule":
            triggers.write_rule(events, config, resource)
        elif part == "schedule":
            triggers.write_schedule(scheduler, config, kind, resource)
        else:
            name = config.release_pipeline if part == "release" else config.deploy_pipeline
            write_pipeline(sagemaker, name, kind, resource)


def start_execution(
    sagemaker: "SageMakerClient",
    name: str,
    parameters: Mapping[str, str] | None = None,
    display_name: str | None = None,
    token: str | None = None,
) -> str:
    """Start an execution and return its ARN. The same token twice starts one."""
    request: Json = {"PipelineName": name, "ClientRequestToken": token or new_token()}
    if parameters:
        request["PipelineParameters"] = [{"Name": key, "Value": value} for key, value in parameters.items()]
    if display_name:
        request["PipelineExecutionDisplayName"] = display_name
    arn: str = sagemaker.start_pipeline_execution(**request)["PipelineExecutionArn"]
    return arn


def read_group(sagemaker: "SageMakerClient", name: str, tags: Mapping[str, str]) -> Json | None:
    try:
        described = sagemaker.describe_model_package_group(ModelPackageGroupName=name)
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    return {"Tags": read_tags(sagemaker, described["ModelPackageGroupArn"], tags)}


def read_pipeline(sagemaker: "SageMakerClient", name: str, tags: Mapping[str, str]) -> Json | None:
    try:
        described = sagemaker.describe_pipeline(PipelineName=name)
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    return {
        "Definition": json.loads(described["PipelineDefinition"]),
        "RoleArn": described["RoleArn"],
        "Tags": read_tags(sagemaker, described["PipelineArn"], tags),
    }


def write_group(sagemaker: "SageMakerClient", name: str, kind: str, desired: Json) -> None:
    if kind == "create":
        about = "Versions of a chat model, recorded by Sluice."
        sagemaker.create_model_package_group(
            ModelPackageGroupName=name, ModelPackageGroupDescription=about, **tags_argument(desired)
        )
        return
    arn = sagemaker.describe_model_package_group(ModelPackageGroupName=name)["ModelPackageGroupArn"]
    write_tags(sagemaker, arn, desired)


def write_pipeline(sagemaker: "SageMakerClient", name: str, kind: str, desired: Json) -> None:
    request = {
        "PipelineName": name,
        "PipelineDefinition": json.dumps(desired["Definition"], ensure_ascii=False),
        "RoleArn": desired["RoleArn"],
    }
    if kind == "create":
        sagemaker.create_pipeline(**request, ClientRequestToken=new_token(), **tags_argument(desired))
        return
    arn = sagemaker.update_pipeline(**request)["PipelineArn"]
    write_tags(sagemaker, arn, desired)


def read_tags(sagemaker: "SageMakerClient", arn: str, ours: Mapping[str, str]) -> dict[str, str]:
    """Read those of a resource's tags that the file names too; others are none of our business."""
    if not ours:
        return {}
    pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
    tags = {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
    return {key: tags[key] for key in ours if key in tags}


def write_tags(sagemaker: "SageMakerClient", arn: str, desired: Json) -> None:
    if desired["Tags"]:
        sagemaker.add_tags(ResourceArn=arn, **tags_argument(desired))


def tags_argument(desired: Json) -> Json:
    pairs = [{"Key": key, "Value": value} for key, value in desired["Tags"].items()]
    return {"Tags": pairs} if pairs else {}


def new_token() -> str:
    return secrets.token_hex(16)


def is_missing(error: ClientError) -> bool:
    """Whether SageMaker says, in one of several codes and words, that there is no such thing."""
    details = error.response["Error"]
    message = details.get("Message", "").lower()
    return details.get("Code") in {"ResourceNotFound", "ResourceNotFoundException"} or any(
        words in message for words in NOT_THERE
    )

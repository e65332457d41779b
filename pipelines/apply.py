"""Reads what a release has in an account, and makes it what the plan wants."""

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from sluice.config.model import PipelineConfig
from sluice.pipelines import triggers
from sluice.pipelines.plan import Change, Json, ReleaseResources, names

NOT_THERE = ("does not exist", "not exist", "not found", "could not find")


def current(sagemaker: Any, events: Any, scheduler: Any, config: PipelineConfig) -> ReleaseResources:
    """What is there now. Reads only."""
    return ReleaseResources(
        names(config),
        group=group(sagemaker, config.registry.group, config.tags),
        release=pipeline(sagemaker, config.release_pipeline, config.tags),
        deploy=pipeline(sagemaker, config.deploy_pipeline, config.tags),
        rule=triggers.rule(events, config),
        schedule=triggers.schedule(scheduler, config),
    )


def apply(
    sagemaker: Any,
    events: Any,
    scheduler: Any,
    config: PipelineConfig,
    desired: ReleaseResources,
    changes: Sequence[Change],
) -> None:
    """Carry out the changes: what they do not name is not touched, and with none of them nothing is called."""
    kinds = {change.resource: change.kind for change in changes}
    for part in ("group", "release", "deploy", "rule", "schedule"):
        kind = kinds.get(desired.names[part])
        if kind is None:
            continue
        wanted = getattr(desired, part)
        if part == "group":
            write_group(sagemaker, config.registry.group, kind, wanted)
        elif part == "rule":
            triggers.write_rule(events, config, wanted)
        elif part == "schedule":
            triggers.write_schedule(scheduler, config, kind, wanted)
        else:
            name = config.release_pipeline if part == "release" else config.deploy_pipeline
            write_pipeline(sagemaker, name, kind, wanted)


def start(
    sagemaker: Any,
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


def group(sagemaker: Any, name: str, tags: Mapping[str, str]) -> Json | None:
    try:
        described = sagemaker.describe_model_package_group(ModelPackageGroupName=name)
    except ClientError as error:
        if not_there(error):
            return None
        raise
    return {"Tags": tags_of(sagemaker, described["ModelPackageGroupArn"], tags)}


def pipeline(sagemaker: Any, name: str, tags: Mapping[str, str]) -> Json | None:
    try:
        described = sagemaker.describe_pipeline(PipelineName=name)
    except ClientError as error:
        if not_there(error):
            return None
        raise
    return {
        "Definition": json.loads(described["PipelineDefinition"]),
        "RoleArn": described["RoleArn"],
        "Tags": tags_of(sagemaker, described["PipelineArn"], tags),
    }


def write_group(sagemaker: Any, name: str, kind: str, wanted: Json) -> None:
    if kind == "create":
        about = "Versions of a chat model, recorded by Sluice."
        sagemaker.create_model_package_group(
            ModelPackageGroupName=name, ModelPackageGroupDescription=about, **tagged(wanted)
        )
        return
    arn = sagemaker.describe_model_package_group(ModelPackageGroupName=name)["ModelPackageGroupArn"]
    write_tags(sagemaker, arn, wanted)


def write_pipeline(sagemaker: Any, name: str, kind: str, wanted: Json) -> None:
    request = {
        "PipelineName": name,
        "PipelineDefinition": json.dumps(wanted["Definition"], ensure_ascii=False),
        "RoleArn": wanted["RoleArn"],
    }
    if kind == "create":
        sagemaker.create_pipeline(**request, ClientRequestToken=new_token(), **tagged(wanted))
        return
    arn = sagemaker.update_pipeline(**request)["PipelineArn"]
    write_tags(sagemaker, arn, wanted)


def tags_of(sagemaker: Any, arn: str, ours: Mapping[str, str]) -> dict[str, str]:
    """The tags that the file names too; others are none of our business."""
    if not ours:
        return {}
    pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
    found = {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
    return {key: found[key] for key in ours if key in found}


def write_tags(sagemaker: Any, arn: str, wanted: Json) -> None:
    if wanted["Tags"]:
        sagemaker.add_tags(ResourceArn=arn, **tagged(wanted))


def tagged(wanted: Json) -> Json:
    pairs = [{"Key": key, "Value": value} for key, value in wanted["Tags"].items()]
    return {"Tags": pairs} if pairs else {}


def new_token() -> str:
    return secrets.token_hex(16)


def not_there(error: ClientError) -> bool:
    """SageMaker says so in several codes and words."""
    told = error.response["Error"]
    message = told.get("Message", "").lower()
    return told.get("Code") in {"ResourceNotFound", "ResourceNotFoundException"} or any(
        words in message for words in NOT_THERE
    )

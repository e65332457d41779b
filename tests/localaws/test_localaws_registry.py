"""The Model Registry of the local AWS, through plain boto3."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from localaws_fixture import IMAGE, REGION, LocalAws, aws, eventually

__all__ = ["aws"]

SPECIFICATION = {
    "Containers": [{"Image": IMAGE, "Environment": {"OPTION_MAX_MODEL_LEN": "512"}}],
    "SupportedContentTypes": ["application/json"],
    "SupportedResponseMIMETypes": ["application/jsonlines"],
}


def group(aws: LocalAws, name: str) -> str:
    aws.client("sagemaker").create_model_package_group(ModelPackageGroupName=name)
    return name


def register(aws: LocalAws, name: str, **more: Any) -> str:
    answer = aws.client("sagemaker").create_model_package(
        ModelPackageGroupName=name, InferenceSpecification=SPECIFICATION, **more
    )
    return str(answer["ModelPackageArn"])


def describe(aws: LocalAws, arn: str) -> dict[str, Any]:
    description: dict[str, Any] = aws.client("sagemaker").describe_model_package(ModelPackageName=arn)
    return description


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return str(caught.value.response["Error"]["Code"])


def test_a_package_keeps_all_it_was_registered_with(aws: LocalAws) -> None:
    members = {
        "ModelLifeCycle": {"Stage": "Development", "StageStatus": "Trained"},
        "ModelMetrics": {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": "s3://b/k"}}},
        "CustomerMetadataProperties": {"model_id": "Qwen/Qwen3-4B", "설명": "한글 값"},
        "SourceUri": "s3://bucket/models/1/",
        "SkipModelValidation": "All",
        "ModelCard": {"ModelCardContent": "{}", "ModelCardStatus": "Draft"},
        "ModelPackageDescription": "the first",
        "Domain": "NATURAL_LANGUAGE_PROCESSING",
        "Task": "TEXT_GENERATION",
    }
    description = describe(aws, register(aws, group(aws, "keeps"), **members))
    assert {name: description[name] for name in members} == members
    assert description["InferenceSpecification"] == SPECIFICATION
    assert description["ModelApprovalStatus"] == "PendingManualApproval"
    assert description["ModelPackageStatus"] == "Completed"


def test_versions_count_up_and_none_is_given_twice(aws: LocalAws) -> None:
    name = group(aws, "counts")
    arns = [register(aws, name) for _ in range(3)]
    assert [describe(aws, arn)["ModelPackageVersion"] for arn in arns] == [1, 2, 3]
    for arn in (arns[0], arns[2]):
        aws.client("sagemaker").delete_model_package(ModelPackageName=arn)
    assert describe(aws, register(aws, name))["ModelPackageVersion"] == 4
    assert describe(aws, arns[1])["ModelPackageVersion"] == 2


def test_an_update_changes_what_it_names_and_nothing_else(aws: LocalAws) -> None:
    arn = register(aws, group(aws, "updates"), CustomerMetadataProperties={"a": "1", "b": "1"})
    update = aws.client("sagemaker").update_model_package
    update(ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="looks good")
    update(
        ModelPackageArn=arn, CustomerMetadataProperties={"b": "2", "c": "2"}, CustomerMetadataPropertiesToRemove=["a"]
    )
    update(ModelPackageArn=arn, ModelLifeCycle={"Stage": "Production", "StageStatus": "Live"})
    description = describe(aws, arn)
    assert description["ModelApprovalStatus"] == "Approved"
    assert description["ApprovalDescription"] == "looks good"
    assert description["CustomerMetadataProperties"] == {"b": "2", "c": "2"}
    assert description["ModelLifeCycle"] == {"Stage": "Production", "StageStatus": "Live"}
    assert description["LastModifiedTime"] > description["CreationTime"]
    assert description["InferenceSpecification"] == SPECIFICATION


def test_a_list_is_sorted_filtered_and_paged_and_shows_stage_and_approval(aws: LocalAws) -> None:
    name = group(aws, "lists")
    arns = [register(aws, name) for _ in range(5)]
    sagemaker = aws.client("sagemaker")
    sagemaker.update_model_package(
        ModelPackageArn=arns[1], ModelApprovalStatus="Approved", ModelLifeCycle={"Stage": "P", "StageStatus": "Live"}
    )
    pages = list(
        sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=name, SortBy="CreationTime", SortOrder="Descending", PaginationConfig={"PageSize": 2}
        )
    )
    assert [len(page["ModelPackageSummaryList"]) for page in pages] == [2, 2, 1]
    summaries = [each for page in pages for each in page["ModelPackageSummaryList"]]
    assert [each["ModelPackageVersion"] for each in summaries] == [5, 4, 3, 2, 1]
    assert summaries[3]["ModelApprovalStatus"] == "Approved"
    assert summaries[3]["ModelLifeCycle"] == {"Stage": "P", "StageStatus": "Live"}
    assert "CustomerMetadataProperties" not in summaries[3]
    approved = sagemaker.list_model_packages(ModelPackageGroupName=name, ModelApprovalStatus="Approved")
    assert [each["ModelPackageArn"] for each in approved["ModelPackageSummaryList"]] == [arns[1]]
    by_arn = sagemaker.describe_model_package_group(ModelPackageGroupName=name)["ModelPackageGroupArn"]
    assert len(sagemaker.list_model_packages(ModelPackageGroupName=by_arn)["ModelPackageSummaryList"]) == 5


def test_a_version_that_is_added_between_two_pages_shifts_nothing(aws: LocalAws) -> None:
    name = group(aws, "shifts")
    for _ in range(3):
        register(aws, name)
    request = {"ModelPackageGroupName": name, "SortOrder": "Descending", "MaxResults": 2}
    first = aws.client("sagemaker").list_model_packages(**request)
    register(aws, name)
    second = aws.client("sagemaker").list_model_packages(**request, NextToken=first["NextToken"])
    assert [each["ModelPackageVersion"] for each in second["ModelPackageSummaryList"]] == [1]
    assert (
        refused(aws.client("sagemaker").list_model_packages, **request, NextToken="bm9uc2Vuc2U=")
        == "ValidationException"
    )


def test_the_same_token_registers_once(aws: LocalAws) -> None:
    name = group(aws, "once")
    assert register(aws, name, ClientToken="t" * 36) == register(aws, name, ClientToken="t" * 36)


def test_what_does_not_exist_or_is_not_allowed_is_a_validation_exception(aws: LocalAws) -> None:
    name = group(aws, "wrong")
    arn = register(aws, name)
    sagemaker = aws.client("sagemaker")
    unknown = f"{arn}9"
    for call, arguments in [
        (sagemaker.create_model_package_group, {"ModelPackageGroupName": name}),
        (sagemaker.describe_model_package_group, {"ModelPackageGroupName": "nobody"}),
        (sagemaker.list_model_packages, {"ModelPackageGroupName": "nobody"}),
        (sagemaker.create_model_package, {"ModelPackageGroupName": "nobody"}),
        (sagemaker.describe_model_package, {"ModelPackageName": unknown}),
        (sagemaker.update_model_package, {"ModelPackageArn": unknown, "ModelApprovalStatus": "Approved"}),
        (sagemaker.delete_model_package, {"ModelPackageName": unknown}),
        (sagemaker.update_model_package, {"ModelPackageArn": arn, "ModelApprovalStatus": "Perhaps"}),
        (sagemaker.update_model_package, {"ModelPackageArn": arn, "CustomerMetadataProperties": {"a": "#!"}}),
        (sagemaker.update_model_package, {"ModelPackageArn": arn, "CustomerMetadataProperties": {"a": "x" * 257}}),
        (sagemaker.list_model_packages, {"MaxResults": 101}),
        (sagemaker.list_tags, {"ResourceArn": unknown}),
    ]:
        assert refused(call, **arguments) == "ValidationException", (call, arguments)


def test_a_package_has_at_most_fifty_properties(aws: LocalAws) -> None:
    arn = register(aws, group(aws, "fifty"), CustomerMetadataProperties={f"k{n}": "v" for n in range(50)})
    update = aws.client("sagemaker").update_model_package
    assert refused(update, ModelPackageArn=arn, CustomerMetadataProperties={"one": "more"}) == "ValidationException"
    assert len(describe(aws, arn)["CustomerMetadataProperties"]) == 50


def test_a_group_goes_when_it_is_empty(aws: LocalAws) -> None:
    name = group(aws, "emptied")
    arn = register(aws, name)
    sagemaker = aws.client("sagemaker")
    assert refused(sagemaker.delete_model_package_group, ModelPackageGroupName=name) == "ConflictException"
    sagemaker.delete_model_package(ModelPackageName=arn)
    sagemaker.delete_model_package_group(ModelPackageGroupName=name)
    groups = sagemaker.list_model_package_groups(NameContains=name)["ModelPackageGroupSummaryList"]
    assert groups == []


def test_packages_have_tags(aws: LocalAws) -> None:
    arn = register(aws, group(aws, "tagged"))
    sagemaker = aws.client("sagemaker")
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "chat"}, {"Key": "a", "Value": "1"}])
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "2"}])
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "2"}]


def test_an_approval_is_an_event_that_says_which_fields_changed(aws: LocalAws) -> None:
    aws.client("logs").create_log_group(logGroupName="/package-events")
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {"ModelPackageGroupName": ["heard"]},
    }
    aws.client("events").put_rule(Name="heard", EventPattern=json.dumps(pattern))
    target = f"arn:aws:logs:{REGION}:123456789012:log-group:/package-events"
    aws.client("events").put_targets(Rule="heard", Targets=[{"Id": "1", "Arn": target}])
    arn = register(aws, group(aws, "heard"), CustomerMetadataProperties={"verdict": "pass"})
    update = aws.client("sagemaker").update_model_package
    update(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    update(
        ModelPackageArn=arn, ModelLifeCycle={"Stage": "P", "StageStatus": "Live"}, CustomerMetadataProperties={"a": "b"}
    )

    lines = eventually(lambda: len(lines_so_far := aws.log_lines("/package-events")) == 3 and lines_so_far)
    created, approved, live = sorted((json.loads(line) for line in lines), key=lambda event: len(str(event["detail"])))
    assert "UpdatedModelPackageFields" not in created["detail"]
    detail = approved["detail"]
    assert approved["resources"] == [detail["ModelPackageArn"]] == [arn]
    assert (detail["ModelPackageVersion"], detail["ModelPackageStatus"]) == (1, "Completed")
    assert detail["ModelApprovalStatus"] == "Approved"
    assert detail["UpdatedModelPackageFields"] == ["ModelApprovalStatus"]
    assert detail["CustomerMetadataProperties"] == {"verdict": "pass"}
    assert live["detail"]["UpdatedModelPackageFields"] == ["CustomerMetadataProperties", "ModelLifeCycle"]
    assert live["detail"]["ModelLifeCycle"] == {"Stage": "P", "StageStatus": "Live"}


def test_an_unversioned_package_is_known_by_its_name(aws: LocalAws) -> None:
    sagemaker = aws.client("sagemaker")
    sagemaker.create_model_package(ModelPackageName="Alone", InferenceSpecification=SPECIFICATION)
    assert describe(aws, "Alone")["ModelPackageName"] == "Alone"
    assert "ModelPackageVersion" not in describe(aws, "Alone")
    names = [each["ModelPackageName"] for each in sagemaker.list_model_packages()["ModelPackageSummaryList"]]
    assert names == ["Alone"]
    assert refused(sagemaker.create_model_package, ModelPackageName="Alone") == "ValidationException"

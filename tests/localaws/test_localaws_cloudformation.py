"""Stacks do what they say, or are refused by name, or are rolled back and say why."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from localaws_fixture import LocalAws, aws
from stacks import TEMPLATE, create, events, log_group, log_groups, outputs, request, resources, stack, update

__all__ = ["aws"]


REFUSED = [
    ({"Type": "AWS::SageMaker::Pipeline"}, "AWS::SageMaker::Pipeline (It)"),
    ({"Type": "AWS::SageMaker::ModelPackageGroup"}, "AWS::SageMaker::ModelPackageGroup (It)"),
    ({"Type": "AWS::CloudWatch::Alarm"}, "AWS::CloudWatch::Alarm (It)"),
    ({"Type": "AWS::Scheduler::Schedule"}, "AWS::Scheduler::Schedule (It)"),
    ({"Type": "Custom::Thing"}, "Custom::Thing (It)"),
    (log_group("/x", KmsKeyId="k"), "AWS::Logs::LogGroup.KmsKeyId (It)"),
    ({"Type": "AWS::S3::Bucket", "Properties": {"WebsiteConfiguration": {}}}, "AWS::S3::Bucket.WebsiteConfiguration"),
    (
        {"Type": "AWS::S3::Bucket", "Properties": {"LifecycleConfiguration": {"Rules": [{"Transitions": []}]}}},
        "AWS::S3::Bucket.LifecycleConfiguration.Rules.Transitions",
    ),
    ({"Type": "AWS::DynamoDB::Table", "Properties": {"StreamSpecification": {}}}, "AWS::DynamoDB::Table.StreamSpec"),
    ({"Type": "AWS::IAM::Role", "Properties": {"PermissionsBoundary": "x"}}, "AWS::IAM::Role.PermissionsBoundary"),
    ({"Type": "AWS::S3::Bucket", "DeletionPolicy": "Snapshot"}, "a Snapshot of AWS::S3::Bucket"),
    ({"Type": "AWS::S3::Bucket", "CreationPolicy": {}}, "the attribute CreationPolicy of AWS::S3::Bucket"),
    ({"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Fn::ImportValue": "x"}}}, "Fn::ImportValue"),
]


@pytest.mark.parametrize(("spec", "named"), REFUSED, ids=[named for _, named in REFUSED])
def test_what_would_be_passed_over_is_refused_by_name(aws: LocalAws, spec: Any, named: str) -> None:
    with pytest.raises(ClientError) as refusal:
        create(aws, "refused", resources(Logs=log_group("/refused"), It=spec))
    assert refusal.value.response["Error"]["Code"] == "NotImplementedLocally"
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert named in str(refusal.value)
    assert log_groups(aws, "/refused") == {}, "nothing was begun"
    with pytest.raises(ClientError, match="does not exist"):
        stack(aws, "refused")


def test_change_sets_and_updates_refuse_the_same(aws: LocalAws) -> None:
    good, cloudformation = resources(Logs=log_group("/strict")), aws.client("cloudformation")
    bad = resources(Logs=log_group("/strict"), Alarm={"Type": "AWS::CloudWatch::Alarm"})
    with pytest.raises(ClientError, match=r"AWS::CloudWatch::Alarm \(Alarm\)"):
        cloudformation.create_change_set(**request("strict", bad), ChangeSetName="a", ChangeSetType="CREATE")
    create(aws, "strict", good)
    with pytest.raises(ClientError, match=r"AWS::CloudWatch::Alarm \(Alarm\)"):
        update(aws, "strict", bad)
    with pytest.raises(ClientError, match=r"AWS::CloudWatch::Alarm \(Alarm\)"):
        cloudformation.create_change_set(**request("strict", bad), ChangeSetName="b", ChangeSetType="UPDATE")
    assert stack(aws, "strict")["StackStatus"] == "CREATE_COMPLETE"


def test_sections_and_options_are_refused_by_name(aws: LocalAws) -> None:
    template = resources(Logs=log_group("/options"))
    with pytest.raises(ClientError, match="the template section Transform"):
        create(aws, "options", {**template, "Transform": "AWS::Serverless-2016-10-31"})
    with pytest.raises(ClientError, match="Export"):
        create(aws, "options", {**template, "Outputs": {"Out": {"Value": "x", "Export": {"Name": "y"}}}})
    with pytest.raises(ClientError, match="TimeoutInMinutes"):
        aws.client("cloudformation").create_stack(**request("options", template), TimeoutInMinutes=1)


def test_change_sets_do_what_they_show(aws: LocalAws) -> None:
    cloudformation = aws.client("cloudformation")
    parameters = {"Days": {"Type": "Number", "Default": 7}}
    template = {
        "Parameters": parameters,
        **resources(Logs=log_group("/sets", RetentionInDays={"Ref": "Days"})),
        "Outputs": {"Group": {"Value": {"Ref": "Logs"}}},
    }
    arguments = request("sets", template, Days="14")
    cloudformation.create_change_set(**arguments, ChangeSetName="first", ChangeSetType="CREATE")
    changes = cloudformation.describe_change_set(StackName="sets", ChangeSetName="first")["Changes"]
    assert [(each["ResourceChange"]["Action"], each["ResourceChange"]["LogicalResourceId"]) for each in changes] == [
        ("Add", "Logs")
    ]
    assert log_groups(aws, "/sets") == {}
    cloudformation.execute_change_set(StackName="sets", ChangeSetName="first")
    assert (stack(aws, "sets")["StackStatus"], log_groups(aws, "/sets")) == ("CREATE_COMPLETE", {"/sets": 14})
    assert outputs(aws, "sets") == {"Group": "/sets"}
    cloudformation.create_change_set(**arguments, ChangeSetName="same", ChangeSetType="UPDATE")
    same = cloudformation.describe_change_set(StackName="sets", ChangeSetName="same")
    assert same["Status"] == "FAILED" and "didn't contain changes" in same["StatusReason"]
    cloudformation.create_change_set(**request("sets", template), ChangeSetName="week", ChangeSetType="UPDATE")
    cloudformation.execute_change_set(StackName="sets", ChangeSetName="week")
    assert log_groups(aws, "/sets") == {"/sets": 7}


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ({"Name": "Sluice", "HistoryTableName": "h-t"}, "Parameter Name failed .* beginning with a letter"),
        ({"LogRetentionDays": "2"}, "Parameter LogRetentionDays failed .* one of"),
        ({"UseVpc": "maybe"}, "Parameter UseVpc failed"),
        ({"KmsKeyArn": "my-key"}, "Parameter KmsKeyArn failed .* the ARN of a KMS key"),
        ({"Nmae": "x"}, r"Parameters: \[Nmae\] do not exist in the template"),
    ],
)
def test_parameters_are_checked(aws: LocalAws, parameters: dict[str, str], why: str) -> None:
    with pytest.raises(ClientError, match=why) as wrong:
        create(aws, "wrong", TEMPLATE, **parameters)
    assert wrong.value.response["Error"]["Code"] == "ValidationError"


def test_a_template_that_is_none_is_a_clear_error(aws: LocalAws) -> None:
    for template, why in [
        ("a: [b", "Template format error"),
        ("just text", "unsupported structure"),
        ({"Resources": {}}, "At least one Resources member"),
        (resources(Logs=log_group({"Ref": "Nobody"})), r"Unresolved resource dependencies \[Nobody\]"),
        (resources(A={**log_group("/a"), "DependsOn": "B"}), "depends on B"),
    ]:
        with pytest.raises(ClientError, match=why):
            create(aws, "none", template)


def test_roles_take_the_callers_word(aws: LocalAws) -> None:
    arguments = {**request("word", TEMPLATE, Name="word"), "Capabilities": []}
    with pytest.raises(ClientError, match="CAPABILITY_IAM") as wrong:
        aws.client("cloudformation").create_stack(**arguments)
    assert wrong.value.response["Error"]["Code"] == "InsufficientCapabilitiesException"


def failing(name: str) -> dict[str, Any]:
    """The second resource cannot be made: its bucket policy has a condition that cannot be kept here."""
    condition = {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": condition}
    policy = {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    return resources(
        Bucket={
            "Type": "AWS::S3::Bucket",
            "DeletionPolicy": "RetainExceptOnCreate",
            "Properties": {"BucketName": name},
        },
        Policy={"Type": "AWS::S3::BucketPolicy", "Properties": policy},
    )


def buckets(aws: LocalAws) -> set[str]:
    return {bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]}


def test_a_stack_that_fails_is_rolled_back_and_says_why(aws: LocalAws) -> None:
    create(aws, "failing", failing("failing-bucket"))
    assert stack(aws, "failing")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "failing-bucket" not in buckets(aws)
    failed = [(name, why) for name, status, why in events(aws, "failing") if status == "CREATE_FAILED"]
    assert failed[0][0] == "Policy" and "aws:PrincipalOrgID" in failed[0][1]
    with pytest.raises(ClientError, match="ROLLBACK_COMPLETE state and can not be updated"):
        update(aws, "failing", resources(Logs=log_group("/failing")))


def test_a_stack_that_fails_can_go_altogether(aws: LocalAws) -> None:
    template = {**failing("going-bucket"), "Outputs": {"Name": {"Value": {"Ref": "Bucket"}}}}
    created = aws.client("cloudformation").create_stack(**request("going", template), OnFailure="DELETE")
    with pytest.raises(ClientError, match="does not exist"):
        stack(aws, "going")
    assert stack(aws, created["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert ("Policy", "CREATE_FAILED") in [event[:2] for event in events(aws, created["StackId"])]
    assert "going-bucket" not in buckets(aws)


def test_a_name_that_is_taken_fails_the_stack(aws: LocalAws) -> None:
    aws.client("s3").create_bucket(Bucket="taken-bucket")
    create(aws, "taken", resources(It={"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "taken-bucket"}}))
    assert stack(aws, "taken")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert ("It", "CREATE_FAILED", "taken-bucket already exists") in events(aws, "taken")
    assert "taken-bucket" in buckets(aws), "it is not the stack's to remove"


def test_an_update_that_fails_puts_back_what_was_there(aws: LocalAws) -> None:
    before = resources(Logs=log_group("/back", RetentionInDays=7))
    create(aws, "back", before)
    worse = failing("back-bucket")
    worse["Resources"] |= resources(Logs=log_group("/back", RetentionInDays=14))["Resources"]
    update(aws, "back", worse)
    assert stack(aws, "back")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert log_groups(aws, "/back") == {"/back": 7}
    assert ("Policy", "UPDATE_FAILED") in [event[:2] for event in events(aws, "back")]
    update(aws, "back", resources(Logs=log_group("/back", RetentionInDays=30)))
    assert log_groups(aws, "/back") == {"/back": 30}


def test_what_a_template_no_longer_has_is_removed_unless_it_is_to_stay(aws: LocalAws) -> None:
    gone, stays, other = log_group("/gone"), {**log_group("/stays"), "DeletionPolicy": "Retain"}, log_group("/other")
    create(aws, "shrinking", resources(Gone=gone, Stays=stays, Other=other))
    update(aws, "shrinking", resources(Other=other))
    assert (log_groups(aws, "/gone"), log_groups(aws, "/stays")) == ({}, {"/stays": None})


def test_a_bucket_that_holds_something_stops_the_deletion(aws: LocalAws) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "full-bucket"}}
    create(aws, "full", resources(It=bucket))
    aws.client("s3").put_object(Bucket="full-bucket", Key="k", Body=b"x")
    aws.client("cloudformation").delete_stack(StackName="full")
    assert stack(aws, "full")["StackStatus"] == "DELETE_FAILED"
    aws.client("s3").delete_object(Bucket="full-bucket", Key="k")
    aws.client("cloudformation").delete_stack(StackName="full")
    assert "full-bucket" not in buckets(aws)


def test_the_stacks_tags_go_to_its_resources(aws: LocalAws) -> None:
    tags = [{"Key": "team", "Value": "chat"}]
    template = resources(It={"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "tagged-bucket"}})
    aws.client("cloudformation").create_stack(**request("tagged", template), Tags=tags)
    assert aws.client("s3").get_bucket_tagging(Bucket="tagged-bucket")["TagSet"] == tags


def test_a_policy_whose_condition_cannot_be_kept_is_refused(aws: LocalAws) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="conditional-bucket")
    document = failing("x")["Resources"]["Policy"]["Properties"]["PolicyDocument"]
    with pytest.raises(ClientError, match="aws:PrincipalOrgID") as refusal:
        s3.put_bucket_policy(Bucket="conditional-bucket", Policy=json.dumps(document))
    assert refusal.value.response["Error"]["Code"] == "NotImplementedLocally"


def test_a_deny_without_a_condition_still_denies(aws: LocalAws) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="closed-bucket")
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::closed-bucket/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket="closed-bucket", Policy=json.dumps(policy))
    with pytest.raises(ClientError, match=r"AccessDenied|403"):
        s3.put_object(Bucket="closed-bucket", Key="k", Body=b"x")

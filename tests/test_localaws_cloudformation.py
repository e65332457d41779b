"""The account's own things (infra/stack.yaml), and stacks that do what they say or are refused by name."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from localaws_fixture import REGION, LocalAws, local_aws

ACCOUNT = "123456789012"
TEMPLATE = (Path(__file__).parent.parent / "infra" / "stack.yaml").read_text(encoding="utf-8")
BUCKET = f"sluice-{ACCOUNT}-{REGION}"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with local_aws(tmp_path_factory.mktemp("localaws")) as server:
        yield server


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


@pytest.fixture(scope="module")
def made(aws: LocalAws) -> dict[str, str]:
    """The outputs of the real template, applied with what bootstrap passes."""
    create(aws, "sluice", TEMPLATE, HistoryTableName="sluice-history")
    assert stack(aws, "sluice")["StackStatus"] == "CREATE_COMPLETE"
    return outputs(aws, "sluice")


def test_the_outputs_name_what_was_made(made: dict[str, str]) -> None:
    assert {name: value for name, value in made.items() if not name.endswith("Arn")} == {
        "BucketName": BUCKET,
        "HistoryTableName": "sluice-history",
        "ServerLogGroup": "/sluice/server",
        "AuditLogGroup": "/aws/events/sluice",
    }
    iam = f"arn:aws:iam::{ACCOUNT}"
    assert made["ExecutionRoleArn"].startswith(f"{iam}:role/")
    assert made["TriggerRoleArn"].startswith(f"{iam}:role/")
    assert made["ServerPolicyArn"].startswith(f"{iam}:policy/")


def test_the_bucket_is_versioned_encrypted_private_and_tidied(aws: LocalAws, made: dict[str, str]) -> None:
    s3 = aws.client("s3")
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    rules = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert set(s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"].values()) == {True}
    ownership = s3.get_bucket_ownership_controls(Bucket=BUCKET)["OwnershipControls"]
    assert ownership["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    lifecycle = {rule["ID"]: rule for rule in s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]}
    assert lifecycle["reports"]["Filter"] == {"Prefix": "reports/"}
    assert lifecycle["reports"]["Expiration"] == {"Days": 730}
    assert lifecycle["noncurrent"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert lifecycle["unfinished-uploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}


def test_the_bucket_shows_its_policy_and_can_still_be_written_to(aws: LocalAws, made: dict[str, str]) -> None:
    s3 = aws.client("s3")
    statement = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"][0]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    s3.put_object(Bucket=BUCKET, Key="reports/한글.json", Body=b"{}")
    assert s3.get_object(Bucket=BUCKET, Key="reports/한글.json")["Body"].read() == b"{}"


def test_the_history_table_is_as_the_server_needs_it(aws: LocalAws, made: dict[str, str]) -> None:
    dynamodb = aws.client("dynamodb")
    table = dynamodb.describe_table(TableName="sluice-history")["Table"]
    assert table["KeySchema"] == [
        {"AttributeName": "user", "KeyType": "HASH"},
        {"AttributeName": "turn", "KeyType": "RANGE"},
    ]
    assert {each["AttributeType"] for each in table["AttributeDefinitions"]} == {"S"}
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSEDescription"]["Status"] == "ENABLED"
    ttl = dynamodb.describe_time_to_live(TableName="sluice-history")["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    backups = dynamodb.describe_continuous_backups(TableName="sluice-history")["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def statements(aws: LocalAws, role_arn: str, policy: str) -> list[dict[str, Any]]:
    role = role_arn.rpartition("/")[2]
    document = aws.client("iam").get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    found: list[dict[str, Any]] = document["Statement"]
    return found


def trusted(aws: LocalAws, role_arn: str) -> Any:
    role = aws.client("iam").get_role(RoleName=role_arn.rpartition("/")[2])["Role"]
    return role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]


def test_the_execution_role_may_do_what_steps_do_and_pass_only_itself(aws: LocalAws, made: dict[str, str]) -> None:
    role = made["ExecutionRoleArn"]
    assert trusted(aws, role) == "sagemaker.amazonaws.com"
    by_name = {statement["Sid"]: statement for statement in statements(aws, role, "execution")}
    assert by_name["Objects"]["Resource"] == f"arn:aws:s3:::{BUCKET}/*"
    assert by_name["PassItself"]["Resource"] == role
    passed_to = by_name["PassItself"]["Condition"]["StringEquals"]["iam:PassedToService"]
    assert passed_to == "sagemaker.amazonaws.com"
    allowed = {action for one in by_name.values() for action in _list(one["Action"])}
    assert {"sagemaker:CreateEndpoint", "sagemaker:UpdateModelPackage", "sagemaker:CreateProcessingJob"} <= allowed
    assert not any("*" in action for action in allowed)
    anywhere = {action for one in by_name.values() if "*" in _list(one["Resource"]) for action in _list(one["Action"])}
    assert anywhere == {
        "ecr:GetAuthorizationToken", "cloudwatch:PutMetricData", "sagemaker:ListModelPackages",
        "sagemaker:ListEndpoints", "sagemaker:ListEndpointConfigs",
    }  # fmt: skip


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_the_trigger_role_starts_pipelines_and_nothing_else(aws: LocalAws, made: dict[str, str]) -> None:
    role = made["TriggerRoleArn"]
    assert trusted(aws, role) == ["events.amazonaws.com", "scheduler.amazonaws.com"]
    assert [(one["Action"], one["Resource"]) for one in statements(aws, role, "start")] == [
        ("sagemaker:StartPipelineExecution", f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/*")
    ]


def test_the_server_policy_is_the_newest_version(aws: LocalAws, made: dict[str, str]) -> None:
    iam = aws.client("iam")
    version = iam.get_policy(PolicyArn=made["ServerPolicyArn"])["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=made["ServerPolicyArn"], VersionId=version)["PolicyVersion"]["Document"]
    by_name = {statement["Sid"]: statement for statement in document["Statement"]}
    assert by_name["History"]["Action"] == ["dynamodb:PutItem", "dynamodb:Query"]
    assert by_name["History"]["Resource"].endswith(":table/sluice-history")
    assert "HistoryKey" not in by_name, "there is no key of one's own"


def test_what_sagemaker_says_is_kept_in_the_audit_log(aws: LocalAws, made: dict[str, str]) -> None:
    from localaws import deliveries
    from localaws import events as bridge

    assert log_groups(aws, "/")["/aws/events/sluice"] == 90
    policies = aws.client("logs").describe_resource_policies()["resourcePolicies"]
    statement = json.loads(policies[0]["policyDocument"])["Statement"][0]
    assert statement["Resource"].endswith(":log-group:/aws/events/sluice:*")
    rule = aws.client("events").describe_rule(Name="sluice-audit")
    assert json.loads(rule["EventPattern"])["source"] == ["aws.sagemaker"]
    bridge.emit(ACCOUNT, REGION, "SageMaker Endpoint State Change", {"EndpointName": "chat"}, [])
    deliveries.settle()
    line = json.loads(aws.log_lines("/aws/events/sluice")[-1])
    assert (line["detail-type"], line["detail"]) == ("SageMaker Endpoint State Change", {"EndpointName": "chat"})


def test_applying_it_again_changes_nothing(aws: LocalAws, made: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="No updates are to be performed") as unchanged:
        update(aws, "sluice", TEMPLATE, HistoryTableName="sluice-history")
    assert unchanged.value.response["Error"]["Code"] == "ValidationError"
    assert stack(aws, "sluice")["StackStatus"] == "CREATE_COMPLETE"


def test_every_resource_has_its_event_and_is_listed(aws: LocalAws, made: dict[str, str]) -> None:
    completed = {name for name, status, _ in events(aws, "sluice") if status == "CREATE_COMPLETE"}
    listed = aws.client("cloudformation").list_stack_resources(StackName="sluice")["StackResourceSummaries"]
    assert completed == {"sluice", *(each["LogicalResourceId"] for each in listed)}
    assert {"Bucket", "HistoryTable", "ExecutionRole", "AuditRule"} < completed
    assert "ExecutionVpcPolicy" not in completed, "its condition does not hold"


def test_updates_reach_what_they_should(aws: LocalAws) -> None:
    """Another name for everything, because the other tests look at the first stack."""
    create(aws, "second", TEMPLATE, Name="second", HistoryTableName="second-history")
    before = outputs(aws, "second")
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/12345678-1234-1234-1234-123456789012"
    update(aws, "second", TEMPLATE.replace("ExpirationInDays: 730", "ExpirationInDays: 365"), Name="second",
           HistoryTableName="second-history", LogRetentionDays="30", UseVpc="yes", KmsKeyArn=key)  # fmt: skip
    assert stack(aws, "second")["StackStatus"] == "UPDATE_COMPLETE"
    assert outputs(aws, "second") == before
    assert log_groups(aws, "/second/") == {"/second/server": 30}
    bucket = before["BucketName"]
    rules = aws.client("s3").get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert next(rule for rule in rules if rule["ID"] == "reports")["Expiration"] == {"Days": 365}
    encryption = aws.client("s3").get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert encryption["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == key
    assert statements(aws, before["ExecutionRoleArn"], "vpc") and statements(aws, before["ExecutionRoleArn"], "key")
    update(aws, "second", TEMPLATE, Name="second", HistoryTableName="second-history")
    role = before["ExecutionRoleArn"].rpartition("/")[2]
    assert aws.client("iam").list_role_policies(RoleName=role)["PolicyNames"] == ["execution"]
    assert log_groups(aws, "/second/") == {"/second/server": 90}


def test_another_table_name_makes_another_table_and_keeps_the_first(aws: LocalAws) -> None:
    create(aws, "moving", TEMPLATE, Name="moving", HistoryTableName="moving-1")
    update(aws, "moving", TEMPLATE, Name="moving", HistoryTableName="moving-2")
    assert outputs(aws, "moving")["HistoryTableName"] == "moving-2"
    assert {"moving-1", "moving-2"} <= set(aws.client("dynamodb").list_tables()["TableNames"])
    arn = outputs(aws, "moving")["ServerPolicyArn"]
    iam = aws.client("iam")
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    assert next(one for one in document["Statement"] if one["Sid"] == "History")["Resource"].endswith("/moving-2")


def test_deleting_the_stack_keeps_the_bucket_and_the_table(aws: LocalAws) -> None:
    create(aws, "leaving", TEMPLATE, Name="leaving", HistoryTableName="leaving-history")
    gone = outputs(aws, "leaving")
    aws.client("cloudformation").delete_stack(StackName="leaving")
    with pytest.raises(ClientError, match="does not exist"):
        stack(aws, "leaving")
    aws.client("s3").head_bucket(Bucket=gone["BucketName"])
    assert "leaving-history" in aws.client("dynamodb").list_tables()["TableNames"]
    assert list(log_groups(aws, "/leaving/")) == []
    with pytest.raises(ClientError, match="not found"):
        aws.client("iam").get_role(RoleName=gone["ExecutionRoleArn"].rpartition("/")[2])


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
    wanted = request("sets", template, Days="14")
    cloudformation.create_change_set(**wanted, ChangeSetName="first", ChangeSetType="CREATE")
    shown = cloudformation.describe_change_set(StackName="sets", ChangeSetName="first")["Changes"]
    assert [(each["ResourceChange"]["Action"], each["ResourceChange"]["LogicalResourceId"]) for each in shown] == [
        ("Add", "Logs")
    ]
    assert log_groups(aws, "/sets") == {}
    cloudformation.execute_change_set(StackName="sets", ChangeSetName="first")
    assert (stack(aws, "sets")["StackStatus"], log_groups(aws, "/sets")) == ("CREATE_COMPLETE", {"/sets": 14})
    assert outputs(aws, "sets") == {"Group": "/sets"}
    cloudformation.create_change_set(**wanted, ChangeSetName="same", ChangeSetType="UPDATE")
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
    wanted = {**request("word", TEMPLATE, Name="word"), "Capabilities": []}
    with pytest.raises(ClientError, match="CAPABILITY_IAM") as wrong:
        aws.client("cloudformation").create_stack(**wanted)
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
    made = aws.client("cloudformation").create_stack(**request("going", template), OnFailure="DELETE")
    with pytest.raises(ClientError, match="does not exist"):
        stack(aws, "going")
    assert stack(aws, made["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert ("Policy", "CREATE_FAILED") in [event[:2] for event in events(aws, made["StackId"])]
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

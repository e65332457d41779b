"""The account's own things: infra/stack.yaml, property by property, on the local AWS."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from localaws_fixture import REGION, LocalAws, aws
from stacks import TEMPLATE, create, events, log_groups, outputs, stack, update

from sluice.localaws.events import deliveries
from sluice.localaws.events import eventbridge as bridge

__all__ = ["aws"]

ACCOUNT = "123456789012"
BUCKET = f"sluice-{ACCOUNT}-{REGION}"


@pytest.fixture(scope="module")
def stack_outputs(aws: LocalAws) -> dict[str, str]:
    """The outputs of the real template, applied with what bootstrap passes."""
    create(aws, "sluice", TEMPLATE, HistoryTableName="sluice-history")
    assert stack(aws, "sluice")["StackStatus"] == "CREATE_COMPLETE"
    return outputs(aws, "sluice")


def test_the_outputs_name_what_was_made(stack_outputs: dict[str, str]) -> None:
    assert {name: value for name, value in stack_outputs.items() if not name.endswith("Arn")} == {
        "BucketName": BUCKET,
        "HistoryTableName": "sluice-history",
        "ServerLogGroup": "/sluice/server",
        "AuditLogGroup": "/aws/events/sluice",
    }
    iam = f"arn:aws:iam::{ACCOUNT}"
    assert stack_outputs["ExecutionRoleArn"].startswith(f"{iam}:role/")
    assert stack_outputs["TriggerRoleArn"].startswith(f"{iam}:role/")
    assert stack_outputs["ServerPolicyArn"].startswith(f"{iam}:policy/")


def test_the_bucket_is_versioned_encrypted_private_and_tidied(aws: LocalAws, stack_outputs: dict[str, str]) -> None:
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


def test_the_bucket_shows_its_policy_and_can_still_be_written_to(aws: LocalAws, stack_outputs: dict[str, str]) -> None:
    s3 = aws.client("s3")
    statement = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"][0]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    s3.put_object(Bucket=BUCKET, Key="reports/한글.json", Body=b"{}")
    assert s3.get_object(Bucket=BUCKET, Key="reports/한글.json")["Body"].read() == b"{}"


def test_the_history_table_is_as_the_server_needs_it(aws: LocalAws, stack_outputs: dict[str, str]) -> None:
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
    listed: list[dict[str, Any]] = document["Statement"]
    return listed


def trusted(aws: LocalAws, role_arn: str) -> Any:
    role = aws.client("iam").get_role(RoleName=role_arn.rpartition("/")[2])["Role"]
    return role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]


def test_the_execution_role_may_do_what_steps_do_and_pass_only_itself(
    aws: LocalAws, stack_outputs: dict[str, str]
) -> None:
    role = stack_outputs["ExecutionRoleArn"]
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


def test_the_trigger_role_starts_pipelines_and_nothing_else(aws: LocalAws, stack_outputs: dict[str, str]) -> None:
    role = stack_outputs["TriggerRoleArn"]
    assert trusted(aws, role) == ["events.amazonaws.com", "scheduler.amazonaws.com"]
    assert [(one["Action"], one["Resource"]) for one in statements(aws, role, "start")] == [
        ("sagemaker:StartPipelineExecution", f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/*")
    ]


def test_the_server_policy_is_the_newest_version(aws: LocalAws, stack_outputs: dict[str, str]) -> None:
    iam = aws.client("iam")
    version = iam.get_policy(PolicyArn=stack_outputs["ServerPolicyArn"])["Policy"]["DefaultVersionId"]
    newest = iam.get_policy_version(PolicyArn=stack_outputs["ServerPolicyArn"], VersionId=version)["PolicyVersion"]
    document = newest["Document"]
    by_name = {statement["Sid"]: statement for statement in document["Statement"]}
    assert by_name["History"]["Action"] == ["dynamodb:PutItem", "dynamodb:Query"]
    assert by_name["History"]["Resource"].endswith(":table/sluice-history")
    assert "HistoryKey" not in by_name, "there is no key of one's own"


def test_what_sagemaker_says_is_kept_in_the_audit_log(aws: LocalAws, stack_outputs: dict[str, str]) -> None:
    assert log_groups(aws, "/")["/aws/events/sluice"] == 90
    policies = aws.client("logs").describe_resource_policies()["resourcePolicies"]
    statement = json.loads(policies[0]["policyDocument"])["Statement"][0]
    assert statement["Resource"].endswith(":log-group:/aws/events/sluice:*")
    rule = aws.client("events").describe_rule(Name="sluice-audit")
    assert json.loads(rule["EventPattern"])["source"] == ["aws.sagemaker"]
    bridge.emit_event(ACCOUNT, REGION, "SageMaker Endpoint State Change", {"EndpointName": "chat"}, [])
    deliveries.settle()
    line = json.loads(aws.log_lines("/aws/events/sluice")[-1])
    assert (line["detail-type"], line["detail"]) == ("SageMaker Endpoint State Change", {"EndpointName": "chat"})


def test_applying_it_again_changes_nothing(aws: LocalAws, stack_outputs: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="No updates are to be performed") as unchanged:
        update(aws, "sluice", TEMPLATE, HistoryTableName="sluice-history")
    assert unchanged.value.response["Error"]["Code"] == "ValidationError"
    assert stack(aws, "sluice")["StackStatus"] == "CREATE_COMPLETE"


def test_every_resource_has_its_event_and_is_listed(aws: LocalAws, stack_outputs: dict[str, str]) -> None:
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
    secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:judge-AbCdEf"
    update(aws, "second", TEMPLATE.replace("ExpirationInDays: 730", "ExpirationInDays: 365"), Name="second",
           HistoryTableName="second-history", LogRetentionDays="30", UseVpc="yes", KmsKeyArn=key,
           JudgeSecretArn=secret, EmbeddingsSecretArn=secret, UseBedrock="yes")  # fmt: skip
    assert stack(aws, "second")["StackStatus"] == "UPDATE_COMPLETE"
    assert outputs(aws, "second") == before
    assert log_groups(aws, "/second/") == {"/second/server": 30}
    bucket = before["BucketName"]
    rules = aws.client("s3").get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert next(rule for rule in rules if rule["ID"] == "reports")["Expiration"] == {"Days": 365}
    encryption = aws.client("s3").get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert encryption["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == key
    assert statements(aws, before["ExecutionRoleArn"], "vpc") and statements(aws, before["ExecutionRoleArn"], "key")
    for name in ("judge", "embeddings", "bedrock"):
        assert statements(aws, before["ExecutionRoleArn"], name)
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

"""What `sluice check --target aws` finds in an account, which is played by `fake_account`, or by the local AWS."""

import ast
import json
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import stacks
import yaml
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from botocore.session import get_session
from fake_account import ACCOUNT, BUCKET, IMAGE, REGION, REGISTRY, ROLE, TRIGGER, FakeAccount, Refusal, arn
from hypothesis import given, settings
from hypothesis import strategies as st
from localaws_fixture import LocalAws, aws

from sluice.preflight.account import ENDPOINT, RELEASE, Requirements, permissions, runner
from sluice.preflight.account.checkpoint import read_model_facts
from sluice.preflight.account.client import AccountClient
from sluice.preflight.account.context import CheckContext
from sluice.preflight.account.reads import READS
from sluice.preflight.deployment_spec import DeploymentSpec, Job, Network
from sluice.preflight.finding import Finding, Location

ROOT = Path(__file__).parents[2]
MODEL = f"s3://{BUCKET}/models/qwen/"
CPU_IMAGE = f"683313688378.dkr.ecr.{REGION}.amazonaws.com/sagemaker-scikit-learn:1.4-2-py312-cpu-py3"
KEY = arn("kms", "key/1234")
SECRET = arn("secretsmanager", "secret:judge-AbCdEf")
MLFLOW = arn("sagemaker", "mlflow-tracking-server/m")
SETUP = DeploymentSpec(
    image="djl-inference:0.35.0-lmi17.0.0-cu128",
    form="yaml",
    region=REGION,
    instance_type="ml.g5.xlarge",
    model_data=MODEL,
    strategy="new_endpoint",
    names={"endpoint": "chat", "group": "chat", "pipeline": "chat"},
    job=Job("ml.g5.xlarge", 60, 3600),
)
REQUIREMENTS = Requirements(
    stack="sluice", table="sluice-history", steps=RELEASE, jobs=("ml.t3.medium",), images=(CPU_IMAGE,)
)  # fmt: skip
NAT = {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"}
INTERNET = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "State": "active"}
IN_VPC = replace(SETUP, network=Network(("subnet-a", "subnet-b"), ("sg-1",)))
__all__ = ["aws"]


@pytest.fixture
def account() -> FakeAccount:
    """An account in which a release finds everything."""
    fake = FakeAccount()
    fake.has_stack(
        "sluice", ExecutionRoleArn=ROLE, TriggerRoleArn=TRIGGER, BucketName=BUCKET, HistoryTableName="sluice-history"
    )  # fmt: skip
    fake.has_role(ROLE, "sagemaker.amazonaws.com")
    fake.has_role(TRIGGER, "events.amazonaws.com", "scheduler.amazonaws.com")
    for name, value in (
        ("ml.c5.large for endpoint usage", 4), ("ml.g5.xlarge for endpoint usage", 2),
        ("ml.g5.xlarge for processing job usage", 1), ("ml.t3.medium for processing job usage", 4),
        ("Number of instances across active endpoints", 20), ("Number of instances across all processing jobs", 20),
    ):  # fmt: skip
        fake.has_quota(name, value)
    fake.publishes(IMAGE)
    fake.publishes(CPU_IMAGE)
    fake.has_bucket(BUCKET)
    checkpoint(fake, MODEL)
    fake.has_table("sluice-history")
    fake.has_key(KEY)
    for name, zone in (("subnet-a", "us-east-1a"), ("subnet-b", "us-east-1b")):
        fake.has_subnet(name, zone)
    fake.has_group("sg-1")
    fake.routes("rtb-1", NAT)
    for component in ("Hosting", "Processing"):
        fake.charges("ml.g5.xlarge", component, 1.408)
    return fake


def safetensors(*names: str, cut: int = 0) -> bytes:
    """A file of one 4-byte tensor for each name, the last bytes lacking."""
    header = {
        name: {"dtype": "F32", "shape": [1], "data_offsets": [4 * at, 4 * at + 4]} for at, name in enumerate(names)
    }
    written = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    whole = struct.pack("<Q", len(written)) + written + b"\0\0\0\0" * len(names)
    return whole[: len(whole) - cut]


def checkpoint(fake: FakeAccount, uri: str) -> None:
    """Two shards, named by an index."""
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    fake.holds(f"{uri}config.json", json.dumps({"architectures": ["Qwen3ForCausalLM"]}).encode())
    fake.holds(f"{uri}tokenizer.json", b"{}")
    fake.holds(f"{uri}model.safetensors.index.json", json.dumps({"weight_map": shards}).encode())
    for tensor, name in shards.items():
        fake.holds(f"{uri}{name}", safetensors(tensor))


def findings_of(
    fake: FakeAccount, setup: DeploymentSpec = SETUP, requirements: Requirements = REQUIREMENTS
) -> list[Finding]:
    return list(runner.check_account(setup, requirements, fake.client))


def codes(fake: FakeAccount, setup: DeploymentSpec = SETUP, requirements: Requirements = REQUIREMENTS) -> list[str]:
    return [each.code for each in findings_of(fake, setup, requirements)]


def only(fake: FakeAccount, setup: DeploymentSpec = SETUP, requirements: Requirements = REQUIREMENTS) -> Finding:
    """The one thing that is wrong."""
    one = findings_of(fake, setup, requirements)
    assert len(one) == 1, [f"{each.code} {each.message}" for each in one]
    return one[0]


# the whole


def test_an_account_that_has_everything_gives_no_reason_to_speak(account: FakeAccount) -> None:
    assert findings_of(account) == []
    assert findings_of(account, IN_VPC, replace(REQUIREMENTS, kms_key=KEY, mlflow=MLFLOW, tags=True)) == []


def test_nothing_is_called_that_is_not_in_the_table(account: FakeAccount) -> None:
    findings_of(account, IN_VPC, replace(REQUIREMENTS, kms_key=KEY, evaluated_endpoint="chat"))
    assert set(account.calls) <= set(READS)
    with pytest.raises(KeyError):
        AccountClient(account.client).call("sagemaker", "DeleteEndpoint", EndpointName="chat")


def test_each_call_of_the_table_exists_and_only_reads() -> None:
    verbs = ("Get", "List", "Describe", "Head", "BatchGet", "Simulate")
    for service, name in READS:
        assert name in get_session().get_service_model(service).operation_names
        assert name.startswith(verbs)


def test_the_page_of_a_missing_permission_names_them_all() -> None:
    assert all(f"`{read.permission}`" in runner.DENIED.page for read in READS.values())


def test_rules_have_their_own_codes_and_say_that_nobody_tried_them_on_aws() -> None:
    assert len({rule.code for rule in runner.RULES}) == len(runner.RULES)
    for rule in runner.RULES:
        assert re.fullmatch(r"AWS0\d\d", rule.code)
        assert "not verified on AWS" in rule.page
        assert (rule.bad, rule.good) == ("", "")  # a file cannot express them


def test_the_pages_are_there_without_botocore() -> None:
    code = "import sys, sluice.preflight.account.runner as a; assert a.RULES; sys.exit('botocore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


# no account, no permission, no answer


def test_without_credentials_there_is_one_finding(account: FakeAccount) -> None:
    account.has_no_credentials()
    one = only(account)
    assert (one.code, one.severity) == ("AWS001", "error")
    assert "credentials" in one.message


def test_without_network_there_is_one_finding(account: FakeAccount) -> None:
    account.is_out_of_reach()
    assert only(account).code == "AWS001"


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidClientTokenId", "SignatureDoesNotMatch"])
def test_credentials_that_are_not_accepted_are_no_credentials(account: FakeAccount, code: str) -> None:
    account.fails("GetCallerIdentity", Refusal(code, "no", 403))
    assert "not accepted" in only(account).message


NOT_BY_A_RELEASE = {  # pulling stands in for the first; the others read a configuration off the account
    "ecr:DescribeImages",
    "sagemaker:DescribeModel",
    "sagemaker:DescribeModelPackage",
    "application-autoscaling:DescribeScalableTargets",
}
PERMISSIONS = {read.permission for read in READS.values()} - NOT_BY_A_RELEASE - {"sts:GetCallerIdentity"}


@pytest.mark.parametrize("permission", sorted(PERMISSIONS))
def test_a_permission_that_is_missing_is_a_note_that_names_it(account: FakeAccount, permission: str) -> None:
    account.denies(permission)
    account.runs_endpoint("other", "ml.c5.large", 1)
    account.runs_job("other", "ml.m5.large")
    if permission == "servicequotas:ListAWSDefaultServiceQuotas":
        del account.quotas["Number of instances across active endpoints"]
    if permission == "ecr:BatchGetImage":
        account.denies("ecr:DescribeImages")
    archive = replace(IN_VPC, model_data=f"s3://{BUCKET}/m/model.tar.gz")
    account.holds(f"s3://{BUCKET}/m/model.tar.gz", b"x")
    for setup in (IN_VPC, archive):
        notes = findings_of(account, setup, replace(REQUIREMENTS, kms_key=KEY, evaluated_endpoint="other"))
        assert {(each.code, each.severity) for each in notes} <= {("AWS002", "note"), ("AWS003", "note")}
        if setup is IN_VPC:
            assert any(permission in each.message for each in notes)


def test_with_no_permission_at_all_every_check_says_so_and_none_fails(account: FakeAccount) -> None:
    for read in READS.values():
        if read.permission != "sts:GetCallerIdentity":
            account.denies(read.permission)
    notes = findings_of(account, IN_VPC, replace(REQUIREMENTS, role_arn=ROLE, kms_key=KEY, bucket=BUCKET))
    assert {each.severity for each in notes} == {"note"}
    assert len(notes) > 8


@pytest.mark.parametrize(
    "error",
    [
        Refusal("ThrottlingException", "Rate exceeded"),
        Refusal("InternalFailure", "", 500),
        Refusal("NotImplementedLocally", "The local AWS does not support pricing.", 501),
        ConnectTimeoutError(endpoint_url="https://x"),
        ReadTimeoutError(endpoint_url="https://x"),
    ],
)
@pytest.mark.parametrize("operation", sorted({name for _, name in READS} - {"GetCallerIdentity"}))
def test_a_service_that_does_not_answer_costs_only_its_own_check(
    account: FakeAccount, operation: str, error: Any
) -> None:
    account.fails(operation, error)
    account.runs_endpoint("other", "ml.c5.large", 1)
    account.runs_job("other", "ml.m5.large")
    findings = findings_of(account, IN_VPC, replace(REQUIREMENTS, kms_key=KEY))
    assert {(each.code, each.severity) for each in findings} <= {("AWS003", "note")}


TEXTS = st.one_of(st.none(), st.text(max_size=30), st.text(max_size=10).map(lambda text: f"s3://{text}"))


@given(TEXTS, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS, st.binary(max_size=60))
@settings(max_examples=60, deadline=None)
def test_whatever_is_written_no_check_falls_over_it(
    role: Any, uri: Any, key: Any, image: Any, kind: Any, subnet: Any, content: bytes
) -> None:
    fake = FakeAccount()
    fake.has_bucket(BUCKET)
    for name in ("config.json", "model.safetensors", "model.safetensors.index.json", "tokenizer_config.json"):
        fake.holds(f"{MODEL}{name}", content)
    network = Network((subnet,), (subnet,)) if subnet else None
    setup = replace(SETUP, image=image, instance_type=kind, network=network, model_data=uri, region=kind or REGION)
    requirements = replace(REQUIREMENTS, role_arn=role, kms_key=key, table=key, bucket=image, evaluated_endpoint=subnet)
    assert findings_of(fake, setup, requirements)
    assert findings_of(fake, replace(SETUP, model_data=MODEL), Requirements())


# stack


def test_an_account_without_the_stack_is_told_to_bootstrap(account: FakeAccount) -> None:
    account.stacks.clear()
    one = only(account)
    assert (one.code, one.severity) == ("AWS004", "error")
    assert "sluice bootstrap --target aws" in one.message


def test_a_stack_that_is_not_finished_is_no_stack(account: FakeAccount) -> None:
    account.has_stack("sluice", "ROLLBACK_COMPLETE")
    assert "ROLLBACK_COMPLETE" in only(account).message


def test_somebody_elses_configuration_needs_no_stack(account: FakeAccount) -> None:
    account.stacks.clear()
    assert codes(account, SETUP, Requirements(role_arn=ROLE)) == []


# roles


def test_a_role_that_is_not_there_is_an_error(account: FakeAccount) -> None:
    requirements = replace(REQUIREMENTS, role_arn=f"arn:aws:iam::{ACCOUNT}:role/nobody")
    assert codes(account, SETUP, requirements)[0] == "AWS006"


def test_a_role_of_another_path_is_told_with_its_right_arn(account: FakeAccount) -> None:
    right = f"arn:aws:iam::{ACCOUNT}:role/service-role/Exec"
    account.has_role(right, "sagemaker.amazonaws.com")
    one = findings_of(account, SETUP, replace(REQUIREMENTS, role_arn=f"arn:aws:iam::{ACCOUNT}:role/Exec"))[0]
    assert (one.code, one.fix) == ("AWS006", f"role_arn: {right}")


def test_a_role_of_another_account_is_told_with_both_accounts(account: FakeAccount) -> None:
    one = only(account, SETUP, replace(REQUIREMENTS, role_arn="arn:aws:iam::210987654321:role/x"))
    assert one.code == "AWS005"
    assert "210987654321" in one.message
    assert ACCOUNT in one.message


def test_the_execution_role_must_trust_sagemaker(account: FakeAccount) -> None:
    account.has_role(ROLE, "ec2.amazonaws.com")
    assert "sagemaker.amazonaws.com" in only(account).message


def test_the_trigger_role_must_trust_both_that_start_pipelines(account: FakeAccount) -> None:
    account.has_role(TRIGGER, "events.amazonaws.com")
    one = only(account)
    assert (one.code, one.place.where) == ("AWS007", "trigger_role_arn")
    assert "scheduler.amazonaws.com" in one.message
    assert "events.amazonaws.com" not in one.message


@pytest.mark.parametrize(
    ("statement", "trusted"),
    [
        ({"Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}, True),
        (
            {
                "Principal": {"Service": ["a", "sagemaker.amazonaws.com"]},
                "Action": ["sts:TagSession", "sts:AssumeRole"],
            },
            True,
        ),
        ({"Principal": "*", "Action": "sts:*"}, True),
        ({"Principal": {"Service": "*"}, "Action": "sts:Assume*"}, True),
        ({"NotPrincipal": {"AWS": "arn:aws:iam::210987654321:root"}, "NotAction": "sts:TagSession"}, True),
        ({"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}, False),
        ({"Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:TagSession"}, False),
        (
            {
                "Principal": {"Service": "sagemaker.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:SourceAccount": "210987654321"}},
            },
            False,
        ),
        (
            {
                "Principal": {"Service": "sagemaker.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:SourceAccount": [ACCOUNT]}, "ArnLike": {"aws:SourceArn": "arn:*"}},
            },
            True,
        ),
    ],
)
def test_trust_is_read_as_iam_reads_it(account: FakeAccount, statement: dict[str, Any], trusted: bool) -> None:
    policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", **statement}}
    account.has_role(ROLE, policy=policy)
    assert ("AWS007" in codes(account)) is not trusted


def test_a_denied_trust_is_no_trust(account: FakeAccount) -> None:
    statement = {"Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    account.has_role(ROLE, policy={"Statement": [{"Effect": "Allow", **statement}, {"Effect": "Deny", **statement}]})
    assert codes(account) == ["AWS007"]


# what the roles may do


def test_a_call_that_is_not_allowed_is_told_with_its_step_and_when_it_fails(account: FakeAccount) -> None:
    account.forbids("sagemaker:CreateEndpoint")
    one = only(account)
    assert (one.code, one.severity) == ("AWS008", "error")
    assert "what Deploy does" in one.message
    assert "after the evaluation was paid" in one.message
    assert f"sagemaker:CreateEndpoint on {arn('sagemaker', 'endpoint/chat-v1')}" in one.message


def test_all_that_a_step_may_not_do_is_one_finding(account: FakeAccount) -> None:
    account.forbids("sagemaker:CreateModel")
    account.forbids("sagemaker:DeleteModel")
    assert "sagemaker:CreateModel on" in only(account).message
    assert "sagemaker:DeleteModel on" in only(account).message


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        ({"EvalDecision": "explicitDeny"}, "explicitly denied"),
        ({"OrganizationsDecisionDetail": {"AllowedByOrganizations": False}}, "organization"),
        ({"PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": False}}, "boundary"),
    ],
)
def test_who_forbids_a_call_is_told(account: FakeAccount, decision: dict[str, Any], words: str) -> None:
    account.forbids("sagemaker:CreateModel", **decision)
    assert words in only(account).message


def test_a_call_that_depends_on_an_unknown_condition_is_a_note(account: FakeAccount) -> None:
    account.forbids("sagemaker:CreateModel", MissingContextValues=["aws:PrincipalTag/team"])
    one = only(account)
    assert (one.code, one.severity) == ("AWS008", "note")
    assert "aws:PrincipalTag/team" in one.message


def test_logs_that_are_not_allowed_are_a_warning(account: FakeAccount) -> None:
    account.forbids("logs:PutLogEvents")
    one = only(account)
    assert (one.code, one.severity) == ("AWS008", "warning")
    assert "nobody sees why" in one.message


def test_registering_is_allowed_by_the_package_or_by_its_group(account: FakeAccount) -> None:
    account.allowed_on = lambda action, where: action != "sagemaker:CreateModelPackage" or "-group/" in where
    assert codes(account) == []


def test_an_endpoint_is_made_of_two_resources_and_both_must_be_allowed(account: FakeAccount) -> None:
    account.allowed_on = lambda action, where: action != "sagemaker:CreateEndpoint" or "config" not in where
    assert codes(account) == ["AWS008"]


def test_weights_in_another_bucket_must_be_readable_by_the_role(account: FakeAccount) -> None:
    account.has_bucket("elsewhere")
    checkpoint(account, "s3://elsewhere/q/")
    account.allowed_on = lambda action, where: "elsewhere" not in where
    findings = findings_of(account, replace(SETUP, model_data="s3://elsewhere/q/"))
    assert {each.code for each in findings} == {"AWS008"}
    assert "s3:GetObject on arn:aws:s3:::elsewhere/q/any" in findings[0].message


def test_the_trigger_role_must_be_allowed_to_start_the_pipeline(account: FakeAccount) -> None:
    account.forbids("sagemaker:StartPipelineExecution")
    assert only(account).place.where == "trigger_role_arn"


def test_conditions_that_the_steps_meet_are_told_to_the_simulator(account: FakeAccount) -> None:
    findings_of(account)
    simulated = [params for name, params in account.asked if name == "SimulatePrincipalPolicy"]
    passing = next(each for each in simulated if each["ActionNames"] == ["iam:PassRole"])
    entries = {each["ContextKeyName"]: each["ContextKeyValues"] for each in passing["ContextEntries"]}
    assert entries["iam:PassedToService"] == ["sagemaker.amazonaws.com"]
    assert entries["aws:RequestedRegion"] == [REGION]


def everything() -> CheckContext:
    """A release that uses all there is."""
    account = FakeAccount()
    requirements = replace(
        REQUIREMENTS, role_arn=ROLE, trigger_role_arn=TRIGGER, bucket=BUCKET, kms_key=KEY, mlflow=MLFLOW, tags=True,
        evaluated_endpoint="chat", champion=True, secrets=(SECRET,), bedrock=("amazon.nova-lite-v1:0",),
    )  # fmt: skip
    setup = replace(IN_VPC, strategy="in_place")
    return CheckContext(setup, requirements, AccountClient(account.client), ACCOUNT, "aws", account.caller, REGION)


def test_the_role_of_the_template_is_allowed_what_the_steps_do() -> None:
    statements = list(granted(ROLE))
    for need in permissions.list_needs(everything()):
        for action in need.actions:
            allowed = [
                any(grants(each, action, where, need.context) for each in statements) for where in need.resources
            ]
            assert any(allowed) if need.any_of else all(allowed), (action, need.resources)


def test_a_call_that_the_template_does_not_allow_would_be_noticed() -> None:
    statements = list(granted(ROLE))
    endpoint = arn("sagemaker", "endpoint/chat-v1")
    assert any(grants(each, "sagemaker:DeleteEndpoint", endpoint, {}) for each in statements)
    assert not any(grants(each, "sagemaker:DeletePipeline", endpoint, {}) for each in statements)
    assert not any(
        grants(each, "iam:PassRole", ROLE, {"iam:PassedToService": "ec2.amazonaws.com"}) for each in statements
    )


class Template(yaml.SafeLoader):
    """infra/stack.yaml with CloudFormation's own tags as plain objects."""


Template.add_multi_constructor("!", lambda loader, tag, node: {tag: _plain(loader, node)})


def _plain(loader: Any, node: Any) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    return (
        loader.construct_sequence(node, True) if isinstance(node, yaml.SequenceNode) else loader.construct_mapping(node)
    )


def granted(role: str) -> Iterator[dict[str, Any]]:
    """The statements of all policies that the template gives the execution role, its references put in."""
    values = {
        "AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT,
        "Bucket.Arn": f"arn:aws:s3:::{BUCKET}", "ExecutionRole.Arn": role, "KmsKeyArn": KEY, "MlflowArn": MLFLOW,
        "JudgeSecretArn": SECRET, "EmbeddingsSecretArn": SECRET,
    }  # fmt: skip
    template = yaml.load(stacks.TEMPLATE, Template)
    for resource in template["Resources"].values():
        properties = resource["Properties"]
        if resource["Type"] == "AWS::IAM::Policy" and {"Ref": "ExecutionRole"} in properties["Roles"]:
            for statement in properties["PolicyDocument"]["Statement"]:
                resources = (
                    statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
                )
                yield {**statement, "Resource": [put_in(each, values) for each in resources]}


def put_in(value: Any, values: dict[str, str]) -> str:
    if isinstance(value, str):
        return value
    ((tag, name),) = value.items()
    if tag == "Sub":
        return re.sub(r"\$\{([^}]+)\}", lambda match: values[match[1]], name)
    return values[name]


def grants(statement: dict[str, Any], action: str, resource: str, context: Any) -> bool:
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    conditions = {**context, "kms:GrantIsForAWSResource": "true"}
    for keys in statement.get("Condition", {}).values():
        for key, values in keys.items():
            patterns = values if isinstance(values, list) else [values]
            if not any(fnmatchcase(conditions.get(key, ""), pattern) for pattern in patterns):
                return False
    fits = any(fnmatchcase(resource, pattern) for pattern in statement["Resource"])
    return statement["Effect"] == "Allow" and action in actions and fits


CALLS = {"InvokeEndpointWithResponseStream": "sagemaker"}
NOT_BY_STEPS = {"create_model_package_group", "describe_model_package_group", "create_model_package"}  # `register`


def test_every_call_of_the_steps_is_simulated() -> None:
    simulated = {action for need in permissions.list_needs(everything()) for action in need.actions}
    assert called_by_steps() - {action.partition(":")[2] for action in simulated} == set()


def called_by_steps() -> set[str]:
    """Operations that the code asks of a client, by the names that clients have there."""
    model = get_session().get_service_model("sagemaker")
    from botocore import xform_name

    names = {xform_name(name): name for name in model.operation_names}
    names["invoke_endpoint_with_response_stream"] = "InvokeEndpointWithResponseStream"
    files = [*(ROOT / "steps").glob("*.py"), ROOT / "registry" / "packages.py"]
    methods = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Attribute)
                and node.attr in names
                and ast.unparse(node.value).endswith(("sagemaker", "runtime"))
            ):
                methods.add(node.attr)
    assert len(methods) > 12
    return {names[each] for each in methods - NOT_BY_STEPS}


def test_a_call_of_several_steps_is_told_of_the_first_that_fails(account: FakeAccount) -> None:
    account.allowed_on = lambda action, where: action != "s3:GetObject" or "/models/" not in where
    assert "what Evaluate does" in only(account).message


def test_an_image_that_may_not_be_pulled_is_a_warning_as_it_may_be_open_to_all(account: FakeAccount) -> None:
    account.forbids("ecr:BatchGetImage")
    one = only(account)
    assert (one.code, one.severity) == ("AWS008", "warning")


# quotas


def test_a_quota_of_nothing_is_told_with_the_request_that_raises_it(account: FakeAccount) -> None:
    account.has_quota("ml.g5.xlarge for endpoint usage", 0)
    one = only(account)
    assert (one.code, one.severity, one.place.where) == ("AWS009", "error", "instance-type")
    assert "ResourceLimitExceeded" in one.message
    assert "--desired-value 1 --region us-east-1" in one.message


def test_what_runs_now_counts_and_the_release_starts_beside_it(account: FakeAccount) -> None:
    account.runs_endpoint("chat-v1", "ml.g5.xlarge", 1)
    assert findings_of(account) == []
    account.runs_endpoint("other", "ml.g5.xlarge", 1)
    one = only(account)
    assert one.code == "AWS009"
    assert "2 run now (chat-v1: 1, other: 1)" in one.message
    assert "--desired-value 3" in one.message


def test_an_update_in_place_needs_a_second_fleet(account: FakeAccount) -> None:
    account.runs_endpoint("chat", "ml.g5.xlarge", 2)
    one = only(account, replace(SETUP, strategy="in_place", instance_count=2))
    assert "UpdateEndpoint is refused" in one.message
    assert "--desired-value 4" in one.message


def test_a_rolling_update_needs_only_a_step_more(account: FakeAccount) -> None:
    account.has_quota("ml.g5.xlarge for endpoint usage", 5)
    account.runs_endpoint("chat", "ml.g5.xlarge", 4)
    assert codes(account, replace(SETUP, strategy="rolling", instance_count=4)) == []
    assert codes(account, replace(SETUP, strategy="in_place", instance_count=4)) == ["AWS009"]


def test_an_endpoint_that_is_being_made_or_updated_counts_with_all_its_fleets(account: FakeAccount) -> None:
    account.has_quota("ml.g5.xlarge for endpoint usage", 4)
    account.runs_endpoint("new", "ml.g5.xlarge", 1, "Creating")
    pending = {"VariantName": "AllTraffic", "InstanceType": "ml.g5.xlarge", "CurrentInstanceCount": 2}
    summary = {"EndpointConfigName": "next", "ProductionVariants": [pending]}
    account.runs_endpoint("busy", "ml.g5.xlarge", 1, "Updating", PendingDeploymentSummary=summary)
    assert "4 run now (new: 1, busy: 3)" in only(account).message


def test_endpoints_that_failed_hold_no_instances(account: FakeAccount) -> None:
    account.runs_endpoint("broken", "ml.g5.xlarge", 2, "Failed")
    assert findings_of(account) == []


def test_the_quota_across_all_endpoints_binds_too(account: FakeAccount) -> None:
    account.has_quota("Number of instances across active endpoints", 3)
    account.runs_endpoint("other", "ml.c5.large", 3)
    assert "across active endpoints" in only(account).message


def test_processing_has_a_quota_of_its_own_for_each_job(account: FakeAccount) -> None:
    account.has_quota("ml.g5.xlarge for processing job usage", 0)
    account.has_quota("ml.t3.medium for processing job usage", 0)
    findings = findings_of(account)
    assert [each.code for each in findings] == ["AWS010", "AWS010"]
    assert {each.place.where for each in findings} == {"job", "evaluation.instance_type"}
    assert all("CreateProcessingJob is refused" in each.message for each in findings)


def test_a_job_that_runs_now_will_end(account: FakeAccount) -> None:
    account.runs_job("mine", "ml.g5.xlarge")
    one = only(account)
    assert (one.code, one.severity) == ("AWS010", "warning")


def test_a_quota_that_was_never_raised_is_found_among_the_defaults(account: FakeAccount) -> None:
    del account.quotas["ml.g5.xlarge for endpoint usage"]
    account.has_quota("ml.g5.xlarge for endpoint usage", 0, only_by_default=True)
    assert codes(account) == ["AWS009"]


def test_a_type_without_a_quota_is_probably_not_offered(account: FakeAccount) -> None:
    findings = findings_of(account, replace(SETUP, instance_type="ml.g9.xlarge"))
    assert [(each.code, each.severity) for each in findings] == [("AWS012", "warning")]


def test_scaling_beyond_the_quota_is_a_warning(account: FakeAccount) -> None:
    one = only(account, replace(SETUP, scaling=(1, 8)))
    assert (one.code, one.severity) == ("AWS011", "warning")


def test_what_runs_and_cannot_be_counted_leaves_the_quota_compared_with_the_release_alone(account: FakeAccount) -> None:
    account.denies("sagemaker:ListEndpoints")
    account.has_quota("ml.g5.xlarge for endpoint usage", 0)
    assert codes(account) == ["AWS003", "AWS009"]


def test_an_endpoint_that_runs_already_is_only_warned_of_its_next_update(account: FakeAccount) -> None:
    account.has_quota("ml.g5.xlarge for endpoint usage", 1)
    account.runs_endpoint("chat", "ml.g5.xlarge", 1)
    one = only(account, replace(SETUP, job=None), Requirements(deployed=True))
    assert (one.code, one.severity) == ("AWS009", "warning")


def test_an_endpoint_that_is_to_be_judged_must_serve(account: FakeAccount) -> None:
    assert codes(account, SETUP, replace(REQUIREMENTS, evaluated_endpoint="gone")) == ["AWS028"]
    account.runs_endpoint("gone", "ml.c5.large", 1, "Failed")
    assert codes(account, SETUP, replace(REQUIREMENTS, evaluated_endpoint="gone")) == ["AWS028"]


# image


def test_a_tag_that_is_not_in_the_registry_is_an_error(account: FakeAccount) -> None:
    one = only(account, replace(SETUP, image="djl-inference:0.35.0-lmi17.0.0-cu129"))
    assert (one.code, one.place.where) == ("AWS013", "image")
    assert "763104351884" in one.message


def test_a_repository_that_is_not_in_the_registry_is_an_error(account: FakeAccount) -> None:
    assert "no such repository" in only(account, replace(SETUP, image=f"{REGISTRY}/djl-infer:1")).message


def test_who_may_not_describe_an_image_may_be_let_pull_it(account: FakeAccount) -> None:
    account.denies("ecr:DescribeImages")
    assert codes(account) == []
    assert codes(account, replace(SETUP, image="djl-inference:0.35.0-lmi17.0.0-cu129")) == ["AWS013"]


@pytest.mark.parametrize(
    "image",
    [None, "vllm/vllm-openai:latest", "763104351884.dkr.ecr.eu-west-1.amazonaws.com/djl-inference:x", "%%", ""],
)
def test_an_image_that_stands_elsewhere_is_not_asked_for(account: FakeAccount, image: str | None) -> None:
    assert codes(account, replace(SETUP, image=image)) == []


# checkpoint


def test_a_model_that_is_still_a_folder_is_not_looked_for(account: FakeAccount) -> None:
    assert codes(account, replace(SETUP, model_data="models/qwen")) == []
    assert all("/models/" not in str(params) for name, params in account.asked if name == "ListObjectsV2")


def test_an_empty_prefix_is_an_error(account: FakeAccount) -> None:
    assert codes(account, replace(SETUP, model_data=f"s3://{BUCKET}/models/other")) == ["AWS016"]


def test_a_prefix_is_a_folder_and_not_the_beginning_of_a_name(account: FakeAccount) -> None:
    assert codes(account, replace(SETUP, model_data=f"s3://{BUCKET}/models/qw")) == ["AWS016"]


def test_a_config_in_a_folder_below_is_told_with_the_right_prefix(account: FakeAccount) -> None:
    setup = replace(SETUP, model_data=f"s3://{BUCKET}/models/", places={"model_data": Location("model.source")})
    one = only(account, setup)
    assert (one.code, one.fix) == ("HST004", f"source: {MODEL}")


def test_a_shard_that_the_index_names_must_be_there(account: FakeAccount) -> None:
    del account.objects[f"{BUCKET}/models/qwen/model-00002-of-00002.safetensors"]
    one = only(account)
    assert one.code == "HST015"
    assert "model-00002-of-00002.safetensors" in one.message


def test_a_shard_that_is_shorter_than_its_header_says_was_cut_off(account: FakeAccount) -> None:
    account.holds(f"{MODEL}model-00002-of-00002.safetensors", safetensors("b", cut=2))
    assert "shorter than the header says" in only(account).message


def test_a_pointer_of_git_lfs_is_no_file(account: FakeAccount) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3957900840\n"
    account.holds(f"{MODEL}model-00001-of-00002.safetensors", pointer)
    one = only(account)
    assert one.code == "HST015"
    assert "Git LFS" in one.message


def test_a_checkpoint_without_weights_or_tokenizer_says_so(account: FakeAccount) -> None:
    for name in list(account.objects):
        if not name.endswith("config.json"):
            del account.objects[name]
    assert codes(account) == ["HST015", "HST017"]


def test_a_file_in_the_archive_cannot_be_downloaded(account: FakeAccount) -> None:
    shard = f"{MODEL}model-00001-of-00002.safetensors"
    account.holds(shard, safetensors("a"), kind="DEEP_ARCHIVE")
    assert codes(account) == ["AWS017"]
    account.restores(shard)
    assert codes(account) == []


def test_only_heads_of_the_weights_are_read(account: FakeAccount) -> None:
    findings_of(account)
    spans = [params["Range"] for name, params in account.asked if name == "GetObject" and "0000" in params["Key"]]
    assert spans
    whole = len(safetensors("a")) - 1
    assert all(int(span.rpartition("-")[2]) < whole for span in spans)


def test_a_bucket_in_another_region_is_refused(account: FakeAccount) -> None:
    account.has_bucket("far", "eu-west-1")
    checkpoint(account, "s3://far/q/")
    one = only(account, replace(SETUP, model_data="s3://far/q/"))
    assert (one.code, one.severity) == ("AWS015", "error")
    assert "eu-west-1" in one.message


def test_a_bucket_that_is_not_there_is_told_once(account: FakeAccount) -> None:
    assert codes(account, replace(SETUP, model_data="s3://gone/q/")) == ["AWS014"]


def test_an_archive_must_be_there(account: FakeAccount) -> None:
    archive = f"s3://{BUCKET}/m/model.tar.gz"
    assert codes(account, replace(SETUP, model_data=archive)) == ["AWS016"]
    account.holds(archive, b"x")
    assert codes(account, replace(SETUP, model_data=archive)) == []
    account.holds(archive, b"x", kind="GLACIER")
    assert codes(account, replace(SETUP, model_data=archive)) == ["AWS017"]


QWEN = {
    "architectures": ["Qwen3ForCausalLM"], "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
    "num_key_value_heads": 1, "head_dim": 4, "intermediate_size": 16, "vocab_size": 32, "max_position_embeddings": 64,
    "tie_word_embeddings": False,
}  # fmt: skip


def test_the_models_shape_is_read_where_it_lies(account: FakeAccount) -> None:
    account.holds(f"{MODEL}config.json", json.dumps(QWEN).encode())
    facts = read_model_facts(MODEL, account.client)
    assert facts is not None
    assert (facts.architecture, facts.weights_bytes, facts.origin) == ("Qwen3ForCausalLM", 8, "safetensors headers")


@pytest.mark.parametrize("uri", ["s3://gone/m/", f"s3://{BUCKET}/nothing/", "s3://", "s3://A_B/%%", MODEL])
def test_a_shape_that_cannot_be_read_is_none(account: FakeAccount, uri: str) -> None:
    account.denies("s3:GetObject")
    assert read_model_facts(uri, account.client) is None


# stores


def test_the_bucket_must_exist(account: FakeAccount) -> None:
    account.buckets.clear()
    assert "AWS014" in codes(account, replace(SETUP, model_data=None))


def test_the_history_table_must_exist_and_have_its_keys(account: FakeAccount) -> None:
    account.tables.clear()
    assert codes(account) == ["AWS018"]
    account.has_table("sluice-history", id="HASH")
    one = only(account)
    assert (one.code, one.place.where) == ("AWS018", "history.table")
    assert "id (HASH, S)" in one.message


def test_turns_must_be_able_to_expire(account: FakeAccount) -> None:
    account.has_table("sluice-history", expires=None)
    account.expiring.clear()
    assert codes(account) == ["AWS019"]
    account.has_table("sluice-history", expires="ttl")
    assert "'ttl'" in only(account).message


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"KeyState": "PendingDeletion", "Enabled": False}, "PendingDeletion"),
        ({"KeyUsage": "SIGN_VERIFY", "KeySpec": "RSA_2048"}, "symmetric"),
    ],
)
def test_a_key_must_be_usable(account: FakeAccount, more: dict[str, Any], words: str) -> None:
    account.has_key(KEY, **more)
    one = only(account, SETUP, replace(REQUIREMENTS, kms_key=KEY))
    assert one.code == "AWS020"
    assert words in one.message


def test_a_key_must_exist_and_be_of_the_region(account: FakeAccount) -> None:
    assert codes(account, SETUP, replace(REQUIREMENTS, kms_key="alias/nobody")) == ["AWS020"]
    elsewhere = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1"
    assert codes(account, SETUP, replace(REQUIREMENTS, kms_key=elsewhere)) == ["AWS005"]


# network


def test_subnets_and_groups_must_exist(account: FakeAccount) -> None:
    setup = replace(SETUP, network=Network(("subnet-a", "subnet-b", "subnet-x"), ("sg-1", "sg-x")))
    one = only(account, setup)
    assert one.code == "AWS021"
    assert "no subnet-x and no sg-x" in one.message


def test_subnets_must_be_in_one_vpc(account: FakeAccount) -> None:
    account.has_subnet("subnet-b", "us-east-1b", vpc="vpc-2")
    account.routes("rtb-2", NAT, vpc="vpc-2")
    one = only(account, IN_VPC)
    assert (one.code, one.severity) == ("AWS021", "error")
    assert "subnet-b in vpc-2" in one.message


def test_a_group_of_another_vpc_may_be_shared_with_this_one(account: FakeAccount) -> None:
    account.has_group("sg-1", vpc="vpc-2")
    one = only(account, IN_VPC)
    assert (one.code, one.severity) == ("AWS021", "warning")


def test_one_zone_is_a_warning(account: FakeAccount) -> None:
    account.has_subnet("subnet-b", "us-east-1a")
    one = only(account, IN_VPC)
    assert (one.code, one.severity) == ("AWS022", "warning")


def test_too_few_addresses_are_a_warning(account: FakeAccount) -> None:
    for name, zone in (("subnet-a", "us-east-1a"), ("subnet-b", "us-east-1b")):
        account.has_subnet(name, zone, free=1)
    assert codes(account, replace(IN_VPC, instance_count=2)) == ["AWS026"]


def test_without_a_way_out_neither_s3_nor_sagemaker_is_reached(account: FakeAccount) -> None:
    account.route_tables.clear()
    account.routes("rtb-1")
    findings = findings_of(account, IN_VPC)
    assert [(each.code, each.severity) for each in findings] == [("AWS023", "error"), ("AWS024", "error")]
    assert "--vpc-id vpc-1 --service-name com.amazonaws.us-east-1.s3 --route-table-ids rtb-1" in findings[0].message


def test_an_internet_gateway_is_no_way_out(account: FakeAccount) -> None:
    account.route_tables.clear()
    account.routes("rtb-1", INTERNET)
    assert "internet gateway" in findings_of(account, IN_VPC)[0].message


def test_a_gateway_endpoint_of_the_subnets_own_table_leads_to_s3(account: FakeAccount) -> None:
    account.route_tables.clear()
    account.routes("rtb-1")
    account.routes("rtb-2", subnets=("subnet-b",))
    account.has_vpc_endpoint("s3", "rtb-1")
    findings = findings_of(account, IN_VPC)
    assert [each.code for each in findings] == ["AWS023", "AWS024"]
    assert findings[0].message.startswith("From subnet-b the routes lead to nowhere")
    account.has_vpc_endpoint("s3", "rtb-2")
    assert codes(account, IN_VPC) == ["AWS024"]


def test_interface_endpoints_lead_to_sagemaker_if_their_names_are_resolved(account: FakeAccount) -> None:
    account.route_tables.clear()
    account.routes("rtb-1")
    account.has_vpc_endpoint("s3", "rtb-1")
    account.has_vpc_endpoint("sagemaker.runtime")
    assert "no interface endpoint for sagemaker.api:" in only(account, IN_VPC).message
    account.has_vpc_endpoint("sagemaker.api", private_dns=False)
    assert (only(account, IN_VPC).code, only(account, IN_VPC).severity) == ("AWS024", "warning")
    account.has_vpc_endpoint("sagemaker.api")
    assert codes(account, IN_VPC) == []


def test_weights_that_are_in_the_image_need_no_s3(account: FakeAccount) -> None:
    account.route_tables.clear()
    account.routes("rtb-1")
    assert codes(account, replace(IN_VPC, model_data=None, job=None), Requirements(steps=ENDPOINT)) == []


def test_an_endpoint_alone_calls_nobody(account: FakeAccount) -> None:
    account.route_tables.clear()
    account.routes("rtb-1")
    account.has_vpc_endpoint("s3", "rtb-1")
    assert codes(account, replace(IN_VPC, job=None), Requirements(steps=ENDPOINT)) == []


@pytest.mark.parametrize(
    "way", [{"TransitGatewayId": "tgw-1"}, {"NetworkInterfaceId": "eni-1"}, {"GatewayId": "vgw-1"}]
)
def test_a_way_whose_end_cannot_be_seen_is_taken_for_one(account: FakeAccount, way: dict[str, str]) -> None:
    account.route_tables.clear()
    account.routes("rtb-1", {"DestinationCidrBlock": "0.0.0.0/0", "State": "active", **way})
    assert codes(account, IN_VPC) == []


def test_a_black_hole_is_no_way(account: FakeAccount) -> None:
    account.route_tables.clear()
    account.routes("rtb-1", {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "blackhole"})
    assert "AWS023" in codes(account, IN_VPC)


def test_groups_that_let_nothing_out_are_a_warning(account: FakeAccount) -> None:
    account.has_group("sg-1", {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432})
    assert codes(account, IN_VPC) == ["AWS025"]
    account.has_group("sg-1", {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443})
    assert codes(account, IN_VPC) == []


# prices


def test_a_price_that_has_changed_is_told(account: FakeAccount) -> None:
    account.prices.clear()
    account.charges("ml.g5.xlarge", "Hosting", 1.6)
    account.charges("ml.g5.xlarge", "Processing", 1.409)
    one = only(account)
    assert (one.code, one.severity) == ("AWS027", "note")
    assert "1.6 USD" in one.message


def test_fees_and_reservations_are_no_hourly_price(account: FakeAccount) -> None:
    account.prices.clear()
    account.charges("ml.g5.xlarge", "Hosting", 13.57, unit="Quantity")
    account.charges("ml.g5.xlarge", "Hosting", 0.0)
    assert codes(account) == []
    account.charges("ml.g5.xlarge", "Hosting", 1.6)
    assert "1.6 USD" in only(account).message


def test_two_prices_are_none(account: FakeAccount) -> None:
    account.charges("ml.g5.xlarge", "Hosting", 9.0)
    assert codes(account) == []


# the local AWS plays most of this as well


def test_the_local_aws_passes_what_it_plays_and_says_what_it_does_not(aws: LocalAws) -> None:
    stacks.create(aws, "sluice-live", stacks.TEMPLATE, HistoryTableName="live-history", Name="live")
    s3, bucket = aws.client("s3"), stacks.outputs(aws, "sluice-live")["BucketName"]
    fake = FakeAccount()
    checkpoint(fake, f"s3://{bucket}/m/")
    for name, (content, _, _) in fake.objects.items():
        s3.put_object(Bucket=bucket, Key=name.partition("/")[2], Body=content)
    ec2 = aws.client("ec2")
    subnets = [each["SubnetId"] for each in ec2.describe_subnets()["Subnets"][:2]]
    group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    setup = replace(
        SETUP, image=None, model_data=f"s3://{bucket}/m/", network=Network(tuple(subnets), (group,))
    )  # fmt: skip
    requirements = replace(REQUIREMENTS, stack="sluice-live", table="live-history", kms_key=key, images=())
    findings = list(runner.check_account(setup, requirements, aws.client))
    assert {each.code for each in findings if each.severity != "note"} <= {"AWS023", "AWS024"}
    unasked = " ".join(each.message for each in findings if each.severity == "note")
    for permission in ("iam:SimulatePrincipalPolicy", "servicequotas:ListServiceQuotas", "pricing:GetProducts"):
        assert f"{permission} answered NotImplementedLocally" in unasked


def test_the_local_aws_finds_what_is_wrong_there(aws: LocalAws) -> None:
    aws.client("s3").create_bucket(Bucket="live-broken")
    aws.client("s3").put_object(Bucket="live-broken", Key="m/config.json", Body=b"{}")
    aws.client("dynamodb").create_table(
        TableName="live-wrong",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    trust = {
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    }
    role = aws.client("iam").create_role(RoleName="live-wrong", AssumeRolePolicyDocument=json.dumps(trust))["Role"][
        "Arn"
    ]
    setup = replace(SETUP, model_data="s3://live-broken/m/", network=Network(("subnet-0abc",), ("sg-0abc",)))
    requirements = Requirements(role_arn=role, bucket="live-gone", table="live-wrong", kms_key=arn("kms", "key/gone"))
    findings = {each.code for each in runner.check_account(setup, requirements, aws.client) if each.severity != "note"}
    assert findings >= {"AWS007", "AWS013", "AWS014", "HST015", "HST017", "AWS018", "AWS019", "AWS020", "AWS021"}

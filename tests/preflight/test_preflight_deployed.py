"""A configuration read off the account, so that the rules can look at it: by fakes, and by the local AWS."""

import pytest
from fake_account import ACCOUNT, BUCKET, IMAGE, REGION, ROLE, FakeAccount, Refusal, arn
from localaws_fixture import LocalAws, aws

from sluice.errors import UsageError
from sluice.preflight.adapters import deployed
from sluice.preflight.deployment_spec import Network
from sluice.preflight.finding import Location

PACKAGE = arn("sagemaker", "model-package/chat/3")
SOURCE = {"S3DataSource": {"S3Uri": f"s3://{BUCKET}/m/", "S3DataType": "S3Prefix", "CompressionType": "None"}}
CONTAINER = {"Image": IMAGE, "ModelDataSource": SOURCE, "Environment": {"OPTION_MAX_LEN": "4096"}}
__all__ = ["aws"]


@pytest.fixture
def account() -> FakeAccount:
    return FakeAccount()


def specified(*containers: dict[str, object], instance_types: tuple[str, ...] = ("ml.g5.xlarge",)) -> dict[str, object]:
    return {
        "Containers": list(containers),
        "SupportedContentTypes": ["application/json"],
        "SupportedResponseMIMETypes": ["application/json"],
        "SupportedRealtimeInferenceInstanceTypes": list(instance_types),
    }


def test_a_package_tells_its_container(account: FakeAccount) -> None:
    account.registers(PACKAGE, ModelPackageGroupName="chat", InferenceSpecification=specified(CONTAINER))
    setup = deployed.read_package(account.client, PACKAGE)
    assert (setup.image, setup.model_data, setup.form) == (IMAGE, f"s3://{BUCKET}/m/", "env")
    assert (setup.region, setup.instance_type, dict(setup.names)) == (REGION, "ml.g5.xlarge", {"group": "chat"})
    setting = setup.option("max_len")
    assert setting is not None
    assert (setting.name, setting.value, setting.place) == ("OPTION_MAX_LEN", "4096", Location("OPTION_MAX_LEN"))


def test_a_package_for_several_instances_names_none(account: FakeAccount) -> None:
    several = specified(CONTAINER, instance_types=("ml.g5.xlarge", "ml.g6.xlarge"))
    account.registers(PACKAGE, InferenceSpecification=several)
    assert deployed.read_package(account.client, PACKAGE).instance_type is None


def test_a_package_that_is_not_there_is_told_with_how_to_find_one(account: FakeAccount) -> None:
    with pytest.raises(UsageError, match="holds no arn") as raised:
        deployed.read_package(account.client, PACKAGE)
    assert "list-model-packages" in raised.value.hint


def test_a_package_without_a_container_cannot_be_checked(account: FakeAccount) -> None:
    account.registers(PACKAGE)
    with pytest.raises(UsageError, match="names no container"):
        deployed.read_package(account.client, PACKAGE)


def test_an_endpoint_tells_container_network_and_variant(account: FakeAccount) -> None:
    account.runs_endpoint("chat", "ml.g5.2xlarge", 2)
    account.configs["chat-config"]["ProductionVariants"][0] |= {
        "InferenceAmiVersion": "al2-ami-sagemaker-inference-gpu-3-1",
        "VolumeSizeInGB": 64,
        "ContainerStartupHealthCheckTimeoutInSeconds": 900,
        "ModelDataDownloadTimeoutInSeconds": 600,
    }
    network = {"Subnets": ["subnet-a"], "SecurityGroupIds": ["sg-1"]}
    account.serves("chat", PrimaryContainer=CONTAINER, EnableNetworkIsolation=True, VpcConfig=network)
    account.scales("chat", 1, 4)
    setup = deployed.read_endpoint(account.client, "chat")
    assert (setup.image, setup.model_data) == (IMAGE, f"s3://{BUCKET}/m/")
    assert (setup.instance_type, setup.instance_count, setup.scaling) == ("ml.g5.2xlarge", 2, (1, 4))
    assert (setup.network_isolation, setup.network) == (True, Network(("subnet-a",), ("sg-1",)))
    assert (setup.ami, setup.volume_gb) == ("al2-ami-sagemaker-inference-gpu-3-1", 64)
    assert (setup.startup_seconds, setup.download_seconds) == (900, 600)
    assert (setup.region, dict(setup.names)) == (REGION, {"endpoint": "chat"})
    assert setup.at("startup_seconds") == Location("ContainerStartupHealthCheckTimeoutInSeconds")


def test_a_model_made_of_a_package_is_what_the_package_says_and_the_model_over_it(account: FakeAccount) -> None:
    account.registers(PACKAGE, InferenceSpecification=specified(CONTAINER))
    account.runs_endpoint("chat", "ml.g5.xlarge", 1)
    account.serves("chat", Containers=[{"ModelPackageName": PACKAGE, "Environment": {"HF_TOKEN": "x"}}])
    setup = deployed.read_endpoint(account.client, "chat")
    assert setup.image == IMAGE
    assert [each.name for each in setup.environment] == ["OPTION_MAX_LEN", "HF_TOKEN"]


def test_an_archive_stays_an_archive(account: FakeAccount) -> None:
    account.runs_endpoint("chat", "ml.g5.xlarge", 1)
    account.serves("chat", PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"})
    assert deployed.read_endpoint(account.client, "chat").model_data == f"s3://{BUCKET}/model.tar.gz"


CANARY = {"Type": "CANARY", "WaitIntervalInSeconds": 0}
ROLLING = {"MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1}, "WaitIntervalInSeconds": 0}


@pytest.mark.parametrize(
    ("last", "strategy"),
    [
        ({"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": CANARY}}, "canary"),
        ({"RollingUpdatePolicy": ROLLING}, "rolling"),
        ({}, None),
    ],
)
def test_the_last_update_tells_the_strategy(
    account: FakeAccount, last: dict[str, object], strategy: str | None
) -> None:
    account.runs_endpoint("chat", "ml.g5.xlarge", 1, LastDeploymentConfig=last)
    account.serves("chat", PrimaryContainer=CONTAINER)
    assert deployed.read_endpoint(account.client, "chat").strategy == strategy


def test_the_instances_that_run_are_counted_and_not_those_of_the_first_day(account: FakeAccount) -> None:
    account.runs_endpoint("chat", "ml.g5.xlarge", 3)
    account.configs["chat-config"]["ProductionVariants"][0]["InitialInstanceCount"] = 1
    account.serves("chat", PrimaryContainer=CONTAINER)
    assert deployed.read_endpoint(account.client, "chat").instance_count == 3


def test_scaling_that_may_not_be_asked_for_is_left_out(account: FakeAccount) -> None:
    account.runs_endpoint("chat", "ml.g5.xlarge", 1)
    account.serves("chat", PrimaryContainer=CONTAINER)
    account.denies("application-autoscaling:DescribeScalableTargets")
    assert deployed.read_endpoint(account.client, "chat").scaling is None


def test_what_the_endpoint_uses_of_the_account_is_told_for_the_live_checks(account: FakeAccount) -> None:
    account.runs_endpoint("chat", "ml.g5.xlarge", 1)
    account.serves("chat", PrimaryContainer=CONTAINER, ExecutionRoleArn=ROLE)
    requirements = deployed.read_endpoint_requirements(account.client, "chat")
    assert (requirements.role_arn, requirements.steps, requirements.deployed) == (ROLE, ("endpoint",), True)


def test_an_endpoint_that_is_not_there_is_told_with_how_to_find_one(account: FakeAccount) -> None:
    with pytest.raises(UsageError, match="no endpoint 'chat'") as raised:
        deployed.read_endpoint(account.client, "chat")
    assert "list-endpoints" in raised.value.hint


def test_an_endpoint_whose_model_is_gone_says_so(account: FakeAccount) -> None:
    account.runs_endpoint("chat", "ml.g5.xlarge", 1)
    with pytest.raises(UsageError, match="chat-model is not there"):
        deployed.read_endpoint(account.client, "chat")


def test_inference_components_are_not_read(account: FakeAccount) -> None:
    account.runs_endpoint("chat", "ml.g5.xlarge", 1)
    del account.configs["chat-config"]["ProductionVariants"][0]["ModelName"]
    with pytest.raises(UsageError, match="inference components"):
        deployed.read_endpoint(account.client, "chat")


def test_a_permission_that_is_missing_is_named(account: FakeAccount) -> None:
    account.denies("sagemaker:DescribeEndpoint")
    with pytest.raises(deployed.CannotRead) as raised:
        deployed.read_endpoint(account.client, "chat")
    assert "sagemaker:DescribeEndpoint" in raised.value.hint


def test_a_service_that_does_not_answer_is_told_as_it_said(account: FakeAccount) -> None:
    account.fails("DescribeModelPackage", Refusal("ThrottlingException", "Rate exceeded"))
    with pytest.raises(deployed.CannotRead, match="ThrottlingException: Rate exceeded"):
        deployed.read_package(account.client, PACKAGE)


def test_without_credentials_nothing_is_read(account: FakeAccount) -> None:
    account.fails("DescribeModelPackage", Refusal("ExpiredTokenException", "expired"))
    with pytest.raises(UsageError, match="cannot be asked"):
        deployed.read_package(account.client, PACKAGE)


def test_the_local_aws_tells_a_package(aws: LocalAws) -> None:
    sagemaker = aws.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="read-off")
    arn = sagemaker.create_model_package(
        ModelPackageGroupName="read-off", InferenceSpecification=specified(CONTAINER)
    )["ModelPackageArn"]  # fmt: skip
    setup = deployed.read_package(aws.client, arn)
    assert (setup.image, setup.model_data) == (IMAGE, f"s3://{BUCKET}/m/")
    assert setup.region == REGION
    with pytest.raises(UsageError):
        deployed.read_package(aws.client, arn.replace("/1", "/9"))
    with pytest.raises(UsageError):
        deployed.read_endpoint(aws.client, "nobody")


def test_nothing_but_reads_was_asked(account: FakeAccount) -> None:
    account.runs_endpoint("chat", "ml.g5.xlarge", 1)
    account.serves("chat", PrimaryContainer=CONTAINER)
    deployed.read_endpoint(account.client, "chat")
    assert {name for _, name in account.calls} == {
        "DescribeEndpoint", "DescribeEndpointConfig", "DescribeModel", "DescribeScalableTargets",
    }  # fmt: skip
    assert ACCOUNT in account.caller

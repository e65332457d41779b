"""Endpoints of the local AWS: a real process behind each, through plain boto3."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError
from localaws_fixture import IMAGE, REGION, ROLE, LocalAws, eventually, local_aws, rule

STUB = Path(__file__).parents[1] / "support" / "stub_model_server.py"
BUCKET = "models"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with local_aws(tmp_path_factory.mktemp("aws"), (rule(STUB, FROM_RULE="yes"),), time_scale=0.02) as server:
        server.client("s3").create_bucket(Bucket=BUCKET)
        for key in ("good/config.json", "good/deep/weights.bin"):
            server.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"{}")
        yield server


def create(aws: LocalAws, name: str, image: str = IMAGE, prefix: str = "good/", health: int = 600, **env: str) -> None:
    sagemaker = aws.client("sagemaker")
    source = {"S3Uri": f"s3://{BUCKET}/{prefix}", "S3DataType": "S3Prefix", "CompressionType": "None"}
    container = {"Image": image, "Environment": env, "ModelDataSource": {"S3DataSource": source}}
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    configure(aws, name, name, health)
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)


def configure(aws: LocalAws, name: str, model: str, health: int = 600, **more: Any) -> None:
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": model,
        "InstanceType": "ml.g5.xlarge",
        "InitialInstanceCount": 1,
        "ContainerStartupHealthCheckTimeoutInSeconds": health,
    } | more
    aws.client("sagemaker").create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])


def status(aws: LocalAws, name: str) -> str:
    return str(aws.client("sagemaker").describe_endpoint(EndpointName=name)["EndpointStatus"])


def wait_until_settled(aws: LocalAws, name: str) -> dict[str, Any]:
    eventually(lambda: status(aws, name) not in ("Creating", "Updating", "RollingBack"))
    description: dict[str, Any] = aws.client("sagemaker").describe_endpoint(EndpointName=name)
    return description


def serving(aws: LocalAws, name: str, **env: str) -> str:
    create(aws, name, **env)
    assert wait_until_settled(aws, name)["EndpointStatus"] == "InService"
    return name


def invoke(aws: LocalAws, name: str, request: dict[str, Any], **more: Any) -> Any:
    answer = aws.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=name, Body=json.dumps(request), ContentType="application/json", **more
    )
    return json.loads(answer["Body"].read())


def stream(aws: LocalAws, name: str, request: dict[str, Any]) -> Any:
    return aws.client("sagemaker-runtime").invoke_endpoint_with_response_stream(
        EndpointName=name, Body=json.dumps(request), ContentType="application/json"
    )


def refused(call: Any, **arguments: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


def test_an_endpoint_is_creating_until_its_process_answers_ping_and_then_serves_the_model(aws: LocalAws) -> None:
    create(aws, "first", OPTION_A="1")
    assert status(aws, "first") == "Creating"
    aws.client("sagemaker").get_waiter("endpoint_in_service").wait(
        EndpointName="first", WaiterConfig={"Delay": 0.1, "MaxAttempts": 300}
    )
    variant = aws.client("sagemaker").describe_endpoint(EndpointName="first")["ProductionVariants"][0]
    assert variant["DeployedImages"][0]["SpecifiedImage"] == IMAGE
    assert (variant["CurrentInstanceCount"], variant["CurrentWeight"]) == (1, 1.0)

    echoed = invoke(aws, "first", {"a": "가"})
    assert echoed["request"] == {"a": "가"}
    assert echoed["files"] == ["config.json", "deep/weights.bin"]
    assert echoed["arguments"] == ["serve"]
    assert echoed["environment"]["OPTION_A"] == "1"
    assert echoed["environment"]["FROM_RULE"] == "yes"
    assert echoed["environment"]["AWS_ENDPOINT_URL"] == aws.url
    assert "the stub starts" in eventually(lambda: aws.log_lines("/aws/sagemaker/Endpoints/first"))


def test_an_answer_carries_its_variant_and_attributes(aws: LocalAws) -> None:
    serving(aws, "attributes")
    answer = aws.client("sagemaker-runtime").invoke_endpoint(EndpointName="attributes", Body=b"{}")
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert answer["ContentType"] == "application/json"
    assert answer["CustomAttributes"] == "made=here"


def test_while_it_is_creating_it_is_not_found_and_cannot_be_deleted(aws: LocalAws) -> None:
    create(aws, "slow", health=60, START_SECONDS="30")
    assert refused(lambda: invoke(aws, "slow", {}))[:2] == ("ValidationError", 400)
    assert refused(aws.client("sagemaker").delete_endpoint, EndpointName="slow")[0] == "ValidationException"
    assert wait_until_settled(aws, "slow")["EndpointStatus"] == "Failed"


def test_a_server_that_never_answers_ping_fails_with_the_seconds_it_had(aws: LocalAws) -> None:
    create(aws, "mute", health=60, PING="never")
    description = wait_until_settled(aws, "mute")
    assert description["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in description["FailureReason"]
    assert "within 60 seconds" in description["FailureReason"]


def test_a_server_that_exits_fails_at_once_with_its_code_and_last_words(aws: LocalAws) -> None:
    create(aws, "broken", EXIT="3")
    reason = wait_until_settled(aws, "broken")["FailureReason"]
    assert "exited with code 3" in reason
    assert "something is wrong: 모델이 없습니다" in reason
    assert refused(aws.client("sagemaker").update_endpoint, EndpointName="broken", EndpointConfigName="broken")
    aws.client("sagemaker").delete_endpoint(EndpointName="broken")


def test_a_missing_model_and_an_unknown_image_are_reasons(aws: LocalAws) -> None:
    create(aws, "nothing", prefix="nothing-here/")
    assert "No object begins with s3://models/nothing-here/" in wait_until_settled(aws, "nothing")["FailureReason"]
    create(aws, "stranger", image="111122223333.dkr.ecr.us-east-1.amazonaws.com/stranger:1")
    assert "No command is known for the image" in wait_until_settled(aws, "stranger")["FailureReason"]


def test_a_deleted_endpoint_takes_its_process_and_its_files_along(aws: LocalAws) -> None:
    serving(aws, "doomed")
    pid = fleet_of(aws, "doomed")._container.pid
    aws.client("sagemaker").delete_endpoint(EndpointName="doomed")
    aws.client("sagemaker").get_waiter("endpoint_deleted").wait(
        EndpointName="doomed", WaiterConfig={"Delay": 0.1, "MaxAttempts": 100}
    )
    with pytest.raises(ProcessLookupError):
        os.killpg(pid, 0)
    assert not list((aws.server.settings.state / "endpoints" / REGION).glob("doomed-*"))
    assert refused(lambda: invoke(aws, "doomed", {}))[:2] == ("ValidationError", 400)


def test_a_stream_arrives_as_it_is_made_in_parts_that_respect_no_lines(aws: LocalAws, tmp_path: Path) -> None:
    serving(aws, "stream")
    lines = ['{"text": "첫째"}', '{"text": "둘째"}', '{"text": "third"}']
    go = tmp_path / "go"
    answer = stream(aws, "stream", {"lines": lines, "wait_for": str(go)})
    assert answer["ContentType"] == "application/jsonlines"
    with closing(answer["Body"]) as body:
        parts = (event["PayloadPart"]["Bytes"] for event in body)
        received = [next(parts)]  # the stub waits, so this is here before the rest is made
        assert not go.exists()
        go.touch()
        received += parts
    assert b"".join(received).decode() == "".join(f"{line}\n" for line in lines)
    assert any(not part.endswith(b"\n") for part in received)


def test_a_stream_that_breaks_is_an_error_in_the_stream(aws: LocalAws) -> None:
    serving(aws, "breaks")
    with (
        closing(stream(aws, "breaks", {"lines": ["a", "b"], "break_at": 1})["Body"]) as body,
        pytest.raises(EventStreamError) as caught,
    ):
        list(body)
    assert caught.value.response["Error"]["Code"] == "ModelStreamError"


@pytest.mark.parametrize("streaming", [False, True])
def test_an_error_of_the_model_is_a_model_error_with_the_original(aws: LocalAws, streaming: bool) -> None:
    name = serving(aws, f"errors-{streaming}".lower())
    call = stream if streaming else invoke
    with pytest.raises(ClientError) as caught:
        call(aws, name, {"status": 507, "message": "out of memory: 메모리 부족"})
    answer = caught.value.response
    assert answer["Error"]["Code"] == "ModelError"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert answer["OriginalStatusCode"] == 507
    assert answer["OriginalMessage"] == "out of memory: 메모리 부족"
    assert answer["LogStreamArn"].endswith(f"log-group:/aws/sagemaker/Endpoints/{name}")


def test_an_answer_that_takes_longer_than_allowed_is_a_model_error(aws: LocalAws, tmp_path: Path) -> None:
    serving(aws, "sleeper")
    never = {"wait_for": str(tmp_path / "never"), "told": str(tmp_path / "told")}
    code, number, message = refused(lambda: invoke(aws, "sleeper", never))
    assert (code, number) == ("ModelError", 424)
    assert "timed out" in message


@pytest.mark.parametrize("streaming", [False, True])
def test_a_client_that_hangs_up_is_hung_up_on_the_model(aws: LocalAws, tmp_path: Path, streaming: bool) -> None:
    name = serving(aws, f"hang-up-{streaming}".lower())
    hang_up_file = tmp_path / "told"
    request = {"wait_for": str(tmp_path / "never"), "told": str(hang_up_file)}
    raw_request(aws, name, request, "invocations-response-stream" if streaming else "invocations").close()
    eventually(hang_up_file.exists)


def raw_request(aws: LocalAws, name: str, request: dict[str, Any], operation: str) -> socket.socket:
    body = json.dumps(request).encode()
    scope = (
        f"AWS4-HMAC-SHA256 Credential=testing/20260101/{REGION}/sagemaker/aws4_request, SignedHeaders=a, Signature=b"
    )
    head = (
        f"POST /endpoints/{name}/{operation} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {scope}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection = socket.create_connection(("127.0.0.1", aws.server.port))
    connection.sendall(head.encode() + body)
    return connection


def test_a_body_beyond_six_megabytes_is_refused(aws: LocalAws) -> None:
    serving(aws, "large")
    body = b'"' + b"x" * (6 * 1024 * 1024) + b'"'
    assert refused(aws.client("sagemaker-runtime").invoke_endpoint, EndpointName="large", Body=body)[1] == 413


@pytest.mark.parametrize(
    ("name", "value"), [("TargetModel", "a"), ("InferenceComponentName", "a"), ("TargetContainerHostname", "a")]
)
def test_what_an_invocation_asks_in_vain_is_refused_by_name(aws: LocalAws, name: str, value: str) -> None:
    code, number, message = refused(
        aws.client("sagemaker-runtime").invoke_endpoint, EndpointName="any", Body=b"{}", **{name: value}
    )
    assert (code, number) == ("NotImplementedLocally", 501)
    assert name in message


def test_a_container_that_dies_is_started_again_once_and_then_the_endpoint_fails(aws: LocalAws) -> None:
    serving(aws, "mortal")
    pid = fleet_of(aws, "mortal")._container.pid
    assert refused(lambda: invoke(aws, "mortal", {"die": 7}))[0] == "ModelError"
    eventually(lambda: answers(aws, "mortal"))
    assert fleet_of(aws, "mortal")._container.pid != pid
    assert status(aws, "mortal") == "InService"

    os.killpg(fleet_of(aws, "mortal")._container.pid, signal.SIGKILL)
    eventually(lambda: status(aws, "mortal") == "Failed")
    reason = aws.client("sagemaker").describe_endpoint(EndpointName="mortal")["FailureReason"]
    assert "exited with code 137" in reason


def answers(aws: LocalAws, name: str) -> bool:
    try:
        invoke(aws, name, {})
    except ClientError as error:
        assert error.response["Error"]["Code"] in ("ServiceUnavailable", "ModelError")
        return False
    return True


def fleet_of(aws: LocalAws, name: str) -> Any:
    from moto.sagemaker.models import sagemaker_backends

    return sagemaker_backends["123456789012"][REGION].endpoints[name].fleet


def model_of(aws: LocalAws, name: str, **env: str) -> None:
    container = {"Image": IMAGE, "Environment": env}
    aws.client("sagemaker").create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)


def test_an_update_moves_the_traffic_to_a_new_process_without_a_failed_call(aws: LocalAws) -> None:
    serving(aws, "moving", COLOUR="blue")
    old = fleet_of(aws, "moving")._container
    model_of(aws, "moving-green", COLOUR="green")
    configure(aws, "moving-green", "moving-green", InitialInstanceCount=3)
    at_once = {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}}
    }
    aws.client("sagemaker").update_endpoint(
        EndpointName="moving", EndpointConfigName="moving-green", DeploymentConfig=at_once
    )
    colours = []
    while status(aws, "moving") == "Updating":
        colours.append(invoke(aws, "moving", {})["environment"]["COLOUR"])
    assert colours[0] == "blue"
    assert invoke(aws, "moving", {})["environment"]["COLOUR"] == "green"
    description = aws.client("sagemaker").describe_endpoint(EndpointName="moving")
    assert description["EndpointConfigName"] == "moving-green"
    assert description["ProductionVariants"][0]["DesiredInstanceCount"] == 3
    assert old.poll() is not None


def test_an_update_that_fails_leaves_the_old_process_in_service(aws: LocalAws) -> None:
    serving(aws, "careful", COLOUR="blue")
    model_of(aws, "careful-bad", EXIT="9")
    configure(aws, "careful-bad", "careful-bad")
    aws.client("sagemaker").update_endpoint(EndpointName="careful", EndpointConfigName="careful-bad")
    assert refused(aws.client("sagemaker").delete_endpoint, EndpointName="careful")[0] == "ValidationException"
    description = wait_until_settled(aws, "careful")
    assert (description["EndpointStatus"], description["EndpointConfigName"]) == ("InService", "careful")
    assert "exited with code 9" in description["FailureReason"]
    assert invoke(aws, "careful", {})["environment"]["COLOUR"] == "blue"


def test_counts_are_noted_and_other_variants_refused(aws: LocalAws) -> None:
    serving(aws, "scaled")
    scale = aws.client("sagemaker").update_endpoint_weights_and_capacities
    scale(EndpointName="scaled", DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 2}])
    assert wait_until_settled(aws, "scaled")["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    other = [{"VariantName": "Other", "DesiredInstanceCount": 2}]
    assert refused(scale, EndpointName="scaled", DesiredWeightsAndCapacities=other)[0] == "ValidationException"


def test_names_are_taken_once_and_found_by_lists(aws: LocalAws) -> None:
    serving(aws, "unique")
    sagemaker = aws.client("sagemaker")
    assert (
        "already existing endpoint"
        in refused(sagemaker.create_endpoint, EndpointName="unique", EndpointConfigName="unique")[2]
    )
    assert "already existing model" in refused(lambda: model_of(aws, "unique"))[2]
    assert "already existing endpoint configuration" in refused(lambda: configure(aws, "unique", "unique"))[2]
    assert [each["EndpointName"] for each in sagemaker.list_endpoints(NameContains="uniq")["Endpoints"]] == ["unique"]
    assert [each["ModelName"] for each in sagemaker.list_models(NameContains="uniq")["Models"]] == ["unique"]
    pages = sagemaker.get_paginator("list_endpoint_configs").paginate(PaginationConfig={"PageSize": 2})
    names = [each["EndpointConfigName"] for page in pages for each in page["EndpointConfigs"]]
    assert "unique" in names
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"ProductionVariants": [{"VariantName": "a", "ModelName": "unique"}] * 2}, "2 ProductionVariants"),
        ({"ShadowProductionVariants": [{"VariantName": "a"}]}, "ShadowProductionVariants"),
        ({"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://b/k"}}}, "AsyncInferenceConfig"),
        ({"ProductionVariants": [{"VariantName": "a"}]}, "inference components"),
        (
            {
                "ProductionVariants": [
                    {
                        "VariantName": "a",
                        "ModelName": "m",
                        "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1},
                    }
                ]
            },
            "ServerlessConfig",
        ),
    ],
)
def test_what_cannot_be_hosted_here_is_refused_by_name(aws: LocalAws, change: dict[str, Any], name: str) -> None:
    variants = [{"VariantName": "a", "ModelName": "m", "InstanceType": "ml.g5.xlarge", "InitialInstanceCount": 1}]
    request = {"EndpointConfigName": "impossible", "ProductionVariants": variants} | change
    code, number, message = refused(aws.client("sagemaker").create_endpoint_config, **request)
    assert (code, number) == ("NotImplementedLocally", 501)
    assert name in message


@pytest.mark.parametrize("change", [{"InstanceType": "ml.nonsense.large"}, {"health": 3601}])
def test_values_beyond_what_the_service_allows_are_refused(aws: LocalAws, change: dict[str, Any]) -> None:
    model_of(aws, f"limits-{abs(hash(str(change)))}")
    code, number, _ = refused(lambda: configure(aws, "beyond", "limits", **change))
    assert (code, number) == ("ValidationException", 400)


@pytest.mark.parametrize(
    "deployment",
    [
        {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {
                    "Type": "CANARY",
                    "WaitIntervalInSeconds": 0,
                    "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10},
                }
            }
        },
        {
            "RollingUpdatePolicy": {
                "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 10},
                "WaitIntervalInSeconds": 0,
            }
        },
    ],
)
def test_slow_ways_to_move_traffic_are_refused_by_name(aws: LocalAws, deployment: dict[str, Any]) -> None:
    model_of(aws, name := f"way-{len(str(deployment))}")
    configure(aws, name, name)
    assert refused(
        aws.client("sagemaker").create_endpoint, EndpointName=name, EndpointConfigName=name, DeploymentConfig=deployment
    )[:2] == ("NotImplementedLocally", 501)


def test_a_model_comes_from_an_approved_package_only(aws: LocalAws) -> None:
    sagemaker = aws.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="for-hosting")
    source = {"S3Uri": f"s3://{BUCKET}/good/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    container = {"Image": IMAGE, "Environment": {"A": "1", "B": "1"}, "ModelDataSource": {"S3DataSource": source}}
    specification = {
        "Containers": [container],
        "SupportedContentTypes": ["text/plain"],
        "SupportedResponseMIMETypes": ["text/plain"],
    }
    arn = sagemaker.create_model_package(ModelPackageGroupName="for-hosting", InferenceSpecification=specification)[
        "ModelPackageArn"
    ]
    request = {
        "ModelName": "packaged",
        "PrimaryContainer": {"ModelPackageName": arn, "Environment": {"B": "2"}},
        "ExecutionRoleArn": ROLE,
        "EnableNetworkIsolation": True,
        "VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
    }
    code, _, message = refused(sagemaker.create_model, **request)
    assert code == "ValidationException"
    assert "PendingManualApproval" in message
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    sagemaker.create_model(**request)
    described = sagemaker.describe_model(ModelName="packaged")
    assert described["EnableNetworkIsolation"] is True
    assert described["VpcConfig"]["Subnets"] == ["subnet-1"]
    configure(aws, "packaged", "packaged")
    sagemaker.create_endpoint(EndpointName="packaged", EndpointConfigName="packaged")
    assert wait_until_settled(aws, "packaged")["EndpointStatus"] == "InService"
    echoed = invoke(aws, "packaged", {})
    assert (echoed["environment"]["A"], echoed["environment"]["B"]) == ("1", "2")
    assert echoed["files"] == ["config.json", "deep/weights.bin"]


def test_a_new_status_is_an_event(aws: LocalAws) -> None:
    events, logs = aws.client("events"), aws.client("logs")
    logs.create_log_group(logGroupName="/endpoint-events")
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Endpoint State Change"],
        "detail": {"EndpointName": ["heard"]},
    }
    events.put_rule(Name="endpoint-events", EventPattern=json.dumps(pattern))
    arn = f"arn:aws:logs:{REGION}:123456789012:log-group:/endpoint-events"
    events.put_targets(Rule="endpoint-events", Targets=[{"Id": "1", "Arn": arn}])
    serving(aws, "heard")
    lines = eventually(lambda: len(lines_so_far := aws.log_lines("/endpoint-events")) == 2 and lines_so_far)
    assert [json.loads(line)["detail"]["EndpointStatus"] for line in lines] == ["CREATING", "IN_SERVICE"]

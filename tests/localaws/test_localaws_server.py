"""One URL, all of AWS: what moto has, and a plain refusal of what is not there."""

import json
import socket
import threading
import urllib.request
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from localaws_fixture import REGION, LocalAws, aws
from moto.sqs.models import SQSBackend

from sluice.localaws.server.app import running
from sluice.localaws.server.lock import LOCK
from sluice.localaws.server.settings import Settings

__all__ = ["aws"]


def refusal(call: Any, **arguments: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


def test_services_answer_side_by_side(aws: LocalAws) -> None:
    aws.client("s3").create_bucket(Bucket="bucket")
    aws.client("s3").put_object(Bucket="bucket", Key="k", Body="글".encode() * 100_000)
    assert len(aws.client("s3").get_object(Bucket="bucket", Key="k")["Body"].read()) == 300_000
    assert aws.client("sts").get_caller_identity()["Account"] == "123456789012"
    assert aws.client("dynamodb").list_tables()["TableNames"] == []


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "named"),
    [
        ("sagemaker", "list_monitoring_schedules", {}, "ListMonitoringSchedules"),  # JSON, an operation moto lacks
        ("sagemaker", "list_training_jobs", {}, "ListTrainingJobs"),  # what moto would call done without running it
        ("sagemaker", "stop_auto_ml_job", {"AutoMLJobName": "a"}, "StopAutoMLJob"),
        ("gamelift", "list_fleets", {}, "gamelift"),  # a service moto lacks
        ("s3vectors", "query_vectors", {"vectorBucketName": "abc", "indexName": "abc", "topK": 1,
                                        "queryVector": {"float32": [1.0]}}, "QueryVectors"),  # REST, a path
        ("sns", "get_sms_sandbox_account_status", {}, "GetSmsSandboxAccountStatus"),  # query: XML
        ("cloudwatch", "list_managed_insight_rules", {"ResourceARN": "x"}, "ListManagedInsightRules"),
        ("route53", "list_cidr_collections", {}, "/2013-04-01/cidrcollection"),  # REST with XML
    ],
)  # fmt: skip
def test_what_is_not_here_is_refused_by_name(
    aws: LocalAws, service: str, operation: str, arguments: dict[str, Any], named: str
) -> None:
    code, status, message = refusal(getattr(aws.client(service), operation), **arguments)
    assert (code, status) == ("NotImplementedLocally", 501)
    assert named in message


def test_a_fault_of_its_own_is_told_in_the_service_s_words(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*_: Any, **__: Any) -> None:
        raise KeyError("missing")

    monkeypatch.setattr(SQSBackend, "list_queues", stumble)
    code, status, message = refusal(aws.client("sqs").list_queues)
    assert (code, status) == ("InternalFailure", 500)
    assert "KeyError: 'missing'" in message


def test_a_refusal_is_not_tried_again(aws: LocalAws) -> None:
    client = boto3.client(
        "sagemaker", region_name=REGION, endpoint_url=aws.url, config=Config(retries={"mode": "standard"})
    )
    tries: list[Any] = []
    client.meta.events.register("before-send.sagemaker.*", lambda **_: tries.append(1))
    assert refusal(client.list_monitoring_schedules)[1] == 501
    assert len(tries) == 1
    client.close()


def test_values_are_checked_as_the_service_describes_them(aws: LocalAws) -> None:
    code, status, message = refusal(aws.client("sagemaker").list_endpoints, StatusEquals="Sleeping")
    assert (code, status) == ("ValidationException", 400)
    assert "StatusEquals" in message


def test_health_says_who_it_is_even_while_a_backend_works(aws: LocalAws) -> None:
    with LOCK, urllib.request.urlopen(f"{aws.url}/_localaws/health", timeout=10) as answer:
        found = json.load(answer)
    assert found["service"] == "localaws"
    assert found["state"] == str(aws.server.settings.state)


def test_a_slow_upload_holds_up_nobody(aws: LocalAws) -> None:
    aws.client("s3").create_bucket(Bucket="slow-upload")
    head = (
        f"PUT /slow-upload/key HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\nAuthorization: AWS4-HMAC-SHA256 "
        f"Credential=testing/20260101/{REGION}/s3/aws4_request, SignedHeaders=a, Signature=b\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", aws.server.port)) as upload:
        upload.sendall(head.encode() + b"half;")
        assert aws.client("s3").list_objects_v2(Bucket="slow-upload")["KeyCount"] == 0
        upload.sendall(b"half;")
        assert b"200 OK" in upload.recv(4096)
    assert aws.client("s3").get_object(Bucket="slow-upload", Key="key")["Body"].read() == b"half;half;"


def test_many_writers_lose_nothing(aws: LocalAws) -> None:
    table = aws.client("dynamodb")
    table.create_table(
        TableName="counter", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}], BillingMode="PAY_PER_REQUEST",
    )  # fmt: skip

    def add() -> None:
        for _ in range(10):
            table.update_item(
                TableName="counter", Key={"k": {"S": "n"}}, UpdateExpression="ADD n :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )  # fmt: skip

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert table.get_item(TableName="counter", Key={"k": {"S": "n"}})["Item"]["n"]["N"] == "80"


def test_a_port_that_is_taken_is_an_error_and_not_the_end_of_the_process(aws: LocalAws) -> None:
    with pytest.raises(OSError, match="in use"), running(Settings(aws.server.settings.state, port=aws.server.port)):
        pass

"""One URL, all of AWS: what moto has, and a plain refusal of what is not there."""

import contextlib
import http.client
import json
import socket
import threading
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from localaws_fixture import REGION, ROLE, LocalAws, aws, eventually
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
        health = json.load(answer)
    assert health["service"] == "localaws"
    assert health["state"] == str(aws.server.settings.state)


def test_a_slow_upload_holds_up_nobody(aws: LocalAws) -> None:
    aws.client("s3").create_bucket(Bucket="slow-upload")
    head = (
        f"PUT /slow-upload/key HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\nAuthorization: AWS4-HMAC-SHA256 "
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


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: str


def knock(aws: LocalAws, method: str, path: str, body: str = "", **headers: str) -> Reply:
    """A request with these headers, underscores for hyphens; Host is the server's own unless it is among them."""
    connection = http.client.HTTPConnection("127.0.0.1", aws.server.port, timeout=30)
    with contextlib.closing(connection):
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        fields = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, fields, answer.read().decode())


def signed(service: str) -> str:
    return f"AWS4-HMAC-SHA256 Credential=testing/20260101/{REGION}/{service}/aws4_request, SignedHeaders=a, Signature=b"


def run_a_command(aws: LocalAws, marker: Path, **headers: str) -> Reply:
    """What a page would send to run a command as whoever started the local AWS."""
    entrypoint = {"ImageUri": "tools:1", "ContainerEntrypoint": ["/bin/sh", "-c", f"touch {marker}"]}
    cluster = {"InstanceCount": 1, "InstanceType": "ml.t3.medium", "VolumeSizeInGB": 1}
    job = {"ProcessingJobName": f"page-{marker.name}", "AppSpecification": entrypoint, "RoleArn": ROLE,
           "ProcessingResources": {"ClusterConfig": cluster}}  # fmt: skip
    target = {"X_Amz_Target": "SageMaker.CreateProcessingJob", "Authorization": signed("sagemaker")}
    return knock(aws, "POST", "/", json.dumps(job), **target, **headers)


PAGES = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:3000"},
    {"Host": "evil.example"},
    {"Host": "evil.example:4599", "Origin": "http://evil.example:4599"},
    {"Sec_Fetch_Site": "cross-site"},
]


@pytest.mark.parametrize("headers", PAGES, ids=str)
def test_no_web_page_runs_a_command(aws: LocalAws, tmp_path: Path, headers: dict[str, str]) -> None:
    refused = run_a_command(aws, tmp_path / f"ran-{PAGES.index(headers)}", **headers)
    assert refused.status == 403
    error = json.loads(refused.body)
    assert error["__type"] == "AccessDenied" and "does not answer" in error["message"]
    jobs = aws.client("sagemaker").list_processing_jobs(NameContains="page-ran-")
    assert jobs["ProcessingJobSummaries"] == []


def test_a_program_of_this_machine_is_answered_as_ever(aws: LocalAws, tmp_path: Path) -> None:
    marker = tmp_path / "by-a-program"
    for host in ("localhost", "127.0.0.1:4599", "bucket.localhost:4599", "[::1]:4599"):
        assert knock(aws, "GET", "/_localaws/health", Host=host).status == 200
    assert run_a_command(aws, marker).status == 200
    eventually(marker.exists)


def test_a_refusal_is_in_the_words_of_the_service_that_was_asked(aws: LocalAws) -> None:
    refused = knock(aws, "GET", "/bucket/key", Authorization=signed("s3"), Host="evil.example")
    assert refused.status == 403
    assert "<Code>AccessDenied</Code>" in refused.body and "evil.example" in refused.body


@pytest.mark.parametrize("path", ["/", "/bucket/key", "/_localaws/health", "/endpoints/e/invocations"])
@pytest.mark.parametrize("origin", ["http://evil.example", "null"])
def test_no_preflight_is_granted(aws: LocalAws, path: str, origin: str) -> None:
    headers = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "authorization,x-amz-target"}
    refused = knock(aws, "OPTIONS", path, Origin=origin, **headers)
    assert refused.status == 403
    assert grants(refused) == []


def grants(reply: Reply) -> list[str]:
    return [name for name in reply.headers if name.startswith("access-control-")]


def test_no_answer_lets_a_page_read_it(aws: LocalAws) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="shared")
    rule = {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"], "ExposeHeaders": ["ETag"]}
    s3.put_bucket_cors(Bucket="shared", CORSConfiguration={"CORSRules": [rule]})
    s3.put_object(Bucket="shared", Key="k", Body=b"x")
    own = f"http://127.0.0.1:{aws.server.port}"
    for headers in ({}, {"Origin": own}):
        for service, path in (("s3", "/shared/k"), ("sagemaker", "/"), ("iam", "/"), ("gamelift", "/")):
            assert grants(knock(aws, "GET", path, Authorization=signed(service), **headers)) == [], (service, headers)


CONTROLS = ["/moto-api/", "/moto-api/data.json", "/moto-api/reset", "/moto-api/reset-auth", "/moto-api/seed?a=1",
            "/moto-api/config", "/moto-api/proxy/passthrough", "/moto-api/state-manager/set-transition",
            "/moto-api/static/sagemaker/endpoint-results", "/moto-api/recorder/replay-recording",
            "/moto%2Dapi/reset", "/moto-api"]  # fmt: skip


@pytest.mark.parametrize("path", CONTROLS)
def test_nobody_controls_it_as_a_mock(aws: LocalAws, path: str) -> None:
    aws.client("s3").create_bucket(Bucket="kept")
    for method in ("GET", "POST"):
        refused = knock(aws, method, path)
        assert refused.status == 403
        assert "closed" in refused.body
    odd_region = "AWS4-HMAC-SHA256 Credential=testing/20260101/amazonaws.com/motoapi/aws4_request, SignedHeaders=a"
    assert knock(aws, "POST", path, Authorization=odd_region).status == 403
    assert aws.client("s3").list_objects_v2(Bucket="kept")["KeyCount"] == 0  # it is still there


def test_no_service_s_name_leads_to_the_mock_s_controls(aws: LocalAws) -> None:
    for region in ("us-east-1", "amazonaws.com"):
        scope = f"AWS4-HMAC-SHA256 Credential=testing/20260101/{region}/motoapi/aws4_request, SignedHeaders=a"
        assert knock(aws, "POST", "/", Authorization=scope).status in (403, 501)

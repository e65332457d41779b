"""Stand-ins for what the RAG server talks to. Set-up reads as a sentence: `runtime.loses("chat-v1")`."""

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError, EndpointConnectionError, EventStreamError
from moto import mock_aws

from sluice.rag.app import Clients
from sluice.rag.settings import Settings

GROUP = "chat"
TABLE = "sluice-history"
BASE = "http://127.0.0.1:8000"  # what a client calls the server that runs in its own process


def settings(folder: Path, **changed: Any) -> Settings:
    return Settings(
        **{"group": GROUP, "history_table": TABLE, "region": "us-east-1", "documents": folder / "d.sqlite3"} | changed
    )


def refusal(code: str, message: str, operation: str = "Call", **more: Any) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}, **more}, operation)


class FakeRegistry:
    """The two calls of SageMaker that find the live version."""

    def __init__(self) -> None:
        self.package: dict[str, Any] | None = None
        self.failure: Exception | None = None
        self.looks = 0
        self.looked = threading.Condition()
        self.held: threading.Event | None = None

    def live(self, endpoint: str, version: int = 1, context: int | None = None) -> None:
        environment = {"OPTION_MAX_MODEL_LEN": str(context)} if context else {}
        self.package = {
            "ModelPackageArn": f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{GROUP}/{version}",
            "ModelPackageGroupName": GROUP,
            "ModelPackageVersion": version,
            "ModelPackageStatus": "Completed",
            "ModelApprovalStatus": "Approved",
            "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
            "ModelLifeCycle": {"Stage": "Production", "StageStatus": "Live"},
            "CustomerMetadataProperties": {"endpoint_name": endpoint, "live_since": "2026-01-01T00:00:00Z"},
            "InferenceSpecification": {"Containers": [{"Image": "lmi", "Environment": environment}]},
        }

    def nothing_is_live(self) -> None:
        self.package = None

    def cannot_be_reached(self) -> None:
        self.failure = EndpointConnectionError(endpoint_url="https://sagemaker")

    def is_back(self) -> None:
        self.failure = None

    def list_model_packages(self, **_: Any) -> dict[str, Any]:
        with self.looked:
            self.looks += 1
            self.looked.notify_all()
        if self.held:
            self.held.wait(20)
        if self.failure:
            raise self.failure
        return {"ModelPackageSummaryList": [self.package] if self.package else []}

    def describe_model_package(self, **_: Any) -> dict[str, Any]:
        assert self.package
        return self.package

    def wait_for_looks(self, number: int) -> None:
        with self.looked:
            assert self.looked.wait_for(lambda: self.looks >= number, 20)


class FakeTable:
    """The history table: Query and PutItem, counted, with the condition and the paging that the server relies on."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], dict[str, Any]] = {}
        self.calls: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.failures: dict[str, Exception] = {}
        self.lock = threading.Lock()

    def fails(self, operation: str, code: str = "ProvisionedThroughputExceededException") -> None:
        self.failures[operation] = refusal(code, "The table says no.", operation)

    def works(self) -> None:
        self.failures = {}

    def query(self, **request: Any) -> dict[str, Any]:
        self._called("Query", request)
        values = request["ExpressionAttributeValues"]
        user, before = values[":user"]["S"], values.get(":before", {}).get("S")
        only, after = values.get(":turn", {}).get("S"), request.get("ExclusiveStartKey", {}).get("turn", {}).get("S")
        backwards = not request.get("ScanIndexForward", True)
        with self.lock:
            turns = sorted((turn for whose, turn in self.items if whose == user), reverse=backwards)
        turns = [turn for turn in turns if (before is None or turn < before) and only in (None, turn)]
        turns = [turn for turn in turns if after is None or turn > after][: request["Limit"]]
        found = [self.items[user, turn] for turn in turns]
        further = {"LastEvaluatedKey": {"turn": {"S": turns[-1]}}} if len(turns) == request["Limit"] else {}
        return {"Items": found} | further

    def put_item(self, **request: Any) -> dict[str, Any]:
        self._called("PutItem", request)
        item = request["Item"]
        key = item["user"]["S"], item["turn"]["S"]
        with self.lock:
            if key in self.items and "ConditionExpression" in request:
                raise refusal("ConditionalCheckFailedException", "exists", Item=self.items[key])
            self.items[key] = item
        return {}

    def answers_of(self, user: str) -> list[str]:
        return [self.items[key]["answer"]["S"] for key in sorted(self.items) if key[0] == user]

    def _called(self, operation: str, request: dict[str, Any]) -> None:
        self.calls.append(operation)
        self.requests.append(request)
        if operation in self.failures:
            raise self.failures[operation]


class Gate:
    """Lets a stream go on one token at a time."""

    def __init__(self) -> None:
        self.open = threading.Semaphore(0)

    def let_pass(self, tokens: int = 1) -> None:
        self.open.release(tokens)

    def wait(self) -> None:
        assert self.open.acquire(timeout=20), "nobody let the token pass"


class FakeBody:
    """A response stream: payload parts cut in the middle of lines and characters, as SageMaker does."""

    def __init__(self, parts: Iterator[Any]) -> None:
        self.parts = parts
        self.closed = threading.Event()

    def __iter__(self) -> Iterator[Any]:
        for part in self.parts:
            if self.closed.is_set():
                return
            if isinstance(part, Exception):
                raise part
            half = len(part) // 2
            yield {"PayloadPart": {"Bytes": part[:half]}}
            yield {"PayloadPart": {"Bytes": part[half:]}}

    def close(self) -> None:
        self.closed.set()


class FakeRuntime:
    """Endpoints that answer what they were told to."""

    def __init__(self) -> None:
        self.tokens = ["Books ", "may be kept ", "14 days", "."]
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.refusals: dict[str, Exception] = {}
        self.bodies: list[FakeBody] = []
        self.gate: Gate | None = None
        self.free = 0
        self.breaks_after: int | None = None

    def says(self, *tokens: str) -> None:
        self.tokens = list(tokens)

    def loses(self, endpoint: str) -> None:
        self.refuses(endpoint, "ValidationError", f"Endpoint {endpoint} of account 123456789012 not found.")

    def refuses(self, endpoint: str, code: str, message: str, **more: Any) -> None:
        self.refusals[endpoint] = refusal(code, message, "InvokeEndpoint", **more)

    def breaks_off(self, after: int) -> None:
        self.breaks_after = after

    def waits(self, after: int = 0) -> Gate:
        """Every stream waits for the gate before each token but its first ones."""
        self.gate, self.free = Gate(), after
        return self.gate

    def last_messages(self) -> list[dict[str, str]]:
        messages: list[dict[str, str]] = self.requests[-1][1]["messages"]
        return messages

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        self._asked(request)
        if self.gate:
            self.gate.wait()
        message = {"message": {"role": "assistant", "content": "".join(self.tokens)}, "finish_reason": "stop"}
        answer = {"choices": [message], "usage": {"prompt_tokens": 11, "completion_tokens": len(self.tokens)}}
        return {"Body": io.BytesIO(json.dumps(answer).encode() + b"\n")}

    def invoke_endpoint_with_response_stream(self, **request: Any) -> dict[str, Any]:
        self._asked(request)
        body = FakeBody(self._parts())
        self.bodies.append(body)
        return {"Body": body}

    def _asked(self, request: dict[str, Any]) -> None:
        endpoint = request["EndpointName"]
        self.requests.append((endpoint, json.loads(request["Body"])))
        if endpoint in self.refusals:
            raise self.refusals[endpoint]

    def _parts(self) -> Iterator[Any]:
        yield _line({"choices": [{"delta": {"role": "assistant"}}]})
        for number, token in enumerate(self.tokens):
            if self.breaks_after == number:
                broken = {"Error": {"Code": "ModelStreamError", "Message": "StreamBroken"}}
                yield EventStreamError(broken, "InvokeEndpointWithResponseStream")
            if self.gate and number >= self.free:
                self.gate.wait()
            yield _line({"choices": [{"delta": {"content": token}}]})
        yield _line({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        yield _line({"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": len(self.tokens)}})
        yield b"\n"


def _line(obj: dict[str, Any]) -> bytes:
    return json.dumps(obj, ensure_ascii=False).encode() + b"\n"


class World:
    """A registry with one live version, an empty table, and a model that answers."""

    def __init__(self) -> None:
        self.registry = FakeRegistry()
        self.table = FakeTable()
        self.runtime = FakeRuntime()
        self.registry.live("chat-v1")

    @property
    def clients(self) -> Clients:
        return Clients(self.registry, self.runtime, self.table)


def events(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The events of a finished server-sent stream."""
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


@contextmanager
def table_of(kind: str) -> Iterator[Any]:
    """A client with the history table: the fake one, or moto's."""
    if kind == "fake":
        yield FakeTable()
        return
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "user", "KeyType": "HASH"}, {"AttributeName": "turn", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("user", "turn")],
        )
        yield client

"""The server's own boto3 clients against a socket: what botocore really raises, sends and closes."""

import json
import struct
import threading
from binascii import crc32
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fake_rag import Gate, settings

from sluice.rag import app, model

REQUEST = {"messages": [{"role": "user", "content": "안녕"}], "max_tokens": 5, "stream": True}


def message(payload: bytes, **headers: str) -> bytes:
    """One message of AWS's event stream: lengths, checksum, headers, payload, checksum."""
    named = b"".join(
        struct.pack(">B", len(name) + 1) + f":{name}\x07".encode() + struct.pack(">H", len(value)) + value.encode()
        for name, value in ((name.replace("_", "-"), value) for name, value in headers.items())
    )
    prelude = struct.pack(">II", len(named) + len(payload) + 16, len(named))
    whole = prelude + struct.pack(">I", crc32(prelude)) + named + payload
    return whole + struct.pack(">I", crc32(whole))


def part(payload: bytes) -> bytes:
    return message(payload, message_type="event", event_type="PayloadPart", content_type="application/octet-stream")


def line(token: str) -> bytes:
    return json.dumps({"choices": [{"delta": {"content": token}}]}, ensure_ascii=False).encode() + b"\n"


class Endpoint(ThreadingHTTPServer):
    """What `sagemaker-runtime` answers, as told by `play`."""

    daemon_threads = True

    def __init__(self) -> None:
        self.play: Callable[[Stage], None] = lambda stage: stage.refuse(500, "InternalFailure")
        self.requests: list[dict[str, Any]] = []
        self.hung_up = threading.Event()
        super().__init__(("127.0.0.1", 0), Stage)

    def handle_error(self, request: Any, client_address: Any) -> None:
        self.hung_up.set()


class Stage(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Endpoint

    def log_message(self, *_: Any) -> None: ...

    def do_POST(self) -> None:
        self.server.requests.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.server.play(self)

    def refuse(self, status: int, code: str, **more: Any) -> None:
        body = json.dumps({"message": "because", "Message": "because"} | more).encode()
        self.send_response(status)
        self.send_header("x-amzn-ErrorType", code)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/vnd.amazon.eventstream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def send(self, chunk: bytes) -> None:
        self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")

    def end(self) -> None:
        self.wfile.write(b"0\r\n\r\n")


@pytest.fixture(scope="module")
def listening() -> Iterator[Endpoint]:
    with Endpoint() as endpoint:
        thread = threading.Thread(target=endpoint.serve_forever, args=(0.01,))
        thread.start()
        yield endpoint
        endpoint.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def runtime(listening: Endpoint) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{listening.server_port}")
        clients = app.clients(settings(Path()))
        yield clients.runtime
        for client in (clients.runtime, clients.sagemaker, clients.dynamodb):
            client.close()


@pytest.fixture
def endpoint(listening: Endpoint) -> Endpoint:
    listening.requests.clear()
    listening.hung_up.clear()
    return listening


def texts(objects: Iterator[dict[str, Any]]) -> list[str]:
    return [obj["choices"][0]["delta"]["content"] for obj in objects]


def test_tokens_are_read_as_they_come_however_they_are_cut(endpoint: Endpoint, runtime: Any) -> None:
    gate = Gate()

    def play(stage: Stage) -> None:
        whole = line("안녕") + line("하세요")
        stage.stream()
        stage.send(part(whole[:35]) + part(whole[35 : len(line("안녕"))])[:20])  # in a character, and in a message
        stage.send(part(whole[35 : len(line("안녕"))])[20:])
        gate.wait()
        stage.send(part(whole[len(line("안녕")) :]) + part(b"\n"))
        stage.end()

    endpoint.play = play
    objects = model.stream(runtime, "chat-v1", REQUEST)
    assert next(objects)["choices"][0]["delta"]["content"] == "안녕"
    gate.let_pass()
    assert texts(objects) == ["하세요"]
    assert endpoint.requests == [REQUEST]


def test_hanging_up_reaches_the_endpoint(endpoint: Endpoint, runtime: Any) -> None:
    def play(stage: Stage) -> None:
        stage.stream()
        while True:
            stage.send(part(line("word ")))

    endpoint.play = play
    with closing(model.stream(runtime, "chat-v1", REQUEST)) as objects:
        next(objects)
    assert endpoint.hung_up.wait(20)


def test_a_connection_that_breaks_in_the_stream_is_a_lost_endpoint(endpoint: Endpoint, runtime: Any) -> None:
    def play(stage: Stage) -> None:
        stage.stream()
        stage.send(part(line("one")))
        stage.close_connection = True

    endpoint.play = play
    objects = model.stream(runtime, "chat-v1", REQUEST)
    next(objects)
    with pytest.raises(model.EndpointLost):
        next(objects)


def test_an_exception_in_the_stream_is_a_lost_endpoint(endpoint: Endpoint, runtime: Any) -> None:
    def play(stage: Stage) -> None:
        broken = json.dumps({"Message": "The stream broke.", "ErrorCode": "StreamBroken"}).encode()
        stage.stream()
        stage.send(
            message(
                broken, message_type="exception", exception_type="ModelStreamError", content_type="application/json"
            )
        )
        stage.end()

    endpoint.play = play
    with pytest.raises(model.EndpointLost, match="ModelStreamError"):
        next(model.stream(runtime, "chat-v1", REQUEST))


@pytest.mark.parametrize("ask", [model.complete, model.stream])
@pytest.mark.parametrize(
    ("status", "code", "more", "kind", "said"),
    [
        (400, "ValidationError", {"message": "Endpoint x not found."}, model.EndpointLost, "does not exist"),
        (400, "ValidationError", {"message": "1 validation error detected"}, model.EndpointRefused, "validation"),
        (424, "ModelError", {"OriginalStatusCode": 424, "OriginalMessage": "Input"}, model.ModelFailed, "424: Input"),
        (424, "ModelError", {"OriginalStatusCode": 503, "OriginalMessage": "full"}, model.EndpointBusy, "full"),
        (429, "ModelNotReadyException", {}, model.EndpointLost, "ModelNotReadyException"),
        (400, "ThrottlingException", {}, model.EndpointBusy, "because"),
        (503, "ServiceUnavailable", {}, model.EndpointLost, "ServiceUnavailable"),
        (403, "AccessDeniedException", {}, model.EndpointRefused, "AccessDenied"),
    ],
)  # fmt: skip
def test_what_sagemaker_refuses_has_a_name_of_ours(
    endpoint: Endpoint, runtime: Any, ask: Any, status: int, code: str, more: dict[str, Any], kind: type, said: str
) -> None:
    endpoint.play = lambda stage: stage.refuse(status, code, **more)
    with pytest.raises(kind, match=said):
        ask(runtime, "chat-v1", REQUEST)


def test_an_endpoint_out_of_reach_is_lost(endpoint: Endpoint, runtime: Any) -> None:
    def play(stage: Stage) -> None:
        stage.close_connection = True

    endpoint.play = play
    with pytest.raises(model.EndpointLost, match="chat-v1"):
        model.complete(runtime, "chat-v1", REQUEST)


def test_there_is_a_connection_for_every_chat(runtime: Any) -> None:
    assert runtime.meta.config.max_pool_connections == settings(Path()).concurrency >= 200
    assert runtime.meta.config.read_timeout > 60

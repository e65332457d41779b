"""The RAG server as a target: the real server, over real sockets, with only AWS made up."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from fake_rag import World, settings

from sluice.chat_api import BadReply
from sluice.evaluation.cases.case import Case, Turn
from sluice.evaluation.evaluate import evaluate
from sluice.evaluation.gate import Gate
from sluice.evaluation.replay.failures import Busy, Refused, TargetDown
from sluice.evaluation.replay.plan import Plan
from sluice.evaluation.replay.rag_target import HttpRag, name_source, parse_event
from sluice.rag.app import create_app
from sluice.rag.server import Server, listen, url

PLAN = Plan(concurrency=2, max_tokens=64, retry_seconds=0.05)


@pytest.fixture
def world() -> World:
    world = World()
    world.registry.live("chat-v1")
    return world


@pytest.fixture
def rag(world: World, tmp_path: Path) -> Iterator[HttpRag]:
    app = create_app(settings(tmp_path, refresh_seconds=3600), world.clients)
    ready = threading.Event()
    with listen("127.0.0.1", 0) as listening:
        server = Server(app, 5, ready.set)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        assert ready.wait(20)
        try:
            with HttpRag(url("127.0.0.1", listening.getsockname()[1])) as rag:
                yield rag
        finally:
            server.should_exit = True
            thread.join(20)


def add(rag: HttpRag, document: str, text: str) -> None:
    headers = {"Content-Type": "text/markdown"}
    status, _ = rag._connections.post(f"/v1/documents?id={document}", text.encode(), headers, lambda r, _: r.read())
    assert status == 201


def no_model(request: dict[str, Any]) -> Any:
    raise AssertionError("this case goes through the RAG server")


def test_an_answer_is_put_together_with_its_sources_and_timed(rag: HttpRag, world: World) -> None:
    add(rag, "handbook.md", "# Handbook\n\nAnnual leave is 15 days.")
    world.runtime.says("Annual ", "leave ", "is 15 days.")
    reply = rag("mina", "How long is annual leave?", 32)
    assert (reply.text, reply.finish_reason) == ("Annual leave is 15 days.", "stop")
    assert reply.sources == ("handbook.md (Handbook)",)
    assert "15 days" in reply.passages[0]
    assert reply.first_token_ms is not None and reply.completion_tokens > 0


def test_a_chat_is_replayed_with_retrieval_and_the_servers_own_history(rag: HttpRag, world: World) -> None:
    add(rag, "handbook.md", "# Handbook\n\nAnnual leave is 15 days.")
    world.runtime.says("15 days.")
    turns = (
        Turn("How long is annual leave?", expect={"contains": "15 days", "cites": "handbook", "grounded": True}),
        Turn("And next year?", expect={"not_contains": "20"}),
    )
    report = evaluate([Case("leave", turns, through="rag")], no_model, Gate(), PLAN, rag=rag)
    assert report.verdict.verdict == "pass", report.verdict
    contents = [message["content"] for message in world.runtime.last_messages()]
    assert any("How long is annual leave?" in text for text in contents), "the history is the server's"


def test_an_endpoint_that_is_throttled_behind_the_server_is_busy(rag: HttpRag, world: World) -> None:
    world.runtime.refuses("chat-v1", "ThrottlingException", "slow down")
    with pytest.raises(Busy, match="HTTP 503"):
        rag("mina", "q", 32)


def test_a_model_that_refuses_the_question_fails_it(rag: HttpRag, world: World) -> None:
    world.runtime.refuses("chat-v1", "ModelError", "x", OriginalStatusCode=424, OriginalMessage="too long")
    with pytest.raises(Refused, match=r"HTTP 502.*too long"):
        rag("mina", "q", 32)


def test_a_question_that_the_server_does_not_take_fails(rag: HttpRag) -> None:
    with pytest.raises(Refused, match="HTTP 422: max_tokens"):
        rag("mina", "q", 10**6)


def test_where_the_endpoint_behind_the_server_is_gone_the_replay_is_an_error(rag: HttpRag, world: World) -> None:
    world.runtime.loses("chat-v1")
    case = Case("a", (Turn("q", expect={"contains": "x"}),), through="rag")
    report = evaluate([case], no_model, Gate(), PLAN, rag=rag)
    assert report.verdict.verdict == "error"


# another server, that says what it likes


class Odd(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    kind = "text/event-stream"
    body = b""
    status = 200
    ports: ClassVar[list[int]]  # the port that each request came from

    def do_POST(self) -> None:
        self.ports.append(self.client_address[1])
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.status)
        self.send_header("Content-Type", self.kind)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def odd() -> Iterator[tuple[type[Odd], HttpRag]]:
    handler = type("Told", (Odd,), {"ports": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        with HttpRag(f"http://127.0.0.1:{server.server_address[1]}/base/") as rag:
            yield handler, rag
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


END = b'event: done\ndata: {"finish_reason": "stop", "usage": {"prompt_tokens": 3, "completion_tokens": 2}}\n\n'


def test_comments_line_ends_and_unknown_events_are_passed_over(odd: tuple[type[Odd], HttpRag]) -> None:
    handler, rag = odd
    handler.body = (
        b': still there\r\n\r\nevent: token\r\ndata: {"text": "\xec\x97\xb0"}\r\n\r\nevent: new\ndata: {}\n\n' + END
    )
    assert rag("u", "q", 1).text == "연"


def test_a_stream_whose_length_was_said_leaves_its_connection_free_and_is_asked_once(
    odd: tuple[type[Odd], HttpRag],
) -> None:
    handler, rag = odd
    handler.body = END
    for _ in range(3):
        rag("u", "q", 1)
    assert len(handler.ports) == 3 and len(set(handler.ports)) == 1


@pytest.mark.parametrize(
    ("body", "error", "message"),
    [
        (b'event: token\ndata: {"text": "a"}\n\n', BadReply, "ended in the middle"),
        (b"event: token\ndata: [1]\n\n" + END, BadReply, "not a JSON object: token"),
        (b'event: error\ndata: {"error": {"code": "endpoint_lost", "message": "it broke"}}\n\n', Busy, "it broke"),
        (b'event: error\ndata: {"error": {"code": "model_failed", "message": "too long"}}\n\n', Refused, "too long"),
        (b"event: error\ndata: {}\n\n", Busy, "broke off"),
    ],
)
def test_a_stream_that_is_no_answer(odd: tuple[type[Odd], HttpRag], body: bytes, error: Any, message: str) -> None:
    handler, rag = odd
    handler.body = body
    with pytest.raises(error, match=message):
        rag("u", "q", 1)
    handler.body = END
    assert rag("u", "q", 1).text == ""


def test_what_is_no_rag_server_is_told_apart(odd: tuple[type[Odd], HttpRag]) -> None:
    handler, rag = odd
    handler.kind = "application/json"
    with pytest.raises(BadReply, match="not a stream of events"):
        rag("u", "q", 1)
    handler.status = 404
    with pytest.raises(TargetDown, match="HTTP 404"):
        rag("u", "q", 1)


def test_an_event_is_read_line_by_line() -> None:
    assert parse_event(b'data: {"a":\ndata: 1}') == ("message", {"a": 1})
    assert parse_event(b": comment") is None


def test_a_source_goes_by_its_document_and_its_title() -> None:
    assert name_source({"document": "a.md", "title": "Handbook"}) == "a.md (Handbook)"
    assert name_source({"document": "a.md", "title": "a.md"}) == name_source({"document": "a.md"}) == "a.md"

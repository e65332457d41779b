"""A chat turn over HTTP: its answer, its stream, what it writes, and every way in which it can fail."""

import json
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_rag import BASE, World, events, settings
from fastapi.testclient import TestClient

from sluice.rag.app import create_app

JSON = {"content-type": "application/json"}
LIBRARY = (
    "# 도서관\n\n대출 기간은 14일입니다.\n\n연체료는 하루 100원입니다.\n\n# Library\n\nBooks may be kept for 14 days."
)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def small_context(world: World) -> None:
    """Said before the server starts: it looks into the registry at once."""
    world.registry.live("chat-v1", context=600)


@pytest.fixture
def server(world: World, tmp_path: Path) -> Iterator[TestClient]:
    app = create_app(settings(tmp_path, refresh_seconds=3600), world.clients)
    with TestClient(app, BASE, raise_server_exceptions=False) as client:
        yield client


def ask(server: TestClient, message: str = "대출 기간이 며칠인가요?", **more: Any) -> Any:
    return server.post("/v1/chat", json={"user": "mina", "message": message} | more)


def add_library(server: TestClient) -> None:
    answer = server.post("/v1/documents?id=library", content=LIBRARY, headers={"content-type": "text/markdown"})
    assert answer.status_code == 201


def error(answer: Any, status: int, code: str) -> dict[str, str]:
    assert answer.status_code == status, answer.text
    told: dict[str, str] = answer.json()["error"]
    assert told["code"] == code
    assert set(told) == {"code", "message", "hint"}
    return told


def test_an_answer_names_its_sources_its_version_and_its_turn(server: TestClient, world: World) -> None:
    add_library(server)
    world.runtime.says("14", "일입니다.")
    answer = ask(server)
    assert "14일입니다." in answer.text, "Korean stays readable on the wire"
    told = answer.json()
    assert told["answer"] == "14일입니다."
    assert (told["version"], told["endpoint"]) == (1, "chat-v1")
    assert told["usage"] == {"prompt_tokens": 11, "completion_tokens": 2}
    assert told["sources"][0] | {"score": 0} == {
        "id": "library#1",
        "document": "library",
        "title": "도서관",
        "passage": "대출 기간은 14일입니다.",
        "rank": 1,
        "score": 0,
    }
    history = server.get("/v1/history?user=mina").json()["turns"]
    assert [turn["turn"] for turn in history] == [told["turn"]]
    assert history[0]["sources"] == [{"id": "library#1", "title": "도서관"}]


def test_the_model_is_sent_the_passages_and_the_last_three_turns(server: TestClient, world: World) -> None:
    add_library(server)
    for number in range(1, 5):
        world.runtime.says(f"answer {number}")
        ask(server, f"Hello number {number}")
    ask(server, "How long may books be kept?")
    told = world.runtime.last_messages()
    assert [message["role"] for message in told] == ["system", *["user", "assistant"] * 3, "user"]
    assert told[1]["content"] == "Hello number 2"
    assert told[-2]["content"] == "answer 4"
    assert told[-1]["content"].startswith("Passages:\n[1] Books may be kept for 14 days.")


def test_small_talk_and_documents_false_get_no_passages(server: TestClient, world: World) -> None:
    add_library(server)
    assert ask(server, "안녕하세요!").json()["sources"] == []
    assert world.runtime.last_messages()[-1]["content"] == "안녕하세요!"
    assert ask(server, documents=False).json()["sources"] == []


def test_a_follow_up_is_searched_together_with_the_question_before(server: TestClient) -> None:
    add_library(server)
    ask(server, "연체료는 얼마인가요?")
    assert ask(server, "이틀이면요?").json()["sources"][0]["id"] == "library#2"


@pytest.mark.parametrize("how", ["flag", "header"])
def test_a_stream_is_sources_tokens_and_done(server: TestClient, world: World, how: str) -> None:
    add_library(server)
    world.runtime.says("대출은 ", "14일", "\n입니다.")
    headers = {"accept": "text/event-stream"} if how == "header" else {}
    body = {"user": "mina", "message": "대출 기간이 며칠인가요?"} | ({"stream": True} if how == "flag" else {})
    answer = server.post("/v1/chat", json=body, headers=headers)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    told = events(answer.text)
    assert [name for name, _ in told] == ["sources", "token", "token", "token", "done"]
    assert told[0][1]["sources"][0]["id"] == "library#1"
    assert "".join(data["text"] for name, data in told if name == "token") == "대출은 14일\n입니다."
    done = told[-1][1]
    assert done["usage"] == {"prompt_tokens": 11, "completion_tokens": 3}
    assert done["turn"] == server.get("/v1/history?user=mina").json()["turns"][0]["turn"]
    assert done["latency_ms"] >= done["first_token_ms"] >= 0


@pytest.mark.parametrize("stream", [False, True])
def test_a_turn_costs_one_query_and_one_put_however_long_the_chat(
    server: TestClient, world: World, stream: bool
) -> None:
    for _ in range(30):
        ask(server, "Hello", stream=stream)
    world.table.calls.clear()
    ask(server, "Hello again", stream=stream)
    assert world.table.calls == ["Query", "PutItem"]
    assert world.table.requests[-2]["Limit"] == 3


@pytest.mark.parametrize("stream", [False, True])
def test_when_the_endpoint_is_gone_the_new_one_answers(server: TestClient, world: World, stream: bool) -> None:
    ask(server)
    world.runtime.loses("chat-v1")
    world.registry.live("chat-v2", version=2)
    answer = ask(server, stream=stream)
    told = events(answer.text)[-1][1] if stream else answer.json()
    assert (told["endpoint"], told["version"]) == ("chat-v2", 2)
    assert world.registry.looks == 2
    assert [endpoint for endpoint, _ in world.runtime.requests] == ["chat-v1", "chat-v1", "chat-v2"]


def test_a_stream_that_breaks_before_its_first_token_moves_to_the_new_endpoint(
    server: TestClient, world: World
) -> None:
    ask(server)
    world.runtime.breaks_off(after=0)
    world.registry.live("chat-v2", version=2)
    answer = ask(server, stream=True)
    error(answer, 503, "endpoint_lost")  # the new one breaks off too: one retry, not more
    assert [endpoint for endpoint, _ in world.runtime.requests] == ["chat-v1", "chat-v1", "chat-v2"]


def test_a_stream_that_breaks_later_ends_with_an_error_and_no_turn(server: TestClient, world: World) -> None:
    world.runtime.breaks_off(after=2)
    told = events(ask(server, stream=True).text)
    assert [name for name, _ in told] == ["sources", "token", "token", "error"]
    assert told[-1][1]["error"]["code"] == "endpoint_lost"
    assert world.table.items == {}


def test_a_gone_endpoint_that_is_still_called_live_is_said_to_be_lost(server: TestClient, world: World) -> None:
    world.runtime.loses("chat-v1")
    answer = ask(server, stream=True)
    assert "chat-v1 does not exist" in error(answer, 503, "endpoint_lost")["message"]
    assert answer.headers["retry-after"]
    assert len(world.runtime.requests) == 1


@pytest.mark.parametrize(
    ("code", "more", "status", "told"),
    [
        ("ThrottlingException", {}, 503, "endpoint_busy"),
        ("ModelNotReadyException", {}, 503, "endpoint_lost"),
        ("ModelError", {"OriginalStatusCode": 424, "OriginalMessage": "prompt too long"}, 502, "model_failed"),
        ("ModelError", {"OriginalStatusCode": 503, "OriginalMessage": "queue full"}, 503, "endpoint_busy"),
        ("AccessDeniedException", {}, 502, "endpoint_refused"),
        ("ValidationError", {}, 502, "endpoint_refused"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_the_endpoint_refuses_is_told_with_its_reason(
    server: TestClient, world: World, code: str, more: dict[str, Any], status: int, told: str, stream: bool
) -> None:
    world.runtime.refuses("chat-v1", code, "because", **more)
    answer = ask(server, stream=stream)
    message = error(answer, status, told)["message"]
    assert more.get("OriginalMessage", "because") in message
    assert ("retry-after" in answer.headers) == (status == 503)


def test_nothing_live_is_said_before_anything_is_spent(server: TestClient, world: World) -> None:
    world.registry.nothing_is_live()
    world.runtime.loses("chat-v1")
    ask(server)  # finds out that chat-v1 is gone
    world.table.calls.clear()
    told = error(ask(server), 503, "nothing_live")
    assert "sluice approve" in told["hint"]
    assert world.table.calls == []


def test_a_turn_that_cannot_be_written_is_an_error_the_user_sees(server: TestClient, world: World) -> None:
    world.table.fails("PutItem")
    answer = ask(server)
    error(answer, 503, "history_not_written")
    assert answer.headers["retry-after"]
    told = events(ask(server, stream=True).text)
    assert told[-1][0] == "error"
    assert told[-1][1]["error"]["code"] == "history_not_written"


def test_a_history_that_cannot_be_read_stops_the_turn_before_the_model(server: TestClient, world: World) -> None:
    world.table.fails("Query", "ResourceNotFoundException")
    assert "sluice bootstrap" in error(ask(server), 503, "history_unavailable")["hint"]
    assert world.runtime.requests == []


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"message": "hi"}, "user: Field required"),
        ({"user": "mina"}, "message: Field required"),
        ({"user": " ", "message": "hi"}, "user: "),
        ({"user": "a\nb", "message": "hi"}, "user: "),
        ({"user": "u" * 257, "message": "hi"}, "user: "),
        ({"user": "mina", "message": " \n"}, "message: must not be empty"),
        ({"user": "mina", "message": "hi", "max_tokens": 0}, "max_tokens: "),
        ({"user": "mina", "message": "hi", "max_tokens": 513}, "512"),
        ({"user": "mina", "message": "hi", "max_tokens": "9"}, "max_tokens: "),
        ({"user": "mina", "message": "hi", "temperature": 1}, "temperature: "),
        ({"user": 7, "message": "hi"}, "user: "),
        ([], "object"),
    ],
)
def test_a_body_that_cannot_be_used_is_told_field_by_field(server: TestClient, body: Any, where: str) -> None:
    assert where in error(server.post("/v1/chat", json=body), 422, "invalid_request")["message"]


@pytest.mark.parametrize("raw", [b"", b"{", b'{"user": "mina", "message": "\\ud800"}'])
def test_a_body_that_is_no_json_is_refused(server: TestClient, raw: bytes) -> None:
    error(server.post("/v1/chat", content=raw, headers=JSON), 422, "invalid_request")


def test_a_message_of_bytes_that_are_no_utf8_is_refused(server: TestClient) -> None:
    raw = '{"user": "mina", "message": "대출"}'.encode("cp949")
    error(server.post("/v1/chat", content=raw, headers=JSON), 400, "invalid_utf8")


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; a=b",
                                  "text/plain; application/json", "application/jsonl"])  # fmt: skip
def test_json_that_is_not_called_json_is_refused(server: TestClient, world: World, kind: str) -> None:
    """A web page may send the first four anywhere without asking, and none of them is a chat."""
    raw = b'{"user": "mina", "message": "hi"}'
    described = error(
        server.post("/v1/chat", content=raw, headers={"content-type": kind}), 415, "unsupported_media_type"
    )
    assert "application/json" in described["hint"]
    assert world.runtime.requests == [] and world.table.items == {}


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8"])
def test_json_may_be_called_so_in_any_spelling(server: TestClient, kind: str) -> None:
    raw = b'{"user": "mina", "message": "hi"}'
    assert server.post("/v1/chat", content=raw, headers={"content-type": kind}).status_code == 200


FOREIGN = [
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:3000"},
    {"host": "evil.example"},
    {"host": "evil.example:8000", "origin": "http://evil.example:8000"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/chat", {"user": "mina", "message": "hi"}),
        ("POST", "/v1/chat", {"user": "mina", "message": "hi", "stream": True}),
        ("POST", "/v1/documents", {"text": "Salaries are paid on the 1st."}),
        ("DELETE", "/v1/documents/library", None),
        ("PUT", "/v1/consent", {"user": "mina", "evaluation": True}),
        ("GET", "/v1/history?user=mina", None),
        ("GET", "/readyz", None),
        ("GET", "/nowhere", None),
        ("OPTIONS", "/v1/chat", None),
    ],
)
def test_no_foreign_web_page_is_answered(
    server: TestClient, world: World, headers: dict[str, str], method: str, path: str, body: Any
) -> None:
    add_library(server)
    answer = server.request(method, path, json=body, headers=headers)
    refused = error(answer, 403, "foreign_request")
    assert next(iter(headers.values())) in refused["message"]
    assert "SLUICE_ALLOWED_HOSTS" in refused["hint"]
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert world.runtime.requests == [] and world.table.items == {}
    assert server.get("/v1/documents").json()["documents"][0]["id"] == "library"


def test_the_servers_own_page_is_answered(server: TestClient) -> None:
    body = {"user": "mina", "message": "hi"}
    assert server.post("/v1/chat", json=body, headers={"origin": BASE}).status_code == 200


def test_who_serves_under_a_name_lists_it(world: World, tmp_path: Path) -> None:
    listed = ("chat.example.com", "10.0.0.0/16")
    app = create_app(settings(tmp_path, refresh_seconds=3600, allowed_hosts=listed), world.clients)
    with TestClient(app, BASE) as server:
        page = {"host": "chat.example.com", "origin": "https://chat.example.com"}
        assert server.post("/v1/chat", json={"user": "mina", "message": "hi"}, headers=page).status_code == 200
        assert server.get("/healthz", headers={"host": "10.0.3.4:8000"}).status_code == 200
        assert server.get("/healthz", headers={"host": "www.example.com"}).status_code == 403


def test_a_message_that_is_too_long_is_told_the_limit(server: TestClient, world: World) -> None:
    assert "4,000" in error(ask(server, "가" * 4001), 413, "too_long")["message"]
    error(server.post("/v1/chat", content=b" " * 100_000, headers=JSON), 413, "too_large")
    assert world.runtime.requests == []


@pytest.mark.usefixtures("small_context")
class TestASmallContext:
    def test_a_question_that_leaves_no_room_is_told_so(self, server: TestClient, world: World) -> None:
        assert "600" in error(ask(server, "긴 질문 " * 200), 413, "too_long")["message"]
        assert world.runtime.requests == []

    def test_old_turns_make_room_for_the_question_and_its_passages(self, server: TestClient, world: World) -> None:
        world.runtime.says("word " * 150)
        add_library(server)
        for _ in range(4):
            assert ask(server).status_code == 200
        told = world.runtime.requests[-1][1]
        assert [message["role"] for message in told["messages"]] == ["system", "user", "assistant", "user"]
        assert told["messages"][-1]["content"].startswith("자료:")
        assert 100 < told["max_tokens"] < 512


def test_too_many_chats_at_once_are_refused_and_not_queued(world: World, tmp_path: Path) -> None:
    gate = world.runtime.waits()
    app = create_app(settings(tmp_path, concurrency=1, refresh_seconds=3600), world.clients)
    with TestClient(app, BASE) as server:
        first: list[Any] = []
        asking = threading.Thread(target=lambda: first.append(ask(server)))
        asking.start()
        while not world.runtime.requests:
            assert asking.is_alive()
        refused = ask(server)
        error(refused, 503, "too_busy")
        assert refused.headers["retry-after"]
        gate.let_pass()
        asking.join(20)
        assert first[0].status_code == 200


def test_an_error_nobody_foresaw_is_a_plain_500(server: TestClient, world: World) -> None:
    world.runtime.tokens = [None]  # type: ignore[list-item]
    told = error(ask(server), 500, "internal")
    assert "Traceback" not in json.dumps(told)


def test_addresses_that_are_not_there_answer_in_the_same_shape(server: TestClient) -> None:
    error(server.get("/v1/nothing"), 404, "not_found")
    error(server.get("/v1/chat"), 405, "method_not_allowed")


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def lines() -> Iterator[list[str]]:
    log, handler = logging.getLogger("sluice.rag"), Lines()
    log.addHandler(handler)
    before = log.level
    log.setLevel(logging.INFO)
    yield handler.lines
    log.removeHandler(handler)
    log.setLevel(before)


def chats(lines: list[str]) -> list[dict[str, Any]]:
    """What is logged of chats; the line of a chat is written after its answer."""
    deadline = time.monotonic() + 30
    while not any("question" in line for line in lines) and time.monotonic() < deadline:
        time.sleep(0.01)
    return [line for line in map(json.loads, (line for line in lines if line.startswith("{"))) if "question" in line]


def test_each_chat_logs_one_line_that_no_terminal_obeys(server: TestClient, world: World, lines: list[str]) -> None:
    world.runtime.says("한 줄\n", "\x1b[31m", "\u202e\u0085")
    ask(server, "what\r\nINFO forged line\u2028")
    (told,) = chats(lines)
    raw = next(line for line in lines if "forged" in line)
    assert all(character.isprintable() for character in raw)
    assert "한 줄" in raw
    assert told["question"] == "what\r\nINFO forged line\u2028"
    assert told["answer"] == "한 줄\n\x1b[31m\u202e\u0085"
    wanted = {"user": "mina", "version": 1, "endpoint": "chat-v1", "status": 200}
    assert wanted.items() <= told.items()
    assert told["latency_ms"] >= 0 and told["time"] and told["turn"]


def test_a_failed_chat_is_logged_with_its_reason(server: TestClient, world: World, lines: list[str]) -> None:
    world.table.fails("PutItem")
    ask(server, stream=True)
    (told,) = chats(lines)
    assert (told["status"], told["code"]) == (503, "history_not_written")
    assert told["answer"] == "Books may be kept 14 days."

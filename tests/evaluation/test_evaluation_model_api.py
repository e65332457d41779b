"""The models that help to judge over HTTP: what is sent, what comes back, and that trouble is never an answer's."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from sluice.evaluation.cases.case import Case, Turn
from sluice.evaluation.evaluate import evaluate
from sluice.evaluation.gate import Gate
from sluice.evaluation.llm_judge import JudgeFailed, LlmJudge
from sluice.evaluation.model_api import ModelApi
from sluice.evaluation.replay.target import TimedReply
from sluice.evaluation.scoring import ScoringServices

MESSAGES = [{"role": "user", "content": "질문"}]
CHAT = {"choices": [{"message": {"content": '{"pass": true, "why": "fine"}'}}]}


class Server:
    """Replies that were queued as (status, body), the last one again and again; keeps what it was asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.queued: list[tuple[int, Any, dict[str, str]]] = []
        self.asked: list[tuple[str, dict[str, Any], str | None]] = []

    def answers(self, status: int, body: Any, **headers: str) -> "Server":
        self.queued.append((status, body, headers))
        return self


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            stub.asked.append((self.path, json.loads(body), self.headers["Authorization"]))
            status, answer, headers = stub.queued.pop(0) if len(stub.queued) > 1 else stub.queued[0]
            data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    http_server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stub = Server(f"http://127.0.0.1:{http_server.server_port}/v1/")
    thread = Thread(target=http_server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield stub
    http_server.shutdown()
    http_server.server_close()
    thread.join()


def api(server: Server, **more: Any) -> ModelApi:
    return ModelApi(server.url, "judge-1", **{"retry_seconds": 5.0, "sleep": lambda _: None, **more})


def test_a_question_is_sent_cold_with_its_seed_and_the_key_in_the_header(server: Server) -> None:
    server.answers(200, CHAT)
    assert api(server, key="sk-1").complete(MESSAGES, 64, 7) == CHAT["choices"][0]["message"]["content"]  # type: ignore[index]
    request = {"model": "judge-1", "messages": MESSAGES, "max_tokens": 64, "temperature": 0, "seed": 7}
    assert server.asked == [("/v1/chat/completions", request, "Bearer sk-1")]
    api(server).complete(MESSAGES, 64, 7)
    assert server.asked[-1][2] is None


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_trouble_that_may_pass_is_waited_for(server: Server, status: int) -> None:
    server.answers(status, {"error": {"message": "later"}}).answers(status, b"").answers(200, CHAT)
    api(server).complete(MESSAGES, 64, 0)
    assert len(server.asked) == 3


def test_what_the_server_asks_for_is_how_long_it_is_waited_for(server: Server) -> None:
    waits: list[float] = []
    server.answers(429, b"", Retry_After="3").answers(200, CHAT)
    api(server, sleep=waits.append).complete(MESSAGES, 64, 0)
    assert 2.9 < waits[0] <= 3


def test_patience_has_an_end(server: Server) -> None:
    server.answers(503, {"error": {"message": "overloaded"}})
    with pytest.raises(JudgeFailed, match=r"judge-1 does not answer: HTTP 503: overloaded \(for 0 s it said nothing"):
        api(server, retry_seconds=0.0).complete(MESSAGES, 64, 0)


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (401, {"error": {"message": "bad key"}}, "does not answer: HTTP 401: bad key"),
        (404, b"nothing here", "does not answer: HTTP 404: nothing here"),
        (400, {"error": {"message": "too long"}}, "does not answer: HTTP 400: too long"),
        (200, b"<html>", "something that is not JSON: <html>"),
        (200, {"choices": []}, "no chat answer"),
        (200, {"choices": [{"message": {"content": None}}]}, "no chat answer"),
        (200, ["x"], "no chat answer"),
    ],
)
def test_what_will_not_pass_is_one_error_at_once(server: Server, status: int, body: Any, message: str) -> None:
    server.answers(status, body)
    with pytest.raises(JudgeFailed, match=message) as caught:
        api(server, key="sk-secret").complete(MESSAGES, 64, 0)
    assert len(server.asked) == 1 and "sk-secret" not in str(caught.value)


def test_a_judge_that_fails_ends_the_run_as_an_error_and_fails_no_case(server: Server) -> None:
    server.answers(401, {"error": {"message": "bad key"}})
    cases = [Case(f"c{n}", (Turn("hi", expect={"judge": "is polite"}),)) for n in range(3)]
    help = ScoringServices(judge=LlmJudge(api(server).complete, "judge-1"))
    report = evaluate(cases, lambda _: TimedReply("hello", "stop", 1, 1), Gate(), services=help)
    assert report.verdict.verdict == "error" and "HTTP 401: bad key" in report.verdict.summary
    assert not report.results


def test_vectors_come_back_in_the_order_of_the_texts(server: Server) -> None:
    server.answers(200, {"data": [{"index": 1, "embedding": [0, 1]}, {"index": 0, "embedding": [1, 0]}]})
    assert api(server).embed(["하나", "둘"]) == [[1.0, 0.0], [0.0, 1.0]]
    assert server.asked[0][:2] == ("/v1/embeddings", {"model": "judge-1", "input": ["하나", "둘"]})


def test_a_blank_text_is_like_nothing_and_is_not_sent(server: Server) -> None:
    server.answers(200, {"data": [{"index": 0, "embedding": [1, 0]}]})
    assert api(server).embed(["", "둘"]) == [[0.0, 0.0], [1.0, 0.0]]
    assert server.asked[0][1]["input"] == ["둘"]
    assert api(server).embed([" ", "\n"]) == [[0.0], [0.0]] and len(server.asked) == 1


def test_a_text_that_no_model_takes_whole_is_cut(server: Server) -> None:
    server.answers(200, {"data": [{"index": 0, "embedding": [1, 0]}]})
    api(server).embed(["가" * 1_000_000])
    assert len(server.asked[0][1]["input"][0]) == 6_000


@pytest.mark.parametrize(
    "data",
    [
        [],
        [{"index": 0, "embedding": [1]}],
        [{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [1, 2]}],
        [{"index": 0, "embedding": []}, {"index": 1, "embedding": []}],
        [{"index": 0, "embedding": ["x"]}, {"index": 1, "embedding": [1]}],
        [{"index": 0, "embedding": [float("nan")]}, {"index": 1, "embedding": [1]}],
        [{"embedding": [1]}, {"embedding": [1]}],
    ],
)
def test_vectors_of_any_other_form_are_an_error(server: Server, data: Any) -> None:
    server.answers(200, {"data": data})
    with pytest.raises(JudgeFailed):
        api(server).embed(["하나", "둘"])


def test_a_server_that_is_not_there_is_one_error() -> None:
    with pytest.raises(JudgeFailed, match=r"judge-1 does not answer: http://127\.0\.0\.1:9 is gone"):
        ModelApi("http://127.0.0.1:9", "judge-1", retry_seconds=0.0).complete(MESSAGES, 64, 0)

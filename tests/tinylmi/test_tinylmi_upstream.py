"""Passing on to an OpenAI-compatible server: events become JSON lines, errors LMI's, and no request is left behind."""

import asyncio
import contextlib
import json
import threading

import lmi_server
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from sluice import chat_api
from sluice.tinylmi import upstream
from sluice.tinylmi.settings import StartError

HELLO = [{"role": "user", "content": "안녕"}]
LIMIT = 10_000


class OpenAI:
    """A server that speaks the protocol of OpenAI, says what it is told to say, and remembers what it was asked."""

    def __init__(self):
        self.forget()
        routes = [Route("/v1/models", self.list), Route("/v1/{form:path}", self.chat, methods=["POST"])]
        self.app = Starlette(routes=routes)

    def forget(self):
        self.models, self.asked, self.answer = ["qwen3:4b", "other"], [], self.talk
        self.left = threading.Event()

    async def list(self, _):
        return JSONResponse({"object": "list", "data": [{"id": model} for model in self.models]})

    async def chat(self, request):
        self.asked.append((request.url.path, await request.json()))
        return await self.answer(self.asked[-1][1])

    async def talk(self, body):
        usage = {"prompt_tokens": 3, "completion_tokens": 2}
        if not body.get("stream"):
            choice = {"message": {"role": "assistant", "content": "반가워요"}, "finish_reason": "stop"}
            return JSONResponse({"choices": [choice], "usage": usage})
        pieces = [{"choices": [{"delta": {"content": text}}]} for text in ("반가", "워\u2028요")]
        return self.events([*pieces, {"choices": [], "usage": usage}])

    def answers(self, status, body):
        async def answer(_):
            return Response(body, status, media_type="application/json")

        self.answer = answer

    def breaks_off(self, pieces):
        async def answer(_):
            return self.events(pieces, complete=False)

        self.answer = answer

    def talks_forever(self):
        async def endless():
            try:
                while True:
                    yield b'data: {"choices": [{"delta": {"content": "a"}}]}\n\n'
                    await asyncio.sleep(0.01)
            finally:
                self.left.set()

        async def answer(_):
            return StreamingResponse(endless(), media_type="text/event-stream")

        self.answer = answer

    @staticmethod
    def events(pieces, complete=True):
        async def slowly():
            yield b": a comment\r\n\r\n"
            for piece in pieces:
                raw = b"data: " + json.dumps(piece, ensure_ascii=False).encode() + b"\r\n\r\n"
                for start in range(0, len(raw), 7):  # chunks end anywhere
                    yield raw[start : start + 7]
                    await asyncio.sleep(0)
            if complete:
                yield b"data: [DONE]\n\n"

        return StreamingResponse(slowly(), media_type="text/event-stream")


@pytest.fixture(scope="module")
def both():
    openai = OpenAI()
    with lmi_server.running(openai.app) as port, passing(f"http://127.0.0.1:{port}/v1/") as client:
        yield openai, client


@pytest.fixture
def openai(both):
    both[0].forget()
    return both[0]


@pytest.fixture
def lmi(both, openai):
    return both[1]


@contextlib.contextmanager
def passing(url, model=None):
    with lmi_server.running(upstream.build_application(upstream.Upstream(url, model), LIMIT)) as port:
        yield lmi_server.Client(port)


def test_a_chat_is_passed_on_with_a_model_filled_in(lmi, openai):
    status, _, raw = lmi.post(chat_api.chat_request(HELLO, 9))
    assert status == 200
    assert chat_api.parse_reply(raw) == chat_api.Reply("반가워요", "stop", 3, 2)
    assert openai.asked == [("/v1/chat/completions", {**chat_api.chat_request(HELLO, 9), "model": "qwen3:4b"})]


def test_a_named_model_is_used_whatever_is_asked(openai):
    with lmi_server.running(openai.app) as port, passing(f"http://127.0.0.1:{port}", "mine") as client:
        client.ask(messages=HELLO, model="lmi")
    assert openai.asked[0][1]["model"] == "mine"


def test_events_become_json_lines(lmi):
    lines, raw = lmi.lines(messages=HELLO)
    assert "".join(map(chat_api.delta, lines)) == "반가워\u2028요"
    assert chat_api.usage(lines[-1]) == (3, 2)
    assert b"data:" not in raw
    assert raw.endswith(b"}\n\n")


def test_a_prompt_goes_to_completions(lmi, openai):
    lmi.ask(prompt="Hello")
    assert openai.asked[0][0] == "/v1/completions"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ('{"error": {"message": "context too long", "code": 400}}', "context too long"),
        ('{"error": "model not found"}', "model not found"),
        ('{"detail": "bad"}', "bad"),
        ("<html>oops</html>", "<html>oops</html>"),
        ("", "it gave no reason"),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_a_refusal_takes_lmis_shape(lmi, openai, body, why, stream):
    openai.answers(400, body)
    status, kind, raw = lmi.post({"messages": HELLO, "stream": stream})
    assert (status, kind, json.loads(raw)) == (424, "application/json", {"code": 424, "error": why})


def test_an_answer_that_is_not_json_is_an_error(lmi, openai):
    openai.answers(200, "hello")
    assert lmi.post({"messages": HELLO})[0] == 500


def test_a_stream_that_breaks_off_ends_with_an_error_line(lmi, openai):
    openai.breaks_off([{"choices": [{"delta": {"content": "반"}}]}])
    lines, _ = lmi.lines(messages=HELLO)
    assert chat_api.delta(lines[0]) == "반"
    assert "too early" in lines[-1]["error"]


def test_a_stream_that_says_nothing_is_an_error_with_a_status(lmi, openai):
    openai.breaks_off([])
    assert lmi.post({"messages": HELLO, "stream": True})[0] == 500


def test_a_stream_that_is_not_json_ends_with_an_error_line(lmi, openai):
    openai.breaks_off([{"choices": []}, "text"])
    assert "not JSON" in lmi.lines(messages=HELLO)[0][-1]["error"]


def test_a_client_that_goes_is_told_to_the_other_server(lmi, openai):
    openai.talks_forever()
    connection = lmi.open({"messages": HELLO, "stream": True})
    reply = connection.getresponse()
    reply.readline()
    reply.close()
    connection.close()
    assert openai.left.wait(lmi_server.SECONDS)


@pytest.mark.parametrize("body", [b"{", {}, {"inputs": "Hello"}, {"messages": "x" * LIMIT}])
def test_what_cannot_be_passed_on_is_refused(lmi, openai, body):
    assert lmi.post(body)[0] in (413, 424)
    assert openai.asked == []


def test_ping_is_the_other_servers(lmi, openai):
    assert lmi.get("/ping")[0] == 200
    openai.models = []
    assert lmi.get("/ping")[0] == 500


def test_a_server_without_a_model_says_so(openai):
    openai.models = []
    with lmi_server.running(openai.app) as port, passing(f"http://127.0.0.1:{port}") as client:
        assert "serves no model" in json.loads(client.post({"messages": HELLO})[2])["error"]


def test_a_server_that_is_not_there_is_unhealthy():
    with passing("http://127.0.0.1:9") as client:
        assert client.get("/ping")[0] == 500
        status, _, raw = client.post({"messages": HELLO})
        assert status == 500
        assert "cannot be reached" in json.loads(raw)["error"]


@pytest.mark.parametrize("url", ["nonsense", "ftp://x", "http://", "http://x:port", ""])
def test_an_address_that_is_none_ends_the_start(url):
    with pytest.raises(StartError, match="not a URL"):
        upstream.Upstream(url)

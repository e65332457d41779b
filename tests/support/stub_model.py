"""A model server that says what it is told to: `answers` by question, delays, refusals; it keeps what it was asked."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Say = Callable[[dict[str, Any]], str]


class StubModel:
    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.in_flight = 0
        self.peak = 0
        self.delay = 0.0
        self.lock = threading.Lock()
        self.refusals: list[tuple[int, str]] = []
        self.hang_up = False
        self.closes_silently = False
        self.cut_stream = False
        self.break_stream = False
        self.streams = True
        self.sends_events = False  # server-sent events, as other servers than the LMI container do
        self.calls: list[dict[str, Any]] = []  # functions that every answer calls
        self.retry_after = ""
        self.say: Say = lambda request: f"echo: {request['messages'][-1]['content']}"
        self.url = ""

    def answers(self, say: Say | str) -> None:
        self.say = say if callable(say) else lambda _: say

    def refuses(self, status: int, body: str, times: int = 1) -> None:
        self.refusals += [(status, body)] * times

    def answer(self, request: dict[str, Any]) -> tuple[int, str]:
        with self.lock:
            self.asked.append(request)
            self.in_flight += 1
            self.peak = max(self.peak, self.in_flight)
            refusal = self.refusals.pop(0) if self.refusals else None
        try:
            time.sleep(self.delay)
            return refusal or (200, self.say(request))
        finally:
            with self.lock:
                self.in_flight -= 1


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    model: StubModel

    def do_GET(self) -> None:
        self.whole(200, b"")

    def do_POST(self) -> None:
        try:
            self.answer()
        except ConnectionError:  # who asked did not want to hear the rest
            self.close_connection = True

    def answer(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.model.keys.append(self.headers["Authorization"])
        if self.model.hang_up:
            self.close_connection = True
            return
        self.close_connection = self.model.closes_silently
        status, text = self.model.answer(request)
        if status != 200:
            self.whole(status, text.encode())
        elif request.get("stream") and self.model.streams:
            self.streamed(text)
        else:
            message = {"content": None, "tool_calls": self.model.calls} if self.model.calls else {"content": text}
            choice = {"message": message, "finish_reason": "stop"}
            usage = {"prompt_tokens": 7, "completion_tokens": len(text.split())}
            self.whole(200, json.dumps({"choices": [choice], "usage": usage}).encode() + b"\n")

    def whole(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if self.model.retry_after:
            self.send_header("Retry-After", self.model.retry_after)
        self.end_headers()
        self.wfile.write(body)

    def streamed(self, text: str) -> None:
        self.send_response(200)
        kind = "text/event-stream" if self.model.sends_events else "application/jsonlines"
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        items: list[dict[str, Any]] = [{"choices": [{"delta": {"content": word}}]} for word in text.split(" ")]
        for item in items[1:]:
            item["choices"][0]["delta"]["content"] = " " + item["choices"][0]["delta"]["content"]
        if self.model.calls:
            items = [{"choices": [{"delta": {"tool_calls": [call]}}]} for call in self.model.calls]
        if self.model.break_stream:
            items.insert(1, {"error": "the engine died"})
        items.append({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        items.append({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": len(text.split())}})
        for index, item in enumerate(items):
            if self.model.cut_stream and index == 1:
                self.close_connection = True
                return
            line = json.dumps(item, ensure_ascii=False).encode()
            self.chunk(b"data: " + line + b"\n\n" if self.model.sends_events else line + b"\n")
        self.chunk(b"data: [DONE]\n\n" if self.model.sends_events else b"\n")
        self.wfile.write(b"0\r\n\r\n")

    def chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(model: StubModel) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"model": model}))
    server.block_on_close = False
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    model.url = f"http://127.0.0.1:{server.server_address[1]}/invocations"
    try:
        yield model.url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

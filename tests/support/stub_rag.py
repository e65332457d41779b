"""A RAG server as far as a replay sees it: it says which endpoint it asks, and answers with a passage of its own."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class StubRag:
    def __init__(self, url: str) -> None:
        self.url = url
        self.endpoint: str | None = None
        self.asked: list[dict[str, Any]] = []

    def asks(self, endpoint: str | None) -> None:
        self.endpoint = endpoint


@contextmanager
def stub_rag() -> Iterator[StubRag]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stub = StubRag(f"http://127.0.0.1:{server.server_port}")
    server.stub = stub  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass

    @property
    def stub(self) -> StubRag:
        found: StubRag = self.server.stub  # type: ignore[attr-defined]
        return found

    def do_GET(self) -> None:
        endpoint = self.stub.endpoint
        told = {"status": "ready", "endpoint": endpoint} if endpoint else {"error": {"code": "not_ready"}}
        self._answer(200 if endpoint else 503, "application/json", json.dumps(told))

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.stub.asked.append(asked)
        events = [
            ("sources", {"sources": [{"document": "handbook", "passage": "fifteen days"}]}),
            ("token", {"text": f"echo: {asked['message']}"}),
            ("done", {"endpoint": self.stub.endpoint, "usage": {}, "finish_reason": "stop"}),
        ]
        self._answer(200, "text/event-stream", "".join(f"event: {n}\ndata: {json.dumps(d)}\n\n" for n, d in events))

    def _answer(self, status: int, kind: str, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

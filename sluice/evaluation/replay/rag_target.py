"""The RAG server as what a replay asks: it finds the passages, keeps the history and makes the prompt itself.

Answers come as server-sent events: `sources`, `token` for each piece, and `done`; or `error`, whose code says whether
the server, its model or the request was at fault.
"""

import json
import time
from collections.abc import Iterator, Mapping
from http.client import HTTPResponse
from typing import Any

from sluice.chat_api import BadReply, replace_surrogates
from sluice.evaluation.replay.connections import BLOCK, Connections
from sluice.evaluation.replay.failures import Busy, Refused, TargetDown, classify_status, describe_error
from sluice.evaluation.replay.target import LONGEST, TimedReply

# the server works, and the model behind it would not answer this one question
REFUSED = frozenset({"model_failed", "endpoint_refused", "model_too_slow", "too_long", "invalid_request"})
Failure = Busy | Refused | TargetDown


class HttpRag:
    """A RAG server at its base address, as `http://127.0.0.1:8000`; close it when done."""

    def __init__(self, url: str, timeout: float = 120.0, headers: Mapping[str, str] | None = None) -> None:
        self.url = url.rstrip("/")
        self._connections = Connections(self.url, timeout)
        self._path = self._connections.path.rstrip("/") + "/v1/chat"
        self._headers = {"Accept": "text/event-stream", **(headers or {})}

    def __enter__(self) -> "HttpRag":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connections.close()

    def __call__(self, user: str, message: str, max_tokens: int) -> TimedReply:
        """Raises Busy, Refused, BadReply or TargetDown: see `failures`."""
        body = json.dumps({"user": user, "message": message, "stream": True, "max_tokens": max_tokens})
        _, answer = self._connections.post(self._path, body.encode(), self._headers, read_reply)
        if isinstance(answer, TimedReply):
            return answer
        raise answer


def read_reply(response: HTTPResponse, started: float) -> TimedReply | Failure:
    if response.status != 200:
        body = response.read(LONGEST)
        reason = describe_error(response.status, body)
        return classify_error(response.status, body, reason, response.getheader("Retry-After"))
    if "event-stream" not in (response.getheader("Content-Type") or ""):
        raise BadReply("The RAG server's answer is not a stream of events.")
    answer = StreamedAnswer(started)
    for name, data in read_events(response):
        if name == "error":
            body = json.dumps(data).encode()
            response.read(LONGEST)
            return classify_error(503, body, f"The answer broke off: {describe_error(200, body).partition(': ')[2]}")
        answer.add_event(name, data)
    return answer.reply()


def classify_error(status: int, body: bytes, reason: str, after: str | None = None) -> Failure:
    try:
        code = json.loads(body)["error"]["code"]
    except (ValueError, LookupError, TypeError):
        code = None
    return Refused(reason) if code in REFUSED else classify_status(status, reason, after)


def read_events(response: HTTPResponse) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and data of each event; comments only keep a quiet connection open."""
    rest, size = b"", 0
    while chunk := response.read1(BLOCK):
        size += len(chunk)
        if size > LONGEST:
            raise BadReply(f"The answer is longer than {LONGEST >> 20} MB and does not end.")
        *blocks, rest = (rest + chunk).replace(b"\r\n", b"\n").split(b"\n\n")
        for block in blocks:
            if parsed := parse_event(block):
                yield parsed


def parse_event(block: bytes) -> tuple[str, dict[str, Any]] | None:
    name, data = "message", []
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        if field == b"event":
            name = value.strip().decode("utf-8", "replace")
        elif field == b"data":
            data.append(value.strip())
    if not data:
        return None
    try:
        content = json.loads(b"\n".join(data))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise BadReply(f"The RAG server sent an event that is not a JSON object: {name}.")
    return name, content


class StreamedAnswer:
    """One answer, put together from its events."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._texts: list[str] = []
        self._first_token_ms: float | None = None
        self._sources: list[Mapping[str, Any]] = []
        self._done: Mapping[str, Any] | None = None

    def add_event(self, name: str, data: Mapping[str, Any]) -> None:
        if name == "sources":
            sources = data.get("sources")
            self._sources = [each for each in sources if isinstance(each, dict)] if isinstance(sources, list) else []
        elif name == "token":
            if self._first_token_ms is None:
                self._first_token_ms = (time.perf_counter() - self._started) * 1000
            self._texts.append(str(data.get("text", "")))
        elif name == "done":
            self._done = data

    def reply(self) -> TimedReply:
        if self._done is None:
            raise BadReply("The RAG server's answer ended in the middle.")
        reason, usage = self._done.get("finish_reason"), self._done.get("usage")
        counts = usage if isinstance(usage, dict) else {}
        return TimedReply(
            replace_surrogates("".join(self._texts)),
            reason if isinstance(reason, str) else None,
            read_count(counts.get("prompt_tokens")),
            read_count(counts.get("completion_tokens")),
            first_token_ms=self._first_token_ms,
            sources=tuple(name_source(source) for source in self._sources),
            passages=tuple(str(source.get("passage", "")) for source in self._sources),
        )


def name_source(source: Mapping[str, Any]) -> str:
    """A document's id, with its title behind it if that is another: a case may cite either."""
    document, title = str(source.get("document", "")), str(source.get("title", ""))
    return f"{document} ({title})" if title and title != document else document


def read_count(value: object) -> int:
    return value if isinstance(value, int) else 0

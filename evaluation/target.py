"""Where a replay sends its requests: anything that takes a request and returns a reply. This one speaks HTTP."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from lmi.errors import SluiceError, UsageError
from lmi.wire import BadReply, Lines, Reply, delta, finish, parse_reply, usage

Target = Callable[[dict[str, Any]], Reply]

BUSY = frozenset({429, 502, 503, 504})  # says that the server is in trouble, and nothing about this request
PAUSES = (0.2, 0.5, 1.0, 2.0)  # a busy server gets this long to recover


class TargetDown(SluiceError):
    """The model server cannot be reached or does not work: nothing can be said about its answers."""


class Refused(SluiceError):
    """The model server works, but would not answer this request."""


@dataclass(frozen=True)
class TimedReply(Reply):
    first_token_ms: float | None = None
    sources: tuple[str, ...] = ()  # through the RAG server: the documents that it says it answered from
    passages: tuple[str, ...] = ()  # and what stood in them, if it tells


RagTarget = Callable[[str, str, int], TimedReply]  # user, message, max_tokens


def timed(reply: Reply) -> TimedReply:
    """A reply of any target, as one that may have been timed."""
    if isinstance(reply, TimedReply):
        return reply
    return TimedReply(reply.text, reply.finish_reason, reply.prompt_tokens, reply.completion_tokens, reply.tool_calls)


class HttpTarget:
    """An LMI container's `/invocations`. Connections are kept, one for each request in flight; close it when done."""

    def __init__(self, url: str, timeout: float = 70.0, stream: bool = True) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UsageError(
                f"{url!r} is not a URL that can be asked.", "Give one like http://127.0.0.1:8080/invocations"
            )
        self.url = url
        self.timeout = timeout
        self.stream = stream
        self._kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._host, self._port = parts.hostname, parts.port
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._free: list[HTTPConnection] = []  # append and pop are atomic

    def __enter__(self) -> "HttpTarget":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        while self._free:
            self._free.pop().close()

    def __call__(self, request: dict[str, Any]) -> Reply:
        if self.stream:
            request = request | {"stream": True, "stream_options": {"include_usage": True}}
        body = json.dumps(request, ensure_ascii=False).encode()
        for pause in (*PAUSES, None):
            status, answer = self._exchange(body)
            if isinstance(answer, Reply):
                return answer
            reason = refusal(status, answer)
            if status not in BUSY:
                raise Refused(reason)
            if pause is None:
                raise TargetDown(f"{self.url} stays busy: {reason}")
            time.sleep(pause)
        raise AssertionError("the last pause is None")

    def _exchange(self, body: bytes) -> tuple[int, Reply | bytes]:
        """One request on a kept connection; if the server has closed that meanwhile, on a new one."""
        while True:
            kept = self._free.pop() if self._free else None
            connection = kept or self._kind(self._host, self._port, timeout=self.timeout)
            try:
                started = time.perf_counter()
                try:
                    connection.request("POST", self._path, body, {"Content-Type": "application/json"})
                    response = connection.getresponse()
                except (ConnectionError, HTTPException):
                    connection.close()
                    if kept:
                        continue
                    raise
                answer = read(response, started)
            except TimeoutError:
                connection.close()
                raise TargetDown(f"{self.url} did not answer within {self.timeout:g} s.") from None
            except (OSError, HTTPException) as error:
                connection.close()
                raise TargetDown(f"{self.url} is gone: {error or type(error).__name__}.") from None
            except BadReply:
                connection.close()  # the rest of that answer must not be taken for the next one
                raise
            self._free.append(connection)
            return response.status, answer


def read(response: HTTPResponse, started: float) -> Reply | bytes:
    """The answer, streamed or whole, or what a server says that refuses."""
    if response.status != 200:
        return response.read()
    if "jsonlines" not in (response.getheader("Content-Type") or ""):
        return parse_reply(response.read())
    collected = Collected(started)
    while chunk := response.read1(65536):
        collected.feed(chunk)
    return collected.reply()


class Collected:
    """A streamed answer put together, and when its first token came."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._lines = Lines()
        self._texts: list[str] = []
        self._first_token_ms: float | None = None
        self._finish: str | None = None
        self._tokens = (0, 0)

    def feed(self, chunk: bytes) -> None:
        for obj in self._lines.feed(chunk):
            self._take(obj)

    def reply(self) -> TimedReply:
        for obj in self._lines.close():
            self._take(obj)
        return TimedReply("".join(self._texts), self._finish, *self._tokens, first_token_ms=self._first_token_ms)

    def _take(self, obj: dict[str, Any]) -> None:
        if text := delta(obj):
            self._texts.append(text)
            if self._first_token_ms is None:
                self._first_token_ms = (time.perf_counter() - self._started) * 1000
        self._finish = finish(obj) or self._finish
        self._tokens = usage(obj) or self._tokens


def refusal(status: int, body: bytes) -> str:
    """The server's own words for why not, in one line."""
    text = body.decode("utf-8", "replace")
    try:
        error = json.loads(text).get("error", text)
        text = error.get("message", str(error)) if isinstance(error, dict) else str(error)
    except (ValueError, AttributeError, RecursionError):
        pass  # not JSON: the text says it as well as anything
    line = " ".join(text.split())
    return f"HTTP {status}" + (f": {line[:300]}" if line else "")

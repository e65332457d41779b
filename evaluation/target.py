"""Where a replay sends its requests: anything that takes a request and returns a reply. This one speaks HTTP."""

import json
import socket
import threading
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


class HttpTarget:
    """An LMI container's `/invocations`, over one kept connection per thread."""

    def __init__(self, url: str, timeout: float = 70.0, stream: bool = True) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UsageError(
                f"{url!r} is not a URL that can be asked.", "Give one like http://127.0.0.1:8080/invocations"
            )
        self.url = url
        self.timeout = timeout
        self.stream = stream
        self._connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._host, self._port = parts.hostname, parts.port
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._mine = threading.local()

    def __call__(self, request: dict[str, Any]) -> Reply:
        if self.stream:
            request = request | {"stream": True, "stream_options": {"include_usage": True}}
        body = json.dumps(request, ensure_ascii=False).encode()
        for pause in (*PAUSES, None):
            started = time.perf_counter()
            response = self._send(body)
            if response.status == 200:
                return self._read(response, started)
            reason = refusal(response.status, self._rest(response))
            if response.status not in BUSY:
                raise Refused(reason)
            if pause is None:
                raise TargetDown(f"{self.url} stays busy: {reason}")
            time.sleep(pause)
        raise AssertionError("the last pause is None")

    def _send(self, body: bytes) -> HTTPResponse:
        """Ask on the kept connection; if the server has closed that meanwhile, on a new one."""
        kept: HTTPConnection | None = getattr(self._mine, "connection", None)
        try:
            if kept:
                try:
                    return self._ask(kept, body)
                except (ConnectionError, HTTPException):
                    kept.close()
            self._mine.connection = self._connect(self._host, self._port, timeout=self.timeout)
            return self._ask(self._mine.connection, body)
        except (OSError, HTTPException) as error:
            raise self._down(error) from None

    def _ask(self, connection: HTTPConnection, body: bytes) -> HTTPResponse:
        connection.request("POST", self._path, body, {"Content-Type": "application/json"})
        return connection.getresponse()

    def _read(self, response: HTTPResponse, started: float) -> Reply:
        if "jsonlines" not in (response.getheader("Content-Type") or ""):
            return parse_reply(self._rest(response))
        collected = Collected(started)
        try:
            while chunk := response.read1(65536):
                collected.feed(chunk)
        except (OSError, HTTPException) as error:
            raise self._down(error) from None
        except BadReply:
            self._mine.connection.close()  # the rest of that stream must not be taken for the next answer
            raise
        return collected.reply()

    def _rest(self, response: HTTPResponse) -> bytes:
        try:
            return response.read()
        except (OSError, HTTPException) as error:
            raise self._down(error) from None

    def _down(self, error: Exception) -> TargetDown:
        self._mine.connection.close()
        if isinstance(error, TimeoutError | socket.timeout):
            return TargetDown(f"{self.url} did not answer within {self.timeout:.0f} s.")
        return TargetDown(f"{self.url} is gone: {error or type(error).__name__}.")


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

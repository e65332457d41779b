"""Where a replay sends its requests: anything that takes a request and returns a reply. This one speaks HTTP."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any

from sluice import chat_api
from sluice.chat_api import BadReply, Reply
from sluice.evaluation.replay.connections import BLOCK, Connections
from sluice.evaluation.replay.failures import Busy, Refused, TargetDown, classify_status, describe_error

Target = Callable[[dict[str, Any]], Reply]
LONGEST = 64 << 20  # bytes of one answer: a server that never ends must not fill the memory


@dataclass(frozen=True)
class TimedReply(Reply):
    first_token_ms: float | None = None
    latency_ms: float | None = None  # None: whoever asked knows how long it took
    sources: tuple[str, ...] = ()  # through the RAG server: the documents that it says it answered from
    passages: tuple[str, ...] = ()  # and what stood in them, if it tells


RagTarget = Callable[[str, str, int], TimedReply]  # user, message, max_tokens


def as_timed_reply(reply: Reply) -> TimedReply:
    """Return the reply of any target as a TimedReply, whose times are None if it was not timed."""
    if isinstance(reply, TimedReply):
        return reply
    return TimedReply(reply.text, reply.finish_reason, reply.prompt_tokens, reply.completion_tokens, reply.tool_calls)


class HttpTarget:
    """An LMI container's `/invocations`, or any address that takes OpenAI's chat form; close it when done.

    `more` goes into every request (`model`, where a server wants it named), `headers` with it.
    """

    def __init__(
        self,
        url: str,
        timeout: float = 70.0,
        stream: bool = True,
        more: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.url = url
        self._connections = Connections(url, timeout)
        self._more = dict(more or {})
        if stream:
            self._more |= {"stream": True, "stream_options": {"include_usage": True}}
        self._headers = dict(headers or {})

    def __enter__(self) -> "HttpTarget":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connections.close()

    def __call__(self, request: dict[str, Any]) -> Reply:
        """Raises Busy, Refused, BadReply or TargetDown: see `failures`."""
        body = json.dumps(request | self._more, ensure_ascii=False).encode()
        _, answer = self._connections.post(self._connections.path, body, self._headers, read_reply)
        if isinstance(answer, Reply):
            return answer
        raise answer


def read_reply(response: HTTPResponse, started: float) -> Reply | Busy | Refused | TargetDown:
    """Read the answer, streamed or whole, or the failure that the server's status stands for."""
    if response.status != 200:
        reason = describe_error(response.status, response.read(LONGEST))
        return classify_status(response.status, reason, response.getheader("Retry-After"))
    kind = response.getheader("Content-Type") or ""
    if "jsonlines" not in kind and "event-stream" not in kind:
        return chat_api.parse_reply(response.read(LONGEST))
    collected = StreamedReply(started)
    while chunk := response.read1(BLOCK):
        collected.feed(chunk)
    return collected.reply()


class StreamedReply:
    """A streamed answer put together, and when its first token came."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._lines = chat_api.Lines()
        self._texts: list[str] = []
        self._calls = chat_api.ToolCalls()
        self._first_token_ms: float | None = None
        self._finish: str | None = None
        self._tokens = (0, 0)
        self._bytes = 0

    def feed(self, chunk: bytes) -> None:
        self._bytes += len(chunk)
        if self._bytes > LONGEST:
            raise BadReply(f"The answer is longer than {LONGEST >> 20} MB and does not end.")
        for obj in self._lines.feed(chunk):
            self._add(obj)

    def reply(self) -> TimedReply:
        for obj in self._lines.close():
            self._add(obj)
        return TimedReply(
            chat_api.replace_surrogates("".join(self._texts)),
            self._finish,
            *self._tokens,
            self._calls.build(),
            first_token_ms=self._first_token_ms,
        )

    def _add(self, obj: dict[str, Any]) -> None:
        text, called = chat_api.delta(obj), chat_api.calls(obj)
        if text:
            self._texts.append(text)
        if called:
            self._calls.add(called)
        if (text or called) and self._first_token_ms is None:
            self._first_token_ms = (time.perf_counter() - self._started) * 1000
        self._finish = chat_api.finish(obj) or self._finish
        self._tokens = chat_api.usage(obj) or self._tokens

"""What travels to and from an LMI container in its chat form: requests, whole replies, and streamed JSON lines.

The container streams `application/jsonlines`, other servers send the same objects as server-sent events. SageMaker cuts
a stream where it likes, in the middle of a line or of a character, and an error inside a running stream arrives as one
more line, under status 200.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.errors import SluiceError

EXCERPT = 200
SSE_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")


class BadReply(SluiceError):
    """The model server answered with something that is not a chat answer."""


@dataclass(frozen=True)
class Reply:
    text: str
    finish_reason: str | None
    prompt_tokens: int
    completion_tokens: int
    tool_calls: tuple[Mapping[str, Any], ...] = ()  # {"name": ..., "arguments": {...}; the text if it is no object}


def chat_request(
    messages: Sequence[Mapping[str, str]],
    max_tokens: int,
    temperature: float = 0.0,
    stream: bool = False,
    seed: int | None = None,
    stop: Sequence[str] = (),
    tools: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The body of a chat request; a streamed one also asks for the token counts, which are not sent unasked."""
    body: dict[str, Any] = {
        "messages": [dict(message) for message in messages],
        "max_tokens": max_tokens,
        "temperature": temperature,
    }
    if seed is not None:
        body["seed"] = seed
    if stop:
        body["stop"] = list(stop)
    if tools:
        body["tools"] = [{"type": "function", "function": dict(tool)} for tool in tools]
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body


def parse_reply(body: bytes) -> Reply:
    """Read a whole (not streamed) chat answer."""
    answer = _object(body)
    try:
        choice = answer["choices"][0]
        message = choice["message"]
        text, calls = message.get("content"), message.get("tool_calls")
        reason = choice.get("finish_reason")
    except (KeyError, IndexError, TypeError, AttributeError):
        raise BadReply(f"The model server's reply is not a chat answer: {_excerpt(body)}") from None
    called = ToolCalls()
    called.add(calls)
    if text is None and (called or has_reasoning(message)):
        text = ""  # a model that calls a function need not say anything; one whose tokens ran out in thought cannot
    if not isinstance(text, str):
        raise BadReply(f"The model server's reply holds no text: {_excerpt(body)}")
    prompt_tokens, completion_tokens = usage(answer) or (0, 0)
    reason = reason if isinstance(reason, str) else None
    return Reply(replace_surrogates(text), reason, prompt_tokens, completion_tokens, called.build())


def has_reasoning(message: Mapping[str, Any]) -> bool:
    """Whether the server put what the model thought into a field of its own, out of the text."""
    return any(isinstance(message.get(field), str) for field in ("reasoning_content", "reasoning"))


class ToolCalls:
    """The functions that an answer calls: given whole, or put together from a stream's pieces by their index."""

    def __init__(self) -> None:
        self._pieces: dict[int, tuple[list[str], list[str]]] = {}  # index -> pieces of the name, of the arguments

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def add(self, calls: object) -> None:
        for place, call in enumerate(calls if isinstance(calls, list) else []):
            function = call.get("function") if isinstance(call, dict) else None
            if not isinstance(function, dict):
                continue
            index = call.get("index")
            names, arguments = self._pieces.setdefault(index if isinstance(index, int) else place, ([], []))
            if isinstance(function.get("name"), str):
                names.append(function["name"])
            value = function.get("arguments")
            if value is not None:  # some servers send an object where the others send its text
                arguments.append(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))

    def build(self) -> tuple[Mapping[str, Any], ...]:
        pieces = (self._pieces[index] for index in sorted(self._pieces))
        return tuple(
            {"name": replace_surrogates("".join(names)), "arguments": _arguments("".join(texts))}
            for names, texts in pieces
        )


def _arguments(text: str) -> Any:
    """What a call passes: an object; anything else stays the text that the model wrote, for an expectation to miss."""
    try:
        value = json.loads(text) if text.strip() else {}
        if isinstance(value, dict):
            return json.loads(replace_surrogates(json.dumps(value, ensure_ascii=False)))
    except (ValueError, RecursionError):
        pass
    return replace_surrogates(text)


def replace_surrogates(text: str) -> str:
    """Half a character (JSON can spell a lone surrogate) as U+FFFD: it could be written to no file."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class Lines:
    """Puts JSON lines together again from chunks that end anywhere; server-sent events with JSON in them as well."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[dict[str, Any]]:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return list(self._parsed(lines))

    def close(self) -> list[dict[str, Any]]:
        """The stream has ended: a last line without its newline counts, half a one is an error."""
        rest, self._rest = self._rest, b""
        return list(self._parsed([rest]))

    @staticmethod
    def _parsed(lines: Sequence[bytes]) -> Iterator[dict[str, Any]]:
        for line in lines:
            line = line.strip()
            if line.startswith(SSE_FIELDS):
                line = line[5:].strip() if line.startswith(b"data:") else b""
            if line and line != b"[DONE]":  # the container's own last line is empty
                yield _object(line)


def delta(obj: Mapping[str, Any]) -> str:
    """The new text in one streamed object: none in the first (the role), the last (the reason) and the token counts."""
    content = _choice(obj).get("delta") or {}
    text = content.get("content") if isinstance(content, dict) else None
    return text if isinstance(text, str) else ""


def calls(obj: Mapping[str, Any]) -> Any:
    """The pieces of function calls in one streamed object, for `ToolCalls.add`."""
    content = _choice(obj).get("delta")
    return content.get("tool_calls") if isinstance(content, dict) else None


def finish(obj: Mapping[str, Any]) -> str | None:
    """Why the answer ended ("stop", "length"), in the object that ends it."""
    reason = _choice(obj).get("finish_reason")
    return reason if isinstance(reason, str) else None


def usage(obj: Mapping[str, Any]) -> tuple[int, int] | None:
    """Prompt and completion tokens, where the object counts them."""
    counts = obj.get("usage")
    if not isinstance(counts, dict):
        return None
    return _count(counts.get("prompt_tokens")), _count(counts.get("completion_tokens"))


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


def _choice(obj: Mapping[str, Any]) -> dict[str, Any]:
    choices = obj.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else {}
    return first if isinstance(first, dict) else {}


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        raise BadReply(f"The model server sent something that is not JSON: {_excerpt(raw)}") from None
    if not isinstance(value, dict):
        raise BadReply(f"The model server sent JSON that is not an object: {_excerpt(raw)}")
    if value.get("error"):
        raise BadReply(f"The model server answered with an error: {_reason(value)}")
    return value


def _reason(value: Mapping[str, Any]) -> str:
    error = value["error"]
    message = error.get("message") if isinstance(error, dict) else error
    text = message if isinstance(message, str) else json.dumps(error, ensure_ascii=False)
    return text[:EXCERPT]


def _excerpt(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace").strip()
    if not text:
        return "nothing at all"
    return text if len(text) <= EXCERPT else text[:EXCERPT] + " ..."

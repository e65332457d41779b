"""What comes in, read with limits, and what goes out."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from starlette.requests import Request

from sluice.rag.answer import AnswerEnd, Event, Sources, Token
from sluice.rag.errors import BadRequest, invalid
from sluice.rag.history import Turn
from sluice.rag.retrieval import Source
from sluice.rag.streams import event

ENVELOPE = 16_384  # bytes that a JSON body may have beside its text
JSON = "application/json"
SHORT = 4_096  # bytes of a body that has no text
M = TypeVar("M", bound="Body")
_CONTROL = {code: None for code in range(32) if chr(code) not in "\t\n\r"} | {127: None}


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _one_line(text: str | None) -> str | None:
    if text is not None and (not text.strip() or any(ord(character) < 32 for character in text)):
        raise ValueError("must be one line of text, and not empty")
    return text


class ChatBody(Body):
    user: str = Field(max_length=256, description="Whose chat this is: the key of the history.")
    message: str = Field(description="The question, in Korean or English.")
    stream: bool = Field(False, description="Server-sent events instead of one JSON answer.")
    max_tokens: int | None = Field(None, ge=1, description="The longest answer; the server's own limit is the most.")
    documents: bool = Field(True, description="Whether to look into the documents.")

    _user = field_validator("user")(_one_line)


class ConsentBody(Body):
    user: str = Field(max_length=256, description="Whose word this is.")
    evaluation: bool = Field(description="Whether their chats may become evaluation cases.")

    _user = field_validator("user")(_one_line)


class DocumentBody(Body):
    text: str
    id: str | None = Field(None, max_length=512, description="Without one, the same text always gets the same id.")
    title: str | None = Field(None, max_length=200)
    format: str = Field("markdown", pattern="^(markdown|text)$")

    _lines = field_validator("id", "title")(_one_line)


async def read(request: Request, limit: int) -> bytes:
    """The body, up to the limit; more is never held in memory."""
    too_large = BadRequest(413, "too_large", f"The body is larger than {limit:,} bytes.", "Send it in smaller parts.")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise too_large
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise too_large
    return bytes(body)


def media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_json(kind: type[M], request: Request, limit: int) -> M:
    """A body that is sent as JSON; as anything else, any web page could send it without asking first."""
    if (media := media_type(request)) != JSON:
        message = f"Content-Type {media or '(none)'} is not {JSON}."
        raise BadRequest(415, "unsupported_media_type", message, f"Send the header Content-Type: {JSON}.")
    return parse(kind, await read(request, limit))


def parse(kind: type[M], raw: bytes) -> M:
    utf8(raw)
    try:
        return kind.model_validate_json(raw)
    except ValidationError as error:
        raise invalid(error) from None


def validate(kind: type[M], fields: Mapping[str, Any]) -> M:
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise invalid(error) from None


def a_user(name: str) -> None:
    """The same rule for a user in the address as for one in a body: no other partition of the table can be named."""
    try:
        _one_line(name)
    except ValueError as error:
        raise BadRequest(422, "invalid_request", f"user: {error}", "Give the user as the chats name them.") from None


def utf8(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        message = f"The body is not valid UTF-8: byte {error.start} is 0x{raw[error.start]:02x}."
        raise BadRequest(400, "invalid_utf8", message, "Save or send the text as UTF-8.") from None


def without_controls(text: str) -> str:
    return text.translate(_CONTROL)


def source(hit: Source) -> dict[str, Any]:
    return {
        "id": hit.id,
        "document": hit.document,
        "title": hit.title,
        "passage": hit.passage,
        "rank": hit.rank,
        "score": hit.score,
    }


def turn(written: Turn) -> dict[str, Any]:
    fields = {name: value for name, value in vars(written).items() if name not in ("user", "interrupted", "shortened")}
    flags = {name: True for name in ("interrupted", "shortened") if getattr(written, name)}
    return fields | {"sources": [dict(one) for one in written.sources]} | flags


def describe_answer(end: AnswerEnd) -> dict[str, Any]:
    return {"answer": end.answer, "sources": [source(one) for one in end.sources]} | describe_end(end)


def describe_end(end: AnswerEnd) -> dict[str, Any]:
    """What is known only when the answer is complete."""
    fields: dict[str, Any] = {
        "version": end.live.version,
        "endpoint": end.live.endpoint,
        "usage": {"prompt_tokens": end.prompt_tokens, "completion_tokens": end.completion_tokens},
        "finish_reason": end.finish_reason,
        "turn": end.turn.turn,
        "latency_ms": end.latency_ms,
    }
    if end.first_token_ms is not None:
        fields["first_token_ms"] = end.first_token_ms
    return fields | ({"shortened": True} if end.turn.shortened else {})


def sent(one: Event) -> bytes:
    match one:
        case Sources(sources):
            return event("sources", {"sources": [source(each) for each in sources]})
        case Token(text):
            return event("token", {"text": text})
        case AnswerEnd():
            return event("done", describe_end(one))


def schema(kind: type[Body], more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The body's description for /docs: bodies are read by hand, to keep to the limits."""
    content = {"application/json": {"schema": json.loads(json.dumps(kind.model_json_schema()))}} | dict(more or {})
    return {"requestBody": {"required": True, "content": content}}

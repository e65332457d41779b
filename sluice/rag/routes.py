"""The server's addresses: chat, documents, history, consent, and two that say how it is."""

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from sluice.rag import errors, log, passages, schemas
from sluice.rag.answer import AnswerEnd, ChatTurn, Parts, Question
from sluice.rag.consent import Consents
from sluice.rag.documents import Document, Documents
from sluice.rag.errors import BadRequest, Json
from sluice.rag.history import HistoryUnavailable
from sluice.rag.schemas import ChatBody, ConsentBody, DocumentBody
from sluice.rag.settings import Settings
from sluice.rag.streams import EventStream, Failed, Threads

TEXT = {"text/plain": {"schema": {"type": "string"}}, "text/markdown": {"schema": {"type": "string"}}}
MARKDOWN_TYPES = {"text/markdown": True, "text/x-markdown": True, "text/plain": False}


@dataclass
class TableCheck:
    """Whether the history table can be read: asked at most every few seconds, however often a probe asks."""

    check: Callable[[], None]
    seconds: float
    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _checked_at: float = float("-inf")
    _problem: str = ""

    def problem(self) -> str:
        with self._lock:
            if self.clock() - self._checked_at >= self.seconds:
                self._checked_at, self._problem = self.clock(), self._check()
            return self._problem

    def _check(self) -> str:
        try:
            self.check()
        except HistoryUnavailable as error:
            return error.message
        return ""


def router(settings: Settings, parts: Parts, documents: Documents, threads: Threads) -> APIRouter:
    """All routes, over what they work with."""
    routes = APIRouter()
    _chat(routes, settings, parts, threads)
    _documents(routes, settings, documents)
    _history(routes, parts)
    _consent(routes, Consents(parts.history.dynamodb, parts.history.table, parts.history.now))
    _health(routes, settings, parts, documents, threads)
    return routes


def _chat(routes: APIRouter, settings: Settings, parts: Parts, threads: Threads) -> None:
    @routes.post("/v1/chat", openapi_extra=schemas.schema(ChatBody))
    async def chat(request: Request) -> Response:
        """Answer one message, as JSON or as server-sent events."""
        limit = 6 * settings.max_message + schemas.ENVELOPE  # a character is at most six bytes of JSON
        body = await schemas.read_json(ChatBody, request, limit)
        exchange = ChatTurn(parts, _question(body, settings))
        streamed = body.stream or "text/event-stream" in request.headers.get("accept", "")
        running = threads.run(
            exchange.stream_answer() if streamed else exchange.answer_whole(),
            lambda failed: _log_chat(exchange, failed),
        )
        try:
            first = await running.next()
        except BaseException:
            running.stop()
            raise
        if isinstance(first, Failed):
            return errors.answer(first.error) if first.error else Json({"error": errors.INTERNAL}, 500)
        if streamed:
            return EventStream(first, running, schemas.sent)
        assert isinstance(first, AnswerEnd)
        return Json(schemas.describe_answer(first))


def _question(body: ChatBody, settings: Settings) -> Question:
    if not body.message.strip():
        raise BadRequest(422, "invalid_request", "message: must not be empty", "Send the question in `message`.")
    if len(body.message) > settings.max_message:
        message = f"The message has {len(body.message):,} characters, the limit is {settings.max_message:,}."
        raise BadRequest(413, "too_long", message, "Shorten it, or add the text with POST /v1/documents.")
    if body.max_tokens is not None and body.max_tokens > settings.max_tokens:
        message = f"max_tokens: {body.max_tokens} is above this server's limit of {settings.max_tokens}"
        raise BadRequest(422, "invalid_request", message, "Ask for fewer, or raise SLUICE_MAX_TOKENS on the server.")
    return Question(body.user, body.message, body.max_tokens or settings.max_tokens, body.documents)


def _log_chat(exchange: ChatTurn, failed: Failed | None) -> None:
    status, code = 200, "interrupted" if exchange.interrupted else ""
    if failed:
        status, code = errors.status_and_code(failed.error) if failed.error else (500, "internal")
    log.write(
        user=exchange.question.user,
        question=exchange.question.text,
        answer=exchange.answer,
        version=exchange.live.version if exchange.live else None,
        endpoint=exchange.live.endpoint if exchange.live else None,
        sources=[source.id for source in exchange.sources],
        turn=exchange.turn.turn if exchange.turn else None,
        latency_ms=exchange.latency_ms,
        status=status,
        **({"code": code} if code else {}),
        **({"error": failed.error.message} if failed and failed.error else {}),
    )


def _documents(routes: APIRouter, settings: Settings, documents: Documents) -> None:
    @routes.post("/v1/documents", openapi_extra=schemas.schema(DocumentBody, TEXT))
    async def add(request: Request, id: str | None = None, title: str | None = None) -> Response:
        """Add a document, or replace the one with the same id. Text and Markdown take id and title from the address."""
        body = await _document(request, id, title, settings.max_document_bytes)
        return await run_in_threadpool(_store, documents, body)

    @routes.get("/v1/documents")
    def listed(limit: int = Query(100, ge=1, le=1000), after: str = "") -> Response:
        """What there is, by id; `next` is the `after` of the next page."""
        page = documents.list(limit, after)
        return Json({"documents": [vars(one) for one in page], "next": page[-1].id if len(page) == limit else None})

    @routes.delete("/v1/documents/{id:path}", status_code=204)
    def delete(id: str) -> Response:
        """Forget a document."""
        documents.delete(id)
        log.write(document=id, deleted=True)
        return Response(status_code=204)


async def _document(request: Request, id: str | None, title: str | None, limit: int) -> DocumentBody:
    kind = schemas.media_type(request)
    if kind == schemas.JSON:
        body = await schemas.read_json(DocumentBody, request, 6 * limit + schemas.ENVELOPE)
        size = len(body.text.encode())
        if size > limit:
            message = f"The document has {size:,} bytes, the limit is {limit:,}."
            raise BadRequest(413, "too_large", message, "Send it in smaller parts.")
        return body
    if kind not in MARKDOWN_TYPES:
        message = f"Content-Type {kind or '(none)'} is not one of text/plain, text/markdown, application/json."
        raise BadRequest(415, "unsupported_media_type", message, "Say what the body is, for example text/markdown.")
    text = schemas.utf8(await schemas.read(request, limit))
    fields = {"text": text, "format": "markdown" if MARKDOWN_TYPES[kind] else "text", "id": id, "title": title}
    return schemas.validate(DocumentBody, fields)


def _store(documents: Documents, body: DocumentBody) -> Response:
    text = schemas.without_controls(body.text)
    title, cut = passages.cut(text, body.title or "", body.format == "markdown")
    if not cut:
        raise BadRequest(422, "empty_document", "The document holds no text that could answer anything.")
    id = body.id or "doc-" + hashlib.sha256(f"{title}\n{text}".encode()).hexdigest()[:16]
    document, replaced = documents.put(id, title, cut)
    log.write(document=id, passages=document.passages, replaced=replaced)
    return Json(_described(document) | {"replaced": replaced}, 200 if replaced else 201)


def _described(document: Document) -> dict[str, Any]:
    return dict(vars(document))


def _history(routes: APIRouter, parts: Parts) -> None:
    @routes.get("/v1/history")
    def history(
        user: str = Query(min_length=1, max_length=256), limit: int = Query(3, ge=1, le=100), before: str = ""
    ) -> Response:
        """A user's newest turns, newest first; `next` is the `before` of the next page."""
        schemas.a_user(user)
        turns, further = parts.history.page(user, limit, before)
        return Json({"user": user, "turns": [schemas.turn(one) for one in turns], "next": further})


def _consent(routes: APIRouter, consents: Consents) -> None:
    @routes.put("/v1/consent", openapi_extra=schemas.schema(ConsentBody))
    async def say(request: Request) -> Response:
        """Whether a user's chats may become evaluation cases: no, until they say yes, and it can be taken back."""
        body = await schemas.read_json(ConsentBody, request, schemas.SHORT)
        consent = await run_in_threadpool(consents.set_consent, body.user, body.evaluation)
        log.write(user=consent.user, consent=consent.evaluation)
        return Json(dict(vars(consent)))

    @routes.get("/v1/consent")
    def consent(user: str = Query(min_length=1, max_length=256)) -> Response:
        """What the user last said; `at` is null if they never did."""
        schemas.a_user(user)
        return Json(dict(vars(consents.of(user))))


def _health(routes: APIRouter, settings: Settings, parts: Parts, documents: Documents, threads: Threads) -> None:
    table = TableCheck(parts.history.check, min(settings.refresh_seconds, 10))

    @routes.get("/healthz")
    async def healthz() -> Response:
        """The process is up."""
        return Json({"status": "ok"})

    @routes.get("/readyz")
    def readyz() -> Response:
        """A chat would be answered; if not, why not."""
        look, age = parts.follower.latest_look()
        registry = {"age_seconds": round(age, 1)} | ({"failure": look.failure} if look and look.failure else {})
        more = {"registry": registry, "documents": documents.count(), "chats": len(threads)}
        reasons = [reason for reason in (_nothing(look), table.problem()) if reason]
        if reasons or look is None or look.live is None:
            fields = {"code": "not_ready", "message": " ".join(reasons), "hint": "/readyz tells when it is."}
            return Json({"error": fields, "reasons": reasons} | more, 503)
        return Json({"status": "ready", "endpoint": look.live.endpoint, "version": look.live.version} | more)


def _nothing(look: Any) -> str:
    if look is None:
        return "The model registry has not been reached yet."
    return look.nothing.message if look.nothing else ""

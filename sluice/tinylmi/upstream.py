"""TINYLMI_UPSTREAM=<url>: a real model behind the LMI contract, answered by any OpenAI-compatible server.

Chats go to /v1/chat/completions with the model filled in (TINYLMI_UPSTREAM_MODEL, or the first that /v1/models lists),
its `data:` lines come back as JSON lines, and its errors in LMI's shape. The context length, the chat template and the
sampling are the other server's. Native `inputs` are refused: only the image itself knows their tokenizer.

Run against a stand-in that speaks the protocol; not run against Ollama, vLLM or llama.cpp.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
from starlette.types import ASGIApp, Send

from sluice.tinylmi import protocol, replies, web
from sluice.tinylmi.protocol import BadRequest
from sluice.tinylmi.settings import ServerSettings, StartError
from sluice.tinylmi.web import AnswerResponse, Refusal

TIMEOUT = httpx.Timeout(240, connect=5)  # PREDICT_TIMEOUT of the image
PING_TIMEOUT = 2
PATHS = {"messages": "/v1/chat/completions", "prompt": "/v1/completions"}


class Upstream:
    """The other server, by the base of its address."""

    def __init__(self, url: str, model: str | None = None) -> None:
        try:
            base = httpx.URL(url)
        except httpx.InvalidURL:
            base = httpx.URL("")
        if base.scheme not in {"http", "https"} or not base.host:
            raise StartError(f"TINYLMI_UPSTREAM={url} is not a URL.", "Write http://127.0.0.1:11434 for example.")
        self._base = str(base).rstrip("/").removesuffix("/v1")
        self._model = model
        self._client = httpx.AsyncClient(timeout=TIMEOUT, trust_env=False)

    async def is_healthy(self) -> bool:
        """Whether it can be reached and has a model."""
        try:
            return bool(await self._models())
        except (Refusal, httpx.HTTPError):
            return False

    async def model(self) -> str:
        if self._model is None:
            models = await self._models()
            if not models:
                raise Refusal(500, f"{self._base} serves no model; name one in TINYLMI_UPSTREAM_MODEL")
            self._model = models[0]
        return self._model

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self._client.stream("POST", self._base + path, json=body)

    async def close(self) -> None:
        await self._client.aclose()

    async def _models(self) -> list[str]:
        reply = await self._client.get(f"{self._base}/v1/models", timeout=PING_TIMEOUT)
        try:
            return [str(each["id"]) for each in reply.raise_for_status().json()["data"]]
        except (ValueError, KeyError, TypeError):
            raise Refusal(500, f"{self._base}/v1/models does not list models") from None


def build_application(upstream: Upstream, largest_body: int) -> ASGIApp:
    async def start_answer(raw: bytes) -> AnswerResponse:
        body = protocol.parse_json(raw)
        form = next((key for key in ("prompt", "inputs", "messages") if key in body), None)
        if form not in PATHS:
            raise BadRequest(f"{form or 'the body'} cannot be passed on; send messages")
        try:
            return Passing(upstream, PATHS[form], {**body, "model": await upstream.model()})
        except httpx.HTTPError as error:
            raise Refusal(500, f"the model server behind cannot be reached: {describe_error(error)}") from None

    return web.build_application(upstream.is_healthy, start_answer, largest_body, upstream.close)


class Passing(AnswerResponse):
    """One request passed on; when the client goes, the request to the other server is closed too."""

    def __init__(self, upstream: Upstream, path: str, body: dict[str, Any]) -> None:
        super().__init__()
        self._upstream, self._path, self._body = upstream, path, body
        self._opened = False

    async def respond(self, send: Send) -> None:
        try:
            async with self._upstream.post(self._path, self._body) as reply:
                if reply.is_error:
                    await self.send_whole(send, 424, replies.error_line(424, read_error(await reply.aread())))
                elif self._body.get("stream") is True:
                    await self._lines(send, reply)
                else:
                    await self._answer(send, await reply.aread())
        except httpx.HTTPError as error:
            await self._broken(send, f"the model server behind failed: {describe_error(error)}")

    async def _answer(self, send: Send, raw: bytes) -> None:
        answer = parse_object(raw)
        if answer is None:
            return await self._broken(send, "the model server behind answered with something that is not JSON")
        self._counted(answer)
        self.how = "answered"
        await self.send_whole(send, 200, replies.json_line(answer))

    async def _lines(self, send: Send, reply: httpx.Response) -> None:
        async for data in iterate_events(reply):
            if data == b"[DONE]":
                self.how = "answered"
                await self._open(send)
                await self.write(send, b"\n")
                return await self.close_lines(send)
            piece = parse_object(data)
            if piece is None:
                return await self._broken(send, "the model server behind streamed something that is not JSON")
            self._counted(piece)
            await self._open(send)
            await self.write(send, replies.json_line(piece))
        await self._broken(send, "the model server behind ended its stream too early")

    async def _open(self, send: Send) -> None:
        if not self._opened:
            self._opened = True
            await self.open_lines(send)

    async def _broken(self, send: Send, why: str) -> None:
        """A status while there is none yet, else one more line."""
        self.how = "failed"
        if not self._opened:
            return await self.send_whole(send, 500, replies.error_line(500, why))
        await self.write(send, replies.error_line(500, why))
        await self.close_lines(send)

    def _counted(self, answer: dict[str, Any]) -> None:
        usage = answer.get("usage")
        if isinstance(usage, dict):
            self.prompt, self.count = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)


async def iterate_events(reply: httpx.Response) -> AsyncIterator[bytes]:
    """The data of each server-sent event, split at newlines alone: JSON may hold other line separators."""
    rest = b""
    async for chunk in reply.aiter_bytes():
        *lines, rest = (rest + chunk).split(b"\n")
        for each in lines:
            if each.startswith(b"data:"):
                yield each.removeprefix(b"data:").strip()
    if rest.startswith(b"data:"):
        yield rest.removeprefix(b"data:").strip()


def parse_object(raw: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def read_error(raw: bytes) -> str:
    """Why another server refused, wherever it says so."""
    body = parse_object(raw) or {}
    error = body.get("error", body.get("message", body.get("detail")))
    if isinstance(error, dict):
        error = error.get("message")
    return str(error) if error else raw.decode("utf-8", "replace")[:200] or "it gave no reason"


def describe_error(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__


def serve(settings: ServerSettings) -> None:
    """Listen at once: /ping is unhealthy until the other server answers."""
    upstream = Upstream(settings.upstream or "", settings.upstream_model)
    web.run(build_application(upstream, settings.largest_body), settings)

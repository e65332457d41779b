"""HTTP for both kinds of model server: the routes, LMI's error shape, the access log, and a stop that is not abrupt.

It listens on 127.0.0.1 unless TINYLMI_HOST says otherwise, on SAGEMAKER_BIND_TO_PORT or 8080. The image is reached by
SageMaker alone; this stands where any web page can reach it, and answers none. On SIGTERM it stops accepting, lets the
answers that run end within GRACE seconds, and gives the signal back to the process, which exits.
"""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from sluice.same_origin import explain_refusal
from sluice.tinylmi.protocol import BadRequest
from sluice.tinylmi.replies import error_line, json_line
from sluice.tinylmi.settings import ServerSettings, StartError

log = logging.getLogger("tinylmi")

GRACE = 20  # seconds; SageMaker kills a container 30 seconds after SIGTERM
JSON = b"application/json"
LINES = b"application/jsonlines"
FORMS = ("/invocations", "/v1/chat/completions", "/v1/completions", "/predictions")
NOBODY = 499  # in the log: the client went before it was told anything


class Refusal(Exception):
    """A request that is not answered, with the status it gets."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code, self.why = code, why


class AnswerResponse(Response):
    """An answer being given. However it ends (a client that goes, a stop, a fault), `leave` is called."""

    def __init__(self) -> None:
        super().__init__()
        self.code, self.prompt, self.count, self.how = NOBODY, 0, 0, "gone"
        self.started = 0.0

    async def respond(self, send: Send) -> None:
        raise NotImplementedError

    def release(self) -> None: ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        talking = asyncio.create_task(self.respond(send))
        gone = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait({talking, gone}, return_when=asyncio.FIRST_COMPLETED)
            if talking.done():
                talking.result()
        finally:
            self.release()
            talking.cancel()
            gone.cancel()
            log_request(scope["method"], scope["path"], self.code, self.started, self.prompt, self.count, self.how)

    async def send_whole(self, send: Send, code: int, body: bytes) -> None:
        self.code = code
        await send(_start(code, (b"content-type", JSON), (b"content-length", str(len(body)).encode())))
        await send({"type": "http.response.body", "body": body})

    async def open_lines(self, send: Send) -> None:
        self.code = 200
        await send(_start(200, (b"content-type", LINES)))

    async def write(self, send: Send, body: bytes) -> None:
        if body:
            await send({"type": "http.response.body", "body": body, "more_body": True})

    async def close_lines(self, send: Send) -> None:
        await send({"type": "http.response.body", "body": b""})


async def nothing() -> None: ...


def build_application(
    is_healthy: Callable[[], Awaitable[bool]],
    start_answer: Callable[[bytes], Awaitable[AnswerResponse]],
    largest_body: int,
    close: Callable[[], Awaitable[None]] = nothing,
) -> ASGIApp:
    """`well` is asked for /ping; `ask` turns a body into an answer being given, or raises BadRequest or Refusal."""

    @contextlib.asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        yield
        await close()

    async def ping(_: Request) -> Response:
        if await is_healthy():
            return Response(json_line({"status": "Healthy"}), media_type="application/json")
        return Response(json_line({"status": "Unhealthy"}), 500, media_type="application/json")

    async def invoke(request: Request) -> Response:
        started = time.perf_counter()
        try:
            answer = await start_answer(await _body(request, largest_body))
        except BadRequest as error:
            refusal = Refusal(424, f"Input parsing failed: {error}")
        except ClientDisconnect:
            refusal = Refusal(NOBODY, "the client went away")
        except Refusal as error:
            refusal = error
        else:
            answer.started = started
            return answer
        log_request(request.method, request.url.path, refusal.code, started, how="refused")
        return _failed(refusal.code, refusal.why)

    return Starlette(
        routes=[Route("/ping", ping, methods=["GET"]), *(Route(path, invoke, methods=["POST"]) for path in FORMS)],
        exception_handlers={HTTPException: _http_error, Exception: _surprise},
        lifespan=life,
    )


class OriginGuard:
    """The application, closed to what a foreign web page may have sent; `host` is where it listens."""

    def __init__(self, app: ASGIApp, host: str) -> None:
        self._app = app
        self._host = host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        why = self._explain_refusal(Headers(scope=scope)) if scope["type"] == "http" else None
        await (_failed(403, why) if why else self._app)(scope, receive, send)

    def _explain_refusal(self, headers: Headers) -> str | None:
        return explain_refusal(headers.get("host"), headers.get("origin"), (self._host,))


async def _body(request: Request, largest: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > largest:
            raise Refusal(413, f"the body is larger than {largest} bytes")
    return bytes(body)


async def _http_error(_: Request, error: Exception) -> Response:
    code, why = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, str(error))
    return _failed(code, why)


async def _surprise(_: Request, error: Exception) -> Response:
    return _failed(500, f"{type(error).__name__} in the model server; its log says more")


def _failed(code: int, why: str) -> Response:
    return Response(error_line(code, why), code, media_type="application/json")


def _start(code: int, *headers: tuple[bytes, bytes]) -> dict[str, object]:
    return {"type": "http.response.start", "status": code, "headers": list(headers)}


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def log_request(
    method: str, path: str, code: int, started: float, prompt: int = 0, answer: int = 0, how: str = ""
) -> None:
    """One line for each request, without its contents."""
    spent = (time.perf_counter() - started) * 1000
    log.info("%s %s %d %.0fms prompt=%d answer=%d %s", method, path, code, spent, prompt, answer, how)


def run(app: ASGIApp, settings: ServerSettings) -> None:
    """Listen until told to stop; raises StartError if the port is taken."""
    door = OriginGuard(app, settings.host)
    config = uvicorn.Config(door, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=GRACE)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    listening = listen(settings.host, settings.port, config.backlog)
    log.info("listening on http://%s:%d", *listening.getsockname()[:2])
    uvicorn.Server(config).run(sockets=[listening])


def listen(host: str, port: int, backlog: int) -> socket.socket:
    """Whoever connects inherits that nothing waits for an acknowledgement; asyncio does not set it for this socket."""
    try:
        listening = socket.create_server((host, port), backlog=backlog)
    except OSError as error:
        raise StartError(f"Port {port} of {host} cannot be used: {error.strerror}.") from None
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening

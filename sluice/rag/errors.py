"""What each error is over HTTP: one table of status and code, one shape of body: {"error": {code, message, hint}}."""

import json
from collections.abc import Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sluice.chat_api import BadReply
from sluice.errors import SluiceError
from sluice.rag.budget import QuestionTooLong
from sluice.rag.documents import UnknownDocument
from sluice.rag.endpoint import RegistryUnreachable
from sluice.rag.history import HistoryNotWritten, HistoryUnavailable
from sluice.rag.model import EndpointBusy, EndpointLost, EndpointRefused, ModelFailed, ModelTooSlow
from sluice.registry.packages import NothingLive


class BadRequest(SluiceError):
    """The request cannot be used, and its own status and code say why."""

    def __init__(self, status: int, code: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.status = status
        self.code = code


class TooBusy(SluiceError):
    """As many chats as the server takes are being answered."""

    retry_after = 1


class ShuttingDown(SluiceError):
    def __init__(self) -> None:
        super().__init__("The server is shutting down.", "Ask again in a moment.")

    retry_after = 2


STATUS: tuple[tuple[type[SluiceError], int, str], ...] = (
    (NothingLive, 503, "nothing_live"),
    (RegistryUnreachable, 503, "registry_unreachable"),
    (HistoryNotWritten, 503, "history_not_written"),
    (HistoryUnavailable, 503, "history_unavailable"),
    (EndpointBusy, 503, "endpoint_busy"),
    (EndpointLost, 503, "endpoint_lost"),
    (EndpointRefused, 502, "endpoint_refused"),
    (ModelFailed, 502, "model_failed"),
    (BadReply, 502, "model_failed"),
    (ModelTooSlow, 504, "model_too_slow"),
    (QuestionTooLong, 413, "too_long"),
    (UnknownDocument, 404, "unknown_document"),
    (TooBusy, 503, "too_busy"),
    (ShuttingDown, 503, "shutting_down"),
)
INTERNAL = {"code": "internal", "message": "The server failed at this request.", "hint": "Its log says why."}


class Json(Response):
    """JSON in which Korean stays readable."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def status_and_code(error: SluiceError) -> tuple[int, str]:
    if isinstance(error, BadRequest):
        return error.status, error.code
    return next(((status, code) for kind, status, code in STATUS if isinstance(error, kind)), (500, "internal"))


def body(error: SluiceError) -> dict[str, str]:
    return {"code": status_and_code(error)[1], "message": error.message, "hint": error.hint}


def answer(error: SluiceError, more: Mapping[str, Any] | None = None) -> Response:
    retry_after = getattr(error, "retry_after", None)
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    return Json({"error": body(error)} | dict(more or {}), status_and_code(error)[0], headers)


def invalid(error: ValidationError | RequestValidationError) -> BadRequest:
    """pydantic's findings, each as `where: what`."""
    problems = []
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"] if part not in ("body", "query", "path"))
        problems.append(f"{where}: {problem['msg']}" if where else str(problem["msg"]))
    return BadRequest(
        422, "invalid_request", "; ".join(problems), "docs/rag-server.md, or /docs here, lists the fields."
    )


def on_sluice_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, SluiceError)
    return answer(error)


def on_invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return answer(invalid(error))


def on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
    message = f"{request.method} {request.url.path}: {error.detail}"
    body = {"code": code, "message": message, "hint": "/docs lists what there is."}
    return JSONResponse({"error": body}, error.status_code, error.headers)


def on_bug(_: Request, __: Exception) -> Response:
    return Json({"error": INTERNAL}, 500)

"""Refuses what a foreign web page may have sent, before a route sees it: `sluice/same_origin.py` says what that is."""

from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from sluice.rag import errors
from sluice.rag.errors import BadRequest
from sluice.same_origin import explain_refusal

HINT = "Ask on loopback, or list the name under which the server is reached in SLUICE_ALLOWED_HOSTS."


class Door:
    """An ASGI application in front of another one; `names` are those that it is served under beside loopback."""

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        self._app = app
        self._names = tuple(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        why = self._explain_refusal(Headers(scope=scope)) if scope["type"] == "http" else None
        refused = errors.answer(BadRequest(403, "foreign_request", why, HINT)) if why else None
        await (refused or self._app)(scope, receive, send)

    def _explain_refusal(self, headers: Headers) -> str | None:
        return explain_refusal(headers.get("host"), headers.get("origin"), self._names)

"""The local AWS as its own client: boto3 whose requests go straight into the application, in the thread that asks.

So a stack's resources, a rule's targets and a schedule's pipelines come about by the same calls that a user would make.
"""

import io
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import EnvironBuilder, run_wsgi_app

from sluice.localaws.server.lock import LOCK

_application: Any = DomainDispatcherApplication(create_backend_app)


def bind(application: Any) -> None:
    """Sends requests to the server's own application, with its refusals, from now on."""
    global _application
    _application = application


def create_client(service: str, account_id: str, region: str) -> Any:
    with LOCK:  # making a client is not thread-safe
        return _client(service, account_id, region)


@cache
def _client(service: str, account_id: str, region: str) -> Any:
    session: Any = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name=region)
    boto_client = session.client(service, endpoint_url="http://localhost", config=Config(retries={"max_attempts": 0}))
    boto_client.meta.events.register_first("before-send", partial(_answer, account_id))
    return boto_client


def _answer(account_id: str, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
    content: Any = request.body
    body = content.read() if hasattr(content, "read") else content
    headers = [(name, _text(value)) for name, value in request.headers.items()] + [("x-moto-account-id", account_id)]
    environ = EnvironBuilder(path=request.url, method=request.method, headers=headers, data=_bytes(body)).get_environ()
    with LOCK:
        parts, status, response_headers = run_wsgi_app(_application, environ, buffered=True)
    headers_read: Any = dict(response_headers)
    return AWSResponse(request.url, int(status.split()[0]), headers_read, _Raw(b"".join(parts)))


class _Raw(io.BytesIO):
    """What botocore reads an answer from."""

    def stream(self, amt: int = 65536, **_: Any) -> Iterator[bytes]:
        while chunk := self.read(amt):
            yield chunk


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _bytes(body: str | bytes | None) -> bytes:
    return body.encode() if isinstance(body, str) else body or b""

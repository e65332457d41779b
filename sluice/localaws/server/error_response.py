"""Writes an error as the client reads it: JSON, or XML for services that speak it. botocore does not retry a 501
or a 403.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape

TYPE = "NotImplementedLocally"
STATUS = "501 Not Implemented"
FORBIDDEN = "403 Forbidden", "AccessDenied"
XML_SERVICES = {"s3", "s3control", "route53", "cloudfront"}


def service_of(environ: Mapping[str, Any]) -> str | None:
    """The service that the request is signed for."""
    scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].split(",")[0].split("/")
    return scope[-2] if len(scope) >= 5 else None


def write(
    environ: Mapping[str, Any], message: str, status: str = STATUS, code: str = TYPE
) -> tuple[str, list[tuple[str, str]], bytes]:
    """Status line, headers and body; of a refusal, unless said otherwise."""
    is_query = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    if is_query or service_of(environ) in XML_SERVICES:
        kind, body = "text/xml", _xml(message, code, wrapped=is_query)
    else:
        kind, body = "application/x-amz-json-1.1", json.dumps({"__type": code, "message": message})
    data = body.encode()
    return status, [("Content-Type", kind), ("x-amzn-errortype", code), _length(data)], data


def _length(data: bytes) -> tuple[str, str]:
    return "Content-Length", str(len(data))


def _xml(message: str, code: str, wrapped: bool) -> str:
    error = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return f"<ErrorResponse>{error}<RequestId>local</RequestId></ErrorResponse>" if wrapped else error


def application(message: str, status: str = STATUS, code: str = TYPE) -> Any:
    def answer(environ: Mapping[str, Any], start_response: Any) -> Iterable[bytes]:
        line, headers, body = write(environ, message, status, code)
        start_response(line, headers)
        return [body]

    return answer

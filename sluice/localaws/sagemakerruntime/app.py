"""InvokeEndpoint and InvokeEndpointWithResponseStream, without moto and without the lock.

A stream's parts leave as the process makes them, and each chunk in two halves: as on AWS, a PayloadPart ends anywhere,
within a line or a character, and a client that takes parts for lines fails here first.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from typing import Any
from urllib.parse import unquote

from moto.core.eventstream import EventStreamEncoder
from moto.iam.models import get_account_id_from
from moto.sagemaker.models import sagemaker_backends

from sluice.localaws.sagemaker.fleet import Fleet, NotServing
from sluice.localaws.sagemakerruntime.upstream import Broken, Exchange, TimedOut, Unreachable
from sluice.localaws.server import error_response

MOST_BYTES = 6 * 1024 * 1024
ANSWER_SECONDS = 60.0
STREAM_SECONDS = 480.0
MOST_MESSAGE = 1024
EVENT = {":message-type": "event", ":event-type": "PayloadPart", ":content-type": "application/octet-stream"}
PATH = re.compile(r"/endpoints/([^/]+)/(invocations|invocations-response-stream)")
CUSTOM = "X-Amzn-SageMaker-Custom-Attributes"
FORWARDED = {
    "Content-Type": "Content-Type",
    "Accept": "Accept",
    "X-Amzn-SageMaker-Accept": "Accept",
    CUSTOM: CUSTOM,
    "X-Amzn-SageMaker-Inference-Id": "X-Amzn-SageMaker-Inference-Id",
}
REFUSED = {
    "X-Amzn-SageMaker-Target-Model": "TargetModel",
    "X-Amzn-SageMaker-Target-Container-Hostname": "TargetContainerHostname",
    "X-Amzn-SageMaker-Enable-Explanations": "EnableExplanations",
    "X-Amzn-SageMaker-Inference-Component": "InferenceComponentName",
    "X-Amzn-SageMaker-Session-Id": "SessionId",
}
Environ = Mapping[str, Any]


class InvocationError(Exception):
    """Anything but a good answer: an error of the API, and its HTTP status."""

    def __init__(self, status: str, kind: str, message: str, **more: Any) -> None:
        self.status, self.kind = status, kind
        self.body = {"Message": message, **more}


def is_invocation(environ: Environ) -> bool:
    return str(environ["PATH_INFO"]).startswith("/endpoints/") and error_response.service_of(environ) == "sagemaker"


class Runtime:
    """The WSGI application. `time_scale` shortens the time that an answer may take."""

    def __init__(self, time_scale: float) -> None:
        self._scale = time_scale

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        match = PATH.fullmatch(environ["PATH_INFO"])
        refused = [name for header, name in REFUSED.items() if _header(environ, header)]
        if not match or refused:
            what = refused[0] if refused else environ["PATH_INFO"].rpartition("/")[2]
            response: Iterable[bytes] = error_response.application(f"The local AWS does not support {what}.")(
                environ, start_response
            )
            return response
        body = environ["wsgi.input"].read()
        try:
            return self._invoke(unquote(match[1]), match[2].endswith("stream"), body, environ, start_response)
        except InvocationError as error:
            return _write_error(error, start_response)

    def _invoke(self, name: str, stream: bool, body: bytes, environ: Environ, start_response: Any) -> Iterable[bytes]:
        if len(body) > MOST_BYTES:
            why = f"HTTP content length exceeded {MOST_BYTES} bytes."
            raise InvocationError("413 Request Entity Too Large", "", why)
        endpoint = InvokedEndpoint(environ, name)
        with ExitStack() as stack:
            port = endpoint.reserve_port(stack)
            exchange = self._send_request(endpoint, port, body, environ)
            stack.callback(exchange.close)
            if not 200 <= exchange.status < 300:
                raise endpoint.model_error(exchange.status, _read_body(endpoint, exchange))
            headers = [("x-Amzn-Invoked-Production-Variant", endpoint.variant)]
            if custom := exchange.headers.get(CUSTOM.lower()):
                headers.append((CUSTOM, custom))
            kind = exchange.headers.get("content-type", "application/octet-stream")
            if stream:
                exchange.extend(STREAM_SECONDS * self._scale)
                event_stream = ("Content-Type", "application/vnd.amazon.eventstream")
                start_response("200 OK", [event_stream, ("X-Amzn-SageMaker-Content-Type", kind), *headers])
                return _events(exchange, stack.pop_all())
            answer = _read_body(endpoint, exchange)
            start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(answer))), *headers])
            return [answer]

    def _send_request(self, endpoint: "InvokedEndpoint", port: int, body: bytes, environ: Environ) -> Exchange:
        headers = {to: value for name, to in FORWARDED.items() if (value := _header(environ, name))}
        try:
            return Exchange(port, headers, body, environ.get("werkzeug.socket"), ANSWER_SECONDS * self._scale)
        except Unreachable:
            raise InvocationError(
                "503 Service Unavailable", "ServiceUnavailable", "The container of this endpoint is not running now."
            ) from None
        except TimedOut:
            raise endpoint.timed_out() from None
        except Broken as reason:
            raise endpoint.broken(reason) from None


class InvokedEndpoint:
    """The endpoint that a request is for."""

    def __init__(self, environ: Environ, name: str) -> None:
        scope = environ["HTTP_AUTHORIZATION"].partition("Credential=")[2].split(",")[0].split("/")
        self.account = environ.get("HTTP_X_MOTO_ACCOUNT_ID") or get_account_id_from(scope[0])
        self.region, self.name = scope[-3], name
        self.variant: str = self._fleet().variant.name
        target_variant = _header(environ, "X-Amzn-SageMaker-Target-Variant")
        if target_variant and target_variant != self.variant:
            why = f"Variant {target_variant} does not exist in endpoint {name}."
            raise InvocationError("400 Bad Request", "ValidationError", why)

    def reserve_port(self, stack: ExitStack) -> int:
        """Return the port, usable until the stack is closed. An update may move the traffic between two tries."""
        for _ in range(3):
            with suppress(NotServing):
                return stack.enter_context(self._fleet().request())
        raise self.not_found()

    def _fleet(self) -> Fleet:
        endpoint = sagemaker_backends[self.account][self.region].endpoints.get(self.name)
        if endpoint is None or not endpoint.is_serving:
            raise self.not_found()
        fleet: Fleet = endpoint.fleet
        return fleet

    def not_found(self) -> InvocationError:
        return InvocationError(
            "400 Bad Request", "ValidationError", f"Endpoint {self.name} of account {self.account} not found."
        )

    def model_error(self, status: int, body: bytes) -> InvocationError:
        side = "client" if 400 <= status < 500 else "server"
        text = body.decode(errors="replace")[:MOST_MESSAGE]
        return self._error(status, f'Received {side} error ({status}) from primary with message "{text}".', text)

    def timed_out(self) -> InvocationError:
        text = "Your invocation timed out while waiting for a response from container primary."
        return self._error(0, f'Received server error (0) from primary with message "{text}".', text)

    def broken(self, reason: Exception) -> InvocationError:
        text = f"The container broke off its answer: {reason}"
        return self._error(0, f'Received server error (0) from primary with message "{text}".', text)

    def _error(self, status: int, message: str, original: str) -> InvocationError:
        arn = f"arn:aws:logs:{self.region}:{self.account}:log-group:/aws/sagemaker/Endpoints/{self.name}"
        more = {"OriginalStatusCode": status, "OriginalMessage": original, "LogStreamArn": arn}
        return InvocationError("424 Failed Dependency", "ModelError", f"{message} See {arn}.", **more)


def _read_body(endpoint: InvokedEndpoint, exchange: Exchange) -> bytes:
    try:
        return exchange.read()
    except TimedOut:
        raise endpoint.timed_out() from None
    except Broken as reason:
        raise endpoint.broken(reason) from None


def _events(exchange: Exchange, resources: ExitStack) -> Iterator[bytes]:
    """Closed by werkzeug also when the client has gone, and with it the connection to the process."""
    encode = EventStreamEncoder().encode_message
    with resources:
        try:
            for chunk in exchange:
                half = len(chunk) // 2
                for part in (chunk[:half], chunk[half:]):
                    if part:
                        yield encode(EVENT, part)
        except TimedOut:
            yield encode(*_stream_error("ModelInvocationTimeExceeded", "The stream took too long."))
        except Broken as reason:
            yield encode(*_stream_error("StreamBroken", f"The container broke off its stream: {reason}"))


def _stream_error(code: str, message: str) -> tuple[dict[str, str], bytes]:
    head = {":message-type": "exception", ":exception-type": "ModelStreamError", ":content-type": "application/json"}
    return head, json.dumps({"Message": message, "ErrorCode": code}).encode()


def _write_error(error: InvocationError, start_response: Any) -> Iterable[bytes]:
    body = json.dumps(error.body).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(error.status, headers + ([("x-amzn-ErrorType", error.kind)] if error.kind else []))
    return [body]


def _header(environ: Environ, name: str) -> str | None:
    key = name.upper().replace("-", "_")
    value: str | None = environ.get("CONTENT_TYPE" if key == "CONTENT_TYPE" else f"HTTP_{key}")
    return value

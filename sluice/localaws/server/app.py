"""The one URL behind which all of AWS is: moto under a lock, the data plane beside it, and our refusals."""

import datetime
import io
import json
import logging
import os
import re
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, request
from moto.core.base_backend import BackendDict
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.serving import BaseWSGIServer, make_server

from sluice.localaws import same_origin
from sluice.localaws.events import deliveries
from sluice.localaws.events.scheduler import Scheduler
from sluice.localaws.jobs.containers import Containers
from sluice.localaws.sagemakerruntime.app import Runtime, is_invocation
from sluice.localaws.server import error_response, in_process_client
from sluice.localaws.server.api_errors import NotImplementedLocally
from sluice.localaws.server.install import install, install_on_demand
from sluice.localaws.server.lock import LOCK
from sluice.localaws.server.settings import Settings

HEALTH = "/_localaws/health"
MOCK_CONTROL = "moto_api"
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


@dataclass(frozen=True)
class Running:
    url: str
    port: int
    settings: Settings
    containers: Containers


@contextmanager
def running(settings: Settings) -> Iterator[Running]:
    """A server in this process, until the block ends; port 0 takes a free one. Only one at a time: moto is global."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    settings.state.mkdir(parents=True, exist_ok=True)
    dispatcher = Dispatcher(settings)
    # By ourselves, because werkzeug answers a port that is taken by ending the process.
    with socket.create_server((settings.host, settings.port), backlog=128) as listening:
        port = listening.getsockname()[1]
        server = make_server(
            settings.host, port, dispatcher, threaded=True, request_handler=Http11, fd=listening.fileno()
        )
    url = f"http://{settings.host}:{port}"
    containers = Containers(settings, url)
    install(containers)
    in_process_client.bind(dispatcher)
    scheduler = Scheduler()
    scheduler.start()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="server", daemon=True)
    thread.start()
    try:
        yield Running(url, port, settings, containers)
    finally:
        scheduler.stop()
        deliveries.settle()
        _stop(server, containers)
        thread.join()


def _stop(server: BaseWSGIServer, containers: Containers) -> None:
    server.shutdown()
    server.server_close()
    containers.close()
    with LOCK:
        BackendDict.reset()


class Http11(MotoRequestHandler):
    """Without 1.1, a stream of tokens arrives in one piece at its end."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or the body of an answer waits until its headers are acknowledged

    def log_request(self, *ignored: Any) -> None:
        pass


class UnknownService(Exception):
    """moto has no such service."""


class ClosedService(Exception):
    """moto has it, for whoever controls a mock: it forgets everything, and answers as it is told to."""


class Dispatcher(DomainDispatcherApplication):
    def __init__(self, settings: Settings) -> None:
        super().__init__(_service)
        self._settings = settings
        self._backends: dict[str | None, Any] = {}
        self._runtime = Runtime(settings.time_scale)
        self._started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response = without_grants(start_response)
        if (why := self._explain_refusal(environ)) is not None:
            message = f"The local AWS does not answer this request. {why} Ask from a program, at its own URL."
            refused: Iterable[bytes] = error_response.application(message, *error_response.FORBIDDEN)(
                environ, start_response
            )
            return refused
        if environ["PATH_INFO"] == HEALTH:
            return self._health(start_response)
        _read_body(environ)
        if is_invocation(environ):
            return self._runtime(environ, start_response)
        with LOCK:
            application: Application = self.get_application(environ)
            return application(environ, start_response)

    def _explain_refusal(self, environ: dict[str, Any]) -> str | None:
        host, origin = environ.get("HTTP_HOST"), environ.get("HTTP_ORIGIN")
        if "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ:
            return f"It is the CORS preflight of a web page (Origin {origin!a:.100}), and none is granted."
        names = (self._settings.host,)
        return same_origin.explain_refusal(host, origin, names, environ.get("HTTP_SEC_FETCH_SITE"))

    def get_backend_for_host(self, host: str | None) -> Any:
        """moto looks through two hundred patterns for every request, and prints what it does not know."""
        if host not in self._backends:
            if host is not None and "amazonaws.com" in host and not self._is_known(host):
                raise UnknownService(host)
            self._backends[host] = super().get_backend_for_host(host)
        if self._backends[host] == MOCK_CONTROL:  # here, where it is chosen: there are several ways to name it
            raise ClosedService
        return self._backends[host]

    def _is_known(self, host: str) -> bool:
        return any(pattern.match(f"http://{host}") for _, pattern in self.backend_url_patterns)

    def get_application(self, environ: dict[str, Any]) -> Any:
        try:
            return super().get_application(environ)
        except ClosedService:
            message = f"The local AWS does not let itself be controlled as a mock: {environ['PATH_INFO']!a} is closed."
            return error_response.application(f"{message} Stop it to make it forget.", *error_response.FORBIDDEN)
        except UnknownService:
            return error_response.application(f"The local AWS does not support {error_response.service_of(environ)}.")

    def _health(self, start_response: Any) -> Iterable[bytes]:
        body = json.dumps(
            {
                "service": "localaws",
                "pid": os.getpid(),
                "version": 1,
                "state": str(self._settings.state),
                "started": self._started,
                "fingerprint": self._settings.fingerprint,
            }
        ).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]


def without_grants(start_response: Any) -> Any:
    """A `start_response` that lets no page of another address read an answer, whatever moto would allow it."""

    def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        own_headers = [(name, value) for name, value in headers if not name.lower().startswith("access-control-")]
        return start_response(status, own_headers, *more)

    return start


def _read_body(environ: dict[str, Any]) -> None:
    """Before the lock is taken: a slow upload holds up nobody else."""
    if environ.get("wsgi.input_terminated"):
        body = environ["wsgi.input"].read()
    else:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))


def _service(name: str) -> Flask:
    install_on_demand(name)
    app: Flask = create_backend_app(name)

    def refuse(message: str) -> Response:
        status, headers, body = error_response.write(request.environ, message)
        return Response(body, status, headers)

    def unknown_operation(error: NotImplementedError) -> Response:
        if isinstance(error, NotImplementedLocally):
            return refuse(error.message)
        operation = re.search(r"The (\w+) action has not been implemented", str(error))
        what = _camel(operation[1]) if operation else f"this: {error}"
        return refuse(f"The local AWS does not support {name} {what}.")

    def unknown_path(error: Exception) -> Response:
        return refuse(f"The local AWS does not support {request.method} {request.path} of {name}.")

    def broken(error: Exception) -> Response | HTTPException:
        if isinstance(error, HTTPException):  # moto's way of answering with an error of the service's own
            return error
        app.logger.exception("%s %s", request.method, request.path)
        message = f"The local AWS failed at this request ({type(error).__name__}: {error}). Its log has the traceback."
        status, headers, body = error_response.write(
            request.environ, message, "500 Internal Server Error", "InternalFailure"
        )
        return Response(body, status, headers)

    app.register_error_handler(Exception, broken)
    app.register_error_handler(NotImplementedError, unknown_operation)
    app.register_error_handler(NotFound, unknown_path)
    app.register_error_handler(MethodNotAllowed, unknown_path)
    return app


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))

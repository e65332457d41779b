"""Runs an ASGI application on a free port of this machine, in a thread, with clients that may go away at any moment."""

import contextlib
import http.client
import json
import socket
import threading
import time

import uvicorn

SECONDS = 30  # until a test gives up


@contextlib.contextmanager
def running(app):
    """The port on which the application answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        config = uvicorn.Config(app, log_config=None, lifespan="on", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            until(lambda: server.started)
            yield port
        finally:
            server.should_exit = True
            thread.join()


def until(true, what="it"):
    """Wait for something to become true, for as long as a slow machine may need."""
    end = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < end, f"{what} did not happen"
        time.sleep(0.005)


class Client:
    """Asks one server; every question has a connection of its own."""

    def __init__(self, port):
        self.port = port

    def get(self, path):
        return self._send("GET", path, None)

    def post(self, body, path="/invocations"):
        """(status, content type, raw body); a body that is not bytes is sent as JSON."""
        return self._send("POST", path, body if isinstance(body, bytes) else json.dumps(body).encode())

    def ask(self, **body):
        """The JSON object of an answer that must succeed."""
        status, kind, raw = self.post(body)
        assert (status, kind, raw[-1:]) == (200, "application/json", b"\n"), raw
        return json.loads(raw)

    def lines(self, **body):
        """The JSON objects of a streamed answer, and the raw body."""
        status, kind, raw = self.post({"stream": True, **body})
        assert (status, kind) == (200, "application/jsonlines"), raw
        return [json.loads(line) for line in raw.split(b"\n") if line], raw

    def open(self, body, path="/invocations"):
        """A connection on which a question has been asked: read it, or close it and be gone."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        connection.request("POST", path, json.dumps(body))
        return connection

    def _send(self, method, path, body):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)) as connection:
            connection.request(method, path, body)
            reply = connection.getresponse()
            return reply.status, reply.getheader("content-type"), reply.read()

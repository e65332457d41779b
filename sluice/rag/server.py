"""Runs the application under uvicorn: one clear message if the port is taken, and an end that keeps to its time."""

import asyncio
import errno
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from sluice.errors import SluiceError, UsageError

LAST_WORDS = 3  # seconds for streams to say that the server is shutting down
BACKLOG = 2048


class CannotListen(SluiceError):
    """The port is taken, or the address is not one of this machine."""


class Server(uvicorn.Server):
    def __init__(self, app: FastAPI, grace: float, ready: Callable[[], None]) -> None:
        # log_config=None: our own lines say what was asked and answered, uvicorn's would repeat it.
        bound = max(1, round(grace + LAST_WORDS))
        config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=bound, lifespan="on")
        super().__init__(config)
        self._threads = app.state.threads
        self._grace = grace
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, let answers end, and after the grace tell the rest why they end early."""
        ending = asyncio.get_running_loop().call_later(self._grace, self._threads.close)
        await super().shutdown(sockets)
        ending.cancel()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal asks for an orderly end, which is no failure; a second one ends the waiting."""
        if self.should_exit:
            self._threads.close()
            self.force_exit = True
        self.should_exit = True


def run(app: FastAPI, listening: socket.socket, grace: float, ready: Callable[[], None]) -> None:
    Server(app, grace, ready).run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise UsageError(f"{port} is not a port.", "Ports are 0 to 65535; 0 takes any free one.")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotListen(
                f"Port {port} of {host} is in use.", "Stop what uses it, or serve on another one with --port."
            ) from None
        raise CannotListen(
            f"Cannot listen on {host}:{port}: {error.strerror or error}.", "Check the address."
        ) from None
    # Accepted connections inherit it. asyncio sets it only where a socket names its protocol, which this one does not;
    # without it an answer's body waits until the client acknowledges its headers, 40 ms later.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

"""One request to an endpoint's process, given up at once when the client leaves or the time is over."""

import selectors
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress

import h11

CONNECT_SECONDS = 2.0


class Unreachable(Exception):
    """Nobody listens: the process died, or is being started again."""


class Broken(Exception):
    """The process ended, or spoke no HTTP, in the middle of its answer."""


class TimedOut(Exception):
    """The answer, or the end of a stream, took too long."""


class ClientGone(ConnectionError):
    """Who asked has hung up. werkzeug expects such errors."""


class Exchange:
    """`status` and `headers` are there when it is made; iterate over it for the body, as it comes."""

    def __init__(
        self, port: int, headers: Mapping[str, str], body: bytes, client: socket.socket | None, seconds: float
    ) -> None:
        self._deadline = time.monotonic() + seconds
        self._client = client
        self._http = h11.Connection(h11.CLIENT)
        self._selector = selectors.DefaultSelector()
        try:
            self._socket = socket.create_connection(("127.0.0.1", port), timeout=CONNECT_SECONDS)
        except OSError as reason:
            self._selector.close()
            raise Unreachable(str(reason)) from None
        try:
            self._watch()
            self._send(headers, body)
            self.status, self.headers = self._head()
        except BaseException:
            self.close()
            raise

    def extend(self, seconds: float) -> None:
        """Move the deadline: a stream that has begun may take longer than an answer in one piece."""
        self._deadline = time.monotonic() + seconds

    def __iter__(self) -> Iterator[bytes]:
        while not isinstance(event := self._next(), h11.EndOfMessage):
            if isinstance(event, h11.ConnectionClosed):
                raise Broken("The connection was closed.")
            if isinstance(event, h11.Data) and event.data:
                yield bytes(event.data)

    def read(self) -> bytes:
        return b"".join(self)

    def close(self) -> None:
        self._selector.close()
        self._socket.close()

    def _watch(self) -> None:
        self._selector.register(self._socket, selectors.EVENT_READ)
        if self._client is not None:
            self._selector.register(self._client, selectors.EVENT_READ)

    def _send(self, headers: Mapping[str, str], body: bytes) -> None:
        sent = {"Host": "127.0.0.1", "Connection": "close", "Content-Length": str(len(body)), **headers}
        head = h11.Request(method="POST", target="/invocations", headers=list(sent.items()))
        parts = [self._http.send(head), self._http.send(h11.Data(data=body)), self._http.send(h11.EndOfMessage())]
        self._socket.settimeout(max(0.1, self._deadline - time.monotonic()))
        # A server may answer before it has read all, and close: then its answer is what counts.
        with suppress(ConnectionError):
            self._socket.sendall(b"".join(part or b"" for part in parts))

    def _head(self) -> tuple[int, dict[str, str]]:
        while not isinstance(event := self._next(), h11.Response):
            if isinstance(event, h11.ConnectionClosed):
                raise Broken("The connection was closed before an answer.")
        return event.status_code, {name.decode().lower(): value.decode("latin-1") for name, value in event.headers}

    def _next(self) -> object:
        while True:
            try:
                event = self._http.next_event()
                if event is not h11.NEED_DATA:
                    return event
                self._wait()
                self._http.receive_data(self._socket.recv(65536))
            except ClientGone:
                raise
            except (h11.RemoteProtocolError, OSError) as reason:
                raise Broken(str(reason)) from None

    def _wait(self) -> None:
        """Until the process says something."""
        while True:
            ready = self._selector.select(max(0.0, self._deadline - time.monotonic()))
            if not ready:
                raise TimedOut
            for key, _ in ready:
                if key.fileobj is self._socket:
                    return
            self._listen_to_client()

    def _listen_to_client(self) -> None:
        assert self._client is not None
        try:
            hung_up = not self._client.recv(1, socket.MSG_PEEK)
        except OSError:
            hung_up = True
        if hung_up:
            raise ClientGone
        self._selector.unregister(self._client)  # it has more to say, which is for later

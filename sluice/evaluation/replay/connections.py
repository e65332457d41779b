"""HTTP connections that are kept: one for each request in flight, opened again when the server has closed it."""

import time
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import TypeVar
from urllib.parse import urlsplit

from sluice.chat_api import BadReply
from sluice.errors import UsageError
from sluice.evaluation.replay.failures import Lost, Refused, TargetDown

Read = TypeVar("Read")
BLOCK = 65536


class Connections:
    """Connections to one server: TargetDown if nobody is there, Lost if one breaks off, Refused if it is too slow."""

    def __init__(self, url: str, timeout: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UsageError(
                f"{url!r} is not a URL that can be asked.", "Give one like http://127.0.0.1:8080/invocations"
            )
        self.url = url
        self.path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._timeout = timeout
        self._kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._host, self._port = parts.hostname, parts.port
        self._free: list[HTTPConnection] = []  # append and pop are atomic

    def close(self) -> None:
        while self._free:
            self._free.pop().close()

    def post(
        self, path: str, body: bytes, headers: Mapping[str, str], read: Callable[[HTTPResponse, float], Read]
    ) -> tuple[int, Read]:
        """Return the status, and what `read` makes of the response and of the time (perf_counter) of the request."""
        while True:
            reused = self._free.pop() if self._free else None
            connection = reused or self._kind(self._host, self._port, timeout=self._timeout)
            try:
                started = time.perf_counter()
                try:
                    connection.request("POST", path, body, {"Content-Type": "application/json", **headers})
                    response = connection.getresponse()
                except (ConnectionError, HTTPException):
                    connection.close()
                    if reused:
                        continue
                    raise
                answer = read(response, started)
            except TimeoutError:
                connection.close()
                raise Refused(f"{self.url} did not answer within {self._timeout:g} s.") from None
            except ConnectionRefusedError as error:
                connection.close()
                raise TargetDown(f"{self.url} is gone: {error}.") from None
            except (OSError, HTTPException) as error:
                connection.close()
                raise Lost(f"{self.url} is gone: {error or type(error).__name__}.") from None
            except BadReply:
                connection.close()  # the rest of that answer must not be taken for the next one
                raise
            if response.length == 0:
                response.close()  # http.client does not see that a body read piece by piece has ended
            if response.will_close or not response.isclosed():
                connection.close()
            else:
                self._free.append(connection)
            return response.status, answer

"""From the thread that makes an answer to the event loop that sends it: bounded threads, and server-sent events.

The threads are daemons, so a model server that never answers cannot keep the process from ending.
"""

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sluice.errors import SluiceError
from sluice.rag.errors import INTERNAL, ShuttingDown, TooBusy, body

LOG = logging.getLogger("sluice.rag.errors")
QUIET_SECONDS = 15  # after this long without a token, a comment keeps proxies from closing the connection
T = TypeVar("T")


@dataclass(frozen=True)
class Failed:
    """The thread ended with this error; None is one that nobody foresaw, and is in the log."""

    error: SluiceError | None


@dataclass(frozen=True)
class Ended:
    pass


class Running(Generic[T]):
    """A generator that runs in a thread of its own; its items are read on the event loop."""

    def __init__(self, items: Generator[T, None, None], finished: Callable[[Failed | None], None]) -> None:
        self._items = items
        self._finished = finished
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[T | Failed | Ended] = asyncio.Queue()
        self._stopped = False

    def start(self) -> None:
        threading.Thread(target=self._run, name="chat", daemon=True).start()

    async def next(self) -> T | Failed | Ended:
        return await self._queue.get()

    def waiting(self) -> T | Failed | Ended | None:
        """The next item if it is already there."""
        return None if self._queue.empty() else self._queue.get_nowait()

    def stop(self, why: Failed | None = None) -> None:
        """Close the generator after its current item; the reader is told at once."""
        if not self._stopped:
            self._stopped = True
            self._queue.put_nowait(why or Ended())

    def _run(self) -> None:
        failed: Failed | None = None
        try:
            with closing(self._items):
                for item in self._items:
                    if self._stopped:
                        break
                    self._post(item)
        except SluiceError as error:
            failed = Failed(error)
        except Exception:  # the thread's end: without this the reader would wait for ever
            LOG.exception("A chat failed in a way that nobody foresaw.")
            failed = Failed(None)
        self._finished(failed)
        self._post(failed or Ended())

    def _post(self, item: T | Failed | Ended) -> None:
        with suppress(RuntimeError):  # the loop is closed: the process is ending, and nobody reads any more
            self._loop.call_soon_threadsafe(self._queue.put_nowait, item)


class Threads:
    """At most `limit` generators run at once; one more is refused instead of waiting in a queue that nobody sees."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._running: set[Running[Any]] = set()
        self._lock = threading.Lock()
        self._closed = False

    def __len__(self) -> int:
        return len(self._running)

    def run(self, items: Generator[T, None, None], finished: Callable[[Failed | None], None]) -> Running[T]:
        def on_end(failed: Failed | None) -> None:
            with self._lock:
                self._running.discard(running)
            finished(failed)

        running = Running(items, on_end)
        with self._lock:
            if self._closed:
                raise ShuttingDown
            if len(self._running) >= self.limit:
                raise TooBusy(f"All {self.limit} chats that this server takes at once are taken.", "Ask again shortly.")
            self._running.add(running)
        running.start()
        return running

    def close(self) -> None:
        """End what still runs: readers are told that the server is shutting down."""
        with self._lock:
            self._closed = True
            still = list(self._running)
        for running in still:
            running.stop(Failed(ShuttingDown()))


def event(name: str, data: Mapping[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()


class EventStream(Response):
    """Server-sent events, written as they are made; when the reader goes away, the generator is closed."""

    media_type = "text/event-stream"

    def __init__(
        self, first: Any, running: Running[Any], render: Callable[[Any], bytes], quiet: float = QUIET_SECONDS
    ) -> None:
        self.status_code = 200
        self.background = None
        self.body = b""
        self._first, self._running, self._render, self._quiet = first, running, render, quiet
        self.init_headers({"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.create_task(self._until_gone(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await self._send_all(send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()
            self._running.stop()

    async def _send_all(self, send: Send) -> None:
        item: Any = self._first
        while not isinstance(item, Ended):
            failed = isinstance(item, Failed)
            await self._write(send, self._error(item) if failed else self._render(item))
            if failed:
                return
            item = self._running.waiting() or await self._next(send)

    @staticmethod
    async def _write(send: Send, chunk: bytes) -> None:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def _next(self, send: Send) -> Any:
        while True:
            try:
                return await asyncio.wait_for(self._running.next(), self._quiet)
            except TimeoutError:
                await self._write(send, b": still there\n\n")

    async def _until_gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._running.stop()

    @staticmethod
    def _error(failed: Failed) -> bytes:
        return event("error", {"error": body(failed.error) if failed.error else INTERNAL})

"""A container's output, line by line, into CloudWatch Logs: a few times a second, so that a busy log costs little."""

import os
import selectors
import threading
import time
from typing import IO

from moto.logs.models import logs_backends

from sluice.localaws.server.lock import LOCK

FLUSH_SECONDS = 0.2
MAX_EVENT_BYTES = 256 * 1024


class LogPump:
    def __init__(self, account: str, region: str, group: str, stream: str) -> None:
        self._place = account, region
        self._group, self._stream = group, stream
        self._lines: list[dict[str, object]] = []
        self._rest = b""
        self._muted = False
        self.last_line = ""
        self._thread: threading.Thread | None = None

    def start(self, source: IO[bytes], name: str) -> None:
        self._write([])  # the stream is there from the beginning
        self._thread = threading.Thread(target=self._run, args=(source,), name=f"log of {name}", daemon=True)
        self._thread.start()

    def mute(self) -> None:
        self._muted = True

    def finish(self) -> None:
        """Wait until all is written, or 2 s if something outlives the container and still holds its output."""
        if self._thread is not None:
            self._thread.join(2.0)

    def _run(self, source: IO[bytes]) -> None:
        with source, selectors.DefaultSelector() as selector:
            selector.register(source, selectors.EVENT_READ)
            due = None
            while True:
                ready = selector.select(None if due is None else max(0.0, due - time.monotonic()))
                if ready:
                    chunk = os.read(source.fileno(), 65536)
                    if not chunk:
                        break
                    self._append_lines(chunk)
                    due = due or time.monotonic() + FLUSH_SECONDS
                if due is not None and time.monotonic() >= due:
                    self._flush()
                    due = None
        self._append_lines(b"\n" if self._rest else b"")
        self._flush()

    def _append_lines(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > MAX_EVENT_BYTES:
            lines, self._rest = [*lines, self._rest], b""
        now = int(time.time() * 1000)
        self._lines += [
            {"timestamp": now, "message": line[:MAX_EVENT_BYTES].decode(errors="replace").rstrip("\r")}
            for line in lines
            if line.strip()
        ]
        if self._lines:
            self.last_line = str(self._lines[-1]["message"])[:300]

    def _flush(self) -> None:
        lines, self._lines = self._lines, []
        if lines:
            self._write(lines)

    def _write(self, lines: list[dict[str, object]]) -> None:
        account, region = self._place
        with LOCK:
            if self._muted:
                return
            logs = logs_backends[account][region]
            logs.ensure_log_group(self._group)
            logs.ensure_log_stream(self._group, self._stream)
            if lines:
                logs.put_log_events(self._group, self._stream, lines)

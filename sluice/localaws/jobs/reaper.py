"""Watches over the server from a process of its own: when the server ends, even by SIGKILL, its containers end too.

The server writes `+<process group>` and `-<process group>` into the watcher's standard input. The end of that input
is the end of the server. Run as a file by a bare interpreter, so it imports the standard library only.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable

GRACE_SECONDS = 2.0


class Reaper:
    """The server's end of the pipe. Starts the watcher with the first registration, and again should it be killed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: set[int] = set()
        self._watcher: subprocess.Popen[bytes] | None = None

    def add(self, group: int) -> None:
        with self._lock:
            self._groups.add(group)
            self._send(f"+{group}")

    def remove(self, group: int) -> None:
        with self._lock:
            self._groups.discard(group)
            self._send(f"-{group}")

    def close(self) -> None:
        """Ends the watcher, which kills what is still registered."""
        with self._lock:
            if self._watcher is not None and self._watcher.stdin is not None:
                with contextlib.suppress(BrokenPipeError):
                    self._watcher.stdin.close()
                self._watcher.wait()
            self._watcher = None

    def _send(self, line: str) -> None:
        if self._watcher is None or self._watcher.poll() is not None:
            self._start()
            line = "\n".join(f"+{group}" for group in self._groups)
        assert self._watcher is not None and self._watcher.stdin is not None
        self._watcher.stdin.write(f"{line}\n".encode())

    def _start(self) -> None:
        if self._watcher is not None and self._watcher.stdin is not None:
            self._watcher.stdin.close()
        self._watcher = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__], stdin=subprocess.PIPE, bufsize=0, start_new_session=True
        )


def watch(lines: Iterable[str]) -> None:
    groups: set[int] = set()
    for line in lines:
        group = int(line[1:] or 0)
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        signal_group(group, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while any(signal_group(group, 0) for group in groups) and time.monotonic() < deadline:
        time.sleep(0.02)
    for group in groups:
        signal_group(group, signal.SIGKILL)


def signal_group(group: int, number: int) -> bool:
    """Signal a process group; False if nobody is left in it. macOS answers EPERM for a group of zombies."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    watch(line.strip() for line in sys.stdin if line.strip())

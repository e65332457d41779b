"""The model server of the container that a step runs in: started, waited for, and always ended."""

import contextlib
import http.client
import os
import shlex
import subprocess
import threading
import time
from collections import deque
from pathlib import Path
from typing import IO

from sluice.errors import SluiceError
from sluice.steps.job import print_line

PORT = "SAGEMAKER_BIND_TO_PORT"  # the server reads it too
LOG_LINES = 12  # last lines of its log that an error shows
GRACE = 5.0  # whoever stops the job does not wait long for it either


class ServerFailed(SluiceError):
    """The model server did not start, or did not stay."""


class ModelServer:
    """A context: on leaving it the server is ended, whatever happened inside.

    It stays in the step's own process group, so that whoever kills the job kills it too.
    """

    def __init__(self, command: str, log: Path, port: int | None = None) -> None:
        self.command = command
        self.log = log
        self.port = port or int(os.environ.get(PORT) or 8080)
        self._last: deque[str] = deque(maxlen=LOG_LINES)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/invocations"

    def __enter__(self) -> "ModelServer":
        try:
            self._process = subprocess.Popen(
                shlex.split(self.command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
        except (OSError, ValueError, IndexError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise ServerFailed(
                f"The model server cannot be started: `{self.command}`: {reason}.",
                "The job must run in the image that serves the model.",
            ) from None
        assert self._process.stdout
        self._reader = threading.Thread(target=self._copy, args=(self._process.stdout,), daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(2.0)  # longer only if a child of it still holds the pipe

    def wait_ready(self, seconds: float) -> float:
        """Wait until `/ping` says 200; returns how many seconds that took. Raises ServerFailed."""
        started, pause, last = time.monotonic(), 0.05, "no answer"
        while (waited := time.monotonic() - started) < seconds:
            if gone := self.describe_exit():
                raise ServerFailed(f"The model server ended before it was ready: {gone}")
            status = ping(self.port)
            if status == 200:
                return waited
            last = f"HTTP {status}" if status else "no answer"
            time.sleep(pause)
            pause = min(pause * 1.2, 2.0)
        raise ServerFailed(f"The model server was not ready within {seconds:g} s (/ping: {last}).{self.last_lines()}")

    def describe_exit(self, within: float = 0) -> str | None:
        """Describe how the server ended and what it said last; None if it still runs after these seconds."""
        try:
            code = self._process.wait(within)
        except subprocess.TimeoutExpired:
            return None
        self._reader.join(2.0)
        return (f"exit code {code}." if code >= 0 else f"signal {-code}.") + self.last_lines()

    def last_lines(self) -> str:
        return " Its last lines:\n" + "\n".join(self._last) if self._last else " It said nothing."

    def _copy(self, stream: IO[bytes]) -> None:
        """Copy the server's log to the job's log and into a file beside the report."""
        with stream:
            for line in stream:
                text = line.decode("utf-8", "replace").rstrip()
                self._last.append(text)
                print_line(f"[model server] {text}")
                # a full disk must not stop the server's output; the job's log has it too
                with contextlib.suppress(OSError), self.log.open("ab") as file:
                    file.write(line)


def ping(port: int) -> int | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()

"""The local AWS in the background: start it, stop it, look at it. Standard library only, so that a command that needs
it does not pay for moto.

Two locks in the state folder, which end with the process that holds them, tell what a pid file cannot: `starting.lock`
lets one `up` wait for another, `serving.lock` belongs to the server. A pid file without it is stale.
"""

import contextlib
import fcntl
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sluice.localaws.server.settings import Settings, dump_rules

HEALTH = "/_localaws/health"
START_SECONDS = 30.0
STOP_SECONDS = 20.0
POLL_SECONDS = 0.02


class DaemonError(Exception):
    """What is in the way, and what can be done about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        self.message, self.hint = message, hint
        super().__init__(f"{message} {hint}".strip())


@dataclass(frozen=True)
class Status:
    """`outdated`: it runs with other image rules than these settings have; only a restart changes them."""

    running: bool
    url: str
    pid: int | None = None
    started: str | None = None
    outdated: bool = False


def up(settings: Settings) -> Status:
    """Starts it, unless it runs already; returns when it answers. Raises DaemonError."""
    current = status(settings)  # no lock and no folder for the usual case
    if current.running:
        return current
    with _locked(settings.state / "starting.lock"):
        current = status(settings)
        return current if current.running else _start(settings)


def down(settings: Settings) -> bool:
    """Stops it and everything it runs. False if it did not run."""
    pid = _serving_pid(settings.state)
    if pid is None:
        return False
    for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if _eventually(lambda: not _is_held(settings.state / "serving.lock"), seconds):
            _pid_file(settings.state).unlink(missing_ok=True)
            _eventually(lambda: _is_gone(pid), seconds)  # it has let go of everything; only its own memory is left
            return True
    raise DaemonError(f"The local AWS (process {pid}) does not end.")


def _is_gone(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # if it was started by this very process, nobody else will
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # In a container without an init process, an orphan that has ended stays listed as a zombie.
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"


def status(settings: Settings) -> Status:
    """Return what runs at the settings' address; raises DaemonError if something else answers there."""
    url = f"http://{settings.host}:{settings.port}"
    answer = _health(settings)
    if answer is None:
        return Status(False, url)
    if Path(answer["state"]) != settings.state.resolve():
        raise DaemonError(
            f"On {url} runs another local AWS, whose state is in {answer['state']}.",
            "Stop that one, or choose another port.",
        )
    outdated = answer["fingerprint"] != settings.fingerprint
    return Status(True, url, answer["pid"], answer["started"], outdated)


@contextlib.contextmanager
def claim(settings: Settings) -> Iterator[None]:
    """Claim the state folder for this process until the block ends; raises DaemonError if another serves it."""
    settings.state.mkdir(parents=True, exist_ok=True)
    with (settings.state / "serving.lock").open("w") as lock:
        if not _try_lock(lock):
            raise DaemonError(
                f"A local AWS (process {_written_pid(settings.state)}) serves {settings.state} already.",
                "Stop it first.",
            )
        file = _pid_file(settings.state)
        file.write_text(json.dumps({"pid": os.getpid(), "port": settings.port}))
        try:
            yield
        finally:
            file.unlink(missing_ok=True)


def _start(settings: Settings) -> Status:
    lock = settings.state / "serving.lock"
    # One on this very port that does not answer is on its way out, or was started by hand and is on its way in.
    if not _eventually(lambda: not _is_held(lock) or _answers(settings), STOP_SECONDS if _has_port(settings) else 0):
        raise DaemonError(
            f"A local AWS (process {_written_pid(settings.state)}) serves {settings.state}, "
            f"but does not answer on port {settings.port}.",
            "Stop it first, or ask for the port it has.",
        )
    if _answers(settings):
        return status(settings)
    rules = settings.state / "images.json"
    rules.write_text(dump_rules(settings.images))
    log = settings.state / "localaws.log"
    command = [sys.executable, "-m", "sluice.localaws", "--host", settings.host, "--port", str(settings.port)]
    command += ["--state", str(settings.state), "--images", str(rules), "--time-scale", str(settings.time_scale)]
    with log.open("ab") as output:
        begin = output.tell()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, env=_environment()
        )
    if not _eventually(lambda: process.poll() is not None or _answers(settings), START_SECONDS):
        process.kill()
        process.wait()
        raise DaemonError(f"The local AWS did not answer within {START_SECONDS:.0f} s.", f"Its log is {log}.")
    if process.poll() is not None:
        with log.open("rb") as written:
            written.seek(begin)
            reason = written.read().decode(errors="replace").strip()[-1000:] or "it said nothing."
        raise DaemonError(f"The local AWS did not start: {reason}", f"Its log is {log}.")
    process.returncode = 0  # it is nobody's child from here on, and nobody waits for it
    return status(settings)


def _environment() -> dict[str, str]:
    """Nothing of the user's own AWS: the local one must not depend on it, nor reach it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))}
    return environment | {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull}


def _answers(settings: Settings) -> bool:
    return _health(settings) is not None


def _health(settings: Settings) -> dict[str, Any] | None:
    """None if nobody listens."""
    connection = http.client.HTTPConnection(settings.host, settings.port, timeout=5)
    try:
        connection.request("GET", HEALTH)
        answer = json.loads(connection.getresponse().read())
        if answer["service"] == "localaws":
            return dict(answer)
    except ConnectionError:  # refused; or cut off, while it ends
        return None
    except (OSError, http.client.HTTPException, ValueError, TypeError, KeyError):
        pass
    finally:
        connection.close()
    raise DaemonError(
        f"Something else listens on {settings.host}:{settings.port}, where the local AWS should.",
        "Stop it, or choose another port.",
    )


def _serving_pid(state: Path) -> int | None:
    return _written_pid(state) if _is_held(state / "serving.lock") else None


def _written_pid(state: Path) -> int | None:
    return _written(state).get("pid")


def _has_port(settings: Settings) -> bool:
    return _written(settings.state).get("port") == settings.port


def _written(state: Path) -> dict[str, int]:
    try:
        return dict(json.loads(_pid_file(state).read_text()))
    except (OSError, ValueError, TypeError):
        return {}


def _pid_file(state: Path) -> Path:
    return state / "localaws.pid"


def _is_held(path: Path) -> bool:
    try:
        with path.open("r+") as lock:
            return not _try_lock(lock)
    except FileNotFoundError:
        return False


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _eventually(look: Any, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True

"""A container is a process group on this machine: an image rule's command, or the job's own entrypoint.

There is no isolation and no image: what a process sees of SageMaker is its environment, its port, and a folder that
stands for `/opt/ml`. Every exit is reaped, whatever is left of its group is killed with it, and the watcher in
`reaper.py` does the same for all of them when the server itself is killed.
"""

import contextlib
import fnmatch
import os
import random
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sluice.localaws.jobs.container_logs import LogPump
from sluice.localaws.jobs.reaper import Reaper, signal_group
from sluice.localaws.server.settings import ImageRule, Settings

ACCOUNT = "123456789012"
PORTS = range(20000, 32000)  # below where Linux and macOS take the ports of outgoing connections from
# Waits until the server has registered the group; a server that dies before that leaves only the end of the input.
GATE = 'read -r _ && exec "$@" </dev/null'
OPT_ML = re.compile(r"(?<![\w.-])/opt/ml(?=[/\s:;,'\"]|$)")


class NoCommand(Exception):
    """Nothing is known that could run as this image."""

    def __init__(self, image: str) -> None:
        super().__init__(f"No command is known for the image {image}, and it cannot be pulled here.")


class Container:
    """A running or ended process group. `exit_code` is what Docker reports: 137 after SIGKILL."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", port: int, pump: LogPump, on_end: "Callable[[Container], None]"
    ) -> None:
        self.port = port
        self.pid = process.pid
        self.exit_code: int | None = None
        self._process = process
        self._pump = pump
        self._on_end = on_end
        self._ended = threading.Event()

    @property
    def last_line(self) -> str:
        """The end of its output, for the message about its end."""
        return self._pump.last_line

    def poll(self) -> int | None:
        return self.exit_code

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit code, once the last line of its log is written; None if it still runs after `timeout`."""
        self._ended.wait(timeout)
        return self.exit_code

    def stop(self, grace: float = 10.0) -> int | None:
        """Send SIGTERM, then SIGKILL after `grace` seconds. Not under the lock: the last log lines need it."""
        if self.exit_code is None and not self._ended.wait(0):
            signal_group(self.pid, signal.SIGTERM)
            if not self._ended.wait(grace):
                signal_group(self.pid, signal.SIGKILL)
        return self.wait(10.0)

    def kill(self) -> None:
        """Send SIGKILL and write nothing more to the log; returns before the container has ended."""
        self._pump.mute()
        if self.exit_code is None:
            signal_group(self.pid, signal.SIGKILL)

    def begin(self, name: str, allowed: bool) -> None:
        """Opens the gate, or ends what waits behind it."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        with contextlib.suppress(BrokenPipeError):  # killed before it began
            stdin.write(b"\n" if allowed else b"")
            stdin.close()
        self._pump.start(stdout, name)
        threading.Thread(target=self._supervise, name=f"container {name}", daemon=True).start()

    def _supervise(self) -> None:
        code = self._process.wait()
        signal_group(self.pid, signal.SIGKILL)
        self._pump.finish()
        self._on_end(self)
        self.exit_code = 128 - code if code < 0 else code
        self._ended.set()


class Containers:
    """All containers of one server, which is reached by them on `url`."""

    def __init__(self, settings: Settings, url: str) -> None:
        self.settings = settings
        self.url = url
        self._reaper = Reaper()
        self._lock = threading.Lock()
        self._running: set[Container] = set()
        self._ports: set[int] = set()
        self._shims: dict[int, Path] = {}
        self._closed = False

    @property
    def closed(self) -> bool:
        return self._closed

    def rule_for(self, image: str) -> ImageRule | None:
        name = _without_registry(image)
        return next((rule for rule in self.settings.images if fnmatch.fnmatchcase(name, rule.match)), None)

    def start(
        self,
        *,
        name: str,
        image: str,
        arguments: Sequence[str] = (),
        entrypoint: Sequence[str] | None = None,
        environment: Mapping[str, str],
        folder: Path,
        log_group: str,
        log_stream: str,
        region: str,
        account: str = ACCOUNT,
    ) -> Container:
        """Runs `entrypoint`, or what stands in for the image's own, with `arguments`; `folder` is its /opt/ml.

        Raises NoCommand. A command that does not exist is an exit code of 127 and a line in the log, as in a shell.
        """
        rule = self.rule_for(image)
        if entrypoint is None and rule is None:
            raise NoCommand(image)
        command = [*(entrypoint or (rule.command if rule else ())), *arguments]
        port = self._take_port()
        process = subprocess.Popen(
            ["/bin/sh", "-c", GATE, name, *(_mapped(word, folder) for word in command)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=_ensure_folder(folder),
            env=self._environment(rule, environment, folder, port, region),
            start_new_session=True,
        )
        container = Container(process, port, LogPump(account, region, log_group, log_stream), self._forget)
        self._release(container, name)
        return container

    def _release(self, container: Container, name: str) -> None:
        with self._lock:
            self._running.add(container)
            closed = self._closed
        if not closed:
            self._reaper.add(container.pid)
        container.begin(name, allowed=not closed)

    def _forget(self, container: Container) -> None:
        self._reaper.remove(container.pid)
        with self._lock:
            self._running.discard(container)
            self._ports.discard(container.port)

    def kill_all(self) -> None:
        """Kill every container, for a reset; may be called under the lock."""
        with self._lock:
            running = list(self._running)
        for container in running:
            container.kill()

    def close(self, grace: float = 5.0) -> None:
        """Stops every container, politely and side by side, and the watcher."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        stops = [threading.Thread(target=each.stop, args=(grace,)) for each in running]
        for stop in stops:
            stop.start()
        for stop in stops:
            stop.join()
        self._reaper.close()

    def _take_port(self) -> int:
        with self._lock:
            while True:
                port = random.choice(PORTS)
                if port not in self._ports and _is_free(port):
                    self._ports.add(port)
                    return port

    def _environment(
        self, rule: ImageRule | None, environment: Mapping[str, str], folder: Path, port: int, region: str
    ) -> dict[str, str]:
        path = [self._shim_folder(rule), Path(sys.executable).parent, "/usr/local/bin", "/usr/bin", "/bin"]
        own = {
            "HOME": str(_ensure_folder(folder / ".home")),
            "TMPDIR": str(_ensure_folder(folder / ".tmp")),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        requested = {name: _mapped(value, folder) for name, value in environment.items()}
        fixed = {"PATH": os.pathsep.join(map(str, path)), "SAGEMAKER_BIND_TO_PORT": str(port)}
        return own | dict(rule.env if rule else {}) | requested | fixed

    def _shim_folder(self, rule: ImageRule | None) -> Path:
        """Holds each rule's command under its alias; the container's own rule wins where two have the same."""
        rules = self.settings.images
        key = rules.index(rule) if rule else len(rules)
        with self._lock:
            if key not in self._shims:
                folder = _ensure_folder(self.settings.state / "shims" / str(key))
                for each in reversed([*([rule] if rule else []), *rules]):
                    (folder / each.alias).write_text(_shim(each))
                    (folder / each.alias).chmod(0o755)
                self._shims[key] = folder
            return self._shims[key]


def _shim(rule: ImageRule) -> str:
    defaults = [
        f'[ -n "${{{name}+set}}" ] || {name}={shlex.quote(value)}; export {name}' for name, value in rule.env.items()
    ]
    return "\n".join(["#!/bin/sh", *defaults, f'exec {shlex.join(rule.command)} "$@"', ""])


def _without_registry(image: str) -> str:
    first, _, rest = image.partition("/")
    return rest if rest and (set(".:") & set(first) or first == "localhost") else image


def _mapped(text: str, folder: Path) -> str:
    return OPT_ML.sub(lambda _: str(folder), text)


def _ensure_folder(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

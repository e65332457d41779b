"""One processing job, from InProgress to Completed, Failed or Stopped.

A folder for each instance stands for its /opt/ml: inputs are fetched into it, its container runs, and when all of them
have ended well the outputs of all are uploaded, one instance after the other: of two files with one name the last
remains. The first instance that fails ends the job and the others (which the service does not document).

FailureReason begins with whose fault it was: AlgorithmError (the container's), ClientError (the request's),
InternalServerError (this machine's: a full disk, a folder that cannot be written). A job that runs over its time limit
ends as Stopped.
"""

import json
import shutil
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from moto.logs.models import logs_backends

from sluice.localaws.jobs import transfer
from sluice.localaws.jobs.containers import Container, Containers
from sluice.localaws.server.local_s3 import Storage
from sluice.localaws.server.lock import LOCK

LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
LIMIT = 1024  # of ExitMessage and FailureReason, in bytes
DEFAULT_RUNTIME = 86400
STOP_GRACE = 30.0
POLL_SECONDS = 0.05  # seconds in which all instances of a job are looked at once
HINT_LINES = 5


class ProcessingJob:
    def __init__(self, request: dict[str, Any], arn: str, account_id: str, region: str) -> None:
        self.request = request
        self.name: str = request["ProcessingJobName"]
        self.arn = arn
        self.account_id, self.region = account_id, region
        self.tags: list[dict[str, str]] = request.get("Tags") or []
        self.status = "InProgress"
        self.created = self.modified = datetime.now(UTC)
        self.started: datetime | None = None
        self.ended: datetime | None = None
        self.exit_message: str | None = None
        self.failure_reason: str | None = None
        self.finished = threading.Event()
        self._changed: Callable[[ProcessingJob], None] = lambda _: None
        self._lock = threading.Lock()
        self._containers: list[Container] = []
        self._stop_requested = False
        self._grace = STOP_GRACE

    def start(self, containers: Containers, changed: Callable[["ProcessingJob"], None]) -> None:
        """Returns at once; `changed` is called at every change of status, with no lock held by this job."""
        self._changed = changed
        self._grace = STOP_GRACE * containers.settings.time_scale
        threading.Thread(target=self._run, args=(containers,), name=f"job {self.name}", daemon=True).start()

    def stop(self) -> None:
        """Returns at once; the container gets SIGTERM and some time."""
        with self._lock:
            if self.finished.is_set() or self._stop_requested:
                return
            self._stop_requested, running = True, list(self._containers)
        self._set_status("Stopping")
        for container in running:
            # Not in this thread, which may hold the lock that the last lines of the log need.
            threading.Thread(target=container.stop, args=(self._grace,), name=f"stop {self.name}", daemon=True).start()

    def abandon(self) -> None:
        """Kill the containers and report nothing, for a reset."""
        self._changed = lambda _: None
        with self._lock:
            self._stop_requested = True
            for container in self._containers:
                container.kill()

    def description(self) -> dict[str, Any]:
        members = {key: value for key, value in self.request.items() if key != "Tags" and value is not None}
        state = {
            "ProcessingJobArn": self.arn,
            "ProcessingJobStatus": self.status,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
            "ProcessingStartTime": self.started,
            "ProcessingEndTime": self.ended,
            "ExitMessage": self.exit_message,
            "FailureReason": self.failure_reason,
        }
        return members | {key: value for key, value in state.items() if value is not None}

    def _run(self, containers: Containers) -> None:
        scale = containers.settings.time_scale
        folder = containers.settings.state / "jobs" / f"{self.region}-{self.name}"
        try:
            status, reason = self._work(containers, folder, scale)
        except transfer.TransferFailed as error:
            status, reason = "Failed", str(error)
        except OSError as error:
            what = f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
            status, reason = "Failed", f"InternalServerError: The job could not be run on this machine: {what}"
        except Exception as error:  # the thread ends here: a job that never ends would be worse than any fault
            status, reason = "Failed", f"InternalServerError: {type(error).__name__}: {error}"
        self.failure_reason = _cut(reason) if reason else None
        self.ended = datetime.now(UTC)
        with self._lock:
            stopped = self._stop_requested and status != "Completed"
        self._set_status("Stopped" if stopped else status)
        self.finished.set()
        shutil.rmtree(folder, ignore_errors=True)  # nobody waits for this

    def _work(self, containers: Containers, folder: Path, scale: float) -> tuple[str, str]:
        storage = Storage(self.account_id, self.region)
        outputs = (self.request.get("ProcessingOutputConfig") or {}).get("Outputs") or []
        machines = [Machine(index, self.instances, folder) for index in range(self.instances)]
        for machine in machines:
            self._prepare(machine, outputs)
            transfer.download_inputs(self.request.get("ProcessingInputs") or [], machine.folder, storage, machine.share)
        if self._stop_requested:
            return "Stopped", ""
        self.started = datetime.now(UTC)
        running = [self._start_container(containers, machine) for machine in machines]
        limit = (self.request.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds", DEFAULT_RUNTIME)
        ended = _first_failure(running, limit * scale)
        for container in running:
            container.stop(self._grace)
        at = machines[0 if ended is None else ended]
        self.exit_message, fault = _exit_message(at.folder)
        if ended is None:
            return "Stopped", f"MaxRuntimeExceeded: The job ran longer than the {limit} seconds it was given."
        code = running[ended].exit_code or 0
        if code != 0 or fault:
            detail = f" {self.exit_message}" if self.exit_message else self._last_lines(at)
            return "Failed", fault or f"AlgorithmError: {at.name_failure(_describe_exit(code))}.{detail}"
        for machine in machines:
            transfer.upload_outputs(outputs, machine.folder, storage)
        return "Completed", ""

    @property
    def instances(self) -> int:
        cluster = (self.request.get("ProcessingResources") or {}).get("ClusterConfig") or {}
        preferences = cluster.get("InstancePreferences") or [{}]
        return int(cluster.get("InstanceCount") or preferences[0].get("InstanceCount") or 1)

    def _prepare(self, machine: "Machine", outputs: list[dict[str, Any]]) -> None:
        """The folders of the outputs, and the files under /opt/ml/config by which a job can read about itself."""
        folder = machine.folder
        for path in (folder / "output", folder / "config", *(_local(folder, item) for item in outputs)):
            path.mkdir(parents=True, exist_ok=True)
        config = {"ProcessingJobArn": self.arn, **self.request}
        hosts = {"current_host": machine.host, "hosts": machine.hosts}
        (folder / "config" / "processingjobconfig.json").write_text(json.dumps(config, default=str), "utf-8")
        (folder / "config" / "resourceconfig.json").write_text(json.dumps(hosts), "utf-8")

    def _start_container(self, containers: Containers, machine: "Machine") -> Container:
        app = self.request["AppSpecification"]
        container = containers.start(
            name=self.name,
            image=app["ImageUri"],
            entrypoint=app.get("ContainerEntrypoint"),
            arguments=app.get("ContainerArguments") or (),
            environment=self.request.get("Environment") or {},
            folder=machine.folder,
            log_group=LOG_GROUP,
            log_stream=self._log_stream(machine),
            region=self.region,
            account=self.account_id,
        )
        with self._lock:
            self._containers.append(container)
            stopping = self._stop_requested
        if stopping:
            container.stop(self._grace)
        return container

    def _log_stream(self, machine: "Machine") -> str:
        return f"{self.name}/{machine.host}-{int(self.created.timestamp())}"

    def _last_lines(self, machine: "Machine") -> str:
        """A hint, so that the reason of a failure rarely needs a second call."""
        with LOCK:
            group = logs_backends[self.account_id][self.region].groups.get(LOG_GROUP)
            stream = group.streams.get(self._log_stream(machine)) if group else None
            lines = [event.message for event in stream.events[-HINT_LINES:]] if stream else []
        return f" The last lines of its log: {' | '.join(lines)}" if lines else " Its log is empty."

    def _set_status(self, status: str) -> None:
        self.status, self.modified = status, datetime.now(UTC)
        self._changed(self)


@dataclass(frozen=True)
class Machine:
    """One of a job's instances."""

    index: int
    count: int
    whole: Path  # the job's own folder

    @property
    def folder(self) -> Path:
        return self.whole if self.count == 1 else self.whole / self.host

    @property
    def host(self) -> str:
        return self.hosts[self.index]

    @property
    def hosts(self) -> list[str]:
        return [f"algo-{number}" for number in range(1, self.count + 1)]

    @property
    def share(self) -> tuple[int, int]:
        return self.index, self.count

    def name_failure(self, how: str) -> str:
        return how if self.count == 1 else f"{self.host}: {how}"


def _first_failure(running: list[Container], seconds: float) -> int | None:
    """Which of them failed first, or the first of all if every one has ended well; None if the time is up before."""
    deadline = time.monotonic() + seconds
    waiting = dict(enumerate(running))
    while waiting:
        # one alone is waited for, of several each is looked at
        alone = len(waiting) == len(running) == 1
        pause = seconds if alone else min(POLL_SECONDS, max(deadline - time.monotonic(), 0.0))
        for index, container in list(waiting.items()):
            code = container.wait(pause / len(waiting))
            if code:
                return index
            if code == 0:
                del waiting[index]
        if waiting and time.monotonic() >= deadline:
            return None
    return 0


def _local(folder: Path, output: dict[str, Any]) -> Path:
    return transfer.to_local_path(folder, output["S3Output"]["LocalPath"])


def _exit_message(folder: Path) -> tuple[str | None, str]:
    """The first 1 KB of /opt/ml/output/message, and what is wrong with it."""
    file = folder / "output" / "message"
    if not file.is_file():
        return None, ""
    with file.open("rb") as stream:
        content = stream.read(LIMIT)
    try:
        return content.decode("utf-8"), ""
    except UnicodeDecodeError as error:
        if error.end == len(content) == LIMIT:  # cut in the middle of a character
            return content[: error.start].decode("utf-8"), ""
        return None, "ClientError: /opt/ml/output/message is not UTF-8."


def _describe_exit(code: int) -> str:
    if 128 < code < 128 + signal.NSIG:
        number = code - 128
        name = next((one.name for one in signal.Signals if one == number), "unknown")
        return f"The container was killed by signal {number} ({name}), exit code {code}"
    return f"The container ended with exit code {code}"


def _cut(text: str) -> str:
    return text.encode("utf-8")[:LIMIT].decode("utf-8", "ignore")

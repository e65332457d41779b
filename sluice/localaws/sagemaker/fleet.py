"""The instances of one endpoint configuration: however many were asked for, one process on this machine answers."""

import http.client
import io
import shutil
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sluice.localaws.jobs.containers import Container, Containers, NoCommand
from sluice.localaws.sagemaker.hosting import Variant, Workload
from sluice.localaws.server.local_s3 import NotStored, Storage, split_uri

PING_EVERY_SECONDS = 0.05
PING_TIMEOUT_SECONDS = 2.0
SERVE = ("serve",)


class FleetFailed(Exception):
    """The message is fit for an endpoint's FailureReason."""


class NotServing(Exception):
    """The fleet takes no requests, or not any more."""


@dataclass(frozen=True)
class Home:
    """Whose fleet it is, and where its files and its log go."""

    account: str
    region: str
    endpoint: str
    folder: Path
    log_stream: str

    @property
    def log_group(self) -> str:
        return f"/aws/sagemaker/Endpoints/{self.endpoint}"


class Fleet:
    def __init__(self, home: Home, variant: Variant, workload: Workload, containers: Containers) -> None:
        self.home = home
        self.variant = variant
        self.workload = workload
        self.started = time.time()
        self._containers = containers
        self._container: Container | None = None
        self._requests = 0
        self._changed = threading.Condition()
        self._stopped = False

    @property
    def stopped(self) -> bool:
        return self._stopped

    def bring_up(self) -> None:
        """Start the container and wait until it is healthy. Raises FleetFailed; nothing runs then.

        SageMaker restarts a container that exits until the time for its start is over. Here its exit is final: the
        next try would end the same way, and the reason is known already.
        """
        try:
            self._download()
            self._container = self._start()
            self._await_ping(self._container)
        except BaseException:
            self.stop(grace=1.0)
            raise

    def restart(self) -> None:
        """Start the container again, after its process has ended. Raises FleetFailed."""
        container = self._start()
        with self._changed:
            if self._stopped:
                container.kill()
                raise FleetFailed("The endpoint was deleted.")
            self._container = container
        self._await_ping(container)

    def wait(self) -> int:
        """The exit code of its process, when that has ended."""
        assert self._container is not None
        code = self._container.wait()
        assert code is not None
        return code

    @contextmanager
    def request(self) -> Iterator[int]:
        """The port to send one request to; the fleet is not stopped under it while it drains."""
        with self._changed:
            if self._stopped or self._container is None:
                raise NotServing
            self._requests += 1
        try:
            yield self._container.port
        finally:
            with self._changed:
                self._requests -= 1
                self._changed.notify_all()

    def drain(self, seconds: float) -> None:
        """Waits until its requests are answered, after the traffic has moved on."""
        with self._changed:
            self._changed.wait_for(lambda: self._requests == 0, timeout=seconds)

    def stop(self, grace: float) -> None:
        with self._changed:
            self._stopped = True
            container = self._container
        if container is not None:
            container.stop(grace)
        shutil.rmtree(self.home.folder, ignore_errors=True)

    def last_line(self) -> str:
        return self._container.last_line if self._container else ""

    def _start(self) -> Container:
        try:
            return self._containers.start(
                name=self.home.endpoint,
                image=self.workload.image,
                arguments=SERVE,
                environment={"SM_MODEL_DIR": "/opt/ml/model", **self.workload.environment},
                folder=self.home.folder,
                log_group=self.home.log_group,
                log_stream=self.home.log_stream,
                region=self.home.region,
                account=self.home.account,
            )
        except NoCommand as reason:
            raise FleetFailed(f"The image of production variant {self.variant.name} cannot run: {reason}") from None

    def _await_ping(self, container: Container) -> None:
        seconds = self.variant.health_seconds
        deadline = time.monotonic() + seconds * self._containers.settings.time_scale
        while not _answers_ping(container.port):
            if self._stopped:
                raise FleetFailed("The endpoint was deleted.")
            code = container.poll()
            if code is not None:
                last_output = f" Its last line was: {container.last_line}" if container.last_line else ""
                raise self._unhealthy(f"It exited with code {code}.{last_output}")
            if time.monotonic() > deadline:
                raise self._unhealthy(f"It did not answer /ping with 200 within {seconds} seconds.")
            time.sleep(PING_EVERY_SECONDS)

    def _unhealthy(self, why: str) -> FleetFailed:
        return FleetFailed(
            f"The primary container for production variant {self.variant.name} did not pass the ping health check. "
            f"{why} Please check CloudWatch logs for this endpoint ({self.home.log_group})."
        )

    def _download(self) -> None:
        folder = self.home.folder / "model"
        folder.mkdir(parents=True, exist_ok=True)
        uri = self.workload.model_uri
        if uri is None:
            return
        storage = Storage(self.home.account, self.home.region)
        try:
            if self.workload.archived:
                _unpack(storage.read(*split_uri(uri)), folder)
            else:
                _copy(storage, uri, folder)
        except (NotStored, tarfile.TarError, OSError) as reason:
            raise FleetFailed(
                f"Failed to download the model data of production variant {self.variant.name} from {uri}: {reason}"
            ) from None


def _copy(storage: Storage, uri: str, folder: Path) -> None:
    bucket, prefix = split_uri(uri)
    keys = [key for key in storage.keys(bucket, prefix) if not key.endswith("/")]
    if not keys:
        raise NotStored(f"No object begins with {uri}.")
    for key in keys:
        _save(folder, key[len(prefix) :], storage.read(bucket, key))


def _unpack(archive: bytes, folder: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        for member in files:
            if (content := files.extractfile(member)) is not None:
                _save(folder, member.name, content.read())


def _save(folder: Path, name: str, content: bytes) -> None:
    if ".." in PurePosixPath(name).parts or name.startswith("/"):
        raise NotStored(f"{name!r} leads out of the model's folder.")
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _answers_ping(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PING_TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()

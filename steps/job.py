"""A step as a process: what it says, how it ends, and what it does when it is told to stop."""

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from sluice.errors import SluiceError
from sluice.evaluation.replay.progress import ProgressReporter
from sluice.registry.packages import Package
from sluice.steps.inputs import Deploy, Evaluate, Inputs, from_arguments

MESSAGE_BYTES = 1024  # as much of an exit message as a Processing job's description shows
CONNECTIONS = 256  # kept by a client at most: as many as there may be chats at a time
STOPPED = 143  # 128 + SIGTERM


class Stopped(BaseException):
    """The job was told to stop. Not an Exception, so nothing but the clean-up gets in its way."""


class Aws:
    """The clients of one region, each made when it is first needed: importing boto3 takes a while."""

    def __init__(self, region: str | None, connections: int = CONNECTIONS) -> None:
        self._region = region
        self._connections = connections
        self._clients: dict[tuple[str, str | None], Any] = {}

    @property
    def sagemaker(self) -> Any:
        return self.client("sagemaker", read_timeout=60)

    @property
    def runtime(self) -> Any:
        # a container may take 60 s to answer; asking again is the replay's decision
        return self.client("sagemaker-runtime", read_timeout=70, retries={"total_max_attempts": 1})

    @property
    def s3(self) -> Any:
        return self.client("s3")

    def client(self, service: str, region: str | None = None, **settings: Any) -> Any:
        """Return the one client of a service and region, with the settings that it was first asked for with."""
        key = (service, region)
        if key not in self._clients:
            import boto3
            from botocore.config import Config

            make_client: Callable[..., Any] = boto3.client

            config = Config(max_pool_connections=self._connections, **settings)
            self._clients[key] = make_client(service, region_name=region or self._region, config=config)
        return self._clients[key]


def print_line(line: str) -> None:
    """Write a line to the job's log."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def watch_progress() -> ProgressReporter:
    """Return what reports a replay's progress, in a line every few seconds."""
    return ProgressReporter(print_line, every=5.0)


def describe_subject(package: Package, execution: str, endpoint: str | None) -> dict[str, str]:
    """Return what a report is about: the version, the execution, the endpoint."""
    about = {
        "model_package": package.arn,
        "group": package.group,
        "version": str(package.version),
        "image": package.image,
        "model": package.model_uri,
        "execution": execution,
    }
    return about | ({"endpoint": endpoint} if endpoint else {})


def run_step(cls: type[Inputs], step: Callable[[Inputs, Aws], str], argv: Sequence[str]) -> int:
    """Read the inputs, run the step, write its last line where DescribeProcessingJob shows it; return the exit code."""
    signal.signal(signal.SIGTERM, stop)
    inputs: Evaluate | Deploy | None = None
    try:
        inputs = from_arguments(cls, argv)
        message, code = step(inputs, Aws(read_region(inputs.execution))), 0
    except SluiceError as error:
        message, code = f"{error.message} {error.hint}".strip(), error.exit_code
    except Stopped:
        message, code = f"{cls.module} was stopped before it was done.", STOPPED
    except Exception as error:  # the process's boundary: whatever it was, the job's description must say something
        if not type(error).__module__.startswith("botocore."):
            traceback.print_exc()
        message, code = f"{cls.module} failed: {type(error).__name__}: {error}", 1
    print_line(message)
    if inputs:
        write_exit_message(message, Path(inputs.report))
    return code


def stop(_signal: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: the clean-up must not be cut short
    raise Stopped


def read_region(execution: str) -> str | None:
    """Return the region that the execution's ARN names; else the environment's."""
    parts = execution.split(":")
    named = parts[3] if len(parts) > 5 and parts[0] == "arn" else ""
    return named or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")


def write_exit_message(message: str, report: Path) -> None:
    """Write the exit message: `/opt/ml/output/message`, where `/opt/ml/processing/report` is the report's folder."""
    if report.parent.name != "processing":
        return
    folder = report.parents[1] / "output"
    excerpt = message.encode()[:MESSAGE_BYTES].decode(errors="ignore")
    with contextlib.suppress(OSError):  # it is in the log as well
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "message").write_text(excerpt, encoding="utf-8")

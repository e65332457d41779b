"""A local AWS for a test: `with local_aws(folder, rules) as aws: aws.client("sagemaker")`."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.core.base_backend import BackendDict

from sluice.localaws.server.app import Running, running
from sluice.localaws.server.lock import LOCK
from sluice.localaws.server.settings import ImageRule, Settings

ROLE = "arn:aws:iam::123456789012:role/sluice"
REGION = "us-east-1"
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/stub:1"


@dataclass
class LocalAws:
    """A running server, and one client of each service; no retries, so that a refusal is seen as it is."""

    server: Running
    _clients: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.server.url

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                region_name=REGION,
                endpoint_url=self.url,
                aws_access_key_id="testing",
                aws_secret_access_key="testing",
                config=Config(retries={"max_attempts": 0}, read_timeout=30),
            )
        return self._clients[service]

    def log_lines(self, group: str) -> list[str]:
        """All lines of a log group, whichever their stream."""
        events = self.client("logs").filter_log_events(logGroupName=group)["events"]
        return [event["message"] for event in events]


def rule(script: Path | str, match: str = "stub:*", alias: str = "stub-entrypoint", **env: str) -> ImageRule:
    """Plays images named `stub` by a Python script."""
    return ImageRule(match, (sys.executable, str(script)), alias, env)


@contextmanager
def local_aws(state: Path, images: tuple[ImageRule, ...] = (), time_scale: float = 1.0) -> Iterator[LocalAws]:
    with running(Settings(state=state, images=images, port=0, time_scale=time_scale)) as server:
        aws = LocalAws(server)
        try:
            yield aws
        finally:
            for client in aws._clients.values():
                client.close()


def reset() -> None:
    """The server in this process forgets everything, as at its end; over the wire nobody may ask for that."""
    with LOCK:
        BackendDict.reset()


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """One for a whole test module, which must therefore use names of its own in every test."""
    with local_aws(tmp_path_factory.mktemp("localaws")) as server:
        yield server


def pipeline(aws: LocalAws, name: str, *parameters: str) -> str:
    """The ARN of a new pipeline that only needs to be started: its one step fails, as wished."""
    definition = {
        "Version": "2020-12-01",
        "Parameters": [{"Name": parameter, "Type": "String", "DefaultValue": "none"} for parameter in parameters],
        "Steps": [{"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "as wished"}}],
    }
    made = aws.client("sagemaker").create_pipeline(
        PipelineName=name,
        PipelineDefinition=json.dumps(definition),
        RoleArn=ROLE,
        ClientRequestToken=name.ljust(32, "-"),
    )
    return str(made["PipelineArn"])


def eventually(look: Callable[[], Any], seconds: float = 30.0) -> Any:
    """What `look` returns, as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"did not happen within {seconds} s"
        time.sleep(0.02)
    return found

"""Which AWS a command talks to: the only place that knows both. Everything below gets clients and never asks."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from sluice import shipped
from sluice.cli.state import state_folder
from sluice.errors import UsageError

if TYPE_CHECKING:
    from sluice.config.model import PipelineConfig, StackOutputs
    from sluice.pipelines.stack import Applied

Name = Literal["local", "aws"]
STACK = "sluice"
TEMPLATE = shipped.find_file("stack.yaml")
LOCAL_CREDENTIALS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}


@dataclass(frozen=True)
class Target:
    """An account and region to work in; clients are made once per service.

    `endpoint_url` is None on AWS, where boto3 finds its own way.
    """

    name: Name
    region: str
    endpoint_url: str | None
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)

    def client(self, service: str, config: Any = None) -> Any:
        if service not in self._clients:
            self._clients[service] = self._session.client(service, endpoint_url=self.endpoint_url, config=config)
        return self._clients[service]

    def runtime(self, at_once: int) -> Any:
        """For so many requests in flight. A container may take 60 s; asking again is the replay's decision."""
        from botocore.config import Config

        return self.client(
            "sagemaker-runtime",
            Config(max_pool_connections=at_once, read_timeout=70, retries={"total_max_attempts": 1}),
        )

    @cached_property
    def _session(self) -> Any:
        """One for all clients: what it has read of AWS's API models is read once."""
        import boto3

        local: dict[str, Any] = LOCAL_CREDENTIALS if self.name == "local" else {}
        return boto3.Session(region_name=self.region, **local)

    @property
    def sagemaker(self) -> Any:
        return self.client("sagemaker")


def open_target(name: Name, config: "PipelineConfig") -> Target:
    """The account that a command works in. For `local`, the local AWS is started if it is not there."""
    if name == "aws":
        return Target("aws", config.region, None)
    from sluice.cli.local import local_aws

    status = local_aws.ensure_started(config.local.model_server)
    # Subprocesses and SDKs that are started from here see the same account.
    os.environ.update(
        AWS_ENDPOINT_URL=status.url, AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing",
        AWS_REGION=config.region, AWS_DEFAULT_REGION=config.region, AWS_EC2_METADATA_DISABLED="true",
    )  # fmt: skip
    return Target("local", config.region, status.url)


def read_config(file: Path, name: Name) -> "PipelineConfig":
    """pipeline.yaml as it applies to a target: the `local:` section counts only there."""
    from sluice.config import model

    loaded = model.load(file)
    return loaded if name == "aws" else model.for_local(loaded, mlflow=f"sqlite:///{state_folder() / 'mlflow.db'}")


def require_stack(target: Target, config: "PipelineConfig") -> "StackOutputs":
    """What bootstrap made. On the local AWS it is made now if missing; on AWS that takes an explicit word."""
    from sluice.pipelines import stack

    outputs = stack.find_outputs(target.client("cloudformation"), STACK)
    if outputs is None and target.name == "local":
        outputs = apply_stack(target, config).outputs
    if outputs is None:
        raise UsageError(
            f"Nothing is prepared in {target.region} yet: there is no stack {STACK!r}.",
            "Create the bucket, the table and the roles first: sluice bootstrap --target aws",
        )
    return stack.stack_outputs(outputs, target.region, config.role_arn)


def apply_stack(target: Target, config: "PipelineConfig") -> "Applied":
    """infra/stack.yaml brought into the account."""
    from sluice.pipelines import stack

    cloudformation = target.client("cloudformation")
    return stack.apply_stack(
        cloudformation, STACK, TEMPLATE.read_text(encoding="utf-8"), stack.stack_parameters(config)
    )


def target_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds --file and --target; the command gets `config` and `target`."""

    @click.option("--file", "-f", type=click.Path(path_type=Path), default="pipeline.yaml", show_default=True,
                  help="What to release.")  # fmt: skip
    @click.option("--target", "name", type=click.Choice(["local", "aws"]), default="local", show_default=True,
                  help="Which AWS: the one on this machine, or your account (which costs money).")  # fmt: skip
    @wraps(command)
    def with_target(file: Path, name: Name, **rest: Any) -> None:
        config = read_config(file, name)
        command(config=config, target=open_target(name, config), **rest)

    return with_target

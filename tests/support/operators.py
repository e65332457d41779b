"""The commands of an operator, called as they are once they have read their file and opened their target."""

from types import SimpleNamespace

import click
from fake_pipelines import DEPLOY, RELEASE, FakeOperations, FakeScheduler
from fake_sagemaker import GROUP

from sluice.cli.target import Name, Target
from sluice.evaluation.gate import Gate


class Operator:
    """Somebody at a terminal. `approval` and `gate` are what the file says of them."""

    def __init__(self, approval: str = "manual", target: Name = "local", gate: Gate | None = None) -> None:
        self.sagemaker = FakeOperations()
        self.scheduler = FakeScheduler()
        clients = {"sagemaker": self.sagemaker, "scheduler": self.scheduler}
        self.target = Target(target, "us-east-1", None, clients)
        self.config = SimpleNamespace(
            name="chat",
            registry=SimpleNamespace(group=GROUP),
            deployment=SimpleNamespace(endpoint=GROUP, instance_type="ml.g5.xlarge"),
            settings=SimpleNamespace(gate=gate or Gate()),
            approval=approval,
            release_pipeline=RELEASE,
            deploy_pipeline=DEPLOY,
            schedule=None,
        )

    def types(self, command: click.Command, *arguments: str) -> None:
        """Runs a command with these arguments and flags."""
        parameters = dict(command.make_context(str(command.name), list(arguments)).params)
        del parameters["file"], parameters["name"]
        assert command.callback
        command.callback.__wrapped__(config=self.config, target=self.target, **parameters)  # type: ignore[attr-defined]

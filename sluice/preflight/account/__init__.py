"""What only the account can tell: roles, quotas, the image, the checkpoint in S3, stores, network, prices.

Asked with --target aws, by calls that only read: `reads.READS` is all of them, each with its permission. A permission
that is missing costs the check that needs it, and a note says so. Light to import: botocore comes with the questions.
Not verified on AWS: every request is held against botocore's model of the service, every answer is played by a fake.
"""

from collections.abc import Callable, Iterator
from typing import Any

from sluice.lmi.model import ModelFacts
from sluice.preflight.account.requirements import ENDPOINT, RELEASE, Wanted
from sluice.preflight.account.rules import RULES
from sluice.preflight.deployment_spec import DeploymentSpec
from sluice.preflight.finding import Finding

__all__ = ["ENDPOINT", "RELEASE", "RULES", "Client", "Wanted", "findings", "model"]

Client = Callable[[str], Any]  # client("sagemaker") -> boto3's client; "pricing" must be one of a region that has it


def findings(setup: DeploymentSpec, wanted: Wanted, client: Client) -> Iterator[Finding]:
    """What the account would refuse. Never raises for what the account, its absence or the network does."""
    from sluice.preflight.account import runner

    return runner.findings(setup, wanted, client)


def model(uri: str, client: Client) -> ModelFacts | None:
    """The shape of the checkpoint under an S3 prefix, read off its own files; None if they cannot be read."""
    from sluice.preflight.account import checkpoint

    return checkpoint.facts(uri, client)

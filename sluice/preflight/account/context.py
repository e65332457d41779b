"""What every check looks at: the deployment, what the release requires beside it, and the account to ask."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluice.preflight.account.requirements import Requirements
from sluice.preflight.deployment_spec import DeploymentSpec
from sluice.preflight.finding import Finding

if TYPE_CHECKING:
    from sluice.preflight.account.client import AccountClient  # brings botocore


@dataclass(frozen=True)
class CheckContext:
    setup: DeploymentSpec
    requirements: Requirements  # what was left to the stack is filled in
    account: "AccountClient"
    account_id: str
    partition: str  # aws, aws-cn, aws-us-gov
    caller: str  # the ARN that asks
    region: str

    @property
    def model_uri(self) -> str | None:
        """Where the weights are in S3; None if they are elsewhere, or not there yet."""
        uri = self.requirements.model_uri or self.setup.model_data
        return uri if uri and uri.startswith("s3://") else None

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account_id}:{resource}"


Check = Callable[[CheckContext], Iterator[Finding]]


def bucket_and_key(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"

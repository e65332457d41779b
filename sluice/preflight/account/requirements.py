"""What a release uses in the account, beside what `DeploymentSpec` says of the container and its endpoint."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sluice.preflight.finding import Location

Client = Callable[[str], Any]  # client("sagemaker") -> boto3's client; "pricing" must be one of a region that has it
Step = Literal["pipeline", "evaluate", "deploy", "endpoint"]
RELEASE: tuple[Step, ...] = ("pipeline", "evaluate", "deploy", "endpoint")
ENDPOINT: tuple[Step, ...] = ("endpoint",)  # somebody else's configuration: only what serving it takes

WHERE = {  # the key of pipeline.yaml that each field comes from
    "table": "history.table",
    "model_uri": "model.source",
    "evaluated_endpoint": "evaluation.endpoint",
    "jobs": "evaluation.instance_type",
}


@dataclass(frozen=True)
class Requirements:
    """None: not used, or nobody said so; a check about it stays silent.

    Roles and bucket that are None are those of the stack, if one is named. `places`: each field's place.
    """

    stack: str | None = None  # what `sluice bootstrap` made
    role_arn: str | None = None  # what jobs and endpoints run as
    trigger_role_arn: str | None = None  # what rules and schedules start pipelines as
    bucket: str | None = None
    table: str | None = None
    kms_key: str | None = None  # an id, an ARN or an alias
    mlflow: str | None = None  # the tracking server's ARN
    model_uri: str | None = None  # where the weights are in S3, if not where the setup's model_data says
    evaluated_endpoint: str | None = None  # a running endpoint that is judged
    champion: bool = False  # a version is compared with the one that is live
    secrets: tuple[str, ...] = ()  # ARNs: keys of models that help to judge
    bedrock: tuple[str, ...] = ()  # such models there
    steps: tuple[Step, ...] = ENDPOINT
    jobs: tuple[str, ...] = ()  # instance types of further Processing jobs, as the one that deploys
    images: tuple[str, ...] = ()  # URIs of further images, as that job's
    tags: bool = False
    deployed: bool = False  # it runs already; only an update of it would need more
    places: Mapping[str, Location] = field(default_factory=dict)

    def at(self, key: str) -> Location:
        return self.places.get(key, Location(WHERE.get(key, key)))

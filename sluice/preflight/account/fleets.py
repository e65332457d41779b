"""What endpoints and Processing jobs run now, in the account and region."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sluice.preflight.account.context import CheckContext
from sluice.preflight.account.errors import Missing
from sluice.preflight.account.sources import DOCS, account_rule
from sluice.preflight.finding import Finding

NOT_SERVING = account_rule(
    "AWS028",
    "The endpoint that is to be judged does not serve",
    "error",
    "documented",
    f"{DOCS}/sagemaker/latest/APIReference/API_DescribeEndpoint.html",
    "With `evaluation.target: endpoint` the cases are replayed on a running endpoint. It does not exist, or is not in "
    "service, so there would be no verdict.",
)

HOLD_NOTHING = {"Failed", "OutOfService", "Deleting"}


@dataclass(frozen=True)
class Fleet:
    """Instances of one type that an endpoint or a job holds now."""

    owner: str
    instance_type: str
    count: int


def check_evaluated_endpoint(context: CheckContext) -> Iterator[Finding]:
    """Yields AWS028: `evaluation.target: endpoint` needs an endpoint that serves."""
    name = context.requirements.evaluated_endpoint
    if name is None:
        return
    place = context.requirements.at("evaluated_endpoint")
    try:
        status = context.account.call("sagemaker", "DescribeEndpoint", EndpointName=name)["EndpointStatus"]
    except Missing:
        yield NOT_SERVING.at(place, f"There is no endpoint {name!r} in {context.region}: the cases have nobody to ask.")
        return
    if status in HOLD_NOTHING:
        yield NOT_SERVING.at(place, f"Endpoint {name} is {status}: the cases get no answer, and there is no verdict.")


def list_endpoint_fleets(context: CheckContext) -> Iterator[Fleet]:
    call = context.account.call
    for summary in context.account.list_all("sagemaker", "ListEndpoints", "Endpoints"):
        name = summary["EndpointName"]
        if summary["EndpointStatus"] in HOLD_NOTHING:
            continue
        try:
            endpoint = call("sagemaker", "DescribeEndpoint", EndpointName=name)
            config = call("sagemaker", "DescribeEndpointConfig", EndpointConfigName=endpoint["EndpointConfigName"])
        except Missing:  # it went meanwhile
            continue
        yield from _fleets(name, endpoint, config)
        yield from _fleets(name, endpoint.get("PendingDeploymentSummary") or {}, {})


def _fleets(name: str, endpoint: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[Fleet]:
    """The type stands in the configuration, the count in the endpoint; while one is made, only the wished-for count."""
    for kind in ("ProductionVariants", "ShadowProductionVariants"):
        configurations = {each["VariantName"]: each for each in config.get(kind) or []}
        for variant in endpoint.get(kind) or configurations.values():
            configured = configurations.get(variant["VariantName"], {})
            pools = variant.get("InstancePools") or []
            for pool in pools:
                yield Fleet(name, pool["InstanceType"], pool.get("CurrentInstanceCount") or 0)
            instance_type = variant.get("InstanceType") or configured.get("InstanceType")
            if instance_type and not pools:
                counts = [variant.get(key) or 0 for key in ("CurrentInstanceCount", "DesiredInstanceCount")]
                yield Fleet(name, instance_type, max(counts) or configured.get("InitialInstanceCount") or 0)


def list_job_fleets(context: CheckContext) -> Iterator[Fleet]:
    for status in ("InProgress", "Stopping"):
        jobs = context.account.list_all(
            "sagemaker", "ListProcessingJobs", "ProcessingJobSummaries", StatusEquals=status
        )
        for name in (job["ProcessingJobName"] for job in jobs):
            job = context.account.call("sagemaker", "DescribeProcessingJob", ProcessingJobName=name)
            cluster = job["ProcessingResources"]["ClusterConfig"]
            yield Fleet(name, cluster["InstanceType"], cluster["InstanceCount"])

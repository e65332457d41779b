"""Whether users are served by the version that the registry calls live: nobody but its endpoint knows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sluice.cli.release.progress import command
from sluice.cli.target import Target
from sluice.config.model import PipelineConfig
from sluice.registry import packages
from sluice.registry.packages import Package
from sluice.steps import hosting
from sluice.steps.inputs import Deploy

ANSWERING = frozenset({"InService", "Updating", "SystemUpdating", "RollingBack"})  # requests are taken meanwhile


@dataclass(frozen=True)
class Problem:
    """What keeps the live version from serving as it should, and the command that mends it."""

    message: str
    next_step: str


@dataclass(frozen=True)
class Health:
    """The live version's endpoint as it is now; `endpoint_status` is None if there is no such endpoint."""

    endpoint_status: str | None
    problems: tuple[Problem, ...]


def examine(target: Target, live: Package, is_deploying: bool, is_scheduled: bool) -> Health:
    """Ask the endpoint of the live version what it is and serves.

    `is_deploying`: a deployment is under way. `is_scheduled`: a schedule will start one.
    """
    described = hosting.describe_endpoint(target.sagemaker, live.endpoint_name)
    status = described["EndpointStatus"] if described else None
    problems = [find_rejection(target, live)]
    if described is None:
        problem = explain_absence(target, live, is_scheduled)
        problems.append(deferred(problem) if is_deploying else problem)
    elif status not in ANSWERING:
        problems.append(explain_silence(target, live, described))
    elif status == "InService" and (swap := find_swap(target, live)):
        # what an endpoint serves while it is updated, its description does not say
        problems.append(deferred(swap) if is_deploying else swap)
    return Health(status, tuple(problem for problem in problems if problem))


def deferred(problem: Problem) -> Problem:
    """The same problem while a deployment is under way, which may mend it by itself."""
    return Problem(
        problem.message, f"A deployment is under way. If this still holds when it is over: {problem.next_step}"
    )


def find_rejection(target: Target, live: Package) -> Problem | None:
    """The live version stays live when it is rejected; what says so is its approval alone."""
    if live.approval == "Approved":
        return None
    reason = f": {live.why}" if live.why else ""
    approved = packages.list_versions(target.sagemaker, live.group, "Approved")
    other = next((package.version for package in approved if package.arn != live.arn), None)
    if other is None:
        next_step = "No other version is approved; `sluice versions` lists them."
    else:
        next_step = f"Put version {other} live instead: `{command(target, f'deploy --version {other}')}`."
    return Problem(f"Version {live.version} is {live.approval}, and still live{reason.rstrip('.')}.", next_step)


def explain_absence(target: Target, live: Package, is_scheduled: bool) -> Problem:
    """The endpoint was deleted, by mistake or to save its cost."""
    on_purpose = f" If it is meant to be gone: `{command(target, 'schedule pause')}`, or the schedule makes it again."
    return Problem(
        f"Endpoint {live.endpoint_name} is gone, so nobody is served.",
        f"Make it again: {redeploy(target, live)}.{on_purpose if is_scheduled else ''}",
    )


def explain_silence(target: Target, live: Package, described: Mapping[str, Any]) -> Problem:
    """The endpoint takes no requests: it is on its way in or out, or failed."""
    endpoint, status, reason = live.endpoint_name, described["EndpointStatus"], described.get("FailureReason", "")
    if status in hosting.SETTLING:
        next_step = f"Look again in a minute: `{command(target, 'status')}`."
    else:
        next_step = f"Delete it, then deploy again: {delete_endpoint(endpoint)}, then {redeploy(target, live)}."
    return Problem(
        f"Endpoint {endpoint} is {status}, so nobody is served{f': {reason}' if reason else ''}".rstrip(".") + ".",
        next_step,
    )


def find_swap(target: Target, live: Package) -> Problem | None:
    """An endpoint can be given another configuration, and the registry does not learn of it."""
    served = hosting.find_served_package(target.sagemaker, live.endpoint_name)
    if served == live.arn:
        return None
    group, _, version = (served or "").rpartition("/")
    other = f"version {version}" if group == live.arn.rpartition("/")[0] else served or "a model that is no version"
    return Problem(
        f"Endpoint {live.endpoint_name} serves {other}, not version {live.version}.",
        f"Delete it, then deploy again; nobody is served in between: {delete_endpoint(live.endpoint_name)}, "
        f"then {redeploy(target, live)}.",
    )


def redeploy(target: Target, live: Package) -> str:
    return f"`{command(target, f'deploy --version {live.version}')}`"


def delete_endpoint(endpoint: str) -> str:
    return f"`aws sagemaker delete-endpoint --endpoint-name {endpoint}`"


def list_leftovers(config: PipelineConfig, target: Target, live: Package | None) -> Iterator[str]:
    """The endpoints that deployments of this release have made and that nobody is served by, the live one's apart."""
    where = config.deployment
    inputs = Deploy(config.registry.group, where.endpoint, where.instance_type, role_arn="", execution="")
    for endpoint, _ in hosting.list_endpoints_of_runs(target.sagemaker, inputs, datetime.now(UTC)):
        if live is None or endpoint != live.endpoint_name:
            yield endpoint

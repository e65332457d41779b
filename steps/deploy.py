"""Puts a version live as one transaction: a new endpoint, replayed while no user is on it, then one write moves live.

Whatever fails before that write is undone and changes nothing. Two runs of the same version, which an event delivered
twice would start, do not get in each other's way.
"""

import secrets
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from evaluation.gate import Gate
from evaluation.judge import judge
from evaluation.verdict import lets_through
from lmi.errors import SluiceError, UsageError
from registry import packages
from registry.packages import NothingLive, Package
from steps import accounts, hosting, job
from steps import champion as champions
from steps import settings as wire
from steps.champion import Comparison
from steps.endpoint_target import EndpointTarget
from steps.hosting import Clock, Rollout
from steps.inputs import Deploy
from steps.job import Aws, say
from steps.judging import Judging, ready

SYSTEM = Clock()


class NotApproved(SluiceError):
    """Nobody has let this version through."""


class NotGoodEnough(SluiceError):
    """The version did not pass on the endpoint that was made for it."""


class LeftBehind(SluiceError):
    """The deploy failed, and so did a part of its clean-up."""


def deploy(inputs: Deploy, aws: Aws, clock: Clock = SYSTEM) -> str:
    """The whole step, once; returns in a line what is live now."""
    gate = wire.read(Path(inputs.settings)).gate
    package = chosen(aws.sagemaker, inputs, gate)
    if done := nothing_to_do(aws.sagemaker, inputs, package):
        return done
    rollout = planned(aws.sagemaker, inputs, package, clock)
    judging = ready(inputs, aws, rollout.endpoint, inputs.instance_type)
    before = updated_in_place(rollout, gate)
    try:
        bring_into_service(rollout, before)
        replay(rollout, aws, judging)
        packages.move_live(aws.sagemaker, package.arn, rollout.endpoint, clock.now())
    except BaseException as error:  # a stop as well: what this run made must not stay and cost
        undo(rollout, before, error)
        raise
    say(f"Version {package.version} is live on endpoint {rollout.endpoint}.")
    retire_others(rollout)
    if before:
        hosting.delete_config(aws.sagemaker, before)
    return f"Version {package.version} of {package.group} is live on endpoint {rollout.endpoint}."


def chosen(sagemaker: Any, inputs: Deploy, gate: Gate) -> Package:
    """The version to deploy: named, or the newest approved; approved now if the policy is automatic and it passed."""
    if inputs.model_package == "newest-approved":
        return packages.newest_approved(sagemaker, inputs.group)
    package = packages.describe(sagemaker, inputs.model_package)
    if package.group != inputs.group:
        raise UsageError(f"{package.arn} is a version of {package.group}, but {inputs.group} is deployed here.")
    if package.approval == "PendingManualApproval" and inputs.approve == "yes":
        if not lets_through(package.verdict, gate):
            raise NotApproved(
                f"Version {package.version} of {package.group} has no passing verdict"
                f" ({package.verdict or 'it was not judged'}), so it is not approved automatically."
            )
        how = "Passed the gate" if package.verdict == "pass" else "Inconclusive, which the file lets through"
        packages.approve(sagemaker, package.arn, f"{how}: {package.verdict_why}")
        package = replace(package, approval="Approved")
    if package.approval != "Approved":
        raise NotApproved(
            f"Version {package.version} of {package.group} is {package.approval}, not Approved.",
            f"`sluice approve {package.version}` lets it through.",
        )
    return package


def nothing_to_do(sagemaker: Any, inputs: Deploy, package: Package) -> str:
    """Why this version need not be deployed, or nothing."""
    try:
        champion: Package | None = packages.live(sagemaker, package.group)
    except NothingLive:
        champion = None
    if champion and champion.arn == package.arn and hosting.in_service(sagemaker, champion.endpoint_name):
        return f"Version {package.version} is already live on endpoint {champion.endpoint_name}; nothing to do."
    if package.is_archived and inputs.reason in {"approval", "schedule"}:
        return (
            f"Version {package.version} was live before and was replaced; nothing to do. "
            f"To go back to it: `sluice deploy --version {package.version}`."
        )
    return ""


def planned(sagemaker: Any, inputs: Deploy, package: Package, clock: Clock) -> Rollout:
    token = secrets.token_hex(3)
    versioned = hosting.name_of(inputs.endpoint, f"-v{package.version}")
    endpoint = inputs.endpoint if inputs.strategy == "in_place" else versioned
    own = hosting.name_of(inputs.endpoint, f"-v{package.version}-{token}")
    return Rollout(sagemaker, inputs, package, endpoint, own, clock)


def updated_in_place(rollout: Rollout, gate: Gate) -> str | None:
    """The configuration that an update in place would replace; None where a new endpoint is made or one is adopted."""
    if rollout.inputs.strategy != "in_place":
        return None
    found = hosting.settled(rollout.sagemaker, rollout.endpoint, hosting.PROVISION_SECONDS, rollout.clock)
    if found is None or hosting.package_served(rollout.sagemaker, rollout.endpoint) == rollout.package.arn:
        return None
    if not lets_through(rollout.package.verdict, gate):
        raise NotApproved(
            f"Version {rollout.package.version} has no passing verdict, and `strategy: in_place` puts it before users "
            "before it can be replayed there.",
            "Evaluate it first, or use `strategy: new_endpoint`.",
        )
    return str(found["EndpointConfigName"])


def bring_into_service(rollout: Rollout, before: str | None) -> None:
    """An endpoint that serves the version: updated in place, there already, or new."""
    found = hosting.describe(rollout.sagemaker, rollout.endpoint)
    if found and found["EndpointStatus"] == "Deleting":
        found = hosting.settled(rollout.sagemaker, rollout.endpoint, hosting.PROVISION_SECONDS, rollout.clock)
    if before:
        rollout.create_config()
        rollout.update_endpoint(rollout.own)
    elif found:
        rollout.adopt(found)
    else:
        rollout.create_config()
        rollout.create_endpoint()
    serving = rollout.wait()
    if before and serving["EndpointConfigName"] != rollout.own:
        raise hosting.EndpointFailed(f"SageMaker rolled endpoint {rollout.endpoint} back to {before} by itself.")


def replay(rollout: Rollout, aws: Aws, judging: Judging) -> None:
    """The gate once more, on the endpoint itself: machine, image, network and streaming are those the users get.

    The comparison with the champion is not repeated, unless the file says so: it was made by the evaluation.
    """
    inputs, package, settings = rollout.inputs, rollout.package, judging.settings
    judging.check_rag()
    again = settings.gate.against_champion and settings.champion_at_deploy
    champion = champions.find(aws.sagemaker, package) if again else None
    gate = settings.gate if champion else settings.gate.without_champion()
    report = judge(
        judging.cases,
        EndpointTarget(aws.runtime, rollout.endpoint),
        gate,
        judging.plan,
        rag=judging.rag,
        help=judging.help,
        subject=job.subject(package, inputs.execution, rollout.endpoint),
        progress=job.progress(),
        compare=Comparison(aws, champion, judging, judging.hashes(package)) if champion else None,
        gates=True,
    )
    report, _ = accounts.files(judging.complete(report, package), Path(inputs.report))
    if not lets_through(report.verdict.verdict, gate):
        raise NotGoodEnough(
            f"Version {package.version} did not pass on endpoint {rollout.endpoint}: {report.verdict.summary}",
            "\n".join(report.verdict.reasons),
        )


def undo(rollout: Rollout, before: str | None, error: BaseException) -> None:
    """Back to what it was before this run, unless the version went live on that endpoint after all."""
    reason = str(error) or type(error).__name__
    say(f"Undoing what this run made. {reason}")
    try:
        then, now = rollout.package, packages.describe(rollout.sagemaker, rollout.package.arn)
        if now.is_live and now.endpoint_name == rollout.endpoint and now.live_since != then.live_since:
            say(f"Endpoint {rollout.endpoint} stays, as version {now.version} is live on it.")
            return
        left = rollout.roll_back(before) if before else rollout.undo()
    except (BotoCoreError, ClientError) as lost:
        left = f"The clean-up failed as well ({lost}): endpoint {rollout.endpoint} may still be there and cost money."
    if left:
        raise LeftBehind(f"{reason} {left}") from error


def retire_others(rollout: Rollout) -> None:
    """Archive what was live before, give its requests time to end, and delete its endpoint."""
    sagemaker, mine = rollout.sagemaker, packages.describe(rollout.sagemaker, rollout.package.arn)
    said = [package for package in packages.versions(sagemaker, mine.group) if package.is_live]
    others = [packages.describe(sagemaker, package.arn) for package in said if package.arn != mine.arn]
    replaced = [other for other in others if packages.since(other) < packages.since(mine)]
    for other in replaced:
        packages.archive(sagemaker, other.arn)
        say(f"Version {other.version} is archived.")
    leaving = [other for other in replaced if other.endpoint_name not in {"", rollout.endpoint}]
    if not leaving:
        return
    try:
        rollout.clock.sleep(rollout.inputs.drain_seconds)
    finally:  # told to stop in this pause, it is only cut short
        for other in leaving:
            if packages.describe(sagemaker, other.arn).is_live:
                say(f"Version {other.version} was made live again meanwhile; its endpoint stays.")
            else:
                hosting.delete(sagemaker, other.endpoint_name)
                say(f"Endpoint {other.endpoint_name} is deleted.")


if __name__ == "__main__":
    sys.exit(job.run(Deploy, deploy, sys.argv[1:]))

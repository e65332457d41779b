"""Puts a version live as one transaction: a new endpoint, replayed while no user is on it, then one write moves live.

Whatever fails before that write is undone and changes nothing. Two runs of the same version, which an event delivered
twice would start, do not get in each other's way. What was live before says so until its endpoint is gone: a run that
must leave it is followed by one that finds it.
"""

import secrets
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from sluice.errors import SluiceError, UsageError
from sluice.evaluation import settings as wire
from sluice.evaluation.evaluate import evaluate
from sluice.evaluation.gate import Gate
from sluice.evaluation.verdict import lets_through
from sluice.registry import packages
from sluice.registry.packages import NothingApproved, Package, UnknownPackage
from sluice.steps import champion as champions
from sluice.steps import hosting, job, report_files
from sluice.steps.champion import Comparison
from sluice.steps.endpoint_target import EndpointTarget
from sluice.steps.hosting import Clock, Rollout
from sluice.steps.inputs import PROVISION_SECONDS, Deploy
from sluice.steps.job import Aws, Stopped, print_line
from sluice.steps.run_context import RunContext, prepare_run

if TYPE_CHECKING:
    from types_boto3_sagemaker.client import SageMakerClient

SYSTEM = Clock()
ABANDONED = timedelta(hours=24)  # longer than a run takes from its endpoint to the move


class NotApproved(SluiceError):
    """Nobody has let this version through."""


class NotGoodEnough(SluiceError):
    """The version did not pass on the endpoint that was made for it."""


class LeftBehind(SluiceError):
    """The deploy failed, and so did a part of its clean-up."""


def deploy(inputs: Deploy, aws: Aws, clock: Clock = SYSTEM) -> str:
    """Run the whole step, once; returns in a line what is live now."""
    gate = wire.read_settings(Path(inputs.settings)).gate
    package = approve_if_passed(aws.sagemaker, inputs, select_package(aws.sagemaker, inputs, gate, clock), gate)
    check_let_through(package, gate)
    champion = packages.find_champion(aws.sagemaker, package.group)
    if skip_reason := find_skip_reason(aws.sagemaker, inputs, package, champion):
        if champion:  # an earlier run may have been stopped, or refused, before it had cleaned up
            clean_up(aws.sagemaker, inputs, champion, clock)
        return skip_reason
    rollout = plan_rollout(aws.sagemaker, inputs, package, clock)
    context = prepare_run(inputs, aws, rollout.endpoint, inputs.instance_type)
    before = find_config_to_replace(rollout, gate)
    try:
        bring_into_service(rollout, before)
        replay(rollout, aws, context)
        check_let_through(packages.describe(aws.sagemaker, package.arn), gate)  # a person may have said no meanwhile
        packages.move_live(aws.sagemaker, package.arn, rollout.endpoint, clock.now())
    except BaseException as error:  # a stop as well: what this run made must not stay and cost
        undo(rollout, before, error)
        raise
    now_live = f"Version {package.version} of {package.group} is live on endpoint {rollout.endpoint}."
    print_line(now_live)
    if moved := hosting.retry_missing(clock, read_moved, rollout):
        clean_up(aws.sagemaker, inputs, moved, clock)
    if before:
        hosting.delete_config(aws.sagemaker, before)
    return now_live


def select_package(sagemaker: "SageMakerClient", inputs: Deploy, gate: Gate, clock: Clock) -> Package:
    """Read the version to deploy: the one that is named, or the newest approved one that is let through."""
    if inputs.model_package == "newest-approved":
        return select_newest(sagemaker, inputs.group, gate)
    package = hosting.retry_missing(clock, packages.describe, sagemaker, inputs.model_package)
    if package.group != inputs.group:
        raise UsageError(f"{package.arn} is a version of {package.group}, but {inputs.group} is deployed here.")
    return package


def select_newest(sagemaker: "SageMakerClient", group: str, gate: Gate) -> Package:
    """Read the newest approved version that is let through; one that is not keeps no other from being served."""
    refusal: NotApproved | None = None
    for package in packages.list_approved(sagemaker, group):
        try:
            check_let_through(package, gate)
        except NotApproved as error:
            print_line(f"Passed over: {error.message} {error.hint}")
            refusal = refusal or error
        else:
            return package
    raise refusal or NothingApproved(group)


def approve_if_passed(sagemaker: "SageMakerClient", inputs: Deploy, package: Package, gate: Gate) -> Package:
    """Approve a version that waits, if the policy is automatic and it passed; returns it as it is then."""
    if package.approval != "PendingManualApproval" or inputs.approve != "yes":
        return package
    if not lets_through(package.verdict, gate):
        raise NotApproved(
            f"Version {package.version} of {package.group} has no passing verdict"
            f" ({package.verdict or 'it was not judged'}), so it is not approved automatically."
        )
    how = "Passed the gate" if package.verdict == "pass" else "Inconclusive, which the file lets through"
    packages.approve(sagemaker, package.arn, f"{how}: {package.verdict_why}")
    return replace(package, approval="Approved")


def check_let_through(package: Package, gate: Gate) -> None:
    """Raise NotApproved unless the version is approved, and has a verdict that lets it through or a person's word.

    An approval may be given anywhere (Studio, the SDK), where nobody looks at the verdict. What is live already was let
    through when it went live.
    """
    if package.approval != "Approved":
        raise NotApproved(
            f"Version {package.version} of {package.group} is {package.approval}, not Approved.",
            f"`sluice approve {package.version}` lets it through.",
        )
    if not (lets_through(package.verdict, gate) or package.is_overridden or package.is_serving):
        raise NotApproved(
            f"Version {package.version} of {package.group} is approved without a passing verdict: {package.judgement}.",
            f"Deploy it all the same with `sluice deploy --version {package.version} --anyway`.",
        )


def find_skip_reason(sagemaker: "SageMakerClient", inputs: Deploy, package: Package, champion: Package | None) -> str:
    """Say why this version need not be deployed; empty if it must be."""
    if champion and champion.arn == package.arn and hosting.is_in_service(sagemaker, champion.endpoint_name):
        return f"Version {package.version} is already live on endpoint {champion.endpoint_name}; nothing to do."
    is_replaced = package.is_archived or (package.is_live and champion is not None and champion.arn != package.arn)
    if is_replaced and inputs.reason in {"approval", "schedule"}:
        return (
            f"Version {package.version} was live before and was replaced; nothing to do. "
            f"To go back to it: `sluice deploy --version {package.version}`."
        )
    return ""


def plan_rollout(sagemaker: "SageMakerClient", inputs: Deploy, package: Package, clock: Clock) -> Rollout:
    token = secrets.token_hex(3)
    versioned = hosting.append_suffix(inputs.endpoint, f"-v{package.version}")
    endpoint = inputs.endpoint if inputs.strategy == "in_place" else versioned
    own = hosting.append_suffix(inputs.endpoint, f"-v{package.version}-{token}")
    return Rollout(sagemaker, inputs, package, endpoint, own, clock)


def find_config_to_replace(rollout: Rollout, gate: Gate) -> str | None:
    """Read the configuration that an update in place replaces; None where an endpoint is made or adopted."""
    if rollout.inputs.strategy != "in_place":
        return None
    endpoint = hosting.wait_until_settled(rollout.sagemaker, rollout.endpoint, PROVISION_SECONDS, rollout.clock)
    if endpoint is None or hosting.find_served_package(rollout.sagemaker, rollout.endpoint) == rollout.package.arn:
        return None
    if not lets_through(rollout.package.verdict, gate):
        raise NotApproved(
            f"Version {rollout.package.version} has no passing verdict, and `strategy: in_place` puts it before users "
            "before it can be replayed there.",
            "Evaluate it first, or use `strategy: new_endpoint`.",
        )
    return str(endpoint["EndpointConfigName"])


def bring_into_service(rollout: Rollout, before: str | None) -> None:
    """Bring an endpoint into service that serves the version: updated in place, there already, or new."""
    endpoint = hosting.describe_endpoint(rollout.sagemaker, rollout.endpoint)
    if endpoint and endpoint["EndpointStatus"] == "Deleting":
        endpoint = hosting.wait_until_settled(rollout.sagemaker, rollout.endpoint, PROVISION_SECONDS, rollout.clock)
    if before:
        rollout.create_config()
        rollout.update_endpoint(rollout.own)
    elif endpoint:
        rollout.adopt(endpoint)
    else:
        rollout.create_config()
        rollout.create_endpoint()
    serving = rollout.wait()
    if before and serving["EndpointConfigName"] != rollout.own:
        raise hosting.EndpointFailed(f"SageMaker rolled endpoint {rollout.endpoint} back to {before} by itself.")


def replay(rollout: Rollout, aws: Aws, context: RunContext) -> None:
    """Evaluate once more, on the endpoint itself: machine, image, network and streaming are those the users get.

    The comparison with the champion is not repeated, unless the file says so: it was made by the evaluation.
    """
    inputs, package, settings = rollout.inputs, rollout.package, context.settings
    context.check_rag()
    again = settings.gate.against_champion and settings.champion_at_deploy
    champion = champions.find_champion_besides(aws.sagemaker, package) if again else None
    gate = settings.gate if champion else settings.gate.without_champion()
    report = evaluate(
        context.cases,
        EndpointTarget(aws.runtime, rollout.endpoint),
        gate,
        context.plan,
        rag=context.rag,
        services=context.help,
        subject=job.describe_subject(package, inputs.execution, rollout.endpoint),
        progress=job.watch_progress(),
        compare=Comparison(aws, champion, context, context.hashes(package)) if champion else None,
        gates=True,
    )
    report, _ = report_files.write_files(context.complete(report, package), Path(inputs.report))
    if not lets_through(report.verdict.verdict, gate):
        raise NotGoodEnough(
            f"Version {package.version} did not pass on endpoint {rollout.endpoint}: {report.verdict.summary}",
            "\n".join(report.verdict.reasons),
        )


def undo(rollout: Rollout, before: str | None, error: BaseException) -> None:
    """Bring back what was before this run, unless the version went live on that endpoint after all."""
    reason = str(error) or type(error).__name__
    print_line(f"Undoing what this run made. {reason}")
    try:
        if read_moved(rollout):
            print_line(f"Endpoint {rollout.endpoint} stays, as version {rollout.package.version} is live on it.")
            return
        leftovers = rollout.roll_back(before) if before else remove_created(rollout, error)
    except (BotoCoreError, ClientError) as lost:
        leftovers = (
            f"The clean-up failed as well ({lost}): endpoint {rollout.endpoint} may still be there and cost money."
        )
    if leftovers:
        raise LeftBehind(f"{reason} {leftovers}") from error


def read_moved(rollout: Rollout) -> Package | None:
    """Read the version if it has gone live on this run's endpoint since it was selected, through any run; else None."""
    then, now = rollout.package, packages.describe(rollout.sagemaker, rollout.package.arn)
    is_moved = now.is_live and now.endpoint_name == rollout.endpoint and now.live_since != then.live_since
    return now if is_moved else None


def remove_created(rollout: Rollout, error: BaseException) -> str:
    """Remove what this run made; returns what is left, in words. A stop, before or meanwhile, leaves little time."""
    if isinstance(error, Stopped):
        return rollout.undo(hosting.STOP_SECONDS)
    try:
        return rollout.undo(PROVISION_SECONDS)
    except Stopped:
        return rollout.undo(hosting.STOP_SECONDS)


def clean_up(sagemaker: "SageMakerClient", inputs: Deploy, champion: Package, clock: Clock) -> None:
    """Take away what costs money and serves nobody: of this run's, and what earlier runs had to leave."""
    leftovers = [
        *retire_others(sagemaker, champion, inputs.drain_seconds, clock),
        *remove_abandoned(sagemaker, inputs, clock),
    ]
    if leftovers:
        raise LeftBehind(
            f"Version {champion.version} is live on endpoint {champion.endpoint_name}. {' '.join(leftovers)}",
            "The next deployment tries again, also one that has nothing else to do: `sluice deploy`.",
        )


def retire_others(sagemaker: "SageMakerClient", champion: Package, drain_seconds: float, clock: Clock) -> list[str]:
    """Give the requests to what was live before time to end, delete its endpoint, and then archive it.

    In this order: until its endpoint is gone a version says Live, so that the next run finds what this one must leave.
    Returns what is left, in words.
    """
    replaced = packages.list_replaced(sagemaker, champion)
    seconds: float = hosting.STOP_SECONDS
    leftovers: list[str] = []
    try:
        if any(has_own_endpoint(other, champion) for other in replaced):
            clock.sleep(drain_seconds)
        seconds = PROVISION_SECONDS
    finally:  # told to stop in this pause, it is only cut short
        leftovers = [words for other in replaced if (words := retire(sagemaker, other, champion, seconds, clock))]
    return leftovers


def remove_abandoned(sagemaker: "SageMakerClient", inputs: Deploy, clock: Clock) -> list[str]:
    """Delete the endpoints that a run made and could not take back, whose version is not live; returns what is left.

    A version that never went live is in no list of what to retire. So old an endpoint is on no run's way any more.
    """
    try:
        candidates = list(hosting.list_endpoints_of_runs(sagemaker, inputs, clock.now() - ABANDONED))
    except (BotoCoreError, ClientError) as error:  # a role of the user's own may not list endpoints
        print_line(f"Endpoints that an earlier run may have left were not looked for: {error}")
        return []
    leftovers = []
    for endpoint, arn in candidates:
        try:
            if not packages.describe(sagemaker, arn).is_live:
                print_line(
                    f"Endpoint {endpoint} was left by an earlier run, and its version is not live: it is deleted."
                )
                leftovers.append(hosting.delete_endpoint(sagemaker, endpoint, PROVISION_SECONDS, clock))
        except (BotoCoreError, ClientError, UnknownPackage) as error:
            leftovers.append(f"Endpoint {endpoint} could not be looked after and costs money: {error}")
    return [words for words in leftovers if words]


def retire(sagemaker: "SageMakerClient", other: Package, champion: Package, seconds: float, clock: Clock) -> str:
    """Delete the endpoint of a version that was replaced, then archive it; returns what could not be, in words."""
    try:
        if not is_still_replaced(sagemaker, other):
            return ""
        if has_own_endpoint(other, champion):
            if leftover := hosting.delete_endpoint(sagemaker, other.endpoint_name, seconds, clock):
                print_line(leftover)
                return leftover
            print_line(f"Endpoint {other.endpoint_name} is deleted.")
            if not is_still_replaced(sagemaker, other):
                return ""
        packages.archive(sagemaker, other.arn)
    except (BotoCoreError, ClientError) as error:
        return f"Version {other.version} could not be retired, and its endpoint costs money: {error}"
    print_line(f"Version {other.version} is archived.")
    return ""


def is_still_replaced(sagemaker: "SageMakerClient", other: Package) -> bool:
    """Whether nobody has moved live to this version again, or retired it, since it was read."""
    now = packages.describe(sagemaker, other.arn)
    if now.is_live and now.live_since == other.live_since:
        return True
    how = "made live again" if now.is_live else "retired by another run"
    print_line(f"Version {other.version} was {how} meanwhile; its endpoint is left alone.")
    return False


def has_own_endpoint(other: Package, champion: Package) -> bool:
    """Whether users were served from another endpoint than the champion's."""
    return other.endpoint_name not in {"", champion.endpoint_name}


if __name__ == "__main__":
    sys.exit(job.run_step(Deploy, deploy, sys.argv[1:]))

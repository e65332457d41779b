"""The live checks, in order. What one of them cannot ask costs that one, and is said."""

from collections.abc import Iterator
from dataclasses import replace

from sluice.preflight.account import checkpoint, fleets, image, network, permissions, prices, quotas, roles, stores
from sluice.preflight.account.context import Check, CheckContext
from sluice.preflight.account.errors import Denied, Missing, NoAccount, NotAnswered
from sluice.preflight.account.reads import READS
from sluice.preflight.account.requirements import Client, Requirements
from sluice.preflight.account.sources import DOCS, account_rule
from sluice.preflight.deployment_spec import DeploymentSpec
from sluice.preflight.finding import Finding, Location, Rule


def _table() -> str:
    calls: dict[str, list[str]] = {}
    about: dict[str, dict[str, None]] = {}
    for (service, name), read in READS.items():
        calls.setdefault(read.permission, []).append(f"{service} {name}")
        about.setdefault(read.permission, {})[read.about] = None
    rows = [f"| `{each}` | {', '.join(calls[each])} | {'; '.join(about[each])} |" for each in calls]
    return "\n".join(["| permission | call | what it tells |", "|---|---|---|", *rows])


NO_ACCOUNT = account_rule(
    "AWS001",
    "The account cannot be asked",
    "error",
    "documented",
    f"{DOCS}/cli/latest/userguide/cli-configure-files.html",
    "There are no credentials, they have run out, or AWS does not answer from here. Nothing about the account was "
    "checked; what the files say was. `aws sts get-caller-identity` asks the same question: it takes no permission.",
)
DENIED = account_rule(
    "AWS002",
    "A permission is missing for a check",
    "note",
    "documented",
    f"{DOCS}/IAM/latest/UserGuide/troubleshoot_access-denied.html",
    "The caller may not ask one of the questions. The finding names the permission and what was therefore not "
    "checked; the release itself may well be fine. Whoever wants every check made allows these, all of which only "
    "read:\n\n"
    f"{_table()}\n\nNo release needs them.",
)
NO_STACK = account_rule(
    "AWS004",
    "Nothing is prepared in the account",
    "error",
    "verified",
    "infra/stack.yaml",
    "There is no finished stack, so there is no bucket, no role and no table: `sluice run --target aws` stops before "
    "it sends anything. `sluice bootstrap --target aws` makes it. A stack that is being changed, or whose change "
    "failed, is finished by CloudFormation or in its console.",
)
RULES: tuple[Rule, ...] = (
    NO_ACCOUNT, DENIED, quotas.UNANSWERED, NO_STACK, roles.OTHER_ACCOUNT, roles.NO_ROLE, roles.NO_TRUST,
    permissions.NOT_ALLOWED, quotas.ENDPOINT_QUOTA, quotas.JOB_QUOTA, quotas.SCALING_QUOTA, quotas.NO_QUOTA,
    image.NO_IMAGE, stores.NO_BUCKET, stores.OTHER_REGION, checkpoint.NO_MODEL, checkpoint.ARCHIVED, stores.NO_TABLE,
    stores.NO_EXPIRY, stores.BAD_KEY, network.NO_NETWORK, network.ONE_ZONE, network.NO_WAY_TO_S3,
    network.NO_WAY_TO_SAGEMAKER, network.NO_WAY_OUT, network.FEW_ADDRESSES, prices.PRICE, fleets.NOT_SERVING,
)  # fmt: skip

CHECKS: tuple[Check, ...] = (
    roles.check_execution_role, roles.check_trigger_role, permissions.check_steps, permissions.check_trigger,
    quotas.check_quotas, fleets.check_evaluated_endpoint, image.check_image, checkpoint.check_bucket,
    checkpoint.check_checkpoint, stores.check_bucket, stores.check_table, stores.check_expiry, stores.check_key,
    network.check_network_parts, network.check_routes, network.check_security_groups, prices.check_prices,
)  # fmt: skip
FINISHED = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"}
ACCOUNT = Location("--target aws")


def check_account(setup: DeploymentSpec, requirements: Requirements, client: Client) -> Iterator[Finding]:
    """Yields what the account would refuse. Never raises for what the account, its absence or the network does."""
    from sluice.preflight.account.client import AccountClient  # botocore comes with the questions, not with the pages

    account = AccountClient(client)
    try:
        caller = account.call("sts", "GetCallerIdentity")
    except NotAnswered as why:
        yield report_no_account(why)
        return
    arn, region = str(caller["Arn"]), setup.region or client("sts").meta.region_name
    context = CheckContext(setup, requirements, account, str(caller["Account"]), arn.split(":")[1], arn, region)
    try:
        context = replace(context, requirements=resolve_stack(context))
    except Missing:
        yield report_no_stack(context, "there is no such stack")
        context = replace(context, requirements=replace(requirements, stack=None, table=None))
    except Unsettled as unsettled:
        yield report_no_stack(context, f"it is {unsettled}")
        context = replace(context, requirements=replace(requirements, stack=None, table=None))
    except NotAnswered as why:
        yield report_unanswered(why, context.caller)
    for check in CHECKS:
        yield from run_check(check, context)


def run_check(check: Check, context: CheckContext) -> Iterator[Finding]:
    """What a check finds, and a note if it could not ask to its end."""
    try:
        yield from check(context)
    except NotAnswered as why:
        yield report_unanswered(why, context.caller)


class Unsettled(Exception):
    """The stack is there, but not finished."""


def resolve_stack(context: CheckContext) -> Requirements:
    """The requirements, with the stack's own roles, bucket and table where nothing else is named. Raises Unsettled."""
    requirements = context.requirements
    if requirements.stack is None:
        return requirements
    described = context.account.call("cloudformation", "DescribeStacks", StackName=requirements.stack)["Stacks"][0]
    if described["StackStatus"] not in FINISHED:
        raise Unsettled(described["StackStatus"])
    outputs = {each["OutputKey"]: each["OutputValue"] for each in described.get("Outputs", [])}
    return replace(
        requirements,
        role_arn=requirements.role_arn or outputs.get("ExecutionRoleArn"),
        trigger_role_arn=requirements.trigger_role_arn or outputs.get("TriggerRoleArn"),
        bucket=requirements.bucket or outputs.get("BucketName"),
        table=requirements.table or outputs.get("HistoryTableName"),
    )


def report_no_account(why: NotAnswered) -> Finding:
    reason = why.message or why.code
    if isinstance(why, NoAccount):
        what = f"The credentials are missing or not accepted ({reason})"
    else:
        what = f"AWS could not be asked who is calling ({reason})"
    return NO_ACCOUNT.at(ACCOUNT, f"{what}: nothing of the account was checked, and a release from here would stop.")


def report_no_stack(context: CheckContext, what: str) -> Finding:
    return NO_STACK.at(
        context.requirements.at("stack"),
        f"The stack {context.requirements.stack!r} is not ready in {context.region}: {what}. `sluice run --target aws` "
        "stops before it sends anything. Make it: sluice bootstrap --target aws",
    )


def report_unanswered(why: NotAnswered, caller: str) -> Finding:
    if isinstance(why, Denied):
        what = f"{caller} may not call {why.read.permission}, so it was not checked {why.read.about}."
        return DENIED.at(ACCOUNT, what)
    reason = f"{why.code}: {why.message}" if why.message and why.message != why.code else why.code
    return quotas.UNANSWERED.at(
        ACCOUNT, f"It was not checked {why.read.about}: {why.read.permission} answered {reason}"
    )

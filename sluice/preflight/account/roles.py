"""Whether the roles exist, in this account, and whom they trust."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from sluice.preflight.account.context import CheckContext
from sluice.preflight.account.errors import Missing
from sluice.preflight.account.sources import DOCS, ROLES, account_rule
from sluice.preflight.finding import Finding

OTHER_ACCOUNT = account_rule(
    "AWS005",
    "A role or key of another account or region",
    "error",
    "documented",
    f"{DOCS}/IAM/latest/UserGuide/id_roles_use_passrole.html",
    "A role can be handed only to services of its own account, so CreatePipeline and CreateModel refuse one from "
    "elsewhere. The credentials belong to the account that the finding names; mostly the wrong profile is active. A "
    "KMS key is used only in its own region.",
)
NO_ROLE = account_rule(
    "AWS006",
    "The role does not exist, or not under this ARN",
    "error",
    "documented",
    "https://github.com/aws/sagemaker-python-sdk/issues/43",
    "SageMaker answers that it could not assume the role. An ARN holds the role's path as well: "
    "`role/service-role/Name` and `role/Name` are not the same to SageMaker, although IAM finds the role by its last "
    "word alone.",
)
NO_TRUST = account_rule(
    "AWS007",
    "The role does not trust the service that is to use it",
    "error",
    "documented",
    ROLES,
    "The execution role must let `sagemaker.amazonaws.com` assume it, the trigger role `events.amazonaws.com` and "
    "`scheduler.amazonaws.com`. Otherwise CreateProcessingJob and CreateModel answer `Could not assume role` "
    "(awslabs/predictive-maintenance-using-machine-learning#3), and approvals and schedules start nothing, without a "
    "word. The trust policy of the role needs a statement with `Effect: Allow`, `Action: sts:AssumeRole` and that "
    "service as its principal.",
)

SAGEMAKER = ("sagemaker.amazonaws.com",)
TRIGGERS = ("events.amazonaws.com", "scheduler.amazonaws.com")
ASSUME = "sts:assumerole"
SAME_ACCOUNT = "aws:sourceaccount"


def check_execution_role(context: CheckContext) -> Iterator[Finding]:
    """Yields AWS005, AWS006 and AWS007."""
    yield from _of(context, "role_arn", context.requirements.role_arn, SAGEMAKER, "CreateProcessingJob and CreateModel")


def check_trigger_role(context: CheckContext) -> Iterator[Finding]:
    """Yields AWS005, AWS006 and AWS007."""
    yield from _of(
        context, "trigger_role_arn", context.requirements.trigger_role_arn, TRIGGERS, "approvals and schedules"
    )


def _of(context: CheckContext, key: str, arn: str | None, services: tuple[str, ...], use: str) -> Iterator[Finding]:
    if arn is None:
        return
    place, owner = context.requirements.at(key), account_of(arn)
    if owner != context.account_id:
        yield OTHER_ACCOUNT.at(
            place,
            f"{arn} belongs to account {owner or 'none'}, but the credentials are those of {context.account_id} "
            f"({context.caller}): a role is handed only to services of its own account, so {use} fail.",
        )
        return
    try:
        role = context.account.call("iam", "GetRole", RoleName=name_of(arn))["Role"]
    except Missing:
        yield NO_ROLE.at(place, f"Account {context.account_id} has no role {name_of(arn)!r}: {use} fail.")
        return
    if role["Arn"] != arn:
        yield NO_ROLE.at(
            place,
            f"The role's ARN is {role['Arn']}, not {arn}: SageMaker could not assume it, and {use} fail.",
            fix=f"{place.where}: {role['Arn']}" if "." not in place.where else "",
        )
        return
    trust = role.get("AssumeRolePolicyDocument") or {}
    if distrusted := [service for service in services if not trusts(trust, service, context.account_id)]:
        yield NO_TRUST.at(
            place, f"The trust policy of {arn} does not let {' and '.join(distrusted)} assume it: {use} fail."
        )


def trusts(policy: Mapping[str, Any], service: str, account_id: str) -> bool:
    """Whether a trust policy lets a service use the role for this account."""
    statements = [each for each in _listed(policy.get("Statement")) if _is_about(each, service)]
    if any(
        each.get("Effect") == "Deny" and not {"Condition", "NotPrincipal", "NotAction"} & set(each)
        for each in statements
    ):
        return False
    return any(each.get("Effect") == "Allow" and _for_account(each, account_id) for each in statements)


def _is_about(statement: Mapping[str, Any], service: str) -> bool:
    """What is said by exception (NotPrincipal, NotAction) is taken to be about it."""
    principal = statement.get("Principal")
    named = _listed(principal.get("Service")) if isinstance(principal, Mapping) else _listed(principal)
    actions = [str(action).lower() for action in _listed(statement.get("Action"))]
    does = "NotAction" in statement or any(fnmatchcase(ASSUME, action) for action in actions)
    return does and ("NotPrincipal" in statement or bool({service, "*"} & set(named)))


def _for_account(statement: Mapping[str, Any], account_id: str) -> bool:
    """A condition on the account must name this one. Other conditions cannot be judged here, and count as met."""
    for operator, keys in (statement.get("Condition") or {}).items():
        if operator.lower() not in {"stringequals", "stringlike"}:
            continue
        for key, values in keys.items():
            if key.lower() == SAME_ACCOUNT and not {account_id, "*"} & set(_listed(values)):
                return False
    return True


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def account_of(arn: str) -> str:
    parts = arn.split(":")
    return parts[4] if len(parts) > 5 else ""


def name_of(arn: str) -> str:
    """A role's name is the last word of its ARN; what stands before is its path."""
    return arn.rpartition("/")[2] or arn

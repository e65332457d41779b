"""Whether the roles are allowed what each step does, asked of IAM's simulator.

`needs` is what the code calls: `steps/` and `registry/packages.py` by themselves, SageMaker on their behalf for what
`pipelines/definition.py` writes. Tests hold it against the code and against infra/stack.yaml.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sluice.preflight.account import roles
from sluice.preflight.account.context import CheckContext, bucket_and_key
from sluice.preflight.account.image import Repository
from sluice.preflight.account.requirements import Step
from sluice.preflight.account.sources import SIMULATOR, account_rule
from sluice.preflight.finding import Finding, Severity

NOT_ALLOWED = account_rule(
    "AWS008",
    "The role is not allowed what a step does",
    "error",
    "documented",
    SIMULATOR,
    "IAM was asked to simulate the calls that each step makes, with the role's own policies, its boundary and the "
    "organization's policies. A step whose call is not allowed fails when it comes to it: the deploy step after the "
    "GPU time of the evaluation was paid. Logs and metrics that are not allowed are a warning: the step runs, but "
    "nobody sees why it failed. Where the answer depends on a condition that cannot be known here, it is a note.\n\n"
    "Not simulated: policies of buckets, keys and repositories, which may allow or forbid on their own.",
)

STEPS: Mapping[str, tuple[str, str]] = {  # as it is called, and what happens when it is not allowed
    "pipeline": ("the pipeline", "the execution fails at that step"),
    "evaluate": ("Evaluate", "the job fails, and the version gets no verdict"),
    "deploy": ("Deploy", "the deployment fails after the evaluation was paid, and nothing goes live"),
    "endpoint": ("the endpoint", "it fails while it is made"),
    "champion": ("the comparison with the live version", "the verdict is inconclusive whenever it must be replayed"),
    "mlflow": ("Evaluate's log to MLflow", "the run is not logged; the verdict does not depend on it"),
    "trigger": ("approvals and schedules", "they start nothing, and nobody is told"),
}
UNSEEN = "it runs, but without logs or metrics nobody sees why it failed"
UNPULLED = "the image may not be pulled"  # AWS's own may be open to every account
UNSTOPPED = "a stopped execution leaves its job running and costing"
LOGS = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")
PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
INTERFACES = (
    "ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission", "ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
)  # fmt: skip
MLFLOW = (
    "sagemaker-mlflow:CreateExperiment", "sagemaker-mlflow:CreateRun", "sagemaker-mlflow:GetExperimentByName",
    "sagemaker-mlflow:GetRun", "sagemaker-mlflow:LogBatch", "sagemaker-mlflow:SetTag", "sagemaker-mlflow:UpdateRun",
)  # fmt: skip
Context = Mapping[str, str]


@dataclass(frozen=True)
class Need:
    """Calls of one step on the same resources; allowed is what is allowed on all of them, or with `any_of` on one."""

    step: str
    actions: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)
    context: Context = field(default_factory=dict)
    any_of: bool = False
    severity: Severity = "error"
    outcome: str = ""  # what happens without it, if it is not what happens to the step


@dataclass(frozen=True)
class Refused:
    action: str
    why: str  # in a few words
    unsure: tuple[str, ...]  # the conditions that it depends on


def check_steps(context: CheckContext) -> Iterator[Finding]:
    """Yields AWS008: the role is not allowed what a step does."""
    yield from _of(context, "role_arn", context.requirements.role_arn, list_needs(context))


def check_trigger(context: CheckContext) -> Iterator[Finding]:
    """Yields AWS008: the role is not allowed what a step does."""
    pipelines = context.arn("sagemaker", f"pipeline/{context.setup.names.get('pipeline', 'any')}-deploy")
    start = Need("trigger", ("sagemaker:StartPipelineExecution",), (pipelines,))
    yield from _of(context, "trigger_role_arn", context.requirements.trigger_role_arn, [start])


def _of(context: CheckContext, key: str, arn: str | None, needs: Iterable[Need]) -> Iterator[Finding]:
    """One finding for each step and outcome. A call is asked for once, for the first step that would fail without it.

    A role that is not there, or elsewhere, is another check's finding.
    """
    if arn is None or roles.account_of(arn) != context.account_id:
        return
    simulated: set[tuple[str, str]] = set()
    refused: dict[tuple[str, Severity, str], list[tuple[Refused, Need]]] = {}
    for need in needs:
        new = tuple(each for each in need.actions if not {(each, where) for where in need.resources} <= simulated)
        simulated |= {(each, where) for each in new for where in need.resources}
        for each in _refused(context, arn, replace(need, actions=new)) if new else ():
            severity: Severity = "note" if each.unsure else need.severity
            refused.setdefault((need.step, severity, need.outcome), []).append((each, need))
    for (step, severity, outcome), refusals in refused.items():
        message = _message(arn, step, severity, outcome, refusals)
        yield NOT_ALLOWED.at(context.requirements.at(key), message, severity=severity)


def _message(arn: str, step: str, severity: Severity, outcome: str, refusals: Sequence[tuple[Refused, Need]]) -> str:
    name, ends = STEPS[step]
    calls = ", ".join(f"{each.action} on {need.resources[0]}{each.why}" for each, need in refusals)
    if severity == "note":
        keys = ", ".join(sorted({key for each, _ in refusals for key in each.unsure}))
        return f"{arn} may do what {name} needs only under conditions that are not known here ({keys}): {calls}."
    return f"{arn} is not allowed what {name} does, so {outcome or ends}: {calls}."


def _refused(context: CheckContext, arn: str, need: Need) -> Iterator[Refused]:
    conditions = {"aws:RequestedRegion": context.region, "aws:SecureTransport": "true", **need.context}
    results = context.account.list_all(
        "iam",
        "SimulatePrincipalPolicy",
        "EvaluationResults",
        PolicySourceArn=arn,
        ActionNames=list(need.actions),
        ResourceArns=list(need.resources),
        ContextEntries=[_entry(key, value) for key, value in conditions.items()],
    )
    for action in need.actions:
        decisions = [
            each for result in results if result["EvalActionName"] == action for each in read_decisions(result)
        ]
        denied = [each for each in decisions if not each.allowed]
        if not denied or (need.any_of and len(denied) < len(decisions)):
            continue
        unsure = tuple(sorted({key for each in denied for key in each.depends_on}))
        yield Refused(action, next((f" ({each.by})" for each in denied if each.by), ""), unsure)


def _entry(key: str, value: str) -> dict[str, Any]:
    kind = "boolean" if value in {"true", "false"} else "string"
    return {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": kind}


@dataclass(frozen=True)
class Decision:
    """What the simulator says of one action on one resource."""

    allowed: bool
    depends_on: tuple[str, ...]  # condition keys that it was not given
    by: str  # who forbids it, if it is more than that nobody allows it


def read_decisions(result: Mapping[str, Any]) -> Iterator[Decision]:
    """A result is about all resources of the request; with several it holds one for each."""
    organization = result.get("OrganizationsDecisionDetail") or {}
    for each in result.get("ResourceSpecificResults") or [result]:
        boundary = (
            each.get("PermissionsBoundaryDecisionDetail") or result.get("PermissionsBoundaryDecisionDetail") or {}
        )
        decision = each.get("EvalResourceDecision") or each.get("EvalDecision")
        by = "explicitly denied" if decision == "explicitDeny" else ""
        if boundary.get("AllowedByPermissionsBoundary") is False:
            by = "its permissions boundary does not allow it"
        if organization.get("AllowedByOrganizations") is False:
            by = "the organization's policies do not allow it"
        yield Decision(decision == "allowed", tuple(each.get("MissingContextValues") or ()), by)


def list_needs(context: CheckContext) -> Iterator[Need]:
    """What the execution role must be allowed for the wanted steps."""
    steps = context.requirements.steps
    if "pipeline" in steps:
        yield from _of_pipeline(context)
    if "evaluate" in steps:
        yield from _of_evaluate(context)
    if "deploy" in steps:
        yield from _of_deploy(context)
    if "evaluate" in steps or "deploy" in steps:
        yield from _of_job(context, "evaluate" if "evaluate" in steps else "deploy")
    if "endpoint" in steps:
        yield from _of_endpoint(context)


def _of_pipeline(context: CheckContext) -> Iterator[Need]:
    """SageMaker Pipelines acts as the role: it registers the version and makes the jobs, tagged with the execution."""
    group, job = _group(context), context.arn("sagemaker", "processing-job/pipelines-any")
    package = context.arn("sagemaker", f"model-package/{group}/1")
    of_group = context.arn("sagemaker", f"model-package-group/{group}")
    yield Need("pipeline", ("sagemaker:CreateModelPackage",), (package, of_group), any_of=True)
    verbs = ("sagemaker:CreateProcessingJob", "sagemaker:DescribeProcessingJob", "sagemaker:AddTags")
    yield Need("pipeline", verbs, (job,))
    yield Need("pipeline", ("sagemaker:StopProcessingJob",), (job,), severity="warning", outcome=UNSTOPPED)
    yield from _pass_role(context, "pipeline")


def _of_evaluate(context: CheckContext) -> Iterator[Need]:
    package = context.arn("sagemaker", f"model-package/{_group(context)}/1")
    yield Need("evaluate", ("sagemaker:DescribeModelPackage", "sagemaker:UpdateModelPackage"), (package,))
    if endpoint := context.requirements.evaluated_endpoint:
        where = context.arn("sagemaker", f"endpoint/{endpoint}")
        yield Need("evaluate", ("sagemaker:InvokeEndpointWithResponseStream",), (where,))
    if context.requirements.champion:
        live = f"{context.setup.names.get('endpoint', 'any')}-v1"
        yield Need("evaluate", ("sagemaker:ListModelPackages",))
        invoke = ("sagemaker:InvokeEndpointWithResponseStream",)
        yield Need("champion", invoke, (context.arn("sagemaker", f"endpoint/{live}"),), severity="warning")
    if secrets := context.requirements.secrets:
        yield Need("evaluate", ("secretsmanager:GetSecretValue",), secrets)
    if models := context.requirements.bedrock:
        arns = tuple(f"arn:{context.partition}:bedrock:{context.region}::foundation-model/{name}" for name in models)
        profiles = tuple(context.arn("bedrock", f"inference-profile/{name}") for name in models)
        for either in zip(arns, profiles, strict=True):
            yield Need("evaluate", ("bedrock:InvokeModel",), either, any_of=True)
    if context.requirements.mlflow:
        yield Need("mlflow", MLFLOW, (context.requirements.mlflow,), severity="warning")


def _of_deploy(context: CheckContext) -> Iterator[Need]:
    own = f"{context.setup.names.get('endpoint', 'any')}-v1"
    model, config, endpoint = (
        context.arn("sagemaker", f"{kind}/{own}") for kind in ("model", "endpoint-config", "endpoint")
    )
    package = context.arn("sagemaker", f"model-package/{_group(context)}/1")
    yield Need("deploy", ("sagemaker:ListModelPackages", "sagemaker:ListEndpoints"))
    yield Need("deploy", ("sagemaker:DescribeModelPackage", "sagemaker:UpdateModelPackage"), (package,))
    yield Need("deploy", ("sagemaker:CreateModel", "sagemaker:DescribeModel", "sagemaker:DeleteModel"), (model,))
    verbs = ("sagemaker:CreateEndpointConfig", "sagemaker:DescribeEndpointConfig", "sagemaker:DeleteEndpointConfig")
    yield Need("deploy", verbs, (config,))
    update = ("sagemaker:UpdateEndpoint",) if context.setup.strategy == "in_place" else ()
    yield Need("deploy", ("sagemaker:CreateEndpoint", *update), (endpoint, config))  # both are its resources
    verbs = ("sagemaker:DescribeEndpoint", "sagemaker:DeleteEndpoint", "sagemaker:InvokeEndpointWithResponseStream")
    yield Need("deploy", verbs, (endpoint,))
    if context.requirements.tags:
        yield Need("deploy", ("sagemaker:AddTags",), (model, config, endpoint))
    yield from _pass_role(context, "deploy")


def _of_job(context: CheckContext, step: Step) -> Iterator[Need]:
    """What every job of ours reads and writes; told of the first that would fail."""
    bucket, arn = context.requirements.bucket, f"arn:{context.partition}:s3:::{context.requirements.bucket}"
    if bucket:
        yield Need(step, ("s3:ListBucket",), (arn,))
        read = ("cases", "code", "settings", *(["reports"] if context.requirements.champion else []))
        yield Need(step, ("s3:GetObject",), tuple(f"{arn}/{each}/any" for each in read))
        yield Need(step, ("s3:PutObject",), (f"{arn}/reports/any",))
    yield from _of_weights(context, step)
    yield from _of_container(context, step, context.requirements.images)


def _of_endpoint(context: CheckContext) -> Iterator[Need]:
    yield from _of_weights(context, "endpoint")
    yield from _of_container(context, "endpoint", ())


def _of_weights(context: CheckContext, step: Step) -> Iterator[Need]:
    if context.model_uri:
        bucket, key = bucket_and_key(context.model_uri)
        arn = f"arn:{context.partition}:s3:::{bucket}"
        yield Need(
            step, ("s3:GetObject",), (f"{arn}/{key if key.endswith(('.gz', '.tgz')) else key.rstrip('/') + '/any'}",)
        )
        yield Need(step, ("s3:ListBucket",), (arn,))


def _of_container(context: CheckContext, step: Step, images: tuple[str, ...]) -> Iterator[Need]:
    """The image, the key, the network; logs and metrics."""
    repositories_of_images = (Repository.of(image, context.region) for image in (context.setup.image, *images) if image)
    if repositories := tuple(dict.fromkeys(each.arn(context.partition) for each in repositories_of_images if each)):
        yield Need(step, PULL, repositories, severity="warning", outcome=UNPULLED)
        yield Need(step, ("ecr:GetAuthorizationToken",), severity="warning", outcome=UNPULLED)
    if context.setup.network:
        yield Need(step, INTERFACES)
    key = context.requirements.kms_key
    if key and key.startswith("arn:"):  # what an alias stands for is not in the policy
        yield Need(step, ("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"), (key,))
        yield Need(step, ("kms:CreateGrant",), (key,), {"kms:GrantIsForAWSResource": "true"})
    group = context.arn("logs", "log-group:/aws/sagemaker/any")
    yield Need(step, LOGS, (group,), severity="warning", outcome=UNSEEN)
    space = "/aws/sagemaker/Endpoints" if step == "endpoint" else "/aws/sagemaker/ProcessingJobs"
    metrics = {"cloudwatch:namespace": space}
    yield Need(step, ("cloudwatch:PutMetricData",), context=metrics, severity="warning", outcome=UNSEEN)


def _pass_role(context: CheckContext, step: Step) -> Iterator[Need]:
    if role := context.requirements.role_arn:
        yield Need(step, ("iam:PassRole",), (role,), {"iam:PassedToService": "sagemaker.amazonaws.com"})


def _group(context: CheckContext) -> str:
    return context.setup.names.get("group", "any")

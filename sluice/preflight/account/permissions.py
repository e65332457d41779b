"""Whether the roles are allowed what each step does, asked of IAM's simulator.

`needs` is what the code calls: `steps/` and `registry/packages.py` by themselves, SageMaker on their behalf for what
`pipelines/definition.py` writes. Tests hold it against the code and against infra/stack.yaml.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sluice.preflight.account import roles
from sluice.preflight.account.context import Scene, bucket_and_key
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


def of_steps(scene: Scene) -> Iterator[Finding]:
    yield from _of(scene, "role_arn", scene.wanted.role_arn, needs(scene))


def of_trigger(scene: Scene) -> Iterator[Finding]:
    pipelines = scene.arn("sagemaker", f"pipeline/{scene.setup.names.get('pipeline', 'any')}-deploy")
    start = Need("trigger", ("sagemaker:StartPipelineExecution",), (pipelines,))
    yield from _of(scene, "trigger_role_arn", scene.wanted.trigger_role_arn, [start])


def _of(scene: Scene, key: str, arn: str | None, wanted: Iterable[Need]) -> Iterator[Finding]:
    """One finding for each step and outcome. A call is asked for once, for the first step that would fail without it.

    A role that is not there, or elsewhere, is another check's finding.
    """
    if arn is None or roles.account_of(arn) != scene.account_id:
        return
    asked: set[tuple[str, str]] = set()
    refused: dict[tuple[str, Severity, str], list[tuple[Refused, Need]]] = {}
    for need in wanted:
        new = tuple(each for each in need.actions if not {(each, where) for where in need.resources} <= asked)
        asked |= {(each, where) for each in new for where in need.resources}
        for each in _refused(scene, arn, replace(need, actions=new)) if new else ():
            severity: Severity = "note" if each.unsure else need.severity
            refused.setdefault((need.step, severity, need.outcome), []).append((each, need))
    for (step, severity, outcome), found in refused.items():
        message = _message(arn, step, severity, outcome, found)
        yield NOT_ALLOWED.at(scene.wanted.at(key), message, severity=severity)


def _message(arn: str, step: str, severity: Severity, outcome: str, found: Sequence[tuple[Refused, Need]]) -> str:
    name, ends = STEPS[step]
    calls = ", ".join(f"{each.action} on {need.resources[0]}{each.why}" for each, need in found)
    if severity == "note":
        keys = ", ".join(sorted({key for each, _ in found for key in each.unsure}))
        return f"{arn} may do what {name} needs only under conditions that are not known here ({keys}): {calls}."
    return f"{arn} is not allowed what {name} does, so {outcome or ends}: {calls}."


def _refused(scene: Scene, arn: str, need: Need) -> Iterator[Refused]:
    context = {"aws:RequestedRegion": scene.region, "aws:SecureTransport": "true", **need.context}
    results = scene.account.all(
        "iam",
        "SimulatePrincipalPolicy",
        "EvaluationResults",
        PolicySourceArn=arn,
        ActionNames=list(need.actions),
        ResourceArns=list(need.resources),
        ContextEntries=[_entry(key, value) for key, value in context.items()],
    )
    for action in need.actions:
        decisions = [each for result in results if result["EvalActionName"] == action for each in decided(result)]
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


def decided(result: Mapping[str, Any]) -> Iterator[Decision]:
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


def needs(scene: Scene) -> Iterator[Need]:
    """What the execution role must be allowed for the wanted steps."""
    steps = scene.wanted.steps
    if "pipeline" in steps:
        yield from _of_pipeline(scene)
    if "evaluate" in steps:
        yield from _of_evaluate(scene)
    if "deploy" in steps:
        yield from _of_deploy(scene)
    if "evaluate" in steps or "deploy" in steps:
        yield from _of_job(scene, "evaluate" if "evaluate" in steps else "deploy")
    if "endpoint" in steps:
        yield from _of_endpoint(scene)


def _of_pipeline(scene: Scene) -> Iterator[Need]:
    """SageMaker Pipelines acts as the role: it registers the version and makes the jobs, tagged with the execution."""
    group, job = _group(scene), scene.arn("sagemaker", "processing-job/pipelines-any")
    package = scene.arn("sagemaker", f"model-package/{group}/1")
    of_group = scene.arn("sagemaker", f"model-package-group/{group}")
    yield Need("pipeline", ("sagemaker:CreateModelPackage",), (package, of_group), any_of=True)
    verbs = ("sagemaker:CreateProcessingJob", "sagemaker:DescribeProcessingJob", "sagemaker:AddTags")
    yield Need("pipeline", verbs, (job,))
    yield Need("pipeline", ("sagemaker:StopProcessingJob",), (job,), severity="warning", outcome=UNSTOPPED)
    yield from _pass_role(scene, "pipeline")


def _of_evaluate(scene: Scene) -> Iterator[Need]:
    package = scene.arn("sagemaker", f"model-package/{_group(scene)}/1")
    yield Need("evaluate", ("sagemaker:DescribeModelPackage", "sagemaker:UpdateModelPackage"), (package,))
    if endpoint := scene.wanted.evaluated_endpoint:
        where = scene.arn("sagemaker", f"endpoint/{endpoint}")
        yield Need("evaluate", ("sagemaker:InvokeEndpointWithResponseStream",), (where,))
    if scene.wanted.champion:
        live = f"{scene.setup.names.get('endpoint', 'any')}-v1"
        yield Need("evaluate", ("sagemaker:ListModelPackages",))
        invoke = ("sagemaker:InvokeEndpointWithResponseStream",)
        yield Need("champion", invoke, (scene.arn("sagemaker", f"endpoint/{live}"),), severity="warning")
    if secrets := scene.wanted.secrets:
        yield Need("evaluate", ("secretsmanager:GetSecretValue",), secrets)
    if models := scene.wanted.bedrock:
        arns = tuple(f"arn:{scene.partition}:bedrock:{scene.region}::foundation-model/{name}" for name in models)
        profiles = tuple(scene.arn("bedrock", f"inference-profile/{name}") for name in models)
        for either in zip(arns, profiles, strict=True):
            yield Need("evaluate", ("bedrock:InvokeModel",), either, any_of=True)
    if scene.wanted.mlflow:
        yield Need("mlflow", MLFLOW, (scene.wanted.mlflow,), severity="warning")


def _of_deploy(scene: Scene) -> Iterator[Need]:
    own = f"{scene.setup.names.get('endpoint', 'any')}-v1"
    model, config, endpoint = (
        scene.arn("sagemaker", f"{kind}/{own}") for kind in ("model", "endpoint-config", "endpoint")
    )
    package = scene.arn("sagemaker", f"model-package/{_group(scene)}/1")
    yield Need("deploy", ("sagemaker:ListModelPackages", "sagemaker:ListEndpoints"))
    yield Need("deploy", ("sagemaker:DescribeModelPackage", "sagemaker:UpdateModelPackage"), (package,))
    yield Need("deploy", ("sagemaker:CreateModel", "sagemaker:DescribeModel", "sagemaker:DeleteModel"), (model,))
    verbs = ("sagemaker:CreateEndpointConfig", "sagemaker:DescribeEndpointConfig", "sagemaker:DeleteEndpointConfig")
    yield Need("deploy", verbs, (config,))
    update = ("sagemaker:UpdateEndpoint",) if scene.setup.strategy == "in_place" else ()
    yield Need("deploy", ("sagemaker:CreateEndpoint", *update), (endpoint, config))  # both are its resources
    verbs = ("sagemaker:DescribeEndpoint", "sagemaker:DeleteEndpoint", "sagemaker:InvokeEndpointWithResponseStream")
    yield Need("deploy", verbs, (endpoint,))
    if scene.wanted.tags:
        yield Need("deploy", ("sagemaker:AddTags",), (model, config, endpoint))
    yield from _pass_role(scene, "deploy")


def _of_job(scene: Scene, step: Step) -> Iterator[Need]:
    """What every job of ours reads and writes; told of the first that would fail."""
    bucket, arn = scene.wanted.bucket, f"arn:{scene.partition}:s3:::{scene.wanted.bucket}"
    if bucket:
        yield Need(step, ("s3:ListBucket",), (arn,))
        read = ("cases", "code", "settings", *(["reports"] if scene.wanted.champion else []))
        yield Need(step, ("s3:GetObject",), tuple(f"{arn}/{each}/any" for each in read))
        yield Need(step, ("s3:PutObject",), (f"{arn}/reports/any",))
    yield from _of_weights(scene, step)
    yield from _of_container(scene, step, scene.wanted.images)


def _of_endpoint(scene: Scene) -> Iterator[Need]:
    yield from _of_weights(scene, "endpoint")
    yield from _of_container(scene, "endpoint", ())


def _of_weights(scene: Scene, step: Step) -> Iterator[Need]:
    if scene.model_uri:
        bucket, key = bucket_and_key(scene.model_uri)
        arn = f"arn:{scene.partition}:s3:::{bucket}"
        yield Need(
            step, ("s3:GetObject",), (f"{arn}/{key if key.endswith(('.gz', '.tgz')) else key.rstrip('/') + '/any'}",)
        )
        yield Need(step, ("s3:ListBucket",), (arn,))


def _of_container(scene: Scene, step: Step, images: tuple[str, ...]) -> Iterator[Need]:
    """The image, the key, the network; logs and metrics."""
    found = (Repository.of(image, scene.region) for image in (scene.setup.image, *images) if image)
    if repositories := tuple(dict.fromkeys(each.arn(scene.partition) for each in found if each)):
        yield Need(step, PULL, repositories, severity="warning", outcome=UNPULLED)
        yield Need(step, ("ecr:GetAuthorizationToken",), severity="warning", outcome=UNPULLED)
    if scene.setup.network:
        yield Need(step, INTERFACES)
    key = scene.wanted.kms_key
    if key and key.startswith("arn:"):  # what an alias stands for is not in the policy
        yield Need(step, ("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"), (key,))
        yield Need(step, ("kms:CreateGrant",), (key,), {"kms:GrantIsForAWSResource": "true"})
    group = scene.arn("logs", "log-group:/aws/sagemaker/any")
    yield Need(step, LOGS, (group,), severity="warning", outcome=UNSEEN)
    space = "/aws/sagemaker/Endpoints" if step == "endpoint" else "/aws/sagemaker/ProcessingJobs"
    metrics = {"cloudwatch:namespace": space}
    yield Need(step, ("cloudwatch:PutMetricData",), context=metrics, severity="warning", outcome=UNSEEN)


def _pass_role(scene: Scene, step: Step) -> Iterator[Need]:
    if role := scene.wanted.role_arn:
        yield Need(step, ("iam:PassRole",), (role,), {"iam:PassedToService": "sagemaker.amazonaws.com"})


def _group(scene: Scene) -> str:
    return scene.setup.names.get("group", "any")

"""The account's side of `sluice check`: what a release would meet there, and what is configured there already."""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sluice.cli.check.files import hub_id
from sluice.cli.check.result import CheckResult
from sluice.cli.target import STACK, Target
from sluice.config.model import PipelineConfig
from sluice.errors import UsageError
from sluice.lmi import model
from sluice.lmi.model import ModelFacts
from sluice.pipelines.images import DEPLOY_INSTANCE, cpu_image
from sluice.preflight import checks, not_applied
from sluice.preflight.account import RELEASE, Requirements, checkpoint, runner
from sluice.preflight.adapters import deployed, pipeline_yaml
from sluice.preflight.deployment_spec import DeploymentSpec
from sluice.preflight.finding import Finding

UNSAID = {  # what an account may not tell, in words
    "instance_type": "one instance type that the version is for",
    "model": "a config.json beside the weights",
}
PRICE_LIST = "us-east-1"  # the Price List answers in few regions, for all of them


def check_release(config: PipelineConfig) -> list[Finding]:
    """What the file says, with the checkpoint as the account has it, and what only the account can tell."""
    client, shape = clients(config.region), read_facts(config)
    account_findings = runner.check_account(
        pipeline_yaml.build_deployment_spec(config, model=shape), list_requirements(config), client
    )
    return checks.sort_findings([*pipeline_yaml.check_config(config, shape), *account_findings])


def read_facts(config: PipelineConfig) -> ModelFacts | None:
    """The checkpoint's own, from where the file says it is: a folder, or S3."""
    source = config.model.source
    in_s3 = checkpoint.read_model_facts(source, clients(config.region)) if source.startswith("s3://") else None
    return in_s3 or pipeline_yaml.read_model_facts(config)


def list_requirements(config: PipelineConfig) -> Requirements:
    evaluation = config.evaluation
    mlflow = evaluation.mlflow or ""
    helpers = [each for each in (evaluation.judge, evaluation.embeddings) if each]
    keys = {
        "role_arn": ("role_arn",), "table": ("history", "table"), "kms_key": ("kms_key",),
        "mlflow": ("evaluation", "mlflow"), "model_uri": ("model", "source"),
        "evaluated_endpoint": ("evaluation", "endpoint"), "jobs": ("evaluation", "instance_type"),
    }  # fmt: skip
    return Requirements(
        stack=STACK,
        role_arn=config.role_arn,
        table=config.history.table,
        kms_key=config.kms_key,
        mlflow=mlflow if mlflow.startswith("arn:") else None,
        model_uri=config.model.source if config.model.folder is None else None,
        evaluated_endpoint=evaluation.endpoint,
        champion=evaluation.gate.champion is not None,
        secrets=tuple(each.key_secret for each in helpers if each.key_secret),
        bedrock=tuple(each.model for each in helpers if not each.url),
        steps=RELEASE,
        jobs=(DEPLOY_INSTANCE,),
        images=(cpu_image(config.region),),
        tags=bool(config.tags),
        places={field: pipeline_yaml.locate(config, *key) for field, key in keys.items()},
    )


def check_deployed(package: str | None, endpoint: str | None, target: str) -> CheckResult:
    """A version or an endpoint as the account has it."""
    flag = "--model-package" if package else "--endpoint"
    if package and endpoint:
        raise UsageError("Give only one of --model-package and --endpoint.")
    if target != "aws":
        raise UsageError(f"{flag} is read off your account.", "Add --target aws. Only reading calls are made.")
    client = clients(region_of(package or ""))
    if package:
        setup, uses = deployed.read_package(client, package), Requirements()
    else:
        setup, uses = (
            deployed.read_endpoint(client, str(endpoint)),
            deployed.read_endpoint_requirements(client, str(endpoint)),
        )
    whole = identify_model(setup, client)
    findings = [*checks.check_spec(whole), *runner.check_account(setup, uses, client)]
    missing = not_applied.list_not_applied(whole, UNSAID)
    return CheckResult(package or f"endpoint {endpoint}", checks.sort_findings(findings), (), missing)


def identify_model(setup: DeploymentSpec, client: Callable[[str], Any]) -> DeploymentSpec:
    """With the shape of the model, read from where its weights are, else known by its id."""
    data = setup.model_data or ""
    facts = checkpoint.read_model_facts(data, client) if data.startswith("s3://") else None
    name = setup.model_id or hub_id(setup.environment)
    return replace(setup, model_id=name, model=facts or (model.find_model(name) if name else None))


def clients(region: str | None) -> Callable[[str], Any]:
    """Each service's client, of the region that the question is about."""
    region_name = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region_name:
        raise UsageError("The region is not known.", "Set AWS_REGION.")
    target, prices = Target("aws", region_name, None), Target("aws", PRICE_LIST, None)
    return lambda service: (prices if service == "pricing" else target).client(service)


def region_of(arn: str) -> str | None:
    parts = arn.split(":")
    return parts[3] if len(parts) > 5 and parts[3] else None

"""Builds the two pipelines with the SageMaker SDK, one function per step: config in, JSON out, and no call to AWS.

A step is an API request in which the SDK's references stand: the SDK's own step classes drop and rename members, and
some upload. Importing the SDK takes seconds, so only this module does; all others ask `pipelines.compile_cache`.
"""

import json
import logging
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from sluice.config import settings
from sluice.config.model import PipelineConfig, Sources, StackOutputs
from sluice.lmi import images, tables
from sluice.lmi.environment import build_environment
from sluice.pipelines.images import DEPLOY_INSTANCE, cpu_image
from sluice.pipelines.plan import Definitions, Json
from sluice.steps import inputs

PROCESSING = "/opt/ml/processing"
RUN = ["python3", f"{PROCESSING}/code/run.py"]
REPORT = "EvalReport"
DESCRIPTION = 3072  # the longest that a step may have


@dataclass(frozen=True)
class EvaluateEndpoint(inputs.Evaluate):
    """Evaluate with an entrypoint of its own, so no shell takes its arguments apart."""

    through_shell: ClassVar[bool] = False


def compile_definitions(config: PipelineConfig, place: StackOutputs, sources: Sources) -> Definitions:
    """Compile both definitions as SageMaker takes them, without network and credentials."""
    with offline(config.region):
        return Definitions(build_release(config, place, sources), build_deploy(config, place, sources))


def build_release(config: PipelineConfig, place: StackOutputs, sources: Sources) -> Json:
    """Build Register -> Evaluate -> Gate, and -> Deploy if no person has to approve."""
    from sagemaker.core.workflow import ExecutionVariables

    declared = parameters(
        ModelDataUri=sources.model,
        CasesUri=sources.cases,
        CodeUri=sources.code,
        SettingsUri=sources.settings,
        GitCommit="unknown",  # said at the start: in the definition it would make every commit another release
    )
    model, *uris, commit = declared
    reports = report_folder(place, config.release_pipeline)
    registered = register_step(config, place, model, reports, commit)
    evaluated = evaluate_step(config, place, registered.properties.ModelPackageArn, reports, model, uris, commit)
    deployed = deploy_step(
        config,
        place,
        inputs.Deploy(
            **deploy_inputs(config, place),
            model_package=registered.properties.ModelPackageArn,
            reason="release",
            approve="yes",
            execution=ExecutionVariables.PIPELINE_EXECUTION_ARN,
        ),
        uris,
    )
    gated = gate_step(config, evaluated, then=[deployed] if config.approval == "automatic" else [])
    return build_pipeline(config.release_pipeline, place, declared, [registered, evaluated, gated])


def build_deploy(config: PipelineConfig, place: StackOutputs, sources: Sources) -> Json:
    """Build the pipeline of Deploy alone: what an approval, a schedule and a rollback start."""
    from sagemaker.core.workflow import ExecutionVariables

    declared = parameters(
        ModelPackageArn="newest-approved",
        Reason="schedule",
        CasesUri=sources.cases,
        CodeUri=sources.code,
        SettingsUri=sources.settings,
    )
    package, reason, *uris = declared
    step = deploy_step(
        config,
        place,
        inputs.Deploy(
            **deploy_inputs(config, place),
            model_package=package,
            reason=reason,
            execution=ExecutionVariables.PIPELINE_EXECUTION_ARN,
        ),
        uris,
    )
    return build_pipeline(config.deploy_pipeline, place, declared, [step])


def register_step(config: PipelineConfig, place: StackOutputs, model: Any, reports: Any, commit: Any) -> Any:
    """Build the step that registers the version: CreateModelPackage."""
    from sagemaker.core.workflow import ExecutionVariables, Join

    container = {
        "Image": lmi_image(config),
        "Environment": lmi_environment(config),
        "ModelDataSource": {
            "S3DataSource": {"S3Uri": model, "S3DataType": "S3Prefix", "CompressionType": "None"},
        },
    }
    report = Join(on="/", values=[*reports.values, "report.json"])
    arguments = {
        "ModelPackageGroupName": config.registry.group,
        "ModelApprovalStatus": "PendingManualApproval",
        "SkipModelValidation": "All",  # what validates it is the gate
        "InferenceSpecification": {
            "Containers": [container],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json", "application/jsonlines"],
            "SupportedRealtimeInferenceInstanceTypes": [config.deployment.instance_type],
        },
        "ModelMetrics": {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": report}}},
        "CustomerMetadataProperties": {
            "execution": ExecutionVariables.PIPELINE_EXECUTION_ARN,
            "model_id": config.model.id,
            "git_commit": commit,
        },
    }
    return api_step("Register", "REGISTER_MODEL", arguments)


def evaluate_step(
    config: PipelineConfig,
    place: StackOutputs,
    package: Any,
    reports: Any,
    model: Any,
    uris: Sequence[Any],
    commit: Any,
) -> Any:
    """Build the step that evaluates the version, in a job that is the LMI container with the version's own settings.

    On several machines each serves the model and replays its share of the cases, and the first of them judges.

    The image's entrypoint stays: it sets up CUDA compatibility, and runs as a command whatever is not `serve`.
    """
    from sagemaker.core.workflow import ExecutionVariables

    evaluation = config.evaluation
    in_job = evaluation.target == "job"
    step_inputs = (inputs.Evaluate if in_job else EvaluateEndpoint)(
        model_package=package,
        report_uri=reports,
        experiment=config.name,
        execution=ExecutionVariables.PIPELINE_EXECUTION_ARN,
        target=evaluation.endpoint or "job",
        machine=evaluation.instance_type if in_job else config.deployment.instance_type,
        commit=commit,
        startup_seconds=config.deployment.startup_seconds,
        mlflow_uri=evaluation.mlflow,
    )
    arguments = job_arguments(
        config, place, evaluation.instance_type, evaluation.volume_gb, evaluation.max_runtime_minutes * 60
    )
    arguments["ProcessingResources"]["ClusterConfig"]["InstanceCount"] = evaluation.instances
    arguments["ProcessingInputs"] = job_inputs(uris)
    arguments["ProcessingOutputConfig"] = job_output(config, reports)
    if in_job:
        arguments["AppSpecification"] = {
            "ImageUri": lmi_image(config),
            "ContainerArguments": [*RUN, *inputs.to_arguments(step_inputs)],
        }
        arguments["Environment"] |= lmi_environment(config) | {"HF_MODEL_ID": f"{PROCESSING}/model"}
        arguments["ProcessingInputs"].insert(0, job_input("model", model))
    else:
        arguments["AppSpecification"] = own_entrypoint(config, step_inputs)
    files = [{"PropertyFileName": REPORT, "OutputName": "report", "FilePath": "report.json"}]
    beside = {"Description": describe_settings(config), "PropertyFiles": files}
    return api_step("Evaluate", "PROCESSING", arguments, beside, retries())


def gate_step(config: PipelineConfig, evaluated: Any, then: list[Any]) -> Any:
    """Build the condition on the report's verdict, which is never recomputed: a pass, or what the file lets through.

    What closes it says why: the report's summary, which tells of an inconclusive verdict what would decide.

    Not verified on AWS: that a Fail step's message may read a property file. The documentation shows it in conditions.
    """
    from sagemaker.core.workflow import ConditionEquals, ConditionIn, Join, JsonGet
    from sagemaker.mlops.workflow import ConditionStep, FailStep

    def from_report(path: str) -> Any:
        return JsonGet(step_name=evaluated.name, property_file=REPORT, json_path=path)

    closed = FailStep(
        name="GateClosed", error_message=Join(on="", values=["The gate stays closed: ", from_report("summary")])
    )
    if config.settings.gate.let_inconclusive_through:
        passed = ConditionIn(value=from_report("verdict"), in_values=["pass", "inconclusive"])
    else:
        passed = ConditionEquals(left=from_report("verdict"), right="pass")
    return ConditionStep(name="Gate", conditions=[passed], if_steps=then, else_steps=[closed], depends_on=[evaluated])


def deploy_step(config: PipelineConfig, place: StackOutputs, step_inputs: inputs.Deploy, uris: Sequence[Any]) -> Any:
    """Build the step that puts one version live, by a small job that waits for the endpoint."""
    deployment = config.deployment
    seconds = (
        inputs.PROVISION_SECONDS
        + deployment.download_seconds
        + deployment.startup_seconds
        + config.evaluation.max_runtime_minutes * 60
        + deployment.drain_seconds
    )
    arguments = job_arguments(config, place, DEPLOY_INSTANCE, 30, seconds)
    arguments["AppSpecification"] = own_entrypoint(config, step_inputs)
    arguments["ProcessingInputs"] = job_inputs(uris)
    # Also within a release: there Evaluate's report has the folder of the release pipeline's execution.
    arguments["ProcessingOutputConfig"] = job_output(config, report_folder(place, config.deploy_pipeline))
    return api_step("Deploy", "PROCESSING", arguments, {"Description": describe_settings(config)}, retries())


def deploy_inputs(config: PipelineConfig, place: StackOutputs) -> Json:
    """Return the deploy step's inputs that are the same in every pipeline."""
    deployment = config.deployment
    return {
        "group": config.registry.group,
        "endpoint": deployment.endpoint,
        "instance_type": deployment.instance_type,
        "instance_count": deployment.instance_count,
        "role_arn": place.role_arn,
        "startup_seconds": deployment.startup_seconds,
        "download_seconds": deployment.download_seconds,
        "drain_seconds": deployment.drain_seconds,
        "strategy": deployment.strategy,
        "kms_key": config.kms_key,
        "subnets": config.subnets_argument,
        "security_groups": ",".join(config.vpc.security_groups) if config.vpc else None,
        "tags": config.tags_argument,
    }


def job_arguments(
    config: PipelineConfig, place: StackOutputs, instance_type: str, volume_gb: int, seconds: int
) -> Json:
    """Return what every Processing job of ours has: machine, role, time limit in seconds, network, tags."""
    cluster: Json = {"InstanceCount": 1, "InstanceType": instance_type, "VolumeSizeInGB": volume_gb}
    if config.kms_key and not has_local_disk(instance_type):
        cluster["VolumeKmsKeyId"] = config.kms_key
    arguments: Json = {
        "ProcessingResources": {"ClusterConfig": cluster},
        "RoleArn": place.role_arn,
        "StoppingCondition": {"MaxRuntimeInSeconds": seconds},
        "Environment": {"AWS_DEFAULT_REGION": config.region},
    }
    if config.vpc:
        arguments["NetworkConfig"] = {
            "EnableNetworkIsolation": False,
            "VpcConfig": {
                "Subnets": list(config.vpc.subnets),
                "SecurityGroupIds": list(config.vpc.security_groups),
            },
        }
    if config.tags:
        arguments["Tags"] = [{"Key": key, "Value": value} for key, value in sorted(config.tags.items())]
    return arguments


def has_local_disk(instance_type: str) -> bool:
    """Whether the instance has disks of its own: SageMaker encrypts these itself and refuses a key for the volume."""
    row = tables.by("instances", "instance").get(instance_type)
    # what the table lacks tells by its name: in AWS's names a d after the generation stands for a local disk
    return bool(row["nvme_gb"]) if row else re.match(r"ml\.[a-z]+\d+[a-z]*d", instance_type) is not None


def own_entrypoint(config: PipelineConfig, step_inputs: inputs.Evaluate | inputs.Deploy) -> Json:
    return {
        "ImageUri": cpu_image(config.region),
        "ContainerEntrypoint": RUN,
        "ContainerArguments": inputs.to_arguments(step_inputs),
    }


def describe_settings(config: PipelineConfig) -> str:
    """Describe what `settings.json` holds: for Studio, and so that a plan can show what changes in it."""
    line = "; ".join(f"{key}={value}" for key, value in settings.flatten_settings(config.evaluation))
    return line if len(line) <= DESCRIPTION else line[: DESCRIPTION - 4] + " ..."


def job_inputs(uris: Sequence[Any]) -> list[Json]:
    return [job_input(name, uri) for name, uri in zip(("cases", "code", "settings"), uris, strict=True)]


def job_input(name: str, uri: Any) -> Json:
    s3 = {
        "S3Uri": uri,
        "LocalPath": f"{PROCESSING}/{name}",
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
        "S3DataDistributionType": "FullyReplicated",
        "S3CompressionType": "None",
    }
    return {"InputName": name, "S3Input": s3}


def job_output(config: PipelineConfig, uri: Any) -> Json:
    s3 = {"S3Uri": uri, "LocalPath": f"{PROCESSING}/report", "S3UploadMode": "EndOfJob"}
    encrypted = {"KmsKeyId": config.kms_key} if config.kms_key else {}
    return {"Outputs": [{"OutputName": "report", "S3Output": s3}], **encrypted}


def report_folder(place: StackOutputs, name: str) -> Any:
    from sagemaker.core.workflow import ExecutionVariables, Join

    execution = ExecutionVariables.PIPELINE_EXECUTION_ID
    return Join(on="/", values=[f"s3://{place.bucket}/reports/{name}", execution])


def lmi_image(config: PipelineConfig) -> str:
    """Return the image's URI: in the region's registry, unless the file names one."""
    image = config.lmi.image
    return image if "/" in image else images.parse_image(image).uri(config.region)


def lmi_environment(config: PipelineConfig) -> dict[str, str]:
    lmi = config.lmi
    return build_environment(lmi.image, lmi.options, lmi.tensor_parallel_degree, lmi.env)


def parameters(**defaults: str) -> list[Any]:
    from sagemaker.core.workflow import ParameterString

    return [ParameterString(name=name, default_value=default) for name, default in defaults.items()]


def retries() -> list[Any]:
    """Return the retry policies: GPUs run out for an hour and come back, and AWS itself has its moments."""
    from sagemaker.mlops.workflow import (
        SageMakerJobExceptionTypeEnum,
        SageMakerJobStepRetryPolicy,
        StepExceptionTypeEnum,
        StepRetryPolicy,
    )

    capacity = [SageMakerJobExceptionTypeEnum.CAPACITY_ERROR]
    service = [StepExceptionTypeEnum.SERVICE_FAULT, StepExceptionTypeEnum.THROTTLING]
    return [
        SageMakerJobStepRetryPolicy(exception_types=capacity, interval_seconds=300, backoff_rate=1.5, max_attempts=6),
        StepRetryPolicy(exception_types=service, interval_seconds=5, backoff_rate=2.0, max_attempts=3),
    ]


def build_pipeline(name: str, place: StackOutputs, declared: Sequence[Any], steps: Sequence[Any]) -> Json:
    from sagemaker.mlops.workflow import Pipeline

    sdk_pipeline = Pipeline(
        name=name,
        parameters=list(declared),
        steps=list(steps),
        sagemaker_session=session(place.region, place.bucket),
        pipeline_experiment_config=None,
    )
    definition: Json = json.loads(sdk_pipeline.definition())
    return definition


def api_step(name: str, kind: str, arguments: Json, beside: Json | None = None, retry: Sequence[Any] = ()) -> Any:
    """Build a step whose arguments are exactly those of the API; `beside` stands next to them."""
    from sagemaker.mlops.workflow.steps import StepTypeEnum

    return api_step_class()(name, StepTypeEnum[kind], arguments, beside or {}, list(retry))


@cache
def api_step_class() -> Any:
    from sagemaker.core.workflow import Properties
    from sagemaker.mlops.workflow.steps import ConfigurableRetryStep, StepTypeEnum

    described_by = {
        StepTypeEnum.REGISTER_MODEL: "DescribeModelPackageOutput",
        StepTypeEnum.PROCESSING: "DescribeProcessingJobResponse",
    }

    class ApiStep(ConfigurableRetryStep):  # type: ignore[misc]  # the SDK has no types
        def __init__(self, name: str, kind: Any, arguments: Json, beside: Json, retry: list[Any]) -> None:
            super().__init__(name=name, step_type=kind, retry_policies=retry)
            self._arguments, self._beside = arguments, beside
            self._properties = Properties(step_name=name, step=self, shape_name=described_by[kind])

        @property
        def arguments(self) -> Json:
            return self._arguments

        @property
        def properties(self) -> Any:
            return self._properties

        def to_request(self) -> Json:
            return {**super().to_request(), **self._beside}

    return ApiStep


@cache
def session(region: str, bucket: str) -> Any:
    import boto3
    from sagemaker.core.workflow.pipeline_context import PipelineSession

    quiet = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}
    return PipelineSession(boto3.Session(region_name=region), default_bucket=bucket, sagemaker_config=quiet)


@contextmanager
def offline(region: str) -> Iterator[None]:
    """Give the boto3 clients that the SDK makes while it is imported a region, and nobody's profile or credentials."""
    changes = {
        "AWS_DEFAULT_REGION": region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PROFILE": None,
        "AWS_DEFAULT_PROFILE": None,
    }
    before = {name: os.environ.get(name) for name in changes}
    set_environment(changes)
    try:
        with warnings.catch_warnings(), own_logging():
            warnings.simplefilter("ignore")  # the SDK's own, about itself
            yield
    finally:
        set_environment(before)


@contextmanager
def own_logging() -> Iterator[None]:
    """Undo what the SDK sets up in the root logger while it is imported: every library's notes would be printed."""
    root = logging.getLogger()
    level, handlers, disabled = root.level, list(root.handlers), root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(disabled)
        root.setLevel(level)
        root.handlers[:] = handlers


def set_environment(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value

"""pipeline.yaml as the rules of `preflight` look at it, every value with its key and line; and what is wrong in it."""

from collections.abc import Iterator
from pathlib import Path

from sluice.config.model import ConfigError, PipelineConfig
from sluice.errors import UsageError
from sluice.lmi import model as models
from sluice.lmi.environment import format_scalar
from sluice.lmi.model import ModelFacts
from sluice.preflight import checks, pipeline_file
from sluice.preflight.adapters.config_files import Suppression
from sluice.preflight.deployment_spec import DeploymentSpec, EvaluationSpec, Job, Network, Setting
from sluice.preflight.finding import Finding, Location

DEGREE = "TENSOR_PARALLEL_DEGREE"
# field of DeploymentSpec -> key of pipeline.yaml
KEYS: dict[str, tuple[str, ...]] = {
    "image": ("lmi", "image"),
    "options": ("lmi", "options"),
    "region": ("region",),
    "instance_type": ("deployment", "instance_type"),
    "instance_count": ("deployment", "instance_count"),
    "model_id": ("model", "id"),
    "model": ("model", "source"),
    "model_data": ("model", "source"),
    "network": ("vpc",),
    "startup_seconds": ("deployment", "startup_seconds"),
    "download_seconds": ("deployment", "download_seconds"),
    "strategy": ("deployment", "strategy"),
    "job": ("evaluation", "instance_type"),
    "job_volume_gb": ("evaluation", "volume_gb"),
    "job_runtime_seconds": ("evaluation", "max_runtime_minutes"),
    "judging": ("evaluation", "cases"),
    "max_tokens": ("evaluation", "max_tokens"),
    "gate": ("evaluation", "gate", "min_pass_rate"),
    "endpoint": ("deployment", "endpoint"),
    "group": ("registry", "group"),
    "pipeline": ("name",),
}


def check_config(config: PipelineConfig, model: ModelFacts | None = None) -> list[Finding]:
    """What the file would run into on SageMaker, the worst first. Asks no AWS.

    `model`: its facts, if the caller has read them elsewhere; else they are read here or known by the model's id.
    """
    judging: EvaluationSpec | None = None
    problems = list(_local_checkpoint(config))
    try:
        judging = read_evaluation(config)
    except UsageError as error:
        what = " ".join((error.message, error.hint)).strip()
        problems.append(pipeline_file.CFG003.at(locate(config, "evaluation", "cases"), what))
    return checks.sort_findings([*problems, *checks.check_spec(build_deployment_spec(config, judging, model))])


def report_config_error(error: ConfigError, path: Path) -> list[Finding]:
    """A file that could not be read as a release, problem by problem."""
    rule = pipeline_file.CFG001 if error.kind == "form" else pipeline_file.CFG002
    return [rule.at(Location(each.path, str(path), each.line), each.message) for each in error.problems]


def read_suppressions(config: PipelineConfig) -> tuple[Suppression, ...]:
    reasons = config.checks.suppress
    return tuple(
        Suppression(code, reason, locate(config, "checks", "suppress", code)) for code, reason in reasons.items()
    )


def build_deployment_spec(
    config: PipelineConfig, judging: EvaluationSpec | None = None, model: ModelFacts | None = None
) -> DeploymentSpec:
    deployment = config.deployment
    return DeploymentSpec(
        image=config.lmi.image,
        environment=tuple(list_environment(config)),
        form="yaml",
        region=config.region,
        instance_type=deployment.instance_type,
        instance_count=deployment.instance_count,
        model_id=config.model.id,
        model=model or read_model_facts(config),
        model_data=config.model.source,
        network=Network(config.vpc.subnets, config.vpc.security_groups) if config.vpc else None,
        startup_seconds=deployment.startup_seconds,
        download_seconds=deployment.download_seconds,
        strategy=deployment.strategy,
        names={"endpoint": deployment.endpoint, "group": config.registry.group, "pipeline": config.name},
        job=read_job(config),
        judging=judging,
        places={field: locate(config, *key) for field, key in KEYS.items()},
    )


def list_environment(config: PipelineConfig) -> Iterator[Setting]:
    """The container's environment as the definition writes it, each variable with the key that it comes from."""
    for name, value in config.lmi.options.items():
        # A name that is not lower case stays as it is, so that the rule about spelling can see it.
        variable = name.upper() if name == name.lower() else name
        yield Setting(f"OPTION_{variable}", format_scalar(value), locate(config, "lmi", "options", name))
    degree = config.lmi.tensor_parallel_degree
    yield Setting(DEGREE, str(degree), locate(config, "lmi", "tensor_parallel_degree"))
    for name, value in config.lmi.env.items():
        yield Setting(name, value, locate(config, "lmi", "env", name))


def read_model_facts(config: PipelineConfig) -> ModelFacts | None:
    """Read off the checkpoint itself if it is here, else from the table of known models."""
    folder = config.model.folder
    if folder is not None and (folder / "config.json").is_file():
        try:
            return models.from_folder(folder)
        except UsageError:  # `sluice.preflight.hosting.checks` looks into the folder and says what is wrong there
            return None
    return models.find_model(config.model.id)


def read_job(config: PipelineConfig) -> Job | None:
    evaluation = config.evaluation
    if evaluation.target != "job":
        return None
    return Job(evaluation.instance_type, evaluation.volume_gb, evaluation.max_runtime_minutes * 60)


def read_evaluation(config: PipelineConfig) -> EvaluationSpec:
    """Raises UsageError with every mistake in the case files, or if nobody could judge by them."""
    tokenizer = config.model.folder / "tokenizer.json" if config.model.folder else None
    return EvaluationSpec(
        config.read_cases(),
        config.evaluation.max_tokens,
        config.evaluation.gate.min_pass_rate,
        tokenizer if tokenizer and tokenizer.is_file() else None,
    )


def locate(config: PipelineConfig, *key: str) -> Location:
    return Location(".".join(key), str(config.file) if config.file else None, config.line(*key))


def _local_checkpoint(config: PipelineConfig) -> Iterator[Finding]:
    folder = config.local.model
    if folder is not None and not (folder / "config.json").is_file():
        what = f"{folder} holds no config.json at its root" if folder.is_dir() else f"There is no folder {folder}"
        yield pipeline_file.CFG004.at(locate(config, "local", "model"), f"{what}: no run on the local AWS can start.")

"""A configuration from files and flags, as the rules look at it. Flags are named as the places of what they say."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sluice.cli.check.result import FLAGS, CheckResult
from sluice.errors import UsageError
from sluice.lmi import model
from sluice.lmi.model import ModelFacts
from sluice.preflight import checks, not_applied
from sluice.preflight.adapters import config_files
from sluice.preflight.adapters.config_files import Reading
from sluice.preflight.deployment_spec import DeploymentSpec, Setting
from sluice.preflight.finding import Location

MODEL_FOLDER = "/opt/ml/model"
NOTHING = Reading(())


def check_files(options: Mapping[str, Any]) -> CheckResult:
    files = [file for file in (options["env_file"], options["serving_properties"]) if file]
    environment = config_files.read_environment(options["env_file"]) if options["env_file"] else NOTHING
    properties = (
        config_files.read_properties(options["serving_properties"]) if options["serving_properties"] else NOTHING
    )
    whole = build_spec(options, environment, properties)
    findings = checks.check_spec(whole)
    subject = " and ".join(str(file) for file in files) or "this configuration"
    return CheckResult(
        subject, findings, environment.silences + properties.silences, not_applied.list_not_applied(whole)
    )


def build_spec(options: Mapping[str, Any], environment: Reading, properties: Reading) -> DeploymentSpec:
    settings = (*environment.settings, *properties.settings)
    model_id = options["model"] or hub_id(settings)
    fields = {key: options[key] or environment.fields.get(key) for key in ("image", "model_data", "network_isolation")}
    main = options["env_file"] or options["serving_properties"]
    return DeploymentSpec(
        image=fields["image"],
        environment=environment.settings,
        properties=properties.settings,
        form="properties" if properties.settings and not environment.settings else "env",
        region=options["region"] or region_of(fields["image"]),
        instance_type=options["instance_type"],
        instance_count=options["instance_count"] or 1,
        model_id=model_id,
        model=read_facts(options["model_config"], model_id),
        model_data=fields["model_data"],
        network_isolation=bool(fields["network_isolation"]),
        network=environment.fields.get("network"),
        ami=options["ami"],
        startup_seconds=options["startup_seconds"],
        download_seconds=options["download_seconds"],
        volume_gb=options["volume_gb"],
        places={
            **{key: Location(f"--{key.replace('_', '-')}") for key in FLAGS},
            **{key: place for key, place in environment.places.items() if not options.get(key)},
            "model_id": Location("--model") if options["model"] else place_of_id(settings),
            "options": Location("options", str(main) if main else None),
        },
    )


def read_facts(config: Path | None, model_id: str | None) -> ModelFacts | None:
    """Read off the model's own files if they were named, else from the table of known models."""
    if config is None:
        return model.find_model(model_id) if model_id else None
    if config.is_dir():
        return model.from_folder(config)
    content = config_files.parse_json(config)
    if not isinstance(content, dict):
        raise UsageError(f"{config}: is no model's config.json.", "It is a JSON object with architectures in it.")
    return model.from_config(content, model_id or str(config))


def hub_id(settings: tuple[Setting, ...]) -> str | None:
    """The model that the configuration itself names, if that is an id on the hub."""
    values = [each.value for each in settings if each.name in {"HF_MODEL_ID", "OPTION_MODEL_ID", "option.model_id"}]
    ids = [each for each in values if each and "://" not in each and not each.startswith("/")]
    return ids[-1] if ids else None


def place_of_id(settings: tuple[Setting, ...]) -> Location:
    named = [each.place for each in settings if each.name in {"HF_MODEL_ID", "OPTION_MODEL_ID", "option.model_id"}]
    return named[-1] if named else Location("--model")


def region_of(image: str | None) -> str | None:
    """The region that the image is pulled from, where its URI says so."""
    host = (image or "").partition("/")[0].split(".")
    return host[3] if len(host) > 4 and host[1:3] == ["dkr", "ecr"] else None

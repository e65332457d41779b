"""A configuration from files and flags, as the rules look at it. Flags are named as the places of what they say."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sluice.cli.check.command import FLAGS, Checked
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


def checked(given: Mapping[str, Any]) -> Checked:
    files = [file for file in (given["env_file"], given["serving_properties"]) if file]
    environment = config_files.environment(given["env_file"]) if given["env_file"] else NOTHING
    properties = config_files.properties(given["serving_properties"]) if given["serving_properties"] else NOTHING
    whole = setup(given, environment, properties)
    found = checks.findings(whole)
    subject = " and ".join(str(file) for file in files) or "this configuration"
    return Checked(subject, found, environment.silences + properties.silences, not_applied.find(whole))


def setup(given: Mapping[str, Any], environment: Reading, properties: Reading) -> DeploymentSpec:
    settings = (*environment.settings, *properties.settings)
    model_id = given["model"] or hub_id(settings)
    fields = {key: given[key] or environment.fields.get(key) for key in ("image", "model_data", "network_isolation")}
    main = given["env_file"] or given["serving_properties"]
    return DeploymentSpec(
        image=fields["image"],
        environment=environment.settings,
        properties=properties.settings,
        form="properties" if properties.settings and not environment.settings else "env",
        region=given["region"] or region_of(fields["image"]),
        instance_type=given["instance_type"],
        instance_count=given["instance_count"] or 1,
        model_id=model_id,
        model=facts(given["model_config"], model_id),
        model_data=fields["model_data"],
        network_isolation=bool(fields["network_isolation"]),
        network=environment.fields.get("network"),
        ami=given["ami"],
        startup_seconds=given["startup_seconds"],
        download_seconds=given["download_seconds"],
        volume_gb=given["volume_gb"],
        places={
            **{key: Location(f"--{key.replace('_', '-')}") for key in FLAGS},
            **{key: place for key, place in environment.places.items() if not given.get(key)},
            "model_id": Location("--model") if given["model"] else place_of_id(settings),
            "options": Location("options", str(main) if main else None),
        },
    )


def facts(config: Path | None, model_id: str | None) -> ModelFacts | None:
    """Read off the model's own files if they were named, else from the table of known models."""
    if config is None:
        return model.known(model_id) if model_id else None
    if config.is_dir():
        return model.from_folder(config)
    content = config_files.json_of(config)
    if not isinstance(content, dict):
        raise UsageError(f"{config}: is no model's config.json.", "It is a JSON object with architectures in it.")
    return model.from_config(content, model_id or str(config))


def hub_id(settings: tuple[Setting, ...]) -> str | None:
    """The model that the configuration itself names, if that is an id on the hub."""
    found = [each.value for each in settings if each.name in {"HF_MODEL_ID", "OPTION_MODEL_ID", "option.model_id"}]
    ids = [each for each in found if each and "://" not in each and not each.startswith("/")]
    return ids[-1] if ids else None


def place_of_id(settings: tuple[Setting, ...]) -> Location:
    named = [each.place for each in settings if each.name in {"HF_MODEL_ID", "OPTION_MODEL_ID", "option.model_id"}]
    return named[-1] if named else Location("--model")


def region_of(image: str | None) -> str | None:
    """The region that the image is pulled from, where its URI says so."""
    host = (image or "").partition("/")[0].split(".")
    return host[3] if len(host) > 4 and host[1:3] == ["dkr", "ecr"] else None

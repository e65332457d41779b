"""Definitions from a cache: compiling costs the SDK's import, so an unchanged release is not compiled again."""

import hashlib
import json
import os
import tempfile
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import sluice
from sluice.config.model import PipelineConfig, Sources, StackOutputs
from sluice.extras import ExtraMissing
from sluice.pipelines.plan import Definitions

PACKAGE = Path(sluice.__file__).parent
# Whatever a definition depends on, besides the SDK and what it is compiled from.
CODE = (
    *("pipelines/definition.py", "pipelines/images.py", "pipelines/validation.py", "pipelines/compile_cache.py"),
    *("config/settings.py", "steps/inputs.py", "lmi/environment.py", "lmi/images.py", "lmi/options.py"),
    *("lmi/tables/options.json", "lmi/tables/instances.json"),
)
MAX_FILES = 20


def compile_cached(config: PipelineConfig, place: StackOutputs, sources: Sources, cache: Path) -> Definitions:
    """Return both definitions, valid; from the folder `cache` if they have been compiled before."""
    file = cache / f"{cache_key(config, place, sources)}.json"
    definitions = read_definitions(file)
    if definitions is None:
        definitions = compile_uncached(config, place, sources)
        write_definitions(file, definitions)
    return definitions


def is_cached(config: PipelineConfig, place: StackOutputs, sources: Sources, cache: Path) -> bool:
    """Whether the definitions have been compiled before, and so are valid."""
    return read_definitions(cache / f"{cache_key(config, place, sources)}.json") is not None


def compile_uncached(config: PipelineConfig, place: StackOutputs, sources: Sources) -> Definitions:
    from sluice.pipelines import definition, validation

    try:
        definitions = definition.compile_definitions(config, place, sources)
    except ModuleNotFoundError as error:
        raise ExtraMissing(error.name or "sagemaker", "pipeline") from error
    validation.validate_definition(config.release_pipeline, definitions.release)
    validation.validate_definition(config.deploy_pipeline, definitions.deploy)
    return definitions


def cache_key(config: PipelineConfig, place: StackOutputs, sources: Sources) -> str:
    """Return a hash that changes with anything that a definition is made of."""
    try:
        sdk = version("sagemaker")
    except PackageNotFoundError:
        sdk = "none"
    ingredients = [config.model_dump(mode="json", exclude={"checks", "prices"}), asdict(place), asdict(sources), sdk]
    digest = hashlib.sha256(json.dumps(ingredients, sort_keys=True).encode())
    for name in CODE:
        digest.update((PACKAGE / name).read_bytes())
    return digest.hexdigest()[:32]


def read_definitions(file: Path) -> Definitions | None:
    """Read what was written, or None if there is nothing, or something else, in that file."""
    try:
        content = json.loads(file.read_bytes())
        if content["checksum"] == checksum(content["release"], content["deploy"]):
            return Definitions(content["release"], content["deploy"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # a broken cache costs a compilation, not an error
    return None


def write_definitions(file: Path, definitions: Definitions) -> None:
    """Write the file whole or not at all. Where nothing can be written, every run compiles."""
    parts = asdict(definitions)
    content = {"checksum": checksum(parts["release"], parts["deploy"]), **parts}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, suffix=".part", delete=False) as part:
            json.dump(content, part)
        os.replace(part.name, file)
        newest_first = sorted(file.parent.glob("*.json"), key=lambda each: each.stat().st_mtime, reverse=True)
        for old in newest_first[MAX_FILES:]:
            old.unlink(missing_ok=True)
    except OSError:
        return


def checksum(*values: object) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

"""The line to write instead, as the reader's own file or command has it; never one with a secret in it."""

from sluice.preflight.container import secrets
from sluice.preflight.deployment_spec import DeploymentSpec
from sluice.preflight.finding import Location

PROPERTIES = {  # plain variables that serving.properties has another name for
    "HF_MODEL_ID": "option.model_id",
    "HF_REVISION": "option.revision",
    "TENSOR_PARALLEL_DEGREE": "option.tensor_parallel_degree",
    "MODEL_LOADING_TIMEOUT": "option.model_loading_timeout",
}


def variable(setup: DeploymentSpec, name: str, value: str) -> str:
    """A plain environment variable."""
    if secrets.kind(name, value):
        return ""
    if setup.form == "yaml":
        return f"{name}: {value}"
    if setup.form == "properties" and name in PROPERTIES:
        return f"{PROPERTIES[name]}={value}"
    return f"{name}={value}"


def option(setup: DeploymentSpec, name: str, value: str) -> str:
    """An option of the container, such as max_model_len."""
    return "" if secrets.kind(name, value) else setup.line(name, value)


def at(place: Location, value: object) -> str:
    """Another value at a place: after a flag, or after the last part of a dotted key."""
    if place.where.startswith("--"):
        return f"{place.where} {value}"
    return f"{place.where.rpartition('.')[2]}: {value}"

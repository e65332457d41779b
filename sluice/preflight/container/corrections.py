"""The line to write instead, as the reader's own file or command has it; never one with a secret in it."""

from sluice.lmi import options
from sluice.preflight.container import secrets
from sluice.preflight.deployment_spec import DeploymentSpec
from sluice.preflight.finding import Location
from sluice.preflight.memory.serving import LENGTH, has_room, longest_of_model

PROPERTIES = {  # plain variables that serving.properties has another name for
    "HF_MODEL_ID": "option.model_id",
    "HF_REVISION": "option.revision",
    "TENSOR_PARALLEL_DEGREE": "option.tensor_parallel_degree",
    "MODEL_LOADING_TIMEOUT": "option.model_loading_timeout",
}


def variable(setup: DeploymentSpec, name: str, value: str) -> str:
    """A plain environment variable."""
    if secrets.classify_secret(name, value):
        return ""
    if setup.form == "yaml":
        return f"{name}: {value}"
    if setup.form == "properties" and name in PROPERTIES:
        return f"{PROPERTIES[name]}={value}"
    return f"{name}={value}"


def option(setup: DeploymentSpec, name: str, value: str) -> str:
    """An option of the container, such as max_model_len; empty if nothing of the kind can be advised."""
    right = acceptable(setup, name, value)
    return setup.line(name, right) if right else ""


def acceptable(setup: DeploymentSpec, name: str, value: str) -> str:
    """The value as an option may have it; empty if it is secret, or if it is a context that has no room on the card:
    then the rules about memory have a line that does."""
    if secrets.classify_secret(name, value) or not value or "\n" in value:
        return ""
    return _possible_length(setup, value) if name == LENGTH else value


def _possible_length(setup: DeploymentSpec, value: str) -> str:
    try:
        tokens = options.parse_length(value.strip(), setup.release or max(options.RELEASES))
    except (ValueError, OverflowError):
        return ""
    if tokens is None:
        return value
    most = min(tokens, longest_of_model(setup) or tokens)
    return "" if not has_room(setup, most) else value if most == tokens else str(most)


def at(place: Location, value: object) -> str:
    """Another value at a place: after a flag, or after the last part of a dotted key."""
    if place.where.startswith("--"):
        return f"{place.where} {value}"
    return f"{place.where.rpartition('.')[2]}: {value}"

"""A container as CreateModel takes it and DescribeModel returns it, whether it comes from the API or a file."""

from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

from sluice.preflight.deployment_spec import Network, settings
from sluice.preflight.finding import Location

Json = Mapping[str, Any]
NAMES = {  # field of DeploymentSpec -> the API's own name, which is what the reader changes
    "image": "Image",
    "options": "Environment",
    "model_data": "ModelDataSource",
    "network_isolation": "EnableNetworkIsolation",
    "network": "VpcConfig",
}


def find_container(model: Json) -> Json:
    """The container that serves: of a model, of what a package or a component says of it, or the container itself.

    Empty if there is none. What is within may be anything: a file is somebody else's.
    """
    model = next(
        (model[key] for key in ("InferenceSpecification", "Specification") if _is_object(model.get(key))), model
    )
    several = model.get("Containers")
    first = several[0] if isinstance(several, list) and several and _is_object(several[0]) else {}
    one: Json = next((model[key] for key in ("PrimaryContainer", "Container") if _is_object(model.get(key))), {})
    is_one = isinstance(model.get("Image"), str) and bool(
        {"Environment", "ModelDataUrl", "ModelDataSource"} & set(model)
    )
    return {**first, **one} or (model if is_one else {})


def read_container(container: Json, place: Callable[[str], Location] = Location) -> dict[str, Any]:
    """The fields of DeploymentSpec that a container gives. `place`: where a name of it stands."""
    environment = container.get("Environment")
    pairs = environment.items() if _is_object(environment) else ()
    return {
        "image": _text(container.get("Image")),
        "environment": settings((key, str(value), place(key)) for key, value in pairs),
        "form": "env",
        "model_data": _model_data(container),
    }


def read_network(model: Json) -> Network | None:
    config = model.get("VpcConfig")
    if not config or not _is_object(config):
        return None
    return Network(_texts(config.get("Subnets")), _texts(config.get("SecurityGroupIds")))


def _model_data(container: Json) -> str | None:
    """Where the weights are. An object that is not an archive stays what it is; a prefix may lack its slash."""
    source = container.get("ModelDataSource")
    in_s3 = source.get("S3DataSource") if _is_object(source) else None
    return _text(in_s3.get("S3Uri") if _is_object(in_s3) else None) or _text(container.get("ModelDataUrl"))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list | tuple) else ()


def _is_object(value: Any) -> TypeGuard[Json]:
    return isinstance(value, Mapping)

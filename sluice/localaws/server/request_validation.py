"""Checks a request against the service's own API model, as the real service does: names, types, enums and limits.

boto3 checks names, required members and types before it sends; enums, maxima and whatever stands inside a pipeline
definition only the service sees.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import botocore.session

from sluice.localaws.pipelines.references import PropertyPath, is_expression
from sluice.localaws.server.request_faults import Malformed

# What an expression will become, if that can be told before it runs.
TypeOf = Callable[[Any], type | None]

_NUMBERS = {"integer": int, "long": int, "float": float, "double": float}
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    **{"string": (str,), "boolean": (bool,)},
    **{"integer": (int,), "long": (int,), "float": (int, float), "double": (int, float)},
}


@cache
def _service() -> Any:
    return botocore.session.get_session().get_service_model("sagemaker")


def input_shape(operation: str) -> Any:
    return _service().operation_model(operation).input_shape


def step_name_shape() -> Any:
    return _service().shape_for("StepName")


# What each operation's resource looks like when it is described: the properties of a step.
_DESCRIBED = {
    "CreateProcessingJob": "DescribeProcessingJobResponse",
    "CreateModelPackage": "DescribeModelPackageOutput",
    "CreateModel": "DescribeModelOutput",
    "CreateEndpointConfig": "DescribeEndpointConfigOutput",
    "CreateEndpoint": "DescribeEndpointOutput",
}


def check_property(operation: str, path: PropertyPath, where: str) -> None:
    """Refuses a path that no answer of the describe operation can have."""
    shape = _service().shape_for(_DESCRIBED[operation])
    for part in path:
        if shape.type_name == "list":
            shape = shape.member
        elif shape.type_name == "map" and isinstance(part, str):
            shape = shape.value
        elif shape.type_name == "structure" and part in shape.members:
            shape = shape.members[part]
        else:
            raise Malformed(f"{where}: {shape.name} has no {part!r}.")


def check_request(operation: str, request: dict[str, Any]) -> None:
    """Raises Malformed, naming every fault of a request."""
    faults = list(find_faults(request, input_shape(operation), ""))
    if faults:
        raise Malformed(f"{len(faults)} validation error{'s' * (len(faults) > 1)} detected: {'; '.join(faults)}")


def find_faults(
    value: Any, shape: Any, where: str, filled_in: frozenset[str] = frozenset(), type_of: TypeOf | None = None
) -> Iterator[str]:
    """Yield every fault; members in `filled_in` may be missing, expressions count as right if their type fits."""
    if type_of and is_expression(value):
        yield from _expression_faults(value, shape, where, type_of(value))
    elif shape.type_name == "structure":
        yield from _structure_faults(value, shape, where, filled_in, type_of)
    elif shape.type_name == "map":
        yield from _collection_faults(value, dict, shape, where)
        for key, item in value.items() if isinstance(value, dict) else ():
            yield from find_faults(key, shape.key, f"{where} (key)")
            yield from find_faults(item, shape.value, f"{where}.{key}", type_of=type_of)
    elif shape.type_name == "list":
        yield from _collection_faults(value, list, shape, where)
        for index, item in enumerate(value) if isinstance(value, list) else ():
            yield from find_faults(item, shape.member, f"{where}[{index}]", type_of=type_of)
    else:
        yield from _scalar_faults(value, shape, where)


def _structure_faults(
    value: Any, shape: Any, where: str, filled_in: frozenset[str], type_of: TypeOf | None
) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: must be an object, not {_show(value)}"
        return
    prefix = f"{where}." if where else ""
    for name in value.keys() - shape.members.keys():
        yield f"{prefix}{name}: unknown member; {shape.name} knows {', '.join(sorted(shape.members))}"
    for name in shape.required_members:
        if name not in value and name not in filled_in:
            yield f"{prefix}{name}: is required"
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from find_faults(value[name], member, prefix + name, type_of=type_of)


def _collection_faults(value: Any, kind: type, shape: Any, where: str) -> Iterator[str]:
    if isinstance(value, (list, dict)) and isinstance(value, kind):
        yield from _limit_faults(len(value), shape, where, "entries")
    else:
        yield f"{where}: must be {'a list' if kind is list else 'an object'}, not {_show(value)}"


def _scalar_faults(value: Any, shape: Any, where: str) -> Iterator[str]:
    if shape.type_name == "string":
        if not isinstance(value, str):
            yield f"{where}: must be a string, not {_show(value)}"
        elif shape.enum and value not in shape.enum:
            # The instance types alone are hundreds.
            yield f"{where}: {value!r} is not one of {', '.join(shape.enum[:12])}{', …' * (len(shape.enum) > 12)}"
        else:
            yield from _limit_faults(len(value), shape, where, "characters")
            yield from _pattern_faults(value, shape, where)
    elif shape.type_name == "boolean":
        if not isinstance(value, bool):
            yield f"{where}: must be true or false, not {_show(value)}"
    elif shape.type_name in _NUMBERS:
        whole = _NUMBERS[shape.type_name] is int
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            yield f"{where}: must be {'an integer' if whole else 'a number'}, not {_show(value)}"
        else:
            yield from _limit_faults(value, shape, where, "")


def _limit_faults(size: float, shape: Any, where: str, unit: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    unit = f" {unit}" if unit else ""
    if low is not None and size < low:
        yield f"{where}: {size}{unit}, at least {low} expected"
    if high is not None and size > high:
        yield f"{where}: {size}{unit}, at most {high} allowed"


# Java's character classes, as near as Python's notation comes inside a set.
_JAVA = {r"\p{L}": r"\w", r"\p{N}": r"\d", r"\p{Z}": " \u00a0\u3000", r"\p{M}": ""}


@cache
def _pattern(text: str) -> re.Pattern[str] | None:
    text = re.sub(r"\$\{\d+,\d+\}$", "$", text)  # the model's own slip: a length after the end of the text
    for java, python in _JAVA.items():
        text = text.replace(java, python)
    try:
        # Other classes, and ranges beyond Python's notation: such patterns are not checked.
        return None if r"\p{" in text or r"\u" in text else re.compile(text, re.DOTALL)
    except re.error:
        return None


def _pattern_faults(value: str, shape: Any, where: str) -> Iterator[str]:
    pattern = _pattern(shape.metadata.get("pattern", ""))
    if pattern and pattern.pattern and not pattern.fullmatch(value):
        yield f"{where}: {value!r} does not match {pattern.pattern}"


def _expression_faults(value: Any, shape: Any, where: str, python_type: type | None) -> Iterator[str]:
    if python_type is not None and python_type not in _PYTHON_TYPES.get(shape.type_name, ()):
        yield f"{where}: {value} is {python_type.__name__}, and {shape.type_name} is expected here"


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."

"""How a pipeline definition points at values that are known only while it runs: `Get`, `Std:Join` and `Std:JsonGet`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sluice.localaws.server.request_faults import Malformed, NotSupported

PropertyPath = tuple[str | int, ...]

_PART = re.compile(
    r"""\.?(?P<name>[^.\[\]'"]+) | \['(?P<single>[^']*)'\] | \["(?P<double>[^"]*)"\] | \[(?P<index>\d+)\]""", re.X
)
# A list of named things is addressed by name, as in ProcessingOutputConfig.Outputs['report'].
_NAMED_BY = ("OutputName", "InputName", "VariantName", "Name", "Key")


@dataclass(frozen=True)
class Reference:
    """`Steps.Evaluate.ProcessingOutputConfig.Outputs['report']`: root Steps, name Evaluate, and the path behind it."""

    root: str
    name: str
    path: PropertyPath
    text: str


def is_expression(value: Any) -> bool:
    """Tell whether a JSON value stands for another one."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)).startswith(("Get", "Std:"))


def parse_path(text: str) -> PropertyPath:
    parts: list[str | int] = []
    rest = text.removeprefix("$")
    while rest:
        match = _PART.match(rest)
        if not match or (parts and match["name"] and not rest.startswith(".")):
            raise Malformed(f"{text!r} is not a path: cannot read it from {rest!r} on.")
        if match["index"] is not None:
            parts.append(int(match["index"]))
        else:
            parts.append(next(part for part in (match["name"], match["single"], match["double"]) if part is not None))
        rest = rest[match.end() :]
    if not parts:
        raise Malformed("An empty path points at nothing.")
    return tuple(parts)


def parse_reference(text: Any) -> Reference:
    parts = parse_path(text) if isinstance(text, str) else ()
    if len(parts) < 2 or parts[0] not in ("Parameters", "Execution", "Steps"):
        raise Malformed(f"{text!r} is no reference: it starts with Parameters., Execution. or Steps. and a name.")
    root, name, *path = parts
    if root != "Steps" and path:
        raise Malformed(f"{text!r} reaches into {root}.{name}, which is a plain value.")
    if root == "Steps" and not path:
        raise Malformed(f"{text!r} names a step and no property of it.")
    return Reference(str(root), str(name), tuple(path), text)


def find_expressions(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    """Yield the outermost expressions of a JSON value, each with its place."""
    if is_expression(value):
        yield where, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from find_expressions(item, f"{where}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from find_expressions(item, f"{where}[{index}]")


def list_references(expression: Any, where: str) -> Iterator[Reference]:
    """Yield every reference of an expression; raises Malformed, or NotSupported for an unknown function."""
    function, body = next(iter(expression.items()))
    try:
        if function == "Get":
            reference = parse_reference(body)
            if reference.root == "Steps" and reference.path[0] == "PropertyFiles":
                raise Malformed(f"{body!r} is a property file: read a value of it with Std:JsonGet.")
            yield reference
        elif function == "Std:Join":
            yield from _join_references(body, where)
        elif function == "Std:JsonGet":
            yield from _json_get_references(body, where)
        else:
            raise NotSupported(f"function {function} ({where})")
    except Malformed as error:
        raise Malformed(str(error) if str(error).startswith(where) else f"{where}: {error}") from None


def _join_references(body: Any, where: str) -> Iterator[Reference]:
    if not isinstance(body, dict) or body.keys() - {"On", "Values"} or not isinstance(body.get("Values"), list):
        raise Malformed("Std:Join takes {On, Values: [...]}.")
    if not isinstance(body.get("On", ""), str):
        raise Malformed("Std:Join.On must be a string.")
    for index, value in enumerate(body["Values"]):
        if is_expression(value):
            yield from list_references(value, f"{where}.Values[{index}]")
        elif isinstance(value, (dict, list)) or value is None:
            raise Malformed(f"Std:Join.Values[{index}] must be a plain value or an expression.")


def _json_get_references(body: Any, where: str) -> Iterator[Reference]:
    if not isinstance(body, dict) or body.keys() not in ({"PropertyFile", "Path"}, {"S3Uri", "Path"}):
        raise Malformed("Std:JsonGet takes {PropertyFile, Path} or {S3Uri, Path}.")
    if not isinstance(body["Path"], str):
        raise Malformed("Std:JsonGet.Path must be a string.")
    parse_path(body["Path"])
    if "PropertyFile" in body:
        yield parse_property_file(body)
    elif is_expression(body["S3Uri"]):
        yield from list_references(body["S3Uri"], where)
    elif not isinstance(body["S3Uri"], str):
        raise Malformed("Std:JsonGet.S3Uri must be a string or an expression.")


def parse_property_file(body: dict[str, Any]) -> Reference:
    """The property file that a Std:JsonGet reads: `Steps.<step>.PropertyFiles.<name>`."""
    source = body["PropertyFile"]
    reference = parse_reference(source.get("Get") if isinstance(source, dict) else source)
    if reference.root != "Steps" or len(reference.path) != 2 or reference.path[0] != "PropertyFiles":
        raise Malformed(f"Std:JsonGet.PropertyFile must be Steps.<step>.PropertyFiles.<name>, not {reference.text!r}.")
    return reference


def follow_path(value: Any, path: PropertyPath) -> Any:
    """Return the value at a path; KeyError names the first part that is not there."""
    for part in path:
        if isinstance(value, list) and isinstance(part, str):
            value = _by_name(value, part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        elif isinstance(value, dict) and str(part) in value:
            value = value[str(part)]
        else:
            raise KeyError(part)
    return value


def _by_name(items: list[Any], name: str) -> Any:
    for item in items:
        if isinstance(item, dict) and any(item.get(key) == name for key in _NAMED_BY):
            return item
    raise KeyError(name)

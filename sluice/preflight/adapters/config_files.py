"""A configuration that somebody already has, read as it is: environment, container JSON, serving.properties.

Nothing is judged here. A file that cannot be read at all is a UsageError that names its line.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sluice import yaml_file
from sluice.errors import UsageError
from sluice.preflight.container_definition import NAMES, find_container, read_container, read_network
from sluice.preflight.deployment_spec import Setting
from sluice.preflight.finding import Location

NAME = re.compile(r"[^\s=\"'{}\[\]]+")
SILENCE = re.compile(r"\s*[#!]\s*sluice:\s*silence\s+(?P<code>\S+?):?(\s+(?P<reason>.*))?$")
MOST_BYTES = 1_000_000


@dataclass(frozen=True)
class Suppression:
    """Somebody's word that a rule need not be applied."""

    code: str
    reason: str
    place: Location


@dataclass(frozen=True)
class Reading:
    settings: tuple[Setting, ...]
    silences: tuple[Suppression, ...] = ()
    fields: Mapping[str, Any] = field(
        default_factory=dict
    )  # what else it says of a DeploymentSpec: image, model_data, ...
    places: Mapping[str, Location] = field(default_factory=dict)


def read_environment(file: Path) -> Reading:
    """NAME=value lines as shells and compose files take them, or JSON: an object of variables, or a container's own."""
    text = read_text(file)
    if text.lstrip().startswith("{"):
        return _of_json(text, file)
    return Reading(tuple(_of_lines(text, file)), tuple(_silences(text, file)))


def read_properties(file: Path) -> Reading:
    """serving.properties, as Java reads it: `key=value`, `key: value` or `key value`, with \\ at the end going on."""
    text = read_text(file)
    return Reading(tuple(_of_properties(text, file)), tuple(_silences(text, file)))


def read_text(file: Path) -> str:
    with suppress(OSError):  # what cannot be read at all is told below
        if (size := file.stat().st_size) > MOST_BYTES:
            raise UsageError(f"{file}: is too large to be a configuration ({size:,} bytes).")
    return yaml_file.read_text(file)


def parse_json(file: Path) -> Any:
    try:
        return json.loads(read_text(file))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file}: is not JSON: {error}.") from None


def _of_lines(text: str, file: Path) -> Iterator[Setting]:
    for number, line in enumerate(text.splitlines(), 1):
        entry = line.strip().removeprefix("export ").strip()
        if not entry or entry.startswith("#"):
            continue
        name, equals, value = entry.partition("=")
        if not equals or not NAME.fullmatch(name.strip()):
            hint = "Write one variable a line; # begins a comment."
            raise UsageError(f"{file}:{number}: is no NAME=value line.", hint)
        yield Setting(name.strip(), _unquoted(value.strip()), Location(name.strip(), str(file), number))


def _unquoted(value: str) -> str:
    """Without the quotes that a shell would take away, and without a comment after the value."""
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return re.sub(r"\s+#.*$", "", value)


def _of_json(text: str, file: Path) -> Reading:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file}: is not JSON: {error}.") from None
    lines = text.splitlines()

    def place(name: str) -> Location:
        key = json.dumps(name, ensure_ascii=False)
        return Location(name, str(file), next((number for number, line in enumerate(lines, 1) if key in line), None))

    if container := find_container(content):
        return _of_container(content, container, place)
    variables = _variables(content)
    if variables is None:
        raise UsageError(
            f"{file}: holds no environment.",
            'Write {"NAME": "value", ...}, or a container with its Environment as CreateModel takes it.',
        )
    return Reading(tuple(_settings(variables, place)))


def _of_container(model: Mapping[str, Any], container: Mapping[str, Any], place: Callable[[str], Location]) -> Reading:
    """A request for a model, or what describes one: its image and its weights count as much as its environment."""
    fields = read_container(container)
    variables = container.get("Environment")
    isolated = model.get("EnableNetworkIsolation") is True
    names = {**NAMES, "model_data": "ModelDataUrl"} if "ModelDataUrl" in container else NAMES
    return Reading(
        tuple(_settings(variables, place)) if isinstance(variables, dict) else (),
        fields={
            "image": fields["image"],
            "model_data": fields["model_data"],
            "network_isolation": isolated,
            "network": read_network(model),
        },
        places={key: place(name) for key, name in names.items()},
    )


def _settings(variables: Mapping[str, Any], place: Callable[[str], Location]) -> Iterator[Setting]:
    for name, value in variables.items():
        yield Setting(name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), place(name))


def _variables(content: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The variables of a plain object, or of an object that has them under a name of their own."""
    for key in ("Environment", "environment", "env"):
        if isinstance(content.get(key), dict):
            variables: Mapping[str, Any] = content[key]
            return variables
    return content if not any(isinstance(value, dict | list) for value in content.values()) else None


def _of_properties(text: str, file: Path) -> Iterator[Setting]:
    for number, line in _logical(text):
        match = re.match(r"(?P<name>(?:\\.|[^\s=:\\])+)\s*[=:\s]?\s*(?P<value>.*)", line)
        if match is None:
            hint = "Write one property a line, as option.dtype=auto."
            raise UsageError(f"{file}:{number}: is no key=value line.", hint)
        name = re.sub(r"\\(.)", r"\1", match["name"])
        yield Setting(name, re.sub(r"\\(.)", r"\1", match["value"].strip()), Location(name, str(file), number))


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments, those that end in a backslash put together, by the number of their first."""
    begun, whole = 0, ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.lstrip()
        if not whole and (not line or line[0] in "#!"):
            continue
        begun = begun if whole else number
        goes_on = len(line) - len(line.rstrip("\\")) & 1
        whole += line[:-1] if goes_on else line
        if not goes_on:
            yield begun, whole
            whole = ""
    if whole:
        yield begun, whole


def _silences(text: str, file: Path) -> Iterator[Suppression]:
    for number, line in enumerate(text.splitlines(), 1):
        if match := SILENCE.match(line):
            place = Location(f"silence {match['code']}", str(file), number)
            yield Suppression(match["code"], (match["reason"] or "").strip(), place)

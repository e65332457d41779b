"""Cases written as a person would write them: YAML with comments, Korean as it is, texts of several lines as blocks."""

import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sluice.errors import UsageError

SHORT = 90  # characters that an expectation may have to stand in one line
HALF = re.compile("[\ud800-\udfff]")  # half a character, as JSON can hold one: no file can
BREAKS = re.compile("[\x85\u2028\u2029]")  # line breaks to YAML that would not come back as they were
BETWEEN = re.compile(r"[^\w]+")
LONGEST_ID = 60


@dataclass
class Draft:
    """A case as it will stand in a file, with what a person should know of it above."""

    case: dict[str, Any]
    notes: list[str] = field(default_factory=list)


class ReadableDumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)  # lists are indented below their key, as in the shipped files

    def ignore_aliases(self, data: Any) -> bool:
        return True


class FlowMapping(dict[str, Any]):
    """A mapping that stands in one line."""


class FlowSequence(list[Any]):
    """A list that stands in one line."""


def represent_text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style = "|" if "\n" in value.strip() else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if BREAKS.search(value) else style)


ReadableDumper.add_representer(str, represent_text)
ReadableDumper.add_representer(
    FlowMapping, lambda dumper, value: dumper.represent_mapping("tag:yaml.org,2002:map", value, True)
)
ReadableDumper.add_representer(
    FlowSequence, lambda dumper, value: dumper.represent_sequence("tag:yaml.org,2002:seq", value, True)
)


def render_file(drafts: Iterable[Draft], head: Iterable[str] = ()) -> Iterator[str]:
    """Yields a whole file, piece by piece."""
    yield "".join(f"# {printable(line)}".rstrip() + "\n" for line in head) + "cases:\n"
    first = True
    for draft in drafts:
        yield ("" if first else "\n") + render_case(draft)
        first = False


def render_case(draft: Draft, indent: str = "  ") -> str:
    """Returns one case as an item of the list, below its comments."""
    notes = (line for note in draft.notes for line in (HALF.sub("\N{REPLACEMENT CHARACTER}", note).splitlines()))
    above = "".join(f"{indent}# {printable(line)}\n" for line in notes)
    lines = dump_yaml([plain(draft.case)]).splitlines(keepends=True)
    return above + "".join(indent + line if line.strip() else line for line in lines)


def dump_yaml(value: Any) -> str:
    dumped: str = yaml.dump(value, Dumper=ReadableDumper, allow_unicode=True, sort_keys=False, width=float("inf"))
    return dumped


def plain(value: Any, key: str = "") -> Any:
    """Returns a value without half characters, and with short expectations in one line."""
    if isinstance(value, str):
        return HALF.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, Mapping):
        mapping = {name: plain(each, str(name)) for name, each in value.items()}
        return FlowMapping(mapping) if key == "expect" and is_short(mapping) else mapping
    if isinstance(value, list | tuple):
        row = [plain(each) for each in value]
        return FlowSequence(row) if key == "tags" and is_short(row) else row
    return value


def is_short(value: Any) -> bool:
    return len(str(value)) <= SHORT and "\\n" not in str(value)


def printable(line: str) -> str:
    return "".join(each if each.isprintable() else " " for each in line)


def write_file(file: Path, pieces: Iterable[bytes]) -> None:
    """Writes a file in one step: who reads it meanwhile sees the old one or the new one, and a failure leaves it."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror}.") from None
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.writelines(pieces)
        os.chmod(name, file.stat().st_mode & 0o777 if file.exists() else 0o644)
        os.replace(name, file)
    except BaseException:
        os.unlink(name)
        raise


class Ids:
    """Ids for cases; no two are the same."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def __len__(self) -> int:
        return len(self._given)

    def of(self, name: str, otherwise: str) -> str:
        """Returns a short id that is like the name: lower case, words joined by hyphens, Korean as it is."""
        base = BETWEEN.sub("-", HALF.sub("", name)).strip("-_").lower()[:LONGEST_ID].strip("-_") or otherwise
        id, number = base, 1
        while id in self._given:
            number += 1
            id = f"{base}-{number}"
        self._given.add(id)
        return id

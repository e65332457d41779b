"""Everything that is wrong with case files, each with its line: what `reading.read` refuses, told for an editor."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import yaml

from sluice.errors import UsageError
from sluice.evaluation.cases import loader
from sluice.evaluation.cases.case import Case
from sluice.yaml_file import Parser

STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
LARGEST = 4 << 20  # bytes of a file whose lines are looked up


class Mistake(NamedTuple):
    file: str
    line: int | None
    place: str  # cases[0].turns[1].user; empty for the file itself
    what: str


@dataclass
class Looked:
    cases: list[Case] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)

    @property
    def unreviewed(self) -> list[str]:
        return [case.id for case in self.cases if not case.reviewed]


def look(path: Path) -> Looked:
    """Reads a file, or all of a folder; one that cannot be read keeps none of the others from being looked at."""
    looked, first = Looked(), dict[str, str]()
    for file in loader.files(path):
        problems: list[loader.Problem] = []
        try:
            looked.cases += loader.of_file(file, file.name if path.is_dir() else str(path), first, problems)
        except UsageError as error:
            looked.mistakes.append(broken(file, error))
        line = lines(file) if problems else None
        looked.mistakes += [Mistake(str(file), line and line(each.place), each.place, each.what) for each in problems]
    return looked


def broken(file: Path, error: UsageError) -> Mistake:
    """A file that is no YAML: the message begins with its place."""
    told = error.message.removeprefix(f"{file}:").strip()
    number, _, rest = told.partition(":")
    what = f"{told} {error.hint}".strip()
    if number.isdigit():
        column, _, after = rest.partition(":")
        what = f"{(after if column.strip().isdigit() else rest).strip()} {error.hint}".strip()
    return Mistake(str(file), int(number) if number.isdigit() else None, "", what)


def lines(file: Path) -> Callable[[str], int | None]:
    """Finds the line of a place."""
    if file.suffix == ".jsonl":
        return line_of_json
    root = composed(file)
    return lambda place: line_of(root, place)


def line_of_json(place: str) -> int | None:
    found = re.match(r"line (\d+)", place)
    return int(found[1]) if found else None


def composed(file: Path) -> yaml.Node | None:
    if file.stat().st_size > LARGEST:
        return None
    try:
        root: yaml.Node | None = yaml.compose(file.read_text(encoding="utf-8-sig"), Loader=Parser)
    except (yaml.YAMLError, UnicodeDecodeError):
        return None
    return root


def line_of(node: yaml.Node | None, place: str) -> int | None:
    """Of the value at the place, or of the nearest thing around it."""
    if node is None:
        return None
    line = node.start_mark.line + 1
    for step in STEP.finditer(place):
        found = below(node, step)
        if found is None:
            break
        line, node = found
    return line


def below(node: yaml.Node, step: re.Match[str]) -> tuple[int, yaml.Node] | None:
    if step[1] is not None:
        if isinstance(node, yaml.SequenceNode) and int(step[1]) < len(node.value):
            item = node.value[int(step[1])]
            return item.start_mark.line + 1, item
        return None
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step[2]:
                return key.start_mark.line + 1, value
    return None

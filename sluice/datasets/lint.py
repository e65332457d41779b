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
class LintReport:
    cases: list[Case] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)

    @property
    def unreviewed(self) -> list[str]:
        return [case.id for case in self.cases if not case.reviewed]


def lint_path(path: Path) -> LintReport:
    """Reads a file, or all of a folder, and reports every mistake; a broken file does not hide those of others."""
    report, first = LintReport(), dict[str, str]()
    for file in loader.list_case_files(path):
        problems: list[loader.CaseProblem] = []
        try:
            report.cases += loader.parse_file(file, file.name if path.is_dir() else str(path), first, problems)
        except UsageError as error:
            report.mistakes.append(describe_unreadable(file, error))
        line = line_finder(file) if problems else None
        report.mistakes += [Mistake(str(file), line and line(each.place), each.place, each.what) for each in problems]
    return report


def describe_unreadable(file: Path, error: UsageError) -> Mistake:
    """Returns the mistake of a file that is no YAML: the message begins with its place."""
    message = error.message.removeprefix(f"{file}:").strip()
    number, _, rest = message.partition(":")
    what = f"{message} {error.hint}".strip()
    if number.isdigit():
        column, _, after = rest.partition(":")
        what = f"{(after if column.strip().isdigit() else rest).strip()} {error.hint}".strip()
    return Mistake(str(file), int(number) if number.isdigit() else None, "", what)


def line_finder(file: Path) -> Callable[[str], int | None]:
    """Returns a function that finds the line of a place."""
    if file.suffix == ".jsonl":
        return find_json_line
    root = compose_yaml(file)
    return lambda place: find_line(root, place)


def find_json_line(place: str) -> int | None:
    match = re.match(r"line (\d+)", place)
    return int(match[1]) if match else None


def compose_yaml(file: Path) -> yaml.Node | None:
    if file.stat().st_size > LARGEST:
        return None
    try:
        root: yaml.Node | None = yaml.compose(file.read_text(encoding="utf-8-sig"), Loader=Parser)
    except (yaml.YAMLError, UnicodeDecodeError):
        return None
    return root


def find_line(node: yaml.Node | None, place: str) -> int | None:
    """Returns the line of the value at the place, or of the nearest thing around it."""
    if node is None:
        return None
    line = node.start_mark.line + 1
    for step in STEP.finditer(place):
        child = find_child(node, step)
        if child is None:
            break
        line, node = child
    return line


def find_child(node: yaml.Node, step: re.Match[str]) -> tuple[int, yaml.Node] | None:
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

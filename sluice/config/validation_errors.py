"""Turns what pydantic found into lines a person can act on: where in the file, what is wrong, what was meant."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from sluice import yaml_file
from sluice.wording import nearest

Loc = tuple[str | int, ...]
ANY = "*"

RENAMED = {"checks.silence": "checks.suppress"}  # keys of earlier versions

BOUNDS = {
    "greater_than_equal": ("must be at least", "ge"),
    "greater_than": ("must be more than", "gt"),
    "less_than_equal": ("must be at most", "le"),
    "less_than": ("must be less than", "lt"),
}
KINDS = {
    "string_type": "must be a text",
    "is_instance_of": "must be the path of a file or folder",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "is too large a number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a section of `key: value` lines",
    "mapping_type": "must be a section of `key: value` lines",
    "model_type": "must be a section of `key: value` lines",
    "model_attributes_type": "must be a section of `key: value` lines",
    "recursion_loop": "refers to itself",
    "string_unicode": "holds a character that is not valid Unicode",
}


@dataclass(frozen=True)
class ConfigProblem:
    path: str  # evaluation.gate.min_pass_rate
    message: str
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """Returns the last sentence of a message: the nearest name, or all of them if none is near and they are few."""
    candidates = list(candidates)
    near = nearest(name, candidates)
    if near is not None:
        return f" Did you mean {near}?"
    return f" Known are: {', '.join(candidates)}." if 0 < len(candidates) <= 20 else ""


def list_problems(error: ValidationError, model: type[BaseModel], text: str) -> list[ConfigProblem]:
    """Returns everything pydantic found, in the order of the file's lines."""
    lines = line_numbers(text)
    problems = []
    errors = [
        (tuple(part for part in each["loc"] if part != "[key]"), each) for each in error.errors(include_url=False)
    ]
    for loc, each in errors:
        if each["type"] == "too_short" and any(other[: len(loc)] == loc != other for other, _ in errors):
            continue  # a list whose only item is wrong is not empty
        problems.append(ConfigProblem(dotted(loc), describe_error(each, loc, model), find_line(loc, lines)))
    return sorted(problems, key=lambda problem: problem.line or 0)


def describe_error(error: Mapping[str, Any], loc: Loc, model: type[BaseModel]) -> str:
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if dotted(loc) in RENAMED:
        return f"is now called {RENAMED[dotted(loc)]}."
    if kind in {"extra_forbidden", "invalid_key"}:
        return "unknown key." + suggest_key(str(loc[-1]), loc[:-1], model)
    if kind == "missing":
        section, _ = find_section(loc[:-1], model)
        described = section.model_fields[str(loc[-1])].description if section else None
        return f"is missing. {described}" if described else "is missing."
    if kind == "literal_error":
        choices = [choice.strip("'") for choice in str(context["expected"]).replace(" or ", ", ").split(", ")]
        suggestion = did_you_mean(value, choices) if isinstance(value, str) and nearest(value, choices) else ""
        return f"must be {' or '.join(choices)}, not {quote_value(value)}.{suggestion}"
    if kind == "value_error":
        return str(context["error"])
    if kind in BOUNDS:
        words, bound = BOUNDS[kind]
        return f"{words} {context[bound]:g}, not {quote_value(value)}."
    if kind in {"string_too_long", "too_long"}:
        return f"is too long: at most {context['max_length']} are allowed."
    if kind in {"string_too_short", "too_short"}:
        return "must not be empty."
    if kind == "string_type" and isinstance(value, int | float):
        return f"must be a text, not the {type_name(value)} {quote_value(value)}: put it in quotes."
    if kind in KINDS:
        return f"{KINDS[kind]}, not {quote_value(value)}."
    return f"{error['msg']}."


def suggest_key(key: str, section: Loc, model: type[BaseModel]) -> str:
    """Returns a sentence about a key that its section lacks: a near name in it, else the sections that have the key."""
    section_model, _ = find_section(section, model)
    keys = list(section_model.model_fields) if section_model else []
    if nearest(key, keys) is None:
        homes = [dotted(path) for path, owner in sections(model) if key in owner.model_fields]
        if homes:
            return f" It belongs in {' or '.join(home or 'the top level' for home in homes)}."
    return did_you_mean(key, keys)


def find_section(loc: Loc, model: type[BaseModel]) -> tuple[type[BaseModel] | None, Loc]:
    for path, owner in sections(model):
        if len(path) == len(loc) and all(part in {ANY, actual} for part, actual in zip(path, loc, strict=True)):
            return owner, path
    return None, loc


def sections(model: type[BaseModel], path: Loc = ()) -> Iterator[tuple[Loc, type[BaseModel]]]:
    """Yields every section's path and the class that describes it; ANY stands for a name that the reader chooses."""
    yield path, model
    for name, field in model.model_fields.items():
        below = (*path, name, ANY) if get_origin(field.annotation) is Mapping else (*path, name)
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from sections(kind, below)


def dotted(loc: Loc) -> str:
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def quote_value(value: object) -> str:
    """Returns a value as a message shows it: in YAML's words, and never long."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:57] + "...")
    if isinstance(value, int | float):
        return "a very large number" if abs(value) > 1e15 else repr(value)
    if isinstance(value, dict):
        return "a section"
    return f"a {type(value).__name__}"


def type_name(value: object) -> str:
    return "value" if isinstance(value, bool) else "number"


def find_line(loc: Loc, lines: Mapping[Loc, int]) -> int | None:
    """Returns the line of a key; for a key that is missing, that of the section it should be in."""
    for end in range(len(loc), -1, -1):
        if loc[:end] in lines:
            return lines[loc[:end]]
    return None


def line_numbers(text: str) -> dict[Loc, int]:
    """Returns the line of each key of a YAML text, which has been read before and so is valid."""
    lines: dict[Loc, int] = {}
    visited: set[int] = set()

    def walk(node: yaml.Node, path: Loc) -> None:
        if id(node) in visited:  # an alias: its lines are those of its anchor
            return
        visited.add(id(node))
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode):
                    lines[(*path, key.value)] = key.start_mark.line + 1
                    walk(value, (*path, key.value))
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                lines[(*path, index)] = item.start_mark.line + 1
                walk(item, (*path, index))

    root = yaml.compose(text, Loader=yaml_file.Parser)
    if root is not None:
        lines[()] = root.start_mark.line + 1
        walk(root, ())
    return lines

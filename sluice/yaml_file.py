"""YAML files that people write: every way a file can be unusable becomes one message with its place."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from sluice.errors import UsageError

# libyaml parses about ten times faster; not every wheel has it
Parser: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Strict(Parser):  # type: ignore[misc]  # the base is chosen at run time
    """A safe loader that refuses a key given twice instead of keeping the last one."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError, OverflowError) as error:  # 2026-13-45 looks like a date
            problem = f"{node.value!s:.40} is no {node.tag.rpartition(':')[2]}"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        lines: dict[Any, int] = {}
        for key_node, _ in node.value if isinstance(node, yaml.MappingNode) else ():  # `!!set name` is none
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in lines:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key!r} is given twice (first in line {lines[key]})", key_node.start_mark
                )
            if isinstance(key, Hashable):
                lines[key] = key_node.start_mark.line + 1
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return mapping


def read_text(path: Path) -> str:
    """The file's text. Raises UsageError if it is not there, is not UTF-8 or cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file.") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: byte {error.start} is not UTF-8.", "Save the file as UTF-8.") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}.") from None


def load(path: Path) -> Any:
    """Read the file into plain Python values. Raises UsageError."""
    return loads(read_text(path), str(path))


def loads(text: str, name: str) -> Any:
    """Parse a text into plain Python values; `name` is what messages call it. Raises UsageError."""
    try:
        content = yaml.load(text, Loader=Strict)  # a subclass of the safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise UsageError(f"{place}: {error.problem or error.context}.", suggest_fix(error.problem)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        raise UsageError(f"{name}:{line}: holds a character that YAML does not allow ({error.reason}).") from None
    if content is None:
        raise UsageError(f"{name}: is empty.")
    return content


def suggest_fix(problem: str | None) -> str:
    if problem and "cannot start any token" in problem:
        return "YAML is indented with blanks, not with tabs. A text that begins with @, ` or % needs quotes."
    if problem and "mapping values are not allowed" in problem:
        return "A text with a colon and a blank in it needs quotes."
    return ""

"""Other tools' files as plain values, with where each stands."""

import csv
import io
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from sluice import yaml_file
from sluice.errors import UsageError

Item = tuple[Any, str]  # a value and its place
CELL = 10_000_000  # characters


def read_records(path: Path) -> Iterator[Item]:
    """Yields records with their places: lines of JSON lines, elements of a JSON or YAML list, rows of a CSV file."""
    if path.suffix == ".jsonl":
        yield from read_json_lines(path)
    elif path.suffix == ".csv":
        yield from read_csv_rows(path)
    else:
        content = load_value(path)
        if isinstance(content, list):
            yield from ((item, f"[{number}]") for number, item in enumerate(content))
        else:
            yield content, ""


def read_json_lines(path: Path) -> Iterator[Item]:
    """Yields one JSON value a line, read as it goes. Raises UsageError for a line that is none."""
    try:
        with path.open(encoding="utf-8-sig", errors="strict") as opened:
            for number, line in enumerate(opened, 1):
                if line.strip():
                    yield parse_json(line, f"{path}:{number}"), f"line {number}"
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file.") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not UTF-8 ({error.reason}).", "Save the file as UTF-8.") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}.") from None


def parse_json(line: str, place: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{place}: is not JSON: {error}.") from None


def load_value(path: Path) -> Any:
    """Returns the content of a JSON or YAML file. Raises UsageError for a broken one."""
    if path.suffix == ".json":
        return parse_json(yaml_file.read_text(path), str(path))
    return yaml_file.loads(yaml_file.read_text(path), str(path))


def read_csv_rows(path: Path) -> Iterator[tuple[dict[str, str], str]]:
    csv.field_size_limit(CELL)
    try:
        table = csv.DictReader(
            io.StringIO(yaml_file.read_text(path), newline=""), restkey="", restval="", skipinitialspace=True
        )
        for row in table:
            yield {str(name).strip(): each or "" for name, each in row.items() if name}, f"line {table.line_num}"
    except csv.Error as error:
        raise UsageError(f"{path}: is not CSV: {error}.") from None


def first_record(path: Path) -> Any:
    """Returns the first record of a file; None if there is none."""
    return next((item for item, _ in islice(read_records(path), 1)), None)

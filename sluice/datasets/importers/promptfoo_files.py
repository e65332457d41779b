"""The files that a promptfoo configuration refers to by `file://`, with patterns, and the tests in them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sluice import yaml_file
from sluice.datasets.importers import source
from sluice.datasets.importers.import_log import ImportLog
from sluice.datasets.importers.promptfoo_asserts import parse_shorthand
from sluice.errors import UsageError

SCRIPTS = {".js", ".cjs", ".mjs", ".ts", ".py", ".rb", ".sh"}
DATA = {".yaml", ".yml", ".json"}
PREFIX = "file://"
TABLES = {".csv", ".jsonl", *DATA}


class NotRead(Exception):
    """A script, a service or a kind of file that is not read here; the message names it."""


class Files:
    def __init__(self, config: Path, log: ImportLog) -> None:
        self.folder = config.parent
        self._log = log
        self._open: set[Path] = set()  # files that are being read, so that none is read within itself

    def named(self, reference: str) -> list[Path]:
        """Returns the files of a reference, which may be a pattern. Raises NotRead, or UsageError if there is none."""
        name = reference.removeprefix(PREFIX).strip()
        if not name or not name.isprintable():
            raise NotRead(f"{reference!r}, which is no file")
        if "://" in name:
            raise NotRead(f"{name.partition('://')[0]}://...")
        bare = name if not any(f"{suffix}:" in name for suffix in SCRIPTS) else name.rpartition(":")[0]
        path = (self.folder / bare).resolve()
        if path.suffix in SCRIPTS:
            raise NotRead(f"the script {bare}")
        if path.is_file():
            return [path]
        if path.is_dir():
            paths = sorted(file for file in path.iterdir() if file.suffix in TABLES)
        else:
            paths = (
                sorted(file for file in self.folder.glob(bare) if file.is_file())
                if not Path(bare).is_absolute()
                else []
            )
        if not paths:
            raise UsageError(
                f"{bare}: there is no such file beside the configuration.", f"It is looked for in {self.folder}."
            )
        return paths

    def content(self, reference: str) -> Any:
        """Returns the text of a file, or the value of a JSON or YAML one. Raises NotRead."""
        path = self.named(reference)[0]
        if path.suffix in DATA:
            return source.load_value(path)
        if path.suffix in (".txt", ".md", ".html", ".xml", ".sql", ".csv", ""):
            return yaml_file.read_text(path).rstrip("\n")
        raise NotRead(f"the file {path.name}")

    def tests(self, raw: Any, place: str) -> Iterator[tuple[dict[str, Any], str]]:
        """Yields every test with its place, wherever it is written, and logs what cannot be read."""
        if isinstance(raw, str):
            yield from self._read(raw, place)
        elif isinstance(raw, list):
            for number, each in enumerate(raw):
                at = f"{place}[{number}]"
                yield from self._read(each, at) if isinstance(each, str) else self._one(each, at)
        elif raw is not None:
            yield from self._one(raw, place)

    def _one(self, raw: Any, place: str) -> Iterator[tuple[dict[str, Any], str]]:
        if isinstance(raw, Mapping) and "path" in raw and "vars" not in raw and "assert" not in raw:
            yield from self._read(str(raw["path"]), place)
        elif isinstance(raw, Mapping):
            yield dict(raw), place
        else:
            self._log.miss("a test that is no mapping", place)

    def _read(self, reference: str, place: str) -> Iterator[tuple[dict[str, Any], str]]:
        try:
            paths = self.named(reference)
        except NotRead as reason:
            self._log.miss(f"tests from {reason}", place)
            return
        for file in paths:
            if file.suffix not in TABLES or file in self._open:
                self._log.miss(f"tests from the file {file.name}", place)
                continue
            self._open.add(file)
            for item, at in source.read_records(file):
                where = f"{file.name}{':' if at and not at.startswith('[') else ''}{at}"
                if file.suffix == ".csv":
                    yield convert_row(item, where, self._log), where
                else:
                    yield from self.tests(item, where) if isinstance(item, str) else self._one(item, where)
            self._open.discard(file)


def convert_row(cells: Mapping[str, str], place: str, log: ImportLog) -> dict[str, Any]:
    """Returns one line of a CSV file as a test: columns with two underscores are not variables."""
    test: dict[str, Any] = {"vars": {}, "assert": [], "options": {}, "metadata": {}}
    settings: dict[str, dict[str, str]] = {}
    for name, cell in cells.items():
        if name.startswith("__expected"):
            if cell.strip():
                test["assert"].append(parse_shorthand(cell) | {"column": name})
        elif name in ("__prefix", "__suffix"):
            test["options"][name[2:]] = cell
        elif name == "__description":
            test["description"] = cell
        elif name.startswith("__metadata:"):
            key = name.partition(":")[2]
            test["metadata"][key.removesuffix("[]")] = cell.split(",") if key.endswith("[]") else cell
        elif name.startswith("__config:") and cell.strip():
            _, column, key = (*name.split(":"), "", "")[:3]
            settings.setdefault(column, {})[key] = cell
        elif name in ("__threshold",) and cell.strip():
            test["threshold"] = cell
        elif name.startswith("__"):
            if cell.strip():
                log.miss(f"the column {name}", place)
        else:
            test["vars"][name] = cell
    for each in test["assert"]:
        column = each.pop("column")
        for key, value in (settings.get("__expected", {}) | settings.get(column, {})).items():
            each[key] = float(value) if key == "threshold" and value.replace(".", "", 1).isdigit() else value
    return test

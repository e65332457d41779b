"""Cases from other tools' files: what has no counterpart is told by name and counted, the rest can be read here."""

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from sluice.datasets.importers import source
from sluice.datasets.importers.import_log import ImportLog
from sluice.datasets.yaml_writer import Draft, plain
from sluice.errors import UsageError
from sluice.evaluation.cases.loader import Problem, Reader
from sluice.evaluation.scorers import python as own

HOMES: Mapping[str, str] = {  # name -> module with `drafts`
    "promptfoo": "promptfoo",
    "openai-evals": "openai_evals",
    "messages": "messages",
    "jsonl": "jsonl",
}
NAMES = tuple(HOMES)
PROMPTFOO = {"prompts", "providers", "targets", "tests", "scenarios", "defaultTest"}


def read(path: Path, told: ImportLog, kind: str | None = None) -> Iterator[Draft]:
    """The cases of a file, one after the other; each would pass `reading.read`. Raises UsageError for a broken file."""
    own.add_folder(path.parent)
    made = import_module(f"sluice.datasets.importers.{HOMES[kind or detected(path)]}").drafts(path, told)
    yield from readable(made, told)


def detected(path: Path) -> str:
    """What a file is, by its content. Raises UsageError if that is nothing that is known here."""
    if path.suffix in (".yaml", ".yml"):
        found = source.value(path)
        if isinstance(found, Mapping) and "cases" in found:
            raise UsageError(f"{path}: is a case file already.", "`sluice cases lint` says whether it can be used.")
        if isinstance(found, Mapping) and PROMPTFOO & found.keys():
            return "promptfoo"
        first: Any = found[0] if isinstance(found, list) and found else found
    else:
        first = source.first(path)
    if kind := of(first, path):
        return kind
    raise UsageError(f"{path}: nothing in it tells what it is.", f"Name it: --from {', '.join(NAMES)}.")


def of(first: Any, path: Path) -> str | None:
    if not isinstance(first, Mapping):
        return None
    keys = first.keys()
    if "turns" in keys and "id" in keys:
        raise UsageError(f"{path}: is a case file already.", "`sluice cases lint` says whether it can be used.")
    if path.suffix == ".csv" and any(str(key).startswith("__") for key in keys):
        return "promptfoo"
    if PROMPTFOO & keys or "vars" in keys or "assert" in keys:
        return "promptfoo"
    if keys & {"messages", "conversations", "conversation", "dialogue"}:
        return "messages"
    if "input" in keys and ("ideal" in keys or isinstance(first["input"], list)):
        return "openai-evals"
    from sluice.datasets.importers.jsonl import QUESTION

    return "jsonl" if keys & {*QUESTION, "item"} else None


def readable(drafts: Iterable[Draft], told: ImportLog) -> Iterator[Draft]:
    """Those that the reader takes; of the others it is told what is wrong with them."""
    for draft in drafts:
        problems: list[Problem] = []
        Reader("", problems).case(plain(draft.case), "")
        for problem in problems:
            told.miss(f"a case with {problem.place.lstrip('.')} that {problem.what.rstrip('.')}", draft.case["id"])
        if not problems:
            yield draft

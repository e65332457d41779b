"""Cases from other tools' files: what has no counterpart is told by name and counted, the rest can be read here."""

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from sluice.datasets.importers import source
from sluice.datasets.importers.import_log import ImportLog
from sluice.datasets.yaml_writer import Draft, plain
from sluice.errors import UsageError
from sluice.evaluation.cases.loader import CaseProblem, CaseReader
from sluice.evaluation.scorers import python as own

MODULES: Mapping[str, str] = {  # name -> module with `read_drafts`
    "promptfoo": "promptfoo",
    "openai-evals": "openai_evals",
    "messages": "messages",
    "jsonl": "jsonl",
}
NAMES = tuple(MODULES)
PROMPTFOO = {"prompts", "providers", "targets", "tests", "scenarios", "defaultTest"}


def import_cases(path: Path, log: ImportLog, kind: str | None = None) -> Iterator[Draft]:
    """Yields the cases of a file, each as the loader would take it. Raises UsageError for a broken file."""
    own.add_folder(path.parent)
    module = import_module(f"sluice.datasets.importers.{MODULES[kind or detect_format(path)]}")
    yield from keep_valid(module.read_drafts(path, log), log)


def detect_format(path: Path) -> str:
    """Returns the importer that a file's content is for. Raises UsageError if there is none."""
    if path.suffix in (".yaml", ".yml"):
        content = source.load_value(path)
        if isinstance(content, Mapping) and "cases" in content:
            raise UsageError(f"{path}: is a case file already.", "`sluice cases lint` says whether it can be used.")
        if isinstance(content, Mapping) and PROMPTFOO & content.keys():
            return "promptfoo"
        first: Any = content[0] if isinstance(content, list) and content else content
    else:
        first = source.first_record(path)
    if kind := detect_record_format(first, path):
        return kind
    raise UsageError(f"{path}: nothing in it tells what it is.", f"Name it: --from {', '.join(NAMES)}.")


def detect_record_format(first: Any, path: Path) -> str | None:
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


def keep_valid(drafts: Iterable[Draft], log: ImportLog) -> Iterator[Draft]:
    """Yields the cases that the loader takes, and logs what is wrong with the others."""
    for draft in drafts:
        problems: list[CaseProblem] = []
        CaseReader("", problems).parse_case(plain(draft.case), "")
        for problem in problems:
            log.miss(f"a case with {problem.place.lstrip('.')} that {problem.what.rstrip('.')}", draft.case["id"])
        if not problems:
            yield draft

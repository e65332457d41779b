"""promptfoo's prompts, filled in: text, or chats as JSON and YAML. Jinja fills them in where promptfoo takes Nunjucks.

The two agree on what prompts use: variables, filters, conditions, loops. `dump` is Nunjucks's own.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sluice import yaml_file
from sluice.datasets.importers import source
from sluice.datasets.importers.import_log import ImportLog
from sluice.datasets.importers.promptfoo_files import DATA, PREFIX, SCRIPTS, Files, NotRead
from sluice.errors import UsageError

DEEPEST = 5  # variables within variables
LOADED = ("exec:", "langfuse:", "portkey:", "helicone:", "package:")
SEPARATOR = "---"


@dataclass(frozen=True)
class Prompt:
    template: Any  # text, or messages whose texts are templates
    label: str = ""

    @property
    def goes_on(self) -> bool:
        """Whether it puts the earlier tests' answers before its question."""
        return "_conversation" in json.dumps(self.template, ensure_ascii=False, default=str)


def prompts(raw: Any, files: Files, told: ImportLog) -> list[Prompt]:
    found = raw if isinstance(raw, list) else [raw] if raw else ["{{prompt}}"]
    made = [each for number, one in enumerate(found) for each in entry(one, files, told, f"prompts[{number}]")]
    if not made:
        raise UsageError("No prompt of this configuration can be filled in here.", "What cannot be is listed above.")
    return made


def entry(raw: Any, files: Files, told: ImportLog, place: str) -> Iterator[Prompt]:
    label = ""
    if isinstance(raw, Mapping):
        label = str(raw.get("label") or "")
        if raw.get("config") or raw.get("function"):
            told.miss("a prompt's config or function", place)
        raw = raw.get("raw", raw.get("id", raw.get("prompt", "")))
    if isinstance(raw, list):
        yield Prompt(raw, label)
        return
    text = str(raw)
    try:
        if text.startswith(LOADED):
            raise NotRead(text.partition(":")[0])
        if text.startswith(PREFIX) or names_a_file(text, files):
            for path in files.named(text):
                yield from of_file(path, label)
        else:
            yield Prompt(template(text), label)
    except NotRead as reason:
        told.miss(f"a prompt from {reason}", place)


def names_a_file(text: str, files: Files) -> bool:
    """As older configurations do, without file://."""
    suffix = "." + text.rpartition(".")[2]
    return len(text) < 200 and "\n" not in text and (
        suffix in SCRIPTS or (suffix in {*DATA, ".txt", ".md", ".j2", ".jsonl"} and (files.folder / text).is_file())
    )  # fmt: skip


def of_file(path: Any, label: str) -> Iterator[Prompt]:
    text = yaml_file.text_of(path)
    if path.suffix == ".jsonl":
        yield from (Prompt(item, label) for item, _ in source.lines(path))
    elif path.suffix == ".csv":
        yield from (
            Prompt(template(row["prompt"]), row.get("label", label))
            for row, _ in source.rows(path)
            if row.get("prompt")
        )
    elif path.suffix == ".txt":
        parts = [part.strip() for part in f"\n{text}\n".split(f"\n{SEPARATOR}\n")]
        yield from (Prompt(template(part), label) for part in parts if part)
    elif path.suffix in (*DATA, ".md", ".j2", ""):
        yield Prompt(template(text), label)
    else:
        raise NotRead(f"the file {path.name}")


def template(text: str) -> Any:
    """Messages, if the text is a list of them before it is filled in; then their texts are filled in one by one."""
    found = messages(text)
    return text if found is None else found


def messages(text: str) -> list[Any] | None:
    """A text that is a chat in JSON or YAML; None if it is just a text."""
    stripped = text.strip()
    if not stripped.startswith(("[", "{", "- role:", "- user:", "- system:", "- content:")):
        return None
    try:
        found = json.loads(stripped) if stripped[0] in "[{" else yaml_file.loads(stripped, "prompt")
    except (ValueError, RecursionError, UsageError):
        return None
    if isinstance(found, Mapping):
        found = found.get("messages", found.get("contents"))
    return found if isinstance(found, list) and all(isinstance(each, Mapping) for each in found) and found else None


class Filling:
    """Fills in templates with the variables of one test; `missing`: names that were asked for and not given."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        try:
            import jinja2
            from jinja2.sandbox import ImmutableSandboxedEnvironment
        except ImportError:
            raise UsageError("Prompts are filled in by jinja2, which is not installed.", "pip install jinja2") from None
        missing: list[str] = []

        class Absent(jinja2.ChainableUndefined):
            def __str__(self) -> str:
                missing.append(str(self._undefined_name))
                return ""

        self.missing = missing
        self._failures = jinja2.TemplateError, TypeError, ValueError, ArithmeticError, RecursionError
        self._made = ImmutableSandboxedEnvironment(undefined=Absent, keep_trailing_newline=True)
        self._made.filters.update(dump=dumped, load=json.loads)
        self.variables = {**given, "_conversation": []}
        for _ in range(DEEPEST):
            self.variables = {name: self.value(each) for name, each in self.variables.items()}

    def value(self, raw: Any) -> Any:
        """The same with every text filled in. Raises NotRead for a template that cannot be."""
        if isinstance(raw, str):
            return self.text(raw)
        if isinstance(raw, Mapping):
            return {key: self.value(each) for key, each in raw.items()}
        return [self.value(each) for each in raw] if isinstance(raw, list) else raw

    def text(self, raw: str) -> str:
        if "{{" not in raw and "{%" not in raw:
            return raw
        try:
            return self._made.from_string(raw).render(self.variables)
        except self._failures as error:
            raise NotRead(f"a template that cannot be filled in ({str(error)[:80]})") from None


def dumped(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)

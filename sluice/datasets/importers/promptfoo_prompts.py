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


def read_prompts(raw: Any, files: Files, log: ImportLog) -> list[Prompt]:
    entries = raw if isinstance(raw, list) else [raw] if raw else ["{{prompt}}"]
    prompts = [each for at, one in enumerate(entries) for each in read_prompt(one, files, log, f"prompts[{at}]")]
    if not prompts:
        raise UsageError("No prompt of this configuration can be filled in here.", "What cannot be is listed above.")
    return prompts


def read_prompt(raw: Any, files: Files, log: ImportLog, place: str) -> Iterator[Prompt]:
    label = ""
    if isinstance(raw, Mapping):
        label = str(raw.get("label") or "")
        if raw.get("config") or raw.get("function"):
            log.miss("a prompt's config or function", place)
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
                yield from read_prompt_file(path, label)
        else:
            yield Prompt(parse_template(text), label)
    except NotRead as reason:
        log.miss(f"a prompt from {reason}", place)


def names_a_file(text: str, files: Files) -> bool:
    """Whether a prompt names a file without file://, as older configurations do."""
    suffix = "." + text.rpartition(".")[2]
    return len(text) < 200 and "\n" not in text and (
        suffix in SCRIPTS or (suffix in {*DATA, ".txt", ".md", ".j2", ".jsonl"} and (files.folder / text).is_file())
    )  # fmt: skip


def read_prompt_file(path: Any, label: str) -> Iterator[Prompt]:
    text = yaml_file.read_text(path)
    if path.suffix == ".jsonl":
        yield from (Prompt(item, label) for item, _ in source.read_json_lines(path))
    elif path.suffix == ".csv":
        yield from (
            Prompt(parse_template(row["prompt"]), row.get("label", label))
            for row, _ in source.read_csv_rows(path)
            if row.get("prompt")
        )
    elif path.suffix == ".txt":
        parts = [part.strip() for part in f"\n{text}\n".split(f"\n{SEPARATOR}\n")]
        yield from (Prompt(parse_template(part), label) for part in parts if part)
    elif path.suffix in (*DATA, ".md", ".j2", ""):
        yield Prompt(parse_template(text), label)
    else:
        raise NotRead(f"the file {path.name}")


def parse_template(text: str) -> Any:
    """Returns messages if the text is a list of them before it is filled in, so that each is filled in by itself."""
    messages = parse_messages(text)
    return text if messages is None else messages


def parse_messages(text: str) -> list[Any] | None:
    """Returns the messages of a text that is a chat in JSON or YAML; None if it is just a text."""
    stripped = text.strip()
    if not stripped.startswith(("[", "{", "- role:", "- user:", "- system:", "- content:")):
        return None
    try:
        content = json.loads(stripped) if stripped[0] in "[{" else yaml_file.loads(stripped, "prompt")
    except (ValueError, RecursionError, UsageError):
        return None
    if isinstance(content, Mapping):
        content = content.get("messages", content.get("contents"))
    is_chat = isinstance(content, list) and content and all(isinstance(each, Mapping) for each in content)
    return content if is_chat else None


class TemplateFiller:
    """Fills in templates with the variables of one test; `missing` are the names that it lacks."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
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
        self._environment = ImmutableSandboxedEnvironment(undefined=Absent, keep_trailing_newline=True)
        self._environment.filters.update(dump=dump_json, load=json.loads)
        self.variables = {**variables, "_conversation": []}
        for _ in range(DEEPEST):
            self.variables = {name: self.value(each) for name, each in self.variables.items()}

    def value(self, raw: Any) -> Any:
        """Returns the value with every text in it filled in. Raises NotRead for a template that cannot be."""
        if isinstance(raw, str):
            return self.text(raw)
        if isinstance(raw, Mapping):
            return {key: self.value(each) for key, each in raw.items()}
        return [self.value(each) for each in raw] if isinstance(raw, list) else raw

    def text(self, raw: str) -> str:
        if "{{" not in raw and "{%" not in raw:
            return raw
        try:
            return self._environment.from_string(raw).render(self.variables)
        except self._failures as error:
            raise NotRead(f"a template that cannot be filled in ({str(error)[:80]})") from None


def dump_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)

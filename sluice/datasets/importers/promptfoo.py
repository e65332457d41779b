"""promptfoo's configurations: each test with each prompt is a case, each conversation one with a turn for each test.

As in its documentation: `vars` with a list stand for one test each, `defaultTest` is put under every test, tests with
the same `metadata.conversationId` go on with each other if their prompt uses `_conversation`; those without one, too.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from sluice.datasets.importers import chats, promptfoo_asserts, source
from sluice.datasets.importers.import_log import ImportLog
from sluice.datasets.importers.promptfoo_expect import ExpectationBuilder
from sluice.datasets.importers.promptfoo_files import PREFIX, Files, NotRead
from sluice.datasets.importers.promptfoo_prompts import Prompt, TemplateFiller, parse_messages, read_prompts
from sluice.datasets.yaml_writer import Draft, Ids
from sluice.errors import UsageError
from sluice.evaluation.cases.loader import MOST_REPEATS

READ = {
    *("prompts", "tests", "defaultTest", "scenarios", "assertionTemplates", "evaluateOptions"),
    *("description", "$schema"),
}
REPLAY_KEYS = {"providers", "targets", "env", "outputPath", "commandLineOptions", "sharing", "writeLatestResults"}
MOST = 200_000  # cases of one configuration


@dataclass
class PromptfooTest:
    """One test with one choice of its variables."""

    place: str
    name: str
    variables: Mapping[str, Any]
    asserts: Sequence[Mapping[str, Any]]
    options: Mapping[str, Any]
    tags: Sequence[str]
    conversation: str
    notes: list[str] = field(default_factory=list)


class PromptfooConfig:
    def __init__(self, path: Path, log: ImportLog) -> None:
        whole = source.load_value(path) if path.suffix not in (".csv", ".jsonl") else {"tests": path.name}
        self.raw: Mapping[str, Any] = whole if isinstance(whole, Mapping) else {"tests": whole}
        self.files = Files(path, log)
        self.log = log
        self.stem = path.stem
        for key in self.raw:
            if key in REPLAY_KEYS:
                log.miss(f"{key}: what is asked is said when cases are replayed", key)
            elif key not in READ:
                log.miss(f"the key {key!r} of the configuration", key)
        default = self.raw.get("defaultTest") or {}
        content = self._content(default, "defaultTest")
        self.default: Mapping[str, Any] = content if isinstance(content, Mapping) else {}
        options = self.raw.get("evaluateOptions")
        repeat = options.get("repeat") if isinstance(options, Mapping) else None
        self.repeats = min(repeat, MOST_REPEATS) if isinstance(repeat, int) and repeat > 1 else 1

    def _content(self, raw: Any, place: str) -> Any:
        """Returns a value, or the content of the file that it names; an empty mapping for one that is not read here."""
        if not isinstance(raw, str):
            return raw
        try:
            return self.files.content(raw)
        except NotRead as reason:
            self.log.miss(f"{place} from {reason}", place)
            return {}

    def tests(self) -> Iterator[PromptfooTest]:
        """Yields every test, filled up from defaultTest, once for every choice of its variables."""
        raw = self.raw.get("tests")
        if raw is None and "scenarios" not in self.raw:
            raw = [{}]
        for test, place in self.files.tests(raw, "tests"):
            yield from self.choices(test, place, "")
        for number, scenario in enumerate(self._scenarios()):
            place = f"scenarios[{number}]"
            for at, config in enumerate(as_list(scenario.get("config")) or [{}]):
                if not isinstance(config, Mapping):
                    self.log.miss("a scenario's data that is no mapping", place)
                    continue
                for test, where in self.files.tests(scenario.get("tests"), f"{place}.tests"):
                    whole = merge_tests(config, test)
                    yield from self.choices(whole, f"{where} with config[{at}]", f"scenario {number} {at}")

    def _scenarios(self) -> Iterator[Mapping[str, Any]]:
        for scenario in as_list(self.raw.get("scenarios")):
            content = self._content(scenario, "scenarios")
            for each in content if isinstance(content, list) else [content]:
                if isinstance(each, Mapping):
                    yield each
                else:
                    self.log.miss("a scenario that is no mapping", "scenarios")

    def choices(self, test: Mapping[str, Any], place: str, conversation: str) -> Iterator[PromptfooTest]:
        options = merge_mappings(self.default.get("options"), test.get("options"))
        whole = merge_tests(self.default, test)
        if test.get("assert") and not isinstance(test["assert"], list):
            self.log.miss("assertions that are no list", place)
        if options.get("disableDefaultAsserts"):
            whole["assert"] = as_list(test.get("assert"))
        notes: list[str] = []
        self._differences(whole, options, place, notes)
        asserts = [self._referred(each) for each in whole["assert"]]
        raw_metadata = whole.get("metadata")
        metadata: Mapping[str, Any] = raw_metadata if isinstance(raw_metadata, Mapping) else {}
        key = str(metadata.get("conversationId", conversation))
        tags = list(metadata_tags({name: value for name, value in metadata.items() if name != "conversationId"}))
        name = str(whole.get("description") or "")
        try:
            whole_variables = self._variables(whole.get("vars"))
            spread = combinations(whole_variables) if not options.get("disableVarExpansion") else [whole_variables]
            for variables in spread:
                yield PromptfooTest(place, name, variables, asserts, options, tags, key, list(notes))
        except NotRead as reason:
            self.log.miss(f"a test whose variables come from {reason}", place)

    def _differences(self, test: Mapping[str, Any], options: Mapping[str, Any], place: str, notes: list[str]) -> None:
        if test.get("threshold") is not None:
            self.log.change("the threshold of a test: all its expectations must hold here", place)
        if options.get("transform") or options.get("postprocess"):
            self.log.change("options.transform: expectations look at the answer as it is", place)
        for key in ("transformVars", "storeOutputAs"):
            if options.get(key):
                notes.append(self.log.miss(f"options.{key}", place))
        for key in ("provider", "providerOutput", "assertScoringFunction"):
            if test.get(key):
                notes.append(self.log.miss(f"{key} of a test", place))

    def _variables(self, raw: Any) -> dict[str, Any]:
        """Returns the values of variables, read where a file has them."""
        if isinstance(raw, str):
            raw = self.files.content(raw)
        if not isinstance(raw, Mapping):
            return {}
        return {name: self._read(value) for name, value in raw.items()}

    def _read(self, value: Any) -> Any:
        if not isinstance(value, str) or not value.startswith(PREFIX):
            return value
        contents = [self.files.content(str(path)) for path in self.files.named(value)]
        return contents if len(contents) > 1 else contents[0]

    def _referred(self, raw: Any) -> Mapping[str, Any]:
        """Returns an assertion, or the template that it names: #/assertionTemplates/NAME."""
        if isinstance(raw, str):
            return promptfoo_asserts.parse_shorthand(raw)
        if isinstance(raw, Mapping) and isinstance(raw.get("$ref"), str):
            templates = self.raw.get("assertionTemplates")
            template = templates.get(raw["$ref"].rpartition("/")[2]) if isinstance(templates, Mapping) else None
            return template if isinstance(template, Mapping) else {"type": f"the reference {raw['$ref']}"}
        return raw if isinstance(raw, Mapping) else {"type": str(raw)}


def metadata_tags(metadata: Mapping[str, Any]) -> Iterator[str]:
    """Yields metadata as tags: `category: math` is category:math."""
    for name, value in metadata.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, str | int) and str(each).strip():
                yield f"{name}:{each}"


def merge_tests(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Puts a test over another, and returns the whole: its variables and metadata win, assertions of both hold."""
    test = {**below, **above}
    for key in ("vars", "metadata"):
        if isinstance(below.get(key), Mapping) and isinstance(above.get(key), Mapping | None):
            test[key] = {**below[key], **(above.get(key) or {})}
    test["assert"] = [*as_list(below.get("assert")), *as_list(above.get("assert"))]
    return test


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def merge_mappings(below: Any, above: Any) -> dict[str, Any]:
    return {**(below if isinstance(below, Mapping) else {}), **(above if isinstance(above, Mapping) else {})}


def combinations(variables: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yields the variables once for every choice of those that are lists of texts."""
    spread = {
        name: value
        for name, value in variables.items()
        if isinstance(value, list) and value and isinstance(value[0], str)
    }
    for choice in product(*spread.values()):
        yield {**variables, **dict(zip(spread, choice, strict=True))}


def read_drafts(path: Path, log: ImportLog) -> Iterator[Draft]:
    config, ids = PromptfooConfig(path, log), Ids()
    prompts = read_prompts(config.raw.get("prompts"), config.files, log)
    tests = list(config.tests())
    if len(tests) * len(prompts) > MOST:
        raise UsageError(f"{path}: makes more than {MOST:,} cases.", "Import its tests in parts.")
    for number, prompt in enumerate(prompts):
        suffix = f" {prompt.label or f'p{number + 1}'}" if len(prompts) > 1 else ""
        groups: dict[str, list[PromptfooTest]] = {}
        for place, test in enumerate(tests):
            groups.setdefault(test.conversation if prompt.goes_on else str(place), []).append(test)
        for group in groups.values():
            if draft := build_case(config, prompt, group, ids, suffix):
                yield draft


def build_case(
    config: PromptfooConfig, prompt: Prompt, tests: Sequence[PromptfooTest], ids: Ids, suffix: str
) -> Draft | None:
    """Returns the tests as turns of one chat, most often one; None if nothing of them can be taken over."""
    turns: list[dict[str, Any]] = []
    system, notes = None, []
    for test in tests:
        notes += test.notes
        try:
            filler = TemplateFiller(test.variables)
            chat = build_chat(prompt, test, filler)
            expect = build_expectations(config, test, filler)
        except (NotRead, chats.Unusable) as reason:
            words = f"a chat {reason}" if isinstance(reason, chats.Unusable) else str(reason)
            notes.append(config.log.miss(words, test.place))
            continue
        for name in dict.fromkeys(filler.missing):
            config.log.change(f"the variable {name!r} is not given, and empty", test.place)
        notes += [config.log.miss(note, test.place) for note in chat.notes] + expect.notes
        system = system or chat.system
        last = chat.turns[-1]
        if expect.expectations:
            last["expect"] = expect.expectations
        turns += chat.turns
    if not turns:
        return None
    if changed := chats.describe_cut(turns):
        config.log.change(changed, tests[0].place)
    named = tests[0].conversation if len(tests) > 1 and tests[0].conversation else tests[0].name
    written = chats.Chat(turns=turns).written()
    expected = any("expect" in turn for turn in turns)
    if not expected:
        notes.append("Nothing says what its answer must hold.")
    tags = list(dict.fromkeys(tag for test in tests for tag in test.tags))
    case = {
        "id": ids.of(f"{named}{suffix}" if named else "", f"{config.stem}-{len(ids) + 1}"),
        **({"tags": tags} if tags else {}),
        **({"system": system} if system else {}),
        **({"repeats": config.repeats} if config.repeats > 1 else {}),
        **({"goes_on_with": "written"} if written else {}),
        **({} if expected else {"reviewed": False}),
        "turns": turns,
    }
    return Draft(case, list(dict.fromkeys(notes)))


def build_chat(prompt: Prompt, test: PromptfooTest, filler: TemplateFiller) -> chats.Chat:
    if not isinstance(prompt.template, str):
        return chats.parse_chat(filler.value(prompt.template))
    text = f"{test.options.get('prefix') or ''}{prompt.template}{test.options.get('suffix') or ''}"
    filled = filler.text(text)
    return chats.parse_chat(parse_messages(filled) or [{"role": "user", "content": filled}])


def build_expectations(config: PromptfooConfig, test: PromptfooTest, filler: TemplateFiller) -> ExpectationBuilder:
    expect = ExpectationBuilder(config.log, test.place)
    for each in test.asserts:
        add_assertion(config, expect, each, filler)
    return expect


def add_assertion(
    config: PromptfooConfig, expect: ExpectationBuilder, assertion: Mapping[str, Any], filler: TemplateFiller
) -> None:
    if isinstance(assertion.get("assert"), list):  # a set: each of its own
        inner = [config._referred(each) for each in assertion["assert"]]
        if assertion.get("threshold") in (None, 1):
            for each in inner:
                add_assertion(config, expect, each, filler)
            return
    value = assertion.get("value")
    if isinstance(value, str) and value.startswith(PREFIX):
        try:
            value = config.files.content(value)
        except NotRead as reason:
            expect.miss(f"{assertion.get('type')} from {reason}")
            return
    promptfoo_asserts.add_assertion(expect, {**assertion, "value": filler.value(value)})

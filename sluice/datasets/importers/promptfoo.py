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
from sluice.datasets.importers.promptfoo_expect import Expect
from sluice.datasets.importers.promptfoo_files import PREFIX, Files, NotRead
from sluice.datasets.importers.promptfoo_prompts import Filling, Prompt, messages, prompts
from sluice.datasets.yaml_writer import Draft, Ids
from sluice.errors import UsageError
from sluice.evaluation.cases.loader import MOST_REPEATS

READ = {
    "prompts",
    "tests",
    "defaultTest",
    "scenarios",
    "assertionTemplates",
    "evaluateOptions",
    "description",
    "$schema",
}
SAID_ELSEWHERE = {"providers", "targets", "env", "outputPath", "commandLineOptions", "sharing", "writeLatestResults"}
MOST = 200_000  # cases of one configuration


@dataclass
class Test:
    """One test with one choice of its variables."""

    place: str
    name: str
    variables: Mapping[str, Any]
    asserts: Sequence[Mapping[str, Any]]
    options: Mapping[str, Any]
    tags: Sequence[str]
    conversation: str
    notes: list[str] = field(default_factory=list)


class Config:
    def __init__(self, path: Path, told: ImportLog) -> None:
        whole = source.value(path) if path.suffix not in (".csv", ".jsonl") else {"tests": path.name}
        self.raw: Mapping[str, Any] = whole if isinstance(whole, Mapping) else {"tests": whole}
        self.files = Files(path, told)
        self.told = told
        self.stem = path.stem
        for key in self.raw:
            if key in SAID_ELSEWHERE:
                told.miss(f"{key}: what is asked is said when cases are replayed", key)
            elif key not in READ:
                told.miss(f"the key {key!r} of the configuration", key)
        default = self.raw.get("defaultTest") or {}
        found = self._content(default, "defaultTest")
        self.default: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
        options = self.raw.get("evaluateOptions")
        repeat = options.get("repeat") if isinstance(options, Mapping) else None
        self.repeats = min(repeat, MOST_REPEATS) if isinstance(repeat, int) and repeat > 1 else 1

    def _content(self, raw: Any, place: str) -> Any:
        """What stands there, or in the file that is named there; an empty mapping for one that is not read here."""
        if not isinstance(raw, str):
            return raw
        try:
            return self.files.content(raw)
        except NotRead as reason:
            self.told.miss(f"{place} from {reason}", place)
            return {}

    def tests(self) -> Iterator[Test]:
        """Every test, filled up from defaultTest, once for every choice of its variables."""
        raw = self.raw.get("tests")
        if raw is None and "scenarios" not in self.raw:
            raw = [{}]
        for test, place in self.files.tests(raw, "tests"):
            yield from self.choices(test, place, "")
        for number, scenario in enumerate(self._scenarios()):
            place = f"scenarios[{number}]"
            for at, config in enumerate(listed(scenario.get("config")) or [{}]):
                if not isinstance(config, Mapping):
                    self.told.miss("a scenario's data that is no mapping", place)
                    continue
                for test, where in self.files.tests(scenario.get("tests"), f"{place}.tests"):
                    whole = merged(config, test)
                    yield from self.choices(whole, f"{where} with config[{at}]", f"scenario {number} {at}")

    def _scenarios(self) -> Iterator[Mapping[str, Any]]:
        for scenario in listed(self.raw.get("scenarios")):
            found = self._content(scenario, "scenarios")
            for each in found if isinstance(found, list) else [found]:
                if isinstance(each, Mapping):
                    yield each
                else:
                    self.told.miss("a scenario that is no mapping", "scenarios")

    def choices(self, test: Mapping[str, Any], place: str, conversation: str) -> Iterator[Test]:
        options = merged_mapping(self.default.get("options"), test.get("options"))
        whole = merged(self.default, test)
        if test.get("assert") and not isinstance(test["assert"], list):
            self.told.miss("assertions that are no list", place)
        if options.get("disableDefaultAsserts"):
            whole["assert"] = listed(test.get("assert"))
        notes: list[str] = []
        self._differences(whole, options, place, notes)
        asserts = [self._referred(each) for each in whole["assert"]]
        given = whole.get("metadata")
        metadata: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
        key = str(metadata.get("conversationId", conversation))
        tags = list(told_tags({name: value for name, value in metadata.items() if name != "conversationId"}))
        name = str(whole.get("description") or "")
        try:
            variables_given = self._variables(whole.get("vars"))
            spread = combinations(variables_given) if not options.get("disableVarExpansion") else [variables_given]
            for variables in spread:
                yield Test(place, name, variables, asserts, options, tags, key, list(notes))
        except NotRead as reason:
            self.told.miss(f"a test whose variables come from {reason}", place)

    def _differences(self, test: Mapping[str, Any], options: Mapping[str, Any], place: str, notes: list[str]) -> None:
        if test.get("threshold") is not None:
            self.told.change("the threshold of a test: all its expectations must hold here", place)
        if options.get("transform") or options.get("postprocess"):
            self.told.change("options.transform: expectations look at the answer as it is", place)
        for key in ("transformVars", "storeOutputAs"):
            if options.get(key):
                notes.append(self.told.miss(f"options.{key}", place))
        for key in ("provider", "providerOutput", "assertScoringFunction"):
            if test.get(key):
                notes.append(self.told.miss(f"{key} of a test", place))

    def _variables(self, raw: Any) -> dict[str, Any]:
        """Their values, read where a file has them."""
        if isinstance(raw, str):
            raw = self.files.content(raw)
        if not isinstance(raw, Mapping):
            return {}
        return {name: self._read(value) for name, value in raw.items()}

    def _read(self, value: Any) -> Any:
        if not isinstance(value, str) or not value.startswith(PREFIX):
            return value
        found = [self.files.content(str(path)) for path in self.files.named(value)]
        return found if len(found) > 1 else found[0]

    def _referred(self, raw: Any) -> Mapping[str, Any]:
        """An assertion, or the template that it names: #/assertionTemplates/NAME."""
        if isinstance(raw, str):
            return promptfoo_asserts.shorthand(raw)
        if isinstance(raw, Mapping) and isinstance(raw.get("$ref"), str):
            templates = self.raw.get("assertionTemplates")
            found = templates.get(raw["$ref"].rpartition("/")[2]) if isinstance(templates, Mapping) else None
            return found if isinstance(found, Mapping) else {"type": f"the reference {raw['$ref']}"}
        return raw if isinstance(raw, Mapping) else {"type": str(raw)}


def told_tags(metadata: Mapping[str, Any]) -> Iterator[str]:
    """`category: math` as category:math."""
    for name, value in metadata.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, str | int) and str(each).strip():
                yield f"{name}:{each}"


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """A test put over another: its variables and metadata win, assertions of both hold."""
    made = {**below, **above}
    for key in ("vars", "metadata"):
        if isinstance(below.get(key), Mapping) and isinstance(above.get(key), Mapping | None):
            made[key] = {**below[key], **(above.get(key) or {})}
    made["assert"] = [*listed(below.get("assert")), *listed(above.get("assert"))]
    return made


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def merged_mapping(below: Any, above: Any) -> dict[str, Any]:
    return {**(below if isinstance(below, Mapping) else {}), **(above if isinstance(above, Mapping) else {})}


def combinations(variables: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One for every choice of the values that are lists of texts."""
    spread = {
        name: value
        for name, value in variables.items()
        if isinstance(value, list) and value and isinstance(value[0], str)
    }
    for choice in product(*spread.values()):
        yield {**variables, **dict(zip(spread, choice, strict=True))}


def drafts(path: Path, told: ImportLog) -> Iterator[Draft]:
    config, ids = Config(path, told), Ids()
    found = prompts(config.raw.get("prompts"), config.files, told)
    tests = list(config.tests())
    if len(tests) * len(found) > MOST:
        raise UsageError(f"{path}: makes more than {MOST:,} cases.", "Import its tests in parts.")
    for number, prompt in enumerate(found):
        suffix = f" {prompt.label or f'p{number + 1}'}" if len(found) > 1 else ""
        groups: dict[str, list[Test]] = {}
        for place, test in enumerate(tests):
            groups.setdefault(test.conversation if prompt.goes_on else str(place), []).append(test)
        for group in groups.values():
            if draft := case(config, prompt, group, ids, suffix):
                yield draft


def case(config: Config, prompt: Prompt, tests: Sequence[Test], ids: Ids, suffix: str) -> Draft | None:
    """The tests as turns of one chat; most often there is one."""
    turns: list[dict[str, Any]] = []
    system, notes = None, []
    for test in tests:
        notes += test.notes
        try:
            filling = Filling(test.variables)
            asked = chat(prompt, test, filling)
            expect = expectations(config, test, filling)
        except (NotRead, chats.Unusable) as reason:
            words = f"a chat {reason}" if isinstance(reason, chats.Unusable) else str(reason)
            notes.append(config.told.miss(words, test.place))
            continue
        for name in dict.fromkeys(filling.missing):
            config.told.change(f"the variable {name!r} is not given, and empty", test.place)
        notes += [config.told.miss(note, test.place) for note in asked.notes] + expect.notes
        system = system or asked.system
        last = asked.turns[-1]
        if expect.found:
            last["expect"] = expect.found
        turns += asked.turns
    if not turns:
        return None
    if changed := chats.too_long(turns):
        config.told.change(changed, tests[0].place)
    named = tests[0].conversation if len(tests) > 1 and tests[0].conversation else tests[0].name
    written = chats.Chat(turns=turns).written()
    expected = any("expect" in turn for turn in turns)
    if not expected:
        notes.append("Nothing says what its answer must hold.")
    tags = list(dict.fromkeys(tag for test in tests for tag in test.tags))
    made = {
        "id": ids.of(f"{named}{suffix}" if named else "", f"{config.stem}-{len(ids) + 1}"),
        **({"tags": tags} if tags else {}),
        **({"system": system} if system else {}),
        **({"repeats": config.repeats} if config.repeats > 1 else {}),
        **({"goes_on_with": "written"} if written else {}),
        **({} if expected else {"reviewed": False}),
        "turns": turns,
    }
    return Draft(made, list(dict.fromkeys(notes)))


def chat(prompt: Prompt, test: Test, filling: Filling) -> chats.Chat:
    if not isinstance(prompt.template, str):
        return chats.chat(filling.value(prompt.template))
    text = f"{test.options.get('prefix') or ''}{prompt.template}{test.options.get('suffix') or ''}"
    filled = filling.text(text)
    return chats.chat(messages(filled) or [{"role": "user", "content": filled}])


def expectations(config: Config, test: Test, filling: Filling) -> Expect:
    expect = Expect(config.told, test.place)
    for each in test.asserts:
        add(config, expect, each, filling)
    return expect


def add(config: Config, expect: Expect, assertion: Mapping[str, Any], filling: Filling) -> None:
    if isinstance(assertion.get("assert"), list):  # a set: each of its own
        inner = [config._referred(each) for each in assertion["assert"]]
        if assertion.get("threshold") in (None, 1):
            for each in inner:
                add(config, expect, each, filling)
            return
    value = assertion.get("value")
    if isinstance(value, str) and value.startswith(PREFIX):
        try:
            value = config.files.content(value)
        except NotRead as reason:
            expect.miss(f"{assertion.get('type')} from {reason}")
            return
    promptfoo_asserts.add(expect, {**assertion, "value": filling.value(value)})

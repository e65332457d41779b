"""Chat cases: scripted chats and what their answers must hold. Read strictly, as a slip here would move the gate."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from evaluation import yaml_file
from evaluation.scorers import SCORERS
from lmi.errors import UsageError

PASSAGES = 4  # as many as the prompt is made for
SHOWN = 12  # problems listed at once


@dataclass(frozen=True)
class Turn:
    user: str
    passages: tuple[str, ...] = ()
    expect: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def expected(self) -> str:
        """What the answer must hold, in words."""
        return "; ".join(f"{name.replace('_', ' ')} {told(texts)}" for name, texts in self.expect.items())


@dataclass(frozen=True)
class Case:
    id: str
    turns: tuple[Turn, ...]
    tags: tuple[str, ...] = ()
    system: str | None = None
    place: str = field(default="", compare=False)


def load(path: Path) -> tuple[Case, ...]:
    """The cases of one YAML file, or of every *.yaml in a folder."""
    problems: list[str] = []
    cases: list[Case] = []
    for file in files(path):
        cases += Reader(file.name if path.is_dir() else str(path), problems).cases(yaml_file.load(file))
    first: dict[str, Case] = {}
    for case in cases:
        if case.id and first.setdefault(case.id, case) is not case:
            problems.append(f"{case.place}.id: {case.id!r} is already the id of {first[case.id].place}.")
    if problems:
        more = len(problems) - SHOWN
        listed = "\n".join(f"  {problem}" for problem in problems[:SHOWN]) + (
            f"\n  and {more} more" if more > 0 else ""
        )
        raise UsageError(f"{path}: the chat cases are not valid:\n{listed}")
    return tuple(cases)


def files(path: Path) -> list[Path]:
    if not path.exists():
        raise UsageError(f"{path}: there is no such file or folder.", "`evaluation.cases` names the chat cases.")
    if not path.is_dir():
        return [path]
    found = sorted(
        file for file in path.iterdir() if file.suffix in {".yaml", ".yml"} and not file.name.startswith(".")
    )
    if not found:
        raise UsageError(f"{path}: the folder holds no *.yaml file.", "A model without chat cases cannot be judged.")
    return found


def digest(cases: tuple[Case, ...]) -> str:
    """The same for the same cases, wherever they lie."""
    content = [asdict(case) | {"place": ""} for case in cases]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()[:16]


class Reader:
    """Takes the cases out of a file's plain values; what does not fit becomes a problem, and the reading goes on."""

    def __init__(self, file: str, problems: list[str]) -> None:
        self.file = file
        self.problems = problems

    def cases(self, content: Any) -> list[Case]:
        raw = self.mapping(content, "", ("cases",))
        return [case for item, at in self.items(raw, "cases", "", required=True) if (case := self.case(item, at))]

    def case(self, item: Any, place: str) -> Case | None:
        raw = self.mapping(item, place, ("id", "tags", "system", "turns"))
        if raw is None:
            return None
        turns = tuple(self.turn(turn, at) for turn, at in self.items(raw, "turns", place, required=True))
        if turns and not any(turn.expect for turn in turns):
            self.problem(place, "no turn says what it expects, so the case could never fail. Add `expect` to one.")
        system = self.text(raw, "system", place) if "system" in raw else None
        tags = self.texts(raw, "tags", place)
        return Case(self.text(raw, "id", place), turns, tags, system, f"{self.file}: {place}")

    def turn(self, item: Any, place: str) -> Turn:
        raw = self.mapping(item, place, ("user", "passages", "expect"))
        if raw is None:
            return Turn("")
        passages = self.texts(raw, "passages", place)
        if len(passages) > PASSAGES:
            self.problem(f"{place}.passages", f"holds {len(passages)} passages; at most {PASSAGES} are sent.")
        expect = self.expect(raw["expect"], f"{place}.expect") if "expect" in raw else {}
        return Turn(self.text(raw, "user", place), passages, expect)

    def expect(self, item: Any, place: str) -> dict[str, tuple[str, ...]]:
        raw = self.mapping(item, place, tuple(SCORERS))
        if raw is None:
            return {}
        if not raw:
            self.problem(place, f"is empty. It takes {', '.join(SCORERS)}.")
        return {name: self.expectation(raw, name, place) for name in raw if name in SCORERS}

    def expectation(self, raw: Mapping[str, Any], name: str, place: str) -> tuple[str, ...]:
        if not isinstance(raw[name], list) or name == "equals":
            texts: tuple[str, ...] = (self.text(raw, name, place),)
        else:
            texts = self.texts(raw, name, place, required=True)
        if name == "matches":
            for pattern in texts:
                try:
                    re.compile(pattern)
                except re.error as error:
                    self.problem(f"{place}.{name}", f"{pattern!r} is not a regular expression: {error}.")
        return texts

    def mapping(self, value: Any, place: str, keys: tuple[str, ...]) -> Mapping[str, Any] | None:
        if not isinstance(value, dict):
            self.problem(place, f"must be a mapping with {', '.join(keys)}, but is {kind(value)}.")
            return None
        for key in value:
            if key not in keys:
                self.problem(joined(place, str(key)), f"there is no such key. {suggestion(str(key), keys)}")
        return value

    def items(
        self, raw: Mapping[str, Any] | None, key: str, place: str, required: bool = False
    ) -> Iterator[tuple[Any, str]]:
        at = joined(place, key)
        if raw is None or (key not in raw and not required):
            return
        if key not in raw:
            self.problem(at, "is missing.")
        elif not isinstance(raw[key], list):
            self.problem(at, f"must be a list, but is {kind(raw[key])}.")
        elif required and not raw[key]:
            self.problem(at, "is empty.")
        else:
            yield from ((item, f"{at}[{index}]") for index, item in enumerate(raw[key]))

    def texts(self, raw: Mapping[str, Any], key: str, place: str, required: bool = False) -> tuple[str, ...]:
        return tuple(self.checked(item, at) for item, at in self.items(raw, key, place, required))

    def text(self, raw: Mapping[str, Any], key: str, place: str) -> str:
        if key in raw:
            return self.checked(raw[key], joined(place, key))
        self.problem(joined(place, key), "is missing.")
        return ""

    def checked(self, value: Any, place: str) -> str:
        if not isinstance(value, str):
            quotes = " Put it in quotes." if isinstance(value, bool | int | float) else ""
            self.problem(place, f"must be text, but is {kind(value)}.{quotes}")
        elif not value.strip():
            self.problem(place, "is empty.")
        else:
            return value
        return ""

    def problem(self, place: str, what: str) -> None:
        self.problems.append(": ".join(part for part in (self.file, place, what) if part))


def joined(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


def told(texts: tuple[str, ...]) -> str:
    return " | ".join(repr(text) for text in texts)


def kind(value: Any) -> str:
    match value:
        case None:
            return "empty"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case bool():
            return f"the YAML word for {value}"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {value!r}"
        case _:
            return f"the {type(value).__name__} {value}"


def suggestion(word: str, known: tuple[str, ...]) -> str:
    import difflib  # only a mistake needs it, and start-up counts

    close = difflib.get_close_matches(word, known, 1)
    return f"Did you mean `{close[0]}`?" if close else f"It takes {', '.join(known)}."

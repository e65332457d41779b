"""Reads chat cases strictly, as a slip here would move the gate: what does not fit becomes a problem with its place.

YAML files (`cases:` with a list) and JSON lines (a case a line). Cases come one after the other, so a file may be
larger than the memory; every mistake is listed at the end, in one UsageError.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from sluice import yaml_file
from sluice.errors import UsageError
from sluice.evaluation import scorers
from sluice.evaluation.cases import yaml_stream
from sluice.evaluation.cases.case import PASSAGES, Case, Turn
from sluice.evaluation.scorers import python
from sluice.wording import suggestion

SUFFIXES = {".yaml", ".yml", ".jsonl"}
MOST_LISTED = 12  # problems listed at once
CASE = (
    *("id", "tags", "system", "documents", "tools", "weight", "critical", "repeats", "goes_on_with", "through", "user"),
    *("reviewed", "turns", "expect"),
)
TURN = ("user", "answer", "passages", "expect")
MOST_REPEATS = 100
LARGE = 1 << 20  # bytes of a YAML file that is no longer read at once
BOM = b"\xef\xbb\xbf"


class CaseProblem(NamedTuple):
    file: str
    place: str  # cases[0].turns[1].user, or line 7; empty for the file itself
    what: str

    def __str__(self) -> str:
        return ": ".join(part for part in self if part)


def load_cases(path: Path) -> tuple[Case, ...]:
    """Read the cases of a file (YAML, JSON lines) or a folder of such files. Raises UsageError with every mistake."""
    return tuple(read_cases(path))


def read_cases(path: Path) -> Iterator[Case]:
    """Yield every case of a file or folder. After the last one, raise UsageError if there was anything wrong."""
    problems: list[CaseProblem] = []
    yield from parse_files(path, problems)
    if problems:
        more = f"\n  and {len(problems) - MOST_LISTED} more" if len(problems) > MOST_LISTED else ""
        listed = "\n".join(f"  {problem}" for problem in problems[:MOST_LISTED])
        raise UsageError(f"{path}: the chat cases are not valid:\n{listed}{more}")


def parse_files(path: Path, problems: list[CaseProblem]) -> Iterator[Case]:
    """Yield every case of a file or folder, even if something is wrong with it; add what is wrong to `problems`."""
    first: dict[str, str] = {}
    for file in list_case_files(path):
        yield from parse_file(file, file.name if path.is_dir() else str(path), first, problems)


def parse_file(path: Path, name: str, first: dict[str, str], problems: list[CaseProblem]) -> Iterator[Case]:
    """Yield the cases of one file, called `name` in problems. `first`: where each id of the files before stands."""
    for case in CaseReader(name, problems).read_file(path):
        if case.id in first:
            what = f"{case.id!r} is already the id of {first[case.id]}."
            problems.append(CaseProblem(name, f"{case.place.removeprefix(f'{name}: ')}.id", what))
        elif case.id:
            first[case.id] = case.place
        yield case


def list_case_files(path: Path) -> list[Path]:
    if not path.exists():
        raise UsageError(f"{path}: there is no such file or folder.", "`evaluation.cases` names the chat cases.")
    if not path.is_dir():
        return [path]
    paths = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES and not file.name.startswith("."))
    if not paths:
        raise UsageError(f"{path}: the folder holds no *.yaml file.", "A model without chat cases cannot be judged.")
    return paths


class CaseReader:
    """Makes cases of a file's plain values; what does not fit is added to `problems`, and the reading goes on."""

    def __init__(self, file: str, problems: list[CaseProblem], large: int = LARGE) -> None:
        self.name = file
        self.problems = problems
        self.large = large
        self.folder = Path()

    def read_file(self, path: Path) -> Iterator[Case]:
        self.folder = path.parent
        for item, place in self.read_lines(path) if path.suffix == ".jsonl" else self.read_yaml(path):
            if case := self.parse_case(item, place):
                yield case

    def read_yaml(self, path: Path) -> Iterator[tuple[Any, str]]:
        """Yield item by item if the file is large; read it whole if it is not, or cannot be split."""
        count = 0
        if path.stat().st_size > self.large:
            try:
                for item in yaml_stream.iterate_items(path, "cases"):
                    yield item, f"cases[{count}]"
                    count += 1
                return
            except yaml_stream.NotSplit:
                pass
        yield from islice(self.document(yaml_file.load(path)), count, None)

    def document(self, content: Any) -> Iterator[tuple[Any, str]]:
        raw = self.mapping(content, "", ("cases",))
        yield from self.items(raw, "cases", "", required=True)

    def read_lines(self, path: Path) -> Iterator[tuple[Any, str]]:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                place = f"line {number}"
                line = line.removeprefix(BOM) if number == 1 else line
                if line.strip():
                    try:
                        yield json.loads(line.decode()), place
                    except UnicodeDecodeError:
                        self.add_problem(place, "is not UTF-8. Save the file as UTF-8.")
                    except (ValueError, RecursionError) as error:
                        self.add_problem(place, f"is not JSON: {error}.")

    def parse_case(self, item: Any, place: str) -> Case | None:
        raw = self.mapping(item, place, CASE)
        if raw is None:
            return None
        documents = self.parse_passages(raw, "documents", place)
        items = self.items(raw, "turns", place, required=True)
        turns = tuple(self.parse_turn(item, at, documents) for item, at in items)
        expect = self.parse_expect(raw, place)
        reviewed = self.flag(raw, "reviewed", place, True)
        if reviewed and turns and not expect and not any(turn.expect for turn in turns):
            self.add_problem(place, "no turn says what it expects, so the case could never fail. Add `expect` to one.")
        case = Case(
            id=self.text(raw, "id", place),
            turns=turns,
            expect=expect,
            tags=self.texts(raw, "tags", place),
            system=self.text(raw, "system", place) if "system" in raw else None,
            tools=self.parse_tools(raw, place),
            weight=float(self.number(raw, "weight", place, 1.0, 0.001, 1000)),
            critical=self.flag(raw, "critical", place, False),
            repeats=int(self.number(raw, "repeats", place, 1, 1, MOST_REPEATS)),
            goes_on_with="written" if self.choice(raw, "goes_on_with", place, ("answers", "written")) else "answers",
            through="rag" if self.choice(raw, "through", place, ("model", "rag")) else "model",
            user=self.text(raw, "user", place) if "user" in raw else None,
            reviewed=reviewed,
            place=f"{self.name}: {place}",
        )
        self.check_whole(case, place)
        return case

    def check_whole(self, case: Case, place: str) -> None:
        """Add the problems that only show when the case is seen as a whole."""
        if case.goes_on_with == "written":
            for number, turn in enumerate(case.turns[:-1]):
                if turn.answer is None:
                    what = "is missing: with `goes_on_with: written` the chat goes on with it."
                    self.add_problem(f"{place}.turns[{number}].answer", what)
        if case.through == "rag":
            for number, turn in enumerate(case.turns):
                if turn.passages:
                    what = "cannot be given through the RAG server, which finds its own."
                    self.add_problem(f"{place}.turns[{number}].passages", what)
            if case.goes_on_with == "written":
                what = "cannot be `written` through the RAG server, which keeps the history itself."
                self.add_problem(f"{place}.goes_on_with", what)
        elif case.user is not None:
            self.add_problem(f"{place}.user", "is only for `through: rag`.")

    def parse_turn(self, item: Any, place: str, documents: tuple[str, ...]) -> Turn:
        raw = self.mapping(item, place, TURN)
        if raw is None:
            return Turn("")
        return Turn(
            user=self.text(raw, "user", place),
            answer=self.text(raw, "answer", place) if "answer" in raw else None,
            passages=self.parse_passages(raw, "passages", place) if "passages" in raw else documents,
            expect=self.parse_expect(raw, place),
        )

    def parse_passages(self, raw: Mapping[str, Any], key: str, place: str) -> tuple[str, ...]:
        passages = self.texts(raw, key, place)
        if len(passages) > PASSAGES:
            self.add_problem(join_place(place, key), f"holds {len(passages)} passages; at most {PASSAGES} are sent.")
        return passages

    def parse_expect(self, raw: Mapping[str, Any], place: str) -> dict[str, Any]:
        if "expect" not in raw:
            return {}
        at = join_place(place, "expect")
        expectations = self.mapping(raw["expect"], at, scorers.NAMES)
        if expectations is None:
            return {}
        if not expectations:
            self.add_problem(at, f"is empty. It takes {', '.join(scorers.NAMES)}.")
        return {name: self.argument(name, value, at) for name, value in expectations.items() if name in scorers.NAMES}

    def argument(self, name: str, value: Any, place: str) -> Any:
        self.writable(value, f"{place}.{name}")
        if name == "python":
            python.add_folder(self.folder)
        for problem in scorers.get_scorer(name).problems(value):
            self.add_problem(f"{place}.{name}", problem)
        return value

    def parse_tools(self, raw: Mapping[str, Any], place: str) -> tuple[Mapping[str, Any], ...]:
        tools = []
        for item, at in self.items(raw, "tools", place):
            if isinstance(item, dict) and isinstance(item.get("name"), str):
                self.writable(item, at)
                tools.append(item)
            else:
                self.add_problem(at, "must be a function with a `name`, and perhaps `description` and `parameters`.")
        return tuple(tools)

    def mapping(self, value: Any, place: str, keys: tuple[str, ...]) -> Mapping[str, Any] | None:
        if not isinstance(value, dict):
            self.add_problem(place, f"must be a mapping with {', '.join(keys)}, but is {describe_value(value)}.")
            return None
        for key in value:
            if key not in keys:
                self.add_problem(join_place(place, str(key)), f"there is no such key. {suggestion(str(key), keys)}")
        return value

    def items(
        self, raw: Mapping[str, Any] | None, key: str, place: str, required: bool = False
    ) -> Iterator[tuple[Any, str]]:
        at = join_place(place, key)
        if raw is None or (key not in raw and not required):
            return
        if key not in raw:
            self.add_problem(at, "is missing.")
        elif not isinstance(raw[key], list):
            self.add_problem(at, f"must be a list, but is {describe_value(raw[key])}.")
        elif required and not raw[key]:
            self.add_problem(at, "is empty.")
        else:
            yield from ((item, f"{at}[{index}]") for index, item in enumerate(raw[key]))

    def texts(self, raw: Mapping[str, Any], key: str, place: str) -> tuple[str, ...]:
        return tuple(self.checked_text(item, at) for item, at in self.items(raw, key, place))

    def text(self, raw: Mapping[str, Any], key: str, place: str) -> str:
        if key in raw:
            return self.checked_text(raw[key], join_place(place, key))
        self.add_problem(join_place(place, key), "is missing.")
        return ""

    def checked_text(self, value: Any, place: str) -> str:
        if not isinstance(value, str):
            quotes = " Put it in quotes." if isinstance(value, bool | int | float) else ""
            self.add_problem(place, f"must be text, but is {describe_value(value)}.{quotes}")
        elif not value.strip():
            self.add_problem(place, "is empty.")
        elif self.writable(value, place):
            return value
        return ""

    def writable(self, value: Any, place: str) -> bool:
        """Whether the value can be sent and written down as JSON; if not, a problem is added."""
        try:
            json.dumps(value, ensure_ascii=False, sort_keys=True).encode()
        except UnicodeEncodeError:
            self.add_problem(place, "holds half a character.")
        except (TypeError, ValueError, RecursionError):
            self.add_problem(place, "holds something that JSON has no word for. Put dates and the like in quotes.")
        else:
            return True
        return False

    def number(
        self, raw: Mapping[str, Any], key: str, place: str, otherwise: float, least: float, most: float
    ) -> float:
        """A number between the two; a whole one if `otherwise`, which holds where the key is missing, is whole."""
        value = raw.get(key, otherwise)
        whole = isinstance(otherwise, int)
        if (
            isinstance(value, bool)
            or not isinstance(value, int if whole else int | float)
            or not least <= value <= most
        ):
            words = "a whole number" if whole else "a number"
            what = f"must be {words} from {least:g} to {most:g}, but is {describe_value(value)}."
            self.add_problem(join_place(place, key), what)
            return otherwise
        return value

    def flag(self, raw: Mapping[str, Any], key: str, place: str, otherwise: bool) -> bool:
        value = raw.get(key, otherwise)
        if not isinstance(value, bool):
            self.add_problem(join_place(place, key), f"must be true or false, but is {describe_value(value)}.")
            return otherwise
        return value

    def choice(self, raw: Mapping[str, Any], key: str, place: str, choices: tuple[str, str]) -> bool:
        """Whether the value is the second of two choices; the first is the default."""
        value = raw.get(key, choices[0])
        if value not in choices:
            self.add_problem(join_place(place, key), f"must be {' or '.join(choices)}, but is {describe_value(value)}.")
        return bool(value == choices[1])

    def add_problem(self, place: str, what: str) -> None:
        self.problems.append(CaseProblem(self.name, place, what))


def join_place(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


def describe_value(value: Any) -> str:
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

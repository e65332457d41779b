"""Case files larger than the memory: item by item, and never otherwise understood than when read whole."""

import json
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice import yaml_file
from sluice.errors import UsageError
from sluice.evaluation.cases import case as cases
from sluice.evaluation.cases import loader, yaml_stream
from sluice.evaluation.cases.loader import CaseProblem, CaseReader
from sluice.evaluation.cases.spool import StoredCases

TRICKY = """\
# a comment, then the list
cases:   # with a word about it

  - id: literal
    turns:
      - user: |
          first line
          - not an item
        # a comment in between
  # a comment between two items
  -
    id: dash-alone
    text: >-
      folded
      text
  - {id: flow, turns: [a,
      b]}
  - id: "quoted
      over lines"

  - [1, 2]
  - - nested
    - list
  - plain
  - 연차 휴가
# the end
"""


def write(folder: Path, text: str, name: str = "cases.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def split(path: Path, batch: int = 1) -> list[Any]:
    return list(yaml_stream.iterate_items(path, "cases", batch))


@pytest.mark.parametrize("batch", [1, 3, 1000])
@pytest.mark.parametrize("indent", [0, 1, 2, 8])
def test_items_are_those_of_the_whole_file(tmp_path: Path, batch: int, indent: int) -> None:
    lines = TRICKY.splitlines(keepends=True)
    shifted = "".join(" " * indent + line[2:] if line.startswith("  ") else line for line in lines)
    path = write(tmp_path, shifted)
    assert split(path, batch) == yaml_file.load(path)["cases"]


@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_files_from_other_systems_are_split_too(tmp_path: Path, ends: str) -> None:
    path = tmp_path / "cases.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + TRICKY.replace("\n", ends).encode())
    assert split(path) == yaml_file.load(path)["cases"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "cases: []\n",
        "cases:\n",
        "cases: [{id: a}]\n",
        '{"cases": [\n{"id": "a"}]}\n',
        "other: 1\ncases:\n  - a\n",
        "cases:\n  - a\nother: 1\n",
        "cases:\n- a\ncases:\n- b\n",
        "cases:\n  a: 1\n",
        "cases:\n  - a\n - b\n",
        "cases:\n- a\n---\ncases:\n- b\n",
        "cases: &all\n  - a\n",
        "cases:\n- a\n...\n- b\n",
        "cases:\n  - a\n\t- b\n",
        'cases:\n- "a\n- b"\n',
        "cases:\n- [a,\n- b]\n",
        "cases:\n- &x a\n- *x\n",
        "cases:\n- a: 1\n  a: 2\n",
        "cases:\n- a: [\n",
        "cases:\n- 2026-13-45\n",
        "cases:\n- \x01\n",
    ],
)
def test_what_cannot_be_split_is_left_to_the_whole_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(yaml_stream.NotSplit):
        split(write(tmp_path, text))


def test_foreign_bytes_are_left_to_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "cases.yaml"
    path.write_bytes("cases:\n  - 연차\n".encode("cp949"))
    with pytest.raises(yaml_stream.NotSplit):
        split(path)


SCALARS = st.sampled_from(
    ["a", "'a'", '"b c"', "- x", "연차", "|\n      lit\n      - no item", "[1,\n   2]", "{a: 1}", "1", ""]
)
LINES = st.lists(
    st.one_of(
        SCALARS.map(lambda value: f"  - {value}\n"),
        st.tuples(st.sampled_from(["k", "m"]), SCALARS).map(lambda pair: f"    {pair[0]}: {pair[1]}\n"),
        st.sampled_from(["\n", "# c\n", "  # c\n", '  - "open\n', '  close"\n', "x: 1\n", "  - [\n", "  ]\n"]),
    ),
    max_size=8,
)


@given(LINES, st.integers(1, 4))
def test_whatever_is_split_is_what_the_whole_file_says(tmp_path_factory: Any, lines: list[str], batch: int) -> None:
    path = write(tmp_path_factory.getbasetemp(), "cases:\n" + "".join(lines))
    try:
        items = split(path, batch)
    except yaml_stream.NotSplit:
        return
    assert yaml_file.load(path) == {"cases": items}


# as cases


def many(number: int) -> str:
    return "cases:\n" + "".join(
        f"  - id: c{n}\n    turns:\n      - user: question {n}\n        expect: {{contains: x}}\n"
        for n in range(number)
    )


def places(path: Path, large: int = loader.LARGE) -> tuple[list[str], list[str]]:
    """Of cases and of problems, in a file that is large from so many bytes on."""
    problems: list[CaseProblem] = []
    case_places = [case.place for case in CaseReader("f", problems, large).read_file(path)]
    return case_places, [str(problem) for problem in problems]


def test_a_large_file_has_the_same_places_and_problems_as_a_small_one(tmp_path: Path) -> None:
    text = many(900).replace("id: c700\n", "id: [c700]\n").replace("user: question 5\n", "user: 5\n")
    path = write(tmp_path, text)
    assert places(path, large=0) == places(path, large=10**9)
    assert places(path, large=0)[1][1].startswith("f: cases[700].id: must be text")


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("  - id: late\n    id: twice\n", r":3603:5: 'id' is given twice \(first in line 3602\)"),
        ("  - id: [late\n", ":3603:1"),
        ("other: 1\n", r"other: there is no such key"),
    ],
)
def test_a_mistake_far_down_in_a_large_file_is_told_with_its_line(tmp_path: Path, broken: str, message: str) -> None:
    path = write(tmp_path, many(900) + broken)
    with pytest.raises(UsageError, match=message):
        raise UsageError("\n".join(places(path, large=0)[1]))


def until_not_split(path: Path) -> Iterator[Any]:
    with suppress(yaml_stream.NotSplit):
        yield from yaml_stream.iterate_items(path, "cases")


def test_after_a_split_that_went_wrong_no_case_is_given_twice(tmp_path: Path) -> None:
    """The quoted id is cut in two where the third batch would begin."""
    cut = '  - id: "q\n\n\n\n\n  - x"\n    turns:\n      - user: q\n        expect: {contains: x}\n'
    path = write(tmp_path, many(999) + cut)
    assert len(list(until_not_split(path))) == 500
    assert places(path, large=0) == ([f"f: cases[{n}]" for n in range(1000)], [])


def test_cases_are_read_one_by_one(tmp_path: Path) -> None:
    """The mistake at the end is not yet met when the first are there."""
    path = write(tmp_path, many(40_000) + "  - id: [\n")
    assert path.stat().st_size > loader.LARGE
    assert [case.id for case in islice(loader.read_cases(path), 3)] == ["c0", "c1", "c2"]


def test_json_lines_are_read_one_by_one_with_their_lines(tmp_path: Path) -> None:
    case = {"id": "a", "turns": [{"user": "연차?", "expect": {"contains": "15"}}]}
    path = tmp_path / "cases.jsonl"
    lines = [b"\xef\xbb\xbf" + json.dumps(case).encode(), b"", json.dumps(case | {"id": "b"}).encode()]
    path.write_bytes(b"\r\n".join(lines))
    assert [each.place for each in loader.load_cases(path)] == [f"{path}: line 1", f"{path}: line 3"]
    path.write_bytes(b"\n".join([*lines, b"{", "연차".encode("cp949"), b'{"id": 3}']))
    with pytest.raises(UsageError) as caught:
        loader.load_cases(path)
    for message in ("line 4: is not JSON", "line 5: is not UTF-8", "line 6.id: must be text"):
        assert message in caught.value.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{"id": "a", "turns": [{"user": "\\ud800", "expect": {"contains": "x"}}]}',
            "turns[0].user: holds half a char",
        ),
        (
            '{"id": "a", "turns": [{"user": "q", "expect": {"contains": "\\udc00"}}]}',
            "contains: holds half a character",
        ),
    ],
)
def test_half_a_character_could_not_be_sent(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        loader.load_cases(write(tmp_path, text, "cases.jsonl"))
    assert message in caught.value.message


def test_a_date_is_no_word_of_json(tmp_path: Path) -> None:
    text = "cases: [{id: a, turns: [{user: q, expect: {json: {enum: [2026-01-01]}}}]}]"
    with pytest.raises(UsageError, match="Put dates and the like in quotes"):
        loader.load_cases(write(tmp_path, text))


# read once, used often


@pytest.mark.parametrize("limit", [0, 10, 10_000])
def test_cases_can_be_gone_through_again_wherever_they_are_kept(tmp_path: Path, limit: int) -> None:
    path = write(tmp_path, many(300))
    stored = StoredCases(path, limit)
    assert list(stored) == list(stored) == list(loader.load_cases(path))
    assert [case.place for case in stored] == [case.place for case in loader.load_cases(path)]
    assert (len(stored), stored.turns) == (300, 300)
    assert cases.digest(stored) == cases.digest(loader.load_cases(path))


def test_mistakes_are_told_before_any_case_is_used(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cases\[2\]"):
        StoredCases(write(tmp_path, many(2) + "  - id: 3\n"), limit=0)

"""Case files are read strictly: what does not fit is told with its place, and everything wrong is told at once."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sluice.datasets.lint import lint_path
from sluice.errors import UsageError
from sluice.evaluation.cases import loader
from sluice.evaluation.cases.case import Case

GOOD = "cases:\n  - id: first\n    turns:\n      - {user: hi, expect: {contains: x}}\n"


def write(folder: Path, text: str | bytes, name: str = "cases.yaml") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def complaint(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        list(loader.read_cases(path))
    assert "Traceback" not in caught.value.message
    return caught.value.message


def one(folder: Path, **keys: Any) -> Case:
    case = {"id": "a", "turns": [{"user": "hi", "expect": {"contains": "x"}}]} | keys
    (read,) = loader.read_cases(write(folder, json.dumps({"cases": [case]}, ensure_ascii=False)))
    return read


def wrong(folder: Path, **keys: Any) -> str:
    case = {"id": "a", "turns": [{"user": "hi", "expect": {"contains": "x"}}]} | keys
    return complaint(write(folder, json.dumps({"cases": [case]}, ensure_ascii=False)))


def test_a_folder_is_read_in_the_order_of_its_file_names(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("first", "second"), "b.yaml")
    write(tmp_path, GOOD, "a.yaml")
    write(tmp_path, '{"id": "third", "turns": [{"user": "hi", "expect": {"contains": "x"}}]}\n', "c.jsonl")
    write(tmp_path, "not yaml: [", "notes.txt")
    assert [case.id for case in loader.read_cases(tmp_path)] == ["first", "second", "third"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cases.yaml: is empty"),
        ("# nothing but a comment\n", "cases.yaml: is empty"),
        ("cases: []", "cases.yaml: cases: is empty"),
        ("cases:", "cases.yaml: cases: must be a list, but is empty"),
        ("case: []", "cases.yaml: case: there is no such key. Did you mean `cases`?"),
        ("- id: x", "cases.yaml: must be a mapping with cases, but is a list"),
        ("cases: [{}]", "cases.yaml: cases[0].id: is missing"),
        ("cases: [hello]", "cases[0]: must be a mapping with id, tags, system,"),
        ("cases: [{id: a, turns: []}]", "cases[0].turns: is empty"),
        ("cases: [{id: a, turns: [{expect: {contains: x}}]}]", "cases[0].turns[0].user: is missing"),
        ("cases: [{id: a, turns: [{user: ' ', expect: {contains: x}}]}]", "cases[0].turns[0].user: is empty"),
        (
            "cases: [{id: a, turns: [{usr: hi, user: hi, expect: {contains: x}}]}]",
            "turns[0].usr: there is no such key.",
        ),
        (
            "cases: [{id: a, turns: [{user: hi, expect: {contain: x}}]}]",
            "expect.contain: there is no such key. Did you",
        ),
        ("cases: [{id: a, turns: [{user: hi, expect: {contains: 15}}]}]", "expect.contains: must be text or a list"),
        ("cases: [{id: a, turns: [{user: hi, expect: {contains: []}}]}]", "expect.contains: is empty"),
        ("cases: [{id: a, turns: [{user: hi, expect: {}}]}]", "cases[0].turns[0].expect: is empty"),
        ("cases: [{id: a, turns: [{user: hi, expect: {matches: '(15'}}]}]", "'(15' is not a regular expression"),
        ("cases: [{id: a, turns: [{user: hi, expect: {equals: [a, b]}}]}]", "expect.equals: must be one text"),
        ("cases: [{id: a, turns: [{user: hi}]}]", "cases[0]: no turn says what it expects"),
        (
            "cases: [{id: a, turns: [{user: hi, passages: [a, b, c, d, e], expect: {contains: x}}]}]",
            "turns[0].passages: holds 5 passages; at most 4",
        ),
        ("cases: [{id: a, id: b}]", "cases.yaml:1:17: 'id' is given twice (first in line 1)"),
        ("cases:\n\t- id: a", "cases.yaml:2:1"),
        ("cases: [", "cases.yaml:"),
        ("cases: [{id: 2026-11-20, turns: [{user: hi, expect: {contains: x}}]}]", "id: must be text, but is the date"),
    ],
)
def test_a_broken_file_is_one_message_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    assert message in complaint(write(tmp_path, text))


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    message = complaint(write(tmp_path, "cases: [{id: a, turns: [{user: 1}]}, {id: 2, turns: x}]"))
    for place in ("cases[0].turns[0].user", "cases[1].id", "cases[1].turns"):
        assert place in message


def test_of_many_mistakes_the_first_are_listed_and_the_rest_counted(tmp_path: Path) -> None:
    message = complaint(write(tmp_path, f"cases: [{', '.join(['{}'] * 40)}]"))
    assert message.count("\n") == loader.MOST_LISTED + 1
    assert "and 68 more" in message


def test_an_id_given_in_two_files_names_both(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "a.yaml")
    write(tmp_path, GOOD, "b.yaml")
    assert "b.yaml: cases[0].id: 'first' is already the id of a.yaml: cases[0]" in complaint(tmp_path)


def test_missing_files_empty_folders_and_foreign_bytes_are_told_apart(tmp_path: Path) -> None:
    assert "there is no such file or folder" in complaint(tmp_path / "nowhere")
    assert "holds no *.yaml file" in complaint(tmp_path)
    assert "is not UTF-8" in complaint(write(tmp_path, "cases: 연차".encode("cp949")))
    assert "cases.yaml:1: holds a character that YAML does not allow" in complaint(write(tmp_path, b"cases: \x00"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "line 2: is not JSON"),
        (b"[]", "line 2: must be a mapping"),
        ('{"id": "한"}'.encode("cp949"), "line 2: is not UTF-8"),
        (b'{"id": "\\ud800", "turns": [{"user": "hi", "expect": {"contains": "x"}}]}', "line 2.id: holds half a char"),
        (b"[" * 100_000, "line 2: is not JSON"),
    ],
)
def test_a_broken_line_is_told_with_its_number(tmp_path: Path, line: bytes, message: str) -> None:
    good = b'\xef\xbb\xbf{"id": "a", "turns": [{"user": "hi", "expect": {"contains": "x"}}]}\n'
    assert message in complaint(write(tmp_path, good + line + b"\n\n", "cases.jsonl"))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"weight": 0}, "weight: must be a number from 0.001 to 1000"),
        ({"weight": True}, "weight: must be a number"),
        ({"repeats": 1.5}, "repeats: must be a whole number from 1 to 100"),
        ({"repeats": 101}, "repeats: must be a whole number from 1 to 100"),
        ({"critical": "yes"}, "critical: must be true or false"),
        ({"reviewed": 0}, "reviewed: must be true or false"),
        ({"goes_on_with": "golden"}, "goes_on_with: must be answers or written"),
        ({"through": "RAG"}, "through: must be model or rag"),
        ({"tools": [{"parameters": {}}]}, "tools[0]: must be a function with a `name`"),
        ({"user": "mina"}, "user: is only for `through: rag`"),
        ({"documents": ["a"] * 5}, "documents: holds 5 passages"),
        ({"through": "rag", "documents": ["a"]}, "turns[0].passages: cannot be given through the RAG server"),
        ({"through": "rag", "goes_on_with": "written"}, "goes_on_with: cannot be `written` through the RAG server"),
    ],
)
def test_a_key_that_cannot_be_so_is_told(tmp_path: Path, keys: dict[str, Any], message: str) -> None:
    assert f"cases[0].{message}" in wrong(tmp_path, **keys)


def test_documents_are_those_of_every_turn_that_names_none(tmp_path: Path) -> None:
    turns = [{"user": "1", "expect": {"contains": "x"}}, {"user": "2", "passages": ["own"]}]
    case = one(tmp_path, documents=["shared"], turns=turns)
    assert [turn.passages for turn in case.turns] == [("shared",), ("own",)]


def test_a_chat_that_goes_on_with_written_answers_has_them_all_but_the_last(tmp_path: Path) -> None:
    turns = [{"user": "1", "answer": "one"}, {"user": "2"}, {"user": "3", "expect": {"contains": "x"}}]
    assert "turns[1].answer: is missing" in wrong(tmp_path, goes_on_with="written", turns=turns)
    turns[1]["answer"] = "two"
    assert one(tmp_path, goes_on_with="written", turns=turns).goes_on_with == "written"


def test_what_is_expected_of_the_whole_chat_is_enough(tmp_path: Path) -> None:
    assert one(tmp_path, turns=[{"user": "hi"}], expect={"contains": "x"}).expect == {"contains": "x"}


def test_an_unreviewed_case_may_wait_for_its_expectations(tmp_path: Path) -> None:
    assert not one(tmp_path, turns=[{"user": "hi"}], reviewed=False).reviewed


def test_lint_finds_the_line_of_every_mistake(tmp_path: Path) -> None:
    text = (
        "# cases\ncases:\n  - id: a\n    turns:\n      - user: 안녕\n        expect: {contains: 15}\n"
        "  - id: a\n    tgas: [x]\n    turns:\n      - user: hi\n        expect:\n          number: ten\n"
    )
    mistakes = lint_path(write(tmp_path, text)).mistakes
    assert sorted((each.line, each.place) for each in mistakes) == [
        (6, "cases[0].turns[0].expect.contains"),
        (7, "cases[1].id"),
        (8, "cases[1].tgas"),
        (12, "cases[1].turns[0].expect.number"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "line", "what"),
    [
        ("a.yaml", "cases:\n  - id: a\n    turns: [\n", 4, "did not find expected node"),
        ("a.yaml", "cases:\n\t- id: a", 2, "tab"),
        ("a.yaml", "cases: \x00", 1, "a character that YAML does not allow"),
        ("a.yaml", "", None, "is empty"),
        ("a.jsonl", '{"id": "b", "turns": [{"user": "hi", "expect": {"contains": "x"}}]}\n{', 2, "is not JSON"),
    ],
)
def test_a_file_that_cannot_be_read_keeps_no_other_from_being_looked_at(
    tmp_path: Path, name: str, text: str, line: int | None, what: str
) -> None:
    write(tmp_path, text, name)
    write(tmp_path, GOOD, "z.yaml")
    looked = lint_path(tmp_path)
    assert "first" in [case.id for case in looked.cases]
    (mistake,) = looked.mistakes
    assert (mistake.file, mistake.line) == (str(tmp_path / name), line)
    assert what in f"{mistake.place} {mistake.what}"


KEYS = (*loader.CASE, *loader.TURN, "cases", "contains", "number", "json", "x")
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@given(ANYTHING)
def test_whatever_a_file_holds_is_read_or_told(tmp_path_factory: pytest.TempPathFactory, content: Any) -> None:
    path = tmp_path_factory.mktemp("any") / "cases.yaml"
    path.write_text(yaml.safe_dump({"cases": [content]}, allow_unicode=True), encoding="utf-8")
    try:
        list(loader.read_cases(path))
    except UsageError as error:
        assert error.message

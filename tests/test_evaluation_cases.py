from pathlib import Path

import pytest

from evaluation import cases
from lmi.errors import UsageError

GOOD = """
cases:
  - id: leave-days
    tags: [hr, korean]
    system: 짧게 답하세요.
    turns:
      - user: 연차는 며칠인가요?
        passages: ["연차는 15일입니다."]
        expect: {contains: "15일", not_contains: [20일, "25일"]}
      - user: 그럼 병가는요?
"""


def write(folder: Path, text: str, name: str = "cases.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def complaint(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        cases.load(path)
    assert "Traceback" not in caught.value.message
    return caught.value.message


def test_a_case_is_read_as_it_was_written(tmp_path: Path) -> None:
    (case,) = cases.load(write(tmp_path, GOOD))
    assert (case.id, case.tags, case.system) == ("leave-days", ("hr", "korean"), "짧게 답하세요.")
    assert case.turns[0].passages == ("연차는 15일입니다.",)
    assert case.turns[0].expect == {"contains": ("15일",), "not_contains": ("20일", "25일")}
    assert case.turns[0].expected == "contains '15일'; not contains '20일' | '25일'"
    assert case.turns[1].expect == {}


def test_a_folder_is_read_in_the_order_of_its_file_names(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("leave-days", "second"), "b.yaml")
    write(tmp_path, GOOD.replace("leave-days", "first"), "a.yaml")
    write(tmp_path, "not yaml: [", "notes.txt")
    assert [case.id for case in cases.load(tmp_path)] == ["first", "second"]


def test_the_digest_is_that_of_the_cases_and_not_of_the_place(tmp_path: Path) -> None:
    one, other = write(tmp_path, GOOD, "one.yaml"), write(tmp_path, "# moved\n" + GOOD, "other.yaml")
    assert cases.digest(cases.load(one)) == cases.digest(cases.load(other))
    changed = write(tmp_path, GOOD.replace("15일", "16일"), "changed.yaml")
    assert cases.digest(cases.load(one)) != cases.digest(cases.load(changed))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cases.yaml: is empty"),
        ("# nothing but a comment\n", "cases.yaml: is empty"),
        ("cases: []", "cases.yaml: cases: is empty"),
        ("cases:", "cases.yaml: cases: must be a list, but is empty"),
        ("case: []", "cases.yaml: case: there is no such key. Did you mean `cases`?"),
        ("- id: x", "cases.yaml: must be a mapping with cases, but is a list"),
        ("cases: [{}]", "cases.yaml: cases[0].id: is missing"),
        ("cases: [hello]", "cases[0]: must be a mapping with id, tags, system, turns, but is the text 'hello'"),
        ("cases: [{id: a, turns: []}]", "cases[0].turns: is empty"),
        ("cases: [{id: a, turns: [{expect: {contains: x}}]}]", "cases[0].turns[0].user: is missing"),
        ("cases: [{id: a, turns: [{user: ' ', expect: {contains: x}}]}]", "cases[0].turns[0].user: is empty"),
        (
            "cases: [{id: a, turns: [{usr: hi, user: hi, expect: {contains: x}}]}]",
            "turns[0].usr: there is no such key. Did",
        ),
        (
            "cases: [{id: a, turns: [{user: hi, expect: {contain: x}}]}]",
            "expect.contain: there is no such key. Did you",
        ),
        (
            "cases: [{id: a, turns: [{user: hi, expect: {contains: 15}}]}]",
            "must be text, but is the number 15. Put it in",
        ),
        ("cases: [{id: a, turns: [{user: hi, expect: {contains: []}}]}]", "expect.contains: is empty"),
        ("cases: [{id: a, turns: [{user: hi, expect: {}}]}]", "cases[0].turns[0].expect: is empty"),
        ("cases: [{id: a, turns: [{user: hi, expect: {matches: '(15'}}]}]", "'(15' is not a regular expression"),
        (
            "cases: [{id: a, turns: [{user: hi, expect: {equals: [a, b]}}]}]",
            "expect.equals: must be text, but is a list",
        ),
        ("cases: [{id: a, turns: [{user: hi}]}]", "cases[0]: no turn says what it expects"),
        (
            "cases: [{id: a, turns: [{user: hi, passages: [a, b, c, d, e], expect: {contains: x}}]}]",
            "turns[0].passages: holds 5 passages; at most 4",
        ),
        ("cases: [{id: a, id: b}]", "cases.yaml:1:17: 'id' is given twice (first in line 1)"),
        ("cases:\n\t- id: a", "cases.yaml:2:1"),
        ("cases: [", "cases.yaml:"),
    ],
)
def test_a_broken_file_is_one_message_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    assert said in complaint(write(tmp_path, text))


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    message = complaint(write(tmp_path, "cases: [{id: a, turns: [{user: 1}]}, {id: 2, turns: x}]"))
    for place in ("cases[0].turns[0].user", "cases[1].id", "cases[1].turns"):
        assert place in message


def test_an_id_given_in_two_files_names_both(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "a.yaml")
    write(tmp_path, GOOD, "b.yaml")
    assert "b.yaml: cases[0].id: 'leave-days' is already the id of a.yaml: cases[0]" in complaint(tmp_path)


def test_missing_files_empty_folders_and_foreign_bytes_are_told_apart(tmp_path: Path) -> None:
    assert "there is no such file or folder" in complaint(tmp_path / "nowhere")
    assert "holds no *.yaml file" in complaint(tmp_path)
    path = tmp_path / "cp949.yaml"
    path.write_bytes("cases: 연차".encode("cp949"))
    assert "is not UTF-8" in complaint(path)
    path.write_bytes(b"cases: \x00")
    assert "cp949.yaml:1: holds a character that YAML does not allow" in complaint(path)

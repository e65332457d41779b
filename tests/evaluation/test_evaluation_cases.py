"""What the rest of Sluice sees of a case: what it expects in words, whether it may gate, and a digest of them all."""

from dataclasses import replace
from pathlib import Path

import pytest

from sluice.errors import UsageError
from sluice.evaluation.cases import case as cases
from sluice.evaluation.cases import loader
from sluice.evaluation.cases.case import Case, Turn

GOOD = """
cases:
  - id: leave-days
    tags: [hr, korean]
    system: 짧게 답하세요.
    turns:
      - user: 연차는 며칠인가요?
        passages: ["연차는 15일입니다."]
        expect: {contains: "15일", not_contains: [20일, "25일"], number: {value: 15, tolerance: 1}}
      - user: 그럼 병가는요?
    expect: {language: ko}
"""


def write(folder: Path, text: str, name: str = "cases.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_case_is_read_as_it_was_written(tmp_path: Path) -> None:
    (case,) = loader.load_cases(write(tmp_path, GOOD))
    assert (case.id, case.tags, case.system) == ("leave-days", ("hr", "korean"), "짧게 답하세요.")
    assert case.turns[0].passages == ("연차는 15일입니다.",)
    assert case.turns[0].expect["not_contains"] == ["20일", "25일"]
    assert case.turns[1].expect == {}
    assert (case.weight, case.critical, case.repeats, case.reviewed) == (1.0, False, 1, True)
    assert (case.goes_on_with, case.through, case.user) == ("answers", "model", None)


def test_what_is_expected_is_told_in_words(tmp_path: Path) -> None:
    (case,) = loader.load_cases(write(tmp_path, GOOD))
    expected = "contains '15일'; not contains '20일' | '25일'; the number from 14 to 16"
    assert case.turns[0].expected == expected
    assert case.expected == "in Korean"


def test_the_digest_is_that_of_the_cases_and_not_of_the_place(tmp_path: Path) -> None:
    one, other = write(tmp_path, GOOD, "one.yaml"), write(tmp_path, "# moved\n" + GOOD, "other.yaml")
    assert cases.digest(loader.load_cases(one)) == cases.digest(loader.load_cases(other))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("15일", "16일"),
        ("tolerance: 1", "tolerance: 2"),
        ("language: ko", "language: en"),
        ("[hr, korean]", "[korean]"),
    ],
)
def test_whatever_changes_in_a_case_changes_the_digest(tmp_path: Path, before: str, after: str) -> None:
    one, other = write(tmp_path, GOOD, "one.yaml"), write(tmp_path, GOOD.replace(before, after), "other.yaml")
    assert cases.digest(loader.load_cases(one)) != cases.digest(loader.load_cases(other))


def test_an_unreviewed_case_can_never_gate() -> None:
    reviewed = Case("a", (Turn("?", expect={"contains": "x"}),))
    assert cases.require_reviewed((reviewed,)) == (reviewed,)
    unreviewed = [replace(reviewed, id=f"new-{number}", reviewed=False) for number in range(7)]
    with pytest.raises(UsageError) as refused:
        cases.require_reviewed((reviewed, *unreviewed))
    assert "7 cases are unreviewed and cannot gate: new-0, new-1, new-2, new-3, new-4 ..." in refused.value.message
    assert "reviewed: false" in refused.value.hint

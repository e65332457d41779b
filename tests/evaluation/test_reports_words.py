"""Which words of two answers differ."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.evaluation.reports.word_diff import diff_words


def marked(before: str, after: str) -> tuple[str, str]:
    """Both answers with what differs in brackets."""
    parts = (
        "".join(f"[{part.text}]" if part.differs else part.text for part in side) for side in diff_words(before, after)
    )
    old, new = parts
    return old, new


@pytest.mark.parametrize(
    ("before", "after", "old", "new"),
    [
        ("The same.", "The same.", "The same.", "The same."),
        ("", "", "", ""),
        ("", "Something new.", "", "[Something new.]"),
        ("Gone.", "", "[Gone.]", ""),
        ("You get 22 days.", "You get 15 days.", "You get [22] days.", "You get [15] days."),
        ("연차는 22일입니다.", "연차는 15일입니다.", "연차는 [22]일입니다.", "연차는 [15]일입니다."),
        ("이름은 정우입니다.", "이름은 모릅니다.", "이름은 [정우입니다].", "이름은 [모릅니다]."),
        ("At 8:30.", "At 9:30.", "At [8:30].", "At [9:30]."),
        ("It costs 30,000 won", "It costs 3,000 won", "It costs [30,000] won", "It costs [3,000] won"),
        ("a b c d", "a x c y", "a [b] c [d]", "a [x] c [y]"),
        ("one two three", "one three", "one [two] three", "one three"),
        ("営業時間は九時", "営業時間は十時", "営業時間は[九]時", "営業時間は[十]時"),
        ("👍 good", "👎 good", "[👍] good", "[👎] good"),
    ],
)
def test_the_words_that_differ_are_marked(before: str, after: str, old: str, new: str) -> None:
    assert marked(before, after) == (old, new)


@pytest.mark.parametrize(("before", "after"), [("one  two", "one two"), ("one\ntwo", "one two"), ("end", "end \n")])
def test_other_blanks_are_no_difference(before: str, after: str) -> None:
    assert marked(before, after) == (before, after)


def test_letters_that_are_composed_otherwise_are_the_same_letters() -> None:
    assert marked("\u1112\u1161\u11ab글", "한글") == ("한글", "한글")


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_letter_is_lost(before: str, after: str) -> None:
    from unicodedata import normalize

    old, new = diff_words(before, after)
    assert "".join(part.text for part in old) == normalize("NFC", before)
    assert "".join(part.text for part in new) == normalize("NFC", after)
    assert all(part.text for part in (*old, *new))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("가" * 3000, "나" * 3000),
        ("a b " * 750, "b a " * 750),
        ("九" * 3000, "九十" * 1500),
        (" ".join(map(str, range(700))), " ".join(map(str, range(700, 0, -1)))),
    ],
)
def test_answers_that_are_hard_to_compare_are_compared_all_the_same(before: str, after: str) -> None:
    old, new = diff_words(before, after)
    assert any(part.differs for part in (*old, *new))

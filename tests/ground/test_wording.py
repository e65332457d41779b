"""How messages word counts, shares, one line, and the name that was meant."""

import pytest

from sluice.wording import counted, flatten, nearest, one_line, percent, suggestion


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (counted(1, "case"), "1 case"),
        (counted(0, "case"), "0 cases"),
        (counted(1200, "case"), "1,200 cases"),
        (counted(2, "more is", "more are"), "2 more are"),
        (percent(0.9), "90 %"),
        (percent(0.8999), "89.9 %"),
        (percent(1.0), "100 %"),
    ],
)
def test_a_number_is_worded_alike_everywhere(words: str, expected: str) -> None:
    assert words == expected


def test_one_line_is_never_longer_than_it_may_be_and_shows_where_it_was_cut() -> None:
    assert one_line(" a\n b\tc ", 5) == "a b c"
    assert one_line("word " * 9, 16) == "word word wo ..."
    assert one_line("word " * 9, 14) == "word word ..."


def test_the_nearest_name_is_found_whatever_its_case_and_with_letters_swapped_first() -> None:
    assert nearest("Regoin", ["Region", "Reason"]) == "Region"
    assert nearest("us-esat-1", ["us-west-1", "us-east-1"]) == "us-east-1"
    assert nearest("zzz", ["Region"]) is None
    assert suggestion("contain", ("contains", "equals")) == "Did you mean `contains`?"
    assert suggestion("zzz", ("a", "b")) == "It takes a, b."


def test_nested_mappings_become_paths() -> None:
    assert list(flatten({"a": {"b": 1, "c": {"d": None}}, "e": [2]})) == [("a.b", 1), ("a.c.d", None), ("e", [2])]

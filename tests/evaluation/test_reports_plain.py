"""Text from elsewhere: what is hidden in it is named, and its language known."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_hostile import HOSTILE

from sluice.evaluation.reports.plain_text import (
    clipped,
    clipped_line,
    language,
    milliseconds,
    money,
    percent,
    points,
    visible,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("a\r\nb", "a\nb"),
        ("\x1b[31m", "[U+001B][31m"),
        ("\x00\x07\x7f\x9b", "[U+0000][U+0007][U+007F][U+009B]"),
        ("\u202eabc\u202c", "[U+202E]abc[U+202C]"),
        ("pay\u200bday", "pay[U+200B]day"),
        ("\ud83d", "[U+D83D]"),
        ("\ufffe\uffff", "[U+FFFE][U+FFFF]"),
        ("\U000e0041", "[U+E0041]"),
        ("\u3164", "[U+3164]"),
        ("한국어와 전각　공백", "한국어와 전각　공백"),
        ("e\u0301", "e\u0301"),
        ("👩\u200d💻 and 👍🏽", "👩\u200d💻 and 👍🏽"),
        ("क्\u200dष", "क्\u200dष"),
        ("pay\u200dday", "pay[U+200D]day"),
        ("Z" + "\u0301" * 50, "Z" + "\u0301" * 4 + "[...]"),
        (None, "None"),
        ({"a": 1}, "{'a': 1}"),
    ],
)
def test_what_is_hidden_is_named(text: object, expected: str) -> None:
    assert visible(text) == expected


@given(st.text(st.characters()))
def test_whatever_it_was_xml_and_utf_8_can_hold_it(text: str) -> None:
    element = ElementTree.Element("a")
    element.text = visible(text)
    ElementTree.fromstring(ElementTree.tostring(element, encoding="utf-8"))


@pytest.mark.parametrize("name", HOSTILE)
def test_no_hostile_text_moves_a_cursor_or_turns_the_line_round(name: str) -> None:
    output = visible(HOSTILE[name])
    assert not set(output) & set("\x1b\x07\x9b\r\x00\u202e\u2066\u200b\ufeff\u00ad")
    output.encode()


def test_a_long_text_is_cut_and_says_how_much_is_left() -> None:
    assert clipped("가" * 10_000_000, 100) == ("가" * 100, 9_999_900)
    assert clipped("short", 100) == ("short", 0)


def test_one_line_is_one_line() -> None:
    assert clipped_line("a\n b\u2028c\x0bd", 20) == "a b c d"
    assert clipped_line("word " * 100, 12) == "word word wo ..."
    assert len(clipped_line("x" * 10_000_000, 50)) < 60


@pytest.mark.parametrize(
    ("text", "tongue"),
    [
        ("연차는 15일입니다.", "ko"),
        ("VPN 접속은 helpdesk로 문의하세요.", "ko"),
        ("Annual leave (연차) is fifteen days a year for everybody.", None),
        ("The office opens at ten.", None),
        ("営業時間は十時からです。", "ja"),
        ("办公室十点开门", "zh"),
        ("12,000 👍", None),
        ("", None),
    ],
)
def test_a_text_is_in_the_language_of_its_letters(text: str, tongue: str | None) -> None:
    assert language(text) == tongue


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (percent(0.8999), "89.9 %"),
        (percent(1.0), "100 %"),
        (percent(None), "–"),
        (percent(float("nan")), "–"),
        (points(-0.0208), "−2.1"),
        (points(0.0), "0.0"),
        (points(-0.0001), "0.0"),
        (points(0.015), "+1.5"),
        (milliseconds(0.4), "0.4 ms"),
        (milliseconds(2890.0), "2,890 ms"),
        (milliseconds(61_000), "61.0 s"),
        (milliseconds("fast"), "–"),
        (money(0.00042), "$0.00042"),
        (money(1234.5), "$1,234.50"),
    ],
)
def test_figures_are_read_at_a_glance(output: str, expected: str) -> None:
    assert output == expected

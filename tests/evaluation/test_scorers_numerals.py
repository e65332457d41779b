"""Numbers as people write them, above all Korean amounts: read as they are meant, and no word taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.evaluation import scorers
from sluice.evaluation.scorers.numerals import read_numbers
from sluice.evaluation.scoring import NOTHING, Sample

DIGITS = "영일이삼사오육칠팔구"
SMALL = ("", "십", "백", "천")
LARGE = ("", "만", "억", "조")
MOST = 2**53  # above, not every whole number is a float


def in_fours(number: int) -> list[tuple[int, str]]:
    """12,3456,7890 as (12, 억), (3456, 만), (7890, "")."""
    parts = [(number // 10**place % 10**4, LARGE[place // 4]) for place in (12, 8, 4, 0)]
    return [(part, unit) for part, unit in parts if part]


def in_words(part: int) -> str:
    """3045 as 삼천사십오; 일 is not said before a unit."""
    digits = [(int(digit), SMALL[3 - place]) for place, digit in enumerate(f"{part:04}")]
    return "".join(("" if digit == 1 and unit else DIGITS[digit]) + unit for digit, unit in digits if digit)


def in_mixed(part: int) -> str:
    """3045 as 3천4십5."""
    digits = [(digit, SMALL[3 - place]) for place, digit in enumerate(f"{part:04}")]
    return "".join(digit + unit for digit, unit in digits if digit != "0")


def spelled(number: int) -> str:
    parts = [(in_words(part), unit) for part, unit in in_fours(number)]
    if parts[0] == ("일", "만"):
        parts[0] = ("", "만")  # 만 오천
    return " ".join(word + unit for word, unit in parts)


FORMS = {
    "plain": lambda number: str(number),
    "with commas": lambda number: f"{number:,}",
    "large units": lambda number: " ".join(f"{part}{unit}" for part, unit in in_fours(number)),
    "large units with commas": lambda number: " ".join(f"{part:,}{unit}" for part, unit in in_fours(number)),
    "large units without blanks": lambda number: "".join(f"{part}{unit}" for part, unit in in_fours(number)),
    "every unit": lambda number: " ".join(in_mixed(part) + unit for part, unit in in_fours(number)),
    "every unit without blanks": lambda number: "".join(in_mixed(part) + unit for part, unit in in_fours(number)),
    "words": spelled,
    "words without blanks": lambda number: spelled(number).replace(" ", ""),
}
NUMBERS = st.one_of(
    st.integers(10, MOST),
    st.integers(10, 99_999),
    st.builds(lambda digit, zeros: digit * 10**zeros, st.integers(1, 9_999), st.integers(1, 12)),
)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("sentence", ["{}원", "총 {} 원입니다.", "예산은 약 {}원이며, 변동 없음", "**{}원**"])
@given(number=NUMBERS)
def test_a_number_is_read_back_however_it_is_written(form, sentence, number):
    assert read_numbers(sentence.format(FORMS[form](number))) == [number]


@given(st.integers(1, 99_999), st.sampled_from([("천", 10**3), ("만", 10**4), ("억", 10**8), ("천만", 10**7)]))
def test_a_decimal_with_a_unit_is_exact(tenths, unit):
    word, value = unit
    assert read_numbers(f"{tenths // 10}.{tenths % 10}{word} 원") == [tenths * value / 10]


AMOUNTS = [
    ("3천만", 30_000_000), ("3천만원", 30_000_000), ("1억 2천만", 120_000_000), ("십만 원", 100_000),
    ("백만 원", 1_000_000), ("천만 원", 10_000_000), ("5백만 원", 5_000_000), ("2조 3,000억", 2_300_000_000_000),
    ("1조 원", 10**12), ("만 원", 10_000), ("만 오천", 15_000), ("만 5천 원", 15_000), ("천오백", 1_500),
    ("백이십", 120), ("120백만원", 120_000_000), ("1천5백만", 15_000_000), ("1억2천3백만원", 123_000_000),
    ("20여만 명", 200_000), ("5 천만 원", 50_000_000), ("3천 만원", 30_000_000), ("3만 천 원", 31_000),
    ("월15만원", 150_000), ("예산은 3조입니다", 3 * 10**12), ("약 2조 규모", 2 * 10**12), ("1.5조", 1.5e12),
    ("1억 5천", 150_000_000), ("1억 5천 원", 100_005_000), ("이천이십육 년", 2026), ("천여 명", 1_000),
    ("이십 일", 20), ("이십일입니다", 20), ("이십일 명", 21), ("이십이일", 22), ("삼십이상", 30), ("삼십이 넘는다", 30),
    ("스무 날입니다", 20), ("스물다섯입니다", 25), ("열두 시간", 12), ("서른 살", 30),
    ("영하 5도", -5), ("영하 12.5도", -12.5), ("-3 °C", -3), ("제60조", 60), ("60조에 따르면", 60), ("3조입니다", 3),
    ("만 20세", 20), ("만 십오 세", 15), ("만 3년", 3), ("20일만", 20), ("3만큼", 3), ("2조각", 2), ("1조직", 1),
    ("0만 원", 0), ("您有20天年假。", 20),
]  # fmt: skip


@pytest.mark.parametrize(("text", "number"), AMOUNTS)
def test_an_amount_is_read_as_people_mean_it(text, number):
    assert read_numbers(text) == [number]


@pytest.mark.parametrize(
    "text",
    [
        "천천히 조금만 기억하십시오. 오십시오, 오십니다.",
        "만일 그렇다면, 만약 저만 만나고 만큼만, 만세!",
        "조사만 하고 구조만 남았다. 천사만이 조건을 억제한다. 구조대와 구조원.",
        "백업과 백신, 십자가, 십일조, 십분 이해합니다.",
        "이천 시민, 이만 마칩니다. 이만입니다. 오만하다. 오만 가지",
        "천만에요, 천만다행. 천차만별, 만사형통, 십중팔구, 백발백중, 백만장자, 일일이, 오십보백보",
        "수천만 원, 수십 명, 몇 백 명, 몇만 원, 억 단위",
        "열심히, 열대 지방, 열세를, 쉰 목소리, 한 번, 두 가지, 네",
        "v2.5 B20",
    ],
)
def test_a_word_is_no_number(text):
    assert read_numbers(text) == []


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1만 2만", [10_000, 20_000]),
        ("3천 5천", [3_000, 5_000]),
        ("3만 20명", [30_000, 20]),
        ("2024년 3만 2024년", [2024, 30_000, 2024]),
        ("3~5일, 10-20 days, 1월-3월", [3, 5, 10, 20, 1, 3]),
        ("십이월 이십오일", [12, 25]),
        ("제3조 1억 원", [3, 100_000_000]),
        ("3조 2항", [3, 2]),
    ],
)
def test_two_numbers_are_two(text, numbers):
    assert read_numbers(text) == numbers


@pytest.mark.parametrize(
    ("answer", "passage", "passed"),
    [
        ("5천만 원입니다.", "한도는 50,000,000원이다.", True),
        ("5천만 원입니다.", "한도는 5,000원이다.", False),
        ("십만 원입니다.", "한도는 10만 원이다.", True),
        ("스무 날입니다.", "연차는 20일이다.", True),
        ("스무 날입니다.", "연차는 15일이다.", False),
        ("두 가지 방법이 있습니다.", "메일이나 전화로 한다.", True),
    ],
)
def test_what_is_grounded_and_what_is_a_number_are_read_alike(answer, passage, passed):
    assert scorers.score(Sample(answer, passages=(passage,)), {"grounded": True}, NOTHING)[0].passed == passed


@pytest.mark.parametrize(
    ("answer", "number", "passed"),
    [
        ("5천만 원", 50_000_000, True),
        ("5천만 원", 5_000, False),
        ("1억 2천만", 120_000_000, True),
        ("1억 2천만", 100_002_000, False),
    ],
)
def test_an_amount_is_held_against_the_whole_of_it(answer, number, passed):
    assert scorers.score(Sample(answer), {"number": number}, NOTHING)[0].passed == passed


PIECES = (
    "1",
    "20",
    "3,000",
    "1.5",
    " ",
    "만",
    "천",
    "백",
    "십",
    "억",
    "조",
    "여",
    "일",
    "이",
    "원",
    "명",
    "-",
    "제",
    "약",
)


@given(st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
def test_any_heap_of_numerals_is_read(text):
    assert all(isinstance(number, float) for number in read_numbers(text))


@pytest.mark.parametrize(
    "piece",
    ["1", "1,111", "1만 ", "만", "천 ", "이", "십", "열", "스무 ", "1조 ", "- ", "1 ", "영하 ", "만 1", "0.", "가"],
)
def test_a_long_text_is_read_once(piece):
    assert len(read_numbers(piece * 200_000 + " 끝")) <= 200  # a reader that goes back would take hours

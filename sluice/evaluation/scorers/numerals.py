"""The numbers that a text states: 15,000 and -3.5, and Korean ones with units and in words: 1억 2천만, 만 오천 원.

What comes after a word decides whether it is a number (`counters`): 천천히, 만일 and 조금 begin like one. Native ones
are read from ten (스무 명), as 한, 두 and 세 are articles as often as numbers. An 일 after a unit is the day where no
other counter follows, so 이십일 is 20일; and 1억 5천 without a counter is 1억 5천만, as people say it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice

from sluice.evaluation.scorers import counters
from sluice.evaluation.scorers.text import composed

MOST = 200  # numbers of a text
MOST_DIGITS = 300
FEW_DIGITS = 2  # a number of so many after a unit and a blank is another one: 3만 20명
PLAIN = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
DIGITS = {word: value for value, word in enumerate("일이삼사오육칠팔구", 1)}
SMALL = {"십": 10, "백": 100, "천": 1_000}
LARGE = {"만": 10**4, "억": 10**8, "조": 10**12}
UNITS = SMALL | LARGE
DIGIT, UNIT = "".join(DIGITS), "".join(UNITS)
TENS = {"열": 10, "스물": 20, "서른": 30, "마흔": 40, "쉰": 50, "예순": 60, "일흔": 70, "여든": 80, "아흔": 90}
ONES = {"하나": 1, "둘": 2, "셋": 3, "넷": 4, "다섯": 5, "여섯": 6, "일곱": 7, "여덟": 8, "아홉": 9}
BEFORE_COUNTER = {"한": 1, "두": 2, "세": 3, "네": 4}  # forms that nothing but a counter follows, as 스무 for 스물
NATIVE = re.compile(rf"스무|(?P<tens>{'|'.join(TENS)})(?P<ones>{'|'.join((*ONES, *BEFORE_COUNTER))})?")
PART = re.compile(
    rf"(?P<blank> )?"
    rf"(?:(?P<digits>{PLAIN.pattern})(?P<gap>[ 여])?(?=[{UNIT}])|(?P<alone>{PLAIN.pattern})|(?P<word>[{DIGIT}]))?"
    rf"(?P<unit>[{UNIT}])?"
)
LETTER = r"[^\W가-힣ぁ-ヿ一-鿿]"  # of a code, as B20; 약20만 and 您有20天 hold numbers
BEGIN = re.compile(
    rf"(?:(?P<minus>(?<![\w.,])[-−]|(?<![가-힣])(?:영하|마이너스) ?)?(?<![.,])(?<!{LETTER})(?P<plain>{PLAIN.pattern}))"
    rf"|(?<!\w)(?<!몇 )(?<!수 )(?:(?P<word>[{DIGIT}십백천만])|(?P<native>{'|'.join(TENS)}|스무))"
)


@dataclass(frozen=True)
class Numeral:
    """A numeral of digits or words with units, as far as the character `end`."""

    start: int
    end: int
    large: Decimal = Decimal(0)  # what is in 조, 억 and 만
    small: Decimal = Decimal(0)  # what has come since
    large_unit: int = 0  # the last one; each is smaller than the one before, as 1만 2억 are two numbers
    small_unit: int = 10**4  # the last one since the large unit
    last: str = ""  # the unit that it ends in
    apart: bool = False  # whether a unit stands by itself, as in 5 만 원 or 3만 천 원

    @property
    def value(self) -> Decimal:
        return self.large + self.small

    @property
    def room(self) -> Decimal:
        """What is added next must be below this, or it is another number."""
        if self.small:
            return Decimal(self.small_unit)
        return Decimal(self.large_unit or "Infinity")


def read_numbers(text: str) -> list[float]:
    """The numbers of a text, in its order; of a text without end the first."""
    return list(islice(each_number(text), MOST))


def each_number(text: str) -> Iterator[float]:
    text, position = composed(text), 0
    while begin := BEGIN.search(text, position):
        if begin["native"]:
            numeral = read_native(text, begin.start())
        elif begin["word"]:
            numeral = read_units(text, begin.start(), in_words=True)
        else:
            plain = Numeral(begin.start("plain"), begin.end(), small=decimal(begin["plain"]))
            numeral = read_units(text, plain.start, in_words=False) or plain
        position = numeral.end if numeral else begin.end()
        if numeral and numeral.value < 10**MOST_DIGITS:
            yield float(-numeral.value if begin["minus"] else numeral.value)


def read_units(text: str, start: int, in_words: bool) -> Numeral | None:
    """The longest numeral with a unit that begins here and is meant as one."""
    if not in_words and text[max(0, start - 1) : start] == "제":
        return None  # 제60조 is an article of a law
    numerals, longer = [], extended(text, Numeral(start, start), in_words)
    while longer:
        numerals.append(longer)
        longer = extended(text, longer, in_words)
    for numeral in reversed(numerals):
        if is_meant(text, numeral, in_words):
            return with_implied_unit(text, numeral)
    return None


def extended(text: str, numeral: Numeral, in_words: bool) -> Numeral | None:
    """The numeral with its next part: a number, a unit, or a number with its unit. None if it ends here."""
    part = PART.match(text, numeral.end)
    begins = numeral.start == numeral.end
    if part is None or not part[0].strip() or not (begins or numeral.last) or (begins and part["blank"]):
        return None
    digits = part["digits"] or part["alone"]
    number = decimal(digits) if digits else Decimal(DIGITS[part["word"]]) if part["word"] else None
    if part["unit"]:
        apart = part["gap"] == " " or bool(part["blank"] and number is None)
        return with_unit(numeral, number, part["unit"], part.end(), apart)
    if begins or number is None or number >= numeral.room:
        return None
    if part["word"] and (part["blank"] or not in_words):
        return None  # a counter or a particle, as in 3만 일 and 5천이
    few = len(digits or "") <= FEW_DIGITS or counters.is_year_or_month(text, part.end())
    if part["blank"] and few and not counters.is_money(text, part.end()):
        return None
    return replace(numeral, end=part.end(), small=numeral.small + number, last="")


def with_unit(numeral: Numeral, number: Decimal | None, unit: str, end: int, apart: bool) -> Numeral | None:
    """The numeral with so many of a unit more; None if that is another number."""
    begins = numeral.start == numeral.end
    apart = apart or numeral.apart
    if unit in SMALL:
        added = (Decimal(1) if number is None else number) * SMALL[unit]
        if SMALL[unit] >= numeral.small_unit or added >= numeral.room:
            return None
        return replace(numeral, end=end, small=numeral.small + added, small_unit=SMALL[unit], last=unit, apart=apart)
    if number is None and not numeral.small:
        if not begins or unit != "만":  # 만 is 10,000 by itself; 억 and 조 are other words then
            return None
        number = Decimal(1)
    number = number or Decimal(0)
    added = (numeral.small + number) * LARGE[unit]
    if number >= numeral.room or added >= (numeral.large_unit or Decimal("Infinity")):
        return None
    return Numeral(numeral.start, end, numeral.large + added, large_unit=LARGE[unit], last=unit, apart=apart)


def is_meant(text: str, numeral: Numeral, in_words: bool) -> bool:
    """Whether this is a numeral by what stands around it, and no other word or the beginning of one."""
    if numeral.last == "조" and not counters.is_amount(text, numeral.start, numeral.end):
        return False
    if numeral.apart and not counters.follows(text, numeral.end):
        return False
    if in_words:  # which have a unit, or are no number: 이 명단
        return numeral.value >= 10 and counters.is_word_for_number(text, numeral.start, numeral.end)
    return not text.startswith("만큼", numeral.end - 1)


def with_implied_unit(text: str, numeral: Numeral) -> Numeral:
    """1억 5천 is 1억 5천만, unless a counter says that it is not."""
    if numeral.last not in SMALL or numeral.large_unit <= LARGE["만"] or counters.follows(text, numeral.end):
        return numeral
    return replace(numeral, small=numeral.small * (numeral.large_unit // 10**4))


def read_native(text: str, start: int) -> Numeral | None:
    """스무 and what is from 열 to 아흔아홉."""
    word = NATIVE.match(text, start)
    if word is None or not counters.is_native_number(text, word):
        return None
    value = TENS[word["tens"]] if word["tens"] else 20
    value += (ONES | BEFORE_COUNTER).get(word["ones"], 0)
    return Numeral(start, word.end(), small=Decimal(value))


def decimal(digits: str) -> Decimal:
    return Decimal(digits.replace(",", ""))

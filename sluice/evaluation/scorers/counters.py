"""What stands after a Korean numeral, 원 or 명 or 일, and by that whether a word is a numeral at all."""

import re

MONEY = "원|달러|불|엔|유로|위안|파운드"
TIME = "세|살|년|개월|주년|주일|주|시간|일"
COUNTERS = (
    rf"{MONEY}|{TIME}|월|분|초|명|사람|개|건|번|회|차례|장|대|권|병|잔|톤|평|미터|킬로|그램|리터|배|점|층|쪽|페이지|편"
    "|단어|글자|토큰|포인트|가구|세대|곳|마리|그루|박|퍼센트|프로|%"
)
NATIVE_COUNTERS = rf"{COUNTERS}|날|달|해|시|가지|벌|켤레|송이|판|줄"
# what a word may go on with after its counter, or after a numeral that has none; a particle ends the word
COPULA = "입니|이에요|예요|이었|였|이다|이고|이며|인데|이라|이면|이지|인가"
ENDING = (
    rf"(?:(?![가-힣])|{COPULA}|이상|이하|이내|이나|미만|초과|짜리|정도|가량|규모|쯤|씩|어치|간|째|넘|들|당"
    "|까지|부터|마다|보다|으로|에서|에게|에는|(?:은|는|이|가|을|를|의|에|도|만|로|과|와|요)(?![가-힣]))"
)
FOLLOWING = re.compile(rf" ?여? ?(?P<counter>(?:{COUNTERS}){ENDING})")
FOLLOWING_NATIVE = re.compile(rf" ?(?:{NATIVE_COUNTERS}){ENDING}")
FOLLOWING_MONEY = re.compile(rf" ?(?:{MONEY}){ENDING}")
NEXT_TO_UNIT = re.compile(rf"(?:{MONEY}|명|개월|년){ENDING}")  # 만원, 천명, 백년; but 만세, 만점, 백일, 십분
NEXT_TO_TEN = re.compile(rf"(?:명|개|시간|시|번|살|달|사람){ENDING}")  # 열 as well; but 열대, 열세, 열병
AFTER_FULL = re.compile(rf" ?(?:{TIME}){ENDING}")  # 만 십오 세 is 15 full years
YEAR = re.compile(" ?[년월]")
END = re.compile(ENDING)
IS = re.compile(COPULA)
PARTICLE = re.compile(" [가-힣]")
# with 조, which is a team or an article of a law as well
OF_AMOUNT = re.compile(rf" ?여? ?(?:(?:{MONEY}){ENDING}|규모|이상|이하|미만|초과|안팎|가량|정도|단위)")
AMOUNT = re.compile("약|총|무려|거의|최대|최소|예산|매출|자산|이익|금액|투자|부채|수출|수입|적자|흑자|가치|비용|재정")
BEFORE = 12  # characters before a number that may say what it is of
# words of two letters that look like numerals, and stand before the same endings: 끝. 이만입니다.
HOMOGRAPHS = frozenset(("이천", "사천", "천사", "백사", "만사", "오만", "이만", "백구", "구조", "사조", "이조"))


def follows(text: str, end: int) -> bool:
    """Whether a counter stands after what ends here."""
    return FOLLOWING.match(text, end) is not None


def is_money(text: str, end: int) -> bool:
    return FOLLOWING_MONEY.match(text, end) is not None


def is_year_or_month(text: str, end: int) -> bool:
    return YEAR.match(text, end) is not None


def is_amount(text: str, start: int, end: int) -> bool:
    """Whether 조, in which this numeral ends, is the unit: 2조 원, 1.5조, 예산은 500조; but 60조 2항, 우리는 3조."""
    if OF_AMOUNT.match(text, end):
        return True
    exact = any(mark in text[start:end] for mark in ".,")
    return END.match(text, end) is not None and (
        exact or AMOUNT.search(text, max(0, start - BEFORE), start) is not None
    )


def is_word_for_number(text: str, start: int, end: int) -> bool:
    """Whether Sino-Korean words with a unit, as 이십 and 만 오천, are a number here."""
    word = text[start:end]
    if word.startswith("만") and (word == "만" or word[1] == " ") and AFTER_FULL.match(text, end):
        return False
    if follows(text, end):
        return (len(word) > 1 or text[end] in " 여" or NEXT_TO_UNIT.match(text, end) is not None) and word != "구조"
    if "조" in word or not END.match(text, end):
        return False
    after_unit = word[-2:-1] in tuple("십백천만")
    if word[-1] == "일" and after_unit:
        return False  # 이십일: the shorter numeral, with 일 for its counter
    if word[-1] == "이" and after_unit and PARTICLE.match(text, end):
        return False  # 삼십이 넘는다
    if len(word) == 2:
        clear = "십" in word or "억" in word
        return clear or (IS.match(text, end) is not None and word not in HOMOGRAPHS)
    return len(word) > 2 and (word[-1] != "만" or after_unit)  # 천사만: only angels


def is_native_number(text: str, word: re.Match[str]) -> bool:
    """Whether 스무, 열, 열두, 서른 and the like are a number here."""
    end = word.end()
    if word["tens"] == "열" and not word["ones"] and text[end : end + 1] != " ":
        return NEXT_TO_TEN.match(text, end) is not None
    if FOLLOWING_NATIVE.match(text, end):
        return True
    before_counter = word[0].endswith(("스무", "한", "두", "세", "네"))
    return not before_counter and word[0] not in ("열", "쉰") and END.match(text, end) is not None

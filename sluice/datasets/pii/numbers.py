"""Numbers that belong to one person: of phones, cards, accounts, residents; and addresses of machines and mail.

Korea's resident registration numbers are told by their form: those given out since October 2020 have no check digit.
The seventh digit is 1 to 4 and 9, 0 for residents, 5 to 8 for foreigners.
"""

import re
from collections.abc import Iterator

from sluice.datasets.pii.span import Finder, Span, match_finder

DASH = r"\s?[-.‐-―−]?\s?"
DAY = r"\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
RESIDENT = re.compile(
    rf"(?<![\d-]){DAY}{DASH}[0-9](?:\d{{6}}|[*xX●○#]{{6}}|(?=\D|$))(?!\d)|(?<![\d-])\d{{6}}-\d{{7}}(?!\d)"
)
LICENCE = re.compile(
    r"(?<![\d-])(?:\d{2}|서울|부산|대구|인천|광주|대전|울산|경기|강원|충북|충남|전북|전남|경북|경남|제주)-\d{2}-\d{6}-\d{2}(?!\d)"
)
SOCIAL = re.compile(r"(?<![\d-])\d{3}-\d{2}-(?:\d{4}|\d{5})(?![\d-])")  # SSN; Korean companies have five at the end
EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}\s?(?:@|\(at\)|\[at\]|\s골뱅이\s?)\s?[A-Za-z0-9-]{1,63}"
    r"(?:(?:\.|\s?(?:\(dot\)|\[dot\])\s?)[A-Za-z0-9-]{1,63}){0,4}(?:\.|\s?(?:\(dot\)|\[dot\])\s?)[A-Za-z]{2,24}"
)
HANDLE = re.compile(
    r"(?i)(?:카카오톡|카톡|인스타(?:그램)?|텔레그램|라인|트위터|디스코드|instagram|telegram|discord|kakao(?:talk)?|twitter)"
    r"\s*(?:아이디|계정|id|handle|username)?\s*(?:은|는|이|가|is|:|=)?\s*(?P<it>@?[A-Za-z][A-Za-z0-9_.]{3,30}(?:#\d{4})?)"
    r"|(?:아이디|(?<![a-z])user ?(?:name|id)|(?<![a-z])login)\s*(?:은|는|is|:|=)\s*"
    r"(?P<other>@?[A-Za-z][A-Za-z0-9_.-]{3,30})"
)
CARD = re.compile(
    r"(?<![\d-])(?:\d{13,19}|\d{4}(?P<as_>[ -])\d{4}(?P=as_)\d{4}(?P=as_)\d{1,7}"
    r"|\d{4}[ -]\d{6}[ -]\d{5})(?![\d-])"
)
CODE = re.compile(r"(?i)\b(?:cvc|cvv)2?\D{0,8}(?P<it>\d{3,4})(?!\d)")
MOBILE = r"01[016789][-.)\s]{0,3}\d{3,4}[-.\s]{0,3}\d{4}"
LANDLINE = r"\(?0(?:2|3[1-3]|4[1-4]|5[1-5]|6[1-4]|70|50\d?|80)\)?[-.)\s]{0,2}\d{3,4}[-.\s]{1,2}\d{4}"
ABROAD = r"(?:\+|\b00)\s?\d{1,3}(?:[-. ]{0,2}\(?\d{1,4}\)?){2,5}"
AMERICAN = r"(?:1[-. ])?(?:\([2-9]\d{2}\)[-. ]?|[2-9]\d{2}[-. ]{1,2})\d{3}[-. ]\d{4}(?:\s?(?:x|ext\.?|#)\s?\d{1,6})?"
BRITISH = r"\(0\d{2,5}\)\s?\d{3,4}\s?\d{3,4}|07\d{3}[ -]?\d{6}|0\d{2,4} \d{3,4} \d{3,4}|01\d{3} ?\d{5,6}"
PHONE = re.compile(
    rf"(?<![\d+-])(?:{ABROAD}|82[- ]?(?:\(0\))?10[- ]?\d{{4}}[- ]?\d{{4}}|{MOBILE}|{LANDLINE}|{AMERICAN}"
    rf"|{BRITISH})(?!\d)"
)
CALLED = re.compile(
    r"(?i)(?:전화|연락처|휴대폰|핸드폰|폰번|팩스|phone|mobile|cell|call me (?:at|on)|text me (?:at|on)|tel|fax)"
    r"[^\d\n]{0,16}(?P<it>\d[\d .-]{6,16}\d)(?!\d)"
)
SPELT = re.compile(r"(?:공|영)일(?:공|영|일|육|칠|팔|구)(?:[\s-]?[공영일이삼사오육칠팔구]){7,8}")
BANK = (
    r"국민|신한|우리|하나|농협|기업|카카오뱅크|카뱅|토스(?:뱅크)?|케이뱅크|새마을금고|신협|우체국|수협|제일|씨티|부산은행|대구은행"
    r"|iM뱅크|광주은행|전북은행|경남은행|제주은행|산업은행|KB|NH|IBK|KEB|SC"
)
ACCOUNT_WORD = (
    r"계좌(?:번호)?|통장(?:번호)?|입금|송금|account(?: number| no\.?| #)?|acct\.?(?: no\.?)?|routing(?: number)?"
)
ACCOUNT = re.compile(
    rf"(?i)(?:{BANK}|{ACCOUNT_WORD})(?:은행|뱅크)?[^\d\n]{{0,14}}(?P<it>\d(?:[ -]?\d){{7,17}})(?![\d-])"
)
HYPHENED = re.compile(r"(?<![\d-])\d{2,6}-\d{2,6}-\d{2,8}(?:-\d{1,3})?(?![\d-])")
IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?(?![A-Za-z0-9])")
DATE = re.compile(r"(?:19|20)\d{2}-\d{1,2}-\d{1,2}|\d{1,2}-\d{1,2}-(?:19|20)?\d{2}")
PASSPORT = re.compile(
    r"(?<![A-Za-z0-9])[MSRODGT]\d{3}[A-Z0-9]\d{4}(?![A-Za-z0-9])|(?i:passport|여권)[^A-Z0-9\n]{0,24}(?P<it>[A-Z]{0,2}\d{6,9})(?!\d)"
)
PLATE = re.compile(
    r"(?<!\d)\d{2,3}[가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주바사아자배하허호]\s?\d{4}(?![\d,]|\s?[억만원])"
)
WRITTEN = (
    r"(?:\d{2,4}\s?[-./년]\s?\d{1,2}\s?[-./월]\s?\d{1,2}(?:\s?일)?|\d{6,8}(?!\d)|\d{1,2}/\d{1,2}/\d{2,4}"
    r"|(?:[A-Z][a-z]{2,8} \d{1,2}(?:st|nd|rd|th)?|\d{1,2}(?:st|nd|rd|th)? [A-Z][a-z]{2,8}),? \d{4})"
)
BORN = re.compile(
    rf"(?:생년월일|생일|출생일?|(?i:date of birth|\bd\.?o\.?b\b\.?|birthday|born))[^\d\n]{{0,14}}?(?P<it>{WRITTEN})"
    rf"|(?P<other>{WRITTEN})\s?(?:생(?![가-힣])|생(?:입|이|인|으로)|에? ?태어)"
)
IPV4 = re.compile(r"(?<![A-Za-z0-9_.])(?:\d{1,3}\.){3}\d{1,3}(?![A-Za-z0-9_]|\.\d)")
IPV6 = re.compile(
    r"(?<![A-Za-z0-9:])(?:(?:[0-9A-Fa-f]{1,4}:){2,7}(?::?[0-9A-Fa-f]{1,4}){1,6}|fe80::[0-9A-Fa-f:]+)(?![A-Za-z0-9:])"
)
MAC = re.compile(r"(?<![A-Za-z0-9:-])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![A-Za-z0-9:-])")
LONG = re.compile(r"(?<![\d.,])\d{10,20}(?![\d.,]|\s?(?:원|won|KRW|달러|USD|개|명|건|회|바이트|bytes?))")


def digits(text: str) -> str:
    return "".join(each for each in text if each.isdigit())


def luhn(text: str) -> bool:
    """Whether a number has the check digit that card numbers have."""
    total = 0
    for place, each in enumerate(reversed(digits(text))):
        doubled = int(each) * (2 if place % 2 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def a_card(text: str) -> bool:
    """Whether a number is a card's: right by its check digit, or written in fours."""
    return luhn(text) or bool(re.fullmatch(r"\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{3,4}", text))


def a_phone(text: str) -> bool:
    return 8 <= len(digits(text)) <= 20


def an_account(text: str) -> bool:
    return 9 <= len(digits(text)) <= 18 and not DATE.fullmatch(text)


def an_ipv4(text: str) -> bool:
    return all(int(part) <= 255 for part in text.split("."))


def an_ipv6(text: str) -> bool:
    """Whether it is an address and not a time of day."""
    return text.count(":") > 2 or "::" in text


def group_finder(kind: str, pattern: re.Pattern[str]) -> Finder:
    """Returns a finder like `match_finder`, for a pattern whose value is in group `it`, in `other`, or the whole."""

    def find(text: str) -> Iterator[Span]:
        for match in pattern.finditer(text):
            group: str | int = next((name for name in pattern.groupindex if match[name]), 0)
            yield Span(*match.span(group), kind)

    return find


FINDERS: tuple[Finder, ...] = (
    match_finder("email", EMAIL),
    match_finder("id", LICENCE),
    match_finder("id", RESIDENT),
    match_finder("card", CARD, a_card),
    match_finder("card", CODE),
    match_finder("phone", PHONE, a_phone),
    match_finder("phone", SPELT),
    match_finder("id", SOCIAL),
    group_finder("birth", BORN),
    match_finder("account", ACCOUNT, an_account),
    match_finder("phone", CALLED, a_phone),
    match_finder("account", HYPHENED, an_account),
    match_finder("account", IBAN),
    group_finder("passport", PASSPORT),
    match_finder("plate", PLATE),
    match_finder("machine", MAC),
    match_finder("machine", IPV4, an_ipv4),
    match_finder("machine", IPV6, an_ipv6),
    group_finder("handle", HANDLE),
    match_finder("number", LONG),
)

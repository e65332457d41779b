"""What tells who was speaking gives way to placeholders that still make sense; what tells nothing stays."""

import random
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import planted
from sluice.datasets.pii import numbers, redaction
from sluice.datasets.pii.redaction import redact


def one(text: str, *extra_names: str) -> str:
    (redacted,) = redact([text], extra_names).texts
    return redacted


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("제 이름은 정우예요.", "제 이름은 [이름 1]예요."),
        ("저는 총무팀 김민수입니다.", "저는 총무팀 [이름 1]입니다."),
        ("박지훈 씨 계신가요?", "[이름 1] 씨 계신가요?"),
        ("이서연 과장님께 여쭤보세요.", "[이름 1] 과장님께 여쭤보세요."),
        ("남궁민수 대리에게 물었어요.", "[이름 1] 대리에게 물었어요."),
        ("성명: 제갈공명", "성명: [이름 1]"),
        ("정하윤이라고 합니다", "[이름 1]이라고 합니다"),
        ("제 친구 최유진이 왔어요.", "제 친구 [이름 1]이 왔어요."),
        ("김민수 연락처 알려줘", "[이름 1] 연락처 알려줘"),
        ("My name is Sandra.", "My name is [NAME 1]."),
        ("my name is sandra and I am new", "my name is [NAME 1] and I am new"),
        ("I'm Olga Petrova from sales", "I'm [NAME 1] from sales"),
        ("Mr. O'Brien called.", "Mr. [NAME 1] called."),
        ("Dear Grace,\nthank you", "Dear [NAME 1],\nthank you"),
        ("My manager Kim Min-su agreed.", "My manager [NAME 1] agreed."),
        ("Is John Smith on leave?", "Is [NAME 1] on leave?"),
        ("010-1234-5678로 전화 주세요", "[전화번호 1]로 전화 주세요"),
        ("(02) 345-6789, 031.123.4567", "[PHONE 1], [PHONE 2]"),
        ("+82 10 1234 5678 / +1 (212) 555-0123", "[PHONE 1] / [PHONE 2]"),
        ("０１０－１２３４－５６７８", "[PHONE 1]"),
        ("공일공 일이삼사 오육칠팔입니다", "[전화번호 1]입니다"),
        ("메일은minsu.kim@naver.com으로", "메일은[이메일 1]으로"),
        ("minsu (at) naver (dot) com", "[EMAIL 1]"),
        ("900101-1234567", "[ID NUMBER 1]"),
        ("주민번호 0203054123456입니다", "주민번호 [등록번호 1]입니다"),
        ("외국인등록번호 850505-5123456", "외국인등록번호 [등록번호 1]"),
        ("900101-1******", "[ID NUMBER 1]"),
        ("11-12-345678-90 면허", "[등록번호 1] 면허"),
        ("SSN 123-45-6789", "SSN [ID NUMBER 1]"),
        ("여권 M12345678, M123A4567", "여권 [여권번호 1], [여권번호 2]"),
        ("4111 1111 1111 1111", "[CARD 1]"),
        ("카드 1234-5678-9012-3456", "카드 [카드번호 1]"),
        ("국민은행 123456-78-901234로", "국민은행 [계좌번호 1]로"),
        ("IBAN GB29 NWBK 6016 1331 9268 19", "IBAN [ACCOUNT 1]"),
        ("생년월일은 1990년 3월 5일이에요", "생년월일은 [생년월일 1]이에요"),
        ("I was born on March 5, 1990.", "I was born on [DATE OF BIRTH 1]."),
        ("서울특별시 강남구 테헤란로 123, 101동 1203호에 살아요", "[주소 1]에 살아요"),
        ("부산 해운대구 우동 1234-5로", "[주소 1]로"),
        ("I live at 42 Maple Street, Springfield, IL 62704.", "I live at [ADDRESS 1]."),
        ("123, Teheran-ro, Gangnam-gu, Seoul", "[ADDRESS 1]"),
        ("차량번호 12가3456", "차량번호 [차량번호 1]"),
        ("IP는 192.168.0.17입니다", "IP는 [IP 주소 1]입니다"),
        ("fe80::1ff:fe23:4567:890a", "[IP ADDRESS 1]"),
        ("카톡 아이디는 minsu99예요", "카톡 아이디는 [아이디 1]예요"),
        ("AKIAIOSFODNN7EXAMPLE", "[SECRET 1]"),
        ("hf_abcdefghijklmnopqrstuvwx", "[SECRET 1]"),
        ("sk-proj-Abc123Abc123Abc123", "[SECRET 1]"),
        ("Authorization: Bearer abc.def-123456789", "Authorization: Bearer [SECRET 1]"),
        ("비밀번호는 qwer1234!입니다", "비밀번호는 [비밀 값 1]입니다"),
        ("password: correcthorse", "password: [SECRET 1]"),
        ("https://ann:pa55@host/x?token=abcd1234&page=2", "https://[SECRET 1]@host/x?token=[SECRET 2]&page=2"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-DEF_123", "[SECRET 1]"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "[SECRET 1]"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE that was cut", "[SECRET 1]"),
        ("0123456789abcdef0123456789abcdef", "[SECRET 1]"),
    ],
)  # fmt: skip
def test_what_is_personal_gives_way_to_a_placeholder(text: str, redacted: str) -> None:
    assert one(text) == redacted


@pytest.mark.parametrize(
    "text", [*planted.read_harmless(), "", " ", "\n", "😀 ㅋㅋㅋ ㅠㅠ", "[이름 1]", "1+1=2", "ⅳ. ½"]
)
def test_what_tells_nothing_about_anybody_stays(text: str) -> None:
    assert one(text) == unicodedata.normalize("NFC", text)


def test_the_same_value_has_the_same_placeholder_throughout_a_chat() -> None:
    chat = redact(
        [
            "저는 김민수입니다. 전화는 010-1234-5678이에요.",
            "김민수 님, 010-1234-5678로 연락드릴게요.",
            "제 이름이 뭐였죠? 01012345678 말고 +82 10-9999-0000으로 해 주세요.",
            "민수 씨입니다. 이서연 과장이 연락합니다.",
        ]
    )
    assert chat.texts == (
        "저는 [이름 1]입니다. 전화는 [전화번호 1]이에요.",
        "[이름 1] 님, [전화번호 1]로 연락드릴게요.",
        "제 이름이 뭐였죠? [전화번호 1] 말고 [전화번호 2]으로 해 주세요.",
        "[이름 1] 씨입니다. [이름 2] 과장이 연락합니다.",
    )
    assert chat.replaced == {"name": 2, "phone": 2}
    assert chat.summary == "names 2, phone numbers 2"


def test_a_name_told_in_one_turn_is_found_in_the_others_where_nothing_announces_it() -> None:
    assert redact(["My name is Thandiwe Mensah.", "Who is Thandiwe?", "Mensah? thandiwe."]).texts == (
        "My name is [NAME 1].",
        "Who is [NAME 1]?",
        "[NAME 1]? thandiwe.",
    )
    assert redact(["제 이름은 라온이에요.", "라온을 기억해?", "라온하제와는 다르지."]).texts[1:] == (
        "[이름 1]을 기억해?",
        "라온하제와는 다르지.",
    )


def test_a_number_is_the_same_however_it_is_written() -> None:
    same = ("010-1234-5678", "01012345678", "010.1234.5678", "+82 10-1234-5678", "+82-10-1234-5678")
    assert set(redact(same).texts) == {"[PHONE 1]"}
    assert redact(["4111 1111 1111 1111", "4111111111111111"]).replaced == {"card": 1}
    assert redact(["A.Kim@x.kr", "a.kim@X.KR"]).replaced == {"email": 1}


@pytest.mark.parametrize(
    "text",
    ["서울로 2시간 걸려요", "종로 3번 출구로 오세요", "회의실로 5명 오세요", "부산으로 10시까지", "제주로 3박 4일"],
)
def test_where_somebody_goes_is_no_address(text: str) -> None:
    assert one(text) == text


def test_korean_in_a_chat_makes_its_placeholders_korean() -> None:
    assert redact(["Call 010-1234-5678", "네"]).texts[0] == "Call [전화번호 1]"


def test_the_users_own_id_is_taken_for_a_name() -> None:
    assert one("hello from mina-7", "mina-7") == "hello from [NAME 1]"
    assert one("minature", "mina") == "minature"


@pytest.mark.parametrize(
    "hidden", ["0\u200b10-1234-5678", unicodedata.normalize("NFD", "박지훈 씨"), "010\u20131234\u20135678"]
)
def test_no_invisible_or_odd_character_hides_anything(hidden: str) -> None:
    assert re.fullmatch(r"\[\w+ 1\]( 씨)?", one(hidden))


def test_check_digits_are_known_and_not_asked_of_residents() -> None:
    assert numbers.luhn("4111 1111 1111 1111") and not numbers.luhn("4111 1111 1111 1112")
    assert one("001010-3999999") != "001010-3999999"


def test_every_kind_has_a_word_for_people_and_placeholders_in_both_languages() -> None:
    assert redaction.ABOUT.keys() == redaction.LABELS.keys()
    kinds = {span.kind for text, _ in TEXTS_OF_ALL_KINDS for span in redaction.blank_spans(text)[0]} | {"name"}
    assert kinds == redaction.ABOUT.keys()


TEXTS_OF_ALL_KINDS = [
    ("010-1234-5678 a@b.kr 900101-1234567 M12345678 4111111111111111 192.168.0.1 12가3456 카톡 아이디 abcd1", ""),
    ("생년월일 1990-01-01 국민 123-456-789012 테헤란로 123 AKIAIOSFODNN7EXAMPLE 123456789012", ""),
]


@given(st.lists(st.text(max_size=80), max_size=4))
def test_whatever_is_said_comes_out_and_twice_is_the_same_as_once(texts: list[str]) -> None:
    once = redact(texts).texts
    assert len(once) == len(texts)
    assert redact(once).texts == once


def test_a_long_text_takes_no_more_than_its_length_does() -> None:
    """Patterns that run away on one character show as minutes here, not as seconds."""
    for text in ("a", "1 ", "가", "\n", "서울 ", "Aa ", "api key ", "::", "@"):
        assert redact([text * (20_000 // len(text))]).texts


def test_most_of_what_is_planted_is_found() -> None:
    dice = random.Random(7)
    missed = 0
    every = planted.plant_sentences(dice.randint(0, 1 << 30), 2)
    sentences = [each for each in every if not each.held_out and "not announced" not in each.kind]
    for each in sentences:
        missed += each.secret in one(each.text)
    assert missed <= 0.02 * len(sentences)

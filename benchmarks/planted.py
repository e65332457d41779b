"""Personal data that was never anybody's, made at random and planted into the sentences of planted.yaml.

Values are made here, apart from the patterns that have to find them.
"""

import random
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Make = Callable[[random.Random], str]
SENTENCES = Path(__file__).with_suffix(".yaml")


@dataclass(frozen=True)
class Planted:
    kind: str
    language: str
    text: str
    secret: str  # what must not be in the text any more
    held_out: bool


def read_content() -> Mapping[str, Any]:
    content: Mapping[str, Any] = yaml.safe_load(SENTENCES.read_text(encoding="utf-8"))
    return content


def read_harmless() -> list[str]:
    return list(read_content()["harmless"])


def plant_sentences(seed: int, each: int) -> list[Planted]:
    """`each` of every sentence, with a new value every time."""
    dice, content = random.Random(seed), read_content()
    planted = []
    for part in ("adjusted", "held_out"):
        names = {name: words.split() for name, words in content[part]["names"].items()}
        for language, kinds in content[part]["sentences"].items():
            for kind, templates in kinds.items():
                for template in templates:
                    for _ in range(each):
                        secret = value(kind, language, names, dice)
                        text = template.format(secret)
                        planted.append(Planted(kind, language, text, secret, part == "held_out"))
    return planted


def value(kind: str, language: str, names: Mapping[str, list[str]], dice: random.Random) -> str:
    if kind.startswith("name"):
        if language == "korean":
            return dice.choice(SURNAMES) + dice.choice(names["given"])
        return f"{dice.choice(names['first'])} {dice.choice(names['last'])}"
    return VALUES[kind, language](dice)


SURNAMES = (  # the frequent ones as often as they are
    "김김김김김이이이이박박박최최정정강조윤장임한오서신권황안송류홍전고문양손배백허유남심노하곽성차주우구민나진지엄채원천방공현함변염여추도소석선"
    "설마길연위표명기반왕금옥육인맹제모탁국라봉"
)
DOMAINS = ("naver.com", "gmail.com", "hanmail.net", "kakao.com", "company.co.kr", "univ.ac.kr", "mail.example.co.uk")
ROADS = (
    "테헤란로",
    "강남대로",
    "판교역로",
    "세종대로",
    "중앙로",
    "송도과학로",
    "올림픽로",
    "백제고분로",
    "충장로",
    "노형로",
)
AREAS = (
    *("서울 강남구", "서울특별시 송파구", "경기도 성남시 분당구", "부산광역시 해운대구", "인천 연수구", "대전 유성구"),
    *("경기 용인시 수지구", "광주광역시 북구", "세종시", "제주특별자치도 제주시", "충남 천안시 서북구"),
)
LOTS = ("역삼동", "우동", "신림동", "구월동", "둔산동", "정자동", "상현동", "태평리", "화곡동")
STREETS = ("Maple", "Oak", "Elm", "Washington", "Riverside", "Baker", "Queen", "Victoria", "Mill", "Church", "Highland")
KINDS = ("Street", "Avenue", "Road", "Lane", "Drive", "Court", "Way", "Blvd", "St", "Ave", "Rd", "Terrace")
TOWNS = ("", ", Springfield, IL 62704", ", Portland, OR 97205", ", London NW1 6XE", ", Austin, TX", ", Leeds LS1 4AP")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
PLATE = "가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주허하호"
LOWER, MIXED = string.ascii_lowercase, string.ascii_letters + string.digits


def digits(dice: random.Random, *forms: str) -> str:
    """One of the forms, with a digit for each #."""
    return "".join(dice.choice(string.digits) if each == "#" else each for each in dice.choice(forms))


def letters(dice: random.Random, count: int, of: str = MIXED) -> str:
    return "".join(dice.choice(of) for _ in range(count))


def mobile(dice: random.Random) -> str:
    between = dice.choice(["-", " ", "", ".", " - "])
    return between.join([dice.choice(["010"] * 6 + ["011", "016"]), digits(dice, "####"), digits(dice, "####")])


def landline(dice: random.Random) -> str:
    area = dice.choice(["02", "031", "032", "051", "042", "064", "070"])
    return digits(dice, f"{area}-3##-####", f"({area}) 5###-####", f"{area}) 6##-####", f"{area}-7###-####")


def abroad(dice: random.Random) -> str:
    american = ("(212) 555-01##", "415-555-01##", "+1 212 555 01##", "1-800-555-01##")
    return digits(dice, *american, "+44 20 7946 0###", "07700 900###", "+82 10 #### ####", "+49 30 12345##")


def email(dice: random.Random) -> str:
    name = letters(dice, 6, LOWER)
    return f"{name}{dice.choice(['', '.kim', '_88', '+work'])}@{dice.choice(DOMAINS)}"


def day(dice: random.Random) -> tuple[int, int, int]:
    return dice.randint(1945, 2015), dice.randint(1, 12), dice.randint(1, 28)


def resident(dice: random.Random) -> str:
    year, month, number = day(dice)
    seventh = dice.choice("1256" if year < 2000 else "3478")
    between = dice.choice(["-", "-", "-", "", " ", " - "])
    return f"{year % 100:02}{month:02}{number:02}{between}{seventh}{digits(dice, '######')}"


def social(dice: random.Random) -> str:
    return digits(dice, "###-##-####")


def passport(dice: random.Random) -> str:
    return digits(dice, "M########", f"M###{dice.choice('ABCDEFG')}####", "S########")


def card(dice: random.Random) -> str:
    """A card number with the right check digit."""
    number = digits(dice, "4##############", "51#############", "55#############")
    doubled = [int(each) * (2 - place % 2) for place, each in enumerate(reversed(number))]
    number += str(-sum(each - 9 if each > 9 else each for each in doubled) % 10)
    return dice.choice(["-", " ", ""]).join(number[place : place + 4] for place in range(0, 16, 4))


def account(dice: random.Random) -> str:
    return digits(dice, "###-###-######", "######-##-######", "###-##-#####-#", "####-##-#######", "#############")


def flat(dice: random.Random) -> str:
    return f"{dice.randint(101, 120)}동 {dice.randint(101, 2505)}호"


def road_address(dice: random.Random) -> str:
    lane = dice.choice(["", f"{dice.randint(2, 80)}길", f" {dice.randint(2, 300)}번길"])
    floor, lot = f" {dice.randint(2, 20)}층", f" ({dice.choice(LOTS)})"
    end = dice.choice(["", f", {flat(dice)}", floor, f"-{dice.randint(1, 30)}", lot])
    return f"{dice.choice(AREAS)} {dice.choice(ROADS)}{lane} {dice.randint(1, 500)}{end}"


def lot_address(dice: random.Random) -> str:
    end = dice.choice(["", "번지", f" {flat(dice)}"])
    return f"{dice.choice(AREAS)} {dice.choice(LOTS)} {dice.randint(1, 999)}-{dice.randint(1, 50)}{end}"


def street(dice: random.Random) -> str:
    unit = dice.choice(["", f", Apt {dice.randint(1, 40)}B", f" #{dice.randint(1, 99)}"])
    return f"{dice.randint(1, 9999)} {dice.choice(STREETS)} {dice.choice(KINDS)}{unit}{dice.choice(TOWNS)}"


def key(dice: random.Random) -> str:
    forms = (
        *(f"AKIA{letters(dice, 16, string.ascii_uppercase + '234567')}", f"hf_{letters(dice, 34)}"),
        *(f"sk-proj-{letters(dice, 48)}", f"sk-{letters(dice, 48)}", f"ghp_{letters(dice, 36)}"),
        *(f"xoxb-{digits(dice, '############')}-{letters(dice, 24)}", f"AIza{letters(dice, 35)}"),
        *(f"eyJ{letters(dice, 30)}.eyJ{letters(dice, 60)}.{letters(dice, 43)}", f"{letters(dice, 40)}aA1"),
        *(letters(dice, 32, "0123456789abcdef"), f"sk_live_{letters(dice, 24)}"),
    )
    return dice.choice(forms)


def password(dice: random.Random) -> str:
    return letters(dice, dice.randint(3, 8), LOWER) + digits(dice, "#", "##", "####") + dice.choice(["", "!", "@", "#"])


def machine(dice: random.Random) -> str:
    return ".".join(str(dice.randint(1, 254)) for _ in range(4))


def birth_korean(dice: random.Random) -> str:
    year, month, number = day(dice)
    whole = f"{year}{month:02}{number:02}"
    return dice.choice(
        [f"{year}년 {month}월 {number}일", f"{year}-{month:02}-{number:02}", f"{year}.{month}.{number}", whole]
    )


def birth_english(dice: random.Random) -> str:
    year, month, number = day(dice)
    name, written = MONTHS[month - 1], f"{month}/{number}/{year}"
    return dice.choice(
        [f"{name} {number}, {year}", f"{number} {name} {year}", written, f"{year}-{month:02}-{number:02}"]
    )


def plate(dice: random.Random) -> str:
    return digits(dice, f"##{dice.choice(PLATE)}####", f"###{dice.choice(PLATE)} ####")


VALUES: Mapping[tuple[str, str], Make] = {
    ("phone", "korean"): mobile,
    ("phone, landline", "korean"): landline,
    ("phone", "english"): abroad,
    **{("email", language): email for language in ("korean", "english")},
    ("id", "korean"): resident,
    ("id", "english"): social,
    **{("passport", language): passport for language in ("korean", "english")},
    **{("card", language): card for language in ("korean", "english")},
    **{("account", language): account for language in ("korean", "english")},
    ("address", "korean"): road_address,
    ("address, by lot", "korean"): lot_address,
    ("address", "english"): street,
    **{("key", language): key for language in ("korean", "english")},
    **{("password", language): password for language in ("korean", "english")},
    **{("machine", language): machine for language in ("korean", "english")},
    ("birth", "korean"): birth_korean,
    ("birth", "english"): birth_english,
    ("plate", "korean"): plate,
}

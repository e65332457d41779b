"""Personal data that was never anybody's, made at random and planted into sentences as users write them.

Values and sentences are made here, apart from the patterns that have to find them. Every second sentence of each kind is
held out: the patterns were adjusted while looking at the others only.
"""

import random
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Make = Callable[[random.Random], str]


@dataclass(frozen=True)
class Planted:
    kind: str
    language: str
    text: str
    secret: str  # what must not be in the text any more
    held_out: bool


def digits(dice: random.Random, count: int) -> str:
    return "".join(dice.choice(string.digits) for _ in range(count))


def letters(dice: random.Random, count: int, of: str = string.ascii_letters + string.digits) -> str:
    return "".join(dice.choice(of) for _ in range(count))


SURNAMES = "김이박최정강조윤장임한오서신권황안송류홍전고문양손배백허남심노하곽성차주우구민진지엄채원천방공현함변추도소석선설마길연위표명기반왕금옥육인맹제모탁국"
GIVEN = (
    "서연 민준 지우 하준 도윤 서윤 예준 시우 주원 하은 지호 지훈 수아 건우 우진 현우 지아 선우 서준 유준 연우 은우 채원 수빈 지민 정우 승우 다은 예은 은서 준우 유나 "
    "윤서 하율 가은 소율 승현 준혁 시윤 민서 지원 태민 성민 영희 철수 순자 영수 경숙 미경 은정 현정 지영 성호 동현 재훈 상철 정숙 명숙 종수 병철 광수 혜진 소영 "
    "나래 슬기 보람 아름 한결 새봄 라온 가람 이든 로운 태오 리아 아인 율 준 솔"
).split()
FIRST = (
    "Olivia Liam Emma Noah Amelia Theo Ava Elijah Sophie Lucas Isla Mateo Freya Ethan Zoe Leon Nora Felix Ruby Owen Clara Hugo Ella Oscar Maya Jonas Ivy Arthur "
    "Priyanka Rajesh Aisha Mohammed Chen Yumi Kenji Thandiwe Kwame Ines Rafael Magdalena Piotr Anastasia Dmitri Bjorn Saoirse Niamh Siobhan Gwen"
).split()
LAST = (
    "Smith Johnson Williams Brown Garcia Miller Davis Martinez Lopez Wilson Anderson Taylor Moore Jackson Harris Clark Lewis Robinson Walker Young Hill Green Baker "
    "Okafor Nguyen Patel Yamamoto Kowalski Petrov Schneider Rossi Dubois Jensen O'Brien Fitzgerald Castellanos Haddad Mensah Van-Dijk Lindqvist"
).split()
DOMAINS = "naver.com gmail.com daum.net hanmail.net kakao.com outlook.com company.co.kr univ.ac.kr example.org mail.example.co.uk".split()
ROADS = "테헤란로 강남대로 판교역로 세종대로 중앙로 송도과학로 해운대로 올림픽로 백제고분로 왕십리로 동일로 충장로 둔산로 첨단과기로 노형로".split()
AREAS = (
    "서울 강남구|서울특별시 송파구|경기도 성남시 분당구|부산광역시 해운대구|인천 연수구|대전 유성구|경기 용인시 수지구|광주광역시 북구|세종시|제주특별자치도 제주시|충남 천안시 서북구"
).split("|")
LOTS = "역삼동 우동 신림동 구월동 둔산동 정자동 상현동 일산동 태평리 화곡동".split()
STREETS = "Maple Oak Elm Washington Riverside Baker Queen Victoria Sunset Mill Church Cedar Highland Lakeview".split()
KINDS = "Street Avenue Road Lane Drive Court Way Blvd St Ave Rd Terrace".split()
TOWNS = "Springfield, IL 62704|Portland, OR 97205|London NW1 6XE|Austin, TX|Leeds LS1 4AP|Toronto".split("|")


def korean_name(dice: random.Random) -> str:
    return dice.choice(SURNAMES) + dice.choice(GIVEN)


def english_name(dice: random.Random) -> str:
    return f"{dice.choice(FIRST)} {dice.choice(LAST)}"


def mobile(dice: random.Random) -> str:
    between = dice.choice(["-", " ", "", ".", " - "])
    return between.join([dice.choice(["010"] * 6 + ["011", "016"]), digits(dice, 4), digits(dice, 4)])


def landline(dice: random.Random) -> str:
    area = dice.choice("02 031 032 051 042 064 070".split())
    return dice.choice(["{}-{}-{}", "({}) {}-{}", "{}) {}-{}"]).format(
        area, dice.choice("3456789") + digits(dice, dice.choice([2, 3])), digits(dice, 4)
    )


def abroad(dice: random.Random) -> str:
    form = dice.choice(
        [
            "(2##) 555-01##",
            "415-555-01##",
            "+1 212 555 01##",
            "+44 20 7946 0###",
            "07700 900###",
            "+82 10 #### ####",
            "+49 30 12345##",
            "1-800-555-01##",
        ]
    )
    return "".join(digits(dice, 1) if each == "#" else each for each in form)


def email(dice: random.Random) -> str:
    name = dice.choice(
        [
            letters(dice, 7, string.ascii_lowercase),
            f"{letters(dice, 5, string.ascii_lowercase)}.{letters(dice, 4, string.ascii_lowercase)}",
            f"{letters(dice, 6, string.ascii_lowercase)}_{digits(dice, 2)}",
        ]
    )
    return f"{name}@{dice.choice(DOMAINS)}"


def day(dice: random.Random) -> tuple[int, int, int]:
    return dice.randint(1945, 2015), dice.randint(1, 12), dice.randint(1, 28)


def resident(dice: random.Random) -> str:
    year, month, number = day(dice)
    seventh = dice.choice("1256" if year < 2000 else "3478")
    return (
        f"{year % 100:02}{month:02}{number:02}{dice.choice(['-', '-', '-', '', ' ', ' - '])}{seventh}{digits(dice, 6)}"
    )


def social(dice: random.Random) -> str:
    return f"{digits(dice, 3)}-{digits(dice, 2)}-{digits(dice, 4)}"


def passport(dice: random.Random) -> str:
    return dice.choice(
        [f"M{digits(dice, 8)}", f"M{digits(dice, 3)}{dice.choice('ABCDEFG')}{digits(dice, 4)}", f"S{digits(dice, 8)}"]
    )


def card(dice: random.Random) -> str:
    number = dice.choice(["4", "51", "55", "37"]) + digits(dice, 14)
    number = number[:15]
    total = sum(
        int(each) * 2 - 9 * (int(each) > 4) if place % 2 == 0 else int(each)
        for place, each in enumerate(reversed(number))
    )
    number += str(-total % 10)
    between = dice.choice(["-", " ", ""])
    return between.join(number[place : place + 4] for place in range(0, 16, 4))


def account(dice: random.Random) -> str:
    form = dice.choice(["###-###-######", "######-##-######", "###-##-#####-#", "####-##-#######", "#############"])
    return "".join(digits(dice, 1) if each == "#" else each for each in form)


def road_address(dice: random.Random) -> str:
    end = dice.choice(
        [
            "",
            f", {dice.randint(101, 120)}동 {dice.randint(101, 2505)}호",
            f" {dice.randint(2, 20)}층",
            f"-{dice.randint(1, 30)}",
            f" ({dice.choice(LOTS)})",
        ]
    )
    return f"{dice.choice(AREAS)} {dice.choice(ROADS)}{dice.choice(['', f'{dice.randint(2, 80)}길', f' {dice.randint(2, 300)}번길'])} {dice.randint(1, 500)}{end}"


def lot_address(dice: random.Random) -> str:
    return f"{dice.choice(AREAS)} {dice.choice(LOTS)} {dice.randint(1, 999)}-{dice.randint(1, 50)}{dice.choice(['', '번지', f' {dice.randint(101, 120)}동 {dice.randint(101, 2505)}호'])}"


def street(dice: random.Random) -> str:
    return f"{dice.randint(1, 9999)} {dice.choice(STREETS)} {dice.choice(KINDS)}{dice.choice(['', f', Apt {dice.randint(1, 40)}B', f' #{dice.randint(1, 99)}'])}{dice.choice(['', f', {dice.choice(TOWNS)}'])}"


def key(dice: random.Random) -> str:
    make = dice.choice(
        [
            lambda: "AKIA" + letters(dice, 16, string.ascii_uppercase + "234567"),
            lambda: "hf_" + letters(dice, 34),
            lambda: "sk-proj-" + letters(dice, 48),
            lambda: "sk-" + letters(dice, 48),
            lambda: "ghp_" + letters(dice, 36),
            lambda: "xoxb-" + digits(dice, 12) + "-" + letters(dice, 24),
            lambda: "AIza" + letters(dice, 35),
            lambda: f"eyJ{letters(dice, 30)}.eyJ{letters(dice, 60)}.{letters(dice, 43)}",
            lambda: letters(dice, 40) + "aA1",
            lambda: letters(dice, 32, "0123456789abcdef"),
            lambda: "sk_live_" + letters(dice, 24),
        ]
    )
    return make()


def password(dice: random.Random) -> str:
    return (
        letters(dice, dice.randint(3, 8), string.ascii_lowercase)
        + digits(dice, dice.randint(1, 4))
        + dice.choice(["", "!", "@", "#"])
    )


def machine(dice: random.Random) -> str:
    return ".".join(str(dice.randint(1, 254)) for _ in range(4))


def birth_korean(dice: random.Random) -> str:
    year, month, number = day(dice)
    return dice.choice(
        [
            f"{year}년 {month}월 {number}일",
            f"{year}-{month:02}-{number:02}",
            f"{year}.{month}.{number}",
            f"{year}{month:02}{number:02}",
        ]
    )


def birth_english(dice: random.Random) -> str:
    year, month, number = day(dice)
    name = "January February March April May June July August September October November December".split()[month - 1]
    return dice.choice(
        [
            f"{name} {number}, {year}",
            f"{number} {name} {year}",
            f"{month}/{number}/{year}",
            f"{year}-{month:02}-{number:02}",
        ]
    )


def plate(dice: random.Random) -> str:
    return f"{digits(dice, dice.choice([2, 3]))}{dice.choice('가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주허하호')}{dice.choice(['', ' '])}{digits(dice, 4)}"


# what is found by its own form or by what announces it, and, apart, names that nothing announces
SENTENCES: Mapping[tuple[str, str], tuple[Make, Sequence[str]]] = {
    ("name", "korean"): (korean_name, (
        "안녕하세요, 저는 {}입니다. 연차 문의드려요.", "제 이름은 {}이에요. 기억해 주세요.", "{} 씨 내선 번호 좀 알려 주세요.", "담당자 {} 님께 전달 부탁드립니다.",
        "인사팀 {} 과장인데요, 급여일이 언제죠?", "이번에 입사한 {}라고 합니다.", "예금주는 {}이고 은행은 나중에 말할게요.", "제 동료 {}가 어제 병가를 냈어요.",
        "팀장님 성함이 {} 맞나요?", "성명: {}\n부서: 총무팀", "저희 아들 {}이 내년에 학교에 가요.", "개발팀 {} 대리님이 승인해 주셨어요.",
        "나는 총무팀에서 일하는 {}야.", "신청인 {}, 사유는 이사입니다.", "{}이라는 분을 찾고 있어요.", "친구 {}랑 같이 갈 수 있나요?",
    )),
    ("name, not announced", "korean"): (korean_name, (
        "{} 연락처가 어떻게 되나요?", "어제 {}한테 물어봤는데 모른대요.", "{}의 휴가를 취소하고 싶어요.", "회의에는 {}, 그리고 제가 갑니다.",
        "{}도 대상자인가요?", "방금 {}와 통화했습니다.", "참석자 명단에 {} 추가해 주세요.", "{} 자리로 택배 보내 주세요.",
    )),
    ("name", "english"): (english_name, (
        "Hello, my name is {}.", "I'm {} and I would like to book leave.", "This is {} from accounting.", "Please ask Mr. {} about the invoice.",
        "My manager {} has approved it.", "Name: {}\nDepartment: Sales", "Dear {},\nthank you for the answer.", "My wife, {}, is also insured.",
        "Call me {}.", "I was told by Dr. {} to stay at home.", "Thanks,\n{}", "My colleague {} forgot her badge.",
        "Hi {}, can you help?", "You can reach my assistant {} at the office.", "It's {} again, about the laptop.", "The account holder is called {}.",
    )),
    ("name, not announced", "english"): (english_name, (
        "How do I add {} to the list?", "Yesterday {} said the office was closed.", "Is {} still on leave?", "Send the parcel to {} please.",
        "{} needs a new laptop.", "I want to book a room for {} and me.", "Did {} hand in the expenses?", "The badge belongs to {}.",
    )),
    ("phone", "korean"): (mobile, (
        "제 번호는 {}입니다.", "{}로 전화 주세요.", "연락처: {}", "휴대폰 {} 맞나요?", "급하면 {} 여기로 문자 주세요", "전화번호를 {}으로 바꿔 주세요.",
        "{} 이 번호 등록됐나요?", "비상 연락망에 {}(아내) 추가 부탁해요.",
    )),
    ("phone, landline", "korean"): (landline, (
        "사무실은 {}입니다.", "{}로 팩스를 보내 주세요.", "집 전화 {}로 걸어 주세요.", "대표번호가 {} 맞나요?", "{} 받는 사람이 없어요.", "내선 말고 {}로요.",
    )),
    ("phone", "english"): (abroad, (
        "My number is {}.", "Call me at {} after six.", "Phone: {}", "You can text {} any time.", "Is {} still my emergency contact?", "Reach my husband on {}, please.",
    )),
    ("email", "korean"): (email, (
        "메일은 {}입니다.", "{}으로 보내 주세요.", "이메일 주소를 {}로 바꿔 주세요.", "제 계정 {}이 잠겼어요.", "{}에서 메일이 안 와요.", "회신은{}로 부탁드립니다.",
    )),
    ("email", "english"): (email, (
        "My address is {}.", "Write to {}, please.", "Email: {}", "I can't log in as {}.", "Please cc {} on this.", "Contact <{}> instead.",
    )),
    ("id", "korean"): (resident, (
        "주민등록번호는 {}입니다.", "주민번호 {}로 조회해 주세요.", "{} 이 번호로 가입했어요.", "외국인등록번호: {}", "제 주민번호가 {} 맞는지 봐 주세요.", "신분증에 {}라고 써 있어요.",
    )),
    ("id", "english"): (social, (
        "My SSN is {}.", "Social security number: {}", "The form asks for {} again.", "Is {} on file?", "It should read {}.", "Use {} as my tax id.",
    )),
    ("passport", "korean"): (passport, (
        "여권번호는 {}입니다.", "여권 {} 만료됐어요.", "출장 신청에 {} 넣었어요.", "{} 이게 제 여권 번호예요.",
    )),
    ("passport", "english"): (passport, (
        "My passport number is {}.", "Passport {} expires soon.", "I entered {} in the travel form.", "The document is {}.",
    )),
    ("card", "korean"): (card, (
        "법인카드 {} 분실했어요.", "카드번호 {}입니다.", "{} 이 카드로 결제했어요.", "결제 수단을 {}로 바꿔 주세요.",
    )),
    ("card", "english"): (card, (
        "My card {} was declined.", "Card number: {}", "I paid with {} yesterday.", "Please remove {} from my profile.",
    )),
    ("account", "korean"): (account, (
        "국민은행 {}로 입금해 주세요.", "급여 계좌는 신한 {}입니다.", "계좌번호 {} 맞나요?", "카카오뱅크 {} (본인 명의)", "환급은 {} 농협으로 부탁드려요.", "통장 {}로 바꿔 주세요.",
    )),
    ("account", "english"): (account, (
        "My account number is {}.", "Please pay it to account {}.", "Acct no. {} at my bank.", "Is {} the account you have?",
    )),
    ("address", "korean"): (road_address, (
        "집 주소는 {}입니다.", "{}으로 이사했어요.", "배송지: {}", "{}에 살고 있습니다.", "택배는 {} 경비실에 맡겨 주세요.", "주소를 {}로 변경해 주세요.",
    )),
    ("address, by lot", "korean"): (lot_address, (
        "집은 {}이에요.", "{}에서 출퇴근해요.", "등본상 주소는 {}입니다.", "{}로 보내 주세요.",
    )),
    ("address", "english"): (street, (
        "I live at {}.", "Ship it to {}.", "My address is {}.", "We moved to {} last week.", "Home: {}", "Is {} still the address on file?",
    )),
    ("key", "korean"): (key, (
        "제 키는 {}인데 동작을 안 해요.", "export TOKEN={} 했는데 401이 나와요.", "{} 이 토큰이 만료됐나요?", "설정에 {}를 넣었습니다.",
    )),
    ("key", "english"): (key, (
        "My API key is {}, why does it fail?", "Authorization: Bearer {}", "I pasted {} into the form.", "curl -H 'X-Key: {}' returns 401",
    )),
    ("password", "korean"): (password, (
        "비밀번호는 {}입니다.", "비번 {} 인데 로그인이 안 돼요.", "패스워드: {}", "와이파이 비밀번호가 {}예요.", "암호를 {}로 바꿨어요.", "임시 비밀번호 '{}'이 왔어요.",
    )),
    ("password", "english"): (password, (
        "My password is {}.", "password: {}", "I changed the password to {} yesterday.", "The wifi password is '{}'.", "login with pw={} fails", "The passcode is {} for the door.",
    )),
    ("machine", "korean"): (machine, ("제 PC IP는 {}입니다.", "{}에서 VPN이 끊겨요.", "접속 주소 {} 확인 부탁드려요.", "서버 {}에 접속이 안 돼요.")),
    ("machine", "english"): (machine, ("My IP is {}.", "I cannot reach {}.", "Blocked from {} again.", "The laptop has {} now.")),
    ("birth", "korean"): (birth_korean, ("생년월일은 {}입니다.", "제 생일은 {}이에요.", "{}에 태어났어요.", "생년월일: {}")),
    ("birth", "english"): (birth_english, ("I was born on {}.", "Date of birth: {}", "My birthday is {}.", "DOB {}, please check.")),
    ("plate", "korean"): (plate, ("차량번호 {} 주차 등록해 주세요.", "제 차는 {}입니다.", "{} 차주님 차 빼 주세요.", "방문 차량 {} 등록이요.")),
}  # fmt: skip

HARMLESS = (
    "연차 휴가는 1년에 20일이고, 반차는 4시간입니다.", "점심 식대는 하루 15,000원, 한 달이면 300,000원입니다.", "급여일은 매월 25일이며 2026-11-20에 공지했습니다.",
    "회의실은 3층 302호가 아니라 4층입니다.", "앞으로 30일 동안, 별도로 5회, 버스로 40분 걸립니다.", "비밀번호는 90일마다 바꾸고 8자리 이상이어야 합니다.",
    "오늘 날씨가 좋아서 선생님과 고객님들이 많이 오셨어요.", "아저씨, 아가씨, 손님 여러분 안녕하세요.", "버전 3.11.7과 4.0.2를 비교해 주세요.", "10:30:45에 시작해서 11:00에 끝납니다.",
    "매출이 5조 1234억 원에서 1,000,000,000원 늘었어요.", "저는 학생입니다. 저는 한국인이에요. 저는 신입사원입니다.", "지원이 필요해요. 유지 보수 이유를 설명해 주세요.",
    "인사팀에 문의하고 서류를 제출하세요. 담당자가 확인합니다.", "주민등록등본과 신분증 사본을 내세요.", "정기 점검은 매주 수요일, 장소는 본사 지하 1층입니다.",
    "노트북은 3년마다 교체하고 이어폰은 회사가 사지 않습니다.", "성과급은 전체의 10~15%이고 조건은 이렇습니다.", "우리은행 앞에서 만나요. 하나만 주세요.", "문의는 안내 데스크로 하시고, 이유도 적어 주세요.",
    "How many days of annual leave are there? 20 days a year.", "The hotel limit is 150,000 won per night, 12th to 25th.", "Core hours are 10:00 to 16:00; the gym opens at 6:30 a.m.",
    "I'm Korean and I am new here. This is great. It's Monday.", "Laptops are replaced every 3 years; see section 4.2.1 of the handbook.", "Thank you. Hello again. Dear all, please note the change.",
    "The password is required and must be changed every 90 days.", "Order 12345 ships in 2 weeks for $1,299.99.", "Model Qwen3 4B runs on ml.g5.xlarge with 24 GB.", "My manager is on leave. My wife is ill. My friend is here.",
    "May I ask about the April schedule? Will June work?", "Call me tomorrow. Contact Human Resources or Customer Service.", "Version 1.2.3 was released on 2026-11-20.", "The key is to answer briefly: key points first.",
    "회의는 2026년 11월 20일 오후 2시에 시작합니다.", "10,000명 중 1,234명이 응답했습니다.", "1번 출구에서 도보로 5분, 2호선입니다.", "한 달에 두 번, 총 24회 진행합니다.", "주소록과 전화번호부는 어디에 있나요?", "서울과 부산에 지점이 있습니다.",
)  # fmt: skip


def sentences(seed: int, each: int) -> list[Planted]:
    """`each` of every sentence, with a new value every time."""
    dice = random.Random(seed)
    made = []
    for (kind, language), (make, templates) in SENTENCES.items():
        for place, template in enumerate(templates):
            for _ in range(each):
                secret = make(dice)
                made.append(Planted(kind, language, template.format(secret), secret, place % 2 == 1))
    return made

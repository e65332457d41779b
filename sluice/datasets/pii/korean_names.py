"""Korean names: told by what announces them (제 이름은, 씨, 과장), or by a surname and the usual syllables."""

import re
from collections.abc import Iterator

from sluice.datasets.pii.name_words import (
    BEFORE_NIM,
    BEFORE_SSI,
    FREQUENT_SURNAMES,
    FREQUENT_SYLLABLES,
    GIVEN_SYLLABLES,
    LONG_SURNAMES,
    NOUNS,
    RARE_SURNAMES,
    SURNAMES,
    TITLES,
)
from sluice.evaluation.scorers.particles import PARTICLES

LONG = "|".join(LONG_SURNAMES)
FULL = rf"(?:{LONG}|[{SURNAMES}{RARE_SURNAMES}])[가-힣]{{1,2}}"  # a surname and what is given
AFTER = (
    r"(?:입니다만|입니다|입니당|이에요|이예요|예요|에요|이라고|라고|이라는|라는|이고|이며|인데요?|이야|야"
    r"|이다|이란|란|이란다)"
)
MORE_PARTICLES = (
    "이랑 랑 한테서 이한테 아 야 이가 이는 이를 이의 이도 이야 하고 이하고 께"
    " 한테는 에게는 하고는 이라도 라도 에게도 한테도 네"
)
PARTICLE = "|".join((*PARTICLES, *MORE_PARTICLES.split()))
RUN = r"(?P<it>[가-힣]{2,12})"  # a name with whatever is written on to it
ROLE = (
    r"이름|성함|성명|본명|예금주|수취인|받는 ?(?:사람|분)|보내는 ?(?:사람|분)|신청인|신청자|가입자|계약자|피보험자"
    r"|보호자|환자명|고객명|담당자명?|작성자|대표자|책임자|참석자|발표자|결재자|대상자?|수신인?|발신인?|후임|전임|사용자명"
)
KIN = (
    r"남편|아내|와이프|아들|딸|엄마|아빠|어머니|아버지|동생|형|누나|언니|오빠|친구|동료|상사|사수|직원|후배|선배|팀원|팀장|여자친구"
    r"|남자친구|룸메이트|조카|손자|손녀|사원|인턴|신입"
)
SUFFIX = re.compile(rf"(?:{PARTICLE}|{AFTER}|이?요|고|다|며|임|씨|님|군|양)?")
NAMED = re.compile(rf"(?:{ROLE})(?:은|는|이|가)?\s*[:：=]?\s*[\"'“‘]?{RUN}")
SELF = re.compile(
    r"(?:저는|전|나는|난|여기는|저희는|제가|내가|(?<![가-힣])저)\s+(?:[가-힣A-Za-z0-9]+\s){0,4}?"
    rf"(?P<it>[가-힣]{{2,5}}?{AFTER})(?![가-힣]*면)"
)
CALLED = re.compile(
    r"(?<![가-힣])(?P<it>[가-힣]{2,5}(?:이라고|라고))\s*(?:합니다|해요|하는데|불러|부르|부릅|저장|하고|적어|써)"
)
WHO_IS = re.compile(
    r"(?<![가-힣])(?P<it>[가-힣]{2,5}(?:이라는|라는))\s*"
    r"(?:사람|분|친구|동료|직원|학생|아이|이름|선생|교수|의사|고객|환자|팀장|대리|과장)"
)
HONOURED = re.compile(r"(?<![가-힣])(?P<it>[가-힣]{2,5})\s?(?P<title>씨|님)(?![앗름가-힣]*(?:앗|름))")
TITLE = "|".join(sorted(TITLES, key=len, reverse=True))
TITLED = re.compile(
    rf"(?<![가-힣])(?P<it>{FULL}) ?(?:{TITLE})(?:님|이|가|은|는|을|를|과|와|께|도|인|의|에|한|입|이|,|\s|[.!?]|$)"
)
RELATED = re.compile(rf"(?:{KIN})(?:인|의|,)?\s+{RUN}")
BARE = re.compile(
    rf"(?<![가-힣])(?P<it>(?:(?:{LONG})[가-힣]{{2}}|[{SURNAMES}][가-힣]{{2}})(?:{PARTICLE}|{AFTER})?)(?![가-힣])"
)
VERBS_END = "고지서면니게해라시며려"
OFFICES = tuple("팀실부과처국원점소단반조당청")  # 기획실 실장
TO_SOMEBODY = ("한테", "에게", "께", "한테서", "에게서", "한테는", "에게는", "한테도", "에게도", "이한테")
NO_NAME = ("합니다", "습니다", "니다", "어요", "아요", "해요", "세요", "네요", "나요", "까요", "팀", "부서", "회사")


def find_names(text: str) -> Iterator[str]:
    for pattern in (NAMED, SELF, CALLED, WHO_IS, RELATED):
        for match in pattern.finditer(text):
            whole = pattern is not RELATED  # 제 친구 민수 might be anything; 제 친구 김민수 is somebody
            if name := at_the_start(match["it"], whole):
                yield name
    for match in HONOURED.finditer(text):
        name = match["it"]
        if not name.endswith(tuple(BEFORE_NIM if match["title"] == "님" else BEFORE_SSI)) and name not in NOUNS:
            yield name if len(name) <= 4 else name[-3:]
    for match in TITLED.finditer(text):
        name = match["it"]
        if like_a_name(name) or (len(name) > 2 and name not in NOUNS and not name.endswith(OFFICES)):
            yield name
    for match in BARE.finditer(text):
        name = at_the_start(match["it"], False)
        if len(name) > 2 and usual(name, match["it"]):
            yield name


def at_the_start(run: str, given_alone: bool) -> str:
    """Returns 민수 of 민수입니다, 김민수 of 김민수가; empty if it begins with no name, or only a given one."""
    for length in (4, 3, 2):
        name, more = run[:length], run[length:]
        if len(name) == length and SUFFIX.fullmatch(more) and fits(name, more, given_alone):
            return name
    return ""


def fits(name: str, more: str, given_alone: bool) -> bool:
    """Whether this much of a word is the name, and `more` is what was written on to it."""
    if not like_a_name(name) or (not more and a_noun_and_more(name)):
        return False
    if len(name) == 2:
        return given_alone
    if len(name) == 4:
        return name.startswith(LONG_SURNAMES)
    if name[0] not in SURNAMES and not (given_alone and name[0] in RARE_SURNAMES):
        return False
    return not given_alone or not longer(name, more)


def longer(name: str, more: str) -> bool:
    """Whether two syllables are the name, and the third is of what follows: 정우예요, 지원이고, 나리라고."""
    written_on = name[2] + more
    if name[2] == "이" and more and ends_in_a_consonant(name[1]):
        return bool(SUFFIX.fullmatch(written_on))
    return written_on in ("예요", "에요", "라고", "라는", "라고요", "라고는")


def usual(name: str, run: str) -> bool:
    """Whether a name is made as names are; rarer syllables count after a frequent surname or a self-introduction."""
    if made_of(given_name(name), FREQUENT_SYLLABLES):
        return True
    says_so = run.endswith(("입니다", "인데요", "인데", "예요", "이에요", *TO_SOMEBODY))
    return (
        (says_so or name[0] in FREQUENT_SURNAMES)
        and made_of(given_name(name), GIVEN_SYLLABLES)
        and name[-1] not in VERBS_END
    )


def a_noun_and_more(name: str) -> bool:
    """Whether a word is a noun and its particle: 정원은 is 정원 and 은."""
    return name[:2] in NOUNS and name[2:] in PARTICLES


def ends_in_a_consonant(syllable: str) -> bool:
    return (ord(syllable) - ord("가")) % 28 != 0


def like_a_name(name: str) -> bool:
    if name in NOUNS or name.endswith(NO_NAME):
        return False
    syllables = name[2:] if len(name) > 2 and name.startswith(LONG_SURNAMES) else name[1:]
    return 2 <= len(name) <= 5 and made_of(syllables, GIVEN_SYLLABLES)


def made_of(text: str, syllables: frozenset[str]) -> bool:
    return all(each in syllables for each in text)


def given_name(name: str) -> str:
    """Returns 민수 of 김민수; empty if it is only a given name."""
    if len(name) == 4 and name.startswith(LONG_SURNAMES):
        return name[2:]
    return name[1:] if len(name) == 3 and name[0] in SURNAMES + RARE_SURNAMES else ""

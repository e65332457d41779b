"""Names of people: told by what announces them (제 이름은, my name is, 씨, Mr.), or by how they are made.

A name that nothing announces and that is made like no other is not found: no list and no pattern knows it.
"""

import re
from collections.abc import Iterator

from evaluation.personal.name_words import (
    BEFORE_NIM,
    BEFORE_SSI,
    FIRST,
    FREQUENT,
    GIVEN,
    LAST,
    LAST_KOREAN,
    LONG_SURNAMES,
    NOT_NAMES,
    NOUNS,
    SURNAMES,
    TITLES,
)
from evaluation.scorers.particles import PARTICLES

LONG = "|".join(LONG_SURNAMES)
FULL = rf"(?:{LONG}|[{SURNAMES}])[가-힣]{{1,2}}"  # a surname and what is given
AFTER = r"(?:입니다만|입니다|입니당|이에요|이예요|예요|에요|이라고|라고|이라는|라는|이고|이며|인데요?|이야|야|이다|이란|란|이란다)"
PARTICLE = "|".join((*PARTICLES, "이랑", "랑", "한테서", "이한테", "아", "야", "이가", "이는", "이를", "이의", "이도", "이야"))

RUN = r"(?P<it>[가-힣]{2,12})"  # a name with whatever is written on to it
ROLE = (
    r"이름|성함|성명|본명|예금주|수취인|받는 ?(?:사람|분)|보내는 ?(?:사람|분)|신청인|신청자|가입자|계약자|피보험자|보호자|환자명|고객명"
    r"|담당자명?|작성자|대표자|책임자|참석자|발표자"
)
KIN = (
    r"남편|아내|와이프|아들|딸|엄마|아빠|어머니|아버지|동생|형|누나|언니|오빠|친구|동료|상사|사수|직원|후배|선배|팀원|팀장|여자친구"
    r"|남자친구|룸메이트|조카|손자|손녀|사원|인턴|신입"
)
SUFFIX = re.compile(rf"(?:{PARTICLE}|{AFTER}|이?요|고|다|며|임|씨|님|군|양)?")
NAMED = re.compile(rf"(?:{ROLE})(?:은|는|이|가)?\s*[:：=]?\s*[\"'“‘]?{RUN}")
SELF = re.compile(rf"(?:저는|전|나는|난|여기는|저희는|제가|내가)\s+(?:[가-힣A-Za-z0-9]+\s){{0,4}}?(?P<it>[가-힣]{{2,5}}?{AFTER})(?![가-힣]*면)")
CALLED = re.compile(r"(?<![가-힣])(?P<it>[가-힣]{2,5}(?:이라고|라고))\s*(?:합니다|해요|하는데|불러|부르|부릅|저장|하고|적어|써)")
WHO_IS = re.compile(
    r"(?<![가-힣])(?P<it>[가-힣]{2,5}(?:이라는|라는))\s*(?:사람|분|친구|동료|직원|학생|아이|이름|선생|교수|의사|고객|환자|팀장|대리|과장)"
)
HONOURED = re.compile(r"(?<![가-힣])(?P<it>[가-힣]{2,5})\s?(?P<title>씨|님)(?![앗름가-힣]*(?:앗|름))")
TITLED = re.compile(rf"(?<![가-힣])(?P<it>{FULL}) ?(?:{TITLES})(?:님|이|가|은|는|을|를|과|와|께|도|인|의|에|한|입|이|,|\s|[.!?]|$)")
RELATED = re.compile(rf"(?:{KIN})(?:인|의|,)?\s+{RUN}")
BARE = re.compile(rf"(?<![가-힣])(?P<it>(?:(?:{LONG})[가-힣]{{2}}|[{SURNAMES}][가-힣]{{2}})(?:{PARTICLE}|{AFTER})?)(?![가-힣])")

WORD = r"(?:[A-Z]['’])?[A-Z][a-z’'-]*[a-z](?:-[A-Z]?[a-z]+)?"
INITIAL = r"(?:\s[A-Z]\.)?"
NAME = rf"{WORD}(?:{INITIAL}\s(?:(?:de|van|von|der|la|bin|al|O')\s?){{0,2}}{WORD}){{0,2}}"
MY_NAME = re.compile(
    r"(?i:my (?:full |first |last |real |given )?name(?:'s| is|:)|\bname:|name is)\s+(?:(?i:Mr|Mrs|Ms|Dr)\.? )?"
    rf"(?P<it>{NAME}|[a-z]{{3,12}}(?=[.,!?]|\s*$|\s(?:and|from|but)\b))"
)
ALSO = re.compile(
    r"(?i:call me|(?:i am|i'm|is|am) called|known as|named|account holder:?|card ?holder:?|patient:?|contact:?|signed,?|attn:?)\s+"
    rf"(?:(?i:Mr|Mrs|Ms|Dr)\.? )?(?P<it>{NAME})"
)
I_AM = re.compile(rf"\b(?:I'm|I am|I’m|[Tt]his is|[Ii]t's|[Hh]ere is)\s+(?P<it>{NAME})(?=[.,!?;]|\s+(?:from|and|speaking|here|in|at|of|with|calling|writing|again)\b|\s*$)")
GREETED = re.compile(rf"(?:^|[.!?] ?)[ \t]{{0,8}}(?:Hi|Hello|Hey|Dear|Thanks|Thank you|Regards|Best regards|Kind regards|Sincerely|Best|Cheers|Yours)(?: again)?,?\s+(?P<it>{NAME})(?=[,.!?:\n-]|\s*$)", re.MULTILINE)
TITLED_EN = re.compile(rf"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Sir|Madam)\.?\s+(?P<it>{NAME})")
RELATED_EN = re.compile(
    rf"(?i:\b(?:my|our|his|her|their|the)\s+(?:\w+\s)?(?:husband|wife|partner|son|daughter|mother|father|mom|mum|dad|brother|sister|friend|colleague|coworker|co-worker|"
    rf"manager|boss|supervisor|assistant|neighbou?r|roommate|doctor|teacher|client|patient|landlord|fianc[ée]e?|girlfriend|boyfriend|uncle|aunt|cousin|nephew|niece))"
    rf"(?:'s name is|,| is| named| called|:)?\s+(?P<it>{NAME})"
)
PAIR = re.compile(rf"(?<![A-Za-z])(?=(?P<it>{WORD}{INITIAL} (?:(?:de|van|von|bin|al) )?{WORD}))")
ROMAN = re.compile(rf"\b(?P<it>(?:{LAST_KOREAN})\s[A-Z][a-z]+(?:-?[a-z]+|\s[A-Z][a-z]+)?|[A-Z][a-z]+(?:-[A-Za-z]?[a-z]+)?\s(?:{LAST_KOREAN}))\b")


def found(text: str) -> Iterator[str]:
    """Names that the text says, with repetitions."""
    yield from korean(text)
    yield from english(text)


def korean(text: str) -> Iterator[str]:
    for pattern in (NAMED, SELF, CALLED, WHO_IS, RELATED):
        for match in pattern.finditer(text):
            whole = pattern is not RELATED  # 제 친구 민수 might be anything; 제 친구 김민수 is somebody
            if name := at_the_start(match["it"], whole):
                yield name
    for match in HONOURED.finditer(text):
        name = match["it"]
        if not name.endswith(BEFORE_NIM if match["title"] == "님" else BEFORE_SSI) and name not in NOUNS:
            yield name if len(name) <= 4 else name[-3:]
    for match in TITLED.finditer(text):
        if like_a_name(match["it"]):
            yield match["it"]
    for match in BARE.finditer(text):
        name = at_the_start(match["it"], False)
        if name and len(name) > 2 and made_of(given_of(name), FREQUENT) and not a_noun_and_more(name):
            yield name


def at_the_start(run: str, given_alone: bool) -> str:
    """민수 of 민수입니다, 김민수 of 김민수가; empty if it does not begin with a name, or only with a given one."""
    fits = [length for length in (4, 3, 2) if length <= len(run) and SUFFIX.fullmatch(run[length:])]
    for length in fits:
        name = run[:length]
        surname = name.startswith(LONG_SURNAMES) if length == 4 else name[0] in SURNAMES
        if not like_a_name(name) or (length == 4 and not surname) or not (surname or given_alone):
            continue
        if length == 3 and not surname:
            continue
        if length == 2 and not given_alone:
            continue
        if length == 3 and name[2] == "이" and ends_in_a_consonant(name[1]) and 2 in fits and given_alone:
            continue  # 지원이고 is 지원 and 이고
        return name
    return ""


def a_noun_and_more(name: str) -> bool:
    """정원은 is 정원 and 은."""
    return name[:2] in NOUNS and name[2:] in PARTICLES


def ends_in_a_consonant(syllable: str) -> bool:
    return (ord(syllable) - ord("가")) % 28 != 0


def english(text: str) -> Iterator[str]:
    for pattern in (MY_NAME, ALSO, I_AM, GREETED, TITLED_EN, RELATED_EN, ROMAN):
        for match in pattern.finditer(text):
            if name := trimmed(match["it"]):
                yield name
    for match in PAIR.finditer(text):
        first, *_, last = match["it"].split()
        if (first in FIRST or last in LAST) and first not in NOT_NAMES and last not in NOT_NAMES - LAST:
            yield match["it"]


def like_a_name(name: str) -> bool:
    if name in NOUNS or name.endswith(("합니다", "습니다", "니다", "어요", "아요", "해요", "세요", "네요", "나요", "까요", "팀", "부서", "회사")):
        return False
    return 2 <= len(name) <= 5 and made_of(name[1:], GIVEN)


def made_of(text: str, syllables: frozenset[str]) -> bool:
    return all(each in syllables for each in text)


def trimmed(name: str) -> str:
    """Without words at its ends that are no name; empty if nothing is left."""
    words = name.removesuffix("'s").removesuffix("’s").split()
    if words[0] in FIRST:
        return " ".join(words)
    while words and words[0] in NOT_NAMES:
        words = words[1:]
    while words and words[-1] in NOT_NAMES:
        words = words[:-1]
    left = " ".join(words)
    return left if len(left) > 1 and left not in LOWER_NOT_NAMES else ""


LOWER_NOT_NAMES = frozenset("not the on in at is missing wrong spelled hidden secret unknown required too also still".split())


def mentions(names: frozenset[str]) -> re.Pattern[str] | None:
    """Finds these names wherever they stand, with or without their surname."""
    if not names:
        return None
    written = sorted((form for name in names for form in forms(name)), key=len, reverse=True)
    parts = [bounded(form) for form in dict.fromkeys(written)]
    return re.compile("|".join(parts))


def forms(name: str) -> Iterator[str]:
    yield name
    if re.fullmatch("[가-힣]+", name):
        given = given_of(name)
        if given and given not in NOUNS:
            yield given
    else:
        words = name.split()
        for word in words if len(words) > 1 else ():
            if len(word) > 2 and word not in NOT_NAMES:
                yield word


def given_of(name: str) -> str:
    """민수 of 김민수; empty if it is only a given name."""
    if len(name) == 4 and name.startswith(LONG_SURNAMES):
        return name[2:]
    return name[1:] if len(name) == 3 and name[0] in SURNAMES else ""


def bounded(form: str) -> str:
    if re.fullmatch("[가-힣]+", form):
        # 지원이 and 지원 are followed by anything that is no other word; two syllables inside a longer one are not the name
        return rf"(?<![가-힣]){re.escape(form)}(?=(?:{PARTICLE}|{AFTER}|씨|님|{TITLES})?(?:[^가-힣]|$)|(?:{PARTICLE}|{AFTER}|씨|님))"
    return rf"(?<![A-Za-z]){re.escape(form)}(?![A-Za-z])"


def person(name: str, names: frozenset[str]) -> str:
    """The longest of these names that this one may stand for, so that both get the same number."""
    same = [each for each in names if each == name or name in forms(each)]
    return max(same, key=len, default=name)

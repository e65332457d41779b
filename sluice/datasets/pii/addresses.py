"""Where somebody lives: Korean road-name and lot-number addresses, flats, and street addresses in English.

Korean roads end in 대로, 로 or 길, and so do many adverbs (앞으로 3일); what follows the number tells them apart.
"""

import re

from sluice.datasets.pii.span import Finder, match_finder

PROVINCE = (
    r"(?:서울|부산|대구|인천|광주|대전|울산|세종|경기|강원|충북|충남|전북|전남|경북|경남|제주|충청[남북]|전라[남북]|경상[남북])"
    r"(?:특별자치시|특별자치도|특별시|광역시|시|도)?"
)
AREA = rf"(?:{PROVINCE}\s+)?(?:[가-힣]{{1,6}}(?:시|군|구)\s+){{0,3}}(?:[가-힣]{{1,6}}(?:읍|면)\s+)?"
COUNTED = (
    r"(?!\d|\s?(?:개|분|시간|시|일|주|월|년|회|번(?!지|길)|명|원|%|퍼센트|배|차|장|[kKcCmM]?[mMgG](?![A-Za-z])|박|살|세|대|점|위|단계|가지|만|천|백|억"
    r"|달러|페이지|쪽|줄|권|잔|병|마리|건|인|등|초|[.,:]\d))"
)
FLAT = (
    r"(?:,?\s*(?:[가-힣A-Za-z0-9]{1,15}(?:아파트|빌라|오피스텔|타워|빌딩|맨션|주택|하우스))?\s*(?:지하\s*)?"
    r"(?:\d{1,4}동\s*)?(?:\d{1,3}층\s*)?(?:\d{1,4}호)?(?:\s*\([가-힣0-9A-Za-z, ]{1,40}\))?)"
)
NOT_ROADS = (
    r"앞으로|뒤로|별도로|따로|서로|실제로|주로|바로|그대로|새로|제대로|스스로|때때로|함부로|홀로|절대로|마음대로|가로|세로|위로|아래로|도로|"
    r"[가-힣]*으로|진짜로|정말로|의외로|수시로|임의로|단독으로|대체로|별로|날로|통로|진로|경로|회로|미로|기로|종류별로|버스로|도보로|차로|추가로|최대로|최소로"
)
ROAD = re.compile(
    rf"(?<![가-힣])(?P<it>{AREA}(?!(?:{NOT_ROADS})\s?\d)[가-힣][가-힣0-9]{{0,11}}(?:대로|로|길)(?:\s?\d{{1,4}}(?:번?[가-힣]?길))?"
    rf"\s?(?:지하\s*)?\d{{1,5}}(?:-\d{{1,4}})?{COUNTED}(?:번지)?{FLAT})"
)
LOT = re.compile(
    rf"(?<![가-힣])(?P<it>(?:{PROVINCE}\s+)?(?:[가-힣]{{1,6}}(?:시|군|구)\s+){{1,3}}(?:[가-힣]{{1,6}}(?:읍|면)\s+)?"
    rf"[가-힣0-9]{{1,8}}(?:동|리|가)\s+(?:산\s*)?\d{{1,5}}(?:-\d{{1,4}})?(?:번지)?{COUNTED}{FLAT})"
)
UNIT = re.compile(
    r"(?<![가-힣0-9])(?P<it>(?:[가-힣A-Za-z0-9]{1,15}\s?(?:아파트|빌라|오피스텔|맨션|주공|자이|래미안|푸르지오|힐스테이트|아이파크)\s*)?"
    r"\d{1,4}동\s*\d{1,4}호)"
)
LIVES = re.compile(
    r"(?:주소|배송지|거주지|사는 곳|집)(?:는|은|가|이|지는)?\s*[:：]?\s*"
    rf"(?P<it>{PROVINCE}\s[가-힣0-9 -]{{2,40}}\d{{1,5}}(?:-\d+)?(?:번지|호|동|층)?)"
)
POSTCODE = re.compile(
    r"(?i)(?:우편 ?번호|zip(?: ?code)?|post(?:al)? ?code)[^\dA-Z\n]{0,10}"
    r"(?P<it>\d{5}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2})"
)
ENDING = (
    r"Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Way|Place|Pl|Terrace|Ter|Square|Sq|Parkway"
    r"|Pkwy|Crescent|Close|Row|Highway|Hwy|Circle|Cir|Trail"
)
APARTMENT = r"(?:,?\s*(?:Apt|Apartment|Suite|Ste|Unit|Flat|Room|#)\.?\s?#?\w{1,6})?"
TOWN = (
    r"(?:,\s*[A-Z][a-z.]+(?: [A-Z][a-z.]+){0,2})?(?:,\s*[A-Z]{2}\b)?"
    r"(?:,?\s+(?:\d{5}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2})\b)?"
)
STREET = re.compile(
    r"(?<![\w-])(?P<it>(?:(?:Flat|Apt|Unit) \w{1,5},? )?\d{1,6}[A-Za-z]?,?\s(?:[NSEW]\.? )?"
    rf"(?:(?:[A-Z][\w'.-]*|\d{{1,3}}(?:st|nd|rd|th))\s){{1,4}}(?:{ENDING})\b\.?{APARTMENT}{TOWN})"
)
LIVES_AT = re.compile(
    r"(?i:live|lives|living|address|ship it|moved?|deliver(?:ed)? it|send it|home|based|stay(?:ing)?)(?: \w+){0,2}?"
    r"(?: at| to| is|:)\s+(?P<it>(?:(?:Flat|Apt|Unit|Studio) \w{1,5},?\s)?(?:\d{1,6}[A-Za-z]?,?\s)?"
    rf"(?:[A-Z][\w'.-]*\s){{0,3}}[A-Z][\w'-]*{APARTMENT}{TOWN})"
)
GATE = re.compile(
    rf"(?<![가-힣])(?P<it>{PROVINCE}\s+(?:[가-힣]{{1,6}}(?:시|군|구)\s+){{1,3}}[가-힣0-9]{{1,10}}(?:거리|가)\s(?:지하\s?)?\d{{1,5}})"
)
BOX = re.compile(r"(?i)\bP\.?\s?O\.? Box \d{1,6}")
ROMAN = re.compile(
    r"(?<![\w-])(?P<it>(?:(?:#|Apt\.? |Unit )?\d{1,4}(?:-(?:dong|ho|\d{1,4}))?,?\s){0,3}\d{1,5}(?:-\d{1,4})?,?\s"
    r"[A-Z][a-z]+(?:[a-z-]*)\d*-?(?:ro|gil|daero)\b"
    r"(?:\s?\d{1,4}(?:beon)?-?gil)?(?:,?\s[A-Z][a-z]+-(?:gu|si|dong|do|gun|eup|myeon)){0,3}(?:,?\s(?:Seoul|Busan|Incheon|Daegu|Daejeon|Gwangju|Ulsan|Sejong))?)"
)

FINDERS: tuple[Finder, ...] = (
    match_finder("address", ROAD),
    match_finder("address", LOT),
    match_finder("address", UNIT),
    match_finder("address", LIVES),
    match_finder("address", POSTCODE),
    match_finder("address", ROMAN),
    match_finder("address", STREET),
    match_finder("address", LIVES_AT, lambda text: any(each.isdigit() for each in text)),
    match_finder("address", GATE),
    match_finder("address", BOX),
)

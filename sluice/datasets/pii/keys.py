"""Keys, tokens and passwords: told by their own form, or by the word that stands before them."""

import re

from sluice.datasets.pii.span import Finder, match_finder

PEM = re.compile(r"-----BEGIN [A-Z0-9 ]{1,40}-----.*?(?:-----END [A-Z0-9 ]{1,40}-----|\Z)", re.DOTALL)
FORMS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:AKIA|ASIA|AGPA|AIDA|AROA|AIPA|ANPA|ANVA|ABIA|ACCA)[A-Z0-9]{16}"  # AWS
    r"|hf_[A-Za-z0-9]{20,}|api_org_[A-Za-z0-9]{20,}"  # Hugging Face
    r"|sk-[A-Za-z0-9_-]{16,}"  # OpenAI, Anthropic and those that write keys alike
    r"|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|glpat-[\w-]{16,}"
    r"|xox[abeoprs]-[\w-]{10,}|xapp-[\w-]{10,}"  # Slack
    r"|[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"  # Stripe
    r"|AIza[\w-]{30,}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}"  # Google
    r"|npm_[A-Za-z0-9]{30,}|pypi-[\w-]{30,}|SG\.[\w-]{16,}\.[\w-]{16,}|key-[0-9a-f]{32}"
    r"|\d{8,10}:[A-Za-z0-9_-]{35}"  # Telegram
    r"|eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]+)?"  # JWT
    r")",
    re.ASCII,
)
SSH = re.compile(r"\b(?:ssh-(?:rsa|ed25519|dss)|ecdsa-sha2-\w+) [A-Za-z0-9+/=]{40,}")
BEARER = re.compile(r"(?i)\b(?:bearer|basic)\s+(?P<it>[A-Za-z0-9._~+/-]{12,}=*)")
HEX = re.compile(r"(?<![A-Za-z0-9])[0-9a-fA-F]{32,128}(?![A-Za-z0-9])")
BASE64 = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40,88}={0,2}(?![A-Za-z0-9/+=])")

WORD = (
    r"(?:(?:api|access|secret|private|client|auth|aws|service|app|rest)[ _-]?)*(?:key|token|secret|password|passwd)"
    r"|pass(?:word|wd|code|phrase)|pwd|pw|credentials?"
)
KOREAN_WORD = (
    r"비밀 ?번호|비번|암호|패스워드|인증 ?(?:키|번호|코드|토큰)|(?:API|접근|액세스|비밀|시크릿) ?(?:키|토큰)"
    r"|토큰|시크릿|핀 ?번호"
)
MARK = r"\s*(?:is now|is|was|to|[:=]|=>|：)\s*"
QUOTES = "[\"'`“”‘’]?"
VALUE = r"(?P<it>[\x21-\x7e]{4,200}?)(?=[\"'`,;\s”’]|[가-힣]|$)"
ASSIGNED = re.compile(rf"(?i)(?<![A-Za-z])(?:{WORD})[\"']?\s*[:=：]\s*{QUOTES}{VALUE}")
PASSWORD = re.compile(
    r"(?i)(?:\bpass(?:word|wd|code|phrase)|\bpwd|\bpw|\bsecret|비밀 ?번호|비번|암호|패스워드)"
    rf"[\"']?\s*[:=：]\s*{QUOTES}{VALUE}"
)
IN_PROSE = re.compile(
    rf"(?i)(?<![A-Za-z])(?:{WORD}){MARK}{QUOTES}(?P<it>[\x21-\x7e]{{4,200}}?)(?=[\"'`,;\s”’]|\.(?:\s|$)|$)"
)
KOREAN = re.compile(
    rf"(?i)(?:{KOREAN_WORD})(?:은|는|이|가|을|를)?\s*[:=：]?\s*{QUOTES}(?P<it>[\x21-\x7e]{{4,200}}?)"
    r"(?=[\"'`”’]|(?:입니다|이에요|예요|이야|야|이고|이라고|라고|인데|였|이었|으로|로|이며|,|\.(?:\s|$)|\s|$))"
)
BESIDE = re.compile(
    rf"(?i)(?<![A-Za-z])(?:{WORD})\s+{QUOTES}(?P<it>(?=[!-~]*\d)(?=[!-~]*[A-Za-z])[!-~]{{4,200}}?)(?=[\"'`,;\s”’]|\.(?:\s|$)|$)"
)
IN_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://(?P<it>[^\s/@:]{1,100}:[^\s/@]{1,200})@", re.IGNORECASE)
IN_QUERY = re.compile(
    r"(?i)[?&#](?:access_?token|id_?token|refresh_?token|token|api_?key|key|sig|signature|password|secret|auth|code"
    r"|x-amz-(?:signature|credential|security-token))=(?P<it>[^&\s#\"']{4,})"
)


def mixed(text: str) -> bool:
    """Whether a text is as no word is: upper and lower case letters, and digits."""
    return any(c.isupper() for c in text) and any(c.islower() for c in text) and any(c.isdigit() for c in text)


def unlike_a_word(text: str) -> bool:
    return any(not c.isalpha() for c in text.strip(".,!?"))


FINDERS: tuple[Finder, ...] = (
    match_finder("key", PEM),
    match_finder("key", SSH),
    match_finder("key", IN_URL),
    match_finder("key", IN_QUERY),
    match_finder("key", FORMS),
    match_finder("key", BEARER, unlike_a_word),
    match_finder("key", PASSWORD),
    match_finder("key", ASSIGNED, unlike_a_word),
    match_finder("key", IN_PROSE, unlike_a_word),
    match_finder("key", BESIDE, unlike_a_word),
    match_finder("key", KOREAN, unlike_a_word),
    match_finder("key", HEX, lambda text: any(c.isdigit() for c in text)),
    match_finder("key", BASE64, mixed),
)

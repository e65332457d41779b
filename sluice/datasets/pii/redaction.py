"""Real chats made fit to be read by others: what tells who was speaking gives way to placeholders.

The same value has the same placeholder within a chat, so that a follow-up still makes sense: 저는 [이름 1]입니다. It
goes by patterns and is not perfect, as benchmarks/redaction.py measures: a person reads the result before it is used.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sluice.datasets.pii import addresses, keys, names, numbers
from sluice.datasets.pii.span import BLANK, Span

ABOUT = {
    "name": "names",
    "phone": "phone numbers",
    "email": "e-mail addresses",
    "id": "resident, foreigner, licence and social security numbers",
    "passport": "passport numbers",
    "birth": "dates of birth",
    "card": "card numbers",
    "account": "bank accounts",
    "address": "postal addresses",
    "plate": "number plates",
    "machine": "IP and MAC addresses",
    "handle": "account names",
    "number": "long numbers",
    "key": "keys, tokens and passwords",
}
LABELS = {
    "name": ("이름", "NAME"),
    "phone": ("전화번호", "PHONE"),
    "email": ("이메일", "EMAIL"),
    "id": ("등록번호", "ID NUMBER"),
    "passport": ("여권번호", "PASSPORT"),
    "birth": ("생년월일", "DATE OF BIRTH"),
    "card": ("카드번호", "CARD"),
    "account": ("계좌번호", "ACCOUNT"),
    "address": ("주소", "ADDRESS"),
    "plate": ("차량번호", "NUMBER PLATE"),
    "machine": ("IP 주소", "IP ADDRESS"),
    "handle": ("아이디", "USER NAME"),
    "number": ("번호", "NUMBER"),
    "key": ("비밀 값", "SECRET"),
}
HANGUL = re.compile("[가-힣]")
HIDDEN = re.compile("[\u200b\u2060\ufeff\u00ad]")  # invisible: only there to keep words apart from patterns
# full-width and typographic characters as the patterns have them, each as one
AS_TYPED = str.maketrans(
    {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    | {0x3000: " ", 0xA0: " ", 0x2007: " ", 0x202F: " "}
    | {code: "-" for code in (0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2015, 0x2212)}
)
FINDERS = (*keys.FINDERS, *numbers.FINDERS, *addresses.FINDERS)


@dataclass(frozen=True)
class Redacted:
    texts: tuple[str, ...]
    replaced: Counter[str] = field(default_factory=Counter)  # kind -> different values

    @property
    def summary(self) -> str:
        """What was replaced, and how many of each kind: names 2, phone numbers 1."""
        return ", ".join(f"{ABOUT[kind]} {number}" for kind, number in self.replaced.items())


def redact(texts: Sequence[str], extra_names: Iterable[str] = ()) -> Redacted:
    """Returns the texts of one chat with placeholders; `extra_names` are taken for names too, such as the user's id."""
    written = [HIDDEN.sub("", unicodedata.normalize("NFC", text)) for text in texts]
    plain = [text.translate(AS_TYPED) for text in written]
    spans: list[list[Span]] = []
    for place, text in enumerate(plain):
        matches, plain[place] = blank_spans(text)
        spans.append(matches)
    people = frozenset(name for text in plain for name in names.find_names(text)) | frozenset(extra_names)
    if pattern := names.compile_mentions(people):
        for matches, text in zip(spans, plain, strict=True):
            matches += [Span(*match.span(), "name") for match in pattern.finditer(text)]
    placeholders = Placeholders(people, korean=any(HANGUL.search(text) for text in written))
    redacted = tuple(placeholders.replace(text, sorted(matches)) for text, matches in zip(written, spans, strict=True))
    return Redacted(redacted, placeholders.count_values())


def blank_spans(text: str) -> tuple[list[Span], str]:
    """Returns the personal spans of a text, and the text with these blanked out, as long as it was."""
    spans: list[Span] = []
    for find in FINDERS:
        fresh = list(find(text))
        for start, end, _ in fresh:
            text = text[:start] + BLANK * (end - start) + text[end:]
        spans += fresh
    return spans, text


class Placeholders:
    """The placeholders of a chat, [이름 1], numbered in the order in which their values first stand in it."""

    def __init__(self, people: frozenset[str], korean: bool) -> None:
        self._people = people
        self._language = 0 if korean else 1
        self._numbers: dict[str, dict[str, int]] = {}

    def replace(self, text: str, spans: Sequence[Span]) -> str:
        parts, end = [], 0
        for span in spans:
            if span.start >= end:
                parts += [text[end : span.start], self._of(span.kind, text[span.start : span.end])]
                end = span.end
        return "".join([*parts, text[end:]])

    def _of(self, kind: str, value: str) -> str:
        assigned = self._numbers.setdefault(kind, {})
        number = assigned.setdefault(self._same(kind, value), len(assigned) + 1)
        return f"[{LABELS[kind][self._language]} {number}]"

    def _same(self, kind: str, value: str) -> str:
        """Returns one form for all ways to write a value: 010-1234-5678 is 01012345678."""
        if kind == "name":
            return names.full_name(value, self._people)
        if kind in ("phone", "card", "account", "id", "number"):
            only = numbers.digits(value.translate(AS_TYPED))
            return f"0{only[2:].lstrip('0')}" if kind == "phone" and only.startswith("82") else only or value
        return " ".join(value.casefold().split())

    def count_values(self) -> Counter[str]:
        return Counter({kind: len(values) for kind, values in self._numbers.items()})

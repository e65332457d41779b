"""Texts made comparable: letters composed alike, width and case aside, blanks as one; and quoted in a reason."""

import re
import unicodedata
from typing import Any

EXCERPT = 160  # characters of an answer that a reason quotes
LINE = 4_000  # of an answer that are looked at to quote it
WIDE = re.compile("[\uff01-\uffdc\u3000]+")  # full-width Latin and half-width Hangul: the same letters, drawn otherwise


def composed(text: str) -> str:
    """NFC, full-width letters and digits as ordinary ones, runs of blanks as one."""
    narrowed = WIDE.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    return " ".join(normal(narrowed).split())


def normal(text: str) -> str:
    """The same letters, however they were composed."""
    return unicodedata.normalize("NFC", text)


def folded(text: str) -> str:
    return normal(composed(text).casefold())


def quoted(answer: str) -> str:
    line = composed(answer[:LINE])
    if not line:
        return "nothing"
    return repr(line if len(line) <= EXCERPT else line[:EXCERPT].rstrip() + " ...")


def as_list(argument: Any) -> list[Any]:
    return argument if isinstance(argument, list) else [argument]


def listed(texts: list[str] | tuple[str, ...], word: str) -> str:
    return f" {word} ".join(repr(text) for text in texts)


def number(value: float) -> str:
    """15000.0 as 15,000."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,g}"

"""Texts made comparable: letters composed alike, width and case aside, blanks as one; and quoted in a reason."""

import unicodedata

SHOWN = 160  # characters of an answer that a reason quotes


def composed(text: str) -> str:
    """NFC, full-width letters and digits as ordinary ones, runs of blanks as one."""
    widths = "".join(unicodedata.normalize("NFKC", each) if is_wide(each) else each for each in text)
    return " ".join(unicodedata.normalize("NFC", widths).split())


def is_wide(letter: str) -> bool:
    """Full-width Latin and half-width Hangul: the same letters, written wider or narrower."""
    return "\uff01" <= letter <= "\uffdc" or letter == "\u3000"


def folded(text: str) -> str:
    return unicodedata.normalize("NFC", composed(text).casefold())


def quoted(answer: str) -> str:
    line = composed(answer)
    if not line:
        return "nothing"
    return repr(line if len(line) <= SHOWN else line[:SHOWN].rstrip() + " ...")


def listed(texts: list[str] | tuple[str, ...], word: str) -> str:
    return f" {word} ".join(repr(text) for text in texts)

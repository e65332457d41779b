"""How many tokens a text is: counted by the model's own tokenizer, or bounded without it."""

import math
import unicodedata
from collections.abc import Callable
from pathlib import Path

Count = Callable[[str], int]

MOST_BYTES = 64_000_000  # a tokenizer.json that is larger is none
LONGEST = {True: 16, False: 6}  # characters of one token at most, ASCII or not; most have three or four


def counter(tokenizer: Path | None) -> Count | None:
    """Counts as this tokenizer.json does; None if it, or the library that reads it, is not here."""
    if tokenizer is None:
        return None
    try:
        if not 0 < tokenizer.stat().st_size <= MOST_BYTES:
            return None
        from tokenizers import Tokenizer  # takes longer than all other rules together, and few cases need it
    except (OSError, ValueError, ImportError):
        return None
    try:
        loaded = Tokenizer.from_file(str(tokenizer))
    except Exception:  # the library raises nothing narrower for a file that it cannot read
        return None
    return lambda text: len(loaded.encode(text, add_special_tokens=False).ids)


def least(text: str) -> int:
    """Surely no fewer: each word is a token or more, and no token is very long."""
    return sum(math.ceil(len(word) / LONGEST[word.isascii()]) for word in text.split())


def most(text: str) -> int:
    """Surely no more: a token is a byte or more, of the text as a tokenizer may first rewrite it."""
    forms = (text, unicodedata.normalize("NFKC", text), unicodedata.normalize("NFKD", text))
    return max(len(form.encode("utf-8", "replace")) for form in forms) + 1

"""Text from elsewhere, made fit to be shown: nothing hidden in it, nothing endless, and its language known."""

import math
import re
from typing import Any

from sluice import wording

# Letters that cannot be seen and change what is around them: controls, surrogates and non-characters, which XML and
# UTF-8 refuse; marks that turn the direction of writing; blanks without width; letters that are blanks.
HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# A joiner belongs between emoji and between letters of some scripts; anywhere else it hides in a word.
STRAY_JOINER = re.compile(
    r"(?<![^\x00-\u024f\uac00-\ud7a3])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\u024f\uac00-\ud7a3])"
)
# Accents upon accents climb over everything above them.
ACCENT = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
STACKED = re.compile(f"({ACCENT}{{4}}){ACCENT}+")
HANGUL = re.compile("[\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3]")
KANA = re.compile("[\u3041-\u30ff]")
HAN = re.compile("[\u4e00-\u9fff]")
LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
LOOKED_AT = 2000  # characters that tell the language of a text


def visible(text: Any) -> str:
    """The text with each hidden character named, as [U+202E]; lines end with one \\n."""
    text_shown = STACKED.sub(r"\1[...]", str(text).replace("\r\n", "\n"))
    return STRAY_JOINER.sub(named, HIDDEN.sub(named, text_shown))


def named(match: re.Match[str]) -> str:
    return f"[U+{ord(match.group()):04X}]"


def clipped(text: Any, most: int) -> tuple[str, int]:
    """At most so many characters of it, fit to be shown, and how many were left out."""
    whole = str(text)
    if len(whole) <= most:
        return visible(whole), 0
    return visible(whole[:most].rstrip()), len(whole) - most


def clipped_line(text: Any, most: int) -> str:
    """The text in one line, fit to be shown; what is beyond `most` characters becomes three dots."""
    line, cut_off = clipped(" ".join(str(text)[: most * 4].split()), most)
    return line + " ..." if cut_off or len(str(text)) > most * 4 else line


def language(text: str) -> str | None:
    """Which language's letters and line breaks a text wants; None where Latin letters do not tell."""
    start = text[:LOOKED_AT]
    hangul, kana, han = len(HANGUL.findall(start)), len(KANA.findall(start)), len(HAN.findall(start))
    # one syllable of Hangul says as much as two or three Latin letters
    if hangul and hangul * 3 >= len(LATIN.findall(start)) and hangul >= kana:
        return "ko"
    if kana:
        return "ja"
    return "zh" if han and not hangul else None


def number(value: Any) -> float | None:
    """A figure of the report, or None if there is none that can be drawn."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None


def count(value: Any) -> str:
    """1234567 -> 1,234,567."""
    figure = number(value)
    return "–" if figure is None else f"{figure:,.0f}"


def percent(share: Any) -> str:
    """A share of the report in percent, as the verdict words it; a dash where there is none."""
    figure = number(share)
    return "–" if figure is None else wording.percent(figure)


def points(share: Any) -> str:
    """A difference of two shares: +1.5, −3.0."""
    figure = number(share)
    return "–" if figure is None else signed(figure * 100)


def signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−").replace("+0.0", "0.0").replace("−0.0", "0.0")


def milliseconds(value: Any) -> str:
    figure = number(value)
    if figure is None:
        return "–"
    if figure >= 10_000:
        return f"{figure / 1000:,.1f} s"
    return f"{figure:,.0f} ms" if figure >= 10 else f"{figure:.1f} ms"


def seconds(value: Any) -> str:
    figure = number(value)
    if figure is None:
        return "–"
    if figure < 120:
        return f"{figure:.1f} s"
    return f"{figure / 60:.0f} min" if figure < 7200 else f"{figure / 3600:.1f} h"


def money(value: Any) -> str:
    """In US dollars; a cost of an answer is often a small part of a cent."""
    figure = number(value)
    return "–" if figure is None else f"${figure:,.2f}" if figure >= 1 or not figure else f"${figure:.2g}"

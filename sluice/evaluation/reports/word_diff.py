"""Two answers beside each other: which words differ."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

# A figure, a run of one script, a single Han letter or sign; blanks go with what stands before them. A Korean particle
# is not told from its noun, but from the figure before it: 15|일입니다.
WORD = re.compile(r"(?:\d+(?:[.,:]\d+)*|[가-힣]+|[A-Za-zÀ-ɏ'’]+|[ぁ-ヿ]+|\s+|.)\s*", re.DOTALL)
FEW = 200  # words up to which the comparison looks at every one of them, however common


@dataclass(frozen=True)
class Part:
    text: str
    differs: bool


def diff_words(before: str, after: str) -> tuple[list[Part], list[Part]]:
    """Both texts in parts; put together again they are the texts, composed alike (NFC)."""
    old, new = split_words(before), split_words(after)
    one, other = [word.strip() for word in old], [word.strip() for word in new]
    start = common_prefix(one, other)
    end = common_prefix(one[start:][::-1], other[start:][::-1])
    one, other = one[start : len(one) - end], other[start : len(other) - end]
    matcher = SequenceMatcher(None, one, other, autojunk=max(len(one), len(other)) > FEW)
    old_parts, new_parts = [Part("".join(old[:start]), False)], [Part("".join(new[:start]), False)]
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        old_parts.append(Part("".join(old[start + i1 : start + i2]), kind != "equal"))
        new_parts.append(Part("".join(new[start + j1 : start + j2]), kind != "equal"))
    old_parts.append(Part("".join(old[len(old) - end :]), False))
    new_parts.append(Part("".join(new[len(new) - end :]), False))
    return merge_parts(old_parts), merge_parts(new_parts)


def split_words(text: str) -> list[str]:
    return WORD.findall(unicodedata.normalize("NFC", text))


def common_prefix(one: Sequence[str], other: Sequence[str]) -> int:
    """How many words the two begin with alike."""
    for place, (old, new) in enumerate(zip(one, other, strict=False)):
        if old != new:
            return place
    return min(len(one), len(other))


def merge_parts(parts: Sequence[Part]) -> list[Part]:
    """Neighbours of one kind as one part, and the blanks at the end of a marked part left unmarked."""
    whole: list[Part] = []
    for part in parts:
        for text, differs in split_blanks(part):
            if whole and whole[-1].differs == differs:
                whole[-1] = Part(whole[-1].text + text, differs)
            elif text:
                whole.append(Part(text, differs))
    return whole


def split_blanks(part: Part) -> list[tuple[str, bool]]:
    text = part.text.rstrip()
    if not part.differs or len(text) == len(part.text):
        return [(part.text, part.differs and bool(text))]
    return [(text, bool(text)), (part.text[len(text) :], False)]

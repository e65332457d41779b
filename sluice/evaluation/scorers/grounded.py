"""Whether an answer adds anything to what it was given to answer from.

It checks what can be checked without a judge: numbers, addresses, codes, names and quotations of an answer must
stand in its passages, in the question or in the turns before. A fact that is turned around in other words it does not
see.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sluice.evaluation.scorers import particles
from sluice.evaluation.scorers.cites import MARKER
from sluice.evaluation.scorers.numerals import read_numbers
from sluice.evaluation.scorers.text import composed, folded, listed, number, quoted
from sluice.evaluation.scoring import Sample, Score, ScorerSpec, ScoringServices

AROUND = "()[]{}<>\"'“”「」『』,;.!?:"  # what stands around a word, and does not belong to it
ADDRESS = re.compile(r"https?://.+|[\w.+-]{1,64}@[\w.-]+\.[A-Za-z]{2,}")
CODE = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*")
LONGEST = 200  # a longer word is neither
NAME = re.compile(r"(?<![.!?:\n\"'“(\[])(?<!^)[ ]([A-Z][\w'’-]+(?: [A-Z][\w'’-]+)*)")
KOREAN_NAME = re.compile(r"([가-힣]{2,4}) ?(?:씨(?![앗름])|님)")
TITLES = frozenset(
    ("선생", "고객", "회원", "부모", "사장", "손님", "여러분", "팀장", "부장", "과장", "대표")
)  # not names
QUOTATION = re.compile(r"[\"“「『]([^\"”」』\n]{2,80})[\"”」』]")
COMMON = frozenset(("I", "I'm", "I’m", "I'll", "OK"))
MOST = 100  # of each kind that are looked at


def find_problems(argument: Any) -> Iterator[str]:
    if argument is True:
        return
    if not isinstance(argument, Mapping) or set(argument) != {"allow"}:
        yield f"must be true, or `allow` with texts that need no ground, but is {argument!r}."
    elif not isinstance(argument["allow"], list) or not all(isinstance(each, str) for each in argument["allow"]):
        yield "allow: must be a list of texts."


def score(sample: Sample, argument: Any, services: ScoringServices) -> Score:
    allowed = argument["allow"] if isinstance(argument, Mapping) else []
    texts = [*sample.passages, sample.question, *(text for turn in sample.earlier for text in turn), *allowed]
    ground = folded("\n".join(texts))
    added = [*figures(sample.answer, texts), *(each for each in claims(sample.answer) if folded(each) not in ground)]
    if not added:
        return Score("grounded", True, "states no figure, name or address that it was not given")
    unfounded = tuple(dict.fromkeys(added))[:5]
    return Score("grounded", False, f"nobody gave it {listed(unfounded, 'and')}: {quoted(sample.answer)}", len(added))


def figures(answer: str, texts: list[str]) -> Iterator[str]:
    """Numbers of the answer that are in none of the texts; [1] is a citation, not a number."""
    grounds = {value for text in texts for value in read_numbers(text)}
    plain = " ".join(word for word in MARKER.sub(" ", answer).split() if not special(word))
    for value in read_numbers(plain):
        if value not in grounds:
            yield number(value)


def claims(answer: str) -> Iterator[str]:
    """Addresses, codes, names and quotations."""
    text = composed(answer)
    yield from [code for word in text.split() if (code := special(word))][:MOST]
    yield from QUOTATION.findall(text)[:MOST]
    for name in NAME.findall(f" {text}")[:MOST]:
        if name not in COMMON:
            yield name.removesuffix("'s").removesuffix("’s")
    for name in KOREAN_NAME.findall(text)[:MOST]:
        if not name.endswith(tuple(TITLES)):
            yield particles.stem(name)


def special(word: str) -> str | None:
    """The address or code that a word is, without what stands around it and without a Korean particle after it."""
    bare = re.sub(r"[가-힣]{1,3}$", "", word[: LONGEST + 1].strip(AROUND)).strip(AROUND)
    if not bare or len(bare) > LONGEST:
        return None
    return bare if ADDRESS.fullmatch(bare) or CODE.fullmatch(bare) else None


SCORERS = {
    "grounded": ScorerSpec(
        "grounded",
        "Each number, address, code, name and quotation of the answer stands in its passages or earlier turns.",
        {
            "oneOf": [
                {"const": True},
                {
                    "type": "object",
                    "properties": {"allow": {"type": "array", "items": {"type": "string"}}},
                    "required": ["allow"],
                    "additionalProperties": False,
                },
            ]
        },
        find_problems,
        lambda argument: "nothing that it was not given",
        score,
        (True, {"allow": ["Aurora Works"]}),
    ),
}

"""Answers held against what they were given to answer from: the sources they name, and whether they add anything.

`grounded` checks what can be checked without a judge: numbers, addresses, codes, names and quotations of an answer must
stand in its passages, in the question or in the turns before. A fact that is turned around in other words it does not
see.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sluice.evaluation.scorers import particles
from sluice.evaluation.scorers.numerals import read_numbers
from sluice.evaluation.scorers.text import composed, folded, listed, quoted
from sluice.evaluation.scorers.text import number as shown
from sluice.evaluation.scoring import Sample, Score, ScorerSpec, ScoringServices

MARKER = re.compile(r"\[(\d{1,2})\]")
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


def problems_of_cites(argument: Any) -> Iterator[str]:
    found = argument if isinstance(argument, list) else [argument]
    if not found:
        yield "is empty."
    for each in found:
        if isinstance(each, bool) or not (
            (isinstance(each, int) and each > 0) or (isinstance(each, str) and each.strip())
        ):
            yield f"must be the name of a source, or a passage's number from 1, not {each!r}."


def cites(said: Sample, argument: Any, help: ScoringServices) -> Score:
    """A text: part of a source's name, as the RAG server told it; a number: the passage, as [1] in the answer."""
    wanted = argument if isinstance(argument, list) else [argument]
    marks = {int(mark) for mark in MARKER.findall(said.answer)}
    missing = [each for each in wanted if not (each in marks if isinstance(each, int) else names(said, each))]
    if not missing:
        return Score("cites", True, f"cites {told_sources(wanted)}")
    has = [f"[{mark}]" for mark in sorted(marks)] + list(said.sources)
    return Score("cites", False, f"looked for {told_sources(missing)}, the answer cites {', '.join(has) or 'nothing'}")


def names(said: Sample, source: str) -> bool:
    everywhere = (*said.sources, said.answer)
    return any(folded(source) in folded(each) for each in everywhere)


def told_sources(sources: list[Any]) -> str:
    return " and ".join(f"[{each}]" if isinstance(each, int) else repr(each) for each in sources)


def problems_of_grounded(argument: Any) -> Iterator[str]:
    if argument is True:
        return
    if not isinstance(argument, Mapping) or set(argument) != {"allow"}:
        yield f"must be true, or `allow` with texts that need no ground, but is {argument!r}."
    elif not isinstance(argument["allow"], list) or not all(isinstance(each, str) for each in argument["allow"]):
        yield "allow: must be a list of texts."


def grounded(said: Sample, argument: Any, help: ScoringServices) -> Score:
    allowed = argument["allow"] if isinstance(argument, Mapping) else []
    given = [*said.passages, said.question, *(text for turn in said.earlier for text in turn), *allowed]
    ground = folded("\n".join(given))
    added = [*figures(said.answer, given), *(each for each in claims(said.answer) if folded(each) not in ground)]
    if not added:
        return Score("grounded", True, "states no figure, name or address that it was not given")
    unfounded = tuple(dict.fromkeys(added))[:5]
    return Score("grounded", False, f"nobody gave it {listed(unfounded, 'and')}: {quoted(said.answer)}", len(added))


def figures(answer: str, given: list[str]) -> Iterator[str]:
    """Numbers of the answer that are in nothing that was given; [1] is a citation, not a number."""
    known = {value for text in given for value in read_numbers(text)}
    plain = " ".join(word for word in MARKER.sub(" ", answer).split() if not special(word))
    for value in read_numbers(plain):
        if value not in known:
            yield shown(value)


def claims(answer: str) -> Iterator[str]:
    """Addresses, codes, names and quotations."""
    text = composed(answer)
    yield from [found for word in text.split() if (found := special(word))][:MOST]
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


SOURCE = {"oneOf": [{"type": "string", "minLength": 1}, {"type": "integer", "minimum": 1}]}
KINDS = {
    "cites": ScorerSpec(
        "cites",
        "The answer names this source: part of its name, or a passage's number as [1].",
        {"oneOf": [*SOURCE["oneOf"], {"type": "array", "items": SOURCE, "minItems": 1}]},
        problems_of_cites,
        lambda argument: f"cites {told_sources(argument if isinstance(argument, list) else [argument])}",
        cites,
        ("handbook.ko.md", 1, ["handbook.en.md", 2]),
    ),
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
        problems_of_grounded,
        lambda argument: "nothing that it was not given",
        grounded,
        (True, {"allow": ["Aurora Works"]}),
    ),
}

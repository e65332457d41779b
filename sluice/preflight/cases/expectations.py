"""What a turn expects, read as the scorers compare: whether any answer can meet it, and whether any can fail it.

Case, width, line breaks and how a letter is composed make no difference there; curly quotes and invisible characters
do.
Only wordings are read here (contains, equals, matches, ...): of the other kinds it is taken that an answer can meet
and fail them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sluice.evaluation.scorers.contains import as_texts
from sluice.evaluation.scorers.text import composed, folded, normal
from sluice.preflight.cases import patterns, tokens
from sluice.preflight.cases.tokens import Count

Expect = Mapping[str, tuple[str, ...]]  # the wordings of a turn, by their short names

ALL = ("contains", "contains_all")
LONGEST_RUN = 200  # characters that a case's own pattern is tried on
CHARACTERS_A_TOKEN = 12  # more than any answer has on average
INVISIBLE = {
    "\u200b": "a zero-width space",
    "\ufeff": "a byte-order mark",
    "\u00ad": "a soft hyphen",
    "\u2060": "a word joiner",
}
TYPED = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2011": "-", "\u2212": "-"})


@dataclass(frozen=True)
class Problem:
    name: str  # the expectation at fault
    what: str  # what no answer can be
    certain: bool = True


SHORT = ("contains", "contains_all", "contains_any", "not_contains", "equals", "matches")
LONG = {"all": "contains", "any": "contains_any", "none": "not_contains"}  # contains: {all: ..., any: ...}


def wordings(expect: Mapping[str, Any]) -> Expect:
    """What a turn expects in words; a `contains` with parts under the names that the parts have by themselves."""
    by_scorer: dict[str, tuple[str, ...]] = {}
    for name, argument in expect.items():
        if name == "contains" and isinstance(argument, Mapping):
            # With particles ignored an answer may hold a text in more ways than are looked at here.
            exact = argument.get("particles") != "ignored"
            parts = {LONG[part]: as_texts(argument[part]) for part in LONG if part in argument} if exact else {}
        else:
            parts = {name: as_texts(argument)} if name in SHORT else {}
        for short, texts in parts.items():
            by_scorer[short] = (*by_scorer.get(short, ()), *texts)
    return by_scorer


def impossible(expect: Expect, max_tokens: int, count: Count | None) -> Iterator[Problem]:
    """Why no answer meets these expectations."""
    yield from _empty(expect)
    yield from _forbidden(expect)
    yield from _not_equal(expect)
    yield from _unmatchable(expect)
    yield from _too_long(expect, max_tokens, count)


def traps(expect: Expect) -> Iterator[Problem]:
    """What an answer could hold, but hardly will as it is written."""
    for name, texts in expect.items():
        if name == "matches":
            continue
        for text in texts:
            hidden = [word for character, word in INVISIBLE.items() if character in text]
            typed = text.translate(TYPED)
            if hidden:
                yield Problem(name, f"{text!r} holds {' and '.join(hidden)}, which no answer will hold")
            elif text.strip() and text != text.strip(" "):  # a block in YAML ends in a line break, and means none
                yield Problem(name, f"{text!r} is compared without the blanks at its ends, as any text is", False)
            elif typed != text and name != "not_contains":
                yield Problem(
                    name, f"{text!r} is not {typed!r} to the scorer: an answer in plain characters fails", False
                )


def unfailing(expect: Expect) -> str | None:
    """Which answers meet all of these expectations, if it is every one; "" stands for no expectation at all."""
    met = [_met_by(name, texts) for name, texts in expect.items()]
    if not all(met):
        return None
    return max((each for each in met if each), key=len, default="")


def vacuous(expect: Expect) -> Iterator[tuple[str, str]]:
    """The expectations that say nothing beside others that do: name, and which answers meet it."""
    if unfailing(expect) is None:
        met = ((name, _met_by(name, texts)) for name, texts in expect.items())
        yield from ((name, each) for name, each in met if each)


# --- no answer meets it --------------------------------------------------------------------------------------------


def _empty(expect: Expect) -> Iterator[Problem]:
    if "contains_any" in expect and not expect["contains_any"]:
        yield Problem("contains_any", "one of no texts at all")
    if any(not folded(text) for text in expect.get("not_contains", ())):
        yield Problem("not_contains", "an answer without an empty text in it, and every answer holds that")


def _forbidden(expect: Expect) -> Iterator[Problem]:
    """A text that must be there holds one that must not."""
    unwanted = [text for text in expect.get("not_contains", ()) if folded(text)]
    for name in (*ALL, "equals"):
        for required in expect.get(name, ()):
            for text in unwanted:
                if folded(text) in folded(required):
                    yield Problem(name, f"{required!r} and yet not {text!r}, which is a part of it")
    alternatives = expect.get("contains_any", ())
    if alternatives and all(any(folded(text) in folded(each) for text in unwanted) for each in alternatives):
        yield Problem(
            "contains_any", f"one of its texts and yet not {unwanted[0]!r}: each has what not_contains forbids"
        )


def _not_equal(expect: Expect) -> Iterator[Problem]:
    """What the one answer that equals allows does not hold."""
    for exactly in expect.get("equals", ())[:1]:
        for name in ALL:
            for text in expect.get(name, ()):
                if folded(text) not in folded(exactly):
                    yield Problem(name, f"{text!r} in an answer that must be exactly {exactly!r}")
        alternatives = expect.get("contains_any", ())
        if alternatives and not any(folded(text) in folded(exactly) for text in alternatives):
            yield Problem("contains_any", f"one of its texts in an answer that must be exactly {exactly!r}")
        for pattern in expect.get("matches", ()):
            if _surely_fails(pattern, exactly):
                yield Problem("matches", f"{pattern!r} matched by an answer that must be exactly {exactly!r}")


def _surely_fails(pattern: str, text: str) -> bool:
    """Only a pattern that cannot take long is tried, on a short text."""
    if len(text) > LONGEST_RUN or not patterns.quick(pattern):
        return False
    try:
        return not any(re.search(normal(pattern), each, re.IGNORECASE) for each in (composed(text), folded(text)))
    except (re.error, RecursionError, OverflowError):
        return False


def _unmatchable(expect: Expect) -> Iterator[Problem]:
    for pattern in expect.get("matches", ()):
        try:
            re.compile(normal(pattern))
        except (re.error, RecursionError, OverflowError) as error:
            yield Problem("matches", f"a match of {pattern!r}, which is no regular expression ({error})")
            continue
        if reason := patterns.never(pattern):
            yield Problem("matches", f"a match of {pattern!r}: it asks for {reason}")


def _too_long(expect: Expect, max_tokens: int, count: Count | None) -> Iterator[Problem]:
    """More than an answer is allowed to say."""
    for name in (*ALL, "equals"):
        for text in expect.get(name, ()):
            if tokens.most(text) > max_tokens:
                tokens_in = count(text) if count else tokens.least(text)
                if tokens_in > max_tokens:
                    yield Problem(
                        name, f"a text of some {tokens_in:,} tokens, and answers end after {max_tokens:,}", False
                    )
    for pattern in expect.get("matches", ()):
        width = patterns.shortest(pattern)
        if width > CHARACTERS_A_TOKEN * max_tokens:
            what = f"a match of {pattern!r}, at least {width:,} characters, and answers end after {max_tokens:,} tokens"
            yield Problem("matches", what, False)


# --- every answer meets it -----------------------------------------------------------------------------------------


def _met_by(name: str, texts: tuple[str, ...]) -> str:
    """ "every answer", "every answer that is not empty", or nothing."""
    if name == "matches":
        matched_answers = [patterns.always(pattern) for pattern in texts]
        return max(matched_answers, key=len, default="every answer") if all(matched_answers) else ""
    empty = [not folded(text) for text in texts]
    if name in ALL:
        return "every answer" if all(empty) else ""
    if name == "contains_any":
        return "every answer" if any(empty) else ""
    return "every answer" if name == "not_contains" and not texts else ""

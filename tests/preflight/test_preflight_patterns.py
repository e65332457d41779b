"""What is claimed of a regular expression without running it must be true of every answer that it could meet."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.evaluation import scorers
from sluice.evaluation.scoring import NOTHING, Sample
from sluice.preflight.cases import patterns


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"first\nsecond", patterns.LINE),
        (r"[\n\t]", patterns.LINE),
        (r"(a\n)+", patterns.LINE),
        (r"\n|\t", patterns.LINE),
        ("a  b", patterns.BLANKS),
        (r"\s{2,}x", patterns.BLANKS),
        (r"\s+ x", patterns.BLANKS),
        (r"^ x", patterns.EDGE),
        (r"x $", patterns.EDGE),
        (r"a^b", patterns.ANCHOR),
        (r"a$b", patterns.ANCHOR),
        (r"(^a){2}", patterns.ANCHOR),
        ("(?!)", patterns.NOTHING),
        ("(?<!)", patterns.NOTHING),
        ("a(?!)|(?!)b", patterns.NOTHING),
        (r"e\u0301", patterns.DECOMPOSED),
    ],
)
def test_what_no_answer_matches_is_told_with_the_reason(pattern, reason):
    assert patterns.never(pattern) == reason


@pytest.mark.parametrize(
    "pattern",
    [r"^[^\n]{10,100}$", r"a|b\n", r"(a\n)?b", r"^\s*x", r"\bx\b", r"x\s+y", r"(?x) a b", "(", r"(?=a)a", "", "\u212a",
     "연차\\s?15일", r"(?i)ok", r"[ \t]", r"\A\d+\Z", r"(?m)^x$", r"(?<=a)b", "e\u0301", "a|(?!)", "(?!b)a"],
)  # fmt: skip
def test_what_may_match_is_left_alone(pattern):
    assert patterns.never(pattern) is None


@pytest.mark.parametrize(
    "pattern", [".*", "^.*$", "(.*)", "a*", "(foo)?", r"[\s\S]*", "x|", r"^[^\n]*$", "(?s).*", "^", "$"]
)
def test_what_matches_every_answer_is_known(pattern):
    assert patterns.always(pattern) == "every answer"


@pytest.mark.parametrize("pattern", [".", ".+", "^.+$", r"\S", r"[^\n]+", "(.)"])
def test_what_only_an_empty_answer_fails_is_known(pattern):
    assert patterns.always(pattern) == "every answer that is not empty"


@pytest.mark.parametrize("pattern", [r"\w", "^$", "^.{0,500}$", ".{3,}", "a?b", r"\b", "(?=x)", r"^\S+$", "(", "15일"])
def test_what_an_answer_can_fail_is_not_claimed_to_match_all(pattern):
    assert patterns.always(pattern) == ""


ALPHABET = "ab1 \n\t가é.!"
PIECE = st.sampled_from(
    [
        *"ab1",
        " ",
        r"\s",
        r"\S",
        r"\n",
        r"\t",
        ".",
        "[^a]",
        r"[ \n]",
        r"[^\n]",
        r"\d",
        "^",
        "$",
        "(?=a)",
        "(?!b)",
        "(?!)",
        "가",
        r"\w",
    ]
)
PATTERN = st.recursive(
    PIECE,
    lambda inner: st.lists(inner, min_size=1, max_size=4).map("".join)
    | st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{0,2}"])).map(lambda pair: f"(?:{pair[0]}){pair[1]}")
    | st.tuples(inner, inner).map(lambda pair: f"({pair[0]}|{pair[1]})"),
    max_leaves=6,
)  # fmt: skip
ANSWERS = st.text(ALPHABET, max_size=6)


@settings(max_examples=500, deadline=None)
@given(PATTERN, st.lists(ANSWERS, min_size=5, max_size=12))
def test_what_is_claimed_holds_for_the_scorer(pattern, answers):
    try:
        re.compile(pattern)
    except re.error:
        return
    never, always = patterns.never(pattern), patterns.always(pattern)
    for answer in answers:
        passed = scorers.get_scorer("matches").score(Sample(answer), [pattern], NOTHING).passed
        assert not (never and passed)
        if always and (answer.split() or always == "every answer"):
            assert passed


@given(st.text(max_size=30))
def test_any_text_is_read_as_a_pattern_without_an_exception(text):
    patterns.never(text), patterns.always(text), patterns.quick(text)
    assert patterns.shortest(text) >= 0


def test_a_pattern_that_could_take_for_ever_is_not_tried():
    assert patterns.quick(r"^\d+ days$") and patterns.quick("연차.*15일")
    assert not patterns.quick(r"(a+)+$") and not patterns.quick(r".*.*.*x") and not patterns.quick(r"(a)\1")


@pytest.mark.parametrize(
    ("pattern", "width"), [("abc", 3), ("a*", 0), (r"^[^\n]{10,100}$", 10), ("a|bcd", 1), ("(", 0)]
)
def test_the_shortest_match_is_known(pattern, width):
    assert patterns.shortest(pattern) == width

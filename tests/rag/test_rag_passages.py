"""Documents are cut where a reader would cut them."""

import re

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from sluice.rag import passages as cutter
from sluice.rag.passages import LIMIT, cut, sentences


def texts(document: str, markdown: bool = True) -> list[str]:
    return [passage.text for passage in cut(document, markdown=markdown)[1]]


def test_headings_title_what_is_below_them_and_are_no_passages() -> None:
    title, passages = cut(
        "# 핸드북\n\n소개입니다.\n\n## 휴가 ##\n\n15일입니다.\n\n### 병가\n\n10일입니다.\n\n## 식대\n12,000원입니다."
    )
    assert title == "핸드북"
    assert [(passage.title, passage.text) for passage in passages] == [
        ("핸드북", "소개입니다."),
        ("핸드북 › 휴가", "15일입니다."),
        ("핸드북 › 휴가 › 병가", "10일입니다."),
        ("핸드북 › 식대", "12,000원입니다."),
    ]


def test_underlined_headings_and_front_matter_count() -> None:
    title, passages = cut('---\ntitle: "Rules"\n---\nTop\n===\n\nFirst.\n\nSub\n---\nSecond.')
    assert title == "Rules"
    assert [(passage.title, passage.text) for passage in passages] == [
        ("Rules › Top", "First."),
        ("Rules › Top › Sub", "Second."),
    ]


def test_a_given_title_wins() -> None:
    assert cut("# Inside\n\nText.", "Given")[1][0].title == "Given › Inside"


def test_lines_of_a_paragraph_are_joined() -> None:
    assert texts("one\ntwo\nthree.\n\nfour") == ["one two three.", "four"]


def test_a_list_stays_together_with_what_introduces_it() -> None:
    assert texts("Bring:\n\n- a card\n- a photo,\n  in color\n\n1. sign\n2. wait\n\nDone.") == [
        "Bring:\n- a card\n- a photo, in color\n1. sign\n2. wait",
        "Done.",
    ]


def test_a_long_list_repeats_its_introduction() -> None:
    parts = texts("You need:\n" + "\n".join(f"- thing number {number} of the long list" for number in range(30)))
    assert len(parts) > 1
    assert all(part.startswith("You need:\n- thing") and len(part) <= LIMIT for part in parts)


def test_a_long_table_repeats_its_head() -> None:
    rows = "\n".join(f"| row {number} with some text | {number} |" for number in range(40))
    parts = texts(f"| name | value |\n|---|---:|\n{rows}")
    assert len(parts) > 1
    assert all(part.startswith("name | value\nrow") and len(part) <= LIMIT for part in parts)


def test_code_keeps_its_lines_and_is_not_read_as_markdown() -> None:
    assert texts("Run:\n\n```sh\n# not a heading\nmake  demo\n\n- x\n```\n\nThen wait.") == [
        "Run:",
        "# not a heading\nmake  demo\n- x",
        "Then wait.",
    ]
    assert texts("    indented = 1\n    more = 2\n\ntext") == ["    indented = 1\n    more = 2", "text"]


def test_an_unclosed_fence_loses_nothing() -> None:
    assert texts("```\na = 1\n\nb = 2") == ["a = 1\nb = 2"]


def test_marks_inside_a_line_are_taken_away() -> None:
    assert texts("**Bold** and *slanted* [link](http://x/y) ![alt](z.png) 2 * 3 * 4 snake_case_name") == [
        "Bold and slanted link alt 2 * 3 * 4 snake_case_name"
    ]
    assert texts("> quoted\n> text\n\n---\n\n<!-- hidden -->\n") == ["quoted text"]


def test_marks_without_their_counterpart_stay() -> None:
    for text in ("a [b (c", "a ]( b", "![x](y", "**a b", "a** b", "__a b", "*a b", "a <!-- b", "a --> b", '[a](b "c)'):
        assert texts(text) == [text]
    assert texts("[a [b](c) d](e) **f **g** *h* i*") == ["a [b d](e) f **g h i*"]
    assert texts("**__both__** ***and*** <!-- a --> <!-- b") == ["both and <!-- b"]


@pytest.mark.parametrize(
    ("line", "title"),
    [("# a # #", "a #"), ("# a#", "a#"), ("#  #", "#"), ("#\ta\t##  ", "a"), ("   ## a", "a"), ("# # a", "# a")],
)
def test_a_heading_may_be_closed_by_marks_apart(line: str, title: str) -> None:
    assert [passage.title for passage in cut(f"{line}\n\nText.")[1]] == [title]


@pytest.mark.parametrize("line", ["#a", "####### a", "    # a"])
def test_what_only_looks_like_a_heading_is_text(line: str) -> None:
    assert texts(line)[0].strip() == line.strip()


@pytest.mark.parametrize(
    ("front", "title"),
    [
        ("title:  'a b' ", "a b"),
        ('title: a "b"', 'a "b'),
        ("title: a", "a"),
        ('title: ""', ""),
        ("title:  ", ""),
        ("a: b", ""),
    ],
)
def test_the_front_matter_s_title_stands_without_its_quotes(front: str, title: str) -> None:
    assert cut(f"---\n{front}\n---\nText.")[0] == title


def test_plain_text_has_no_markdown_and_one_fact_a_line() -> None:
    document = "# 첫째 사실입니다.\n둘째 사실입니다.\n이어지는\n문장입니다.\n\nA wrapped\nline."
    assert texts(document, markdown=False) == [
        "# 첫째 사실입니다.",
        "둘째 사실입니다.",
        "이어지는 문장입니다.",
        "A wrapped line.",
    ]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("첫째입니다. 둘째예요! 셋째인가요? 네", ["첫째입니다.", "둘째예요!", "셋째인가요?", "네"]),
        ("붙여 썼습니다.그리고 이어집니다.", ["붙여 썼습니다.", "그리고 이어집니다."]),
        ("3.5 kg is 3,500 g. Dr. Kim said, e.g. now. End", ["3.5 kg is 3,500 g.", "Dr. Kim said, e.g. now.", "End"]),
        ("Harin J. Kim leads. So", ["Harin J. Kim leads.", "So"]),
        ("이것은。저것은。", ["이것은。", "저것은。"]),
        ('She said "Go." Then left.', ['She said "Go."', "Then left."]),
        ("2. second item", ["2. second item"]),
        ("See Fig. 2. Then Mr. J. Kim", ["See Fig. 2.", "Then Mr. J. Kim"]),
        ("Ask Dr. ", ["Ask Dr."]),
    ],
)  # fmt: skip
def test_sentences_end_where_they_end(text: str, parts: list[str]) -> None:
    assert sentences(text) == parts


def test_a_long_paragraph_is_cut_at_the_ends_of_sentences() -> None:
    parts = texts("연차 휴가는 1년에 15일이며 회계 연도를 기준으로 합니다. " * 40)
    assert len(parts) > 3
    assert all(len(part) <= LIMIT and part.endswith("합니다.") for part in parts)


def test_a_sentence_without_end_is_cut_between_words_or_anywhere() -> None:
    assert all(len(part) <= LIMIT and not part.endswith("wor") for part in texts("word " * 300))
    assert [len(part) for part in texts("가" * 1000)] == [LIMIT, LIMIT, 200]


@given(st.text(alphabet=st.sampled_from("가나 .\n#-`|*>=:1a\t다요"), max_size=300), st.booleans())
@hypothesis(max_examples=200, deadline=None)
def test_nothing_but_marks_is_lost_and_nothing_is_too_long(document: str, markdown: bool) -> None:
    title, passages = cut(document, markdown=markdown)
    kept = " ".join([title, *(f"{passage.title} {passage.text}" for passage in passages)])
    assert all(0 < len(passage.text) <= LIMIT for passage in passages)
    if not markdown:
        assert "".join(kept.split()) == "".join(document.split())
    elif not set("#=-") & set(document):  # these make headings, and one with nothing under it is no passage
        assert all(letter in kept for letter in "가나다요" if letter in document)


MANY = 200_000  # characters; where each beginning looks for its end as far as the end of the text, this takes minutes
PAIRED = ("*", "**", "_")  # many of these close each other
OPEN = [
    "[", "![", "](", "[](", '[](a "', "](a ", "**a ", "__a ", "*a ", *PAIRED, "`", "#", "<", "<!--", "<!-- a ", "-->",
    "A. ", "Dr. ", "1. ", "!", "! ", ". ", "다.", "(", '"', "|", "| ", ">", "> ", "- ", "= ", "~", "a", " a", "\t", " ",
]  # fmt: skip
LINES = [
    "```", "~~~", "# a", "#", "| a | b |", "|---|", "- b", "\n\n- b", "  b", "- a\n  b", "---", "===", "a\n", "a\n===",
    "> a", "<!-- a -->", "title: a", "a  ", "You need:",
]  # fmt: skip


@pytest.mark.parametrize("mark", OPEN)
def test_marks_that_are_never_closed_are_cut_like_any_text(mark: str) -> None:
    """In a line of text, behind a heading's mark, in a row of a table."""
    many = mark * (MANY // len(mark))
    for text in (f"x{many}x", f"# {many}x\n\nx{many}", f"| {many} |"):
        assert all(len(part) <= LIMIT for part in texts(text))
    if mark not in PAIRED:
        assert "".join("".join(texts(f"x{many}x")).split()) == "".join(f"x{many}x".split())
    assert "".join("".join(texts(f"x{many}x", markdown=False)).split()) == "".join(f"x{many}x".split())


@pytest.mark.parametrize("line", LINES)
def test_many_lines_are_cut_like_a_few(line: str) -> None:
    many = f"{line}\n" * (MANY // 4 // (len(line) + 1))
    for text in (many, f"---\n{many}", f"# {'a' * MANY}\n{many}", f"- a\n{many}"):
        assert all(len(part) <= LIMIT for part in texts(text))


def test_no_pattern_goes_back_over_what_it_has_read() -> None:
    """Every repetition without a bound is possessive: how a pattern fails takes no longer than how it matches."""
    patterns = [value for value in vars(cutter).values() if isinstance(value, re.Pattern)]
    patterns += [pattern for pair in cutter._MARKS for pattern in pair]
    assert len(patterns) > 15
    for pattern in patterns:
        bare = re.sub(r"\[[^\]]*\]", "", re.sub(r"\\.", "", pattern.pattern))  # without escapes and classes
        assert not re.search(r"[*+]|\{\d+,\}", re.sub(r"\*\+|\+\+|\{\d+,\}\+", "", bare)), pattern.pattern

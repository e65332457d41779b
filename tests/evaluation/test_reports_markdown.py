"""The comment on a pull request, as GitHub and GitLab would read it: a Markdown parser stands for them."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from report_example import approved, case, chat, example, passing, report, score, turn
from report_hostile import HOSTILE, endless, hostile, large

from sluice.evaluation.reports import markdown

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
COMMENT = 65_536  # characters that GitHub takes


def flat(text: str) -> list[Token]:
    return [each for token in READER.parse(text) for each in (token, *(token.children or ()))]


def kinds(text: str) -> set[str]:
    return {token.type for token in flat(text)}


def outside_fences(text: str) -> str:
    """What is read as Markdown or HTML."""
    read = [token for token in flat(text) if token.type not in ("fence", "code_inline", "inline")]
    return "\n".join(unescape(token.content) if token.type == "html_block" else token.content for token in read)


def test_the_comment_is_golden(golden: Callable[[str, str], None]) -> None:
    golden("report.md", markdown.render_comment(example()))


def test_the_verdict_comes_first_and_what_failed_is_folded() -> None:
    text = markdown.render_comment(example())
    assert text.startswith("## Fail: qwen3-4b-chat version 7\n\n**Fail**: The critical case")
    order = [
        "| pass rate |",
        "Against the champion",
        "### Lost",
        "### Gained",
        "### Failed",
        "### Flaky",
        "### Figures",
    ]
    assert sorted(order, key=text.index) == order
    assert text.count("<details>") == text.count("</details>") == 8


def test_a_report_that_passed_is_short() -> None:
    text = markdown.render_comment(approved())
    assert "**Pass**: 48 of 48" in text and "### Failed" not in text and len(text) < 2000


@pytest.mark.parametrize("make", [hostile, large, endless])
def test_it_always_fits_into_a_comment(make: Callable[[], dict[str, object]]) -> None:
    assert len(markdown.render_comment(make())) < COMMENT


def test_what_does_not_fit_is_counted() -> None:
    assert re.search(
        r"\n\d+ more cases did not pass or changed sides: see report.html", markdown.render_comment(large(500, 400))
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_model_said_is_never_read_as_markdown(name: str) -> None:
    evil = HOSTILE[name]
    hostile_case = case(evil, chat(turn(evil, evil, score(evil, False, evil), expected=evil)), tags=(evil,))
    text = markdown.render_comment(
        report([hostile_case], verdict="fail", summary=evil, warnings=[evil], subject={"group": evil})
    )
    harmless = case("a", chat(turn("a", "a", score("a", False, "a"), expected="a")), tags=("a",))
    plain = markdown.render_comment(
        report([harmless], verdict="fail", summary="a", warnings=["a"], subject={"group": "a"})
    )
    assert kinds(text) - {"entity", "text_special", "softbreak", "html_inline"} <= kinds(plain) | {"text"}
    blocks = [token.content for token in flat(text) if token.type == "html_block"]
    assert len(blocks) == 4 and all(block.startswith(("<details><summary>", "</details>")) for block in blocks)
    tags = [tag for tag in re.findall(r"<[a-z]+", "".join(blocks)) if tag != "<span"]
    assert tags == ["<details", "<summary", "<b", "<details", "<summary"]
    inline = [token.content for token in flat(text) if token.type == "html_inline"]
    assert set(inline) <= {"<span>", "</span>"}


def test_nobody_is_called_and_nothing_is_linked() -> None:
    evil = "@octocat fixes #12, owner/name#3 GH-4 !5 &6 %7 ~bug https://a.invalid www.a.invalid a@b.example $x$ :tada:"
    hostile_case = case("c", chat(turn("q", "a", score("s", False, evil))))
    text = outside_fences(markdown.render_comment(report([hostile_case], verdict="fail", summary=evil)))
    assert not re.search(r"@\w|#\d|!\d|&\d|%\d|~\w|GH-|https?:|www\.|:tada:|\$x", text)
    visible_text = re.sub("[\u200b]|<[^>]+>", "", text)
    assert (
        "@octocat fixes #12, owner/name#3" in visible_text
        and "https://a.invalid" in visible_text
        and "$x$ :tada:" in visible_text
    )


def test_no_line_of_an_answer_begins_a_line_of_the_comment() -> None:
    """Bots read comments line by line, fences or not."""
    evil = "/approve\n/merge\n@dependabot merge\n```\n/lgtm\n~~~\n# heading"
    text = markdown.render_comment(report([case("c", chat(turn(evil, evil, score("s", False, evil), expected=evil)))]))
    assert not [line for line in text.splitlines() if line.startswith(("/", "@dep", "# heading", "~~~"))]
    assert [token.content.count("/lgtm") for token in flat(text) if token.type == "fence"] == [4, 0]


@settings(max_examples=100)
@given(st.text(alphabet=st.sampled_from("`~<>&[]()!*_|\\#-+.\n\r @$:a1/한\"'"), max_size=60))
def test_no_text_at_all_becomes_markdown(evil: str) -> None:
    hostile_case = case(evil, chat(turn(evil, evil, score(evil, False, evil), expected=evil)))
    tokens = flat(markdown.render_comment(report([hostile_case], verdict="fail", summary=evil)))
    assert not {token.type for token in tokens} & {
        "link_open",
        "image",
        "em_open",
        "code_inline",
        "s_open",
        "code_block",
        "hr",
    }
    assert sum(token.type == "fence" for token in tokens) == 2
    assert sum(token.type == "heading_open" for token in tokens) == 3


def test_a_fence_is_longer_than_any_within() -> None:
    text = markdown.render_comment(report([case("c", chat(turn("q", "````` five", score("s", False, "w"))))]))
    assert "\n``````diff\n" in text


def test_a_report_without_cases_is_told() -> None:
    text = markdown.render_comment(report([], verdict="error", summary="Could not be judged: the model server ended."))
    assert "## Error: a model" in text and "the model server ended" in text


def test_korean_is_left_as_it_is() -> None:
    assert (
        "  user: 제 이름이 뭐였죠?\n- 이전 대화에서 이름을 정우라고 말씀하셨습니다.\n+ 죄송하지만"
        in markdown.render_comment(example())
    )
    assert "user: 회사 노트북" not in markdown.render_comment(report(passing(5)))

"""The page as text: what it says, in which order, and what it can never become."""

import base64
import copy
import hashlib
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_example import approved, case, chat, comparison, example, passing, report, score, turn
from report_hostile import HOSTILE, endless, hostile, large

from sluice.cli import main
from sluice.evaluation.reports import reproduce
from sluice.evaluation.reports.html.markup import tag
from sluice.evaluation.reports.html.page import render_page
from sluice.evaluation.reports.report_view import ReportView

OURS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "link",
        "style",
        "body",
        "main",
        "header",
        "nav",
        "section",
        "article",
        "footer",
    ),
    *(
        "div",
        "h1",
        "h2",
        "h3",
        "h4",
        "p",
        "span",
        "a",
        "strong",
        "code",
        "pre",
        "time",
        "ins",
        "del",
        "details",
        "summary",
    ),
    *(
        "dl",
        "dt",
        "dd",
        "ul",
        "ol",
        "li",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "figure",
        "figcaption",
    ),
    *("svg", "desc", "line", "rect", "circle", "path", "text"),
}


def many() -> dict[str, Any]:
    """More failed cases than the page tells in full."""
    return large(600, 400)


class Read(HTMLParser):
    """What a page is made of: its elements, their attributes, and its text without the style sheet."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "link", "line", "rect", "circle", "path"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("line", "rect", "circle", "path"):
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def without_style(page: str) -> str:
    page = re.sub(r"<style>.*?</style>", "<style>...</style>", page, flags=re.DOTALL)
    return (
        re.sub(r"sha256-[^&]*", "sha256-...", page).replace("<section", "\n<section").replace("<article", "\n<article")
    )


def test_the_page_is_golden(golden: Callable[[str, str], None]) -> None:
    golden("report.html", without_style(render_page(example())))


def test_the_verdict_and_its_reasons_come_first() -> None:
    text = Read(render_page(example())).text
    assert text.strip().startswith("Fail: qwen3-4b-chat version 7")
    summary, reason = text.index("The critical case"), text.index("critical, lost, turn 3")
    chapters = re.findall(r'<h2 id="(\w+)-title">', render_page(example()))
    assert summary < reason < text.index("These passed in version 6")
    assert chapters == ["why", "champion", "failed", "flaky", "measures", "tags", "configuration", "reproduce", "all"]


@pytest.mark.parametrize("make", [example, approved, hostile, many, endless])
def test_every_element_is_ours_and_is_closed(make: Callable[[], dict[str, Any]]) -> None:
    read = Read(render_page(make()))
    assert set(read.tags) <= OURS and read.open == []
    assert {name for name, _ in read.attributes} & {
        "src",
        "style",
        "onload",
        "onerror",
        "onmouseover",
        "action",
    } == set()
    assert {value for name, value in read.attributes if name == "href" and not str(value).startswith("#")} <= {"data:,"}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_model_said_is_text_wherever_it_stands(name: str) -> None:
    evil = HOSTILE[name]

    def drawn(text: str) -> list[str]:
        hostile_turn = turn(text, text, score(text, False, text), expected=text, passages=[text], completion_tokens=5)
        read = Read(render_page(report([case(text, chat(hostile_turn), tags=(text,))])))
        return [tag for tag in read.tags if tag not in ("span", "code")]  # what is cut says where the rest is

    assert drawn(evil) == drawn("harmless")


@settings(max_examples=50)
@given(st.text(max_size=80))
def test_no_text_at_all_becomes_markup(text: str) -> None:
    content = case(text, chat(turn(text, text, score(text, False, text), expected=text)), tags=(text,))
    read = Read(
        render_page(report([content], summary=text, subject={"url": text}, environment={text: text}, warnings=[text]))
    )
    assert set(read.tags) <= OURS and read.open == []


def test_the_page_allows_itself_its_own_style_sheet_and_nothing_else() -> None:
    page = render_page(example())
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src &#x27;none&#x27;; style-src &#x27;sha256-{digest}&#x27;" in page
    assert "url(" not in style and "@import" not in style and "http" not in style


def test_differing_words_are_marked_on_both_sides() -> None:
    page = render_page(example())
    assert "You get <del>22</del> days of annual leave" in page
    assert "You get <ins>15</ins> days of annual leave" in page


def test_a_long_answer_is_cut_and_says_where_the_rest_is() -> None:
    page = render_page(endless())
    assert len(page) < 60_000
    assert "9,997,000 more characters" in page and "<code>cases[0].chats[0].turns[0].answer</code>" in page


def test_a_large_report_is_a_page_that_can_be_opened() -> None:
    page = render_page(large())
    assert len(page.encode()) < 3_000_000
    assert page.count("<article") <= 120 and page.count("<tr") > 5000
    assert "more are in the table of all cases and in report.json" in page


def test_each_link_within_the_page_has_an_end() -> None:
    for make in (example, hostile, many):
        read = Read(render_page(make()))
        ids = [value for name, value in read.attributes if name == "id"]
        assert len(ids) == len(set(ids))
        assert {str(value)[1:] for name, value in read.attributes if name == "href"} - {"ata:,"} <= set(ids)


def test_settings_that_differ_stand_beside_the_champions() -> None:
    page = render_page(example())
    row = page[page.index("<code>OPTION_MAX_MODEL_LEN</code>") :][:300]
    assert '<del><code dir="auto">8192</code></del>' in row and '<ins><code dir="auto">4096</code></ins>' in row
    added = page[page.index("<code>OPTION_QUANTIZE</code>") :][:200]
    assert "not set" in added and "fp8" in added
    assert "settings are the same" in page


def test_flaky_cases_stand_apart_from_failed_ones() -> None:
    page = render_page(example())
    failed, flaky = page.index('id="failed"'), page.index('id="flaky"')
    assert failed < flaky < page.index(">sick-leave-ko<", flaky)
    assert "2 of 3 chats passed; chat 2 is shown" in page


def test_a_critical_case_is_the_first_reason() -> None:
    page = render_page(example())
    assert page.index("name-after-two-turns-ko</span></a>") < page.index("changed-leave-en</span></a>")


def test_a_gate_that_passed_has_nothing_to_look_at() -> None:
    page = render_page(approved())
    assert '<body class="pass">' in page
    assert 'id="failed"' not in page and 'id="flaky"' not in page and "No case changed sides." in page


@pytest.mark.parametrize("verdict", ["pass", "fail", "inconclusive", "error", "something new", None])
def test_any_verdict_has_a_page(verdict: str | None) -> None:
    page = render_page(report(passing(2), verdict=verdict))
    assert re.search('<body class="(pass|fail|inconclusive|error)">', page)


def pieces(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a report."""
    paths = [path] if path else []
    if isinstance(content, dict):
        return paths + [each for key, value in content.items() for each in pieces(value, (*path, key))]
    if isinstance(content, list):
        return paths + [each for key, value in enumerate(content[:1]) for each in pieces(value, (*path, key))]
    return paths


def small() -> dict[str, Any]:
    wrong = case("wrong", chat(turn("q", "a", score("s", False, "w"), passages=["p"])), tags=("t",))
    whole = example() | {"cases": [wrong], "tags": {"t": {"pass_rate": 0.5, "latency_ms": {"p50": 1.0}}}}
    return whole | {"comparison": comparison(lost=["wrong"], answers={"wrong": ["b"]})}


@pytest.mark.parametrize("form", ["html", "markdown", "junit"])
def test_a_report_of_which_anything_is_missing_or_odd_is_told_all_the_same(form: str) -> None:
    from sluice.evaluation.reports.files import load_renderers

    write = load_renderers()[form]
    write({})
    whole = small()
    for path in pieces(whole):
        for odd in (None, "odd", 1e400, [None], {"a": None}):
            mended = copy.deepcopy(whole)
            holder = mended
            for key in path[:-1]:
                holder = holder[key]
            holder[path[-1]] = odd
            write(mended)


def test_the_commands_are_ones_that_sluice_knows() -> None:
    from sluice.cli.evaluation.replay import replay

    flags = {flag for option in replay.params for flag in option.opts}
    assert set(reproduce.FLAGS.values()) <= flags
    for step in reproduce.list_commands(ReportView(example())):
        name = step.command.split()[1] if step.command.startswith("sluice ") else None
        assert name is None or name in main.COMMANDS


def test_a_command_cannot_be_made_to_do_more() -> None:
    view = ReportView(report([], subject={"url": "http://x/'; rm -rf ~ #", "git_commit": "$(reboot)"}))
    commands = [step.command for step in reproduce.list_commands(view)]
    assert commands[0] == "git checkout '$(reboot)'"
    assert "sluice replay --url 'http://x/'\"'\"'; rm -rf ~ #'" in commands[1]


def test_no_cell_of_a_table_begins_with_what_a_model_said() -> None:
    """Pasted into a spreadsheet, it would be a formula there."""
    hostile_turn = turn("=1+1", "=HYPERLINK(1)", score("s", False, "looked for 'x', the answer says '=HYPERLINK(1)'"))
    content = report(
        [case("c", chat(hostile_turn))], verdict="fail", comparison=comparison(lost=["c"], answers={"c": ["+1"]})
    )
    cells = re.findall(r"<t[hd][^>]*>(?:<[^>]+>)*([^<]*)", render_page(content))
    assert len(cells) > 50 and not [cell for cell in cells if cell.startswith(("=", "+", "@"))]


def test_an_element_escapes_every_text_that_it_is_given() -> None:
    assert (
        tag("p", "<b>\x1b\ud800", tag("i", "&"), title='"<')
        == '<p title="&quot;&lt;">&lt;b&gt;[U+001B][U+D800]<i>&amp;</i></p>'
    )
    assert tag("p", f"{tag('b', 'joined by hand')}") == "<p>&lt;b&gt;joined by hand&lt;/b&gt;</p>"


def test_of_very_many_failed_cases_some_are_told_in_full_and_the_rest_are_counted() -> None:
    page = render_page(report([case(f"c{n}", chat(turn("q", "a", score("s", False, "w")))) for n in range(300)]))
    assert page.count("<article") == 120 and "180 more are in the table of all cases" in page


def test_a_report_that_tells_only_some_of_its_cases_says_so_and_draws_nothing() -> None:
    whole = report(passing(50))
    page = render_page(whole | {"cases": whole["cases"][:5]})
    assert "Not drawn: only some of the cases are told here." in page and "<svg" not in page.split('id="tags"')[0]
    assert "45 further cases counted above and not told here." in page

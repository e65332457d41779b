"""The page as a reader meets it: in a real browser, at a desk and on a telephone, light, dark and on paper.

`make browser` runs these; a plain run does not, as not every machine has a browser.
"""

import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Chromium, Page, chromium
from report_example import approved, example
from report_hostile import hostile, large

from sluice.evaluation.reports.html.page import render_page

pytestmark = pytest.mark.browser
REPORTS = {"failed": example, "passed": approved, "hostile": hostile, "large": large}
WIDTHS = (320, 390, 768, 1280)

CONTRAST = """
(() => {
  const parsed = text => text.match(/[\\d.]+/g).map(Number);
  const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => [r, g, b].map(v => linear(v / 255))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parsed(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
      if (colour[3] !== 0) throw new Error('half transparent: ' + at.outerHTML.slice(0, 99));
    }
    return [255, 255, 255];
  };
  const opened = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const inside = element.closest('svg');
    const ink = parsed(inside ? style.fill : style.color);
    const [a, b] = [light(ink), light(ground(inside ? inside.parentElement : element))].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < (large ? 3 : 4.5)) opened.set(element.className + ' ' + element.tagName, ratio.toFixed(2));
  }
  return Object.fromEntries(opened);
})()
"""
REACHABLE = """
[...document.querySelectorAll('a[href], summary, button, input, [tabindex="0"]')]
  .filter(each => each.checkVisibility({contentVisibilityAuto: true, visibilityProperty: true}))
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with chromium(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    files = {name: folder / f"{name}.html" for name in REPORTS}
    for name, report in REPORTS.items():
        files[name].write_text(render_page(report()), encoding="utf-8")
    return files


@pytest.fixture(params=REPORTS)
def page(request: pytest.FixtureRequest, browser: Chromium, written: dict[str, Path]) -> Iterator[Page]:
    """Each of the reports."""
    opened = browser.opens(written[request.param])
    yield opened
    opened.closes()


@pytest.fixture
def failed(browser: Chromium, written: dict[str, Path]) -> Iterator[Page]:
    """The ordinary one that did not pass."""
    opened = browser.opens(written["failed"])
    yield opened
    opened.closes()


def test_it_asks_for_nothing_and_complains_of_nothing(page: Page) -> None:
    (itself,) = page.requests()
    assert itself.startswith("file://")
    assert page.complaints() == []


def test_nothing_of_what_a_model_said_became_a_part_of_the_page(page: Page) -> None:
    assert page.says("window.broken === undefined")
    assert page.says("[...document.querySelectorAll('script, iframe, img, object, embed, form, base')].length") == 0
    assert page.says("document.querySelectorAll('style, link').length") == 2
    outside = "[...document.querySelectorAll('[href], [src], [style]')].map(each => each.outerHTML.slice(0, 80))"
    assert [each for each in page.says(outside) if 'href="#' not in each and 'href="data:,"' not in each] == []
    handlers = (
        "[...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => a.name.startsWith('on'))).length"
    )
    assert page.says(handlers) == 0


@pytest.mark.parametrize("width", WIDTHS)
def test_it_is_never_wider_than_the_window(page: Page, width: int) -> None:
    page.is_as_wide_as(width)
    assert page.says("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("media", ["screen", "print"])
def test_every_text_stands_out_from_its_ground(page: Page, scheme: str, media: str) -> None:
    page.is_seen(scheme, media)
    assert page.says(CONTRAST) == {}


def test_the_two_schemes_are_two(failed: Page) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        failed.is_seen(scheme)
        grounds.append(failed.says("getComputedStyle(document.body).backgroundColor"))
    assert len(set(grounds)) == 2


@pytest.mark.parametrize("width", [390, 1280])
def test_the_keyboard_reaches_everything_that_can_be_used_in_the_order_of_the_page(failed: Page, width: int) -> None:
    failed.is_as_wide_as(width)
    failed.says(f"window.all = {REACHABLE}; window.reached = []")
    for _ in range(failed.says("all.length")):
        failed.presses("Tab")
        failed.says("reached.push(document.activeElement)")
    assert failed.says("all.length") > 20
    assert failed.says("all.every((each, place) => reached[place] === each)")


def test_what_has_the_focus_is_seen_to_have_it(failed: Page) -> None:
    failed.presses("Tab")
    assert failed.says("document.activeElement.className") == "skip"
    assert failed.says("document.activeElement.getBoundingClientRect().left >= 0")
    for _ in range(3):
        failed.presses("Tab")
        assert failed.says("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_what_is_folded_opens_with_the_keyboard(failed: Page) -> None:
    failed.says("document.querySelector('.turn summary').focus()")
    assert not failed.says("document.querySelector('.turn details').open")
    failed.presses("Enter")
    assert failed.says("document.querySelector('.turn details').open")
    assert failed.says("document.querySelector('.passages').checkVisibility()")


def test_a_link_to_a_case_leads_to_it(page: Page) -> None:
    lost = (
        "[...document.querySelectorAll('a[href^=\"#\"]')].filter(a => !document.getElementById(a.hash.slice(1))).length"
    )
    assert page.says(lost) == 0
    page.says("document.querySelector('.reasons a, nav a').click()")
    assert page.says("document.querySelector(':target') !== null")


def test_headings_are_in_order_and_there_is_one_first(page: Page) -> None:
    levels = page.says("[...document.querySelectorAll('h1, h2, h3, h4, h5')].map(each => Number(each.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_it_makes_sense_to_who_listens(failed: Page) -> None:
    speech = failed.heard()
    roles = {node["role"]["value"] for node in speech}
    assert {"main", "navigation", "banner", "contentinfo", "heading", "table", "columnheader", "rowheader"} <= roles
    assert {"deletion", "insertion", "term", "definition"} <= roles
    for node in speech:
        if node["role"]["value"] in ("image", "link", "table", "region", "heading", "SvgRoot"):
            assert node["name"]["value"].strip(), node
    assert failed.says(
        "[...document.querySelectorAll('table')].every(t => t.caption && t.querySelector('th[scope=col]'))"
    )
    assert failed.says("document.documentElement.lang") == "en" and failed.says("document.title").startswith("Fail: ")


def test_each_text_is_in_its_own_language(failed: Page) -> None:
    korean = "/[가-힣]{4}/.test(e.textContent) && !/[A-Za-z]/.test(e.textContent)"
    texts = f"[...document.querySelectorAll('.text, .turn dd[dir]')].filter(e => {korean})"
    assert failed.says(f"{texts}.length") > 5
    assert failed.says(f"{texts}.every(each => each.lang === 'ko' || each.querySelector('[lang=ko]'))")
    assert failed.says("getComputedStyle(document.querySelector('.text:lang(ko)')).wordBreak") == "keep-all"


def test_korean_is_set_in_a_korean_font(failed: Page) -> None:
    listing = subprocess.run(["fc-list", ":lang=ko", "family"], capture_output=True, text=True, check=True).stdout
    korean = {name.strip() for line in listing.splitlines() for name in line.split(",")}
    assert korean, "This machine has no Korean font. On Debian: apt-get install fonts-noto-cjk"
    fonts = failed.fonts(".text:lang(ko)")
    assert fonts and set(fonts) <= korean


def test_paper_shows_what_the_screen_folds_away(page: Page) -> None:
    page.is_seen(media="print")
    folded = "[...document.querySelectorAll('details')].map(each => each.lastElementChild)"
    assert page.says(f"{folded}.every(each => each.checkVisibility({{contentVisibilityAuto: true}}))")
    assert page.says("document.querySelector('nav').checkVisibility()") is False
    assert page.says("document.querySelectorAll('main h2').length > 0")
    assert page.says(
        "[...document.querySelectorAll('main h2, article, svg.plot')].every(each => each.checkVisibility())"
    )


def test_it_prints(failed: Page) -> None:
    failed.is_seen("dark", "print")
    assert failed.printed().startswith(b"%PDF-")


def test_a_large_report_stays_small_to_read(browser: Chromium, written: dict[str, Path]) -> None:
    page = browser.opens(written["large"])
    assert page.says("document.querySelectorAll('#all tbody tr').length") == 5000
    assert page.says("document.querySelectorAll('article').length") <= 120
    assert page.says("document.querySelector('#all details').open") is False
    page.closes()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["failed", "passed", "hostile"])
def test_a_person_can_look(browser: Chromium, written: dict[str, Path], name: str, scheme: str, width: int) -> None:
    page = browser.opens(written[name])
    page.is_as_wide_as(width)
    page.is_seen(scheme)
    page.shows(f"{name}-{scheme}-{width}")
    assert page.says("document.querySelector('.verdict').getBoundingClientRect().bottom < 600")
    page.closes()

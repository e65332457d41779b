"""Every rule is a page that anybody can read, and the page's example is what the rule really finds."""

import re

import checking
import pytest

from sluice.preflight import rule_pages

RULES = list(rule_pages.load_rules().values())
WITH_EXAMPLE = [rule for rule in RULES if rule.bad]


@pytest.mark.parametrize("rule", WITH_EXAMPLE, ids=lambda rule: rule.code)
def test_a_rule_finds_what_its_page_says_it_finds_and_not_what_is_mended(rule, tmp_path):
    _, findings = checking.of_example(tmp_path, rule.bad)
    assert rule.code in checking.codes(findings)
    _, mended = checking.of_example(tmp_path, rule.good)
    assert rule.code not in checking.codes(mended)
    assert checking.codes(mended, "error") == set()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_page_says_what_happens_and_who_says_so(rule):
    assert re.fullmatch(r"[A-Z]{3}[0-9]{3}", rule.code)
    assert rule.title and len(rule.page.split()) >= 10
    assert rule.source.startswith("https://") or (checking.ROOT / rule.source).exists()
    assert bool(rule.bad) == bool(rule.good)


def test_no_two_rules_have_the_same_code():
    every = [rule.code for room in rule_pages.ROOMS for rule in rule_pages.rules_of_room(room)]
    assert sorted(set(every)) == sorted(every)


def test_the_document_is_what_the_rules_say():
    assert rule_pages.DOCUMENT.read_text(encoding="utf-8") == rule_pages.render_document(), (
        "run `python -m sluice.preflight.rule_pages`"
    )


def test_a_page_is_shown_by_its_code():
    result = checking.run("--explain", RULES[0].code.lower())
    assert RULES[0].title in result.output


def test_a_code_that_is_not_there_is_told_with_the_nearest():
    result = checking.run("--explain", "LMI14")
    assert "Did you mean LMI014?" in result.exception.hint

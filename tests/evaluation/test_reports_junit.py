"""JUnit XML as Jenkins' schema allows it and as GitLab reads it."""

import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from report_example import approved, case, chat, example, report, score, turn
from report_hostile import HOSTILE, endless, hostile, large

from sluice.evaluation.reports import junit

# junit-10.xsd of Jenkins' xunit plugin, as far as it goes here: attributes (those with ! must be there) and children.
ALLOWED = {
    "testsuites": ("name time tests failures errors", "testsuite"),
    "testsuite": (
        "name! tests! failures! errors! time skipped timestamp hostname id",
        "properties testcase system-out",
    ),
    "properties": ("", "property"),
    "property": ("name! value!", ""),
    "testcase": ("name! time classname group", "skipped error failure system-out system-err"),
    "failure": ("type message", ""),
    "error": ("type message", ""),
    "system-out": ("", ""),
}
SECONDS = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")


def read(content: dict[str, Any]) -> ElementTree.Element:
    return ElementTree.fromstring(junit.render_document(content).encode())


def check(element: ElementTree.Element) -> None:
    attributes, children = (set(each.split()) for each in ALLOWED[element.tag])
    assert {name.rstrip("!") for name in attributes if name.endswith("!")} <= set(element.attrib)
    assert set(element.attrib) <= {name.rstrip("!") for name in attributes}
    assert {child.tag for child in element} <= children
    if "time" in element.attrib:
        assert SECONDS.fullmatch(element.attrib["time"])
    for child in element:
        check(child)


def gitlab(root: ElementTree.Element) -> dict[tuple[str, str], tuple[str, str, str | None]]:
    """(classname, name) -> (status, what is shown, attachment): the first of a pair counts, as there."""
    results: dict[tuple[str, str], tuple[str, str, str | None]] = {}
    for test in root.iter("testcase"):
        status, output = "success", ""
        for kind, name in (("failure", "failed"), ("error", "error"), ("skipped", "skipped")):
            if (outcome := test.find(kind)) is not None:
                status, output = name, outcome.text or ""
                break
        out = test.findtext("system-out") or ""
        attached = re.search(r"\[\[ATTACHMENT\|(?P<path>[^\[\]\|]+?)\]\]", out)
        results.setdefault(
            (test.get("classname", ""), test.get("name", "")), (status, output, attached and attached["path"])
        )
    return results


def test_the_document_is_golden(golden: Callable[[str, str], None]) -> None:
    golden("junit.xml", junit.render_document(example()))


@pytest.mark.parametrize("make", [example, approved, hostile, large, endless, lambda: {}])
def test_it_is_what_jenkins_takes(make: Callable[[], dict[str, Any]]) -> None:
    root = read(make())
    check(root)
    for suite in root:
        tests = suite.findall("testcase")
        assert int(suite.attrib["tests"]) == len(tests)
        assert int(suite.attrib["failures"]) == sum(test.find("failure") is not None for test in tests)
        assert int(suite.attrib["errors"]) == sum(test.find("error") is not None for test in tests)
    for name in ("tests", "failures", "errors"):
        assert int(root.attrib[name]) == sum(int(suite.attrib[name]) for suite in root)


@pytest.mark.parametrize("make", [example, hostile, large])
def test_it_is_small_enough_for_gitlab_and_every_case_is_its_own_test(make: Callable[[], dict[str, Any]]) -> None:
    content = make()
    assert len(junit.render_document(content).encode()) < 30_000_000
    assert len(gitlab(read(content))) == len(content["cases"]) + len(content["decided"] or [None])


def test_a_failed_case_says_why_and_shows_its_chat() -> None:
    status, output, _ = gitlab(read(example()))["follow-up", "name-after-two-turns-ko"]
    assert status == "failed"
    assert output.startswith("turn 3: looked for '정우'")
    assert (
        "  user      제 이름이 뭐였죠?\n  model     죄송하지만" in output
        and "  expected  contains '정우'; in Korean" in output
    )


def test_a_case_without_an_answer_is_an_error_and_one_that_passed_is_none() -> None:
    results = gitlab(read(example()))
    assert results["passages", "parental-leave-en"][0] == "error"
    assert results["facts", "payday-1"] == ("success", "", None)


def test_a_case_without_tags_has_a_place_too() -> None:
    assert ("cases", "untagged") in gitlab(read(report([case("untagged", chat(turn("q", "a")))])))


def test_a_flaky_case_says_so_in_a_property_and_shows_each_repeat() -> None:
    root = read(example())
    properties = {each.get("name"): each.get("value") for each in root.iter("property")}
    assert properties["flaky: sick-leave-ko"] == "2 of 3 chats passed"
    (out,) = (test.findtext("system-out") for test in root.iter("testcase") if test.get("name") == "sick-leave-ko")
    assert out and out.splitlines()[2] == "chat 2 failed: 병가는 최대 열흘입니다."


def test_time_is_that_of_all_answers_of_a_case() -> None:
    content = case("c", chat(turn("q", "a", ms=1500.0)), chat(turn("q", "a", ms=250.0), repeat=1))
    assert read(report([content])).find(".//testcase[@name='c']").get("time") == "1.750"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("verdict", "status"), [("pass", "success"), ("fail", "failed"), ("inconclusive", "failed"), ("error", "error")]
)
def test_a_gate_that_is_not_open_is_red_even_if_every_case_passed(verdict: str, status: str) -> None:
    content = report([case("c", chat(turn("q", "a")))], verdict=verdict, summary="Latency p95: too slow.", decided=[])
    assert gitlab(read(content))["gate", "verdict"][0] == status


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_model_said_is_text(name: str) -> None:
    evil = HOSTILE[name]
    content = case(evil, chat(turn(evil, evil, score("s", False, evil))), chat(turn("q", evil), repeat=1), tags=(evil,))
    root = read(report([content], summary=evil))
    check(root)
    assert [attachment for _, _, attachment in gitlab(root).values()] == [None, None]


def test_an_endless_answer_is_cut() -> None:
    document = junit.render_document(endless())
    assert len(document) < 10_000 and "9,996,000 more characters in report.json" in document

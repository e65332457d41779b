"""The report as JUnit XML, in the part of it that Jenkins' schema (junit-10.xsd) and GitLab's reader have in common.

Two suites: a test per criterion of the gate, so that a closed gate is red however many cases passed; a test per case.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree import ElementTree

from sluice.evaluation.reports.plain_text import clipped, clipped_line, number, visible
from sluice.evaluation.reports.report_view import (
    CaseView,
    Json,
    ReportView,
    failed_scores,
    list_at,
    mappings_at,
    text_at,
)

EXCERPT = 4_000  # characters of an answer
ROOM = 20_000_000  # of all transcripts together: GitLab reads no file above 30 MB
NAME = 200
Element = ElementTree.Element


def render_document(report: Mapping[str, Any]) -> str:
    """report.json's content as a JUnit document."""
    view = ReportView(report)
    suites = [gate(view), cases(view)]
    root = ElementTree.Element("testsuites", name="sluice", time=duration(view.report.get("seconds")))
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    root.extend(suites)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def gate(view: ReportView) -> Element:
    decided = view.decided or [
        {"what": "verdict", "of": "all", "verdict": view.verdict, "why": text_at(view.report, "summary")}
    ]
    return suite(
        "gate",
        view,
        [criterion(each) for each in decided],
        {"verdict": view.verdict, "summary": text_at(view.report, "summary")},
    )


def cases(view: ReportView) -> Element:
    room = ROOM
    tests: list[Element] = []
    for case in view.cases:
        test = test_of(case, room)
        room -= sum(len(part.text or "") for part in test)
        tests.append(test)
    left_out = {"cases left out": f"{view.left_out} of {view.left_out + len(view.cases)}"} if view.left_out else {}
    flaky = {f"flaky: {case.id}": f"{case.passed_chats} of {len(case.chats)} chats passed" for case in view.flaky}
    return suite("cases", view, tests, left_out | flaky)


def suite(name: str, view: ReportView, tests: list[Element], properties: Mapping[str, str]) -> Element:
    element = ElementTree.Element("testsuite", name=name, tests=str(len(tests)))
    element.set("failures", str(sum(test.find("failure") is not None for test in tests)))
    element.set("errors", str(sum(test.find("error") is not None for test in tests)))
    element.set("skipped", "0")
    if name == "cases":
        element.set("time", duration(view.report.get("seconds")))
    if timestamp := re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", text_at(view.report, "started")):
        element.set("timestamp", timestamp.group())
    if properties:
        listed = ElementTree.SubElement(element, "properties")
        for key, value in properties.items():
            ElementTree.SubElement(listed, "property", name=clipped_line(key, NAME), value=clipped_line(value, 600))
    element.extend(tests)
    return element


def criterion(entry: Json) -> Element:
    of = text_at(entry, "of")
    name = text_at(entry, "what") + (f", {of}" if of and of != "all" else "")
    element = ElementTree.Element("testcase", classname="gate", name=clipped_line(name, NAME) or "verdict", time="0")
    verdict = text_at(entry, "verdict")
    if verdict == "pass":
        return element
    why = clipped_line(text_at(entry, "why"), 600)
    kind = "error" if verdict == "error" else "failure"
    failure = ElementTree.SubElement(element, kind, message=why, type=clipped_line(verdict, 20))
    threshold = clipped_line(text_at(entry, "wanted"), NAME)
    failure.text = plain(f"{verdict}: {why}" + (f"\nwanted: {threshold}" if threshold else ""))
    return element


def test_of(case: CaseView, room: int) -> Element:
    place = clipped_line(case.tags[0], NAME) if case.tags else "cases"
    name = clipped_line(case.id, NAME)
    element = ElementTree.Element("testcase", classname=place, name=name, time=duration(took(case)))
    if not case.passed:
        kind = "error" if case.error else "failure"
        why = f"{case.wrong.where}: {case.wrong.why}"
        failure = ElementTree.SubElement(
            element, kind, message=clipped_line(why, 600), type="flaky" if case.flaky else kind
        )
        # readers that do not show the message show the text
        text = "\n".join([why, "", *transcript(case)]) if room > 0 else f"{why}\n\nThe transcript is in report.json."
        failure.text = plain(text)
    if case.flaky:
        out = ElementTree.SubElement(element, "system-out")
        out.text = plain("\n".join(repeats(case)))
    return element


def took(case: CaseView) -> float:
    times = (number(turn.get("latency_ms")) for turn in case.all_turns())
    return sum(ms for ms in times if ms is not None and ms > 0) / 1000


def duration(value: Any) -> str:
    """Seconds as the schema takes them, without an exponent; 0 for what is no time."""
    seconds = number(value)
    return f"{seconds:.3f}" if seconds is not None and seconds > 0 else "0"


def transcript(case: CaseView) -> Iterable[str]:
    for place, turn in enumerate(case.turns, 1):
        yield f"turn {place}"
        for passage in list_at(turn, "passages"):
            yield quote_line("passage", passage)
        yield quote_line("user", text_at(turn, "user"))
        yield quote_line("model", text_at(turn, "answer"))
        if turn.get("passed") is not True:
            yield quote_line("expected", text_at(turn, "expected"))
            if error := text_at(turn, "error"):
                yield quote_line("error", error)
            yield from (quote_line("why", text_at(each, "why")) for each in failed_scores(turn))
    if mappings_at(case.chat, "scores"):
        yield "the whole chat"
        yield quote_line("expected", text_at(case.entry, "expected"))
        yield from (quote_line("why", text_at(each, "why")) for each in failed_scores(case.chat))


def quote_line(name: str, text: Any) -> str:
    excerpt, cut_off = clipped(text, EXCERPT)
    return f"  {name:<9} {excerpt}" + (f" ... {cut_off:,} more characters in report.json" if cut_off else "")


def repeats(case: CaseView) -> Iterable[str]:
    yield f"flaky: {case.passed_chats} of {len(case.chats)} chats passed"
    for place, chat in enumerate(case.chats, 1):
        answers = [
            clipped_line(text_at(turn, "answer") or text_at(turn, "error"), 300) for turn in mappings_at(chat, "turns")
        ]
        yield f"chat {place} {'passed' if chat.get('passed') is True else 'failed'}: {' | '.join(answers)}"


def plain(text: str) -> str:
    """Text that XML can hold, and in which a reader finds no attachment of a model's choice."""
    return re.sub(r"\[\[(?=\s*ATTACHMENT)", "[ [", visible(text), flags=re.IGNORECASE)

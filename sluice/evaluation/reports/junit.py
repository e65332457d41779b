"""The report as JUnit XML, in the part of it that Jenkins' schema (junit-10.xsd) and GitLab's reader have in common.

Two suites: a test per criterion of the gate, so that a closed gate is red however many cases passed; a test per case.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree import ElementTree

from sluice.evaluation.reports.plain_text import clipped, number, one_line, visible
from sluice.evaluation.reports.report_view import Case, Json, ReportView, listed, sections, words

SAID = 4_000  # characters of an answer
ROOM = 20_000_000  # of all transcripts together: GitLab reads no file above 30 MB
NAME = 200
Element = ElementTree.Element


def document(report: Mapping[str, Any]) -> str:
    """report.json's content as a JUnit document."""
    told = ReportView(report)
    suites = [gate(told), cases(told)]
    root = ElementTree.Element("testsuites", name="sluice", time=duration(told.told.get("seconds")))
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    root.extend(suites)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def gate(told: ReportView) -> Element:
    decided = told.decided or [
        {"what": "verdict", "of": "all", "verdict": told.verdict, "why": words(told.told, "summary")}
    ]
    return suite(
        "gate",
        told,
        [criterion(each) for each in decided],
        {"verdict": told.verdict, "summary": words(told.told, "summary")},
    )


def cases(told: ReportView) -> Element:
    room = ROOM
    tests: list[Element] = []
    for case in told.cases:
        made = test_of(case, room)
        room -= sum(len(part.text or "") for part in made)
        tests.append(made)
    left = {"cases left out": f"{told.left_out} of {told.left_out + len(told.cases)}"} if told.left_out else {}
    held = {f"flaky: {case.id}": f"{case.held} of {len(case.chats)} chats passed" for case in told.flaky}
    return suite("cases", told, tests, left | held)


def suite(name: str, told: ReportView, tests: list[Element], properties: Mapping[str, str]) -> Element:
    made = ElementTree.Element("testsuite", name=name, tests=str(len(tests)))
    made.set("failures", str(sum(test.find("failure") is not None for test in tests)))
    made.set("errors", str(sum(test.find("error") is not None for test in tests)))
    made.set("skipped", "0")
    if name == "cases":
        made.set("time", duration(told.told.get("seconds")))
    if found := re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", words(told.told, "started")):
        made.set("timestamp", found.group())
    if properties:
        listed = ElementTree.SubElement(made, "properties")
        for key, value in properties.items():
            ElementTree.SubElement(listed, "property", name=one_line(key, NAME), value=one_line(value, 600))
    made.extend(tests)
    return made


def criterion(told: Json) -> Element:
    of = words(told, "of")
    name = words(told, "what") + (f", {of}" if of and of != "all" else "")
    made = ElementTree.Element("testcase", classname="gate", name=one_line(name, NAME) or "verdict", time="0")
    verdict = words(told, "verdict")
    if verdict == "pass":
        return made
    why = one_line(words(told, "why"), 600)
    kind = "error" if verdict == "error" else "failure"
    found = ElementTree.SubElement(made, kind, message=why, type=one_line(verdict, 20))
    wanted = one_line(words(told, "wanted"), NAME)
    found.text = plain(f"{verdict}: {why}" + (f"\nwanted: {wanted}" if wanted else ""))
    return made


def test_of(case: Case, room: int) -> Element:
    place = one_line(case.tags[0], NAME) if case.tags else "cases"
    made = ElementTree.Element("testcase", classname=place, name=one_line(case.id, NAME), time=duration(took(case)))
    if not case.passed:
        kind = "error" if case.error else "failure"
        why = f"{case.wrong.where}: {case.wrong.why}"
        found = ElementTree.SubElement(made, kind, message=one_line(why, 600), type="flaky" if case.flaky else kind)
        # readers that do not show the message show the text
        text = "\n".join([why, "", *transcript(case)]) if room > 0 else f"{why}\n\nThe transcript is in report.json."
        found.text = plain(text)
    if case.flaky:
        out = ElementTree.SubElement(made, "system-out")
        out.text = plain("\n".join(repeats(case)))
    return made


def took(case: Case) -> float:
    times = (number(turn.get("latency_ms")) for turn in case.all_turns())
    return sum(ms for ms in times if ms is not None and ms > 0) / 1000


def duration(value: Any) -> str:
    """Seconds, as the schema takes them: no exponent."""
    found = number(value)
    return f"{found:.3f}" if found is not None and found > 0 else "0"


def transcript(case: Case) -> Iterable[str]:
    for place, turn in enumerate(case.turns, 1):
        yield f"turn {place}"
        for passage in listed(turn, "passages"):
            yield said("passage", passage)
        yield said("user", words(turn, "user"))
        yield said("model", words(turn, "answer"))
        if turn.get("passed") is not True:
            yield said("expected", words(turn, "expected"))
            if error := words(turn, "error"):
                yield said("error", error)
            yield from (
                said("why", words(each, "why")) for each in sections(turn, "scores") if each.get("passed") is not True
            )
    if whole := sections(case.chat, "scores"):
        yield "the whole chat"
        yield said("expected", words(case.told, "expected"))
        yield from (said("why", words(each, "why")) for each in whole if each.get("passed") is not True)


def said(name: str, text: Any) -> str:
    shown, left = clipped(text, SAID)
    return f"  {name:<9} {shown}" + (f" ... {left:,} more characters in report.json" if left else "")


def repeats(case: Case) -> Iterable[str]:
    yield f"flaky: {case.held} of {len(case.chats)} chats passed"
    for place, chat in enumerate(case.chats, 1):
        answers = [one_line(words(turn, "answer") or words(turn, "error"), 300) for turn in sections(chat, "turns")]
        yield f"chat {place} {'passed' if chat.get('passed') is True else 'failed'}: {' | '.join(answers)}"


def plain(text: str) -> str:
    """Text that XML can hold, and in which a reader finds no attachment of a model's choice."""
    return re.sub(r"\[\[(?=\s*ATTACHMENT)", "[ [", visible(text), flags=re.IGNORECASE)

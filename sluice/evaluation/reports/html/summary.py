"""The first screen: the verdict, why, and the figures behind it."""

import re

from sluice.evaluation.reports.html.cases import anchor, outcome, section
from sluice.evaluation.reports.html.markup import Child, Html, foreign, joined, row, sentence, table, tag
from sluice.evaluation.reports.plain_text import (
    count,
    counted,
    milliseconds,
    number,
    one_line,
    percent,
    points,
    seconds,
)
from sluice.evaluation.reports.report_view import Case, Json, ReportView, words
from sluice.evaluation.reports.report_view import section as part

SHOWN = 8  # reasons on the first screen
TITLES = {"pass": "Pass", "fail": "Fail", "inconclusive": "Inconclusive", "error": "Error"}


def top(told: ReportView) -> Html:
    title = tag(
        "h1",
        tag("span", TITLES[told.verdict], class_="verdict"),
        " ",
        foreign("span", told.name, 120, class_="subject"),
    )
    summary = sentence("p", words(told.told, "summary"), 600, class_="summary")
    return tag("header", tag("p", *kicker(told), class_="kicker"), title, summary, figures(told), class_="top")


def kicker(told: ReportView) -> list[Child]:
    started = words(told.told, "started")
    when: Child = None
    if found := re.match(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d)?\S*(\+00:00|Z)$", started):
        when = tag("time", f"{found[1]} {found[2]} UTC", datetime=started)
    elif started:
        when = tag("span", one_line(started, 40))
    took = words(told.told, "seconds") and f"replayed in {seconds(told.told.get('seconds'))}"
    return [tag("span", "Sluice release report"), when, tag("span", took) if took else None]


def figures(told: ReportView) -> Html:
    """What an approver asks first, as large numbers."""
    cases, passed = told.figure("cases"), told.figure("passed")
    shown = [figure("Passed", f"{count(passed)}", f"of {counted(int(cases or 0), 'case')}")]
    shown.append(figure("Pass rate", percent(told.figure("pass_rate")), wanted(told)))
    if told.comparison:
        difference = points(number(part(told.comparison, "difference").get("estimate")))
        lost = sum(flip.kind == "lost" for flip in told.flips)
        shown.append(
            figure("Against the champion", difference, f"points: {lost} lost, {len(told.flips) - lost} gained")
        )
    shown.append(
        figure(
            "Median time",
            milliseconds(told.figure("latency_ms", "p50")),
            f"p95 {milliseconds(told.figure('latency_ms', 'p95'))}",
        )
    )
    if (flaky := told.figure("flaky") or 0) > 0:
        shown.append(figure("Flaky", count(flaky), "passed and failed"))
    if (errors := told.figure("errors") or 0) > 0:
        shown.append(figure("Errors", count(errors), "no answer"))
    return tag("dl", *shown, class_="figures")


def wanted(told: ReportView) -> str:
    """What the gate wants of the pass rate, in its own words."""
    found = (each for each in told.decided if words(each, "what") == "pass rate" and words(each, "of") == "all")
    return f"wanted: {one_line(words(next(found, {}), 'wanted'), 40)}".removesuffix("wanted: ")


def figure(name: str, value: str, note: str) -> Html:
    noted = tag("dd", note, class_="note") if note else None
    return tag("div", tag("dt", name), tag("dd", value, class_="value"), noted)


def why(told: ReportView) -> Html:
    content: list[Child] = [criteria(told), reasons(told)]
    content += [
        tag("p", tag("strong", "Note: "), sentence("span", each, 400), class_="warning") for each in told.warnings[:10]
    ]
    if not any(content):
        content = [tag("p", "The report gives no reason beyond its summary.", class_="note")]
    return section("why", "Why", *content)


def criteria(told: ReportView) -> Html | None:
    """What the gate wanted; what was not reached comes first."""
    if not told.decided:
        return None
    body = [criterion(each) for each in told.decided]
    return table("What the gate wants", ["Criterion", "Verdict", "Why"], body, kind="reasons")


def criterion(told: Json) -> Html:
    verdict, of, wanted = words(told, "verdict"), words(told, "of"), words(told, "wanted")
    return row(
        joined(
            one_line(words(told, "what"), 80),
            sentence("span", f", {of}", 60) if of and of != "all" else None,
            sentence("span", wanted, 120, class_="note block") if wanted else None,
        ),
        tag("span", one_line(verdict, 20), class_=f"outcome {verdict}" if verdict in TITLES else "outcome"),
        sentence("span", words(told, "why"), 400),
    )


def reasons(told: ReportView) -> Html | None:
    """One line a case, each a way to its transcript."""
    cases = [*told.failed, *told.flaky]
    if not cases:
        items = [tag("li", sentence("span", each, 400)) for each in told.reasons[:SHOWN]]
        return tag("ul", *items, class_="plain-reasons") if items else None
    lost = {flip.case.index for flip in told.flips if flip.kind == "lost"}
    cases.sort(key=lambda case: (not case.critical, case.index not in lost))
    body = [reason(case, case.index in lost) for case in cases[:SHOWN]]
    more = len(cases) - SHOWN
    ending = tag("p", f"and {counted(more, 'more case')} below.", class_="note") if more > 0 else None
    return joined(table("Cases that did not pass", ["Case", "Result", "Why"], body, kind="reasons"), ending)


def reason(case: Case, lost: bool) -> Html:
    notes = [name for name, held in (("critical", case.critical), ("lost", lost)) if held]
    link = tag("a", foreign("span", case.id, 80), href=f"#{anchor(case)}")
    return row(
        joined(link, " ", tag("span", ", ".join([*notes, case.wrong.where]), class_="note block")),
        outcome(case),
        sentence("span", case.wrong.why, 240),
    )

"""The first screen: the verdict, why, and the figures behind it."""

import re

from sluice.evaluation.reports.html.cases import anchor, outcome, section
from sluice.evaluation.reports.html.markup import Child, Html, foreign, joined, row, sentence, table, tag
from sluice.evaluation.reports.plain_text import clipped_line, count, milliseconds, number, percent, points, seconds
from sluice.evaluation.reports.report_view import CaseView, Json, ReportView, text_at
from sluice.evaluation.reports.report_view import mapping_at as part
from sluice.wording import counted

MOST_REASONS = 8  # reasons on the first screen
TITLES = {"pass": "Pass", "fail": "Fail", "inconclusive": "Inconclusive", "error": "Error"}


def top(view: ReportView) -> Html:
    title = tag(
        "h1",
        tag("span", TITLES[view.verdict], class_="verdict"),
        " ",
        foreign("span", view.name, 120, class_="subject"),
    )
    summary = sentence("p", text_at(view.report, "summary"), 600, class_="summary")
    return tag("header", tag("p", *kicker(view), class_="kicker"), title, summary, figures(view), class_="top")


def kicker(view: ReportView) -> list[Child]:
    started = text_at(view.report, "started")
    when: Child = None
    if match := re.match(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d)?\S*(\+00:00|Z)$", started):
        when = tag("time", f"{match[1]} {match[2]} UTC", datetime=started)
    elif started:
        when = tag("span", clipped_line(started, 40))
    took = text_at(view.report, "seconds") and f"replayed in {seconds(view.report.get('seconds'))}"
    return [tag("span", "Sluice release report"), when, tag("span", took) if took else None]


def figures(view: ReportView) -> Html:
    """What an approver asks first, as large numbers."""
    cases, passed = view.figure("cases"), view.figure("passed")
    parts = [figure("Passed", f"{count(passed)}", f"of {counted(int(cases or 0), 'case')}")]
    parts.append(figure("Pass rate", percent(view.figure("pass_rate")), pass_rate_threshold(view)))
    if view.comparison:
        difference = points(number(part(view.comparison, "difference").get("estimate")))
        lost = sum(flip.kind == "lost" for flip in view.flips)
        parts.append(
            figure("Against the champion", difference, f"points: {lost} lost, {len(view.flips) - lost} gained")
        )
    parts.append(
        figure(
            "Median time",
            milliseconds(view.figure("latency_ms", "p50")),
            f"p95 {milliseconds(view.figure('latency_ms', 'p95'))}",
        )
    )
    if (flaky := view.figure("flaky") or 0) > 0:
        parts.append(figure("Flaky", count(flaky), "passed and failed"))
    if (errors := view.figure("errors") or 0) > 0:
        parts.append(figure("Errors", count(errors), "no answer"))
    return tag("dl", *parts, class_="figures")


def pass_rate_threshold(view: ReportView) -> str:
    """What the gate wants of the pass rate, in its own words."""
    entries = (each for each in view.decided if text_at(each, "what") == "pass rate" and text_at(each, "of") == "all")
    return f"wanted: {clipped_line(text_at(next(entries, {}), 'wanted'), 40)}".removesuffix("wanted: ")


def figure(name: str, value: str, note: str) -> Html:
    noted = tag("dd", note, class_="note") if note else None
    return tag("div", tag("dt", name), tag("dd", value, class_="value"), noted)


def why(view: ReportView) -> Html:
    content: list[Child] = [criteria(view), reasons(view)]
    content += [
        tag("p", tag("strong", "Note: "), sentence("span", each, 400), class_="warning") for each in view.warnings[:10]
    ]
    if not any(content):
        content = [tag("p", "The report gives no reason beyond its summary.", class_="note")]
    return section("why", "Why", *content)


def criteria(view: ReportView) -> Html | None:
    """What the gate wanted; what was not reached comes first."""
    if not view.decided:
        return None
    body = [criterion(each) for each in view.decided]
    return table("What the gate wants", ["Criterion", "Verdict", "Why"], body, kind="reasons")


def criterion(entry: Json) -> Html:
    verdict, of, threshold = text_at(entry, "verdict"), text_at(entry, "of"), text_at(entry, "wanted")
    return row(
        joined(
            clipped_line(text_at(entry, "what"), 80),
            sentence("span", f", {of}", 60) if of and of != "all" else None,
            sentence("span", threshold, 120, class_="note block") if threshold else None,
        ),
        tag("span", clipped_line(verdict, 20), class_=f"outcome {verdict}" if verdict in TITLES else "outcome"),
        sentence("span", text_at(entry, "why"), 400),
    )


def reasons(view: ReportView) -> Html | None:
    """One line a case, each a way to its transcript."""
    cases = [*view.failed, *view.flaky]
    if not cases:
        items = [tag("li", sentence("span", each, 400)) for each in view.reasons[:MOST_REASONS]]
        return tag("ul", *items, class_="plain-reasons") if items else None
    lost = {flip.case.index for flip in view.flips if flip.kind == "lost"}
    cases.sort(key=lambda case: (not case.critical, case.index not in lost))
    body = [reason(case, case.index in lost) for case in cases[:MOST_REASONS]]
    more = len(cases) - MOST_REASONS
    ending = tag("p", f"and {counted(more, 'more case')} below.", class_="note") if more > 0 else None
    return joined(table("Cases that did not pass", ["Case", "Result", "Why"], body, kind="reasons"), ending)


def reason(case: CaseView, lost: bool) -> Html:
    notes = [name for name, applies in (("critical", case.critical), ("lost", lost)) if applies]
    link = tag("a", foreign("span", case.id, 80), href=f"#{anchor(case)}")
    return row(
        joined(link, " ", tag("span", ", ".join([*notes, case.wrong.where]), class_="note block")),
        outcome(case),
        sentence("span", case.wrong.why, 240),
    )

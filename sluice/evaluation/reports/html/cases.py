"""The cases on the page: those to look at in full, and a line for each of the rest."""

from collections.abc import Sequence

from sluice.evaluation.reports.html.case_selection import CaseSelection
from sluice.evaluation.reports.html.markup import Child, Html, foreign, joined, row, table, tag
from sluice.evaluation.reports.html.transcript import chat
from sluice.evaluation.reports.plain_text import clipped_line, language, milliseconds, number
from sluice.evaluation.reports.report_view import CaseView, Flip, ReportView, rows
from sluice.wording import counted

NAME = 120


def anchor(case: CaseView) -> str:
    """Made from the case's place: what a case is called never becomes part of the page's own names."""
    return f"case-{case.index + 1}"


def article(case: CaseView, level: int = 3, before: Sequence[str] | None = None) -> Html:
    """One case in full."""
    name = tag(f"h{level}", foreign("span", case.id, NAME, class_="id"), " ", outcome(case))
    about = [tag("span", clipped_line(each, 40), class_="tag", lang=language(each)) for each in case.tags[:12]]
    if case.critical:
        about.insert(0, tag("span", "critical", class_="tag critical"))
    if len(case.chats) > 1:
        chats = f"{case.passed_chats} of {len(case.chats)} chats passed; chat {case.shown_chat + 1} is shown"
        about.append(tag("span", chats, class_="note"))
    head = tag("header", name, tag("p", *spaced(about), class_="about") if about else None)
    return tag("article", head, chat(case, before), class_="case", id=anchor(case))


def spaced(parts: Sequence[Html]) -> list[Child]:
    """With blanks between, for those who copy or listen."""
    children: list[Child] = []
    for part in parts:
        children += [" ", part] if children else [part]
    return children


def outcome(case: CaseView) -> Html:
    return tag("span", case.outcome, class_=f"outcome {case.outcome}")


def not_shown(all_of_them: int, drawn: int) -> Html | None:
    more = all_of_them - drawn
    if not more:
        return None
    return tag(
        "p", f"{counted(more, 'more is', 'more are')} in the table of all cases and in report.json.", class_="note"
    )


def section(name: str, title: str, *content: Child) -> Html:
    """A chapter of the page: its title stands beside it where there is room."""
    heading = tag("h2", title, id=f"{name}-title")
    body = tag("div", *content, class_="body")
    return tag("section", heading, body, id=name, aria_labelledby=f"{name}-title")


def failed(view: ReportView, selection: CaseSelection) -> Html | None:
    """What did not pass, other than what is told beside the champion."""
    flipped = {flip.case.index for flip in view.flips}
    total = sum(case.index not in flipped for case in view.failed)
    if not total:
        return None
    articles = [article(case) for case in selection.failed]
    lost = counted(len(view.failed) - total, "further case")
    note = tag("p", f"{lost} that the champion passed: see above.", class_="note") if len(view.failed) > total else None
    return section("failed", "Failed cases", note, *articles, not_shown(total, len(articles)))


def flaky(view: ReportView, selection: CaseSelection) -> Html | None:
    """Passed once and failed once, asked the same: no evidence for either side."""
    if not view.flaky:
        return None
    flipped = {flip.case.index for flip in view.flips}
    total = sum(case.index not in flipped for case in view.flaky)
    intro = tag("p", f"{counted(len(view.flaky), 'case')} passed in one repeat and failed in another.")
    articles = [article(case) for case in selection.flaky]
    return section("flaky", "Flaky cases", intro, *articles, not_shown(total, len(articles)))


def flips(flips_drawn: Sequence[Flip], title: str, intro: str, every: int) -> Html | None:
    """Cases that changed sides."""
    if not every:
        return None
    drawn = [article(flip.case, 4, flip.before or None) for flip in flips_drawn]
    return joined(tag("h3", title), tag("p", intro), *drawn, not_shown(every, len(flips_drawn)))


def everything(view: ReportView, selection: CaseSelection) -> Html | None:
    """One line a case."""
    if not view.cases:
        return None
    drawn = table(
        "All cases",
        ["Case", "Tags", "Result", "Chats", "Slowest answer"],
        [case_row(case, case.index in selection.indexes) for case in rows(view)],
        numeric=(3, 4),
    )
    label = tag("summary", counted(len(view.cases), "case"), ", what did not pass first")
    left_out = counted(view.left_out, "further case")
    rest = tag("p", f"{left_out} counted above and not told here.", class_="note") if view.left_out else None
    return section("all", "All cases", tag("details", label, drawn, open=len(view.cases) <= 60), rest)


def case_row(case: CaseView, in_full: bool) -> Html:
    """What is told in full is linked; what is not can be linked to here."""
    name: Html = foreign("span", case.id, 80)
    if in_full:
        name = tag("a", name, href=f"#{anchor(case)}")
    slowest = max((ms for turn in case.all_turns() if (ms := number(turn.get("latency_ms"))) is not None), default=None)
    tags = clipped_line(", ".join(case.tags), 80)
    return row(
        name,
        tag("span", tags, lang=language(tags)) if language(tags) else tags,
        outcome(case),
        f"{case.passed_chats}/{len(case.chats)}",
        milliseconds(slowest),
        numeric=(3, 4),
        id=None if in_full else anchor(case),
    )

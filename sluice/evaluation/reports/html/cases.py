"""The cases on the page: those to look at in full, and a line for each of the rest."""

from collections.abc import Sequence

from sluice.evaluation.reports.html.case_selection import Chosen
from sluice.evaluation.reports.html.markup import Child, Html, foreign, joined, row, table, tag
from sluice.evaluation.reports.html.transcript import chat
from sluice.evaluation.reports.plain_text import counted, language, milliseconds, number, one_line
from sluice.evaluation.reports.report_view import Case, Flip, ReportView, rows

NAME = 120


def anchor(case: Case) -> str:
    """Made from the case's place: what a case is called never becomes part of the page's own names."""
    return f"case-{case.index + 1}"


def article(case: Case, level: int = 3, before: Sequence[str] | None = None) -> Html:
    """One case in full."""
    name = tag(f"h{level}", foreign("span", case.id, NAME, class_="id"), " ", outcome(case))
    about = [tag("span", one_line(each, 40), class_="tag", lang=language(each)) for each in case.tags[:12]]
    if case.critical:
        about.insert(0, tag("span", "critical", class_="tag critical"))
    if len(case.chats) > 1:
        about.append(
            tag("span", f"{case.held} of {len(case.chats)} chats passed; chat {case.shown + 1} is shown", class_="note")
        )
    head = tag("header", name, tag("p", *spaced(about), class_="about") if about else None)
    return tag("article", head, chat(case, before), class_="case", id=anchor(case))


def spaced(parts: Sequence[Html]) -> list[Child]:
    """With blanks between, for those who copy or listen."""
    shown: list[Child] = []
    for part in parts:
        shown += [" ", part] if shown else [part]
    return shown


def outcome(case: Case) -> Html:
    return tag("span", case.outcome, class_=f"outcome {case.outcome}")


def not_shown(all_of_them: int, shown: int) -> Html | None:
    left = all_of_them - shown
    if not left:
        return None
    return tag(
        "p", f"{counted(left, 'more is', 'more are')} in the table of all cases and in report.json.", class_="note"
    )


def section(name: str, title: str, *content: Child) -> Html:
    """A chapter of the page: its title stands beside it where there is room."""
    heading = tag("h2", title, id=f"{name}-title")
    body = tag("div", *content, class_="body")
    return tag("section", heading, body, id=name, aria_labelledby=f"{name}-title")


def failed(told: ReportView, chosen: Chosen) -> Html | None:
    """What did not pass, other than what is told beside the champion."""
    flipped = {flip.case.index for flip in told.flips}
    here = sum(case.index not in flipped for case in told.failed)
    if not here:
        return None
    lost = len(told.failed) - here
    note = (
        tag("p", f"{counted(lost, 'further case')} that the champion passed: see above.", class_="note")
        if lost
        else None
    )
    return section("failed", "Failed cases", note, *map(article, chosen.failed), not_shown(here, len(chosen.failed)))


def flaky(told: ReportView, chosen: Chosen) -> Html | None:
    """Passed once and failed once, asked the same: no evidence for either side."""
    if not told.flaky:
        return None
    flipped = {flip.case.index for flip in told.flips}
    here = sum(case.index not in flipped for case in told.flaky)
    intro = tag("p", f"{counted(len(told.flaky), 'case')} passed in one repeat and failed in another.")
    return section("flaky", "Flaky cases", intro, *map(article, chosen.flaky), not_shown(here, len(chosen.flaky)))


def flips(shown: Sequence[Flip], title: str, intro: str, every: int) -> Html | None:
    """Cases that changed sides."""
    if not every:
        return None
    drawn = [article(flip.case, 4, flip.before or None) for flip in shown]
    return joined(tag("h3", title), tag("p", intro), *drawn, not_shown(every, len(shown)))


def everything(told: ReportView, chosen: Chosen) -> Html | None:
    """One line a case."""
    if not told.cases:
        return None
    drawn = table(
        "All cases",
        ["Case", "Tags", "Result", "Chats", "Slowest answer"],
        [case_row(case, case.index in chosen.indexes) for case in rows(told)],
        numeric=(3, 4),
    )
    label = tag("summary", counted(len(told.cases), "case"), ", what did not pass first")
    left = counted(told.left_out, "further case")
    rest = tag("p", f"{left} counted above and not told here.", class_="note") if told.left_out else None
    return section("all", "All cases", tag("details", label, drawn, open=len(told.cases) <= 60), rest)


def case_row(case: Case, in_full: bool) -> Html:
    """What is told in full is linked; what is not can be linked to here."""
    name: Html = foreign("span", case.id, 80)
    if in_full:
        name = tag("a", name, href=f"#{anchor(case)}")
    slowest = max((ms for turn in case.all_turns() if (ms := number(turn.get("latency_ms"))) is not None), default=None)
    tags = one_line(", ".join(case.tags), 80)
    return row(
        name,
        tag("span", tags, lang=language(tags)) if language(tags) else tags,
        outcome(case),
        f"{case.held}/{len(case.chats)}",
        milliseconds(slowest),
        numeric=(3, 4),
        id=None if in_full else anchor(case),
    )

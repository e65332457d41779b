"""The report as a comment on a pull request: GitHub and GitLab render it, and render nothing that a model said.

Answers stand in fences that are longer than any in them, each line behind a mark of ours, so that none can be read as
Markdown or as a bot's command. Sentences that quote an answer are escaped, and what would become a mention, a link, a
reference or a formula is broken by a space of no width.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from sluice.evaluation.reports import reproduce as again
from sluice.evaluation.reports.plain_text import clipped, clipped_line, count, milliseconds, percent, points, seconds
from sluice.evaluation.reports.report_view import CaseView, Flip, Json, ReportView, failed_scores, mapping_at, text_at
from sluice.wording import counted

LIMIT = 60_000  # a comment on GitHub may have 65,536 characters
RESERVED = 4_000  # of them for what comes after the cases
QUESTION, ANSWER, WHY = 300, 700, 300
SYNTAX = re.compile(r"[\\`*_{}\[\]#|~!^]")
BREAK = "\N{ZERO WIDTH SPACE}"
# What the two make links of: addresses, mentions, issues, merge requests, epics, labels, milestones; and emoji.
ADDRESS = re.compile(r"(?i)\b(https?|ftp|mailto|www|gh)(?=[:.-])")
SIGIL = re.compile(r"([@#!&%~:$])(?=[\w\"])")
TITLES = {"pass": "Pass", "fail": "Fail", "inconclusive": "Inconclusive", "error": "Error"}


def render_comment(report: Mapping[str, Any]) -> str:
    """report.json's content as Markdown, short enough for a comment."""
    view = ReportView(report)
    head = [f"## {TITLES[view.verdict]}: {inline(view.name, 120)}", f"**{TITLES[view.verdict]}**: {summary(view)}"]
    head += [criteria(view), *notes(view), champion(view)]
    tail = [figures(view), reproduce(view)]
    room = LIMIT - sum(len(part) + 2 for part in [*head, *tail] if part) - 300
    middle = list(cases(view, room))
    return "\n\n".join(part for part in [*head, *middle, *tail] if part) + "\n"


def inline(text: Any, most: int) -> str:
    """Text within a paragraph or a cell, as nothing but text."""
    return with_breaks(SYNTAX.sub(r"\\\g<0>", escape(broken(clipped_line(text, most)), quote=False)))


def within_tags(text: Any, most: int) -> str:
    """Text within HTML, where Markdown is not read but mentions are."""
    return with_breaks(escape(broken(clipped_line(text, most)), quote=False))


def broken(text: str) -> str:
    return SIGIL.sub(rf"\1{BREAK}", ADDRESS.sub(rf"\1{BREAK}", text))


def with_breaks(text: str) -> str:
    """The breaks where a reader of the source sees them; and no two dollars that could have a formula between them."""
    text = text.replace(BREAK, "&#8203;")
    return text.replace("$", "<span>$</span>") if text.count("$") > 1 else text


def summary(view: ReportView) -> str:
    return inline(text_at(view.report, "summary") or "The report has no summary.", 600)


def criteria(view: ReportView) -> str:
    if not view.decided:
        return ""
    rows = [
        f"| {named(each)} | {inline(text_at(each, 'wanted'), 80)} | **{inline(text_at(each, 'verdict'), 20)}**"
        f" | {inline(text_at(each, 'why'), WHY)} |"
        for each in view.decided[:30]
    ]
    return "\n".join(["| Criterion | Wanted | Verdict | Why |", "|---|---|---|---|", *rows])


def named(entry: Json) -> str:
    of = text_at(entry, "of")
    return inline(text_at(entry, "what") + (f", {of}" if of and of != "all" else ""), 80)


def notes(view: ReportView) -> list[str]:
    return [f"> **Note**: {inline(each, 300)}" for each in view.warnings[:5]]


def champion(view: ReportView) -> str:
    comparison = view.comparison
    if not comparison:
        return ""
    lost = sum(flip.kind == "lost" for flip in view.flips)
    estimate, low, high = (
        points(mapping_at(comparison, "difference").get(name)) for name in ("estimate", "low", "high")
    )
    flips = f"{lost} lost, {len(view.flips) - lost} gained"
    line = f"**Against the champion, {inline(view.champion_name, 80)}**: {estimate} points ({low} to {high}), {flips}."
    is_criterion = any(text_at(each, "what") == "against the champion" for each in view.decided)
    return line if is_criterion else f"{line} {inline(view.compared, WHY)}".rstrip()


def cases(view: ReportView, room: int) -> Iterable[str]:
    """What did not pass, folded, as far as there is room; the rest is counted."""
    flipped = {flip.case.index for flip in view.flips}
    flips = [(f"{flip.kind.capitalize()} against the champion", flip.case, flip) for flip in view.flips]
    failed = [("Failed", case, None) for case in view.failed if case.index not in flipped]
    flaky = [("Flaky", case, None) for case in view.flaky if case.index not in flipped]
    everything = [*flips, *failed, *flaky]
    before = ""
    for place, (title, case, flip) in enumerate(everything):
        head = "" if title == before else f"### {title}\n\n"
        drawn = head + folded(case, flip)
        room -= len(drawn) + 2
        if room < 0:
            remaining = counted(len(everything) - place, "more case")
            yield f"{remaining} did not pass or changed sides: see report.html or report.json."
            return
        yield drawn
        before = title


def folded(case: CaseView, flip: Flip | None) -> str:
    why = "it passes now" if case.passed else f"{case.wrong.where}: {case.wrong.why}"
    marks = ", ".join(name for name, applies in (("critical", case.critical), ("flaky", case.flaky)) if applies)
    heading = f"<b>{within_tags(case.id, 80)}</b>{f' ({marks})' if marks else ''} {within_tags(why, WHY)}"
    return f"<details><summary>{heading}</summary>\n\n{fenced(transcript(case, flip), 'diff')}\n\n</details>"


def fenced(lines: Sequence[str], kind: str) -> str:
    text = "\n".join(lines)
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", text))])
    return f"{fence}{kind}\n{text}\n{fence}"


def transcript(case: CaseView, flip: Flip | None) -> list[str]:
    """The turns up to the one that went wrong; `-` is the champion, `+` the one that is judged."""
    lines: list[str] = []
    last = case.wrong.turn or len(case.turns)
    for place, turn in enumerate(case.turns[:last][-6:], max(last - 6, 0) + 1):
        lines += [f"@@ turn {place} @@", *marked("  user: ", text_at(turn, "user"), QUESTION)]
        lines += answers(turn, flip.before[place - 1] if flip and place <= len(flip.before) else None)
        if place == last and not case.passed:
            lines += marked("  expected: ", text_at(turn, "expected") or text_at(case.entry, "expected"), WHY)
            whys = [text_at(score, "why") for score in failed_scores(turn)]
            for why in whys or [case.wrong.why]:
                lines += marked("! ", why, WHY)
    return lines


def answers(turn: Json, before: str | None) -> list[str]:
    now = text_at(turn, "error") or text_at(turn, "answer") or "(empty)"
    if before is None:
        return marked("  model: ", now, ANSWER)
    if before == now:
        return marked("  both: ", now, ANSWER)
    return [*marked("- ", before or "(empty)", ANSWER), *marked("+ ", now, ANSWER)]


def marked(mark: str, text: str, most: int) -> list[str]:
    """Each line behind the mark; none of a model's lines begins one of the comment's."""
    excerpt, cut_off = clipped(text, most)
    first, *others = excerpt.split("\n")
    indent = mark[0] + " " * (len(mark) - 1)
    ending = [f"{indent}... {cut_off:,} more characters in report.json"] if cut_off else []
    return [f"{mark}{first}", *(f"{indent}{each}" for each in others), *ending]


def figures(view: ReportView) -> str:
    lines = ["| | p50 | p95 | p99 | slowest |", "|---|--:|--:|--:|--:|"]
    for key, name in (("latency_ms", "Whole answer"), ("first_token_ms", "First token")):
        if view.figure(key, "p50") is not None:
            cells = [milliseconds(view.figure(key, each)) for each in ("p50", "p95", "p99", "max")]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    totals = [f"{count(view.figure('passed'))} of {count(view.figure('cases'))} cases passed"]
    totals.append(f"pass rate {percent(view.figure('pass_rate'))}")
    totals += [f"{count(view.figure(name))} {name}" for name in ("flaky", "errors") if view.figure(name)]
    if view.figure("turns"):
        totals.append(f"{count(view.figure('turns'))} answers in {seconds(view.report.get('seconds'))}")
    head = f"### Figures\n\n{', '.join(totals)}."
    return head if len(lines) == 2 else head + "\n\n" + "\n".join(lines)


def reproduce(view: ReportView) -> str:
    lines = [
        line
        for step in again.list_commands(view)
        for line in (f"# {step.why}", clipped(step.command, 600)[0].replace("\n", " "))
    ]
    return "<details><summary>How to reproduce</summary>\n\n" + fenced(lines, "sh") + "\n\n</details>"

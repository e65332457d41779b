"""Time and length of the answers, and how each tag did."""

from collections.abc import Sequence

from sluice.evaluation.reports import plots
from sluice.evaluation.reports.html.cases import section
from sluice.evaluation.reports.html.markup import Child, Html, foreign, joined, row, table, tag
from sluice.evaluation.reports.plain_text import count, milliseconds, money, number, percent
from sluice.evaluation.reports.plots import Mark
from sluice.evaluation.reports.report_view import Json, ReportView, text_at
from sluice.evaluation.reports.report_view import mapping_at as part


def measures(view: ReportView) -> Html | None:
    if view.left_out:
        note = tag("p", "Not drawn: only some of the cases are told here.", class_="note")
        return section("measures", "Time and tokens", totals(view), note)
    answers = [turn for case in view.cases for turn in case.all_turns() if not text_at(turn, "error")]
    whole = figures(answers, "latency_ms")
    if not whole:
        return None
    drawn = [captioned(times(view, whole, figures(answers, "first_token_ms")), "Time of an answer, logarithmic.")]
    if tokens := figures(answers, "completion_tokens"):
        drawn.append(captioned(plots.lengths(tokens, token_marks(view, tokens)), "Tokens of an answer."))
        drawn.append(captioned(dots(answers), "Time against tokens; rings did not pass."))
    drawn.append(tag("div", totals(view)))
    return section("measures", "Time and tokens", tag("div", *drawn, class_="plots"))


def captioned(drawn: Html, text: str) -> Html:
    return tag("figure", drawn, tag("figcaption", text))


def figures(turns: Sequence[Json], name: str) -> list[float]:
    return [figure for turn in turns if (figure := number(turn.get(name))) is not None and figure >= 0]


def times(view: ReportView, whole: Sequence[float], first: Sequence[float]) -> Html:
    gate = part(part(view.report, "gate"), "overall") or part(view.report, "gate")
    marks = percentiles(view, "latency_ms", ("p50", "p95"))
    for name in ("max_p50_ms", "max_p95_ms", "max_p99_ms"):
        marks += limit(gate, name, f"{name[4:7]} limit")
    return plots.durations(
        whole,
        first,
        marks,
        percentiles(view, "first_token_ms", ("p50", "p95")) + limit(gate, "max_first_token_ms", "p95 limit"),
    )


def percentiles(view: ReportView, what: str, names: Sequence[str]) -> list[Mark]:
    return [Mark(figure, f"{name} {milliseconds(figure)}") for name in names if (figure := view.figure(what, name))]


def limit(gate: Json, name: str, title: str) -> list[Mark]:
    figure = number(gate.get(name))
    return [Mark(figure, f"{title} {milliseconds(figure)}", limit=True)] if figure else []


def token_marks(view: ReportView, tokens: Sequence[float]) -> list[Mark]:
    middle = sorted(tokens)[(len(tokens) - 1) // 2]
    most = number(part(view.report, "plan").get("max_tokens"))
    marks = [Mark(middle, f"median {count(middle)}")]
    return [*marks, Mark(most, f"at most {count(most)}", limit=True)] if most and most <= max(tokens) * 3 else marks


def dots(turns: Sequence[Json]) -> Html:
    good: list[tuple[float, float]] = []
    bad: list[tuple[float, float]] = []
    for turn in turns:
        tokens, took = number(turn.get("completion_tokens")), number(turn.get("latency_ms"))
        if tokens is not None and took is not None and took >= 0:
            (good if turn.get("passed") is True else bad).append((tokens, took))
    return plots.scatter(good, bad)


def totals(view: ReportView) -> Html:
    """The figures under the drawings, for those who want them exactly."""
    heads = ["", "p50", "p95", "p99", "slowest"]
    body = []
    for key, name in (("latency_ms", "Whole answer"), ("first_token_ms", "First token")):
        if view.figure(key, "p50") is not None:
            body.append(
                row(
                    name,
                    *(milliseconds(view.figure(key, each)) for each in ("p50", "p95", "p99", "max")),
                    numeric=(1, 2, 3, 4),
                )
            )
    return joined(
        table("Time of an answer", heads, body, numeric=(1, 2, 3, 4)), tag("p", " · ".join(sums(view)), class_="note")
    )


def sums(view: ReportView) -> list[str]:
    parts = [f"{count(view.figure('turns'))} answers"]
    parts.append(
        f"{count(view.figure('tokens', 'prompt'))} tokens read, {count(view.figure('tokens', 'completion'))} written"
    )
    if (speed := view.figure("tokens_per_second")) is not None:
        parts.append(f"{speed:g} tokens per second")
    for key, name in (("cost", "in all"), ("cost_per_answer", "an answer")):
        if (cost := view.figure(key)) is not None:
            parts.append(f"{money(cost)} {name}")
    return parts


def tags(view: ReportView) -> Html | None:
    by_tag = part(view.report, "tags")
    if not by_tag:
        return None
    heads = ["Tag", "Pass rate", "Cases", "Flaky", "p50", "p95"]
    body = [tag_row(view, str(name), part(by_tag, name)) for name in by_tag]
    return section("tags", "By tag", table("Results by tag", heads, body, numeric=(1, 2, 3, 4, 5)))


def tag_row(view: ReportView, name: str, totals: Json) -> Html:
    gate = part(view.report, "gate")
    own = number(part(part(gate, "tags"), name).get("min_pass_rate"))
    share = number(totals.get("pass_rate"))
    latency = part(totals, "latency_ms")
    drawn: Child = plots.bar(share, own) if share is not None else None
    return row(
        foreign("span", name, 60),
        joined(drawn, tag("span", percent(share), class_="share")),
        f"{count(totals.get('passed'))} of {count(totals.get('cases'))}",
        count(totals.get("flaky")) if number(totals.get("flaky")) else "",
        milliseconds(latency.get("p50")),
        milliseconds(latency.get("p95")),
        numeric=(1, 2, 3, 4, 5),
    )

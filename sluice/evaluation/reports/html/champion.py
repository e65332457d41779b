"""Against the version that is live: how far apart the two are, and the cases that changed sides."""

from sluice.evaluation.reports import plots
from sluice.evaluation.reports.html.case_selection import Chosen
from sluice.evaluation.reports.html.cases import flips, section
from sluice.evaluation.reports.html.markup import Child, Html, foreign, row, sentence, table, tag
from sluice.evaluation.reports.plain_text import count, number, one_line, points
from sluice.evaluation.reports.report_view import Json, ReportView, sections, words
from sluice.evaluation.reports.report_view import section as part

RATIOS = {
    "p50_ratio": "whole answer, median",
    "p95_ratio": "whole answer, p95",
    "first_token_p50_ratio": "first token, median",
}


def against(told: ReportView, chosen: Chosen) -> Html | None:
    if not told.comparison:
        return None
    lost = [flip for flip in told.flips if flip.kind == "lost"]
    gained = len(told.flips) - len(lost)
    return section(
        "champion",
        "Against the champion",
        sentence("p", told.compared, 600, class_="lede") if told.compared else None,
        needed(told.comparison),
        difference(told.comparison),
        sides(told),
        None if told.flips else tag("p", "No case changed sides.", class_="note"),
        flips(chosen.lost, "Lost", f"These passed in {told.champion_name}, and do not in {told.short}.", len(lost)),
        flips(chosen.gained, "Gained", f"These pass in {told.short}, and did not in {told.champion_name}.", gained),
        latency(told.comparison),
        by_tag(told.comparison),
    )


def needed(told: Json) -> Html | None:
    """How many more cases would decide, unless the sentence above says so."""
    found = number(told.get("cases_needed"))
    if not found or f"{found:.0f}" in words(told, "why"):
        return None
    return tag("p", f"About {count(found)} more cases would decide.")


def difference(told: Json) -> Html | None:
    found = part(told, "difference")
    low, estimate, high = (number(found.get(name)) for name in ("low", "estimate", "high"))
    if low is None or estimate is None or high is None:
        return None
    margin = number(told.get("margin"))
    confidence = number(found.get("confidence"))
    words_for_it = f"{confidence * 100:g} % confidence interval" if confidence else "confidence interval"
    drawn = plots.interval(low * 100, estimate * 100, high * 100, None if margin is None else margin * 100)
    text = f"Pass rate: {points(estimate)} points, {words_for_it} {points(low)} to {points(high)}."
    return tag("figure", drawn, tag("figcaption", text), class_="interval")


def sides(told: ReportView) -> Html:
    """The pairs, as the test counts them."""
    found = told.comparison
    name = told.champion_name
    body = [
        row(f"{name} passed", count(found.get("both_passed")), count(listed_length(found, "lost")), numeric=(1, 2)),
        row(f"{name} failed", count(listed_length(found, "gained")), count(found.get("both_failed")), numeric=(1, 2)),
    ]
    drawn = table(
        "Cases by what the two did",
        ["", f"{told.short} passed", f"{told.short} failed"],
        body,
        numeric=(1, 2),
        kind="small",
    )
    p = number(found.get("mcnemar_p"))
    flaky = listed_length(found, "flaky")
    test = f"{count(found.get('pairs'))} pairs" + (f", {flaky} of them flaky and not in the table." if flaky else ".")
    test += f" McNemar's exact test: p = {p:.3g}." if p is not None else ""
    replayed = (
        " The champion was replayed for this."
        if found.get("replayed") is True
        else " The champion's stored report was used."
    )
    return tag("div", drawn, tag("p", test + replayed, class_="note"))


def listed_length(told: Json, name: str) -> int | None:
    found = told.get(name)
    return len(found) if isinstance(found, list | tuple) else None


def latency(told: Json) -> Html | None:
    """How much slower or faster, as ratios: 1 is as fast."""
    body = []
    for key, found in part(told, "latency").items():
        low, estimate, high = (number(part({"of": found}, "of").get(name)) for name in ("low", "estimate", "high"))
        if estimate is not None:
            spread = f"{low:.2f} to {high:.2f}" if low is not None and high is not None else "–"
            body.append(
                row(RATIOS.get(key, one_line(key.replace("_", " "), 40)), f"{estimate:.2f} ×", spread, numeric=(1, 2))
            )
    if not body:
        return None
    return titled(
        "Time", table("Time against the champion", ["", "Ratio", "Interval"], body, numeric=(1, 2), kind="small")
    )


def titled(title: str, drawn: Html) -> Html:
    return tag("div", tag("h3", title), drawn)


def by_tag(told: Json) -> Html | None:
    found = sections(told, "tags")
    if not found:
        return None
    heads = ["Tag", "Pairs", "Points", "Interval", "p", "p, corrected"]
    body = [tag_row(each) for each in found]
    return titled("By tag", table("Against the champion by tag", heads, body, numeric=(1, 2, 3, 4, 5)))


def tag_row(told: Json) -> Html:
    figures: list[Child] = [count(told.get("pairs")), points(told.get("difference"))]
    figures.append(f"{points(told.get('low'))} to {points(told.get('high'))}")
    figures += [f"{p:.3g}" if (p := number(told.get(name))) is not None else "–" for name in ("p", "p_corrected")]
    return row(foreign("span", words(told, "tag"), 60), *figures, numeric=(1, 2, 3, 4, 5))

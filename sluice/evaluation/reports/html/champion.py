"""Against the version that is live: how far apart the two are, and the cases that changed sides."""

from sluice.evaluation.reports import plots
from sluice.evaluation.reports.html.case_selection import CaseSelection
from sluice.evaluation.reports.html.cases import flips, section
from sluice.evaluation.reports.html.markup import Child, Html, foreign, row, sentence, table, tag
from sluice.evaluation.reports.plain_text import clipped_line, count, number, points
from sluice.evaluation.reports.report_view import Json, ReportView, mappings_at, text_at
from sluice.evaluation.reports.report_view import mapping_at as part

RATIOS = {
    "p50_ratio": "whole answer, median",
    "p95_ratio": "whole answer, p95",
    "first_token_p50_ratio": "first token, median",
}


def against(view: ReportView, selection: CaseSelection) -> Html | None:
    if not view.comparison:
        return None
    lost = [flip for flip in view.flips if flip.kind == "lost"]
    gained = len(view.flips) - len(lost)
    return section(
        "champion",
        "Against the champion",
        sentence("p", view.compared, 600, class_="lede") if view.compared else None,
        needed(view.comparison),
        difference(view.comparison),
        sides(view),
        None if view.flips else tag("p", "No case changed sides.", class_="note"),
        flips(selection.lost, "Lost", f"These passed in {view.champion_name}, and do not in {view.short}.", len(lost)),
        flips(selection.gained, "Gained", f"These pass in {view.short}, and did not in {view.champion_name}.", gained),
        latency(view.comparison),
        by_tag(view.comparison),
    )


def needed(comparison: Json) -> Html | None:
    """How many more cases would decide, unless the sentence above says so."""
    cases_needed = number(comparison.get("cases_needed"))
    if not cases_needed or f"{cases_needed:.0f}" in text_at(comparison, "why").replace(",", ""):
        return None
    return tag("p", f"About {count(cases_needed)} more cases would decide.")


def difference(comparison: Json) -> Html | None:
    bounds = part(comparison, "difference")
    low, estimate, high = (number(bounds.get(name)) for name in ("low", "estimate", "high"))
    if low is None or estimate is None or high is None:
        return None
    margin = number(comparison.get("margin"))
    confidence = number(bounds.get("confidence"))
    words_for_it = f"{confidence * 100:g} % confidence interval" if confidence else "confidence interval"
    drawn = plots.interval(low * 100, estimate * 100, high * 100, None if margin is None else margin * 100)
    text = f"Pass rate: {points(estimate)} points, {words_for_it} {points(low)} to {points(high)}."
    return tag("figure", drawn, tag("figcaption", text), class_="interval")


def sides(view: ReportView) -> Html:
    """The pairs, as the test counts them."""
    comparison = view.comparison
    name = view.champion_name
    passed = count(comparison.get("both_passed")), count(listed_length(comparison, "lost"))
    failed = count(listed_length(comparison, "gained")), count(comparison.get("both_failed"))
    body = [row(f"{name} passed", *passed, numeric=(1, 2)), row(f"{name} failed", *failed, numeric=(1, 2))]
    drawn = table(
        "Cases by what the two did",
        ["", f"{view.short} passed", f"{view.short} failed"],
        body,
        numeric=(1, 2),
        kind="small",
    )
    p = number(comparison.get("mcnemar_p"))
    flaky = listed_length(comparison, "flaky")
    test = f"{count(comparison.get('pairs'))} pairs"
    test += f", {flaky} of them flaky and not in the table." if flaky else "."
    test += f" McNemar's exact test: p = {p:.3g}." if p is not None else ""
    replayed = comparison.get("replayed") is True
    test += " The champion was replayed for this." if replayed else " The champion's stored report was used."
    return tag("div", drawn, tag("p", test, class_="note"))


def listed_length(comparison: Json, name: str) -> int | None:
    items = comparison.get(name)
    return len(items) if isinstance(items, list | tuple) else None


def latency(comparison: Json) -> Html | None:
    """How much slower or faster, as ratios: 1 is as fast."""
    body = []
    for key, ratio in part(comparison, "latency").items():
        low, estimate, high = (number(part({"of": ratio}, "of").get(name)) for name in ("low", "estimate", "high"))
        if estimate is not None:
            spread = f"{low:.2f} to {high:.2f}" if low is not None and high is not None else "–"
            name = RATIOS.get(key, clipped_line(key.replace("_", " "), 40))
            body.append(row(name, f"{estimate:.2f} ×", spread, numeric=(1, 2)))
    if not body:
        return None
    return titled(
        "Time", table("Time against the champion", ["", "Ratio", "Interval"], body, numeric=(1, 2), kind="small")
    )


def titled(title: str, drawn: Html) -> Html:
    return tag("div", tag("h3", title), drawn)


def by_tag(comparison: Json) -> Html | None:
    tags = mappings_at(comparison, "tags")
    if not tags:
        return None
    heads = ["Tag", "Pairs", "Points", "Interval", "p", "p, corrected"]
    body = [tag_row(each) for each in tags]
    return titled("By tag", table("Against the champion by tag", heads, body, numeric=(1, 2, 3, 4, 5)))


def tag_row(entry: Json) -> Html:
    figures: list[Child] = [count(entry.get("pairs")), points(entry.get("difference"))]
    figures.append(f"{points(entry.get('low'))} to {points(entry.get('high'))}")
    figures += [f"{p:.3g}" if (p := number(entry.get(name))) is not None else "–" for name in ("p", "p_corrected")]
    return row(foreign("span", text_at(entry, "tag"), 60), *figures, numeric=(1, 2, 3, 4, 5))

"""The report as one page that needs nothing else: no script, no font, no image from anywhere, and no network.

It forbids itself everything but its own style sheet, so that even markup that had slipped through could do nothing.
"""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from sluice.evaluation.reports.html import cases, champion, measures, setup, summary
from sluice.evaluation.reports.html.case_selection import select_cases
from sluice.evaluation.reports.html.markup import Child, Html, tag
from sluice.evaluation.reports.plain_text import clipped_line
from sluice.evaluation.reports.report_view import ReportView

NAMES = {
    "why": "Why",
    "champion": "Champion",
    "failed": "Failed",
    "flaky": "Flaky",
    "measures": "Time and tokens",
    "tags": "Tags",
    "configuration": "Configuration",
    "reproduce": "Reproduce",
    "all": "All cases",
}


def render_page(report: Mapping[str, Any]) -> str:
    """report.json's content as an HTML document."""
    view = ReportView(report)
    selection = select_cases(view)
    drawn: dict[str, Html | None] = {
        "why": summary.why(view),
        "champion": champion.against(view, selection),
        "failed": cases.failed(view, selection),
        "flaky": cases.flaky(view, selection),
        "measures": measures.measures(view),
        "tags": measures.tags(view),
        "configuration": setup.configuration(view),
        "reproduce": setup.reproduce(view),
        "all": cases.everything(view, selection),
    }
    links = [tag("li", tag("a", NAMES[name], href=f"#{name}")) for name, part in drawn.items() if part]
    body = tag(
        "body",
        tag("a", "Skip to why", href="#why", class_="skip"),
        summary.top(view),
        tag("nav", tag("ul", *links), aria_label="Parts of the report"),
        tag("main", *drawn.values()),
        tag(
            "footer",
            tag(
                "p", "Made from report.json, which holds every answer in full. The page loads nothing and runs nothing."
            ),
        ),
        class_=view.verdict,
    )
    return f"<!doctype html>\n{tag('html', head(view), body, lang='en')}\n"


def head(view: ReportView) -> Html:
    title = f"{summary.TITLES[view.verdict]}: {clipped_line(view.name, 80)} · Sluice release report"
    parts: list[Child] = [
        tag("meta", charset="utf-8"),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy()),
        tag("meta", name_="referrer", content="no-referrer"),
        tag("meta", name_="color-scheme", content="light dark"),
        tag("title", title),
        tag("link", rel="icon", href="data:,"),
        tag("style", Html(style())),
    ]
    return tag("head", *parts)


@cache
def style() -> str:
    return files(__package__).joinpath("style.css").read_text(encoding="utf-8")


@cache
def policy() -> str:
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"

"""The files beside report.json, each drawn from its plain values alone: a page, a comment, a JUnit document."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

FILES = {"html": "report.html", "markdown": "report.md", "junit": "junit.xml"}
Renderer = Callable[[Mapping[str, Any]], str]


def load_renderers() -> dict[str, Renderer]:
    """Each renderer by the name of its form; imported here, as a replay need not wait for it."""
    from sluice.evaluation.reports import junit, markdown
    from sluice.evaluation.reports.html import page

    return {"html": page.render_page, "markdown": markdown.render_comment, "junit": junit.render_document}


def write_all(folder: Path, report: Mapping[str, Any]) -> tuple[str, ...]:
    """Writes all forms beside report.json; returns a warning for each that could not be drawn. Never raises: the
    verdict stands without them."""
    warnings = []
    for name, render in load_renderers().items():
        try:
            (folder / FILES[name]).write_text(render(report), encoding="utf-8")
        except Exception as error:  # a boundary: a page that cannot be drawn must not undo a verdict
            warnings.append(f"{FILES[name]} was not written: {type(error).__name__}: {error}")
    return tuple(warnings)

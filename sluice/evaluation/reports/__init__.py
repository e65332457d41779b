"""report.json for people and machines: a page, a comment, a JUnit document, each made from its plain values alone."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

FILES = {"html": "report.html", "markdown": "report.md", "junit": "junit.xml"}
Form = Callable[[Mapping[str, Any]], str]


def forms() -> dict[str, Form]:
    """Each form by its name; imported when it is asked for, as a replay need not wait for it."""
    from sluice.evaluation.reports import html, junit, markdown

    return {"html": html.page, "markdown": markdown.page, "junit": junit.document}


def write(folder: Path, told: Mapping[str, Any]) -> tuple[str, ...]:
    """All forms beside report.json; returns a warning for each that could not be made. Never raises: the verdict stands
    without them."""
    warnings = []
    for name, form in forms().items():
        try:
            (folder / FILES[name]).write_text(form(told), encoding="utf-8")
        except Exception as error:  # a boundary: a page that cannot be drawn must not undo a judgement
            warnings.append(f"{FILES[name]} was not written: {type(error).__name__}: {error}")
    return tuple(warnings)

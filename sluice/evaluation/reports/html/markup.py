"""HTML as a value: `tag` escapes every text that is given to it, so what a model said can only ever be text."""

import re
from html import escape

from sluice.evaluation.reports.plain_text import clipped, language, visible

# Korean words with the blanks and signs between them; `split` gives them at every second place.
KOREAN = re.compile(
    r"([\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3](?:[^A-Za-z\n'\"]*[\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3])?)"
)
VOID = frozenset({"meta", "link", "br", "line", "rect", "circle", "path", "col"})


class Html(str):
    """Text that is markup already. Only `tag` and `joined` make it, from parts that they have escaped."""

    __slots__ = ()


Child = str | None
Attribute = str | int | float | bool | None


def tag(name: str, /, *children: Child, **attributes: Attribute) -> Html:
    """An element. `class_` loses its underscore, other underscores are hyphens; None and False are left out."""
    markup = "".join(
        f" {attribute_name(key)}" if value is True else f' {attribute_name(key)}="{safe(str(value))}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in VOID:
        return Html(f"<{name}{markup}>" if name in {"meta", "link", "br", "col"} else f"<{name}{markup}/>")
    return Html(f"<{name}{markup}>{joined(*children)}</{name}>")


def attribute_name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def joined(*children: Child) -> Html:
    return Html("".join(child if isinstance(child, Html) else safe(child) for child in children if child))


def safe(text: str) -> str:
    return escape(visible(text))


def foreign(name: str, text: str, most: int, path: str = "", **attributes: Attribute) -> Html:
    """An element with text from elsewhere: in its own language and direction, cut where it is endless."""
    excerpt, cut_off = clipped(text, most)
    return tag(name, excerpt, rest(cut_off, path), lang=language(text), dir="auto", **attributes)


def sentence(name: str, text: str, most: int, path: str = "", **attributes: Attribute) -> Html:
    """An element with a sentence of ours that may quote another language: each quoted run is told as what it is."""
    excerpt, cut_off = clipped(text, most)
    runs = KOREAN.split(excerpt.replace(" %", "\N{NO-BREAK SPACE}%"))
    parts = [tag("span", run, lang="ko") if place % 2 else run for place, run in enumerate(runs)]
    return tag(name, *parts, rest(cut_off, path), dir="auto", **attributes)


def rest(cut_off: int, path: str = "") -> Html | None:
    """Says how much of a text is not shown, and where all of it is."""
    if not cut_off:
        return None
    where = joined(", all of it in report.json: ", tag("code", path)) if path else None
    return tag("span", f" … {cut_off:,} more characters", where, class_="rest", lang="en", dir="ltr")


def hidden(text: str) -> Html:
    """For those who listen to the page."""
    return tag("span", text, class_="sr")


def table(
    caption: str, heads: list[str], body: list[Html], *, numeric: tuple[int, ...] = (), kind: str | None = None
) -> Html:
    """A table with a caption and column heads; `numeric` columns are set flush right."""
    cells = [
        tag("th", head or hidden("of"), scope="col", class_="number" if place in numeric else None)
        for place, head in enumerate(heads)
    ]
    drawn = tag(
        "table",
        tag("caption", caption, class_="sr"),
        tag("thead", tag("tr", *cells)),
        tag("tbody", *body),
        class_=kind,
    )
    return tag("div", drawn, class_="scroll", role="region", aria_label=caption, tabindex=0)


def row(head: Child, *cells: Child, numeric: tuple[int, ...] = (), **attributes: Attribute) -> Html:
    """A line of a table; its first cell heads it."""
    rest_of_it = [tag("td", cell, class_="number" if place in numeric else None) for place, cell in enumerate(cells, 1)]
    return tag("tr", tag("th", head, scope="row"), *rest_of_it, **attributes)

"""Cuts a document into passages: paragraphs short enough for four of them to fit a prompt, titled by their headings.

Pure text in, passages out. In Markdown a heading titles what follows and is no passage itself, lists and tables stay
whole where they fit, a list stays with the line that introduces it, and code keeps its lines.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

LIMIT = 400  # characters of a passage
TITLE = 200  # characters of a title

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r"^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r"^ {0,3}(=+|-{2,})[ \t]*$")
_RULE = re.compile(r"^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$")
_ITEM = re.compile(r"^[ \t]*(?:[-*+•]|\d{1,9}[.)])[ \t]+\S")
_LOOSE = re.compile(r"(?<=\S)\n[ \t]*\n(?=[ \t]*(?:[-*+•]|\d{1,9}[.)])[ \t]+\S)")  # a blank line above a list item
_TABLE_LINE = re.compile(r"^[ \t]*\|.*\|[ \t]*$")
_TABLE_RULE = re.compile(r"^[ \t|:-]+$")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:[ \t]*[\"']?(.+?)[\"']?[ \t]*$", re.MULTILINE)
_INLINE = (
    (re.compile(r"!?\[([^\]]*)\]\([^()\s]*(?:\s+\"[^\"]*\")?\)"), r"\1"),  # links and images: their text
    (re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1"), r"\2"),
    (re.compile(r"(?<![\w*])\*(?=[^\s*])(.+?)(?<=[^\s*])\*(?![\w*])"), r"\1"),
)
# A sentence ends at its mark when space follows; in Korean writing the space is often left out ("입니다.그리고").
_SENTENCE = re.compile(r"(?:(?<=[.!?…])|(?<=[.!?…][\"'”’)\]]))\s+|(?<=[가-힣][.!?])(?=[가-힣])|(?<=[。！？])\s*")
# An abbreviation, an initial, or the number of an item.
_NO_END = re.compile(r"(?:\b(?i:mr|mrs|ms|dr|prof|st|no|vs|e\.g|i\.e|fig|sec|vol|approx)|\b[A-Z]|^\d{1,3})\.$")
_LINE_END = re.compile(r"[.!?。！？…:][\"'”’)\]]*$")


@dataclass(frozen=True)
class Passage:
    title: str
    text: str


@dataclass(frozen=True)
class _Block:
    """A stretch of lines that belong together; `head` is repeated above each part if it must be parted."""

    lines: list[str]
    kind: str = "text"  # text, list, table, code
    head: str = ""


def cut(text: str, title: str = "", markdown: bool = True) -> tuple[str, list[Passage]]:
    """The document's title (given, else its first heading) and its passages."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not markdown:
        return title[:TITLE], [Passage(title[:TITLE], part) for block in _plain(text) for part in _parts(block)]
    text, title = _without_front_matter(text, title)
    found: list[tuple[tuple[str, ...], str]] = []
    for headings, block in _markdown(_LOOSE.sub("\n", _COMMENT.sub("", text))):
        title = title or (headings[0] if headings else "")
        found += [(headings, part) for part in _parts(block)]
    return title[:TITLE], [Passage(_titled(title, headings), part) for headings, part in found]


def sentences(text: str) -> list[str]:
    """Korean and English; an abbreviation, an initial or a numbered item's dot ends none."""
    found: list[str] = []
    for piece in _SENTENCE.split(text):
        if found and _NO_END.search(found[-1]):
            found[-1] += " " + piece
        elif piece:
            found.append(piece)
    return found


def _without_front_matter(text: str, title: str) -> tuple[str, str]:
    front = _FRONT.match(text)
    if not front:
        return text, title
    named = _FRONT_TITLE.search(front[1])
    return text[front.end() :], title or (named[1] if named else "")


def _titled(title: str, headings: tuple[str, ...]) -> str:
    return " › ".join(dict.fromkeys(part for part in (title, *headings) if part))[:TITLE]


def _plain(text: str) -> Iterator[_Block]:
    """Blank lines part paragraphs; so does a line that ends a sentence, since many files have one fact a line."""
    for paragraph in re.split(r"\n[ \t]*\n", text):
        lines: list[str] = []
        for line in paragraph.split("\n"):
            lines.append(line)
            if _LINE_END.search(line.rstrip()):
                yield _Block(lines)
                lines = []
        yield _Block(lines)


def _markdown(text: str) -> Iterator[tuple[tuple[str, ...], _Block]]:
    """Each block under the headings that stand above it."""
    headings: list[tuple[int, str]] = []
    lead = ""  # "You need:" says nothing without the list below it
    for kind, lines in _grouped(text.split("\n")):
        titles = tuple(name for _, name in headings if name)
        if lead and kind != "list":
            yield titles, _Block([lead])
        introduces = kind == "text" and _clean(" ".join(lines)).endswith((":", "："))
        if kind.startswith("h"):
            level = int(kind[1:])
            headings = [*(above for above in headings if above[0] < level), (level, _clean(lines[0]))]
        elif not introduces:
            yield titles, _block(kind, lines, lead if kind == "list" else "")
        lead = _clean(" ".join(lines)) if introduces else ""
    if lead:
        yield tuple(name for _, name in headings if name), _Block([lead])


def _block(kind: str, lines: list[str], lead: str) -> _Block:
    if kind == "table":
        rows = [_row(line) for line in lines if not _TABLE_RULE.match(line)]
        return _Block(rows[1:] or rows, kind, rows[0] if len(rows) > 1 else "")
    if kind == "list":
        return _Block([_clean(line) for line in _items(lines)], kind, lead)
    return _Block(lines if kind == "code" else [_clean(line) for line in lines], kind)


def _grouped(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Runs of lines of one kind: h1..h6, text, list, table, code."""
    group: list[str] = []
    kind = ""
    fence = ""
    for line in lines:
        now, line = _kind(line, kind, fence)
        if now == "fence":
            if group:
                yield kind, group
            group, kind, fence = ([], "", "") if fence else ([], "code", _FENCE.match(line)[1])  # type: ignore[index]
            continue
        if now == "underline" and group:
            yield "h1" if line.lstrip()[0] == "=" else "h2", [" ".join(group)]
            group, kind = [], ""
            continue
        if now != kind or now.startswith("h"):
            if group:
                yield kind, group
            group = []
        kind = now
        if now:
            group.append(line)
    if group:
        yield kind, group


def _kind(line: str, before: str, fence: str) -> tuple[str, str]:
    """What a line is, given what the line before was, and the line without its marks."""
    if fence:
        closes = _FENCE.match(line)
        ends = bool(closes) and closes[1].startswith(fence) and not line.strip().strip(fence[0])  # type: ignore[index]
        return ("fence" if ends else "code"), line
    if _FENCE.match(line):
        return "fence", line
    line = re.sub(r"^ {0,3}(?:> ?)+", "", line)
    if heading := _HEADING.match(line):
        return f"h{len(heading[1])}", heading[2] or ""
    if before == "text" and _UNDERLINE.match(line):
        return "underline", line
    if not line.strip() or _RULE.match(line):
        return "", line
    if before in ("", "code") and line.startswith(("    ", "\t")):
        return "code", line
    if _TABLE_LINE.match(line):
        return "table", line
    if _ITEM.match(line) or (before == "list" and line[0] in " \t"):
        return "list", line
    return ("list" if before == "list" else "text"), line


def _items(lines: list[str]) -> list[str]:
    """One string an item: a line without a mark goes on with the item above."""
    items: list[str] = []
    for line in lines:
        if _ITEM.match(line) or not items:
            items.append(line.strip())
        else:
            items[-1] += " " + line.strip()
    return items


def _row(line: str) -> str:
    return " | ".join(_clean(cell) for cell in line.strip().strip("|").split("|"))


def _clean(text: str) -> str:
    for pattern, instead in _INLINE:
        text = pattern.sub(instead, text)
    return " ".join(text.split())


def _parts(block: _Block) -> Iterator[str]:
    if block.kind == "text":
        yield from _packed(sentences(" ".join(" ".join(block.lines).split())), " ")
        return
    lines = [line.rstrip() for line in block.lines if line.strip()]
    head = block.head if len(block.head) <= LIMIT // 2 else ""
    if block.head and not head:
        yield from _packed(sentences(block.head), " ")
    room = LIMIT - len(head) - 1 if head else LIMIT
    for part in _packed(lines, "\n", room):
        yield f"{head}\n{part}" if head else part


def _packed(pieces: list[str], glue: str, limit: int = LIMIT) -> Iterator[str]:
    """As many pieces a passage as fit; a piece that is too long itself is cut where it hurts least."""
    held = ""
    for piece in chain.from_iterable(_short(whole, limit) for whole in pieces):
        if held and len(held) + len(glue) + len(piece) > limit:
            yield held
            held = piece
        else:
            held = f"{held}{glue}{piece}" if held else piece
    if held.strip():
        yield held


def _short(piece: str, limit: int) -> Iterator[str]:
    while len(piece) > limit:
        at = max((piece.rfind(mark, limit // 2, limit) + len(mark) for mark in ("; ", ", ", "，", " ")), default=0)
        at = at if at > limit // 2 else limit
        yield piece[:at].rstrip()
        piece = piece[at:].lstrip()
    if piece:
        yield piece

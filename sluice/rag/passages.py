"""Cuts a document into passages: paragraphs short enough for four of them to fit a prompt, titled by their headings.

Pure text in, passages out. In Markdown a heading titles what follows and is no passage itself, lists and tables stay
whole where they fit, a list stays with the line that introduces it, and code keeps its lines.

Its time grows with the text and no faster, whatever the text: anyone may upload one, and the server waits meanwhile.
So whatever a pattern here repeats without a bound, it gives nothing back of (`*+`, `++`), and it begins where no other
match could have begun in the same run. Where a mark needs its counterpart, the next one is looked up once and kept
(`_unmark`, `_unlink`, `_without_comments`), and what grows is joined once, at its end.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

LIMIT = 400  # characters of a passage
TITLE = 200  # characters of a title

_FENCE = re.compile(r"^ {0,3}(`{3,}+|~{3,}+)")
_HEADING = re.compile(r"^ {0,3}(#{1,6})(?![^ \t])")
_UNDERLINE = re.compile(r"^ {0,3}(=++|-{2,}+)[ \t]*+$")
_RULE = re.compile(r"^ {0,3}([-*_])(?:[ \t]*+\1){2,}+[ \t]*+$")
_ITEM = re.compile(r"^[ \t]*+(?:[-*+•]|\d{1,9}[.)])[ \t]++\S")
# A blank line above a list item.
_LOOSE = re.compile(r"(?<=\S)\n[ \t]*+\n(?=[ \t]*+(?:[-*+•]|\d{1,9}[.)])[ \t]++\S)")
_BLANK = re.compile(r"\n[ \t]*+\n")
_QUOTE = re.compile(r"^ {0,3}(?:> ?)++")
_TABLE_RULE = re.compile(r"^[ \t|:-]++$")
_FRONT = re.compile(r"---[ \t]*+\n")
_FRONT_END = re.compile(r"\n(?:---|\.\.\.)[ \t]*+(?:\n|\Z)")
_FRONT_TITLE = re.compile(r"^title:(.*+)$", re.MULTILINE)
_LINK_TARGET = re.compile(r"\([^()\s]*+(?:\s++\"[^\"]*+\")?\)")  # what stands behind the text of a link or an image
_MARKS = (  # of bold and slanted text: where one opens, and where it closes
    (re.compile(r"\*\*(?=\S)"), re.compile(r"(?<=\S)\*\*")),
    (re.compile(r"__(?=\S)"), re.compile(r"(?<=\S)__")),
    (re.compile(r"(?<![\w*])\*(?=[^\s*])"), re.compile(r"(?<=[^\s*])\*(?![\w*])")),
)
# A sentence ends at its mark when space follows; in Korean writing the space is often left out ("입니다.그리고").
_SENTENCE = re.compile(r"(?:(?<=[.!?…])|(?<=[.!?…][\"'”’)\]]))\s++|(?<=[가-힣][.!?])(?=[가-힣])|(?<=[。！？])\s*+")
_NO_END = re.compile(r"\b(?:(?i:mr|mrs|ms|dr|prof|st|no|vs|e\.g|i\.e|fig|sec|vol|approx)|[A-Z])\.$")
_NUMBER = re.compile(r"^\d{1,3}\.$")
_LINE_END = re.compile(r"[.!?。！？…:][\"'”’)\]]*+$")


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
    text, title = _without_front_matter(text, title[:TITLE])
    parts: list[tuple[tuple[str, ...], str]] = []
    for headings, block in _markdown(_LOOSE.sub("\n", _without_comments(text))):
        title = title or (headings[0] if headings else "")
        parts += [(headings, part) for part in _parts(block)]
    return title[:TITLE], [Passage(_titled(title, headings), part) for headings, part in parts]


def sentences(text: str) -> list[str]:
    """Korean and English; an abbreviation, an initial or a numbered item's dot ends none."""
    sentences: list[list[str]] = []
    for piece in filter(None, _SENTENCE.split(text)):
        if sentences and _goes_on(sentences[-1]):
            sentences[-1].append(piece)
        else:
            sentences.append([piece])
    return [" ".join(pieces) for pieces in sentences]


def _goes_on(pieces: list[str]) -> bool:
    """After an abbreviation, after an initial, and after a number that stands alone."""
    return bool(_NO_END.search(pieces[-1]) or (len(pieces) == 1 and _NUMBER.search(pieces[0])))


def _without_front_matter(text: str, title: str) -> tuple[str, str]:
    front = _FRONT.match(text)
    end = _FRONT_END.search(text, front.end()) if front else None
    if not front or not end:
        return text, title
    named = _FRONT_TITLE.search(text, front.end(), end.start())
    return text[end.end() :], title or (_unquoted(named[1].strip()) if named else "")[:TITLE]


def _unquoted(value: str) -> str:
    begin = 1 if value.startswith(("'", '"')) else 0
    return value[begin:-1] if value.endswith(("'", '"')) else value[begin:]


def _without_comments(text: str) -> str:
    """One that is never closed is text."""
    pieces: list[str] = []
    at = 0
    while (begin := text.find("<!--", at)) >= 0 and (end := text.find("-->", begin + 4)) >= 0:
        pieces.append(text[at:begin])
        at = end + 3
    return "".join(pieces) + text[at:]


def _titled(title: str, headings: tuple[str, ...]) -> str:
    return " › ".join(dict.fromkeys(part for part in (title, *headings) if part))[:TITLE]


def _plain(text: str) -> Iterator[_Block]:
    """Blank lines part paragraphs; so does a line that ends a sentence, since many files have one fact a line."""
    for paragraph in _BLANK.split(text):
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
            headings = [*(above for above in headings if above[0] < level), (level, _clean(lines[0])[:TITLE])]
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
    line = _QUOTE.sub("", line)
    if heading := _HEADING.match(line):
        return f"h{len(heading[1])}", _heading(line[heading.end() :])
    if before == "text" and _UNDERLINE.match(line):
        return "underline", line
    if not line.strip() or _RULE.match(line):
        return "", line
    if before in ("", "code") and line.startswith(("    ", "\t")):
        return "code", line
    if len(row := line.strip(" \t")) > 1 and row.startswith("|") and row.endswith("|"):
        return "table", line
    if _ITEM.match(line) or (before == "list" and line[0] in " \t"):
        return "list", line
    return ("list" if before == "list" else "text"), line


def _heading(line: str) -> str:
    """What a heading says, without the marks that may close it."""
    title = line.strip(" \t")
    opened = title.rstrip("#")
    return opened.rstrip(" \t") if opened.endswith((" ", "\t")) else title


def _items(lines: list[str]) -> list[str]:
    """One string an item: a line without a mark goes on with the item above."""
    items: list[list[str]] = []
    for line in lines:
        if _ITEM.match(line) or not items:
            items.append([])
        items[-1].append(line.strip())
    return [" ".join(item) for item in items]


def _row(line: str) -> str:
    return " | ".join(_clean(cell) for cell in line.strip().strip("|").split("|"))


def _clean(text: str) -> str:
    text = _unlink(text)
    for opens, closes in _MARKS:
        text = _unmark(text, opens, closes)
    return " ".join(text.split())


def _unlink(text: str) -> str:
    """Links and images are their text: it begins at the first bracket since the last one that closed."""
    pieces: list[str] = []
    at = searched = 0
    while (end := text.find("]", searched)) >= 0:
        begin = text.find("[", searched, end)
        target = _LINK_TARGET.match(text, end + 1) if begin >= 0 else None
        if target:
            image = begin > searched and text[begin - 1] == "!"
            pieces += [text[at : begin - image], text[begin + 1 : end]]
            at = target.end()
        searched = target.end() if target else end + 1
    return "".join(pieces) + text[at:]


def _unmark(text: str, opens: re.Pattern[str], closes: re.Pattern[str]) -> str:
    """Takes pairs of marks away, and leaves those that have no counterpart. Both patterns are of a fixed width."""
    pieces: list[str] = []
    at = 0
    last = closes.search(text)
    while last and (first := opens.search(text, at)):
        while last and last.start() <= first.end():  # there is something between the two
            last = closes.search(text, last.start() + 1)
        if last:
            pieces += [text[at : first.start()], text[first.end() : last.start()]]
            at = last.end()
    return "".join(pieces) + text[at:]


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
    chunk = ""
    for piece in chain.from_iterable(_short(whole, limit) for whole in pieces):
        if chunk and len(chunk) + len(glue) + len(piece) > limit:
            yield chunk
            chunk = piece
        else:
            chunk = f"{chunk}{glue}{piece}" if chunk else piece
    if chunk.strip():
        yield chunk


def _short(piece: str, limit: int) -> Iterator[str]:
    begin = 0
    while len(piece) - begin > limit:
        window = piece[begin : begin + limit]
        at = max((window.rfind(mark, limit // 2) + len(mark) for mark in ("; ", ", ", "，", " ")), default=0)
        at = at if at > limit // 2 else limit
        yield window[:at].rstrip()
        begin += at
        while begin < len(piece) and piece[begin].isspace():
            begin += 1
    if begin < len(piece):
        yield piece[begin:]

"""A long list in a YAML file, item by item: libyaml builds a document only whole, and a large one fills the memory.

What is split is the usual form, a single key with a block of items below it. Every line that begins an item can be told
by its indentation: nothing inside an item is indented so little, but for quoted text and brackets over several lines.
Where such a thing was cut in two, its first part is no YAML; then, as for any other form and any mistake, `NotSplit` is
raised and the file must be read whole, which also finds the right line for the message.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from sluice.yaml_file import Strict

BATCH = 2_000  # lines that are parsed at once, at least
NOTHING = re.compile(r"\s*(#.*)?$")
ITEM = re.compile(r"( *)-(\s|$)")


class NotSplit(Exception):
    """This file has to be read whole."""


def iterate_items(path: Path, key: str, batch: int = BATCH) -> Iterator[Any]:
    """Yield the items of the list under `key`, as plain values. Raises NotSplit, perhaps after some of them."""
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for text in split_items(lines, key, batch):
                batch_items = yaml.load(text, Loader=Strict)  # a subclass of the safe loader
                if not isinstance(batch_items, list):
                    raise NotSplit
                yield from batch_items
    except (yaml.YAMLError, UnicodeDecodeError):
        raise NotSplit from None


def split_items(lines: Iterator[str], key: str, batch: int) -> Iterator[str]:
    """Yield the list's text in pieces, each of at least `batch` lines and of whole items only."""
    skip_to_list(lines, key)
    indent: str | None = None
    piece: list[str] = []
    for line in lines:
        item = ITEM.match(line)
        if item and indent in (None, item[1]):
            if indent is not None and len(piece) >= batch:
                yield "".join(piece)
                piece = []
            indent = item[1]
        elif not NOTHING.match(line) and (indent is None or not line.startswith(indent + " ")):
            raise NotSplit  # the list has ended, or this is no list
        piece.append(line)
    if indent is None:
        raise NotSplit
    yield "".join(piece)


def skip_to_list(lines: Iterator[str], key: str) -> None:
    """Read `lines` up to and including the line with the key. Raises NotSplit if something else comes first."""
    first = re.compile(rf"{re.escape(key)}:\s*(#.*)?$")
    for line in lines:
        if first.match(line):
            return
        if not NOTHING.match(line):
            break
    raise NotSplit

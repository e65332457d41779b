"""The figures that everything here rests on: one JSON file per table, each saying where its columns come from.

`about`, `as_of`, `key` (the columns that tell rows apart) and `sources` (what, url, how) head every file; `columns`
give type, unit, meaning and source of each; `rows` follow. A value that is not known is left out of its row.
`schema.json` is the form of them all; `python -m sluice.lmi.provenance` checks them and prints every figure's source.
"""

import json
import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

Row = Mapping[str, Any]


@cache
def read(name: str) -> Mapping[str, Any]:
    """Read the whole table, its head included."""
    table: dict[str, Any] = json.loads(pkgutil.get_data(__name__, f"{name}.json") or b"{}")  # also inside an archive
    return table


def rows(name: str) -> Sequence[Row]:
    table_rows: list[Row] = read(name)["rows"]
    return table_rows


@cache
def by(name: str, key: str) -> Mapping[Any, Row]:
    """The rows of a table by the column that names them."""
    return {row[key]: row for row in rows(name)}

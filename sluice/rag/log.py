"""One JSON line for each chat and each change of the documents, on the logger `sluice.rag`.

SageMaker keeps no inputs and outputs, so this line and the history table are where they can be found again. The user
is written as given: give the server an id that may stand in a log.
"""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any

LOG = logging.getLogger("sluice.rag")
# What JSON leaves as it is, but a terminal or a viewer would obey: C1 controls, line separators, text direction, halves
# of characters.
_OBEYED = re.compile("[\x7f-\x9f\u061c\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def line(**what: Any) -> str:
    entry = {"time": datetime.now(UTC).isoformat(timespec="milliseconds")} | what
    return _OBEYED.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(entry, ensure_ascii=False))


def write(**what: Any) -> None:
    LOG.info("%s", line(**what))


class _Plain(logging.Formatter):
    """The server's own lines are JSON already; everything else becomes JSON too."""

    def format(self, record: logging.LogRecord) -> str:
        if record.name == LOG.name:
            return record.getMessage()
        more = {"trace": self.formatException(record.exc_info)} if record.exc_info else {}
        return line(level=record.levelname.lower(), logger=record.name, message=record.getMessage(), **more)


def to_stderr() -> None:
    """What `serve` does with the lines. A program that embeds the server decides for itself."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Plain())
    LOG.handlers = [handler]
    LOG.setLevel(logging.INFO)
    LOG.propagate = False

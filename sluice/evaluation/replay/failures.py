"""How a request can fail, by what follows from it for the replay.

SluiceError
  Busy          throttled or cold: asked again, within the run's patience
  Refused       this request was refused, failed or took too long: its case has failed, if others are answered
  TargetDown    nothing can be said about its answers: the run ends as an error
    Lost        the connection broke: asked again a few times, if the endpoint has answered before
"""

import json

from sluice.errors import SluiceError
from sluice.wording import one_line

BUSY = frozenset({408, 429, 502, 503, 504})  # says that the server is in trouble, and nothing about this request
DOWN = frozenset({401, 403, 404, 405, 407})  # would be said of every request: the address or the permission is wrong
LONGEST_QUOTE = 300


class TargetDown(SluiceError):
    """The model server cannot be reached or does not work: nothing can be said about its answers."""


class Lost(TargetDown):
    """The connection broke in the middle: once may be chance."""


class Busy(SluiceError):
    """The server answers nothing at the moment. `after`: seconds after which it said that it may."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class Refused(SluiceError):
    """The server would not answer this request, or failed at it."""


def classify_status(status: int, reason: str, after: str | None = None) -> Busy | Refused | TargetDown:
    """The failure that a status stands for; `after` is its Retry-After, in seconds."""
    if status in BUSY:
        return Busy(reason, float(after) if after and after.isdecimal() else None)
    return TargetDown(reason) if status in DOWN else Refused(reason)


def describe_error(status: int, body: bytes) -> str:
    """The status and the server's own error message, in one line."""
    text = body.decode("utf-8", "replace")
    try:
        error = json.loads(text).get("error", text)
        text = error.get("message", str(error)) if isinstance(error, dict) else str(error)
    except (ValueError, AttributeError, RecursionError):
        pass  # not JSON: the text says it as well as anything
    line = one_line(text, LONGEST_QUOTE)
    return f"HTTP {status}" + (f": {line}" if line else "")

"""A replay's progress in a line: chats done, the rate, and the time that remains."""

import time
from collections.abc import Callable

from sluice.evaluation.results import Chat

SURE = 2.0  # seconds before the rate says anything


class ProgressReporter:
    """Called for every chat that ends; writes a line at most every `every` seconds, and then one at the end."""

    def __init__(self, write: Callable[[str], None], every: float, now: Callable[[], float] = time.monotonic) -> None:
        self._write, self._every, self._now = write, every, now
        self._started = self._reported_at = now()
        self._chats = self._turns = self._failed = 0

    def __call__(self, completed: int, of: int, chat: Chat) -> None:
        self._chats += 1  # not `completed`: an interrupted run that goes on has some from before
        self._turns += len(chat.turns)
        self._failed += not chat.passed
        now = self._now()
        reported = self._reported_at > self._started
        if now - self._reported_at >= self._every or (completed == of and reported):  # over at once: no line
            self._reported_at = now
            self._write(self.line(completed, of, now - self._started))

    def line(self, completed: int, of: int, seconds: float) -> str:
        parts = [f"{completed:,} of {of:,} chats"]
        if self._failed:
            parts.append(f"{self._failed:,} failed")
        if seconds >= SURE:
            parts.append(f"{self._turns / seconds:,.1f} turns/s")
            if completed < of:
                parts.append(f"about {format_seconds((of - completed) * seconds / self._chats)} left")
        return ", ".join(parts)


def format_seconds(seconds: float) -> str:
    """Format seconds as a clock does: 75.2 as 1:15."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

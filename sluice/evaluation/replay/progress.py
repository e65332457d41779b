"""A replay's progress in a line: chats done, the rate, and the time that remains."""

import time
from collections.abc import Callable

from sluice.evaluation.results import Chat

SURE = 2.0  # seconds before the rate says anything


class Watch:
    """Told of every chat that ends; says a line at most every so many seconds, and then one at the end."""

    def __init__(self, say: Callable[[str], None], every: float, now: Callable[[], float] = time.monotonic) -> None:
        self._say, self._every, self._now = say, every, now
        self._started = self._said = now()
        self._chats = self._turns = self._failed = 0

    def __call__(self, done: int, of: int, chat: Chat) -> None:
        self._chats += 1  # not `done`: an interrupted run that goes on has some from before
        self._turns += len(chat.turns)
        self._failed += not chat.passed
        now = self._now()
        told = self._said > self._started
        if now - self._said >= self._every or (done == of and told):  # one that is over at once needs no word
            self._said = now
            self._say(self.line(done, of, now - self._started))

    def line(self, done: int, of: int, seconds: float) -> str:
        parts = [f"{done:,} of {of:,} chats"]
        if self._failed:
            parts.append(f"{self._failed:,} failed")
        if seconds >= SURE:
            parts.append(f"{self._turns / seconds:,.1f} turns/s")
            if done < of:
                parts.append(f"about {clock((of - done) * seconds / self._chats)} left")
        return ", ".join(parts)


def clock(seconds: float) -> str:
    """75.2 as 1:15."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

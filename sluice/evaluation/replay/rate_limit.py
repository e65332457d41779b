"""How fast a replay may ask, and how long it bears with an endpoint that answers nothing but "not now"."""

import threading
import time
from collections.abc import Callable

Now = Callable[[], float]
FIRST, LONGEST = 0.25, 15.0  # seconds before an endpoint is asked again: doubled each time, up to the longest


class TokenBucket:
    """A bucket of tokens, filled `per_second`, that holds up to `burst`: each request takes one. None: no limit."""

    def __init__(self, per_second: float | None, burst: float = 1.0, now: Now = time.monotonic) -> None:
        self._every = 1 / per_second if per_second else 0.0
        self._ahead = self._every * (burst - 1)
        self._now = now
        self._next = now()  # when the bucket that is empty then holds a whole token again
        self._lock = threading.Lock()

    def delay(self) -> float:
        """Take the next token; return the seconds until it is there. Those who come at once get one after the other."""
        if not self._every:
            return 0.0
        with self._lock:
            now = self._now()
            at = max(self._next, now - self._ahead)
            self._next = at + self._every
            return max(at - now, 0.0)


class RetryBudgetSpent(Exception):
    """The endpoint has said nothing but "not now" for as long as the run bears it."""


class RetryBudget:
    """A run's budget of seconds for throttled and cold endpoints.

    What counts is the time in which the endpoint did nothing but refuse: from one refusal to the next, if nobody in the
    run got an answer in between. A few throttled requests among many answered ones use up little of it, a cold endpoint
    all of it.
    """

    def __init__(self, seconds: float, now: Now = time.monotonic) -> None:
        self.seconds = seconds
        self._now = now
        self._spent = 0.0
        self._refused: float | None = None  # when it last was, if nobody was answered since
        self._lock = threading.Lock()

    def record_answer(self) -> None:
        """Somebody got an answer: the time since the last refusal is not counted."""
        self._refused = None

    def pause(self, attempt: int, retry_after: float | None = None) -> float:
        """Seconds before the request is asked again after its `attempt`th refusal, which may have named some itself.

        Raises RetryBudgetSpent if the budget is used up; the last pause ends with it.
        """
        import random  # only trouble needs it, and start-up counts

        with self._lock:
            before, self._refused = self._refused, self._now()
            self._spent += 0.0 if before is None else self._refused - before
            remaining = self.seconds - self._spent
        if remaining <= 0:
            raise RetryBudgetSpent
        backoff = min(FIRST * 2.0 ** min(attempt - 1, 10), LONGEST)
        return min(max(random.uniform(backoff / 2, backoff), retry_after or 0.0), remaining)

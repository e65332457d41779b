"""One request of a replay: within the rate, again while the endpoint is throttled or cold, and classed if it fails."""

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from sluice.chat_api import BadReply, Reply
from sluice.evaluation.replay.failures import Busy, Lost, Refused, TargetDown
from sluice.evaluation.replay.rate_limit import Now, RetryBudget, RetryBudgetSpent, TokenBucket
from sluice.evaluation.replay.target import TimedReply, as_timed_reply

LOSSES, PAUSE = 2, 0.5  # how often a lost connection is tried again, and after how many seconds

Send = Callable[[], Reply]


class Interrupted(Exception):
    """The replay was stopped while a request waited."""


@dataclass(frozen=True)
class RequestResult:
    reply: TimedReply
    latency_ms: float  # of the attempt that was answered: pauses and refusals before it are not the model's
    attempts: int


class Requester:
    """What all requests of a run share: its rate, its retry budget, and when the endpoint answered last."""

    def __init__(
        self,
        requests_per_second: float | None,
        retry_seconds: float,
        stopped: threading.Event,
        now: Now = time.perf_counter,
    ) -> None:
        self._bucket = TokenBucket(requests_per_second, now=now)
        self._retry_budget = RetryBudget(retry_seconds, now=now)
        self._now = now
        self._stopped = stopped
        self._last_answer = float("-inf")
        self._probing = threading.Lock()

    def request(self, send: Send, probe: Send, repeatable: bool = True) -> RequestResult:
        """Send until an answer comes. Raises Refused or BadReply if the request is at fault, TargetDown, Interrupted.

        `probe` asks something harmless: an endpoint that answers nothing else has not refused this one request, it is
        down. What is not `repeatable` is not sent again when the connection broke after it was sent.
        """
        losses = 0
        for attempt in itertools.count(1):
            self._wait(self._bucket.delay())
            started = self._now()
            try:
                reply = as_timed_reply(send())
            except Busy as busy:
                self._wait(self._pause(attempt, busy))
            except Lost:
                losses += 1
                if losses > LOSSES or not repeatable or self._last_answer == float("-inf"):
                    raise
                self._wait(PAUSE)
            except (Refused, BadReply) as error:
                self._check_alive(probe, error)
                raise
            else:
                ended = self._now()
                self._record_answer(ended)
                took = (ended - started) * 1000 if reply.latency_ms is None else reply.latency_ms
                return RequestResult(reply, took, attempt)
        raise AssertionError("counting does not end")

    def _record_answer(self, at: float) -> None:
        self._last_answer = at
        self._retry_budget.record_answer()

    def _wait(self, seconds: float) -> None:
        if (seconds > 0 and self._stopped.wait(seconds)) or self._stopped.is_set():
            raise Interrupted

    def _pause(self, attempt: int, busy: Busy) -> float:
        try:
            return self._retry_budget.pause(attempt, busy.after)
        except RetryBudgetSpent:
            spent = f"for {self._retry_budget.seconds:g} s it said nothing else"
            raise TargetDown(f"The endpoint stays busy: {busy.message} ({spent}).") from None

    def _check_alive(self, probe: Send, error: Refused | BadReply) -> None:
        """Raise TargetDown unless the endpoint still answers others; an answer before the failure proves nothing."""
        failed = self._now()
        with self._probing:
            if self._last_answer > failed:
                return
            self._wait(0)
            try:
                probe()
            except Busy:
                return
            except (Refused, BadReply) as further:
                why = f"It answers nothing, not even a greeting: {further.message}"
                raise TargetDown(f"{error.message} {why}") from None
            self._record_answer(self._now())

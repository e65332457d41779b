"""Continuous batching: chats join and leave between two steps; company changes when an answer comes, not what it is.

One thread computes. Between two steps it takes in at most one piece of one prompt, so a long prompt does not stall the
answers that run, and it drops the chats whose client has gone.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sluice.tinylmi.engine import Cache
from sluice.tinylmi.folder import Array
from sluice.tinylmi.sampling import Sampler, log_probability
from sluice.tinylmi.text import AnswerText

log = logging.getLogger("tinylmi")


class Decoder(Protocol):
    def cache(self, most: int) -> Cache: ...
    def read(self, ids: Sequence[int], cache: Cache) -> Array: ...
    def step(self, tokens: Sequence[int], caches: Sequence[Cache]) -> Array: ...


class QueueFull(Exception):
    """As many requests wait as may wait."""


class EngineDead(Exception):
    """The thread that computes has ended."""


@dataclass(frozen=True)
class Event:
    """One token of an answer; the last one has a reason, or an error."""

    text: str = ""
    token: int | None = None
    log_probability: float | None = None
    reason: str | None = None  # stop, length
    stopped_by: str | None = None  # the stop string
    error: str | None = None

    @property
    def last(self) -> bool:
        return self.reason is not None or self.error is not None


@dataclass(eq=False)
class Generation:
    ids: list[int]
    limit: int  # tokens of the answer, at least 1
    sampler: Sampler
    answer: AnswerText
    ends: frozenset[int]  # control tokens that end an answer
    listener: Callable[[Event], None]  # called on the computing thread
    log_probabilities: bool = False
    read: int = 0
    count: int = 0
    token: int = 0
    gone: bool = False
    cache: Cache | None = field(default=None, repr=False)

    def advance(self, logits: Array) -> bool:
        """Choose the next token and say what it adds; True if it was the last."""
        self.token = self.sampler.next(logits)
        self.count += 1
        certainty = log_probability(logits, self.token) if self.log_probabilities else None
        if self.token in self.ends:
            self.listener(Event(self.answer.end(), self.token, certainty, "stop"))
            return True
        text = self.answer.add(self.token)
        if self.answer.stopped_by is not None:
            self.listener(Event(text, self.token, certainty, "stop", self.answer.stopped_by))
        elif self.count >= self.limit:
            self.listener(Event(text + self.answer.end(), self.token, certainty, "length"))
        else:
            self.listener(Event(text, self.token, certainty))
            return False
        return True


class BatchScheduler:
    def __init__(self, model: Decoder, seats: int, queue: int, piece: int) -> None:
        self._model, self._seats, self._queue, self._piece = model, seats, queue, piece
        self._changed = threading.Condition()
        self._waiting: deque[Generation] = deque()
        self._reading: deque[Generation] = deque()
        self._talking: list[Generation] = []
        self._closing = False
        self._dead = False
        self._thread = threading.Thread(target=self._run, name="tinylmi", daemon=True)
        self._thread.start()

    @property
    def is_healthy(self) -> bool:
        """Whether the thread that computes is alive: what /ping must ask."""
        return self._thread.is_alive() and not self._dead

    def submit(self, job: Generation) -> None:
        with self._changed:
            if self._dead or self._closing:
                raise EngineDead
            if len(self._waiting) >= self._queue:
                raise QueueFull
            self._waiting.append(job)
            self._changed.notify()

    def cancel(self, job: Generation) -> None:
        """The client has gone: its place in the queue is free at once, its seat after the step that runs."""
        with self._changed:
            job.gone = True
            if job in self._waiting:
                self._waiting.remove(job)
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    @property
    def load(self) -> tuple[int, int]:
        """How many chats have a seat, and how many wait for one."""
        with self._changed:
            return len(self._reading) + len(self._talking), len(self._waiting)

    def _run(self) -> None:
        try:
            while self._seat():
                if self._reading:
                    self._read_a_piece()
                if self._talking:
                    self._step()
        except Exception as error:  # the thread's boundary: whatever it was, no request may hang on it
            log.exception("the engine has stopped")
            self._die(f"Inference Engine Failure: {type(error).__name__}")
        else:
            self._die("the server is stopping")

    def _seat(self) -> bool:
        """Drop who has gone, give free seats to who waits, sleep if there is nobody; False when closing."""
        with self._changed:
            while True:
                self._reading = deque(job for job in self._reading if not job.gone)
                self._talking = [job for job in self._talking if not job.gone]
                while self._waiting and len(self._reading) + len(self._talking) < self._seats:
                    self._reading.append(self._waiting.popleft())
                if self._closing:
                    return False
                if self._reading or self._talking:
                    return True
                self._changed.wait()

    def _read_a_piece(self) -> None:
        job = self._reading[0]
        if job.cache is None:
            job.cache = self._model.cache(len(job.ids) + job.limit)
        piece = job.ids[job.read : job.read + self._piece]
        logits = self._model.read(piece, job.cache)
        job.read += len(piece)
        if job.read < len(job.ids):
            self._reading.rotate(-1)  # the next prompt's turn: a short one need not wait for a long one
            return
        with self._changed:
            self._reading.popleft()
            if not job.advance(logits):
                self._talking.append(job)

    def _step(self) -> None:
        jobs = self._talking
        logits = self._model.step([job.token for job in jobs], [job.cache for job in jobs if job.cache is not None])
        ended = [job for job, row in zip(jobs, logits, strict=True) if job.advance(row)]
        with self._changed:
            self._talking = [job for job in jobs if job not in ended]

    def _die(self, why: str) -> None:
        with self._changed:
            self._dead = True
            jobs = [*self._waiting, *self._reading, *self._talking]
            self._waiting.clear()
            self._reading.clear()
            self._talking.clear()
        for job in jobs:
            job.listener(Event(error=why))

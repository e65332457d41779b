"""Replies kept on disk while cases are being written: the same request to the same target is asked only once.

Never for a gate: what is replayed from here says how the model answered once, and nothing of how it answers now.
"""

import hashlib
import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sluice.chat_api import Reply
from sluice.errors import SluiceError
from sluice.evaluation.replay.target import Target, TimedReply, as_timed_reply


class NoCache(SluiceError):
    """The folder cannot be used."""


class CachedTarget:
    """A target in front of another; `subject` says what that one calls. Only answers are kept, no failures."""

    def __init__(self, target: Target, folder: Path, subject: Mapping[str, Any]) -> None:
        self._target = target
        self._folder = folder
        self._subject = dict(subject)
        self.hits = 0  # about: threads may miss a count

    def __call__(self, request: dict[str, Any]) -> Reply:
        file = self._file(request)
        if cached := read_reply(file):
            self.hits += 1
            return cached
        started = time.perf_counter()
        reply = as_timed_reply(self._target(request))
        reply = replace(reply, latency_ms=(time.perf_counter() - started) * 1000)
        write_reply(file, reply)
        return reply

    def _file(self, request: Mapping[str, Any]) -> Path:
        text = json.dumps([self._subject, request], sort_keys=True)
        name = hashlib.sha256(text.encode()).hexdigest()
        return self._folder / name[:2] / f"{name[2:40]}.json"


def read_reply(file: Path) -> TimedReply | None:
    try:
        raw = json.loads(file.read_bytes())
        fields: dict[str, Any] = {name: tuple(each) if isinstance(each, list) else each for name, each in raw.items()}
        return TimedReply(**fields)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, AttributeError):
        return None  # half written, or by another version: asked again
    except OSError as error:
        raise NoCache(f"{file} cannot be read: {error.strerror}.") from None


def write_reply(file: Path, reply: TimedReply) -> None:
    partial = file.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(vars(reply), default=dict), encoding="utf-8")
        partial.replace(file)
    except OSError as error:
        raise NoCache(f"{file} cannot be written: {error.strerror}.") from None

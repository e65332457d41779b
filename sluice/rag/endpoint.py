"""Which endpoint to ask: the one the registry says is live, looked up in the background, and at once when it is gone.

If the registry cannot be reached, its last answer stays in use, and the age of that is told. If it answers that nothing
is live, that is the answer.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from sluice.errors import SluiceError
from sluice.registry import packages
from sluice.registry.packages import NothingLive

if TYPE_CHECKING:
    from types_boto3_sagemaker.client import SageMakerClient

LOG = logging.getLogger("sluice.rag.registry")
CONTEXT = ("OPTION_MAX_MODEL_LEN", "MAX_MODEL_LEN")


class RegistryUnreachable(SluiceError):
    """The registry cannot be asked, and was never reached before."""


@dataclass(frozen=True)
class Live:
    endpoint: str
    version: int
    arn: str = ""
    context: int | None = None  # tokens that question and answer share, where the package says so


@dataclass(frozen=True)
class RegistryLook:
    """One look at the registry: what is live, or why it is not known; `look` counts the looks."""

    live: Live | None
    nothing: NothingLive | None
    look: int
    reached: float  # when the registry last answered
    failure: str = ""  # why the latest look failed, if it did


def find_live(sagemaker: "SageMakerClient", group: str) -> Live:
    package = packages.find_live(sagemaker, group)
    context = next((package.environment[key] for key in CONTEXT if key in package.environment), "")
    return Live(package.endpoint_name, package.version, package.arn, int(context) if context.isdecimal() else None)


class LiveEndpointWatcher:
    """Knows the live endpoint without making a request wait for the registry, except the very first."""

    def __init__(
        self,
        find: Callable[[], Live],
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        stopping: threading.Event | None = None,
    ) -> None:
        self._find = find
        self._seconds = seconds
        self._clock = clock
        self._looking = threading.Lock()
        self._latest: RegistryLook | None = None
        self._stopping = stopping or threading.Event()
        self._thread: threading.Thread | None = None

    def current(self) -> tuple[Live, int]:
        """The live endpoint and the look that found it, which `renewed` wants if the endpoint turns out to be gone."""
        latest = self._latest or self._look_after(0)
        return _live(latest), latest.look

    def look_again(self, look: int) -> tuple[Live, int]:
        """What is live after a later look. However many requests ask at once, the registry is asked once."""
        latest = self._look_after(look)
        return _live(latest), latest.look

    def latest_look(self) -> tuple[RegistryLook | None, float]:
        """The latest look, and the seconds since the registry last answered."""
        latest = self._latest
        return latest, self._clock() - latest.reached if latest else 0.0

    def start(self) -> None:
        self._thread = threading.Thread(target=self.follow, name="follow-registry", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def follow(self) -> None:
        """Look, wait, and look again until the follower is stopped."""
        while True:
            try:
                self._look_after(self._latest.look if self._latest else 0)
            except RegistryUnreachable as error:
                LOG.warning("%s", error.message)
            except Exception:  # the thread must outlive what nobody foresaw; the next look may succeed
                LOG.exception("Looking up the live endpoint failed.")
            if self._stopping.wait(self._seconds):
                return

    def _look_after(self, look: int) -> RegistryLook:
        with self._looking:
            latest = self._latest
            if latest and latest.look > look:
                return latest  # somebody else looked while this one waited
            self._latest = self._look(latest)
            return self._latest

    def _look(self, before: RegistryLook | None) -> RegistryLook:
        look = before.look + 1 if before else 1
        try:
            latest = RegistryLook(self._find(), None, look, self._clock())
        except NothingLive as nothing:
            latest = RegistryLook(None, nothing, look, self._clock())
        except (ClientError, BotoCoreError, SluiceError) as error:
            if before is None:
                raise RegistryUnreachable(
                    f"The model registry cannot be reached: {error}", "Check the network and the server's role."
                ) from error
            LOG.warning("The registry cannot be reached, the last known endpoint stays in use: %s", error)
            return RegistryLook(before.live, before.nothing, look, before.reached, str(error))
        if before is None or before.live != latest.live:
            LOG.info("live: %s", latest.live or latest.nothing)
        return latest


def _live(look: RegistryLook) -> Live:
    if look.live is None:
        assert look.nothing is not None
        raise look.nothing.with_traceback(None)
    return look.live

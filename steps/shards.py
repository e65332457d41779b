"""One evaluation on several machines: each replays its share of the cases, and the first judges what all have learned.

They meet in S3, beside the report and under the name of the job: a step that is tried again is another job, and must
not take the earlier one's word. What is shared and how it is put together: `sluice.evaluation.replay.shards`.
"""

import json
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from sluice.errors import SluiceError
from sluice.evaluation.replay import shards
from sluice.evaluation.replay.engine import Progress, ReplayResult
from sluice.evaluation.replay.failures import TargetDown
from sluice.evaluation.replay.journal import FILE, Journal
from sluice.evaluation.replay.shards import Instance, InstanceState
from sluice.evaluation.results import Chat
from sluice.steps.hosting import Clock
from sluice.steps.inputs import Evaluate
from sluice.steps.job import print_line
from sluice.steps.run_context import RunContext

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

REPORT_SECONDS = 10.0  # seconds between two words to the others
SPARE_SECONDS = 600.0  # seconds that one machine may come later than another, or be silent at a long answer
SYSTEM = Clock()


class PartFailed(SluiceError):
    """This machine's share could not be replayed; the first one says so in the report."""


@dataclass(frozen=True)
class Share:
    """This machine among those of its job; `uri` is where they meet."""

    instance: Instance
    hosts: tuple[str, ...]  # all machines by their names; the first is this job's first
    s3: "S3Client"
    uri: str
    silence: float  # seconds after which one that tells nothing new is given up

    @property
    def first(self) -> bool:
        return self.instance.first

    @property
    def host(self) -> str:
        return self.hosts[self.instance.index]

    def upload_journal(self, replayed: ReplayResult, journal: Journal) -> str:
        """Put the journal where the first machine looks for it, and say so: the part of all but the first."""
        if replayed.down:
            self.publish_state(InstanceState(down=replayed.down.message))
            raise PartFailed(f"{self.host} could not replay its share: {replayed.down.message}")
        self.s3.upload_file(str(journal.path), *self._location(self.host, FILE))
        chats = sum(len(result.chats) for result in replayed.results)
        self.publish_state(InstanceState(chats, ended=True))
        return f"{self.host} has replayed its share, {chats} chats; {self.hosts[0]} judges."

    def merge_shares(
        self,
        own: ReplayResult,
        journal: Journal,
        context: RunContext,
        subject: Mapping[str, str],
        clock: Clock = SYSTEM,
    ) -> ReplayResult:
        """Return what all have learned, as if one machine had; `down` if a part is missing. The first one calls it."""
        if own.down:
            return own
        others = range(1, self.instance.count)
        print_line(f"{self.host} waits for {len(others)} other machines.")
        try:
            shards.wait_for_instances(self.read_state, others, self.silence, clock.monotonic, clock.sleep)
            with tempfile.TemporaryDirectory(prefix="sluice-shards-") as folder:
                journals = [journal, *(self._download_journal(index, Path(folder)) for index in others)]
                # read while the folder is there; a journal holds its file open
                return ReplayResult(shards.merge(context.cases, context.plan, subject, journals))
        except TargetDown as down:
            return ReplayResult((), down)

    def publish_state(self, state: InstanceState) -> None:
        bucket, key = self._location(self.host, "state.json")
        self.s3.put_object(Bucket=bucket, Key=key, Body=state.as_bytes())

    def read_state(self, index: int) -> InstanceState | None:
        bucket, key = self._location(self.hosts[index], "state.json")
        try:
            return InstanceState.from_bytes(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        except ClientError as error:
            if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
                return None
            raise

    def _download_journal(self, index: int, folder: Path) -> Journal:
        own = folder / str(index)
        own.mkdir()
        self.s3.download_file(*self._location(self.hosts[index], FILE), str(own / FILE))
        return Journal(own)

    def _location(self, name: str, file: str) -> tuple[str, str]:
        parts = urlsplit(self.uri)
        return parts.netloc, f"{parts.path.strip('/')}/{name}/{file}"


def read_share(inputs: Evaluate, s3: "S3Client") -> Share | None:
    """Read this machine's share from what SageMaker tells a job about itself; None if it has one machine."""
    report = Path(inputs.report)
    config = report.parents[1] / "config" if report.parent.name == "processing" else report / "config"
    try:
        resources = json.loads((config / "resourceconfig.json").read_text())
        arn = json.loads((config / "processingjobconfig.json").read_text())["ProcessingJobArn"]
    except FileNotFoundError:
        return None
    instance = shards.parse_instance(resources)
    if instance.count == 1:
        return None
    uri = f"{inputs.report_uri.rstrip('/')}/shards/{arn.rpartition('/')[2]}"
    return Share(instance, tuple(shards.sort_hosts(resources)), s3, uri, inputs.startup_seconds + SPARE_SECONDS)


class StateReporter:
    """A context in which the others are told how far this machine is; also a replay's progress."""

    def __init__(self, share: Share, progress: Progress, every: float = REPORT_SECONDS) -> None:
        self._share, self._progress, self._every = share, progress, every
        self._chats = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._publish_until_over, daemon=True)

    def __enter__(self) -> "StateReporter":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
        if error is not None:
            self._share.publish_state(InstanceState(down=str(error) or type(error).__name__))

    def __call__(self, chats: int, of: int, chat: Chat) -> None:
        self._chats = chats
        self._progress(chats, of, chat)

    def _publish_until_over(self) -> None:
        last = None
        while not self._over.wait(0 if last is None else self._every):
            if (state := InstanceState(self._chats)) != last:
                self._share.publish_state(state)
                last = state

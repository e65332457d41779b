"""Whether what is in S3 is a whole checkpoint: names, sizes and headers are read, no weights."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluice.errors import UsageError
from sluice.lmi import model
from sluice.lmi.model import ModelFacts
from sluice.preflight.account import stores
from sluice.preflight.account.context import CheckContext, bucket_and_key
from sluice.preflight.account.errors import Missing, NotAnswered
from sluice.preflight.account.reads import READS
from sluice.preflight.account.requirements import Client
from sluice.preflight.account.sources import DOCS, UNCOMPRESSED, account_rule
from sluice.preflight.finding import Finding, Location
from sluice.preflight.hosting import model_data
from sluice.preflight.hosting.checkpoint import Checkpoint

if TYPE_CHECKING:
    from sluice.preflight.account.client import AccountClient  # brings botocore

NO_MODEL = account_rule(
    "AWS016",
    "There is nothing under the model's prefix",
    "error",
    "documented",
    UNCOMPRESSED,
    "The prefix, or the archive, does not exist: CreateModel refuses it, or the endpoint fails while it downloads "
    "nothing. Keys are case-sensitive, and a prefix is not a folder: every letter counts.",
)
ARCHIVED = account_rule(
    "AWS017",
    "A file is archived",
    "error",
    "documented",
    f"{DOCS}/AmazonS3/latest/userguide/restoring-objects.html",
    "Objects in the classes GLACIER and DEEP_ARCHIVE cannot be read until they are restored, which takes hours. The "
    "download fails.",
)

ARCHIVE_CLASSES = {"GLACIER", "DEEP_ARCHIVE"}
ARCHIVES = (".tar.gz", ".tgz")
MOST_OBJECTS = 20_000


@dataclass(frozen=True)
class S3Checkpoint(Checkpoint):
    """A checkpoint as the objects under a prefix; `folder` is only its name."""

    account: "AccountClient"
    bucket: str
    prefix: str  # ends in a slash, or is empty

    @classmethod
    def at(cls, uri: str, account: "AccountClient") -> "S3Checkpoint":
        bucket, key = bucket_and_key(uri)
        return cls(Path(key or bucket), account, bucket, f"{key.rstrip('/')}/" if key else "")

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    @cached_property
    def objects(self) -> dict[str, dict[str, Any]]:
        """Every object by its key below the prefix; the empty ones that stand for folders are none."""
        where: dict[str, Any] = {"Bucket": self.bucket, "Prefix": self.prefix}
        by_key: dict[str, dict[str, Any]] = {}
        for page in self.account.pages("s3", "ListObjectsV2", **where, OptionalObjectAttributes=["RestoreStatus"]):
            files = (each for each in page.get("Contents", []) if not each["Key"].endswith("/"))
            by_key |= {each["Key"].removeprefix(self.prefix): each for each in files}
            if len(by_key) > MOST_OBJECTS:
                reason = f"{self.uri} holds more than {MOST_OBJECTS:,} objects, which is no checkpoint alone"
                raise NotAnswered(READS["s3", "ListObjectsV2"], "Too many", reason)
        return by_key

    @cached_property
    def sizes(self) -> dict[str, int]:
        return {name: each["Size"] for name, each in self.objects.items() if "/" not in name}

    def nested(self) -> Iterator[str]:
        for name in sorted(self.objects):
            folder, _, last = name.rpartition("/")
            if folder and last == "config.json":
                yield folder

    def archived(self) -> list[str]:
        """What cannot be read: in an archive, and not restored for a while."""
        cold = {name: each for name, each in self.objects.items() if each.get("StorageClass") in ARCHIVE_CLASSES}
        return [name for name, each in cold.items() if not (each.get("RestoreStatus") or {}).get("RestoreExpiryDate")]

    def _begins(self, name: str, count: int) -> bytes:
        last = min(count, self.sizes[name]) - 1
        return self.read(name, 0, last + 1) if last >= 0 else b""

    def read(self, name: str, start: int, length: int) -> bytes:
        """A part of an object. Raises NotAnswered."""
        return self.account.read_object(self.bucket, self.prefix + name, start, length)

    def _is_folder(self, name: str) -> bool:
        return any(each.startswith(f"{name}/") for each in self.objects)

    def _is_there(self, name: str) -> bool:
        return name in self.objects


def check_bucket(context: CheckContext) -> Iterator[Finding]:
    """Yields AWS014 and AWS015 for the model's own bucket, if it is not the release's."""
    if context.model_uri and (name := bucket_and_key(context.model_uri)[0]) != context.requirements.bucket:
        yield from stores.check_bucket_exists(context, name, _place(context), "the model cannot be downloaded")


def check_checkpoint(context: CheckContext) -> Iterator[Finding]:
    """Yields AWS016, AWS017, HST004, HST015, HST016, HST017 and HST018."""
    uri = context.model_uri
    if uri is None:
        return
    try:
        yield from _of_archive(context, uri) if uri.endswith(ARCHIVES) else _of_prefix(context, uri)
    except Missing as why:
        if why.code != "NoSuchBucket":  # the bucket's own finding
            raise


def _of_archive(context: CheckContext, uri: str) -> Iterator[Finding]:
    bucket, key = bucket_and_key(uri)
    try:
        head = context.account.call("s3", "HeadObject", Bucket=bucket, Key=key)
    except Missing:
        yield NO_MODEL.at(_place(context), f"There is no {uri}: CreateModel refuses it.")
        return
    if head["ContentLength"] == 0:
        yield NO_MODEL.at(_place(context), f"{uri} is empty: the endpoint fails when it unpacks it.")
    if head.get("StorageClass") in ARCHIVE_CLASSES and "expiry-date" not in head.get("Restore", ""):
        yield ARCHIVED.at(
            _place(context), f"{uri} is in {head['StorageClass']}: it cannot be downloaded before it is restored."
        )


def _of_prefix(context: CheckContext, uri: str) -> Iterator[Finding]:
    """What is said of a folder is said of a prefix too, by the same rules."""
    files = S3Checkpoint.at(uri, context.account)
    if not files.objects:
        what = f"There is nothing under {files.uri}: the endpoint has no model to load."
        yield NO_MODEL.at(_place(context), what)
    elif cold := files.archived():
        what = f"{_named(cold)}: archived, and cannot be downloaded before being restored, which takes hours."
        yield ARCHIVED.at(_place(context), what)
    else:
        yield from model_data.check_checkpoint(context.setup, files)


def read_model_facts(uri: str, client: Client) -> ModelFacts | None:
    """The shape of the checkpoint under an S3 prefix, read off its own files; None if they cannot be read, or are of
    no decoder."""
    from sluice.preflight.account.client import AccountClient

    files = S3Checkpoint.at(uri, AccountClient(client))
    try:
        if not files.has_config:
            return None
        return model.from_checkpoint(files.sizes, files.read, uri)
    except (NotAnswered, UsageError):
        return None


def _place(context: CheckContext) -> Location:
    return context.requirements.at("model_uri") if context.requirements.model_uri else context.setup.at("model_data")


def _named(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

"""Moves a processing job's inputs from S3 into its folder, and its outputs from there to S3.

Outputs travel when the job has succeeded: the service documents EndOfJob as after the job completes, and promises
nothing for a job that fails. Symbolic links are not followed, as documented.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from sluice.localaws.server.local_s3 import NotStored, Storage, split_uri

Json = dict[str, Any]
OPT_ML = "/opt/ml"


class TransferFailed(Exception):
    """The message is fit for a job's FailureReason."""


def to_local_path(folder: Path, container_path: str) -> Path:
    """Translate a path of the container into the folder that stands for its /opt/ml."""
    return folder / PurePosixPath(container_path).relative_to(OPT_ML)


def download_inputs(inputs: list[Json], folder: Path, storage: Storage, share: tuple[int, int] = (0, 1)) -> None:
    """Writes every object of the inputs below the folder, or raises TransferFailed.

    `share` is the index of this folder's instance and their number: objects sharded by key go round among them.
    """
    which, count = share
    for item in inputs:
        source = item["S3Input"]
        target = to_local_path(folder, source["LocalPath"])
        target.mkdir(parents=True, exist_ok=True)
        try:
            sharded = source.get("S3DataDistributionType") == "ShardedByS3Key"
            for number, (bucket, key, name) in enumerate(_objects(source, storage)):
                if not sharded or number % count == which:
                    _save(target, name, storage.read(bucket, key))
        except NotStored as error:
            raise TransferFailed(f"ClientError: Cannot download input {item['InputName']!r}: {error}") from None


def _objects(source: Json, storage: Storage) -> Iterator[tuple[str, str, str]]:
    """Bucket, key and local name of every object of an input."""
    if source["S3DataType"] == "ManifestFile":
        yield from _manifest_objects(source["S3Uri"], storage)
        return
    bucket, prefix = split_uri(source["S3Uri"])
    keys = storage.keys(bucket, prefix)
    if not keys:
        raise NotStored(f"No object begins with {source['S3Uri']}.")
    for key in keys:
        yield bucket, key, _local_name(key, prefix)


def _local_name(key: str, prefix: str) -> str:
    """Below the prefix if that is a folder, else its own name: a prefix may be an object, or the beginning of names."""
    if prefix.endswith("/") or not prefix:
        return key[len(prefix) :]
    return key[len(prefix) + 1 :] if key.startswith(prefix + "/") else key[prefix.rfind("/") + 1 :]


def _manifest_objects(uri: str, storage: Storage) -> Iterator[tuple[str, str, str]]:
    """A manifest is [{"prefix": "s3://bucket/folder/"}, "name", ...]."""
    try:
        head, *names = json.loads(storage.read(*split_uri(uri)))
        bucket, prefix = split_uri(head["prefix"])
        for name in names:
            yield bucket, prefix + name, name
    except (ValueError, TypeError, KeyError):
        raise NotStored(f'{uri} is no manifest: [{{"prefix": "s3://..."}}, "name", ...].') from None


def _save(folder: Path, name: str, content: bytes) -> None:
    if ".." in PurePosixPath(name).parts or name.startswith("/"):
        raise TransferFailed(f"ClientError: The key {name!r} leads out of its input's folder.")
    path = folder / name
    if name.endswith("/") or not name:
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def upload_outputs(outputs: list[Json], folder: Path, storage: Storage) -> None:
    for item in outputs:
        target = item["S3Output"]
        bucket, prefix = split_uri(target["S3Uri"])
        source = to_local_path(folder, target["LocalPath"])
        try:
            for path in _files(source):
                name = path.relative_to(source).as_posix()
                storage.write(bucket, f"{prefix.rstrip('/')}/{name}".lstrip("/"), path.read_bytes())
        except NotStored as error:
            raise TransferFailed(f"ClientError: Cannot upload output {item['OutputName']!r}: {error}") from None


def _files(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        yield from (path for path in (Path(root, name) for name in sorted(names)) if not path.is_symlink())

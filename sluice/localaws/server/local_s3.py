"""The local S3 from inside, for jobs and executions: short calls under the lock, no HTTP."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from moto.s3.exceptions import MissingBucket
from moto.s3.models import s3_backends
from moto.utilities.utils import get_partition

from sluice.localaws.server.lock import LOCK

T = TypeVar("T")


class NotStored(Exception):
    """There is no such bucket or object; the message says which."""


def split_uri(uri: str) -> tuple[str, str]:
    match = re.fullmatch(r"s3://([^/]+)/?(.*)", uri, re.DOTALL)
    if not match:
        raise NotStored(f"{uri!r} is no S3 URI (s3://bucket/key).")
    return match[1], match[2]


class Storage:
    def __init__(self, account_id: str, region: str) -> None:
        self._place = account_id, get_partition(region)

    def keys(self, bucket: str, prefix: str) -> list[str]:
        """List the keys that begin with the prefix, sorted."""
        objects = self._do(bucket, lambda s3: s3.list_objects(s3.get_bucket(bucket), prefix, None, None, None)[0])
        return sorted(key.name for key in objects)

    def read(self, bucket: str, key: str, version: str | None = None) -> bytes:
        def get(s3: Any) -> bytes | None:
            stored_object = s3.get_object(bucket, key, version_id=version)
            return None if stored_object is None else stored_object.value

        content = self._do(bucket, get)
        if content is None:
            raise NotStored(f"There is no object s3://{bucket}/{key}.")
        return content

    def write(self, bucket: str, key: str, content: bytes) -> None:
        self._do(bucket, lambda s3: s3.put_object(bucket, key, content))

    def _do(self, bucket: str, action: Callable[[Any], T]) -> T:
        account, partition = self._place
        try:
            with LOCK:
                return action(s3_backends[account][partition])
        except MissingBucket:
            raise NotStored(f"There is no bucket {bucket!r}.") from None

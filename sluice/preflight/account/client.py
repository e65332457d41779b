"""Asks the account, and says of every refusal what it is: no account at all, not allowed, not there, not answered."""

from collections.abc import Iterator
from typing import Any

from botocore import xform_name
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from sluice.preflight.account.errors import Denied, Missing, NoAccount, NotAnswered
from sluice.preflight.account.reads import READS, Read
from sluice.preflight.account.requirements import Client
from sluice.registry.packages import is_missing

NO_CREDENTIALS = (
    NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, ProfileNotFound, SSOError,
    TokenRetrievalError,
)  # fmt: skip
REFUSED_CREDENTIALS = {
    "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure",
    "SignatureDoesNotMatch", "InvalidAccessKeyId", "InvalidSignatureException", "RequestExpired",
}  # fmt: skip
DENIED = {
    "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "NotAuthorized",
    "AuthorizationErrorException", "Forbidden", "403",
}  # fmt: skip
MISSING = {
    "404", "NoSuchEntity", "NoSuchBucket", "NoSuchKey", "NotFound", "NotFoundException", "ResourceNotFound",
    "ResourceNotFoundException", "RepositoryNotFoundException", "ImageNotFoundException",
}  # fmt: skip


class AccountClient:
    """Questions to one account and region, each by the name of the service's own operation."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """One answer. Raises NotAnswered, and KeyError for an operation that is not in the table."""
        read = READS[service, operation]
        try:
            answer: dict[str, Any] = getattr(self._client(service), xform_name(operation))(**params)
        except (BotoCoreError, ClientError) as error:
            raise classify_refusal(read, error) from error
        return answer

    def pages(self, service: str, operation: str, **params: Any) -> Iterator[dict[str, Any]]:
        """All pages of an answer, each asked for when it is needed."""
        read = READS[service, operation]
        try:
            yield from self._client(service).get_paginator(xform_name(operation)).paginate(**params)
        except (BotoCoreError, ClientError) as error:
            raise classify_refusal(read, error) from error

    def list_all(self, service: str, operation: str, member: str, **params: Any) -> list[Any]:
        return [each for page in self.pages(service, operation, **params) for each in page.get(member, [])]

    def read_object(self, bucket: str, key: str, start: int, length: int) -> bytes:
        """A part of an object of S3, from byte `start` on. Raises NotAnswered."""
        span = f"bytes={start}-{start + length - 1}"
        answer = self.call("s3", "GetObject", Bucket=bucket, Key=key, Range=span)
        try:
            content: bytes = answer["Body"].read()
        except BotoCoreError as error:
            raise classify_refusal(READS["s3", "GetObject"], error) from error
        return content


def classify_refusal(read: Read, error: BotoCoreError | ClientError) -> NotAnswered:
    if not isinstance(error, ClientError):
        kind = NoAccount if isinstance(error, NO_CREDENTIALS) else NotAnswered
        return kind(read, type(error).__name__, str(error))
    details = error.response.get("Error", {})
    code, message = str(details.get("Code", "")), str(details.get("Message", ""))
    kind = NotAnswered
    if code in REFUSED_CREDENTIALS:
        kind = NoAccount
    elif code in DENIED:
        kind = Denied
    elif code in MISSING or code.endswith((".NotFound", ".Malformed")) or is_missing(error):
        kind = Missing
    refused = kind(read, code, message)
    refused.__cause__ = error
    return refused

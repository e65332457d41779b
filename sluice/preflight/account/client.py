"""Asks the account, and says of every refusal what it is: no account at all, not allowed, not there, not answered."""

from collections.abc import Callable, Iterator
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

from sluice.preflight.account.reads import READS, Read
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


class NotAnswered(Exception):
    """A question has no answer; what was asked about stays unchecked."""

    def __init__(self, read: Read, code: str, told: str) -> None:
        super().__init__(f"{read.permission}: {code}: {told}")
        self.read = read
        self.code = code
        self.told = told


class NoAccount(NotAnswered):
    """There are no credentials, or they are not accepted."""


class Denied(NotAnswered):
    """The credentials lack the permission."""


class Missing(NotAnswered):
    """There is no such thing: mostly this is the answer."""


class Account:
    """Questions to one account and region, each by the name of the service's own operation."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._client = client

    def ask(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """One answer. Raises NotAnswered, and KeyError for an operation that is not in the table."""
        read = READS[service, operation]
        try:
            answer: dict[str, Any] = getattr(self._client(service), xform_name(operation))(**params)
        except (BotoCoreError, ClientError) as error:
            raise refusal(read, error) from error
        return answer

    def pages(self, service: str, operation: str, **params: Any) -> Iterator[dict[str, Any]]:
        """All pages of an answer, each asked for when it is needed."""
        read = READS[service, operation]
        try:
            yield from self._client(service).get_paginator(xform_name(operation)).paginate(**params)
        except (BotoCoreError, ClientError) as error:
            raise refusal(read, error) from error

    def all(self, service: str, operation: str, member: str, **params: Any) -> list[Any]:
        return [each for page in self.pages(service, operation, **params) for each in page.get(member, [])]


def refusal(read: Read, error: BotoCoreError | ClientError) -> NotAnswered:
    if not isinstance(error, ClientError):
        kind = NoAccount if isinstance(error, NO_CREDENTIALS) else NotAnswered
        return kind(read, type(error).__name__, str(error))
    told = error.response.get("Error", {})
    code, message = str(told.get("Code", "")), str(told.get("Message", ""))
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

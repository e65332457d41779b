"""Why a question to the account has no answer: no account at all, not allowed, not there, not answered."""

from sluice.preflight.account.reads import Read


class NotAnswered(Exception):
    """A question has no answer; what was asked about stays unchecked."""

    def __init__(self, read: Read, code: str, message: str) -> None:
        super().__init__(f"{read.permission}: {code}: {message}")
        self.read = read
        self.code = code
        self.message = message


class NoAccount(NotAnswered):
    """There are no credentials, or they are not accepted."""


class Denied(NotAnswered):
    """The credentials lack the permission."""


class Missing(NotAnswered):
    """There is no such thing: mostly this is the answer."""

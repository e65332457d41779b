"""The two errors every layer may raise: something failed (exit 1), or the user gave something unusable (exit 2)."""


class SluiceError(Exception):
    """A failure: what went wrong (`message`) and what to do next (`hint`). Leaves stand beside what raises them."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(SluiceError):
    """The input cannot be used: a file, a flag, a setting. Nothing was started."""

    exit_code = 2

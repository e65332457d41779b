"""Errors that clients of the local AWS see."""

from moto.sagemaker.exceptions import ValidationError

__all__ = ["NotImplementedLocally", "ValidationError"]


class NotImplementedLocally(NotImplementedError):
    """AWS does it, the local AWS does not: answered with 501, which botocore does not retry.

    Not one of moto's exceptions, because those choose the wire format themselves, and wrongly for XML services:
    `refusal.py` writes this one, and moto's own NotImplementedError, in the format that the client reads.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.message = f"The local AWS does not support {name}."
        super().__init__(self.message)

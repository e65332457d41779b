"""Errors that clients of the local AWS see."""

from moto.sagemaker.exceptions import ValidationError

__all__ = ["NotImplementedLocally", "ValidationError", "refuse_members"]


class NotImplementedLocally(NotImplementedError):
    """AWS does it, the local AWS does not: answered with 501, which botocore does not retry.

    Not one of moto's exceptions, because those choose the wire format themselves, and wrongly for XML services:
    `error_response.py` writes this one, and moto's own NotImplementedError, in the format that the client reads.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.message = f"The local AWS does not support {name}."
        super().__init__(self.message)


def refuse_members(of: str, members: dict[str, object], supported: set[str]) -> None:
    """Raises NotImplementedLocally for the members that are set and not in `supported`: nothing here acts upon them."""
    unknown = sorted(name for name, value in members.items() if name not in supported and value is not None)
    if unknown:
        raise NotImplementedLocally(f"{', '.join(unknown)} of {of}")

"""Refusals in the services beside SageMaker: what AWS does and the local AWS does not is refused by name."""

from localaws.errors import NotImplementedLocally

__all__ = ["NotImplementedLocally", "refuse_members"]


def refuse_members(of: str, given: dict[str, object], known: set[str]) -> None:
    """Refuses the members of `given` that nothing here acts upon."""
    unknown = sorted(name for name, value in given.items() if name not in known and value is not None)
    if unknown:
        raise NotImplementedLocally(f"{', '.join(unknown)} of {of}")

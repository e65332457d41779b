"""What could not be taken over as it was, by name and place: nothing that an import leaves out goes unsaid."""

from dataclasses import dataclass, field
from typing import Any

SHOWN = 3  # places of each that are listed


@dataclass
class ImportLog:
    missing: dict[str, list[str]] = field(default_factory=dict)  # has no counterpart here -> places
    changed: dict[str, list[str]] = field(default_factory=dict)  # was taken over, and means something else -> places

    def miss(self, what: str, place: str) -> str:
        """Returns what was said, for a comment above the case."""
        self.missing.setdefault(what, []).append(place)
        return f"Not taken over: {what}."

    def change(self, what: str, place: str) -> None:
        self.changed.setdefault(what, []).append(place)

    def lines(self) -> list[str]:
        """For a terminal: each once, with how often and where."""
        found = [f"not taken over: {line}" for line in listed(self.missing)]
        return found + [f"not the same:   {line}" for line in listed(self.changed)]

    def as_json(self) -> dict[str, Any]:
        return {"missing": self.missing, "changed": self.changed}


def listed(found: dict[str, list[str]]) -> list[str]:
    return [f"{what} ({counted(places)})" for what, places in found.items()]


def counted(places: list[str]) -> str:
    shown = ", ".join(dict.fromkeys(places[:SHOWN]))
    return f"{len(places)}: {shown}{', ...' if len(places) > SHOWN else ''}" if len(places) > 1 else shown

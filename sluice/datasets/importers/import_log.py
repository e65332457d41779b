"""What could not be taken over as it was, by name and place: nothing that an import leaves out goes unsaid."""

from dataclasses import dataclass, field
from typing import Any

LISTED_PLACES = 3  # places of each that are listed


@dataclass
class ImportLog:
    missing: dict[str, list[str]] = field(default_factory=dict)  # has no counterpart here -> places
    changed: dict[str, list[str]] = field(default_factory=dict)  # was taken over, and means something else -> places

    def miss(self, what: str, place: str) -> str:
        """Records what has no counterpart, and returns a comment to put above the case."""
        self.missing.setdefault(what, []).append(place)
        return f"Not taken over: {what}."

    def change(self, what: str, place: str) -> None:
        """Records what was taken over and means something else here."""
        self.changed.setdefault(what, []).append(place)

    def lines(self) -> list[str]:
        """Returns lines for a terminal: each thing once, with how often and where."""
        missing = [f"not taken over: {line}" for line in list_notes(self.missing)]
        return missing + [f"not the same:   {line}" for line in list_notes(self.changed)]

    def as_json(self) -> dict[str, Any]:
        return {"missing": self.missing, "changed": self.changed}


def list_notes(notes: dict[str, list[str]]) -> list[str]:
    return [f"{what} ({list_places(places)})" for what, places in notes.items()]


def list_places(places: list[str]) -> str:
    listed = ", ".join(dict.fromkeys(places[:LISTED_PLACES]))
    return f"{len(places)}: {listed}{', ...' if len(places) > LISTED_PLACES else ''}" if len(places) > 1 else listed

"""How the steps judge in tests: settings.json as the definition's author writes it, with some of it changed."""

from pathlib import Path
from typing import Any

from sluice.evaluation.gate import Gate
from sluice.evaluation.settings import FILE, EvaluationSettings


def settled(folder: Path, gate: Gate | None = None, **changes: Any) -> str:
    """The folder, with the settings in it; impatient, as no test waits for an endpoint that stays busy."""
    folder.mkdir(parents=True, exist_ok=True)
    told = EvaluationSettings(**{"gate": gate or Gate(), "retry_seconds": 0.5, **changes})
    (folder / FILE).write_bytes(told.as_json())
    return str(folder)

"""The server's settings, read once from the environment; everything wrong with them is said at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from sluice.errors import UsageError
from sluice.same_origin import read_served_names


@dataclass(frozen=True)
class Settings:
    group: str
    history_table: str
    region: str
    history_days: int = 90
    documents: Path = Path("documents.sqlite3")
    refresh_seconds: float = 15.0
    max_tokens: int = 512
    passages: int = 4
    concurrency: int = 256
    max_message: int = 4000
    max_document_bytes: int = 1_000_000
    shutdown_seconds: float = 20.0
    allowed_hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Variable:
    names: tuple[str, ...]
    read: Callable[[str], Any]
    what: str
    low: float = float("-inf")
    high: float = float("inf")


NUMBERS: dict[Callable[[str], Any], str] = {int: "whole number", float: "number"}
KINDS = NUMBERS | {read_served_names: "list of names, addresses and networks without ports, with commas between"}
VARIABLES = {
    "group": _Variable(("SLUICE_GROUP",), str, "the model package group to follow"),
    "history_table": _Variable(("SLUICE_HISTORY_TABLE",), str, "the DynamoDB table of the history"),
    "region": _Variable(("AWS_REGION", "AWS_DEFAULT_REGION"), str, "the AWS region"),
    "history_days": _Variable(("SLUICE_HISTORY_DAYS",), int, "days that a turn is kept", 1, 36_500),
    "documents": _Variable(("SLUICE_DOCUMENTS",), Path, "the SQLite file of the documents"),
    "refresh_seconds": _Variable(
        ("SLUICE_REFRESH_SECONDS",), float, "seconds between looks at the registry", 0.1, 3600
    ),
    "max_tokens": _Variable(("SLUICE_MAX_TOKENS",), int, "the longest answer, in tokens", 1, 100_000),
    "passages": _Variable(("SLUICE_PASSAGES",), int, "the most passages shown to the model; 0 for none", 0, 4),
    "concurrency": _Variable(("SLUICE_CONCURRENCY",), int, "chats answered at the same time", 1, 4096),
    "max_message": _Variable(("SLUICE_MAX_MESSAGE",), int, "the longest question, in characters", 1, 50_000),
    "max_document_bytes": _Variable(("SLUICE_MAX_DOCUMENT_BYTES",), int, "the largest document", 1, 50_000_000),
    "shutdown_seconds": _Variable(("SLUICE_SHUTDOWN_SECONDS",), float, "seconds a running answer gets to end", 0, 3600),
    "allowed_hosts": _Variable(
        ("SLUICE_ALLOWED_HOSTS",), read_served_names, "what the server is reached under beside loopback"
    ),
}


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings; raises one UsageError that lists every variable to be put right."""
    values: dict[str, Any] = {}
    wrong: list[str] = []
    required = {field.name for field in fields(Settings) if field.name in ("group", "history_table", "region")}
    for name, variable in VARIABLES.items():
        text = next((environment[key].strip() for key in variable.names if environment.get(key, "").strip()), "")
        if text:
            _read_variable(variable, name, text, values, wrong)
        elif name in required:
            wrong.append(f"{' or '.join(variable.names)}: not set ({variable.what})")
    if wrong:
        listed = "\n".join(f"  {line}" for line in wrong)
        raise UsageError(f"The server cannot start with these settings:\n{listed}", "docs/rag-server.md explains each.")
    return Settings(**values)


def _read_variable(variable: _Variable, name: str, text: str, values: dict[str, Any], wrong: list[str]) -> None:
    try:
        value = variable.read(text)
    except ValueError:
        wrong.append(f"{variable.names[0]}: {text!r} is not a {KINDS[variable.read]} ({variable.what})")
        return
    if variable.read in NUMBERS and not variable.low <= value <= variable.high:
        wrong.append(f"{variable.names[0]}: {text} is not from {variable.low:g} to {variable.high:g} ({variable.what})")
        return
    values[name] = value

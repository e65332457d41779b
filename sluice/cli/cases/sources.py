"""Cases that come from elsewhere: other tools' files, and the chats of users who consented."""

import heapq
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sluice.cli import output
from sluice.datasets import importers, yaml_writer
from sluice.datasets.harvest import HEAD, HistoryTurn, draft_case, question_key, split_chats
from sluice.datasets.importers.import_log import ImportLog
from sluice.datasets.yaml_writer import Draft
from sluice.errors import SluiceError, UsageError
from sluice.wording import counted

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

PAGE = 100  # turns that are read at once


@dataclass
class CaseCounts:
    """What has gone by on its way into a file."""

    cases: int = 0
    turns: int = 0
    unreviewed: int = 0

    def counting(self, drafts: Iterable[Draft]) -> Iterator[Draft]:
        for draft in drafts:
            self.cases += 1
            self.turns += len(draft.case["turns"])
            self.unreviewed += draft.case.get("reviewed") is False
            yield draft

    def __str__(self) -> str:
        words = f"{counted(self.cases, 'case')}, {counted(self.turns, 'turn')}"
        return words + (f"; {self.unreviewed:,} unreviewed, which cannot gate" if self.unreviewed else "")


def refuse_overwriting(out: Path) -> None:
    """Nobody's edited cases are written over."""
    if out.suffix not in (".yaml", ".yml"):
        raise UsageError(f"{out}: cases are written as YAML.", "Name a file that ends in .yaml.")
    if out.exists():
        raise UsageError(f"{out}: is there already, and perhaps edited.", "Name another file, or remove that one.")


# --- import --------------------------------------------------------------------------------------------------------


def import_cases(file: Path, kind: str | None, out: Path | None, as_json: bool) -> None:
    if as_json and out is None:
        raise UsageError("--json needs --out: otherwise it is the cases that are printed.")
    if out:
        refuse_overwriting(out)
    kind = kind or importers.detect_format(file)
    log, counts = ImportLog(), CaseCounts()
    head = [f"Taken over from {file.name} ({kind}). What has no counterpart here stands above each case."]
    pieces = yaml_writer.render_file(counts.counting(importers.import_cases(file, log, kind)), head)
    if out:
        yaml_writer.write_file(out, require_cases(pieces, counts, log))
    else:
        for piece in require_cases(pieces, counts, log):
            click.echo(output.readable(piece.decode()) if sys.stdout.isatty() else piece, nl=False)
    if as_json:
        output.print_json({"kind": kind, "out": str(out), **vars(counts), **log.as_json()})
        return
    output.say(f"{file} is {kind}: {counts}", stderr=True)
    for line in log.lines():
        output.say(f"  {line}", stderr=True)


def require_cases(pieces: Iterable[str], counts: CaseCounts, log: ImportLog) -> Iterator[bytes]:
    """A file without a case is none."""
    yield from (piece.encode() for piece in pieces)
    if not counts.cases:
        listed = "".join(f"\n  {line}" for line in log.lines())
        raise SluiceError(f"Nothing in the file could be taken over as a case.{listed}", "Is it what --from says?")


# --- harvest -------------------------------------------------------------------------------------------------------


@dataclass
class Harvest:
    users: int = 0
    alike: int = 0  # chats that ask what another one asked
    drafts: list[Draft] = field(default_factory=list)


def harvest_cases(
    dynamodb: "DynamoDBClient",
    table: str,
    out: Path,
    user: str | None,
    since: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    refuse_overwriting(out)
    harvest = gather_chats(dynamodb, table, user, since, limit)
    if not harvest.drafts:
        day = f" since {since:%Y-%m-%d}" if since else ""
        raise SluiceError(f"{counted(harvest.users, 'user')} consented, and there is no chat of theirs{day}.")
    counts = CaseCounts()
    pieces = yaml_writer.render_file(counts.counting(harvest.drafts), HEAD)
    yaml_writer.write_file(out, (piece.encode() for piece in pieces))
    if as_json:
        output.print_json({"out": str(out), "users": harvest.users, "alike": harvest.alike, **vars(counts)})
        return
    more = f" {counted(harvest.alike, 'chat')} that ask the same were left out." if harvest.alike else ""
    output.say(f"{out}: {counts}; from {counted(harvest.users, 'user')} who consented.{more}")
    output.say("Redaction goes by patterns and is not perfect: read every line before you let one count.")


def gather_chats(
    dynamodb: "DynamoDBClient", table: str, user: str | None, since: datetime | None, limit: int
) -> Harvest:
    """The newest chats, oldest first. Each user's word is asked for as their turn comes, before a line is read."""
    from sluice.rag.consent import Consents
    from sluice.rag.history import History

    consents, history = Consents(dynamodb, table), History(dynamodb, table, keep_days=1)  # it is only read
    harvest, newest, repeats, order = Harvest(), list[tuple[str, int, Draft]](), Counter[str](), count()
    for name in [user] if user is not None else consents.list_consenting_users():
        if not consents.of(name).evaluation:
            if user is not None:
                raise SluiceError(
                    f"{user} has not consented to evaluation, or has taken it back.",
                    "Only they can say so: PUT /v1/consent on the RAG server.",
                )
            continue
        harvest.users += 1
        for chat in split_chats(list_turns(history, name, since)):
            if not any(turn.question.strip() for turn in chat):
                continue
            draft = draft_case(name, chat)
            repeats[question_key(draft)] += 1
            if repeats[question_key(draft)] > 1:
                harvest.alike += 1
                continue
            heapq.heappush(newest, (chat[-1].at, next(order), draft))
            if len(newest) > limit:
                heapq.heappop(newest)
    if not harvest.users:
        hint = "They say so themselves: PUT /v1/consent on the RAG server (docs/rag-server.md)."
        raise SluiceError("No user has consented to evaluation.", hint)
    harvest.drafts = [draft for _, _, draft in sorted(newest)]
    return harvest


def list_turns(history: Any, user: str, since: datetime | None) -> list[HistoryTurn]:
    """A user's turns, oldest first."""
    turns: list[HistoryTurn] = []
    before: str | None = ""
    while before is not None:
        page, before = history.page(user, PAGE, before)
        for turn in page:
            if since and datetime.fromisoformat(turn.at) < since:
                return turns[::-1]
            if turn.question.strip():
                turns.append(to_history_turn(turn))
    return turns[::-1]


def to_history_turn(turn: Any) -> HistoryTurn:
    sources = tuple(dict.fromkeys(str(source.get("title") or source.get("id", "")) for source in turn.sources))
    whole = not (turn.interrupted or turn.shortened)
    return HistoryTurn(turn.turn, turn.at, turn.question, turn.answer, turn.version, sources, whole)

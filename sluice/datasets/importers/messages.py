"""Chats that were collected to train on: OpenAI's `messages` and ShareGPT's `conversations`.

They say what was answered and not what a right answer must hold. So the assistant's words become the written answers,
the last of them a candidate for `similar`, and a person decides: every case is unreviewed.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sluice.datasets.importers import chats, source
from sluice.datasets.importers.import_log import ImportLog
from sluice.datasets.yaml_writer import Draft, Ids

LONGEST = 300  # characters of an answer that another one may be held against letter by letter
KEYS = ("messages", "conversations", "conversation", "dialogue")
USED = {*KEYS, "id", "tools", "functions", "system", "tags", "source", "parallel_tool_calls"}


def drafts(path: Path, told: ImportLog) -> Iterator[Draft]:
    ids = Ids()
    for item, place in source.items(path):
        if draft := one(item, place, path.stem, ids, told):
            yield draft


def one(item: Any, place: str, stem: str, ids: Ids, told: ImportLog) -> Draft | None:
    key = next((key for key in KEYS if isinstance(item, Mapping) and key in item), None)
    if key is None:
        told.miss("a record without messages", place)
        return None
    try:
        chat = chats.chat(item[key])
    except chats.Unusable as error:
        told.miss(f"a chat {error}", place)
        return None
    for name in item.keys() - USED:
        told.miss(f"the key {name!r} of a record", place)
    for note in chat.notes:
        told.miss(note, place)
    if changed := chats.too_long(chat.turns):
        told.change(changed, place)
    last = chat.turns[-1]
    answer = last.get("answer", "")
    untrained = isinstance(item[key][-1], Mapping) and item[key][-1].get("weight") == 0  # nobody wants it imitated
    if "expect" not in last and 0 < len(answer) <= LONGEST and not untrained:
        last["expect"] = {"similar": {"to": answer, "least": 0.6}}
    system = chat.system or (item.get("system") if isinstance(item.get("system"), str) else None)
    tools = list(chats.tools(item.get("tools") or item.get("functions")))
    case = {
        "id": ids.of(str(item.get("id", "")), f"{stem}-{place.removeprefix('line ').strip('[]') or 1}"),
        **({"system": system} if system else {}),
        **({"tools": tools} if tools else {}),
        **({"goes_on_with": "written"} if chat.written() else {}),
        "reviewed": False,
        "turns": chat.turns,
    }
    return Draft(case, [f"Not taken over: {note}." for note in chat.notes])

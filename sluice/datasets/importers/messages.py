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


def read_drafts(path: Path, log: ImportLog) -> Iterator[Draft]:
    ids = Ids()
    for item, place in source.read_records(path):
        if draft := convert_record(item, place, path.stem, ids, log):
            yield draft


def convert_record(item: Any, place: str, stem: str, ids: Ids, log: ImportLog) -> Draft | None:
    key = next((key for key in KEYS if isinstance(item, Mapping) and key in item), None)
    if key is None:
        log.miss("a record without messages", place)
        return None
    try:
        chat = chats.parse_chat(item[key])
    except chats.Unusable as error:
        log.miss(f"a chat {error}", place)
        return None
    for name in item.keys() - USED:
        log.miss(f"the key {name!r} of a record", place)
    for note in chat.notes:
        log.miss(note, place)
    if changed := chats.describe_cut(chat.turns):
        log.change(changed, place)
    last = chat.turns[-1]
    answer = last.get("answer", "")
    untrained = isinstance(item[key][-1], Mapping) and item[key][-1].get("weight") == 0  # nobody wants it imitated
    if "expect" not in last and 0 < len(answer) <= LONGEST and not untrained:
        last["expect"] = {"similar": {"to": answer, "least": 0.6}}
    system = chat.system or (item.get("system") if isinstance(item.get("system"), str) else None)
    tools = list(chats.list_tools(item.get("tools") or item.get("functions")))
    case = {
        "id": ids.of(str(item.get("id", "")), f"{stem}-{place.removeprefix('line ').strip('[]') or 1}"),
        **({"system": system} if system else {}),
        **({"tools": tools} if tools else {}),
        **({"goes_on_with": "written"} if chat.written() else {}),
        "reviewed": False,
        "turns": chat.turns,
    }
    return Draft(case, [f"Not taken over: {note}." for note in chat.notes])

"""Samples of OpenAI evals: JSON lines with `input`, a text or messages, and `ideal`, one or several right answers.

The samples do not say how they are scored; their registry's YAML does. Match wants an answer that begins with an ideal
one, Includes one that holds it, FuzzyMatch either in the other: `contains` is what Includes means.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sluice.datasets.importers import chats, source
from sluice.datasets.importers.import_log import ImportLog
from sluice.datasets.yaml_writer import Draft, Ids

USED = {"input", "ideal", "id", "metadata", "sample_id"}


def drafts(path: Path, told: ImportLog) -> Iterator[Draft]:
    ids = Ids()
    for item, place in source.items(path):
        if draft := one(item, place, path.stem, ids, told):
            yield draft


def one(item: Any, place: str, stem: str, ids: Ids, told: ImportLog) -> Draft | None:
    if not isinstance(item, Mapping) or "input" not in item:
        told.miss("a record without input", place)
        return None
    try:
        asked = item["input"]
        chat = chats.chat(asked if isinstance(asked, list) else [{"role": "user", "content": asked}])
    except chats.Unusable as error:
        told.miss(f"a chat {error}", place)
        return None
    for name in item.keys() - USED:
        told.miss(f"the key {name!r} of a sample (a model-graded eval reads it)", place)
    if changed := chats.too_long(chat.turns):
        told.change(changed, place)
    expect = ideal(item.get("ideal"), place, told)
    if expect:
        chat.turns[-1]["expect"] = expect
    named = str(item.get("id", item.get("sample_id", "")))
    case = {
        "id": ids.of(named, f"{stem}-{place.removeprefix('line ').strip('[]') or 1}"),
        **({"system": chat.system} if chat.system else {}),
        **({"goes_on_with": "written"} if chat.written() else {}),
        **({} if expect else {"reviewed": False}),
        "turns": chat.turns,
    }
    return Draft(case, [f"Not taken over: {note}." for note in chat.notes])


def ideal(raw: Any, place: str, told: ImportLog) -> dict[str, Any]:
    texts = [str(each) for each in (raw if isinstance(raw, list) else [raw]) if isinstance(each, str | int | float)]
    texts = [text for text in texts if text.strip()]
    if not texts:
        told.miss("a sample without an ideal answer: its case has no expectation, and is unreviewed", place)
        return {}
    told.change("ideal is what the answer contains, as Includes means it; Match wants it at the beginning", place)
    return {"contains": texts[0]} if len(texts) == 1 else {"contains_any": texts}

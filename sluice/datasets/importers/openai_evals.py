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


def read_drafts(path: Path, log: ImportLog) -> Iterator[Draft]:
    ids = Ids()
    for item, place in source.read_records(path):
        if draft := convert_sample(item, place, path.stem, ids, log):
            yield draft


def convert_sample(item: Any, place: str, stem: str, ids: Ids, log: ImportLog) -> Draft | None:
    if not isinstance(item, Mapping) or "input" not in item:
        log.miss("a record without input", place)
        return None
    try:
        prompt = item["input"]
        chat = chats.parse_chat(prompt if isinstance(prompt, list) else [{"role": "user", "content": prompt}])
    except chats.Unusable as error:
        log.miss(f"a chat {error}", place)
        return None
    for name in item.keys() - USED:
        log.miss(f"the key {name!r} of a sample (a model-graded eval reads it)", place)
    if changed := chats.describe_cut(chat.turns):
        log.change(changed, place)
    expect = convert_ideal(item.get("ideal"), place, log)
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


def convert_ideal(raw: Any, place: str, log: ImportLog) -> dict[str, Any]:
    texts = [str(each) for each in (raw if isinstance(raw, list) else [raw]) if isinstance(each, str | int | float)]
    texts = [text for text in texts if text.strip()]
    if not texts:
        log.miss("a sample without an ideal answer: its case has no expectation, and is unreviewed", place)
        return {}
    log.change("ideal is what the answer contains, as Includes means it; Match wants it at the beginning", place)
    return {"contains": texts[0]} if len(texts) == 1 else {"contains_any": texts}

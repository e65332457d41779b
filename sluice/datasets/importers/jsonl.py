"""Plain records of a question and an answer, whatever their keys are called; expectations go by their own names."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sluice.datasets.importers import source
from sluice.datasets.importers.import_log import ImportLog
from sluice.datasets.yaml_writer import Draft, Ids
from sluice.evaluation import scorers
from sluice.evaluation.cases.case import PASSAGES

QUESTION = ("user", "question", "prompt", "query", "instruction", "input", "message", "text", "질문")
ANSWER = ("expected", "answer", "ideal", "reference", "expected_output", "output", "response", "completion", "label",
          "ground_truth", "정답", "답변")  # fmt: skip
CONTEXT = ("passages", "documents", "context", "contexts", "자료")
KEPT = ("id", "tags", "system", "weight", "critical", "repeats")
SHORT = 60  # characters of an answer that a right one will hold word for word
USED = {*QUESTION, *ANSWER, *CONTEXT, *KEPT, *scorers.NAMES}


def drafts(path: Path, told: ImportLog) -> Iterator[Draft]:
    ids = Ids()
    for item, place in source.items(path):
        if draft := one(item.get("item", item) if isinstance(item, Mapping) else item, place, path.stem, ids, told):
            yield draft


def one(item: Any, place: str, stem: str, ids: Ids, told: ImportLog) -> Draft | None:
    question = text(item, QUESTION) if isinstance(item, Mapping) else ""
    if not question:
        told.miss(f"a record without a question ({', '.join(QUESTION[:4])}, ...)", place)
        return None
    if (
        "instruction" in item
        and isinstance(item.get("input"), str)
        and item["input"].strip()
        and question != item["input"]
    ):
        question = f"{question}\n\n{item['input']}"
    for name in item.keys() - USED:
        told.miss(f"the key {name!r} of a record", place)
    expect = {name: item[name] for name in scorers.NAMES if item.get(name) not in (None, "", [])}
    answer, sure = text(item, ANSWER), True
    if answer and not expect:
        expect, sure = candidate(answer)
    turn = {
        "user": question,
        **({"answer": answer} if answer and (not sure or len(answer) > SHORT) else {}),
        **({"passages": passages} if (passages := context(item, place, told)) else {}),
        **({"expect": expect} if expect else {}),
    }
    case = {
        "id": ids.of(str(item.get("id", "")), f"{stem}-{place.removeprefix('line ').strip('[]') or 1}"),
        **{name: item[name] for name in KEPT[1:] if item.get(name) not in (None, "", [])},
        **({} if expect and sure else {"reviewed": False}),
        "turns": [turn],
    }
    if not expect:
        told.miss("a record without an answer: its case has no expectation, and is unreviewed", place)
    elif not sure:
        told.change(f"an answer of more than {SHORT} characters is a candidate for `similar`, unreviewed", place)
    return Draft(case)


def text(item: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    for key in keys:
        value = item.get(key)
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
    return ""


def candidate(answer: str) -> tuple[dict[str, Any], bool]:
    """What a right answer may be held against, and whether that is certain enough to gate."""
    if len(answer) <= SHORT and "\n" not in answer.strip():
        return {"contains": answer.strip()}, True
    return {"similar": {"to": answer, "least": 0.6}}, False


def context(item: Mapping[str, Any], place: str, told: ImportLog) -> list[str]:
    found: Any = next((item[key] for key in CONTEXT if item.get(key)), [])
    texts = [found] if isinstance(found, str) else [each for each in found if isinstance(each, str)]
    passages = [" ".join(each.split()) for each in texts if each.strip()]
    if len(passages) > PASSAGES:
        told.miss(f"passages after the first {PASSAGES}", place)
    return passages[:PASSAGES]

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
COPIED = ("id", "tags", "system", "weight", "critical", "repeats")
SHORT = 60  # characters of an answer that a right one will hold word for word
USED = {*QUESTION, *ANSWER, *CONTEXT, *COPIED, *scorers.NAMES}


def read_drafts(path: Path, log: ImportLog) -> Iterator[Draft]:
    ids = Ids()
    for item, place in source.read_records(path):
        record = item.get("item", item) if isinstance(item, Mapping) else item
        if draft := convert_record(record, place, path.stem, ids, log):
            yield draft


def convert_record(item: Any, place: str, stem: str, ids: Ids, log: ImportLog) -> Draft | None:
    question = first_text(item, QUESTION) if isinstance(item, Mapping) else ""
    if not question:
        log.miss(f"a record without a question ({', '.join(QUESTION[:4])}, ...)", place)
        return None
    if (
        "instruction" in item
        and isinstance(item.get("input"), str)
        and item["input"].strip()
        and question != item["input"]
    ):
        question = f"{question}\n\n{item['input']}"
    for name in item.keys() - USED:
        log.miss(f"the key {name!r} of a record", place)
    expect = {name: item[name] for name in scorers.NAMES if item.get(name) not in (None, "", [])}
    answer, sure = first_text(item, ANSWER), True
    if answer and not expect:
        expect, sure = draft_expectation(answer)
    turn = {
        "user": question,
        **({"answer": answer} if answer and (not sure or len(answer) > SHORT) else {}),
        **({"passages": passages} if (passages := read_passages(item, place, log)) else {}),
        **({"expect": expect} if expect else {}),
    }
    case = {
        "id": ids.of(str(item.get("id", "")), f"{stem}-{place.removeprefix('line ').strip('[]') or 1}"),
        **{name: item[name] for name in COPIED[1:] if item.get(name) not in (None, "", [])},
        **({} if expect and sure else {"reviewed": False}),
        "turns": [turn],
    }
    if not expect:
        log.miss("a record without an answer: its case has no expectation, and is unreviewed", place)
    elif not sure:
        log.change(f"an answer of more than {SHORT} characters is a candidate for `similar`, unreviewed", place)
    return Draft(case)


def first_text(item: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    for key in keys:
        value = item.get(key)
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
    return ""


def draft_expectation(answer: str) -> tuple[dict[str, Any], bool]:
    """Returns what a right answer may be held against, and whether that is certain enough to gate."""
    if len(answer) <= SHORT and "\n" not in answer.strip():
        return {"contains": answer.strip()}, True
    return {"similar": {"to": answer, "least": 0.6}}, False


def read_passages(item: Mapping[str, Any], place: str, log: ImportLog) -> list[str]:
    context: Any = next((item[key] for key in CONTEXT if item.get(key)), [])
    texts = [context] if isinstance(context, str) else [each for each in context if isinstance(each, str)]
    passages = [" ".join(each.split()) for each in texts if each.strip()]
    if len(passages) > PASSAGES:
        log.miss(f"passages after the first {PASSAGES}", place)
    return passages[:PASSAGES]

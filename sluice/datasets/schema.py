"""What a case file may hold, for editors (cases.schema.json) and for readers (docs/cases.md).

Both are written by `python -m sluice.datasets.schema`, from the keys here, from the kinds of expectations in
`sluice.evaluation.scorers`, and from the importers' own tables.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sluice.evaluation import scorers
from sluice.evaluation.cases import loader
from sluice.evaluation.cases.case import PASSAGES

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "cases.schema.json"
REFERENCE = ROOT / "docs" / "cases.md"
Json = dict[str, Any]

TEXT: Json = {"type": "string", "minLength": 1}
TEXTS: Json = {"type": "array", "items": TEXT}
SHOWN: Json = {**TEXTS, "maxItems": PASSAGES}
TRUTH: Json = {"type": "boolean"}
EXPECT: Json = {"$ref": "#/$defs/expect"}
TOOL: Json = {
    "type": "object",
    "properties": {"name": TEXT, "description": {"type": "string"}, "parameters": {"type": "object"}},
    "required": ["name"],
}


@dataclass(frozen=True)
class Key:
    about: str
    schema: Json
    default: str = ""  # as the page shows it


CASE: Mapping[str, Key] = {
    "id": Key("Its name in reports. No two cases of a folder have the same.", TEXT, "required"),
    "tags": Key("Words to group it by. A gate may ask more of the cases with one tag.", TEXTS, "none"),
    "system": Key("A system prompt instead of Sluice's own.", TEXT, "Sluice's own"),
    "documents": Key(f"Up to {PASSAGES} passages to answer from, in every turn that names none itself.", SHOWN, "none"),
    "tools": Key("Functions that the model may call.", {"type": "array", "items": TOOL}, "none"),
    "weight": Key("How much it counts in the pass rate.", {"type": "number", "minimum": 0.001, "maximum": 1000}, "1"),
    "critical": Key("If it fails once, the verdict is fail, whatever the others did.", TRUTH, "false"),
    "repeats": Key(
        "How often it is replayed, to find out whether it is flaky.",
        {"type": "integer", "minimum": 1, "maximum": loader.MOST_REPEATS},
        "1",
    ),
    "goes_on_with": Key(
        "What the next turn builds on: the model's own answers, or the written ones.",
        {"enum": ["answers", "written"]},
        "answers",
    ),
    "through": Key(
        "What is asked: the model alone, or the RAG server with its retrieval, prompt and three-turn window.",
        {"enum": ["model", "rag"]},
        "model",
    ),
    "user": Key("With `through: rag`: whose chat it is. Cases of one user share a history.", TEXT, "one of its own"),
    "reviewed": Key("false: a person has not read it yet, so it cannot gate.", TRUTH, "true"),
    "turns": Key(
        "What the user says, turn by turn.",
        {"type": "array", "items": {"$ref": "#/$defs/turn"}, "minItems": 1},
        "required",
    ),
    "expect": Key("What all answers together must hold: they are read as one text, a line each.", EXPECT, "nothing"),
}
TURN: Mapping[str, Key] = {
    "user": Key("The question.", TEXT, "required"),
    "answer": Key("The written answer: what `goes_on_with: written` goes on with.", TEXT, "none"),
    "passages": Key(f"Up to {PASSAGES} passages to answer from, as retrieval would find them.", SHOWN, "documents"),
    "expect": Key("What the answer must hold: all of it, at once.", EXPECT, "nothing"),
}
# a case that nobody could fail is no case; one that is unreviewed may wait for its expectations
CAN_FAIL: list[Json] = [
    {"required": ["expect"]},
    {"properties": {"turns": {"contains": {"required": ["expect"]}}}, "required": ["turns"]},
    {"properties": {"reviewed": {"const": False}}, "required": ["reviewed"]},
]


def schema() -> str:
    made = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Chat cases",
        "description": "Chats and what their answers must hold. docs/cases.md explains every key.",
        "type": "object",
        "properties": {"cases": {"type": "array", "items": {"$ref": "#/$defs/case"}, "minItems": 1}},
        "required": ["cases"],
        "additionalProperties": False,
        "$defs": {
            "case": mapping("A scripted chat.", CASE) | {"anyOf": CAN_FAIL},
            "turn": mapping("One question of a chat.", TURN),
            "expect": expect(),
        },
    }
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def mapping(about: str, keys: Mapping[str, Key]) -> Json:
    return {
        "description": about,
        "type": "object",
        "properties": {name: {"description": key.about, **key.schema} for name, key in keys.items()},
        "required": [name for name, key in keys.items() if key.default == "required"],
        "additionalProperties": False,
    }


def expect() -> Json:
    kinds = [scorers.get_scorer(name) for name in scorers.NAMES]
    return {
        "description": "What an answer must hold. All of it must hold at once.",
        "type": "object",
        "properties": {
            kind.name: {"description": kind.about, **kind.schema, "examples": list(kind.examples)} for kind in kinds
        },
        "minProperties": 1,
        "additionalProperties": False,
    }


def main() -> None:
    from sluice.datasets.schema_page import reference

    SCHEMA.write_text(schema(), encoding="utf-8")
    REFERENCE.write_text(reference(), encoding="utf-8")


if __name__ == "__main__":
    main()

"""The keys of a case file: what each means and may hold, for the schema and for the page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sluice.evaluation.cases import loader
from sluice.evaluation.cases.case import PASSAGES

Json = dict[str, Any]

TEXT: Json = {"type": "string", "minLength": 1}
TEXTS: Json = {"type": "array", "items": TEXT}
PASSAGE_LIST: Json = {**TEXTS, "maxItems": PASSAGES}
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
    "documents": Key(
        f"Up to {PASSAGES} passages to answer from, in every turn that names none itself.", PASSAGE_LIST, "none"
    ),
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
    "passages": Key(
        f"Up to {PASSAGES} passages to answer from, as retrieval would find them.", PASSAGE_LIST, "documents"
    ),
    "expect": Key("What the answer must hold: all of it, at once.", EXPECT, "nothing"),
}

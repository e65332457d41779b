"""What a case file may hold, for editors (cases.schema.json) and for readers (docs/cases.md).

Both are written by `python -m sluice.datasets.schema`, from `sluice.datasets.case_keys`, from the kinds of expectations
in `sluice.evaluation.scorers`, and from the importers' own tables.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from sluice.datasets.case_keys import CASE, TURN, Json, Key
from sluice.evaluation import scorers

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "cases.schema.json"
REFERENCE = ROOT / "docs" / "cases.md"
# a case that nobody could fail is no case; one that is unreviewed may wait for its expectations
CAN_FAIL: list[Json] = [
    {"required": ["expect"]},
    {"properties": {"turns": {"contains": {"required": ["expect"]}}}, "required": ["turns"]},
    {"properties": {"reviewed": {"const": False}}, "required": ["reviewed"]},
]


def build_schema() -> str:
    definition = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Chat cases",
        "description": "Chats and what their answers must hold. docs/cases.md explains every key.",
        "type": "object",
        "properties": {"cases": {"type": "array", "items": {"$ref": "#/$defs/case"}, "minItems": 1}},
        "required": ["cases"],
        "additionalProperties": False,
        "$defs": {
            "case": mapping_schema("A scripted chat.", CASE) | {"anyOf": CAN_FAIL},
            "turn": mapping_schema("One question of a chat.", TURN),
            "expect": expect_schema(),
        },
    }
    return json.dumps(definition, indent=2, ensure_ascii=False) + "\n"


def mapping_schema(about: str, keys: Mapping[str, Key]) -> Json:
    return {
        "description": about,
        "type": "object",
        "properties": {name: {"description": key.about, **key.schema} for name, key in keys.items()},
        "required": [name for name, key in keys.items() if key.default == "required"],
        "additionalProperties": False,
    }


def expect_schema() -> Json:
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
    from sluice.datasets.schema_page import build_reference  # a new case needs SCHEMA alone

    SCHEMA.write_text(build_schema(), encoding="utf-8")
    REFERENCE.write_text(build_reference(), encoding="utf-8")


if __name__ == "__main__":
    main()

"""The schema that editors use and the page that people read are what the code says."""

import json

import jsonschema
import pytest
from release_example import SHIPPED, content

from sluice.config import schema


def test_the_schema_is_not_stale():
    assert schema.SCHEMA.read_text(encoding="utf-8") == schema.build_schema(), "run python -m sluice.config.schema"


def test_the_reference_page_is_not_stale():
    assert schema.REFERENCE.read_text(encoding="utf-8") == schema.build_reference(), (
        "run python -m sluice.config.schema"
    )


def test_the_shipped_file_names_the_schema_and_fits_it():
    assert SHIPPED.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=./pipeline.schema.json\n")
    jsonschema.validate(content(), json.loads(schema.build_schema()))


@pytest.mark.parametrize("changes", [{"nmae": "x"}, {"approval": "maybe"}, {"deployment__startup_seconds": 5}])
def test_an_editor_sees_mistakes_too(changes):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content(**changes), json.loads(schema.build_schema()))


def test_every_key_is_described_for_an_editor():
    json_schema = json.loads(schema.build_schema())
    for section in (json_schema, *json_schema["$defs"].values()):
        assert section["description"]
        assert all(key.get("description") or "$ref" in key for key in section["properties"].values())

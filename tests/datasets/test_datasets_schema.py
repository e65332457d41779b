"""The schema that editors use and the page that people read are what the code says, and every example works."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from sluice.datasets import case_keys, schema, schema_page
from sluice.evaluation import scorers
from sluice.evaluation.cases import loader

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads(schema.build_schema())
CASE: dict[str, Any] = {"id": "a", "turns": [{"user": "hi", "expect": {"contains": "x"}}]}
BLOCKS = re.findall(r"```yaml\n(.*?)```", schema_page.build_reference(), re.DOTALL)


def fits(*cases: dict[str, Any]) -> bool:
    return not any(jsonschema.Draft202012Validator(SCHEMA).iter_errors({"cases": list(cases)}))


def reads(folder: Path, *cases: dict[str, Any]) -> bool:
    problems: list[loader.CaseProblem] = []
    reader = loader.CaseReader("", problems)
    reader.folder = folder
    for case in cases:
        reader.parse_case(case, "")
    return not problems


def test_the_schema_is_not_stale():
    assert schema.SCHEMA.read_text(encoding="utf-8") == schema.build_schema(), "run python -m sluice.datasets.schema"


def test_the_reference_page_is_not_stale():
    assert schema.REFERENCE.read_text(encoding="utf-8") == schema_page.build_reference(), "it is stale"


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_has_the_keys_that_the_reader_takes():
    assert (tuple(sorted(case_keys.CASE)), tuple(case_keys.TURN)) == (tuple(sorted(loader.CASE)), loader.TURN)
    assert tuple(SCHEMA["$defs"]["expect"]["properties"]) == scorers.NAMES


@pytest.mark.parametrize("file", sorted((ROOT / "cases").glob("*.yaml")), ids=lambda path: path.name)
def test_the_shipped_cases_fit(file):
    jsonschema.validate(yaml.safe_load(file.read_text(encoding="utf-8")), SCHEMA)


@pytest.mark.parametrize("name", scorers.NAMES)
def test_every_kind_is_described_with_examples_that_work(name, tmp_path):
    kind = scorers.get_scorer(name)
    (tmp_path / "checks.py").write_text("def is_polite(said):\n    return True\n")
    assert kind.about.endswith(".") and kind.examples
    for example in kind.examples:
        case = CASE | {"turns": [{"user": "hi", "expect": {name: example}}]}
        assert fits(case) and reads(tmp_path, case)


@pytest.mark.parametrize("block", [each for each in BLOCKS if "cases:" in each])
def test_the_examples_of_the_page_can_be_read(block, tmp_path):
    (tmp_path / "cases.yaml").write_text(block, encoding="utf-8")
    assert list(loader.read_cases(tmp_path / "cases.yaml"))
    jsonschema.validate(yaml.safe_load(block), SCHEMA)


@pytest.mark.parametrize(
    "changes",
    [
        {"tgas": []},
        {"turns": []},
        {"turns": [{"user": ""}]},
        {"turns": [{"user": "hi", "expect": {}}]},
        {"turns": [{"user": "hi", "expect": {"contain": "x"}}]},
        {"turns": [{"user": "hi", "expect": {"contains": []}}]},
        {"turns": [{"user": "hi", "expect": {"language": "fr"}}]},
        {"turns": [{"user": "hi", "expect": {"similar": {"least": 0.5}}}]},
        {"turns": [{"user": "hi", "expect": {"contains": {"particles": "ignored"}}}]},
        {"turns": [{"user": "hi"}]},
        {"documents": ["a"] * 5},
        {"weight": 0},
        {"repeats": 1000},
        {"through": "RAG"},
        {"reviewed": "no"},
    ],
)
def test_an_editor_sees_the_mistakes_that_the_reader_sees(changes, tmp_path):
    assert fits(CASE) and reads(tmp_path, CASE)
    assert not fits(CASE | changes)
    assert not reads(tmp_path, CASE | changes)


def test_an_unreviewed_case_without_expectations_fits(tmp_path):
    case = CASE | {"turns": [{"user": "hi"}], "reviewed": False}
    assert fits(case) and reads(tmp_path, case)


def test_the_page_tells_every_key_and_every_kind():
    page = schema_page.build_reference()
    assert [name for name in (*case_keys.CASE, *case_keys.TURN) if f"| `{name}` |" not in page] == []
    assert [name for name in scorers.NAMES if f"### `{name}`" not in page] == []

"""Real configurations, from public threads and pages: the broken ones are caught, the good ones let through.

tests/corpus/*.yaml hold them, each with its link and what happened in our own words.
"""

import json
from pathlib import Path

import checking
import pytest
from corpus import CONFIGURATIONS, FLAGS

BROKEN = [each for each in CONFIGURATIONS if each.values[0].get("caught")]
GOOD = [each for each in CONFIGURATIONS if "caught" not in each.values[0]]


def checked(each: dict, folder: Path) -> list[dict]:
    if "pipeline" in each:
        return checking.of_release(folder, each["pipeline"])[1]
    flags = {f"--{name.replace('_', '-')}": each[name] for name in FLAGS if name in each}
    flags.setdefault("--image", checking.IMAGE)
    if each.get("network_isolation"):
        flags["--network-isolation"] = ""
    if "model_config" in each:
        (folder / "config.json").write_text(json.dumps(each["model_config"]))
        flags["--model-config"] = folder / "config.json"
    if "properties" in each:
        (folder / "serving.properties").write_text(each["properties"])
        flags["--serving-properties"] = folder / "serving.properties"
    variables = {name: str(value) for name, value in each.get("environment", {}).items()}
    return checking.of_environment(folder, variables, flags)[1]


@pytest.mark.parametrize("each", BROKEN)
def test_a_broken_configuration_is_caught_at_the_key_at_fault(each, tmp_path):
    findings = {(finding["code"], finding["where"]) for finding in checked(each, tmp_path)}
    expected = {(caught["code"], caught["where"]) for caught in each["caught"]}
    assert expected <= findings


@pytest.mark.parametrize("each", GOOD)
def test_a_configuration_that_works_has_no_error(each, tmp_path):
    assert [finding for finding in checked(each, tmp_path) if finding["severity"] == "error"] == []


def test_the_corpus_is_as_large_as_the_readme_says():
    assert len(BROKEN) >= 60 and len(GOOD) >= 20
    for readme in ("README.md", "README.ko.md"):
        text = (checking.ROOT / readme).read_text(encoding="utf-8")
        assert str(len(BROKEN)) in text and str(len(GOOD)) in text


def test_every_configuration_says_where_it_is_from():
    every = [each.values[0] for each in CONFIGURATIONS]
    assert [each["id"] for each in every if not each["link"].startswith("https://") or not each["story"]] == []
    assert len({each["id"] for each in every}) == len(every)

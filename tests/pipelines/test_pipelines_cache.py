"""An unchanged release is not compiled again, and what lies in the cache is never trusted blindly."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
from release_example import PLACE, ROOT, SOURCES, shipped, written

from sluice.config.model import load
from sluice.extras import ExtraMissing
from sluice.pipelines import compile_cache
from sluice.pipelines.plan import Definitions

DEFINITIONS = Definitions({"Steps": ["release"]}, {"Steps": ["deploy"]})


@pytest.fixture
def cache(tmp_path):
    """A cache that holds the shipped file's definitions."""
    compile_cache.write_definitions(
        tmp_path / f"{compile_cache.cache_key(shipped(), PLACE, SOURCES)}.json", DEFINITIONS
    )
    return tmp_path


def test_a_hit_imports_neither_the_sdk_nor_botocore(cache):
    program = """
import sys
from pathlib import Path
from sluice.pipelines import compile_cache as compiled
from release_example import PLACE, SOURCES, shipped
found = compiled.compile_cached(shipped(), PLACE, SOURCES, Path(sys.argv[1]))
assert found.release == {"Steps": ["release"]}, found
print(sorted({name.partition(".")[0] for name in sys.modules} & {"sagemaker", "botocore", "boto3", "pandas"}))
"""
    process = subprocess.run(
        [sys.executable, "-c", program, str(cache)],
        cwd=ROOT / "tests" / "support",
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout == "[]\n"


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("release", "released"),
        lambda text: "[]",
        lambda text: '{"checksum": 1, "release": {}, "deploy": {}}',
    ],
)
def test_a_damaged_file_counts_as_none(cache, damage):
    file = next(cache.glob("*.json"))
    assert compile_cache.read_definitions(file) == DEFINITIONS
    file.write_text(damage(file.read_text(encoding="utf-8")), encoding="utf-8")
    assert compile_cache.read_definitions(file) is None


def test_the_key_changes_with_whatever_a_definition_is_made_of(tmp_path):
    config = shipped()
    keys = {
        compile_cache.cache_key(config, PLACE, SOURCES),
        compile_cache.cache_key(load(written(tmp_path, deployment__instance_count=2)), PLACE, SOURCES),
        compile_cache.cache_key(config, replace(PLACE, bucket="other"), SOURCES),
        compile_cache.cache_key(config, PLACE, replace(SOURCES, code="s3://other/")),
    }
    assert len(keys) == 4
    assert compile_cache.cache_key(shipped(), PLACE, SOURCES) in keys


def test_the_code_that_is_hashed_is_all_there():
    assert all((compile_cache.PACKAGE / name).is_file() for name in compile_cache.CODE)


def test_old_definitions_are_thrown_away(tmp_path):
    for number in range(compile_cache.MAX_FILES + 5):
        compile_cache.write_definitions(tmp_path / f"{number}.json", DEFINITIONS)
    assert len(list(tmp_path.iterdir())) == compile_cache.MAX_FILES


def test_where_nothing_can_be_written_nothing_is(tmp_path):
    (tmp_path / "file").write_text("in the way")
    compile_cache.write_definitions(tmp_path / "file" / "key.json", DEFINITIONS)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_what_is_written_is_plain_json(cache):
    content = json.loads(next(cache.glob("*.json")).read_text(encoding="utf-8"))
    assert (content["release"], content["deploy"]) == (DEFINITIONS.release, DEFINITIONS.deploy)


def test_without_the_sdk_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sagemaker", None)
    monkeypatch.setitem(sys.modules, "sagemaker.core.workflow", None)
    with pytest.raises(ExtraMissing) as error:
        compile_cache.compile_cached(shipped(), PLACE, SOURCES, tmp_path)
    assert error.value.hint == "Install it: pip install 'sluice-sagemaker[pipeline]'"

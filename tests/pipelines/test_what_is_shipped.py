"""What travels into a job is what a job imports: its hash stands in the definition, so nothing else may move it."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sluice
from sluice.pipelines import archive

ROOT = Path(__file__).parents[2]
NOT_SHIPPED = (
    "lmi/tables/prices.json",
    "lmi/memory.py",
    "datasets/importers/promptfoo.py",
    "datasets/pii/keys.py",
    "preflight/checks.py",
    "config/model.py",
    "cli/main.py",
    "pipelines/costs.py",
    "rag/answer.py",
    "shipped/pipeline.yaml",
)
SHIPPED = (
    "steps/deploy.py",
    "evaluation/verdict.py",
    "registry/packages.py",
    "chat_api.py",
    "evaluation/reports/html/style.css",
)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The package as a wheel would have it, to be changed."""
    shutil.copytree(
        Path(sluice.__file__).parent, tmp_path / "sluice", ignore=shutil.ignore_patterns("__pycache__", "checkpoints")
    )
    return tmp_path


def hash_archive(folder: Path) -> str:
    program = (
        "import hashlib; from sluice.pipelines import archive; print(hashlib.sha256(archive.build_zip()).hexdigest())"
    )
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-c", program]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_tables_importers_redaction_and_commands_can_change_without_a_new_release(copied: Path) -> None:
    before = hash_archive(copied)
    assert before == hashlib.sha256(archive.build_zip()).hexdigest()
    for name in NOT_SHIPPED:
        with (copied / "sluice" / name).open("a", encoding="utf-8") as file:
            file.write("\n")
    assert hash_archive(copied) == before


@pytest.mark.parametrize("name", SHIPPED)
def test_what_a_job_imports_is_a_new_release_when_it_changes(copied: Path, name: str) -> None:
    before = hash_archive(copied)
    with (copied / "sluice" / name).open("a", encoding="utf-8") as file:
        file.write("\n")
    assert hash_archive(copied) != before


def test_every_step_runs_on_what_is_shipped_alone(tmp_path: Path) -> None:
    """Every scorer, report and comparison imported, out of the archive: no module of ours comes from anywhere else."""
    (tmp_path / "sluice.zip").write_bytes(archive.build_zip())
    program = """
import importlib, pkgutil, sys
sys.path[:] = [sys.argv[1], *(each for each in sys.path if each and each != sys.argv[2])]
import sluice
for module in pkgutil.walk_packages(sluice.__path__, "sluice."):
    if module.name not in ("sluice.steps.run",):
        importlib.import_module(module.name)
ours = [module for name, module in sys.modules.items() if name.startswith("sluice.")]
print({module.__file__.startswith(sys.argv[1]) for module in ours})
"""
    command = [sys.executable, "-c", program, str(tmp_path / "sluice.zip"), str(ROOT)]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert process.stdout.strip() == "{True}", process.stderr

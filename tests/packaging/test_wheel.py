"""The wheel: what lies in it, and that it lives beside somebody's own packages of the same names."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from wheels import build_wheel

ROOT = Path(__file__).parents[2]
OWN_PACKAGES = ("pipelines", "steps", "registry", "evaluation", "rag", "cli", "lmi", "preflight")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel unpacked in it, as site-packages would have it."""
    folder = tmp_path_factory.mktemp("site")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def run(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command out of the wheel, started in a folder whose own packages come before everything else."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(site)]), "SLUICE_STATE": str(folder)}
    command = [sys.executable, "-c", "from sluice.cli.main import main; main()", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_only_sluice_and_its_metadata_lie_in_site_packages(wheel: Path) -> None:
    top = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == {"sluice"}


@pytest.mark.parametrize(
    "name",
    [
        "sluice/pipelines/definition.py",
        "sluice/steps/run.py",
        "sluice/registry/packages.py",
        "sluice/lmi/tables/options.json",
        "sluice/evaluation/reports/html/style.css",
        "sluice/tinylmi/checkpoints/good/config.json",
        "sluice/shipped/pipeline.yaml",
        "sluice/shipped/stack.yaml",
        "sluice/shipped/steps.txt",
        "sluice/shipped/pipeline.schema.json",
        "sluice/shipped/cases/passages.yaml",
        "sluice/shipped/examples/demo.yaml",
        "sluice/shipped/examples/handbook/handbook.ko.md",
    ],
)
def test_what_the_commands_need_beside_the_code_travels_in_the_wheel(wheel: Path, name: str) -> None:
    assert name in zipfile.ZipFile(wheel).namelist()


def test_it_disturbs_no_packages_of_ones_own_and_is_not_disturbed(site: Path, tmp_path: Path) -> None:
    for name in OWN_PACKAGES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise ImportError('{name} of the project itself')\n")
    (tmp_path / "my.env").write_text("OPTION_MAX_LEN=4096\n")
    checked = run(
        site, tmp_path, "check", "--env-file", "my.env", "--image", "djl-inference:0.35.0-lmi17.0.0-cu128"
    )  # fmt: skip
    assert "LMI014" in checked.stdout, checked.stdout + checked.stderr
    assert checked.returncode == 1


def test_the_archive_of_a_job_is_the_same_out_of_a_wheel(site: Path, tmp_path: Path) -> None:
    program = (
        "from sluice.pipelines import archive; import hashlib; print(hashlib.sha256(archive.build_zip()).hexdigest())"
    )
    environment = {**os.environ, "PYTHONPATH": str(site)}
    elsewhere, here = (
        subprocess.run(
            [sys.executable, "-c", program], cwd=folder, env=each, capture_output=True, text=True, check=True
        ).stdout
        for folder, each in ((tmp_path, environment), (ROOT, {**os.environ, "PYTHONPATH": str(ROOT)}))
    )
    assert elsewhere == here

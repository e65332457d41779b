"""`sluice check`: every way the file can be wrong is a finding with its place, and asks no AWS."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.check import check

ROOT = Path(__file__).parent.parent


@pytest.fixture
def project(tmp_path):
    """A folder with a valid pipeline.yaml in it, to be broken."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "config.json").write_text("{}")
    (tmp_path / "cases.yaml").write_text("cases: [{id: a, turns: [{user: hi, expect: {contains: hi}}]}]")
    text = (ROOT / "pipeline.yaml").read_text()
    text = text.replace("tinylmi/checkpoints/good", "models").replace("cases: cases", "cases: cases.yaml")
    (tmp_path / "pipeline.yaml").write_text(text)
    return Project(tmp_path)


class Project:
    def __init__(self, folder: Path) -> None:
        self.file = folder / "pipeline.yaml"
        self.folder = folder

    def says(self, old: str, new: str) -> None:
        text = self.file.read_text()
        assert old in text
        self.file.write_text(text.replace(old, new))

    def check(self, *arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(check, ["-f", str(self.file), *arguments])
        return done.exit_code, done.output


def test_a_good_file_has_no_findings(project):
    code, told = project.check()
    assert code == 0
    assert "nothing wrong was found" in told


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("min_pass_rate: 0.9", "min_pass_rate: 1.9", "evaluation.gate.min_pass_rate", "at most 1"),
        ("approval: manual", "aproval: manual", "aproval", "Did you mean approval"),
        ("max_model_len: 4096", "max_len: 4096", "lmi.options.max_len", "max_model_len"),
        ("startup_seconds: 900", "startup_seconds: 10", "deployment.startup_seconds", "at least 60"),
        ("-lmi17.0.0-cu128", "", "lmi.image", "is not a full one"),
    ],
)
def test_a_wrong_value_is_told_with_its_place_and_what_was_meant(project, old, new, place, message):
    project.says(old, new)
    code, told = project.check("--json")
    findings = json.loads(told)["findings"]
    assert code == 1
    assert [finding["where"] for finding in findings] == [place]
    assert message in findings[0]["message"]


def test_a_missing_model_folder_is_a_finding(project):
    project.says("model: models", "model: nowhere")
    code, told = project.check()
    assert code == 1
    assert "model.source" in told and "nowhere" in told


def test_broken_cases_are_a_finding(project):
    (project.folder / "cases.yaml").write_text("cases: []")
    code, told = project.check()
    assert code == 1
    assert "evaluation.cases" in told


def test_check_asks_no_aws_and_needs_neither_boto3_nor_the_sdk():
    code = """
import sys
from click.testing import CliRunner
from cli.check import check
done = CliRunner().invoke(check, ["-f", "pipeline.yaml"])
print(done.output, [name for name in ("boto3", "sagemaker", "moto", "mlflow", "fastapi") if name in sys.modules])
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert told.stdout.strip().endswith("[]"), told.stdout

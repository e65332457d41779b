"""The documents keep up: every command is named, every link leads somewhere, both READMEs tell the same."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest

from sluice.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(file for name in ("docs", "benchmarks", "sluice/tinylmi", "examples") for file in (ROOT / name).rglob("*.md")),
]
READMES = [ROOT / "README.md", ROOT / "README.ko.md"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(document):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_both_readmes_name_every_command(readme):
    text = readme.read_text(encoding="utf-8")
    assert [name for name in COMMANDS if name != "demo" and f"`sluice {name}`" not in text] == []
    assert "make demo" in text and "make test" in text


def test_both_readmes_show_the_same_commands_and_output():
    english, korean = (re.findall(r"^```\w*\n(.*?)^```", path.read_text("utf-8"), re.M | re.S) for path in READMES)
    without_comments = [[re.sub(r"\s+#.*", "", line) for line in block.splitlines()] for block in english[1:]]
    assert without_comments == [[re.sub(r"\s+#.*", "", line) for line in block.splitlines()] for block in korean[1:]]


def test_the_changelog_begins_with_what_is_unreleased_and_knows_the_version_that_is_built():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"# Changelog\n\n## Unreleased\n\n\S", text)
    assert f"## {version('sluice-sagemaker')}, 20" in text

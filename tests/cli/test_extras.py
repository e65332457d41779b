"""A command whose optional packages are not installed says in one line how to install them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sluice.extras import EXTRAS

# What a plain `pip install` does not bring, made missing in a process of its own.
WITHOUT = f"""
import sys
MISSING = {sorted(set().union(*EXTRAS.values()))}
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in MISSING:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name.partition(".")[0] in MISSING else find(name, package)
from sluice.cli.main import main
main()
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SLUICE_STATE": str(folder / ".sluice")}
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("local", "up"), "local"),
        (("run", "--file", "PIPELINE"), "local"),
        (("status", "--file", "PIPELINE"), "local"),
        (("versions", "--file", "PIPELINE"), "local"),
        (("approve", "--file", "PIPELINE"), "local"),
        (("deploy", "--file", "PIPELINE"), "local"),
        (("schedule", "show", "--file", "PIPELINE"), "local"),
        (("chat", "--file", "PIPELINE", "hello"), "serve"),
        (("serve", "--file", "PIPELINE"), "local"),
        (("demo", "--file", "PIPELINE"), "local"),
        (("compare", "a.json", "b.json"), "judge"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else value,
)
def test_a_missing_extra_is_one_line_that_names_the_install_command(
    tmp_path: Path, arguments: tuple[str, ...], extra: str
) -> None:
    from sluice import shipped

    for name in ("a.json", "b.json"):
        golden = Path(__file__).parents[1] / "golden" / "report.json"
        (tmp_path / name).write_bytes(golden.read_bytes())
    command_line = [str(shipped.find_file("pipeline.yaml")) if each == "PIPELINE" else each for each in arguments]
    result = run(tmp_path, *command_line)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    assert f"pip install 'sluice-sagemaker[{extra}" in result.stderr


@pytest.mark.parametrize("command", [("check",), ("cases", "lint")], ids=lambda command: command[0])
def test_what_needs_no_extra_works_without_one(tmp_path: Path, command: tuple[str, ...]) -> None:
    from sluice import shipped

    result = run(tmp_path, *command, "--file", str(shipped.find_file("pipeline.yaml")))
    assert "Traceback" not in result.stderr and "pip install" not in result.stderr, result.stderr

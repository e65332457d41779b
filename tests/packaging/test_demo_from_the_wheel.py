"""The whole release out of a wheel, in an empty folder beside packages of one's own. `make wheel` runs it."""

import os
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from wheels import build_wheel

OWN_PACKAGES = ("pipelines", "steps", "registry", "evaluation", "rag", "cli")

pytestmark = pytest.mark.slow


def find_free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def test_the_demo_runs_in_an_empty_folder(tmp_path: Path) -> None:
    site, folder = tmp_path / "site", tmp_path / "empty"
    folder.mkdir()
    zipfile.ZipFile(build_wheel(tmp_path)).extractall(site)
    for name in OWN_PACKAGES:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(f"raise ImportError('{name} of the project itself')\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SLUICE_"))}
    environment |= {"PYTHONPATH": f"{folder}{os.pathsep}{site}", "SLUICE_LOCAL_PORT": str(find_free_port())}
    done = subprocess.run(
        [sys.executable, "-c", "from sluice.cli.main import main; main()", "demo"],
        cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "Version 1 is still live, and still answers" in done.stdout
    assert "Everything is stopped." in done.stdout

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

RUN = Path(__file__).parents[2] / "steps" / "run.py"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A job's archive whose package `steps` stands before the one that is installed here."""
    (tmp_path / "run.py").write_bytes(RUN.read_bytes())
    with zipfile.ZipFile(tmp_path / "sluice.zip", "w") as file:
        file.writestr("steps/__init__.py", "")
        file.writestr("steps/hello.py", "import sys\nprint('hello', __name__, *sys.argv[1:])\n")
        file.writestr("steps/fails.py", "import sys\nsys.exit(7)\n")
        file.writestr("steps/uses_wheel.py", "import brought\nprint(brought.__file__)\n")
    return tmp_path


def run(archive: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(archive / "run.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_step_runs_out_of_the_archive_with_its_arguments(archive: Path) -> None:
    assert run(archive, "steps.hello", "--flag", "a b").stdout == "hello __main__ --flag a b\n"


def test_the_steps_exit_code_is_the_jobs(archive: Path) -> None:
    assert run(archive, "steps.fails").returncode == 7


def test_wheels_are_installed_into_a_folder_of_their_own(archive: Path) -> None:
    (archive / "wheels").mkdir()
    wheel = archive / "wheels" / "brought-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("brought.py", "")
        file.writestr("brought-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: brought\nVersion: 1.0\n")
        file.writestr("brought-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr("brought-1.0.dist-info/RECORD", "")
    process = run(archive, "steps.uses_wheel")
    assert "sluice-wheels-" in process.stdout, process.stderr


@pytest.mark.parametrize("name", ["", "x-1.0-py2-none-any.whl"])
def test_an_archive_that_is_not_whole_is_told(archive: Path, name: str) -> None:
    if name:
        (archive / "wheels").mkdir()
        (archive / "wheels" / name).write_bytes(b"")
    else:
        (archive / "sluice.zip").unlink()
    process = run(archive, "steps.hello")
    assert process.returncode == 1
    assert "run.py: " in process.stderr and "Traceback" not in process.stderr


def test_the_launcher_is_plain_enough_for_an_old_python() -> None:
    ast.parse(RUN.read_text(), feature_version=(3, 9))
    imported = {line.split()[1] for line in RUN.read_text().splitlines() if line.startswith(("import ", "from "))}
    assert imported <= sys.stdlib_module_names

"""Starts a step out of the job's archive: `python3 run.py steps.evaluate --flag value`.

This file lies beside `sluice.zip` and, where the image lacks a package, a folder of wheels; Python 3.9 can run it. The
wheels go into a folder of their own, so what the image brought stays as it is.
"""

import runpy
import subprocess
import sys
import tempfile
from pathlib import Path


def main(arguments: "list[str]", folder: Path) -> None:
    archive = folder / "sluice.zip"
    if not arguments:
        sys.exit("run.py: say which step to run, for example steps.evaluate")
    if not archive.is_file():
        sys.exit(f"run.py: there is no {archive}; the job's code was not uploaded whole")
    sys.path[:0] = [str(archive), *install_wheels(folder / "wheels")]
    sys.argv = arguments
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


def install_wheels(wheels: Path) -> "list[str]":
    """Install the wheels into a new folder and return it, if there are any; nothing is fetched from anywhere."""
    files = sorted(str(wheel) for wheel in wheels.glob("*.whl"))
    if not files:
        return []
    folder = tempfile.mkdtemp(prefix="sluice-wheels-")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--disable-pip-version-check"]
    process = subprocess.run([*pip, "--target", folder, *files], check=False)
    if process.returncode:
        sys.exit(f"run.py: the job's wheels do not fit Python {sys.version.split()[0]} of this image")
    return [folder]


if __name__ == "__main__":
    main(sys.argv[1:], Path(__file__).resolve().parent)

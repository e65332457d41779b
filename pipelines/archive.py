"""What jobs run: our packages in one zip, the script that unpacks it, and on AWS the wheels that the images lack."""

import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import sluice
from sluice import shipped
from sluice.errors import SluiceError

PACKAGE = Path(sluice.__file__).parent
# What the steps can import, and nothing else, as its hash stands in the definition: an import contract says so.
GROUND = ("__init__.py", "errors.py", "chat_api.py", "wording.py", "yaml_file.py")
PACKAGES = ("evaluation", "registry", "steps")
SHIPPED = {".py", ".css"}
PINS = shipped.find_file("steps.txt")
PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64")


def list_job_files(wheels: Path | None) -> dict[str, bytes | Path]:
    """Return the job archive's files by name. Local jobs run where everything is installed: `wheels` is None."""
    files: dict[str, bytes | Path] = {"run.py": PACKAGE / "steps" / "run.py", "sluice.zip": build_zip()}
    if wheels is not None:
        files |= {f"wheels/{wheel.name}": wheel for wheel in sorted(wheels.glob("*.whl"))}
    return files


def build_zip() -> bytes:
    """Pack the packages, byte for byte the same wherever and whenever that is: sorted, undated, uncompressed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for file in list_source_files():
            name = f"sluice/{file.relative_to(PACKAGE).as_posix()}"
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes())
    return buffer.getvalue()


def list_source_files() -> list[Path]:
    """Return the files of the archive, sorted, as they lie in this installation of `sluice`."""
    packages = (file for package in PACKAGES for file in (PACKAGE / package).rglob("*"))
    sources = (file for file in packages if file.suffix in SHIPPED and "__pycache__" not in file.parts)
    return sorted([*(PACKAGE / name for name in GROUND), *sources])


def download_wheels(python: str, cache: Path) -> Path:
    """Download the pinned wheels for a job image's Python (\"3.12\") into a folder under `cache`, once; returns it."""
    folder = cache / f"wheels-{python}-{pins_hash()}"
    complete = folder / "complete"
    if complete.exists():
        return folder
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--require-hashes", "--only-binary=:all:", "--implementation=cp", f"--python-version={python}"]
    command += [f"--platform={platform}" for platform in PLATFORMS]
    process = subprocess.run([*command, "--dest", str(folder), "-r", str(PINS)], capture_output=True, text=True)
    if process.returncode != 0:
        raise SluiceError(
            f"The packages that the jobs need could not be downloaded: {last_line(process.stderr)}",
            "Jobs on AWS get them from here, because they may have no way to a package index.",
        )
    complete.touch()
    return folder


def pins_hash() -> str:
    return hashlib.sha256(PINS.read_bytes()).hexdigest()[:16]


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "pip said nothing."

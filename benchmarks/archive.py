"""What travels into a job: the archive's size, and how long a step's process takes to start out of it.

`archive_kb` and `files` are of `sluice.zip`. `step_s` is a process that imports `run.py` and, out of the zip beside it,
the evaluation step with all that it imports from there and from the packages installed here, and does nothing.
`python_s` is bare Python. Both are medians of whole processes, in seconds; `step_min_s` is the quickest start.
"""

import io
import sys
import tempfile
import zipfile
from pathlib import Path
from statistics import median

from benchmarks.measure import print_result, time_process
from sluice.pipelines.archive import list_job_files

RUNS = 15
STEP = ["-c", "import sys, run; sys.path.insert(0, 'sluice.zip'); import sluice.steps.evaluate"]


def unpack_job(folder: Path) -> bytes:
    """Write the job's files into the folder as a job on a local AWS gets them, and return `sluice.zip`."""
    files = {
        name: content if isinstance(content, bytes) else content.read_bytes()
        for name, content in list_job_files(None).items()
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return files["sluice.zip"]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        archive = unpack_job(Path(name))
        time_process([sys.executable, *STEP], cwd=Path(name))  # warms up
        steps, bare = [], []
        for _ in range(RUNS):  # in turn, so that a machine that slows down slows down both
            steps.append(time_process([sys.executable, *STEP], cwd=Path(name)))
            bare.append(time_process([sys.executable, "-c", "pass"], cwd=Path(name)))
    print_result(
        "archive",
        archive_kb=round(len(archive) / 1000),
        files=len(zipfile.ZipFile(io.BytesIO(archive)).namelist()),
        step_s=median(steps),
        step_min_s=min(steps),
        python_s=median(bare),
        runs=RUNS,
    )


if __name__ == "__main__":
    main()

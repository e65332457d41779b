"""What the benchmarks share: whole processes timed from outside, and the line of JSON each benchmark ends with."""

import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def time_process(command: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | None = None) -> float:
    """Seconds one whole process takes, start-up included. A process that fails ends the benchmark."""
    started = time.perf_counter()
    everything = {**os.environ, **(env or {})}
    completed = subprocess.run(command, capture_output=True, text=True, env=everything, cwd=cwd, check=False)
    took = time.perf_counter() - started
    if completed.returncode:
        output = (completed.stdout + completed.stderr)[-3000:]
        raise SystemExit(f"{' '.join(command)} exited with {completed.returncode}:\n{output}")
    return took


def median_time(runs: int, command: Sequence[str]) -> float:
    """The median of `runs` runs after one that warms up."""
    time_process(command)
    return statistics.median(time_process(command) for _ in range(runs))


def print_result(name: str, **figures: Any) -> None:
    rounded = {key: round(value, 4) if isinstance(value, float) else value for key, value in figures.items()}
    machine = {"python": platform.python_version(), "cores": os.cpu_count(), "machine": platform.machine()}
    print(json.dumps({"benchmark": name, **rounded, **machine}))

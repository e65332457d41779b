"""`sluice replay` with many chats: what a turn costs it, how near it comes to an endpoint's throughput, what it holds.

- `turn_ms`: seconds of a replay of 1,000 chats of 4 turns on a stub that answers at once, per turn, start-up not
  included; `floor_turn_ms` is the same by bare asyncio. `overhead_ms` is the difference.
- `share_64_200ms`, `share_64_50ms`: throughput with 64 in flight, as a share of what bare asyncio gets out of the same
  stub in the same run, both between the first request and the last answer that the stub saw.
- `peak_mb_1k`, `peak_mb_4k`, `peak_mb_100k`: the most memory that the whole process had with so many turns, of a YAML
  file, with the report written; `whole_mb` is what a process has that only parses the largest file, whole.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.endpoint import SLUICE, measure_floor, read_counts, start_stub, write_cases
from benchmarks.measure import print_result

TURNS, AT_ONCE, RUNS = 4, 16, 3
WHOLE = "import sys, yaml; yaml.load(open(sys.argv[1], encoding='utf-8'), Loader=yaml.CSafeLoader)"


def measure_process(command: Sequence[str]) -> tuple[float, float]:
    """Seconds and the most MB of a whole process."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise SystemExit(f"{command[0]} exited with {process.returncode}:\n{output.read()[-2000:].decode()}")
    return time.perf_counter() - started, used.ru_maxrss / 1024


def measure_replay(folder: Path, port: int, chats: int, concurrency: int) -> tuple[float, float, float]:
    """Seconds of the process and of the replay in it, and the most MB."""
    cases, out = folder / f"{chats}.yaml", folder / "out"
    if not cases.exists():
        write_cases(cases, chats, TURNS)
    url = f"http://127.0.0.1:{port}/invocations"
    command = [SLUICE, "replay", "--url", url, "--cases", str(cases), "--out", str(out)]
    took, most = measure_process([*command, "--concurrency", str(concurrency)])
    head = (out / "report.json").read_text(encoding="utf-8")[:100_000]
    return took, float(head.partition('"seconds": ')[2].partition(",")[0]), most


def measure_overhead(folder: Path) -> dict[str, float]:
    ours, floors = [], []
    for _ in range(RUNS):
        with start_stub(0) as port:
            floors.append(measure_floor(port, 1000, TURNS, AT_ONCE))
            ours.append(measure_replay(folder, port, 1000, AT_ONCE)[1])
    turn, bare = (1000 * median(each) / (1000 * TURNS) for each in (ours, floors))
    return {"turn_ms": turn, "floor_turn_ms": bare, "overhead_ms": turn - bare}


def measure_share(folder: Path, delay: float, chats: int) -> float:
    ours, floors = [], []
    for _ in range(RUNS):
        with start_stub(delay) as port:
            measure_floor(port, chats, TURNS, 64)
            floors.append(read_counts(port)["seconds"])
        with start_stub(delay) as port:
            measure_replay(folder, port, chats, 64)
            counts = read_counts(port)
            assert counts["calls"] == chats * TURNS and counts["peak"] == 64, counts
            ours.append(counts["seconds"])
        print(f"{delay:g} s: {ours[-1]:.2f} s, bare asyncio {floors[-1]:.2f} s", file=sys.stderr)
    return float(median(floors) / median(ours))


def measure_memory(folder: Path) -> dict[str, float]:
    figures = {}
    for name, chats in (("1k", 250), ("4k", 1000), ("100k", 25_000)):
        with start_stub(0) as port:
            took, _, figures[f"peak_mb_{name}"] = measure_replay(folder, port, chats, AT_ONCE)
        print(f"{name} turns: {took:.1f} s, {figures[f'peak_mb_{name}']:.0f} MB", file=sys.stderr)
    whole = measure_process([sys.executable, "-c", WHOLE, str(folder / "25000.yaml")])[1]
    return {**figures, "whole_mb": whole, "seconds_100k": took}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = measure_overhead(folder)
        print(json.dumps(figures), file=sys.stderr)
        figures |= {
            "share_64_200ms": measure_share(folder, 0.2, 512),
            "share_64_50ms": measure_share(folder, 0.05, 1024),
        }
        figures |= measure_memory(folder)
    print_result("large", **figures, runs=RUNS)


if __name__ == "__main__":
    main()

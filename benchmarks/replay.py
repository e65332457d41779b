"""30 chats of 3 turns on a stub that answers after 200 ms, 10 at a time: `sluice replay` as a whole process.

`floor_s` is the same calls by bare asyncio over kept connections, in the same run, without start-up: none can beat it.
`peak` is what the stub saw in flight at once, `calls_s` the time from its first request to its last answer. With
PEERS=1 promptfoo and inspect_ai do the same in the same run: see `peers`.
"""

import os
import sys
import tempfile
from pathlib import Path

from benchmarks.endpoint import SLUICE, measure_floor, read_counts, start_stub, write_cases
from benchmarks.measure import print_result, time_process
from benchmarks.peers import Measured, measure_peer, peers

CHATS, TURNS, DELAY, CONCURRENCY, RUNS, PEER_RUNS = 30, 3, 0.2, 10, 5, 3


def time_replay(folder: Path, port: int) -> float:
    command = [SLUICE, "replay", "--url", f"http://127.0.0.1:{port}/invocations", "--cases", str(folder / "cases.yaml")]
    return time_process([*command, "--concurrency", str(CONCURRENCY)])


def measure_sluice(folder: Path) -> tuple[list[Measured], list[float]]:
    write_cases(folder / "cases.yaml", CHATS, TURNS)
    with start_stub(0) as port:
        time_replay(folder, port)  # warms up, as it does for the peers
    runs, floors = [], []
    for run in range(RUNS):
        with start_stub(DELAY) as port:
            floors.append(measure_floor(port, CHATS, TURNS, CONCURRENCY))
        with start_stub(DELAY) as port:
            took = time_replay(folder, port)
            runs.append(Measured(took, **read_counts(port)))
        print(f"run {run + 1}: {took:.2f} s, floor {floors[-1]:.2f} s", file=sys.stderr)
    return runs, floors


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs, floors = measure_sluice(folder)
        middle, floor_s = Measured.middle(runs), sorted(floors)[RUNS // 2]
        assert middle.calls == CHATS * TURNS, middle
        figures = {"wall_s": middle.wall, "floor_s": floor_s, "over_floor": middle.wall / floor_s}
        figures |= {"calls_s": middle.seconds, "peak": middle.peak, "runs": RUNS}
        if os.environ.get("PEERS") == "1":
            for peer in peers(CHATS, TURNS, CONCURRENCY):
                measurements = measure_peer(peer, folder, DELAY, PEER_RUNS)
                figures |= {f"{peer.name}_{figure}": value for figure, value in measurements.items()}
    print_result("replay", **figures)


if __name__ == "__main__":
    main()

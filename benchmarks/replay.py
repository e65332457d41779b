"""30 chats of 3 turns on a stub that answers after 200 ms, 10 at a time: `sluice replay` as a whole process.

`floor_s` is the same calls by bare asyncio over kept connections, in the same run, without start-up: none can beat it.
`peak` is what the stub saw in flight at once.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from benchmarks.measure import result, wall

CHATS, TURNS, DELAY, CONCURRENCY, RUNS = 30, 3, 0.2, 10, 5
SLUICE = str(Path(sys.executable).with_name("sluice"))
BODY = json.dumps({"messages": [{"role": "user", "content": "hello"}], "max_tokens": 8}).encode()
REQUEST = b"POST /invocations HTTP/1.1\r\nHost: stub\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


@contextmanager
def stub() -> Iterator[int]:
    command = [sys.executable, "-m", "benchmarks.stub", str(DELAY)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def write_cases(file: Path) -> None:
    turns = [{"user": f"question {number}", "expect": {"contains": "ok"}} for number in range(TURNS)]
    file.write_text(json.dumps({"cases": [{"id": f"chat-{n}", "turns": turns} for n in range(CHATS)]}))


async def floor(port: int) -> float:
    """One connection per place in flight, each taking the next chat when it has ended one."""
    chats = iter(range(CHATS))

    async def worker() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in chats:
            for _ in range(TURNS):
                writer.write(REQUEST)
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.rpartition(b"Content-Length: ")[2].partition(b"\r\n")[0]))
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))
    return time.perf_counter() - started


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        cases = Path(folder) / "cases.yaml"
        write_cases(cases)
        walls, floors = [], []
        for run in range(RUNS):
            with stub() as port:
                floors.append(asyncio.run(floor(port)))
            with stub() as port:
                url = f"http://127.0.0.1:{port}/invocations"
                command = [SLUICE, "replay", "--url", url, "--cases", str(cases)]
                walls.append(wall([*command, "--concurrency", str(CONCURRENCY)]))
                seen = json.load(urlopen(f"http://127.0.0.1:{port}/seen"))
            assert seen["calls"] == CHATS * TURNS, seen
            print(f"run {run + 1}: {walls[-1]:.2f} s, floor {floors[-1]:.2f} s", file=sys.stderr)
    wall_s, floor_s = sorted(walls)[RUNS // 2], sorted(floors)[RUNS // 2]
    result("replay", wall_s=wall_s, floor_s=floor_s, over_floor=wall_s / floor_s, peak=seen["peak"], runs=RUNS)


if __name__ == "__main__":
    main()

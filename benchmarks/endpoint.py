"""The stub as an endpoint to ask, and how quickly bare asyncio asks it: no client can be quicker."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

SLUICE = str(Path(sys.executable).with_name("sluice"))
BODY = json.dumps({"messages": [{"role": "user", "content": "hello"}], "max_tokens": 8, "stream": True}).encode()
REQUEST = b"POST /invocations HTTP/1.1\r\nHost: stub\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


@contextmanager
def start_stub(delay: float) -> Iterator[int]:
    """Its port. Each has counted nothing yet."""
    command = [sys.executable, "-m", "benchmarks.stub", str(delay)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def read_counts(port: int) -> dict[str, Any]:
    counts: dict[str, Any] = json.load(urlopen(f"http://127.0.0.1:{port}/seen"))
    return counts


def measure_floor(port: int, chats: int, turns: int, concurrency: int) -> float:
    """Seconds; one connection per place in flight, each taking the next chat when it has ended one."""
    return asyncio.run(time_calls(port, chats, turns, concurrency))


async def time_calls(port: int, chats: int, turns: int, concurrency: int) -> float:
    waiting = iter(range(chats))

    async def worker() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in waiting:
            for _ in range(turns):
                writer.write(REQUEST)
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.rpartition(b"Content-Length: ")[2].partition(b"\r\n")[0]))
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(concurrency)))
    return time.perf_counter() - started


def write_cases(file: Path, chats: int, turns: int) -> None:
    """YAML in the form that people write."""
    with file.open("w", encoding="utf-8") as lines:
        lines.write("cases:\n")
        for chat in range(chats):
            lines.write(f"  - id: chat-{chat}\n    turns:\n")
            for turn in range(turns):
                lines.write(f"      - user: Question {turn} of chat {chat}, 연차 휴가는 며칠인가요?\n")
                lines.write("        expect: {contains: ok}\n")

"""A model server that answers every chat after a fixed delay: `python -m benchmarks.stub DELAY_SECONDS`.

Bare asyncio, so that what is measured is the client. Any POST is a chat, in OpenAI's form; one that wants a stream gets
JSON lines, as from an LMI container. `GET /ping` answers 200, `GET /seen` what was seen: `calls`, `peak` (most in
flight at once), `messages` (the most that one request held), `seconds` (from the first request to the last answer).
The first line it prints is its port.
"""

import asyncio
import json
import sys
import time
from typing import Any

USAGE = {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}
ABOUT = {"id": "chat-1", "created": 1, "model": "stub"}


def whole() -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}
    return json.dumps({**ABOUT, "object": "chat.completion", "choices": [choice], "usage": USAGE}).encode() + b"\n"


def streamed() -> bytes:
    pieces: list[dict[str, Any]] = [{"role": "assistant", "content": ""}, {"content": "o"}, {"content": "k"}, {}]
    choices = [[{"index": 0, "delta": piece, "finish_reason": None if piece else "stop"}] for piece in pieces]
    lines = [*({**ABOUT, "choices": choice} for choice in choices), {**ABOUT, "choices": [], "usage": USAGE}]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines) + b"\n"


ANSWERS = {False: ("application/json", whole()), True: ("application/jsonlines", streamed())}


class Stub:
    def __init__(self, delay: float) -> None:
        self.delay, self.calls, self.flying, self.peak, self.messages = delay, 0, 0, 0, 0
        self.first = self.last = 0.0

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                method, path, _ = line.decode().split(" ", 2)
                length = 0
                while (header := await reader.readline()) not in (b"\r\n", b""):
                    name, _, value = header.partition(b":")
                    if name.lower() == b"content-length":
                        length = int(value)
                kind, body = await self.answer(method, path, await reader.readexactly(length))
                head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def answer(self, method: str, path: str, body: bytes) -> tuple[str, bytes]:
        if path == "/seen":
            counts = {"calls": self.calls, "peak": self.peak, "messages": self.messages}
            return "application/json", json.dumps({**counts, "seconds": self.last - self.first}).encode()
        if method != "POST":
            return "application/json", b"{}"
        self.first = self.first or time.perf_counter()
        self.calls += 1
        self.flying += 1
        self.peak = max(self.peak, self.flying)
        self.messages = max(self.messages, body.count(b'"role"'))
        if self.delay:
            await asyncio.sleep(self.delay)
        self.flying -= 1
        self.last = time.perf_counter()
        return ANSWERS[b'"stream": true' in body or b'"stream":true' in body]


async def main(delay: float) -> None:
    server = await asyncio.start_server(Stub(delay).connection, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))

"""A model server that answers every chat after a fixed delay: `python -m benchmarks.stub DELAY_SECONDS`.

Bare asyncio, so that what is measured is the client. `GET /ping` answers 200, `GET /seen` answers
`{"calls": n, "peak": most in flight at once}`. The first line it prints is its port.
"""

import asyncio
import json
import sys

ANSWER = json.dumps({
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6},
}).encode() + b"\n"  # fmt: skip


class Stub:
    def __init__(self, delay: float) -> None:
        self.delay, self.calls, self.flying, self.peak = delay, 0, 0, 0

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                method, path, _ = line.decode().split(" ", 2)
                length = 0
                while (header := await reader.readline()) not in (b"\r\n", b""):
                    name, _, value = header.partition(b":")
                    if name.lower() == b"content-length":
                        length = int(value)
                await reader.readexactly(length)
                body = await self.answer(method, path)
                head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def answer(self, method: str, path: str) -> bytes:
        if path == "/seen":
            return json.dumps({"calls": self.calls, "peak": self.peak}).encode()
        if method == "POST":
            self.calls += 1
            self.flying += 1
            self.peak = max(self.peak, self.flying)
            await asyncio.sleep(self.delay)
            self.flying -= 1
            return ANSWER
        return b"{}"


async def main(delay: float) -> None:
    server = await asyncio.start_server(Stub(delay).connection, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))

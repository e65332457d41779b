"""A model server for tests: what it does at start is told by its environment, what it answers by each request."""

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer(500 if os.environ.get("PING") == "never" else 200, b"")

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "die" in request:
            os._exit(request["die"])
        if "lines" in request:
            self._stream(request)
        elif "wait_for" in request:
            wait_for(Path(request["wait_for"]), Path(request["told"]), self.connection)
            self._answer(200, b"{}")
        elif "status" in request:
            self._answer(request["status"], request.get("message", "").encode())
        else:
            model = Path(os.environ["SM_MODEL_DIR"])
            files = sorted(path.relative_to(model).as_posix() for path in model.rglob("*") if path.is_file())
            seen = {"request": request, "files": files, "environment": dict(os.environ), "arguments": sys.argv[1:]}
            self._answer(200, json.dumps(seen).encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Amzn-SageMaker-Custom-Attributes", "made=here")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, request: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/jsonlines")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number, line in enumerate(request["lines"]):
            if number == request.get("break_at"):
                os._exit(1)
            if number and "wait_for" in request:
                wait_for(Path(request["wait_for"]), Path(request.get("told", os.devnull)), self.connection)
            data = line.encode() + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")


def wait_for(file: Path, told: Path, connection: Any) -> None:
    """Until the file is there, or the caller has hung up, which is noted in the file `told`."""
    connection.settimeout(0.05)
    while not file.exists():
        try:
            if not connection.recv(1):
                told.write_text("hung up")
                return
        except TimeoutError:
            continue
        except ConnectionError:
            told.write_text("hung up")
            return
    connection.settimeout(None)


if __name__ == "__main__":
    print("the stub starts", flush=True)
    if "EXIT" in os.environ:
        print("something is wrong: 모델이 없습니다", flush=True)
        raise SystemExit(int(os.environ["EXIT"]))
    time.sleep(float(os.environ.get("START_SECONDS", "0")))
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()

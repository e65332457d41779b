"""A model server as a process: `stub_container.py <behaviour> <pid file>`; STUB in the environment wins."""

import os
import signal
import sys
from http.server import ThreadingHTTPServer
from pathlib import Path

from stub_model import Handler, StubModel

FORGOTTEN = {"17", "27", "37"}


def main(behaviour: str, pid_file: str) -> None:
    behaviour = os.environ.get("STUB", behaviour)
    Path(pid_file).write_text(str(os.getpid()))
    print(f"loading ({behaviour})", flush=True)
    second = '"current_host": "algo-2"' in own_name()
    if behaviour == "dies-at-start" or (behaviour == "dies-on-the-second" and second):
        sys.exit("ValueError: OPTION_DTYPE=half is not a value")
    if behaviour == "stubborn-slow":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    model = StubModel()
    model.delay = 60.0 if behaviour.endswith("slow") else 0.0
    if behaviour == "wrong":
        model.answers("I do not know.")
    if behaviour == "forgets":
        model.answers(lambda asked: "No idea." if asked["messages"][-1]["content"][-2:] in FORGOTTEN else "echo")
    if behaviour == "dies-midway":
        model.answers(lambda _: os._exit(3) if len(model.asked) > 2 else "echo")
    kind = type("Container", (Handler,), {"model": model})
    if behaviour == "never-ready":
        kind.do_GET = lambda self: self.whole(500, b"")
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), kind).serve_forever()


def own_name() -> str:
    """What SageMaker tells a job about its machines; nothing outside of one."""
    file = Path.cwd() / "config" / "resourceconfig.json"
    return file.read_text() if file.is_file() else ""


if __name__ == "__main__":
    main(*sys.argv[1:3])

"""`python -m sluice.localaws`: the local AWS in the foreground, until SIGTERM or Ctrl-C."""

import argparse
import signal
import sys
import threading
from pathlib import Path

from sluice.localaws.server import daemon
from sluice.localaws.server.settings import BadImageRules, Settings, load_rules


def main(argv: list[str]) -> int:
    options = _arguments(argv)
    try:
        images = load_rules(options.images.read_text()) if options.images else ()
        settings = Settings(options.state.resolve(), images, options.port, options.host, options.time_scale)
        with daemon.claim(settings):
            _serve(settings)
    except (BadImageRules, OSError) as reason:
        print(f"{options.images or options.state}: {reason}", file=sys.stderr)
        return 2
    except daemon.DaemonError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _serve(settings: Settings) -> None:
    from sluice.localaws.server import app  # takes half a second: not for those who are told why they cannot have it

    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: over.set())
    with app.running(settings) as running:
        print(f"The local AWS answers on {running.url}. Its state is in {settings.state}.", flush=True)
        over.wait()


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sluice.localaws", description=__doc__)
    parser.add_argument("--port", type=int, default=4599, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--state", type=Path, required=True, help="where its log, its jobs' folders and its pid file go"
    )
    parser.add_argument("--images", type=Path, help="JSON: which command plays which image")
    parser.add_argument("--time-scale", type=float, default=1.0, help="below 1 shortens waits, for tests")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The image's ENTRYPOINT: `serve` (or nothing) serves; any other arguments are one shell command line."""

import logging
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence

from sluice.errors import SluiceError
from sluice.tinylmi import settings as configuration

log = logging.getLogger("tinylmi")

REFUSED = ("partition", "train")


def main(arguments: Sequence[str]) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    if not arguments or arguments[0] == "serve":
        for number in (signal.SIGTERM, signal.SIGINT):  # being told to stop is no failure, at any time
            signal.signal(number, lambda *_: sys.exit(0))
        try:
            serve(os.environ)
        except SluiceError as error:
            log.error("the model server does not start: %s %s", error.message, error.hint)
            return 1
        return 0
    if arguments[0] in REFUSED:
        log.error("%s: the stand-in of the LMI image serves and runs commands, nothing else", arguments[0])
        return 2
    return command(arguments)


def command(arguments: Sequence[str]) -> int:
    """Become the shell: exit code and signals are its own. Arguments are joined and parsed again, as the image does.

    Only a path that exists stays whole: what is /opt/ml in the image may be a folder with blanks in its name here.
    """
    shell = shutil.which("bash") or "/bin/sh"
    words = [shlex.quote(each) if os.path.exists(each) else each for each in arguments]
    sys.stdout.flush()
    os.execv(shell, [shell, "-e", "-c", " ".join(words)])


def serve(environment: Mapping[str, str]) -> None:
    """Load what the environment names, say what was made of its options, answer until told to stop."""
    settings = configuration.read_settings(environment)
    if settings.upstream:
        from sluice.tinylmi import upstream  # brings an HTTP client, which is needed for this alone

        announce(settings, f"passing on to {settings.upstream}")
        upstream.serve(settings)
        return
    from sluice.tinylmi import server, web  # bring numpy and the tokenizer: a bad option is told before

    served = server.load(settings)
    announce(settings, f"{settings.model} as {settings.served_name!r}, context {served.context}")
    try:
        web.run(server.application(served), settings)
    finally:
        served.scheduler.close()


def announce(settings: configuration.ServerSettings, what: str) -> None:
    log.info(
        "LMI %d stand-in: %s; applied: %s; without effect here: %s; ignored as by the image: %s",
        configuration.RELEASE,
        what,
        ", ".join(settings.applied) or "-",
        ", ".join(settings.without_effect) or "-",
        ", ".join(settings.ignored) or "-",
    )

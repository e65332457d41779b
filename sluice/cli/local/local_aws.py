"""The local AWS as this project runs it: where its state is, which command plays an image, and its errors as ours."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sluice.cli.state import state_folder
from sluice.errors import SluiceError, UsageError
from sluice.extras import require_extras
from sluice.localaws.server import daemon
from sluice.localaws.server.daemon import Status
from sluice.localaws.server.settings import ImageRule, Settings


def read_settings(model_server: str | None = None) -> Settings:
    """LMI images are played by `python -m sluice.tinylmi`; with a model server, in front of that."""
    upstream = {"TINYLMI_UPSTREAM": model_server} if model_server else {}
    lmi = ImageRule(
        match="djl-inference:*",
        command=(sys.executable, "-m", "sluice.tinylmi"),
        alias="dockerd-entrypoint.sh",
        env=upstream,
    )
    port = os.environ.get("SLUICE_LOCAL_PORT", "4599")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise UsageError(f"SLUICE_LOCAL_PORT is {port!r}, which is not a port.")
    return Settings(state=state_folder() / "local", images=(lmi,), port=int(port))


def ensure_started(model_server: str | None) -> Status:
    """Running, whether it ran before or not. Raises ExtraMissing before anything is started."""
    require_extras("local")
    with translate_errors():
        status = daemon.up(read_settings(model_server))
    if status.outdated:
        raise UsageError(
            f"The local AWS on {status.url} was started with another model server.",
            "Stop it with `sluice local down`; what it holds is in memory and is gone then.",
        )
    return status


def stop() -> bool:
    """Stopped, with all that it started; False if it did not run."""
    with translate_errors():
        return daemon.down(read_settings())


def read_status() -> Status:
    with translate_errors():
        return daemon.status(read_settings())


@contextmanager
def translate_errors() -> Iterator[None]:
    """localaws imports nothing of ours, so its errors become ours here."""
    try:
        yield
    except daemon.DaemonError as error:
        raise SluiceError(error.message, error.hint) from None

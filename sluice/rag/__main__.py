"""`python -m sluice.rag`: the server with its settings from the environment."""

import os
import sys

from sluice.errors import SluiceError, UsageError
from sluice.rag.app import serve
from sluice.rag.settings import from_environment


def main() -> int:
    host, port = os.environ.get("SLUICE_HOST") or "127.0.0.1", os.environ.get("SLUICE_PORT") or "8080"
    try:
        if not port.isdecimal():
            raise UsageError(f"SLUICE_PORT: {port!r} is not a port.", "Ports are 0 to 65535.")
        serve(from_environment(os.environ), host, int(port))
    except SluiceError as error:
        sys.stderr.write(f"{error.message}\n{error.hint}\n" if error.hint else f"{error.message}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())

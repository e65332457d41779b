"""The folder in which Sluice keeps what it makes on this machine."""

import os
from pathlib import Path


def state_folder() -> Path:
    """Where the compile cache, the local AWS's files, MLflow's database and copies of reports are."""
    return Path(os.environ.get("SLUICE_STATE", ".sluice")).resolve()

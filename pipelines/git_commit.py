"""Which commit a release was made from: told with it, so that a version leads back to what it was made of."""

import re
import subprocess
from pathlib import Path

UNKNOWN = "unknown"


def read_commit(folder: Path) -> str:
    """Read the commit of the folder's repository, with -dirty if there is more than it holds; `unknown` without one."""
    command = ["git", "-C", str(folder), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    try:
        process = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):  # no git here, or one that waits for something
        return UNKNOWN
    commit = process.stdout.strip()
    return commit if process.returncode == 0 and re.fullmatch(r"[0-9a-f]{40,64}(-dirty)?", commit) else UNKNOWN

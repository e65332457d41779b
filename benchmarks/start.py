"""How long `sluice --help`, `check` and `plan` take, beside bare Python and beside Python with a boto3 client.

Figures are medians of whole processes, in seconds. `plan` reads a local AWS that runs already, for a file that has been
compiled before.
"""

import os
import socket
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import median_time, print_result, time_process

RUNS = 9
SLUICE = str(Path(sys.executable).with_name("sluice"))
CLIENT = "import boto3; boto3.client('sagemaker', region_name='us-east-1')"


def main() -> None:
    print(f"medians of {RUNS} runs ...", file=sys.stderr)
    print_result(
        "start",
        help_s=median_time(RUNS, [SLUICE, "--help"]),
        check_s=median_time(RUNS, [SLUICE, "check"]),
        plan_s=time_plan(),
        python_s=median_time(RUNS, [sys.executable, "-c", "pass"]),
        boto3_client_s=median_time(RUNS, [sys.executable, "-c", CLIENT]),
    )


def time_plan() -> float:
    """On a local AWS of its own, which is stopped afterwards."""
    with tempfile.TemporaryDirectory() as state, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        os.environ |= {"SLUICE_STATE": state, "SLUICE_LOCAL_PORT": str(free.getsockname()[1])}
        free.close()
        try:
            time_process([SLUICE, "bootstrap"])
            return median_time(RUNS, [SLUICE, "plan"])
        finally:
            time_process([SLUICE, "local", "down"])


if __name__ == "__main__":
    main()

"""How long `sluice --help` and `sluice check` take, beside bare Python and beside Python with a boto3 client.

Figures are medians of whole processes, in seconds.
"""

import sys
from pathlib import Path

from benchmarks.measure import median, result

RUNS = 9
SLUICE = str(Path(sys.executable).with_name("sluice"))
CLIENT = "import boto3; boto3.client('sagemaker', region_name='us-east-1')"


def main() -> None:
    print(f"medians of {RUNS} runs ...", file=sys.stderr)
    result(
        "start",
        help_s=median(RUNS, [SLUICE, "--help"]),
        check_s=median(RUNS, [SLUICE, "check"]),
        python_s=median(RUNS, [sys.executable, "-c", "pass"]),
        boto3_client_s=median(RUNS, [sys.executable, "-c", CLIENT]),
    )


if __name__ == "__main__":
    main()

"""`python evaluate_with_fakes.py <steps.evaluate's flags>`: the step as a process, on an in-memory registry.

CHAMPION in the environment names a folder with the report.json of version 1, which is then live; version 2 is judged.
"""

import json
import os
import sys
from pathlib import Path

from fake_sagemaker import FakeAws

from sluice.steps import job
from sluice.steps.evaluate import evaluate
from sluice.steps.inputs import Evaluate
from sluice.steps.job import Aws

STORED = "s3://sluice/reports/1/report.json"


def story(inputs: Evaluate, _: Aws) -> str:
    aws = FakeAws()
    if folder := os.environ.get("CHAMPION"):
        report = json.loads((Path(folder) / "report.json").read_text())
        live = aws.sagemaker.live("chat-v1")
        known = {"report": STORED, "mlflow_run": report["mlflow"]["run_id"]}
        aws.sagemaker.packages[live]["CustomerMetadataProperties"] |= known
        aws.s3.holds(STORED, report)
    aws.sagemaker.registers()
    try:
        return evaluate(inputs, aws)
    finally:
        package = aws.sagemaker.packages[inputs.model_package]
        sys.stdout.write("PACKAGE " + json.dumps(package, default=str) + "\n")


if __name__ == "__main__":
    sys.exit(job.run_step(Evaluate, story, sys.argv[1:]))

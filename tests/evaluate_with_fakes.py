"""`python evaluate_with_fakes.py <steps.evaluate's flags>`: the step as a process, on an in-memory registry."""

import json
import sys

from fake_sagemaker import FakeAws

from steps import job
from steps.evaluate import evaluate
from steps.inputs import Evaluate
from steps.job import Aws


def story(inputs: Evaluate, _: Aws) -> str:
    aws = FakeAws()
    aws.sagemaker.registers()
    try:
        return evaluate(inputs, aws)
    finally:
        (package,) = aws.sagemaker.packages.values()
        sys.stdout.write("PACKAGE " + json.dumps(package, default=str) + "\n")


if __name__ == "__main__":
    sys.exit(job.run(Evaluate, story, sys.argv[1:]))

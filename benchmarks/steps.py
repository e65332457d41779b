"""What a local pipeline step costs beside its own process: executions of 2 and of 12 no-op Processing steps.

One step waits for the other.

`step_s` is the slope between the two, `process_s` the bare `true` started by this process in the same run, and `cost_s`
the difference: what the local AWS adds. The isolation is a process per step.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import boto3

from benchmarks.measure import print_result
from sluice.localaws.server.app import running
from sluice.localaws.server.settings import Settings

FEW, MANY, RUNS = 2, 12, 7
ROLE = "arn:aws:iam::123456789012:role/bench"
CREDENTIALS: dict[str, Any] = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}


def step(number: int) -> dict[str, Any]:
    cluster = {"InstanceCount": 1, "InstanceType": "ml.t3.medium", "VolumeSizeInGB": 1}
    arguments = {
        "ProcessingResources": {"ClusterConfig": cluster},
        "AppSpecification": {"ImageUri": "any", "ContainerEntrypoint": ["true"]},
        "RoleArn": ROLE,
    }
    after = {"DependsOn": [f"Step{number - 1}"]} if number else {}
    return {"Name": f"Step{number}", "Type": "Processing", "Arguments": arguments, **after}


def time_execution(sagemaker: Any, steps: int) -> float:
    """Seconds from StartPipelineExecution to Succeeded, as the execution's own times tell."""
    arn = sagemaker.start_pipeline_execution(PipelineName=f"noop-{steps}")["PipelineExecutionArn"]
    while True:
        execution = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        if execution["PipelineExecutionStatus"] != "Executing":
            break
        time.sleep(0.05)
    if execution["PipelineExecutionStatus"] != "Succeeded":
        raise SystemExit(f"the execution ended as {execution}")
    took: float = (execution["LastModifiedTime"] - execution["CreationTime"]).total_seconds()
    return took


def time_true() -> float:
    started = time.perf_counter()
    subprocess.run(["true"], check=True)
    return time.perf_counter() - started


def main() -> None:
    with tempfile.TemporaryDirectory() as state, running(Settings(state=Path(state), port=0)) as local:
        sagemaker = boto3.client("sagemaker", region_name="us-east-1", endpoint_url=local.url, **CREDENTIALS)
        for steps in (FEW, MANY):
            definition = {"Version": "2020-12-01", "Parameters": [], "Steps": [step(n) for n in range(steps)]}
            sagemaker.create_pipeline(
                PipelineName=f"noop-{steps}", PipelineDefinition=json.dumps(definition), RoleArn=ROLE,
                ClientRequestToken=f"{steps:032}",
            )  # fmt: skip
        time_execution(sagemaker, FEW)
        times: dict[int, list[float]] = {FEW: [], MANY: []}
        for run in range(RUNS):
            for steps, durations in times.items():
                durations.append(time_execution(sagemaker, steps))
            print(f"run {run + 1}: {times[FEW][-1]:.3f} s and {times[MANY][-1]:.3f} s", file=sys.stderr)
        own = statistics.median(time_true() for _ in range(30))
    few, many = (statistics.median(durations) for durations in times.values())
    step_s = (many - few) / (MANY - FEW)
    print_result("steps", step_s=step_s, process_s=own, cost_s=step_s - own, few_s=few, many_s=many, runs=RUNS)


if __name__ == "__main__":
    main()

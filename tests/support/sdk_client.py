"""What a user of the SageMaker SDK writes; a process of its own, because the SDK takes seconds to import."""

import json
import logging
import sys
import warnings
from pathlib import Path
from typing import Any

warnings.simplefilter("ignore")  # the SDK's own, about packages that it does not need here
logging.disable(logging.WARNING)

from botocore.exceptions import WaiterError  # noqa: E402  # after the warnings are off
from sagemaker.core.processing import Processor  # noqa: E402
from sagemaker.core.resources import Endpoint, EndpointConfig, Model  # noqa: E402
from sagemaker.core.shapes import ContainerDefinition, ProductionVariant  # noqa: E402
from sagemaker.core.workflow import ConditionEquals, ParameterString  # noqa: E402
from sagemaker.core.workflow.pipeline_context import PipelineSession  # noqa: E402
from sagemaker.mlops.workflow import ConditionStep, FailStep, Pipeline, ProcessingStep  # noqa: E402

NO_TELEMETRY = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}


def run_pipeline(role: str, bucket: str) -> dict[str, object]:
    """Two executions at the same time, one of which fails as it should."""
    session = PipelineSession(default_bucket=bucket, sagemaker_config=NO_TELEMETRY)
    wanted = ParameterString(name="Word", default_value="no")
    job = Processor(image_uri="tools:1", role=role, instance_count=1, instance_type="ml.t3.medium",
                    entrypoint=["/bin/sh", "-c"], sagemaker_session=session)  # fmt: skip
    work = ProcessingStep(name="Work", step_args=job.run(arguments=["echo worked"]))
    stop = FailStep(name="Stop", error_message="the word was not yes")
    gate = ConditionStep(name="Gate", depends_on=[work], if_steps=[], else_steps=[stop],
                         conditions=[ConditionEquals(left=wanted, right="yes")])  # fmt: skip
    pipeline = Pipeline(name="from-sdk", parameters=[wanted], steps=[work, gate], sagemaker_session=session,
                        pipeline_experiment_config=None)  # fmt: skip
    pipeline.upsert(role_arn=role)
    return {
        word: report(execution) for word, execution in {w: pipeline.start({"Word": w}) for w in ("yes", "no")}.items()
    }


def report(execution: Any) -> dict[str, object]:
    failure = None
    try:
        execution.wait(delay=1, max_attempts=60)
    except WaiterError as error:
        failure = str(error)
    steps = {step["StepName"]: step["StepStatus"] for step in execution.list_steps()}
    return {"status": execution.describe()["PipelineExecutionStatus"], "steps": steps, "failure": failure}


def use_endpoint(role: str) -> dict[str, object]:
    container = ContainerDefinition(image="model:1")
    Model.create(model_name="from-sdk", primary_container=container, execution_role_arn=role)
    variant = ProductionVariant(variant_name="AllTraffic", model_name="from-sdk", instance_type="ml.g5.xlarge",
                                initial_instance_count=1)  # fmt: skip
    EndpointConfig.create(endpoint_config_name="from-sdk", production_variants=[variant])
    endpoint = Endpoint.create(endpoint_name="from-sdk", endpoint_config_name="from-sdk")
    endpoint.wait_for_status("InService", poll=1, timeout=60)
    question = json.dumps({"messages": [{"role": "user", "content": "안녕"}]})
    answer = endpoint.invoke(body=question, content_type="application/json")
    found = Endpoint.get(endpoint_name="from-sdk").endpoint_status
    endpoint.delete()
    endpoint.wait_for_delete(poll=1, timeout=60)
    left = [each.endpoint_name for each in Endpoint.get_all()]
    return {"status": found, "answer": answer.body.read().decode(), "left": left}


if __name__ == "__main__":
    role, bucket, told = sys.argv[1:]
    done: dict[str, object] = run_pipeline(role, bucket)
    Path(told).write_text(json.dumps({**done, "endpoint": use_endpoint(role)}))  # the SDK itself prints to stdout

"""What an operation refuses when it is called is refused of a step when its pipeline is submitted."""

from collections.abc import Callable
from copy import deepcopy

from moto.sagemaker.exceptions import ValidationError

from sluice.localaws.jobs.containers import Containers
from sluice.localaws.pipelines.definition_model import Pipeline
from sluice.localaws.pipelines.step_actions import Json
from sluice.localaws.sagemaker import hosting
from sluice.localaws.sagemaker.jobs import check_image
from sluice.localaws.server.api_errors import NotImplementedLocally
from sluice.localaws.server.request_faults import Malformed, NotSupported


def check_submission(pipeline: Pipeline, containers: Containers) -> None:
    checks: dict[str, Callable[[Json], object]] = {
        "Processing": lambda arguments: check_image(containers, arguments["AppSpecification"]),
        "RegisterModel": _register_model,
        "Model": hosting.container_of,
        "EndpointConfig": hosting.check_config,
    }
    for step in pipeline.steps.values():
        if step.type not in checks:
            continue
        try:
            checks[step.type](deepcopy(step.arguments))
        except NotImplementedLocally as refusal:
            raise NotSupported(f"{refusal.name} ({step.where})") from None
        except ValidationError as fault:
            raise Malformed(f"{step.where}: {fault}") from None


def _register_model(arguments: Json) -> None:
    if arguments.get("SourceAlgorithmSpecification"):
        raise NotImplementedLocally("SourceAlgorithmSpecification of CreateModelPackage")

"""SageMaker's operations: one method each, parsed and serialised by moto from botocore's own model."""

from typing import Any

from moto.core.responses import ActionResult
from moto.sagemaker.responses import SageMakerResponse

from sluice.localaws.sagemaker.endpoints import EndpointResponses
from sluice.localaws.sagemaker.jobs import JobResponses
from sluice.localaws.sagemaker.pipelines import PipelineResponses
from sluice.localaws.sagemaker.registry import RegistryResponses
from sluice.localaws.server import request_validation
from sluice.localaws.server.api_errors import NotImplementedLocally, ValidationError
from sluice.localaws.server.request_faults import Malformed

# What moto only writes down and then calls done. Nothing of it would run here, so it is refused.
PRETENDED = (
    *("AutoMLJob", "Cluster", "CompilationJob", "Domain", "FeatureGroup", "HyperParameterTuningJob"),
    *("JobDefinition", "NotebookInstance", "TrainingJob", "TransformJob"),
)


class LocalResponse(PipelineResponses, JobResponses, RegistryResponses, EndpointResponses, SageMakerResponse):
    def call_action(self) -> Any:
        """Ranges, patterns and enumerations first, for every operation: moto checks what it happens to need."""
        action = self._get_action()
        if any(thing in action for thing in PRETENDED):
            raise NotImplementedLocally(f"the operation {action}")
        try:
            request_validation.check_request(action, self.params)
        except Malformed as fault:
            return self.serialized(ActionResult(ValidationError(str(fault))))
        return super().call_action()

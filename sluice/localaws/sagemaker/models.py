"""moto's SageMaker, composed with what it lacks."""

from moto.sagemaker.models import SageMakerModelBackend

from sluice.localaws.jobs.containers import Containers
from sluice.localaws.sagemaker.endpoints import EndpointBackend
from sluice.localaws.sagemaker.jobs import JobBackend
from sluice.localaws.sagemaker.pipelines import PipelineBackend
from sluice.localaws.sagemaker.registry import RegistryBackend


class LocalSageMaker(PipelineBackend, JobBackend, RegistryBackend, EndpointBackend, SageMakerModelBackend):
    """One per account and region. `reset()` reaches every mixin first, and each stops what it started."""

    containers: Containers  # set by install(), before the first request

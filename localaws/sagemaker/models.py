"""moto's SageMaker, composed with what it lacks."""

from moto.sagemaker.models import SageMakerModelBackend

from localaws.containers import Containers
from localaws.sagemaker.endpoints import EndpointBackend
from localaws.sagemaker.jobs import JobBackend
from localaws.sagemaker.pipelines import PipelineBackend
from localaws.sagemaker.registry import RegistryBackend


class LocalSageMaker(PipelineBackend, JobBackend, RegistryBackend, EndpointBackend, SageMakerModelBackend):
    """One per account and region. `reset()` reaches every mixin first, and each stops what it started."""

    containers: Containers  # set by install(), before the first request

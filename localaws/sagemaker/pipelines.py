"""To come."""

from moto.sagemaker.models import SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse


class PipelineBackend(SageMakerModelBackend):
    pass


class PipelineResponses(SageMakerResponse):
    pass

"""To come."""

from moto.sagemaker.models import SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse


class JobBackend(SageMakerModelBackend):
    pass


class JobResponses(SageMakerResponse):
    pass

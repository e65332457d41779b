"""To come."""

from moto.sagemaker.models import SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse


class RegistryBackend(SageMakerModelBackend):
    pass


class RegistryResponses(SageMakerResponse):
    pass

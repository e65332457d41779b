"""To come."""

from moto.sagemaker.models import FakeEndpointConfig, SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse

FakeEndpointConfig.validate_instance_type = lambda self, instance_type: None


class EndpointBackend(SageMakerModelBackend):
    pass


class EndpointResponses(SageMakerResponse):
    pass

"""SageMaker's operations: one method each, parsed and serialised by moto from botocore's own model."""

from moto.sagemaker.responses import SageMakerResponse

from localaws.sagemaker.endpoints import EndpointResponses
from localaws.sagemaker.jobs import JobResponses
from localaws.sagemaker.pipelines import PipelineResponses
from localaws.sagemaker.registry import RegistryResponses


class LocalResponse(PipelineResponses, JobResponses, RegistryResponses, EndpointResponses, SageMakerResponse):
    pass

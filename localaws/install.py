"""Puts the local services in the place of moto's. moto has no plug-ins: this is every hook there is, in one place."""

from moto.sagemaker.models import sagemaker_backends

from localaws import events
from localaws.containers import Containers
from localaws.sagemaker.models import LocalSageMaker


def install(containers: Containers) -> None:
    """Before the first request; again for the next server in the same process."""
    sagemaker_backends.clear()
    sagemaker_backends.backend = LocalSageMaker
    LocalSageMaker.containers = containers
    events.install()

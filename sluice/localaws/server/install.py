"""Puts the local services in the place of moto's. moto has no plug-ins: this is every hook there is, in one place."""

from moto.sagemaker.models import sagemaker_backends

from sluice.localaws.events import eventbridge, scheduler
from sluice.localaws.jobs.containers import Containers
from sluice.localaws.sagemaker.models import LocalSageMaker
from sluice.localaws.server import moto_corrections


def install(containers: Containers) -> None:
    """Replace moto's services, before the first request of each server; CloudFormation: see `install_on_demand`."""
    sagemaker_backends.clear()
    sagemaker_backends.backend = LocalSageMaker
    LocalSageMaker.containers = containers
    for service in (eventbridge, scheduler, moto_corrections):
        service.install()


def install_on_demand(service: str) -> None:
    """Replace CloudFormation before its first request: it takes 1.5 s to import, with half of moto."""
    if service == "cloudformation":
        from sluice.localaws.cloudformation import stacks

        stacks.install()

"""Whether the images exist in the region's registry."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sluice.lmi.images import ACCOUNTS, REPOSITORY
from sluice.preflight.account.context import CheckContext
from sluice.preflight.account.errors import Denied, Missing
from sluice.preflight.account.sources import account_rule
from sluice.preflight.finding import Finding

NO_IMAGE = account_rule(
    "AWS013",
    "The image is not in the region's registry",
    "error",
    "documented",
    "https://aws.github.io/deep-learning-containers/reference/available_images/",
    "CreateModel and CreateProcessingJob look for the image and refuse what they do not find. A tag is spelled "
    "differently, is not published in this region, or not yet.",
)

URI = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.[a-z.]+/"
    r"(?P<name>[^:@\s]+)(:(?P<tag>[^@\s]+))?(@(?P<digest>sha256:[0-9a-f]+))?"
)
MANIFESTS = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
]


@dataclass(frozen=True)
class Repository:
    """Where an image is in ECR."""

    account: str
    region: str
    name: str
    tag: str | None
    digest: str | None

    @classmethod
    def of(cls, image: str, region: str) -> "Repository | None":
        """From a URI, or from `djl-inference:<tag>`, which stands in the registry of the region; None for any other."""
        if parts := URI.fullmatch(image):
            return cls(parts["account"], parts["region"], parts["name"], parts["tag"], parts["digest"])
        name, _, tag = image.partition(":")
        if name == REPOSITORY and tag and "@" not in tag and region in ACCOUNTS:
            return cls(ACCOUNTS[region], region, name, tag, None)
        return None

    def arn(self, partition: str) -> str:
        return f"arn:{partition}:ecr:{self.region}:{self.account}:repository/{self.name}"

    def image_id(self) -> dict[str, str]:
        return {"imageDigest": self.digest} if self.digest else {"imageTag": self.tag or "latest"}


def check_image(context: CheckContext) -> Iterator[Finding]:
    """Yields AWS013: the image is not in the region's registry."""
    for image in dict.fromkeys((context.setup.image, *context.requirements.images)):
        repository = Repository.of(image, context.region) if image else None
        if repository is None or repository.region != context.region:
            continue  # what stands in no registry, or in another region's, is said without asking
        if why := _absent(context, repository):
            where = f"the registry {repository.account} of {repository.region}"
            place = context.setup.at("image") if image == context.setup.image else context.requirements.at("images")
            yield NO_IMAGE.at(
                place, f"{image}: {where} has no such {why}, so CreateModel and CreateProcessingJob refuse it."
            )


def _absent(context: CheckContext, repository: Repository) -> str:
    """What is missing, or nothing. Whoever may not describe an image may still be let pull it, and so see it."""
    request = {"registryId": repository.account, "repositoryName": repository.name, "imageIds": [repository.image_id()]}
    try:
        context.account.call("ecr", "DescribeImages", **request)
    except Missing as why:
        return "repository" if why.code == "RepositoryNotFoundException" else "image"
    except Denied:
        answer = context.account.call("ecr", "BatchGetImage", acceptedMediaTypes=MANIFESTS, **request)
        codes = {failure.get("failureCode") for failure in answer.get("failures", [])}
        return "image" if "ImageNotFound" in codes else ""
    return ""

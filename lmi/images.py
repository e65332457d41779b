"""Which LMI image a tag names, and the registry it is pulled from in each region.

A tag is full or it is refused: the SDK's short version keys have meant five different images over the last releases, of
three CUDA families.
"""

import re
from dataclasses import dataclass

from lmi.errors import UsageError

REPOSITORY = "djl-inference"
EXAMPLE = "djl-inference:0.35.0-lmi17.0.0-cu128"
FIRST_WITH_QWEN3 = 15
TAG = re.compile(r"(?P<djl>\d+\.\d+\.\d+)-lmi(?P<lmi>\d+)\.\d+\.\d+-cu(?P<cuda>\d{3})")
REGISTRY = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/")

SHARED_ACCOUNT = "763104351884"
SHARED_REGIONS = (
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"),
    *("eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3"),
    *("ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2"),
)
ACCOUNTS = dict.fromkeys(SHARED_REGIONS, SHARED_ACCOUNT) | {
    "af-south-1": "626614931356",
    "ap-east-1": "871362719292",
    "ap-east-2": "975050140332",
    "ap-northeast-3": "364406365360",
    "ap-south-2": "772153158452",
    "ap-southeast-3": "907027046896",
    "ap-southeast-4": "457447274322",
    "ap-southeast-5": "550225433462",
    "ap-southeast-6": "633930458069",
    "ap-southeast-7": "590183813437",
    "ca-west-1": "204538143572",
    "cn-north-1": "727897471807",
    "cn-northwest-1": "727897471807",
    "eu-central-2": "380420809688",
    "eu-south-1": "692866216735",
    "eu-south-2": "503227376785",
    "il-central-1": "780543022126",
    "me-central-1": "914824155844",
    "me-south-1": "217643126080",
    "mx-central-1": "637423239942",
    "us-gov-east-1": "446045086412",
    "us-gov-west-1": "442386744353",
}


@dataclass(frozen=True)
class Image:
    tag: str  # 0.35.0-lmi17.0.0-cu128
    djl: str  # 0.35.0
    release: int  # 17
    cuda: str  # 128

    def __str__(self) -> str:
        return f"{REPOSITORY}:{self.tag}"

    def uri(self, region: str) -> str:
        """Where this image is pulled from in a region."""
        if region not in ACCOUNTS:
            raise UsageError(f"The LMI registry of region {region!r} is not known.", "Choose another region.")
        domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        return f"{ACCOUNTS[region]}.dkr.ecr.{region}.{domain}/{self}"


def parse(image: str) -> Image:
    """Read `djl-inference:<full tag>`, with or without its registry's host."""
    short = REGISTRY.sub("", image, count=1)
    repository, _, tag = short.partition(":")
    if "@" in short:
        raise UsageError(f"{image} is named by digest, which hides its LMI release.", f"Write its full tag: {EXAMPLE}")
    if repository != REPOSITORY:
        raise UsageError(f"{image} is not an LMI image.", f"The repository is {REPOSITORY}: write {EXAMPLE}")
    found = TAG.fullmatch(tag)
    if found is None:
        what = f"The tag {tag!r} is not a full one" if tag else "The tag is missing"
        raise UsageError(f"{what}: {image}", f"A short tag moves between releases. Write all of it: {EXAMPLE}")
    release = int(found["lmi"])
    if release < FIRST_WITH_QWEN3:
        raise UsageError(f"{image}: LMI {release} cannot serve Qwen3.", f"Use LMI 16 or newer: {EXAMPLE}")
    return Image(tag, found["djl"], release, found["cuda"])

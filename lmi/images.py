"""Which LMI image a tag names, and the registry it is pulled from in each region.

A tag is full or it is refused: the SDK's short version keys have meant five different images over the last releases, of
three CUDA families.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lmi import tables
from lmi.errors import UsageError

REPOSITORY = "djl-inference"
EXAMPLE = "djl-inference:0.35.0-lmi17.0.0-cu128"
FIRST_WITH_QWEN3 = 15
TAG = re.compile(r"(?P<djl>\d+\.\d+\.\d+)-lmi(?P<lmi>\d+)\.\d+\.\d+-cu(?P<cuda>\d{3})")
REGISTRY = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/")

ACCOUNTS: Mapping[str, str] = {row["region"]: row["account"] for row in tables.rows("registries")}


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

"""What an image's name tells: its registry, its tag, and which DJL Serving release and CUDA that tag stands for.

Reading is not judging. A name that does not tell its release is refused, since the SDK's short version keys have meant
five different images over the last releases, of three CUDA families; what a release can serve, the rules say.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sluice.errors import UsageError
from sluice.lmi import tables

REPOSITORY = "djl-inference"
EXAMPLE = "djl-inference:0.35.0-lmi17.0.0-cu128"
TAG = re.compile(
    r"(?P<tag>(?P<djl>[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3})-"
    r"(?:(?P<library>lmi|deepspeed|tensorrtllm|fastertransformer)(?P<version>[0-9]{1,3}(?:\.[0-9]{1,3}){2})"
    r"-cu(?P<cuda>[0-9]{3})|(?P<other>neuronx|cpu)(?:-[a-z0-9.]+)?))"
    r"(?P<build>-v[0-9]{1,3}(?:\.[0-9]{1,3})*)?"
)
ECR = re.compile(
    r"(?P<account>[0-9]{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?P<domain>[a-z0-9.-]*[a-z0-9])"
)
# What other repositories serve, by the last part of their name.
SERVERS: Mapping[str, str] = {
    "vllm": "the AWS vLLM image",
    "huggingface-vllm": "Hugging Face's vLLM image",
    "huggingface-vllm-omni": "Hugging Face's vLLM image",
    "vllm-openai": "vLLM's own image",
    "sglang": "the AWS SGLang image",
    "huggingface-sglang": "Hugging Face's SGLang image",
    "huggingface-pytorch-tgi-inference": "Text Generation Inference (TGI)",
    "text-generation-inference": "Text Generation Inference (TGI)",
    "huggingface-llamacpp": "llama.cpp",
    "huggingface-pytorch-inference": "the Hugging Face inference toolkit",
    "pytorch-inference": "TorchServe",
    "tei": "Text Embeddings Inference",
    "tei-cpu": "Text Embeddings Inference",
    "tritonserver": "Triton",
    "sagemaker-tritonserver": "Triton",
}

Flavour = Literal["lmi", "deepspeed", "tensorrtllm", "fastertransformer", "neuronx", "cpu"]

ACCOUNTS: Mapping[str, str] = {row["region"]: row["account"] for row in tables.rows("registries")}


@dataclass(frozen=True)
class ImageReference:
    """An image's name, taken apart. What it does not say is empty."""

    registry: str  # 763104351884.dkr.ecr.us-east-1.amazonaws.com; empty: none, or Docker Hub
    repository: str  # djl-inference
    tag: str
    digest: str  # sha256:...

    @property
    def name(self) -> str:
        """The repository's own name, without the folders before it."""
        return self.repository.rpartition("/")[2]

    @property
    def account(self) -> str | None:
        """The AWS account, if the registry is an account's ECR."""
        match = ECR.fullmatch(self.registry)
        return match["account"] if match else None

    @property
    def region(self) -> str | None:
        match = ECR.fullmatch(self.registry)
        return match["region"] if match else None

    @property
    def is_lmi(self) -> bool:
        """Whether it is DJL Serving, as far as the name tells: by its repository, or by a tag that nothing else has."""
        return self.name == REPOSITORY or TAG.fullmatch(self.tag) is not None

    @property
    def server(self) -> str | None:
        """What else serves models in it; None if the name does not tell."""
        return None if self.is_lmi else SERVERS.get(self.name)

    @property
    def is_copy(self) -> bool:
        """Whether it is pulled from somewhere else than AWS's own accounts."""
        return bool(self.registry) and self.account not in ACCOUNTS.values()

    def tagged(self, tag: str) -> str:
        """Return this image's name with another tag, in the form that this one has."""
        return "/".join(part for part in (self.registry, f"{self.repository or REPOSITORY}:{tag}") if part)


@dataclass(frozen=True)
class Image:
    """A DJL Serving image by its full tag."""

    tag: str  # 0.35.0-lmi17.0.0-cu128
    djl: str  # 0.35.0
    release: int | None  # 17; None: not an LMI release, or one from before they were counted
    cuda: str  # 128; empty: it has none
    flavour: Flavour = "lmi"

    def __str__(self) -> str:
        return f"{REPOSITORY}:{self.tag}"

    @property
    def cuda_version(self) -> tuple[int, int] | None:
        """(12, 8)"""
        return (int(self.cuda[:-1]), int(self.cuda[-1])) if self.cuda else None

    def uri(self, region: str) -> str:
        """Where this image is pulled from in a region."""
        if region not in ACCOUNTS:
            raise UsageError(f"The LMI registry of region {region!r} is not known.", "Choose another region.")
        return f"{ACCOUNTS[region]}.dkr.ecr.{region}.{domain(region)}/{self}"


def may_be_lmi(image: str | None) -> bool:
    """Whether this is LMI's image, as far as is known; a short name without a registry may well be meant for it."""
    named = parse_reference(image or EXAMPLE)
    return named.is_lmi or (not named.registry and named.server is None)


def domain(region: str) -> str:
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


def parse_reference(image: str) -> ImageReference:
    """Take a name apart: `registry/repository:tag@digest`, or a full tag alone."""
    name, _, digest = image.strip().partition("@")
    if TAG.fullmatch(name):
        return ImageReference("", REPOSITORY, name, digest)
    path, slash, last = name.rpartition("/")
    short, _, tag = last.partition(":")
    first, _, folders = path.partition("/")
    if "." in first or ":" in first or first == "localhost":
        return ImageReference(first, f"{folders}/{short}".strip("/"), tag, digest)
    return ImageReference("", f"{path}{slash}{short}", tag, digest)


def parse_image(image: str) -> Image:
    """Read a full tag, alone or as `djl-inference:<tag>`, with or without its registry and digest.

    In a registry of one's own the repository may be called anything: the tag tells.
    """
    named = parse_reference(image)
    if named.digest and not named.tag:
        raise UsageError(f"{image} is named by digest, which hides its LMI release.", f"Write its full tag: {EXAMPLE}")
    match = TAG.fullmatch(named.tag)
    if named.name != REPOSITORY and (match is None or not named.registry):
        raise UsageError(f"{image} is not an LMI image.", f"The repository is {REPOSITORY}: write {EXAMPLE}")
    if match is None:
        what = f"The tag {named.tag!r} is not a full one" if named.tag else "The tag is missing"
        raise UsageError(f"{what}: {image}", f"A short tag moves between releases. Write all of it: {EXAMPLE}")
    flavour: Flavour = match["library"] or match["other"]  # type: ignore[assignment]  # what TAG lets through
    return Image(named.tag, match["djl"], _release(match), match["cuda"] or "", flavour)


def _release(match: re.Match[str]) -> int | None:
    """LMI's own number; of the releases before it was in the tag, the table knows one."""
    if match["library"] == "lmi":
        return int(match["version"].partition(".")[0])
    number: int | None = next((row["release"] for row in tables.rows("releases") if row["tag"] == match["tag"]), None)
    return number

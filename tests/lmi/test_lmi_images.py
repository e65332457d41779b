"""What an image's name tells: its release and CUDA by the tag, its registry by the host; the rest is refused."""

import pytest

from sluice.errors import UsageError
from sluice.lmi import images, tables

IMAGE = "djl-inference:0.35.0-lmi17.0.0-cu128"
HOST = "763104351884.dkr.ecr.us-east-1.amazonaws.com"


@pytest.mark.parametrize("row", tables.rows("releases"), ids=lambda row: row["tag"])
def test_every_tag_of_the_table_names_its_release(row):
    image = images.parse_image(f"djl-inference:{row['tag']}")
    assert (image.release, image.djl) == (row["release"], row["djl"])
    assert image.cuda_version == tuple(int(part) for part in row["cuda"].split("."))


@pytest.mark.parametrize(
    ("tag", "release", "cuda", "flavour"),
    [
        ("0.36.0-lmi27.0.0-cu130-v1.1", 27, "130", "lmi"),
        ("0.38.0-lmi30.1.2-cu131", 30, "131", "lmi"),
        ("0.27.0-deepspeed0.12.6-cu121", 9, "121", "deepspeed"),
        ("0.26.0-deepspeed0.12.6-cu121", None, "121", "deepspeed"),
        ("0.33.0-tensorrtllm0.21.0-cu128", None, "128", "tensorrtllm"),
        ("0.24.0-fastertransformer5.3.0-cu118", None, "118", "fastertransformer"),
        ("0.29.0-neuronx-sdk2.19.1", None, "", "neuronx"),
        ("0.35.0-cpu-full", None, "", "cpu"),
    ],
)
def test_tags_of_every_shape_are_read(tag, release, cuda, flavour):
    image = images.parse_image(f"{HOST}/djl-inference:{tag}")
    assert (image.tag, image.release, image.cuda, image.flavour) == (tag, release, cuda, flavour)


@pytest.mark.parametrize(
    "name",
    [
        IMAGE,
        IMAGE.partition(":")[2],
        f"{HOST}/{IMAGE}",
        f"{HOST}/{IMAGE}@sha256:{'0' * 64}",
        f"{HOST}.cn/{IMAGE}",
        f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/my-djl:{IMAGE.partition(':')[2]}",
        f"registry.example.com:5000/{IMAGE}",
    ],
)
def test_the_same_image_is_known_from_wherever_it_is_pulled(name):
    assert str(images.parse_image(name)) == IMAGE


@pytest.mark.parametrize(
    ("region", "uri"),
    [
        ("us-east-1", f"{HOST}/{IMAGE}"),
        ("ap-east-1", f"871362719292.dkr.ecr.ap-east-1.amazonaws.com/{IMAGE}"),
        ("cn-north-1", f"727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/{IMAGE}"),
    ],
)
def test_each_region_has_its_registry(region, uri):
    assert images.parse_image(IMAGE).uri(region) == uri


def test_a_region_without_a_registry_is_an_error():
    with pytest.raises(UsageError, match="mars-north-1"):
        images.parse_image(IMAGE).uri("mars-north-1")


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ("djl-inference", "missing"),
        ("djl-inference:latest", "not a full one"),
        ("djl-inference:0.35.0", "not a full one"),
        ("djl-inference:0.36.0-lmi18", "not a full one"),
        ("djl-inference:0.35.0-lmi17.0.0-cu128-", "not a full one"),
        ("djl-inference:0.35.0-lmi17.0.0-cu12", "not a full one"),
        ("djl-inference@sha256:" + "0" * 64, "digest"),
        ("vllm:0.11.1", "not an LMI image"),
        ("my-djl:0.35.0-lmi17.0.0-cu128", "not an LMI image"),
        ("0.35.0", "not an LMI image"),
        ("", "not an LMI image"),
    ],
)
def test_a_name_that_does_not_tell_its_release_is_refused(image, message):
    with pytest.raises(UsageError, match=message):
        images.parse_image(image)


@pytest.mark.parametrize(
    ("name", "server", "copy"),
    [
        (f"{HOST}/{IMAGE}", None, False),
        (f"{HOST}/vllm:0.26.0-gpu-py312-cu130-ubuntu22.04-sagemaker", "the AWS vLLM image", False),
        (f"{HOST}/huggingface-pytorch-tgi-inference:2.7.0-tgi3.3.6", "Text Generation Inference (TGI)", False),
        ("vllm/vllm-openai:v0.11.0", "vLLM's own image", False),
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com/chat:prod", None, True),
    ],
)
def test_what_else_is_in_an_image_is_told_by_its_repository(name, server, copy):
    named = images.parse_reference(name)
    assert (named.server, named.is_copy) == (server, copy)


def test_another_tag_is_written_as_the_first_was():
    tag = "0.34.0-lmi16.0.0-cu128"
    assert images.parse_reference(f"{HOST}/{IMAGE}@sha256:0").tagged(tag) == f"{HOST}/djl-inference:{tag}"
    assert images.parse_reference(IMAGE).tagged(tag) == f"djl-inference:{tag}"
    assert images.parse_reference("0.35.0-lmi17.0.0-cu128").tagged(tag) == f"djl-inference:{tag}"

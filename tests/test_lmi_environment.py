"""The lmi section becomes a container environment, or a list of everything that is wrong with it."""

import pytest

from lmi import environment, images
from lmi.errors import UsageError

IMAGE = "djl-inference:0.35.0-lmi17.0.0-cu128"
HOST = "763104351884.dkr.ecr.us-east-1.amazonaws.com"


def refusal(settings=None, degree=1, extra=None, image=IMAGE):
    with pytest.raises(UsageError) as caught:
        environment.environment(image, settings or {}, degree, extra or {})
    return caught.value.message


def test_settings_become_option_variables():
    settings = {"max_model_len": 4096, "enforce_eager": True, "dtype": "bf16", "gpu_memory_utilization": 0.9}
    assert environment.environment(IMAGE, settings, 1, {"HF_TASK": "text-generation"}) == {
        "OPTION_MAX_MODEL_LEN": "4096",
        "OPTION_ENFORCE_EAGER": "true",
        "OPTION_DTYPE": "bf16",
        "OPTION_GPU_MEMORY_UTILIZATION": "0.9",
        "TENSOR_PARALLEL_DEGREE": "1",
        "HF_TASK": "text-generation",
    }


def test_an_option_that_the_image_ignores_is_refused_with_the_one_that_was_meant():
    assert "lmi.options.max_len: " in refusal({"max_len": 4096})
    assert "Did you mean max_model_len?" in refusal({"max_len": 4096})


def test_all_problems_are_told_at_once():
    message = refusal({"dtype": "half", "Max_Model_Len": 1, "swap_space": ""}, 0, {"OPTION_DTYPE": "auto"})
    for where in (
        "options.dtype",
        "options.Max_Model_Len",
        "options.swap_space",
        "tensor_parallel_degree",
        "env.OPTION_DTYPE",
    ):
        assert f"lmi.{where}: " in message


@pytest.mark.parametrize(
    ("settings", "extra", "said"),
    [
        ({"tensor_parallel_degree": 1}, {}, "key of its own"),
        ({"option_dtype": "auto"}, {}, "without OPTION_: dtype"),
        ({"quantize": "awq", "quantization": "awq"}, {}, "given twice"),
        ({"chat_template": "x" * 257}, {}, "at most 256"),
        ({}, {"HF_MODEL_ID": "Qwen/Qwen3-4B"}, "second model"),
        ({}, {"SM_VLLM_MAX_MODEL_LEN": "1"}, "not read by LMI images"),
        ({}, {"MAX_MODEL_LEN": "1"}, "not read by LMI images"),
        ({}, {"TENSOR_PARALLEL_DEGREE": "1"}, "key of its own"),
        ({}, {"HF_TASK": "x" * 300}, "at most 256"),
        ({}, {f"V{n}": "1" for n in range(16)}, "17 environment variables"),
    ],
)
def test_what_the_container_or_the_service_would_not_take_is_refused(settings, extra, said):
    assert said in refusal(settings, 1, extra)


def test_sixteen_variables_are_enough_and_allowed():
    assert len(environment.environment(IMAGE, {}, 1, {f"V{n}": "1" for n in range(15)})) == 16


def test_a_tag_names_its_release():
    image = images.parse(f"{HOST}/{IMAGE}")
    assert (image.release, image.djl, image.cuda, str(image)) == (17, "0.35.0", "128", IMAGE)


@pytest.mark.parametrize(
    ("region", "uri"),
    [
        ("us-east-1", f"{HOST}/{IMAGE}"),
        ("ap-east-1", f"871362719292.dkr.ecr.ap-east-1.amazonaws.com/{IMAGE}"),
        ("cn-north-1", f"727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/{IMAGE}"),
    ],
)
def test_each_region_has_its_registry(region, uri):
    assert images.parse(IMAGE).uri(region) == uri


def test_a_region_without_a_registry_is_an_error():
    with pytest.raises(UsageError, match="mars-north-1"):
        images.parse(IMAGE).uri("mars-north-1")


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("djl-inference", "missing"),
        ("djl-inference:latest", "not a full one"),
        ("djl-inference:0.35.0", "not a full one"),
        ("djl-inference:0.36.0-lmi18", "not a full one"),
        ("djl-inference@sha256:" + "0" * 64, "digest"),
        ("vllm:0.11.1", "not an LMI image"),
        ("djl-inference:0.31.0-lmi13.0.0-cu124", "cannot serve Qwen3"),
    ],
)
def test_an_image_that_is_not_pinned_is_refused(image, said):
    with pytest.raises(UsageError, match=said):
        images.parse(image)
    assert "lmi.image: " in refusal(image=image)


def test_a_release_that_is_too_new_to_be_known_is_refused():
    assert "LMI 29" in refusal(image="djl-inference:0.38.0-lmi29.0.0-cu130")

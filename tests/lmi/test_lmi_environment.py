"""The lmi section becomes a container environment; only what cannot be written at all is refused."""

import pytest

from sluice.errors import UsageError
from sluice.lmi import environment, options

IMAGE = "djl-inference:0.35.0-lmi17.0.0-cu128"


def test_settings_become_option_variables():
    settings = {"max_model_len": 4096, "enforce_eager": True, "dtype": "bf16", "gpu_memory_utilization": 0.9}
    assert environment.build_environment(IMAGE, settings, 1, {"HF_TASK": "text-generation"}) == {
        "OPTION_MAX_MODEL_LEN": "4096",
        "OPTION_ENFORCE_EAGER": "true",
        "OPTION_DTYPE": "bf16",
        "OPTION_GPU_MEMORY_UTILIZATION": "0.9",
        "TENSOR_PARALLEL_DEGREE": "1",
        "HF_TASK": "text-generation",
    }


def test_what_is_merely_wrong_is_written_as_it_stands():
    assert environment.build_environment(IMAGE, {"max_len": 4096, "dtype": ""}, 0, {"SM_VLLM_MODEL": "x"}) == {
        "OPTION_MAX_LEN": "4096",
        "OPTION_DTYPE": "",
        "TENSOR_PARALLEL_DEGREE": "0",
        "SM_VLLM_MODEL": "x",
    }


@pytest.mark.parametrize(
    ("settings", "extra", "name"),
    [
        ({"dtype": "bf16"}, {"OPTION_DTYPE": "auto"}, "OPTION_DTYPE"),
        ({"dtype": "bf16", "DTYPE": "auto"}, {}, "OPTION_DTYPE"),
        ({}, {"TENSOR_PARALLEL_DEGREE": "4"}, "TENSOR_PARALLEL_DEGREE"),
    ],
)
def test_one_variable_in_two_places_is_refused(settings, extra, name):
    with pytest.raises(UsageError, match=f"{name} is written twice"):
        environment.build_environment(IMAGE, settings, 1, extra)


def test_a_key_with_a_capital_becomes_a_variable_that_the_container_does_not_read():
    name = environment.variable_name("Max_Model_Len")
    assert name == "OPTION_Max_Model_Len"
    assert options.option_name(name) is None
    assert options.option_name(environment.variable_name("max_model_len")) == "max_model_len"


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (1, "1"), (0.5, "0.5"), ("a b", "a b"), ("", "")])
def test_a_scalar_is_written_as_a_container_reads_it(value, text):
    assert environment.format_scalar(value) == text

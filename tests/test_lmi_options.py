"""What an LMI release reads, ignores and refuses, as it was seen by running the containers' own property code."""

import pytest

from lmi import options


def effects(release=17, **given):
    return {finding.option: finding.effect for finding in options.findings(given, release)}


@pytest.mark.parametrize(
    ("given", "effect"),
    [
        ({"max_model_len": "4096"}, None),
        ({"max_model_len": "16k"}, None),
        ({"max_model_len": "auto"}, "stops"),
        ({"max_model_len": "0"}, "stops"),
        ({"max_len": "4096"}, "ignored"),
        ({"max_tokens": "128"}, "ignored"),
        ({"max_num_seqs": "16"}, "stops"),
        ({"tensor_parallel_size": "1"}, "stops"),
        ({"pipeline_parallel_degree": "1"}, None),
        ({"pipeline_parallel_degree": "2"}, "stops"),
        ({"engine": "MPI"}, "stops"),
        ({"engine": "Python"}, None),
        ({"dtype": "bf16"}, None),
        ({"dtype": "half"}, "stops"),
        ({"dtype": "bfloat16"}, "stops"),
        ({"enable_prefix_caching": "true"}, None),
        ({"enable_prefix_caching": "false"}, "ignored"),
        ({"swap_space": "1"}, None),
        ({"kv_cache_dtype": "fp8"}, None),
        ({"enable_log_requests": "true"}, "ignored"),
        ({"model": "x"}, "stops"),
        ({"quantization": "bitsandbytes8"}, "stops"),
        ({"max_rolling_batch_size": "many"}, "stops"),
        ({"gpu_memory_utilization": "most"}, "stops"),
        ({"trust_remote_code": "yes please"}, "stops"),
        ({"tensor_parallel_degree": "max"}, None),
        ({"tensor_parallel_degree": "0"}, "stops"),
        ({"rolling_batch": "auto"}, None),
        ({"rolling_batch": "vllm"}, "legacy"),
        ({"rolling_batch": "disable"}, "legacy"),
        ({"rolling_batch": "disable", "async_mode": "true"}, None),
        ({"rolling_batch": "none"}, "stops"),
        ({"async_mode": "false"}, "ignored"),
        ({"batch_size": "4"}, None),
        ({"enable_stateful_sessions": "false"}, "legacy"),
    ],
)
def test_lmi_17_does_with_an_option_what_it_does(given, effect):
    assert effects(**given) == ({} if effect is None else {next(iter(given)): effect})


@pytest.mark.parametrize(
    ("release", "given", "effect"),
    [
        (24, {"swap_space": "1"}, "ignored"),
        (26, {"enable_prefix_caching": "false"}, None),
        (19, {"max_model_len": "auto"}, None),
        (16, {"rolling_batch": "vllm"}, None),
        (15, {"async_scheduling": "true"}, "ignored"),
    ],
)
def test_other_releases_differ(release, given, effect):
    assert effects(release, **given) == ({} if effect is None else {next(iter(given)): effect})


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("max_len", "max_model_len"),
        ("MAX_LENGTH", "max_model_len"),
        ("max_modl_len", "max_model_len"),
        ("gpu_memory_utilisation", "gpu_memory_utilization"),
        ("max_model_len", "max_model_len"),
        ("zebra", None),
    ],
)
def test_the_nearest_option_is_suggested(written, meant):
    assert options.nearest(written, 17) == meant


def test_an_option_that_always_fails_is_never_suggested():
    assert options.nearest("max_num_seq", 17) != "max_num_seqs"


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("OPTION_MAX_MODEL_LEN", "max_model_len"),
        ("OPTION_Max_Model_Len", None),
        ("MAX_MODEL_LEN", None),
        ("OPTION_", None),
    ],
)
def test_a_variable_with_a_small_letter_is_never_read(variable, name):
    assert options.option_name(variable) == name


@pytest.mark.parametrize(("text", "tokens"), [("4096", 4096), ("16k", 16_000), ("16K", 16_384), ("1.5k", 1500)])
def test_a_context_length_may_have_a_suffix(text, tokens):
    assert options.length(text, 17) == tokens


@pytest.mark.parametrize("text", ["", "auto", "-1", "0", "1.5", "4096 tokens", "16kk"])
def test_other_context_lengths_are_refused(text):
    with pytest.raises(ValueError):
        options.length(text, 17)


def test_of_two_spellings_the_engines_own_wins():
    both = {"max_num_batched_tokens": "64", "max_rolling_batch_prefill_tokens": "32", "dtype": "auto"}
    assert options.one_spelling(both) == {"max_rolling_batch_prefill_tokens": "64", "dtype": "auto"}

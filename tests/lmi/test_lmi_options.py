"""What an LMI release reads, ignores and refuses, as it was seen by running the containers' own property code."""

import pytest

from sluice.lmi import options


def effects(release=17, **written):
    return {finding.option: finding.effect for finding in options.find_problems(written, release)}


@pytest.mark.parametrize(
    ("written", "effect"),
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
def test_lmi_17_does_with_an_option_what_it_does(written, effect):
    assert effects(**written) == ({} if effect is None else {next(iter(written)): effect})


@pytest.mark.parametrize(
    ("release", "written", "effect"),
    [
        (24, {"swap_space": "1"}, "ignored"),
        (26, {"enable_prefix_caching": "false"}, None),
        (19, {"max_model_len": "auto"}, None),
        (16, {"rolling_batch": "vllm"}, None),
        (15, {"async_scheduling": "true"}, "ignored"),
    ],
)
def test_other_releases_differ(release, written, effect):
    assert effects(release, **written) == ({} if effect is None else {next(iter(written)): effect})


@pytest.mark.parametrize(
    ("written", "suggestion"),
    [
        ("max_len", "max_model_len"),
        ("MAX_LENGTH", "max_model_len"),
        ("max_modl_len", "max_model_len"),
        ("max_context_window", "max_model_len"),
        ("max_output_len", None),
        ("max_new_tokens", None),
        ("gpu_memory_utilisation", "gpu_memory_utilization"),
        ("chunked_prefill", "enable_chunked_prefill"),
        ("max_model_len", "max_model_len"),
        ("zebra", None),
    ],
)
def test_the_nearest_option_is_suggested(written, suggestion):
    assert options.suggest_option(written, 17) == suggestion


@pytest.mark.parametrize(
    ("name", "release", "kind", "use"),
    [
        ("max_len", 17, "length", "max_model_len"),
        ("enforce_eagar", 17, "unknown", "enforce_eager"),
        ("temperature", 17, "request", ""),
        ("max_output_len", 17, "foreign", ""),
        ("tokens_per_block", 17, "foreign", "block_size"),
        ("swap_space", 24, "release", ""),
        ("rope_scaling", 17, "release", "hf_overrides"),
        ("structured_outputs_config", 16, "release", "guided_decoding_backend"),
        ("structured_outputs_config", 15, "release", "guided_decoding_backend"),
    ],
)
def test_a_name_that_is_not_read_is_of_some_kind(name, release, kind, use):
    finding = options.describe_unread(name, release)
    assert (finding.effect, finding.kind, finding.use) == ("ignored", kind, use)


def test_an_option_that_always_fails_is_never_suggested():
    assert options.suggest_option("max_num_seq", 17) != "max_num_seqs"


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


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("4096", 4096), (" 4096 ", 4096), ("16k", 16_000), ("16K", 16_384), ("1.5k", 1500), ("1m", 10**6)],
)
def test_a_context_length_may_have_a_suffix(text, tokens):
    assert options.parse_length(text, 17) == tokens


@pytest.mark.parametrize(
    "text",
    ["", "auto", "-1", "0", "1.5", "1.5K", "4,096", "4096 tokens", "16kk", "k", "9" * 5000, "9" * 400 + "k", "\n"],
)
def test_other_context_lengths_are_refused(text):
    with pytest.raises(ValueError):
        options.parse_length(text, 17)


@pytest.mark.parametrize("text", ["auto", "AUTO", "-1", " auto "])
def test_from_lmi_19_on_the_length_may_be_left_to_vllm(text):
    assert options.parse_length(text, 19) is None


def test_of_two_spellings_the_engines_own_wins():
    both = {"max_num_batched_tokens": "64", "max_rolling_batch_prefill_tokens": "32", "dtype": "auto"}
    assert options.one_spelling(both) == {"max_rolling_batch_prefill_tokens": "64", "dtype": "auto"}


@pytest.mark.parametrize(
    ("written", "release", "handler"),
    [
        ({}, 17, "async"),
        ({}, 16, "rolling"),
        ({"rolling_batch": "auto"}, 27, "async"),
        ({"rolling_batch": "vllm"}, 27, "rolling"),
        ({"rolling_batch": "disable"}, 27, "plain"),
        ({"rolling_batch": "disable", "async_mode": "true"}, 16, "async"),
    ],
)
def test_the_handler_follows_from_two_options(written, release, handler):
    assert options.handler(written, release) == handler


@pytest.mark.parametrize(
    ("name", "value", "release", "effect"),
    [
        ("enable_prefix_caching", "false", 17, "ignored"),
        ("enable_chunked_prefill", "false", 15, None),  # the one that arrives before LMI 26
        ("disable_log_stats", "false", 25, "ignored"),
        ("disable_log_stats", "false", 26, "stops"),
        ("seed", "false", 25, "ignored"),
        ("seed", "false", 26, "stops"),
        ("seed", "true", 17, "stops"),
        ("enforce_eager", "1", 17, "stops"),
        ("trust_remote_code", "1", 17, None),
        ("guided_decoding_disable_fallback", "1", 17, None),
        ("tokens_only", "true", 17, "stops"),
        ("tokens_only", "false", 17, None),
        ("input_formatter", "x", 17, "stops"),
        ("max_loras", "4.0", 17, None),
        ("seed", "4.0", 17, "stops"),
        ("tensor_parallel_degree", "1.0", 17, "stops"),
        ("kv_cache_memory_bytes", "10G", 17, None),
        ("speculative_config", '{"a": 1}', 17, None),
        ("speculative_config", "{'a': 1}", 17, "stops"),
        ("speculative_config", "[1]", 17, "stops"),
        ("hf_overrides", "x", 17, None),
        ("hf_overrides", "{x", 17, "stops"),
        ("limit_mm_per_prompt", "image=1", 15, None),
        ("limit_mm_per_prompt", "image=1", 16, "stops"),
        ("limit_mm_per_prompt", '{"image": 1}', 15, "stops"),
        ("tokenizer_mode", "slow", 17, None),
        ("tokenizer_mode", "bogus", 17, "stops"),
        ("tokenizer_mode", "bogus", 18, None),  # no closed list any more
        ("rolling_batch", "lmi-dist", 16, None),
        ("rolling_batch", "scheduler", 16, "stops"),
        ("load_in_8bit", "true", 17, "stops"),
        ("load_in_8bit", "true", 16, None),
    ],
)
def test_a_value_does_in_a_release_what_it_was_seen_to_do(name, value, release, effect):
    assert effects(release, **{name: value}) == ({name: effect} if effect else {})


def test_a_short_list_is_that_of_the_release():
    assert "fp8_per_tensor" in options.values("quantize", 25)
    assert "fp8_per_tensor" not in options.values("quantize", 17)
    assert options.values("seed", 17) == ()


def test_of_an_object_in_pythons_words_the_same_is_offered_in_json():
    (finding,) = options.find_problems({"hf_overrides": "{'a': None, 'b': [True]}"}, 17)
    assert finding.value == '{"a": null, "b": [true]}'

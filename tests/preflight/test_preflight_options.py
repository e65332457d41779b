"""What is said of the container's options: the right code and place, what follows, and the line to write."""

import checking
import pytest
from hypothesis import given
from hypothesis import settings as drawn
from hypothesis import strategies as st

from sluice.lmi import aliases, model, options, tables
from sluice.preflight.deployment_spec import DeploymentSpec, Job, settings
from sluice.preflight.finding import Location
from sluice.preflight.options import checks as rules

OWN = {rule.code for rule in rules.RULES}
RELEASES = sorted(options.RELEASES)
QWEN = model.find_model("Qwen/Qwen3-4B-Instruct-2507")
AWQ = model.find_model("Qwen/Qwen2.5-7B-Instruct-AWQ")
SEVEN_B = model.find_model("Qwen/Qwen2.5-7B-Instruct")  # 28 heads


def image(release):
    return f"djl-inference:{tables.by('releases', 'release')[release]['tag']}"


def setup(environment=None, release=17, properties=None, **others):
    pairs = [
        (name, value, Location(name, "e.env", line)) for line, (name, value) in enumerate((environment or {}).items())
    ]
    fields = {
        "image": image(release) if release else None,
        "environment": settings(pairs),
        "properties": settings((name, value, Location(name)) for name, value in (properties or {}).items()),
        "form": "properties" if properties else "env",
        "instance_type": "ml.g5.xlarge",
        "model": QWEN,
    }
    return DeploymentSpec(**fields | others)


def of_yaml(written):
    """Settings as pipeline.yaml's reader makes them: the key's own letters are in the place."""
    pairs = [
        (f"OPTION_{key.upper() if key == key.lower() else key}", value, Location(f"lmi.options.{key}"))
        for key, value in written.items()
    ]
    return DeploymentSpec(image(17), settings(pairs), form="yaml", instance_type="ml.g5.xlarge", model=QWEN)


def findings_of(of):
    return [finding for check in rules.CHECKS for finding in check(of)]


def outcomes(of):
    return {(each.code, each.place.where, each.severity) for each in findings_of(of)}


def codes(of):
    return {each.code for each in findings_of(of)}


def only(of):
    (finding,) = findings_of(of)
    return finding


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.code)
def test_a_page_shows_what_its_rule_finds_and_nothing_beside_it(rule, tmp_path):
    _, bad = checking.of_example(tmp_path, rule.bad)
    assert checking.codes(bad) & OWN == {rule.code}
    _, good = checking.of_example(tmp_path, rule.good)
    assert checking.codes(good) & OWN == set()


def test_every_rule_has_a_page_of_its_own():
    assert len(OWN) == len(rules.RULES) == 29
    assert all(rule.source.startswith("https://") and len(rule.page) > 150 for rule in rules.RULES)


# What was seen, release by release, when the containers' own code was given each of these.
EVERY = (13, 15, 16, 17, 18, 24, 25, 26, 27)
MEASURED = [
    ("OPTION_MAX_LEN", "4096", {release: ("LMI014", "error") for release in EVERY}),
    ("OPTION_MAX_TOKENS", "4096", {release: ("LMI014", "error") for release in EVERY}),
    ("OPTION_MAX_MODEL_LEN", "4096", {}),
    ("OPTION_MAX_NUM_SEQS", "32", {release: ("LMI003", "error") for release in EVERY}),
    ("OPTION_TENSOR_PARALLEL_SIZE", "1", {release: ("LMI003", "error") for release in EVERY}),
    ("OPTION_PIPELINE_PARALLEL_DEGREE", "2", {release: ("LMI020", "error") for release in EVERY[1:]}),
    ("OPTION_ENGINE", "MPI", {release: ("LMI021", "error") for release in EVERY[1:]}),
    ("OPTION_ENABLE_PREFIX_CACHING", "false", {release: ("LMI005", "warning") for release in (15, 16, 17, 18, 24, 25)}),
    ("OPTION_DTYPE", "half", {release: ("LMI006", "error") for release in EVERY[1:]}),
    ("OPTION_DTYPE", "bfloat16", {release: ("LMI006", "error") for release in EVERY[1:]}),
    ("OPTION_DTYPE", "float16", {release: ("LMI006", "error") for release in EVERY[1:]}),
    ("OPTION_SWAP_SPACE", "1", {release: ("LMI015", "warning") for release in (24, 25, 26, 27)}),
    ("OPTION_MAX_ROLLING_BATCH_SIZE", "1", {release: ("LMI010", "warning") for release in EVERY[1:]}),
    ("OPTION_KV_CACHE_DTYPE", "fp8", {}),
    ("OPTION_ENABLE_LOG_REQUESTS", "true", {release: ("LMI001", "note") for release in EVERY}),
    ("OPTION_MODEL", "x", {release: ("LMI013", "error") for release in EVERY[1:]}),
    ("OPTION_QUANTIZE", "bitsandbytes8", {release: ("LMI007", "error") for release in EVERY[1:]}),
    ("OPTION_QUANTIZE", "bitsandbytes4", {release: ("LMI007", "error") for release in EVERY[1:]}),
    ("OPTION_MAX_MODEL_LEN", "16k", {release: ("LMI008", "warning") for release in EVERY[1:]}),
    ("OPTION_MAX_MODEL_LEN", "auto", {15: ("LMI008", "error"), 16: ("LMI008", "error"), 17: ("LMI008", "error"),
                                      18: ("LMI008", "error"), 24: ("LMI008", "warning"), 25: ("LMI008", "warning"),
                                      26: ("LMI008", "warning"), 27: ("LMI008", "warning")}),
    ("OPTION_ROLLING_BATCH", "vllm", {release: ("LMI011", "warning") for release in (17, 18, 24, 25, 26, 27)}),
    ("OPTION_ROLLING_BATCH", "disable", {release: ("LMI011", "error") for release in (16, 17, 18, 24, 25, 26, 27)}),
    ("OPTION_ENABLE_STATEFUL_SESSIONS", "false", {release: ("LMI016", "error") for release in EVERY[3:]}),
    ("OPTION_LOAD_FORMAT", "runai_streamer", {release: ("LMI017", "warning") for release in EVERY[1:]}),
    ("OPTION_TRUST_REMOTE_CODE", "true", {release: ("LMI018", "warning") for release in EVERY[1:]}),
]  # fmt: skip


@pytest.mark.parametrize("release", EVERY)
@pytest.mark.parametrize(
    ("name", "value", "expected_by_release"), MEASURED, ids=[f"{name}={value}" for name, value, _ in MEASURED]
)
def test_every_row_of_what_was_seen_is_told(name, value, expected_by_release, release):
    expected = (
        {(expected_by_release[release][0], name, expected_by_release[release][1])}
        if release in expected_by_release
        else set()
    )
    assert outcomes(setup({name: value}, release)) == expected


MISSPELT = [
    ("max_modellen", "max_model_len"),
    ("max_context_len", "max_model_len"),
    ("max_context_length", "max_model_len"),
    ("context_window", "max_model_len"),
    ("max_seq_length", "max_model_len"),
    ("model_max_length", "max_model_len"),
    ("max_input_tokens", "max_model_len"),
    ("max_total_tokens", "max_model_len"),
    ("max_position_embeddings", "max_model_len"),
    ("n_positions", "max_model_len"),
    ("max_input_len", "max_model_len"),
    ("gpu_memory_utilisation", "gpu_memory_utilization"),
    ("gpu_mem_utilization", "gpu_memory_utilization"),
    ("gpu_memory_fraction", "gpu_memory_utilization"),
    ("tensor_paralel_degree", "tensor_parallel_degree"),
    ("tensor_parallelism", "tensor_parallel_degree"),
    ("tp_degree", "tensor_parallel_degree"),
    ("num_gpus", "tensor_parallel_degree"),
    ("quantise", "quantize"),
    ("quantisation", "quantization"),
    ("kvcache_dtype", "kv_cache_dtype"),
    ("kv_dtype", "kv_cache_dtype"),
    ("torch_dtype", "dtype"),
    ("enforce_eagar", "enforce_eager"),
    ("max_num_seq", "max_rolling_batch_size"),
    ("max_num_sequences", "max_rolling_batch_size"),
    ("max_batch_size", "max_rolling_batch_size"),
    ("max_rolling_batchsize", "max_rolling_batch_size"),
    ("max_batch_prefill_tokens", "max_rolling_batch_prefill_tokens"),
    ("enable_chuncked_prefill", "enable_chunked_prefill"),
    ("chunked_prefill", "enable_chunked_prefill"),
    ("enable_prefix_cache", "enable_prefix_caching"),
    ("trust_remotecode", "trust_remote_code"),
    ("served_modelname", "served_model_name"),
    ("tool_call_parse", "tool_call_parser"),
    ("rolling_bach", "rolling_batch"),
    ("speculative_cfg", "speculative_config"),
    ("limit_mm_per_promt", "limit_mm_per_prompt"),
]


@pytest.mark.parametrize(("written", "meant_by_it"), MISSPELT, ids=[written for written, _ in MISSPELT])
def test_the_right_name_stands_in_the_line_to_write(written, meant_by_it):
    finding = only(setup({f"OPTION_{written.upper()}": "true"}, model=None))
    name = "TENSOR_PARALLEL_DEGREE" if meant_by_it == "tensor_parallel_degree" else f"OPTION_{meant_by_it.upper()}"
    assert finding.severity == "error"
    assert f"{name} is " in finding.message
    assert finding.fix.startswith(f"{name}=")


@pytest.mark.parametrize("release", RELEASES)
def test_nothing_is_suggested_that_the_release_does_not_start_with(release):
    for written in [*(written for written, _ in MISSPELT), *aliases.SYNONYMS, *aliases.FOREIGN, *aliases.REPLACED]:
        near = options.suggest_option(written, release)
        assert near is None or (options.is_read(near, release) and not options.instead_of(near))


@pytest.mark.parametrize("name", ["zebra", "_", "a" * 500, "paged_attention", "my_own_setting"])
def test_where_nothing_is_near_nothing_is_suggested(name):
    finding = only(setup({f"OPTION_{name.upper()}": "1"}))
    assert (finding.code, finding.fix) == ("LMI001", "")
    assert "Remove it" in finding.message


def test_a_length_that_is_not_read_is_told_with_what_it_leads_to():
    finding = only(setup({"OPTION_MAX_LEN": "4096"}))
    assert (finding.code, finding.severity, finding.confidence) == ("LMI014", "error", "verified")
    assert "262,144 tokens" in finding.message and "36.0 GiB" in finding.message and "ml.g5.xlarge" in finding.message
    assert "crashes after the weights are loaded" in finding.message
    assert finding.fix == "OPTION_MAX_MODEL_LEN=4096"
    assert finding.place == Location("OPTION_MAX_LEN", "e.env", 0)


def test_where_the_models_own_length_fits_nothing_is_said_to_crash():
    finding = only(
        setup({"OPTION_MAX_LEN": "4096"}, model=model.find_model("Qwen/Qwen3-0.6B"), instance_type="ml.g5.xlarge")
    )
    assert "it starts, with a longer context than was meant" in finding.message


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ({"instance_type": None}, "262,144 tokens count; where the card has no room"),
        ({"model": None}, "36 GiB for the 262,144"),
    ],
)
def test_without_a_card_or_a_model_it_is_said_in_words(others, words):
    assert words in only(setup({"OPTION_MAX_LEN": "4096"}, **others)).message


def test_a_length_under_both_names_keeps_the_one_that_is_read():
    finding = only(setup({"OPTION_MAX_LEN": "4096", "OPTION_MAX_MODEL_LEN": "8192"}))
    assert "OPTION_MAX_MODEL_LEN is what is read, and it is set: remove this one" in finding.message
    assert "8192" in finding.message and finding.fix == ""


@pytest.mark.parametrize(
    ("value", "fix"), [("4096", "4096"), ("16k", "16k"), ("many", "4096"), ("'4096'", "4096"), ("0", "4096")]
)
def test_the_line_has_a_length_that_is_one(value, fix):
    assert [each.fix for each in findings_of(setup({"OPTION_MAX_LEN": value}))] == [f"OPTION_MAX_MODEL_LEN={fix}"]


@pytest.mark.parametrize(
    ("written", "where", "fix"),
    [
        ({"max_len": "4096"}, "lmi.options.max_len", "max_model_len: 4096"),
        ({"Max_Model_Len": "4096"}, "lmi.options.Max_Model_Len", "max_model_len: 4096"),
        ({"option_max_model_len": "4096"}, "lmi.options.option_max_model_len", "max_model_len: 4096"),
        ({"Enforce_Eager": "true"}, "lmi.options.Enforce_Eager", "enforce_eager: true"),
    ],
)
def test_in_pipeline_yaml_the_key_and_the_line_are_the_files_own(written, where, fix):
    finding = only(of_yaml(written))
    assert (finding.place.where, finding.fix, finding.severity) == (where, fix, "error")
    assert finding.code == ("LMI014" if "max_len" in written else "LMI002")


@pytest.mark.parametrize(
    ("name", "code", "fix"),
    [
        ("option.max_len", "LMI014", "option.max_model_len=4096"),
        ("option.MAX_MODEL_LEN", "LMI002", "option.max_model_len=4096"),
        ("option.max_rolling_batchsize", "LMI001", "option.max_rolling_batch_size=4096"),
        ("option.enforce_eagar", "LMI001", "option.enforce_eager=4096"),
        ("option.entrypoint", "LMI002", "option.entryPoint=4096"),
        ("option.max_num_seqs", "LMI003", "option.max_rolling_batch_size=4096"),
    ],
)
def test_serving_properties_are_read_by_their_own_rules(name, code, fix):
    finding = only(setup(properties={name: "4096"}))
    assert (finding.code, finding.place.where, finding.fix) == (code, name, fix)


@pytest.mark.parametrize(
    "name",
    ["engine", "job_queue_size", "max_idle_time", "minWorkers", "maxWorkers", "gpu.maxWorkers", "load_on_devices",
     "option.entryPoint", "option.pythonExecutable", "option.modelName", "retry_threshold", "log_request_metric"],
)  # fmt: skip
def test_the_servers_own_properties_are_no_options(name):
    values = {"engine": "Python", "option.entryPoint": "djl_python.lmi_vllm.vllm_async_service"}
    assert findings_of(setup(properties={name: values.get(name, "1")})) == []


@pytest.mark.parametrize(
    "name", ["OPTION_Max_Len", "option_max_model_len", "Option_Max_Model_Len", "OPTIONS_MAX_MODEL_LEN"]
)
def test_a_name_that_is_not_in_capitals_is_told_as_that_alone(name):
    finding = only(setup({name: "4096"}))
    assert (finding.code, finding.severity, finding.fix) == ("LMI002", "error", "OPTION_MAX_MODEL_LEN=4096")
    assert "36.0 GiB" in finding.message


def test_an_option_within_an_option_is_told():
    finding = only(setup({"OPTION_OPTION_DTYPE": "bf16"}))
    assert (finding.code, finding.fix) == ("LMI002", "OPTION_DTYPE=bf16")


@pytest.mark.parametrize(
    ("name", "value", "release", "code", "words"),
    [
        ("OPTION_ASYNC_SCHEDULING", "true", 15, "LMI015", "LMI 16 is the first to read it"),
        ("OPTION_ROPE_SCALING", '{"a": 1}', 17, "LMI015", "LMI 16 was the last to read it"),
        ("OPTION_GUIDED_DECODING_BACKEND", "xgrammar", 24, "LMI015", "OPTION_STRUCTURED_OUTPUTS_CONFIG"),
        ("OPTION_SPECULATIVE_MODEL", "x", 17, "LMI015", "OPTION_SPECULATIVE_CONFIG"),
        ("OPTION_LMCACHE_AUTO_CONFIG", "true", 18, "LMI015", "LMI 19 is the first to read it"),
        ("OPTION_MAX_OUTPUT_LEN", "512", 17, "LMI023", "TensorRT-LLM"),
        ("OPTION_NEURON_OPTIMIZE_LEVEL", "2", 17, "LMI023", "Neuron"),
        ("OPTION_MAX_SPARSITY", "0.3", 17, "LMI023", "scheduler"),
        ("OPTION_MAX_NEW_TOKENS", "512", 17, "LMI024", "each request"),
        ("OPTION_TEMPERATUR", "0.2", 17, "LMI024", "each request"),
        ("OPTION_STOP", "###", 17, "LMI024", "each request"),
    ],
)
def test_an_ignored_name_is_told_as_what_it_is(name, value, release, code, words):
    finding = only(setup({name: value}, release))
    assert finding.code == code and words in finding.message


@pytest.mark.parametrize(
    ("name", "value", "release", "fix"),
    [
        ("OPTION_TEMPERATURE", "0.2", 17, 'OPTION_OVERRIDE_GENERATION_CONFIG={"temperature": 0.2}'),
        ("OPTION_STOP", "###", 17, ""),
        ("OPTION_ROPE_SCALING", '{"factor": 2.0}', 17, 'OPTION_HF_OVERRIDES={"rope_scaling": {"factor": 2.0}}'),
        ("OPTION_GUIDED_DECODING_BACKEND", "xgrammar", 24, 'OPTION_STRUCTURED_OUTPUTS_CONFIG={"backend": "xgrammar"}'),
        ("OPTION_STRUCTURED_OUTPUTS_CONFIG", '{"backend": "xgrammar"}', 16, "OPTION_GUIDED_DECODING_BACKEND=xgrammar"),
        ("OPTION_CUDA_GRAPH_SIZES", "4", 24, "OPTION_CUDAGRAPH_CAPTURE_SIZES=4"),
        ("OPTION_DISABLE_MM_PREPROCESSOR_CACHE", "true", 24, "OPTION_MM_PROCESSOR_CACHE_GB=0"),
        ("OPTION_SWAP_SPACE", "4", 24, ""),
        ("OPTION_DTYPE", "torch.bfloat16", 17, "OPTION_DTYPE=bf16"),
        ("OPTION_DTYPE", "BF16", 17, "OPTION_DTYPE=bf16"),
        ("OPTION_DTYPE", "float16", 17, "OPTION_DTYPE=fp16"),
        ("OPTION_DTYPE", "int8", 17, "OPTION_DTYPE=auto"),
        ("OPTION_GPU_MEMORY_UTILIZATION", "90", 17, "OPTION_GPU_MEMORY_UTILIZATION=0.9"),
        ("OPTION_GPU_MEMORY_UTILIZATION", "95%", 17, "OPTION_GPU_MEMORY_UTILIZATION=0.95"),
        ("OPTION_ENFORCE_EAGER", "1", 17, "OPTION_ENFORCE_EAGER=true"),
        ("OPTION_KV_CACHE_DTYPE", "FP8", 17, "OPTION_KV_CACHE_DTYPE=fp8"),
        ("OPTION_LIMIT_MM_PER_PROMPT", "image=4", 17, 'OPTION_LIMIT_MM_PER_PROMPT={"image": 4}'),
        (
            "OPTION_SPECULATIVE_CONFIG",
            "{'model': 'x', 'on': True}",
            17,
            'OPTION_SPECULATIVE_CONFIG={"model": "x", "on": true}',
        ),
        ("OPTION_MAX_MODEL_LEN", "4,096", 17, "OPTION_MAX_MODEL_LEN=4096"),
        ("OPTION_MAX_MODEL_LEN", "4096 tokens", 17, "OPTION_MAX_MODEL_LEN=4096"),
        ("OPTION_MAX_MODEL_LEN", "auto", 17, "OPTION_MAX_MODEL_LEN=4096"),
        ("OPTION_MAX_MODEL_LEN", "16k", 17, "OPTION_MAX_MODEL_LEN=16000"),
        ("OPTION_MAX_NUM_SEQS", "16", 17, "OPTION_MAX_ROLLING_BATCH_SIZE=16"),
        ("OPTION_TENSOR_PARALLEL_SIZE", "1", 17, "TENSOR_PARALLEL_DEGREE=1"),
        ("OPTION_PIPELINE_PARALLEL_SIZE", "1", 17, "OPTION_PIPELINE_PARALLEL_DEGREE=1"),
    ],
)
def test_the_line_to_write_says_the_same_rightly(name, value, release, fix):
    finding = only(setup({name: value}, release))
    assert finding.fix == fix
    if fix:
        name, _, value = fix.partition("=")
        again = findings_of(setup({name: value}, release))
        assert [each for each in again if each.severity != "note"] == [] or finding.code in {"LMI003", "LMI008"}


@pytest.mark.parametrize(
    ("name", "value", "release"),
    [
        ("OPTION_SEED", "abc", 17),
        ("OPTION_SWAP_SPACE", "lots", 17),
        ("OPTION_ENFORCE_EAGER", "yes", 17),
        ("OPTION_TRUST_REMOTE_CODE", "maybe", 17),
        ("OPTION_TOKENIZER_MODE", "true", 17),
        ("OPTION_TOKENIZER_MODE", "fast", 17),
        ("OPTION_SCHEDULING_POLICY", "lifo", 27),
        ("OPTION_MAX_LORA_RANK", "24", 17),
        ("OPTION_QUANTIZE", "squeezellm", 17),
        ("OPTION_LOAD_FORMAT", "bogus", 17),
        ("OPTION_CUDAGRAPH_CAPTURE_SIZES", "[1,2,4]", 17),
        ("OPTION_HF_OVERRIDES", "{'a': 1}", 17),
        ("OPTION_COMPILATION_CONFIG", "3", 17),
        ("OPTION_KV_TRANSFER_CONFIG", "LMCacheConnectorV1", 17),
        ("OPTION_GPU_MEMORY_UTILIZATION", "0", 17),
        ("OPTION_GPU_MEMORY_UTILIZATION", "nan", 17),
        ("OPTION_MAX_ROLLING_BATCH_SIZE", "0", 17),
        ("OPTION_MAX_MODEL_LEN", "1.5K", 17),
        ("OPTION_LIMIT_MM_PER_PROMPT", '{"image": 4}', 15),
        ("TENSOR_PARALLEL_DEGREE", "all", 17),
        ("OPTION_CHAT_TEMPLATE_CONTENT_FORMAT", "jinja", 17),
        ("OPTION_ENABLE_STREAMING", "maybe", 17),
        ("OPTION_MAX_ROLLING_BATCH_PREFILL_TOKENS", "16k", 17),
    ],
)
def test_a_value_that_ends_the_start_is_an_error(name, value, release):
    assert ("LMI004", name, "error") in outcomes(setup({"OPTION_MAX_MODEL_LEN": "4096"} | {name: value}, release))


@pytest.mark.parametrize(
    ("name", "value", "release"),
    [
        ("OPTION_ENABLE_PREFIX_CACHING", "True", 17),
        ("OPTION_TRUST_REMOTE_CODE", "False", 17),
        ("OPTION_ENABLE_LORA", "1", 17),
        ("OPTION_ENABLE_LORA", "yes", 17),
        ("OPTION_MAX_ROLLING_BATCH_SIZE", "32.0", 17),
        ("OPTION_KV_CACHE_MEMORY_BYTES", "10G", 17),
        ("OPTION_MAX_LORA_RANK", "64", 17),
        ("OPTION_SPECULATIVE_CONFIG", '{"model": "x", "num_speculative_tokens": 5}', 17),
        ("OPTION_LIMIT_MM_PER_PROMPT", "image=4", 15),
        ("OPTION_LIMIT_MM_PER_PROMPT", '{"image": 4}', 16),
        ("OPTION_COMPILATION_CONFIG", "3", 15),
        ("OPTION_COMPILATION_CONFIG", '{"cudagraph_mode": "FULL"}', 17),
        ("OPTION_HF_OVERRIDES", '{"max_position_embeddings": 8192}', 17),
        ("OPTION_LONG_LORA_SCALING_FACTORS", "4.0", 17),
        ("OPTION_ROPE_SCALING", '{"rope_type": "yarn"}', 16),
        ("OPTION_LOAD_FORMAT", "sagemaker_fast_model_loader", 17),
        ("OPTION_LOAD_FORMAT", "safetensors", 17),
        ("OPTION_TASK", "text-generation", 17),
        ("OPTION_MAX_MODEL_LEN", "AUTO", 12),
        ("OPTION_ENGINE", "OnnxRuntime", 17),
        ("OPTION_ENTRYPOINT", "model.py", 17),
        ("OPTION_ENTRYPOINT", "djl_python.lmi_vllm.vllm_async_service", 17),
        ("OPTION_MODEL", "/opt/ml/model/", 17),
        ("OPTION_USE_PASSIVE_WORKERS", "false", 17),
        ("OPTION_GUIDED_DECODING_DISABLE_FALLBACK", "1", 17),
        ("OPTION_ENABLE_CHUNKED_PREFILL", "false", 15),
        ("OPTION_PREDICT_TIMEOUT", "60", 17),
        ("OPTION_MODEL_LOADING_TIMEOUT", "3600", 17),
        ("OPTION_MAX_LORAS", "4", 17),
        ("TENSOR_PARALLEL_DEGREE", "max", 17),
    ],
)
def test_what_the_container_starts_with_is_let_through(name, value, release):
    assert findings_of(setup({name: value}, release)) == []


@pytest.mark.parametrize("release", RELEASES)
def test_a_plain_configuration_is_let_through_by_every_release(release):
    plain = {"HF_MODEL_ID": "/opt/ml/model", "TENSOR_PARALLEL_DEGREE": "1", "OPTION_MAX_MODEL_LEN": "8192",
             "OPTION_MAX_ROLLING_BATCH_SIZE": "16", "OPTION_DTYPE": "bf16", "OPTION_GPU_MEMORY_UTILIZATION": "0.9",
             "OPTION_ENABLE_PREFIX_CACHING": "true", "OPTION_ENFORCE_EAGER": "true", "OPTION_KV_CACHE_DTYPE": "fp8",
             "OPTION_SERVED_MODEL_NAME": "qwen", "OPTION_ENABLE_LORA": "true", "OPTION_MAX_LORA_RANK": "64",
             "OPTION_ENABLE_AUTO_TOOL_CHOICE": "true", "OPTION_TOOL_CALL_PARSER": "hermes"}  # fmt: skip
    assert findings_of(setup(plain, release)) == []


def test_the_asynchronous_mode_may_be_spelled_out():
    spelled = {"OPTION_ROLLING_BATCH": "disable", "OPTION_ASYNC_MODE": "true",
               "OPTION_ENTRYPOINT": "djl_python.lmi_vllm.vllm_async_service"}  # fmt: skip
    assert [findings_of(setup(spelled, release)) for release in (16, 17, 27)] == [[], [], []]


@pytest.mark.parametrize(
    ("environment", "properties", "where", "severity"),
    [
        ({"OPTION_ROLLING_BATCH": "trtllm"}, None, "OPTION_ROLLING_BATCH", "error"),
        ({"OPTION_ROLLING_BATCH": "lmi-dist"}, None, "OPTION_ROLLING_BATCH", "warning"),
        ({"OPTION_ASYNC_MODE": "false"}, None, "OPTION_ASYNC_MODE", "warning"),
        ({"OPTION_ENTRYPOINT": "djl_python.huggingface"}, None, "OPTION_ENTRYPOINT", "error"),
        ({"OPTION_ENTRYPOINT": "djl_python.transformersneuronx"}, None, "OPTION_ENTRYPOINT", "error"),
        ({"OPTION_BATCH_SIZE": "4"}, None, "OPTION_BATCH_SIZE", "warning"),
        ({"SERVING_BATCH_SIZE": "4"}, None, "SERVING_BATCH_SIZE", "error"),
        (None, {"batch_size": "4"}, "batch_size", "error"),
        (None, {"option.rolling_batch": "vllm"}, "option.rolling_batch", "warning"),
    ],
)
def test_whatever_turns_the_asynchronous_handler_away_is_told(environment, properties, where, severity):
    assert outcomes(setup(environment, properties=properties)) == {("LMI011", where, severity)}


def test_a_chat_that_the_older_queue_fails_is_told_where_it_does():
    warned = {
        release: "messages" in only(setup({"OPTION_ROLLING_BATCH": "vllm"}, release)).message
        for release in (17, 19, 25, 26)
    }
    assert warned == {17: False, 19: True, 25: True, 26: False}


@pytest.mark.parametrize(
    ("name", "release", "severity"),
    [
        ("OPTION_ENFORCE_EAGER", 17, "note"),  # off anyway
        ("OPTION_ENABLE_CHUNKED_PREFILL", 17, "warning"),
        ("OPTION_ASYNC_SCHEDULING", 18, "note"),
        ("OPTION_ASYNC_SCHEDULING", 19, "warning"),
        ("OPTION_DISABLE_LOG_STATS", 25, "note"),
        ("OPTION_DISABLE_LOG_STATS", 26, "error"),  # vLLM can only turn it on
        ("OPTION_SEED", 17, "warning"),
    ],
)
def test_a_false_that_does_not_arrive_is_as_bad_as_what_it_changes(name, release, severity):
    assert outcomes(setup({name: "false"}, release)) == {("LMI005", name, severity)}


DRAFT = '{"model": "Qwen/Qwen3-0.6B", "num_speculative_tokens": 4}'
NAMED = '{"method": "draft_model", "model": "mine/small", "num_speculative_tokens": 4}'


@pytest.mark.parametrize("release", [16, 17, 18])
@pytest.mark.parametrize("draft", [DRAFT, NAMED])
def test_a_model_of_its_own_that_drafts_ends_the_start_of_these_releases(release, draft):
    finding = only(setup({"OPTION_SPECULATIVE_CONFIG": draft}, release))
    assert (finding.code, finding.severity) == ("LMI004", "error")
    assert only_codes(setup({finding.fix.partition("=")[0]: finding.fix.partition("=")[2]}, release)) == set()


@pytest.mark.parametrize(
    ("release", "value"),
    [
        (15, DRAFT),
        (20, DRAFT),
        (17, options.NGRAM),
        (17, '{"method": "eagle3", "model": "AngelSlim/Qwen3-4B_eagle3", "num_speculative_tokens": 3}'),
        (17, '{"model": "mine/Qwen3-4B-speculator.eagle3"}'),  # its config.json says what it is
        (17, '{"model": "deepseek-ai/DeepSeek-V3", "num_speculative_tokens": 1}'),  # its last layer drafts
        (17, "not JSON {"),
    ],
)
def test_what_else_drafts_is_taken(release, value):
    assert "LMI004" not in only_codes(setup({"OPTION_SPECULATIVE_CONFIG": value}, release)) or value == "not JSON {"


@pytest.mark.parametrize(("release", "warns"), [(15, False), (17, True), (18, True), (20, False)])
def test_a_draft_model_under_an_old_name_is_not_advised_where_vllm_takes_none(release, warns):
    (finding,) = [each for each in findings_of(setup({"OPTION_SPECULATIVE_DRAFT_MODEL": "Qwen/Qwen3-0.6B"}, release))]
    assert ("takes no draft model" in finding.message) is warns


def test_an_engines_number_of_tokens_is_not_written_into_an_object():
    finding = only(setup({"OPTION_SPECULATIVE_LENGTH": "5"}))
    assert (finding.code, "takes no draft model" in finding.message) == ("LMI023", True)


def test_what_silences_the_servers_log_is_not_turned_into_what_silences_its_metrics():
    finding = only(setup({"OPTION_DISABLE_LOG_REQUESTS": "true"}))
    assert (finding.severity, finding.fix, "LOG_STATS" in finding.message) == ("note", "", False)


def only_codes(of):
    return {finding.code for finding in findings_of(of)}


def test_a_steps_budget_is_no_length():
    at_large = only(setup({"OPTION_MAX_ROLLING_BATCH_PREFILL_TOKENS": "4096"}))
    assert (at_large.code, at_large.severity, at_large.fix) == ("LMI009", "warning", "OPTION_MAX_MODEL_LEN=4096")
    assert "36.0 GiB" in at_large.message
    from_tgi = only(setup({"MAX_BATCH_PREFILL_TOKENS": "4096"}))
    assert (from_tgi.code, from_tgi.place.where) == ("LMI009", "MAX_BATCH_PREFILL_TOKENS")
    small = setup({"OPTION_MAX_ROLLING_BATCH_PREFILL_TOKENS": "4096"}, model=model.find_model("Qwen/Qwen3-0.6B"))
    assert only(small).severity == "note"
    assert findings_of(setup({"OPTION_MAX_NUM_BATCHED_TOKENS": "4096", "OPTION_MAX_MODEL_LEN": "4096"})) == []


def test_a_step_must_have_a_token_for_each_request():
    given_both = {"OPTION_MAX_MODEL_LEN": "4096", "OPTION_MAX_ROLLING_BATCH_PREFILL_TOKENS": "16"}
    assert "less than 32 sequences" in only(setup(given_both)).message
    assert findings_of(setup(given_both | {"OPTION_MAX_ROLLING_BATCH_SIZE": "16"})) == []


@pytest.mark.parametrize(
    ("environment", "where", "severity"),
    [
        ({"OPTION_QUANTIZE": "fp8", "OPTION_QUANTIZATION": "fbgemm_fp8"}, "OPTION_QUANTIZE", "warning"),
        ({"OPTION_QUANTIZATION": "fp8", "OPTION_QUANTIZE": "fp8"}, "OPTION_QUANTIZE", "note"),
        ({"TENSOR_PARALLEL_DEGREE": "4", "OPTION_TENSOR_PARALLEL_DEGREE": "1"}, "TENSOR_PARALLEL_DEGREE", "warning"),
        ({"OPTION_TENSOR_PARALLEL_DEGREE": "1", "TENSOR_PARALLEL_DEGREE": "4"}, "TENSOR_PARALLEL_DEGREE", "warning"),
    ],
)
def test_of_two_names_the_one_that_does_not_count_is_told(environment, where, severity):
    assert outcomes(setup(environment)) == {("LMI012", where, severity)}


def test_one_variable_from_two_keys_of_pipeline_yaml_cannot_be_written():
    extra = Location("lmi.env.OPTION_DTYPE")
    pairs = [("OPTION_DTYPE", "bf16", Location("lmi.options.dtype")), ("OPTION_DTYPE", "auto", extra)]
    of = DeploymentSpec(image(17), settings(pairs), form="yaml")
    assert outcomes(of) == {("LMI012", "lmi.env.OPTION_DTYPE", "error")}


@pytest.mark.parametrize(
    ("degree", "instance_type", "facts", "words"),
    [
        ("4", "ml.g5.xlarge", QWEN, "has 1 card"),
        ("8", "ml.g5.48xlarge", SEVEN_B, "28 attention heads do not divide by 8"),
        (None, "ml.g5.48xlarge", SEVEN_B, "all cards of ml.g5.48xlarge"),
        ("max", "ml.g5.48xlarge", SEVEN_B, "28 attention heads"),
        ("3", None, QWEN, "32 attention heads do not divide by 3"),
    ],
)
def test_a_degree_that_cannot_be_is_told_with_one_that_can(degree, instance_type, facts, words):
    environment = {"TENSOR_PARALLEL_DEGREE": degree} if degree else {}
    finding = only(setup(environment, instance_type=instance_type, model=facts))
    assert (finding.code, finding.severity) == ("LMI019", "error")
    assert words in finding.message and finding.fix.startswith("TENSOR_PARALLEL_DEGREE=")
    name, _, value = finding.fix.partition("=")
    assert findings_of(setup({name: value}, instance_type=instance_type, model=facts)) == []


@pytest.mark.parametrize("degree", ["1", "2", "4", "max", None])
def test_a_degree_that_cards_and_heads_allow_is_let_through(degree):
    environment = {"TENSOR_PARALLEL_DEGREE": degree} if degree else {}
    assert findings_of(setup(environment, instance_type="ml.g5.12xlarge", model=SEVEN_B)) == []


def test_the_jobs_instance_has_cards_of_its_own():
    job = Job("ml.g5.xlarge", 60, 3600)
    finding = only(setup({"TENSOR_PARALLEL_DEGREE": "4"}, instance_type="ml.g5.12xlarge", job=job))
    assert "ml.g5.xlarge has 1 card" in finding.message


@pytest.mark.parametrize(
    ("environment", "release", "code", "severity"),
    [
        ({"OPTION_QUANTIZE": "gptq"}, 17, "LMI027", "error"),
        ({"OPTION_QUANTIZE": "fp8"}, 17, "LMI027", "error"),
        ({"OPTION_QUANTIZE": "awq", "OPTION_DTYPE": "bf16"}, 17, "LMI028", "error"),
        ({"OPTION_QUANTIZE": "awq", "OPTION_DTYPE": "fp16"}, 17, None, None),
        ({"OPTION_QUANTIZE": "awq", "OPTION_DTYPE": "bf16"}, 28, None, None),
        ({"OPTION_QUANTIZE": "awq_marlin", "OPTION_DTYPE": "bf16"}, 17, None, None),
        ({"OPTION_QUANTIZE": "awq"}, 17, None, None),
    ],
)
def test_a_quantization_has_to_go_with_the_checkpoint(environment, release, code, severity):
    expected = {(code, "OPTION_QUANTIZE", severity)} if code else set()
    assert outcomes(setup(environment, release, model=AWQ)) == expected


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"OPTION_ENABLE_AUTO_TOOL_CHOICE": "true"}, ("LMI026", "OPTION_ENABLE_AUTO_TOOL_CHOICE", "error")),
        ({"OPTION_TOOL_CALL_PARSER": "hermes"}, ("LMI026", "OPTION_TOOL_CALL_PARSER", "warning")),
        ({"OPTION_ENABLE_AUTO_TOOL_CHOICE": "true", "OPTION_TOOL_CALL_PARSER": "qwen9"},
         ("LMI004", "OPTION_TOOL_CALL_PARSER", "error")),
        ({"OPTION_ENABLE_REASONING": "true"}, ("LMI026", "OPTION_ENABLE_REASONING", "error")),
        ({"OPTION_SPECULATIVE_DRAFT_MODEL": "x"}, ("LMI025", "OPTION_SPECULATIVE_DRAFT_MODEL", "warning")),
        ({"OPTION_DATA_TYPE": "bf16"}, ("LMI025", "OPTION_DATA_TYPE", "warning")),
        ({"OPTION_DEVICE_MAP": "auto "}, None),
        ({"OPTION_LOW_CPU_MEM_USAGE": "true"}, ("LMI025", "OPTION_LOW_CPU_MEM_USAGE", "note")),
        ({"OPTION_TGI_COMPAT": "true"}, ("LMI025", "OPTION_TGI_COMPAT", "warning")),
        ({"OPTION_CHAT_TEMPLATE": "/opt/ml/model/t.jinja"}, ("LMI029", "OPTION_CHAT_TEMPLATE", "warning")),
        ({"OPTION_CHAT_TEMPLATE": "{{ messages[0]['content'] }}"}, None),
        ({"OPTION_DTYPE": ""}, ("LMI022", "OPTION_DTYPE", "warning")),
        ({"OPTION_LOAD_IN_8BIT": "true"}, ("LMI007", "OPTION_LOAD_IN_8BIT", "error")),
    ],
)  # fmt: skip
def test_what_an_option_needs_or_changes_is_told(environment, expected):
    assert outcomes(setup(environment)) == ({expected} if expected else set())


@pytest.mark.parametrize(("release", "expected"), [(19, set()), (20, {"LMI017"}), (27, {"LMI017"})])
def test_bitsandbytes_left_the_image(release, expected):
    assert codes(setup({"OPTION_QUANTIZE": "bitsandbytes"}, release)) == expected


def test_a_value_that_another_release_takes_says_so():
    finding = only(setup({"OPTION_QUANTIZE": "fp8_per_tensor"}, 17))
    assert finding.code == "LMI004" and "LMI 25 to 28 take it" in finding.message


def test_what_is_within_quotes_is_left_to_the_rule_about_quotes():
    assert findings_of(setup({"OPTION_DTYPE": '"bf16"', "OPTION_ENFORCE_EAGER": "'true'"})) == []


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("djl-inference:latest", {"LMI003", "LMI014"}),
        ("djl-inference:0.38.0-lmi29.0.0-cu130", {"LMI003", "LMI014"}),
        ("djl-inference:0.31.0-lmi13.0.0-cu124", {"LMI003", "LMI014"}),
        (None, {"LMI003", "LMI014"}),
        ("huggingface-pytorch-tgi-inference:2.7.0-tgi3.3.6-gpu-py311-cu124", set()),
        ("djl-inference:0.32.0-tensorrtllm0.12.0-cu125", set()),
    ],
)
def test_of_a_release_that_is_not_known_only_what_holds_in_all_is_said(named, expected):
    environment = {
        "OPTION_MAX_LEN": "4096",
        "OPTION_MAX_NUM_SEQS": "16",
        "OPTION_DTYPE": "half",
        "OPTION_ENABLE_LORA": "x",
    }
    of = setup(environment, release=None, image=named)
    assert codes(of) == expected
    assert {each.confidence for each in findings_of(of)} <= {"inferred"}


def test_an_unknown_name_of_an_unknown_release_is_only_a_warning():
    assert outcomes(setup({"OPTION_PAGED_ATTENTION": "true"}, release=13)) == {
        ("LMI001", "OPTION_PAGED_ATTENTION", "warning")
    }


@pytest.mark.parametrize("architecture", ["BertModel", "XLMRobertaForSequenceClassification"])
def test_a_model_that_does_not_write_is_not_judged(architecture):
    facts = model.ModelFacts(**{**vars(QWEN), "architecture": architecture})
    assert findings_of(setup({"OPTION_ROLLING_BATCH": "disable", "OPTION_DTYPE": "half"}, model=facts)) == []


def test_a_secret_is_never_repeated():
    token = "hf_NotARealTokenOnlyAnExampleOfOne"
    for name in (
        "OPTION_SEED",
        "OPTION_MAX_LEN",
        "OPTION_DTYPE",
        "OPTION_API_KEY",
        "OPTION_Hf_Token",
        "OPTION_ROLLING_BATCH",
    ):
        assert token not in "".join(each.message + each.fix for each in findings_of(setup({name: token})))


def test_a_message_is_no_page():
    assert all(
        len(each.message) < 1200
        for each in findings_of(setup({"OPTION_SPECULATIVE_CONFIG": "x" * 5000, "OPTION_SEED": "y" * 5000}))
    )


ODD = st.sampled_from(
    ["", " ", "0", "-1", "1e999", "nan", "true", "{", "[" * 3000, "9" * 5000, "k", "٤٢", "'", '"', "\n"]
) | st.text(max_size=9)
NAMES = st.sampled_from([f"OPTION_{row['name'].upper()}" for row in tables.rows("options")]) | st.text(max_size=9).map(
    "OPTION_{}".format
)


@drawn(max_examples=200, deadline=None)
@given(st.dictionaries(NAMES, ODD, max_size=6), st.sampled_from([None, 9, 13, *RELEASES]), st.booleans())
def test_whatever_is_written_nothing_falls_over(written, release, in_properties):
    if in_properties:
        written = {name.lower().replace("option_", "option.", 1): value for name, value in written.items()}
    of = setup(None if in_properties else written, release, properties=written if in_properties else None)
    for finding in findings_of(of):
        assert finding.code in OWN and finding.message and finding.place.where

"""The container's other environment: which model it loads, whose variables these are, secrets, limits and timeouts."""

import json
from dataclasses import replace

import checking
import pytest
from hypothesis import given
from hypothesis import settings as drawn
from hypothesis import strategies as st

from sluice.lmi import model, tables, variables
from sluice.preflight.container import checks as container
from sluice.preflight.container import secrets
from sluice.preflight.deployment_spec import DeploymentSpec, Job, settings
from sluice.preflight.finding import Location

OWN = {rule.code for rule in container.RULES}
EXAMPLES = [rule for rule in container.RULES if rule.bad]
HUB = {"HF_MODEL_ID": "Qwen/Qwen3-4B", "HF_REVISION": "0123456789abcdef0123456789abcdef01234567"}
DATA = "s3://models/qwen3-4b/"
LMI = "763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.35.0-lmi17.0.0-cu128"
TGI = "763104351884.dkr.ecr.us-east-1.amazonaws.com/huggingface-pytorch-tgi-inference:2.7.0-tgi3.3.6-gpu-py311-cu124"
VLLM = "763104351884.dkr.ecr.us-east-1.amazonaws.com/vllm:0.26.0-gpu-py312-cu130-ubuntu22.04-sagemaker"
COPY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/djl-inference:mine"
TOKEN = "hf_NotARealTokenOnlyAnExampleOfOne"


def setup(environment=None, properties=None, data=DATA, **others):
    pairs = [
        (name, value, Location(name, "e.env", line)) for line, (name, value) in enumerate((environment or {}).items())
    ]
    fields = {
        "image": LMI,
        "environment": settings(pairs),
        "properties": settings((name, value, Location(name)) for name, value in (properties or {}).items()),
        "model_data": data,
        "places": {"startup_seconds": Location("--startup-seconds"), "options": Location("options", "e.env")},
    }
    return DeploymentSpec(**fields | others)


def findings_of(of):
    return [finding for check in container.CHECKS for finding in check(of)]


def outcomes(of):
    return {(each.code, each.place.where, each.severity) for each in findings_of(of)}


def the(code, of):
    (finding,) = [each for each in findings_of(of) if each.code == code]
    return finding


@pytest.mark.parametrize("rule", EXAMPLES, ids=lambda rule: rule.code)
def test_a_page_shows_what_its_rule_finds_and_nothing_beside_it(rule, tmp_path):
    _, bad = checking.of_example(tmp_path, rule.bad)
    assert checking.codes(bad) & OWN == {rule.code}
    _, good = checking.of_example(tmp_path, rule.good)
    assert checking.codes(good) & OWN == set()


def test_what_works_is_not_mentioned():
    assert findings_of(setup({"OPTION_MAX_MODEL_LEN": "4096", "TENSOR_PARALLEL_DEGREE": "1"})) == []
    assert findings_of(setup({"HF_MODEL_ID": "/opt/ml/model"})) == []
    assert findings_of(setup(HUB, data=None)) == []
    assert findings_of(setup({}, data=None)) == []


# Which model


@pytest.mark.parametrize(
    ("environment", "others", "expected"),
    [
        (HUB, {}, ("ENV005", "HF_MODEL_ID", "error")),
        ({"HF_MODEL_ID": "s3://models/qwen/"}, {}, ("ENV005", "HF_MODEL_ID", "error")),
        (HUB, {"data": None, "properties": {"option.dtype": "auto"}}, ("ENV005", "HF_MODEL_ID", "error")),
        ({"HF_MODEL_ID": "/srv/model"}, {}, ("ENV005", "HF_MODEL_ID", "warning")),
        ({"HF_MODEL_ID": "/opt/ml/model/"}, {"data": None}, ("ENV006", "HF_MODEL_ID", "error")),
        ({"OPTION_MODEL_ID": "Qwen/Qwen3-4B"}, {"data": None}, ("ENV007", "OPTION_MODEL_ID", "error")),
        ({"OPTION_MODEL_ID": "Qwen/Qwen3-4B"}, {}, ("ENV007", "OPTION_MODEL_ID", "warning")),
        (HUB | {"OPTION_MODEL_ID": "a/b"}, {"data": None}, ("ENV007", "OPTION_MODEL_ID", "warning")),
        ({"HF_MODEL_ID": "Qwen/Qwen3-4B"}, {"data": None}, ("ENV008", "HF_MODEL_ID", "warning")),
        (HUB | {"HF_REVISION": "main"}, {"data": None}, ("ENV008", "HF_REVISION", "warning")),
        ({}, {"properties": {"option.model_id": "Qwen/Qwen3-4B"}}, ("ENV008", "option.model_id", "warning")),
        ({"OPTION_DTYPE": "auto"}, {"data": None}, ("ENV011", "options", "note")),
        (HUB | {"HF_MODEL_ID": "meta-llama/Llama-3.1-8B"}, {"data": None}, ("ENV013", "HF_MODEL_ID", "error")),
        (HUB | {"HF_MODEL_ID": "google/gemma-3-4b-it"}, {"data": None}, ("ENV013", "HF_MODEL_ID", "warning")),
        (HUB, {"data": None, "network_isolation": True}, ("ENV015", "HF_MODEL_ID", "error")),
        (HUB, {"network_isolation": True}, ("ENV015", "HF_MODEL_ID", "error")),
        ({"OPTION_MODEL_ID": "s3://b/p/"}, {"network_isolation": True}, ("ENV015", "OPTION_MODEL_ID", "error")),
        ({"HF_MODEL_ID": "None"}, {"data": None}, ("ENV016", "HF_MODEL_ID", "error")),
        ({"HF_MODEL_ID": "/opt/ml/models"}, {}, ("ENV016", "HF_MODEL_ID", "error")),
        ({"HF_MODEL_ID": "/opt/ml/models"}, {"image": COPY}, ("ENV016", "HF_MODEL_ID", "warning")),
        (HUB, {"form": "yaml"}, ("ENV005", "HF_MODEL_ID", "error")),
    ],
)  # fmt: skip
def test_a_model_that_is_not_the_one_or_is_none_is_found_once(environment, others, expected):
    assert outcomes(setup(environment, **others)) == {expected}


@pytest.mark.parametrize(
    ("written", "correction"),
    [
        ("https://huggingface.co/Qwen/Qwen3-4B/tree/main", "Qwen/Qwen3-4B"),
        ("hf://Qwen/Qwen3-4B", "Qwen/Qwen3-4B"),
        ("Qwen/Qwen3-4B/", "Qwen/Qwen3-4B"),
        ("opt/ml/model", "/opt/ml/model"),
        ("s3:/models/qwen3/", "s3://models/qwen3/"),
        ("models/Qwen/Qwen3-4B", ""),
        ("C:\\models\\qwen", ""),
        ("arn:aws:sagemaker:us-east-1:111122223333:model/qwen", ""),
    ],
)
def test_an_id_that_names_nothing_is_told_with_what_was_meant(written, correction):
    fix = the("ENV016", setup({"HF_MODEL_ID": written}, data=None)).fix
    assert fix == (f"HF_MODEL_ID={correction}" if correction else "")


@pytest.mark.parametrize(
    "value",
    ["/opt/ml/additional-model-data-sources/base", "/opt/ml/processing/model", "/opt/models/qwen", "gpt2", "a-b/c.d_e",
     "djl://ai.djl.huggingface.onnxruntime/BAAI/bge-base-en-v1.5", "s3://models/qwen3-4b"],
)  # fmt: skip
def test_every_way_to_name_a_model_is_let_through(value):
    environment = {"HF_MODEL_ID": value, "HF_REVISION": HUB["HF_REVISION"]}
    assert findings_of(setup(environment, data=None)) == []


def test_a_gated_model_with_a_token_is_let_through_and_one_under_another_name_is_not():
    llama = HUB | {"HF_MODEL_ID": "meta-llama/Llama-3.1-8B"}
    assert outcomes(setup(llama | {"HF_TOKEN": "<your token>"}, data=None)) == set()
    assert outcomes(setup(llama | {"HUGGING_FACE_HUB_TOKEN": "<your token>"}, data=None)) == set()
    finding = the("ENV013", setup(llama | {"HF_API_TOKEN": TOKEN}, data=None, image=TGI))
    assert "HF_API_TOKEN is not read" in finding.message
    expected = {("ENV013", "HF_MODEL_ID", "error"), ("ENV004", "HF_API_TOKEN", "warning")}
    assert outcomes(setup(llama | {"HF_API_TOKEN": TOKEN}, data=None)) == expected


def test_other_images_find_their_model_in_other_ways():
    assert findings_of(setup(HUB, image=VLLM)) == []
    assert findings_of(setup({"HF_MODEL_ID": "Qwen/Qwen3-4B"}, data=None, image=TGI)) == []


# Whose variables


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("SM_VLLM_MAX_MODEL_LEN", "4096", "OPTION_MAX_MODEL_LEN=4096"),
        ("SM_VLLM_MAX_NUM_SEQS", "16", "OPTION_MAX_ROLLING_BATCH_SIZE=16"),
        ("SM_VLLM_TENSOR_PARALLEL_SIZE", "4", "TENSOR_PARALLEL_DEGREE=4"),
        ("SM_VLLM_DTYPE", "bfloat16", "OPTION_DTYPE=bf16"),
        ("SM_SGLANG_CONTEXT_LENGTH", "4096", "OPTION_MAX_MODEL_LEN=4096"),
        ("NIM_MAX_MODEL_LEN", "4096", "OPTION_MAX_MODEL_LEN=4096"),
        ("MAX_MODEL_LEN", "4096", "OPTION_MAX_MODEL_LEN=4096"),
        ("max_model_len", "4096", "OPTION_MAX_MODEL_LEN=4096"),
        ("VLLM_MAX_MODEL_LEN", "4096", "OPTION_MAX_MODEL_LEN=4096"),
        ("VLLM_GPU_MEMORY_UTILIZATION", "0.8", "OPTION_GPU_MEMORY_UTILIZATION=0.8"),
        ("MAX_INPUT_LENGTH", "4000", "OPTION_MAX_MODEL_LEN=4000"),
        ("MAX_TOTAL_TOKENS", "4096", "OPTION_MAX_MODEL_LEN=4096"),
        ("NUM_SHARD", "4", "TENSOR_PARALLEL_DEGREE=4"),
        ("QUANTIZE", "awq", "OPTION_QUANTIZE=awq"),
    ],
)
def test_another_containers_variable_is_told_with_the_line_that_lmi_reads(name, value, line):
    finding = the("ENV001", setup({name: value}))
    assert (finding.place.where, finding.severity, finding.fix) == (name, "error", line)


def test_question_and_answer_together_are_the_context():
    environment = {"MAX_INPUT_LENGTH": "3000", "MAX_TOTAL_TOKENS": "4096"}
    assert {each.fix for each in findings_of(setup(environment))} == {"OPTION_MAX_MODEL_LEN=4096"}


def test_what_is_left_over_beside_lmis_own_is_only_a_warning():
    environment = {"MAX_TOTAL_TOKENS": "4096", "OPTION_MAX_MODEL_LEN": "4096"}
    assert outcomes(setup(environment)) == {("ENV001", "MAX_TOTAL_TOKENS", "warning")}
    assert outcomes(setup({"SM_VLLM_MODEL": "/opt/ml/model"})) == {("ENV001", "SM_VLLM_MODEL", "warning")}
    assert outcomes(setup({"SM_VLLM_MODEL": "/opt/ml/model"}, form="yaml")) == {("ENV001", "SM_VLLM_MODEL", "error")}


@pytest.mark.parametrize(
    "name", ["MAX_BEST_OF", "MAX_WAITING_TOKENS", "MESSAGES_API_ENABLED", "MAX_BATCH_TOTAL_TOKENS"]
)
def test_what_lmi_has_nothing_for_is_a_note(name):
    finding = the("ENV001", setup({name: "1"}))
    assert (finding.severity, finding.fix) == ("note", "")


@pytest.mark.parametrize(
    ("name", "correction"),
    [
        ("HF_MODEL", "HF_MODEL_ID"),
        ("HF_MODELID", "HF_MODEL_ID"),
        ("hf_model_id", "HF_MODEL_ID"),
        ("HUGGING_FACE_MODEL_ID", "HF_MODEL_ID"),
        ("TENSOR_PARALLEL", "TENSOR_PARALLEL_DEGREE"),
        ("TENSOR_PARALEL_DEGREE", "TENSOR_PARALLEL_DEGREE"),
        ("TP_DEGREE", "TENSOR_PARALLEL_DEGREE"),
        ("HF_TRUST_REMOTE_CODE", "HF_MODEL_TRUST_REMOTE_CODE"),
        ("MODEL_LOAD_TIMEOUT", "MODEL_LOADING_TIMEOUT"),
        ("SM_NUM_GPU", "SM_NUM_GPUS"),
    ],
)
def test_a_name_that_is_nearly_lmis_own_is_told_with_it(name, correction):
    finding = the("ENV001", setup({name: "x/y"}, data=None))
    assert finding.place.where == name
    assert finding.fix == f"{correction}=x/y"
    assert finding.severity == ("error" if correction == "HF_MODEL_ID" else "warning")


def test_anybodys_name_for_a_model_is_only_told_where_nothing_else_names_one():
    assert outcomes(setup({"MODEL_ID": "Qwen/Qwen3-4B"}, data=None)) == {("ENV001", "MODEL_ID", "warning")}
    assert findings_of(setup({"MODEL_ID": "Qwen/Qwen3-4B"})) == []
    assert outcomes(setup({"MODEL_NAME": "chat"}, data=None)) == set()


@pytest.mark.parametrize(
    "name",
    [*variables.ALIASES, *variables.OWN, "ENABLE_CUDA_GRAPHS", "HF_HOME", "HF_HUB_ENABLE_HF_TRANSFER",
     "HF_HUB_DOWNLOAD_TIMEOUT", "HUGGING_FACE_HUB_TOKEN", "VLLM_ATTENTION_BACKEND", "VLLM_USE_V1", "VLLM_LOGGING_LEVEL",
     "VLLM_ALLOW_LONG_MAX_MODEL_LEN", "PYTORCH_CUDA_ALLOC_CONF", "CUDA_VISIBLE_DEVICES", "NCCL_DEBUG",
     "SERVING_FAIL_FAST", "SAGEMAKER_PROGRAM", "SAGEMAKER_REGION", "SAGEMAKER_CONTAINER_LOG_LEVEL",
     "SAGEMAKER_MODEL_SERVER_WORKERS", "ENDPOINT_SERVER_TIMEOUT", "MODEL_CACHE_ROOT", "DJL_CACHE_DIR",
     "OMP_NUM_THREADS", "LMCACHE_LOCAL_CPU", "MY_SETTING",
     "TOKENIZERS_PARALLELISM", "AWS_REGION", "LOG_LEVEL"],
)  # fmt: skip
def test_what_the_container_or_somebodys_own_code_reads_is_let_through(name):
    value = {"HF_MODEL_ID": "/opt/ml/model", "HF_TOKEN": "<token>", "HUGGING_FACE_HUB_TOKEN": "<token>"}.get(name, "1")
    assert findings_of(setup({name: value})) == []


def test_a_name_that_only_newer_releases_read_is_told():
    older = "djl-inference:0.34.0-lmi16.0.0-cu128"
    finding = the("ENV001", setup({"SAGEMAKER_STARTUP_TIMEOUT": "1800"}, image=older))
    assert (finding.severity, finding.fix) == ("warning", "MODEL_LOADING_TIMEOUT=1800")
    assert findings_of(setup({"SAGEMAKER_STARTUP_TIMEOUT": "1800"})) == []


def test_a_translated_name_counts_only_where_lmis_own_is_not_set():
    assert outcomes(setup({"SM_NUM_GPUS": "4", "TENSOR_PARALLEL_DEGREE": "1"})) == {
        ("ENV018", "SM_NUM_GPUS", "warning")
    }
    assert findings_of(setup({"SM_NUM_GPUS": "4", "TENSOR_PARALLEL_DEGREE": "4"})) == []
    assert setup({"SM_NUM_GPUS": "4"}).option("tensor_parallel_degree").value == "4"
    assert setup({"MAX_BATCH_SIZE": "8"}).option("max_rolling_batch_size").value == "8"


def test_an_image_that_may_be_lmis_is_taken_for_it_and_one_that_nobody_knows_is_not():
    environment = {"SM_VLLM_MAX_MODEL_LEN": "4096"}
    assert outcomes(setup(environment, image="0.35.0")) == {("ENV001", "SM_VLLM_MAX_MODEL_LEN", "error")}
    assert outcomes(setup(environment, image=None)) == {("ENV001", "SM_VLLM_MAX_MODEL_LEN", "error")}
    assert findings_of(setup(environment, image="123456789012.dkr.ecr.us-east-1.amazonaws.com/chat:prod")) == []


def test_lmis_options_have_no_effect_in_another_image():
    finding = the("ENV001", setup({"OPTION_MAX_ROLLING_BATCH_SIZE": "16"}, image=VLLM))
    assert (finding.severity, finding.fix) == ("error", "SM_VLLM_MAX_NUM_SEQS=16")
    assert outcomes(setup({"OPTION_ENTRYPOINT": "x.py"}, image=TGI)) == {("ENV001", "OPTION_ENTRYPOINT", "warning")}
    assert findings_of(setup({"SM_VLLM_MAX_MODEL_LEN": "4096"}, image=VLLM)) == []
    assert findings_of(setup({"MAX_INPUT_LENGTH": "4096"}, image=TGI)) == []


# Secrets

SECRETS = [
    ("HF_TOKEN", TOKEN),
    ("HF_TOKEN", "short"),
    ("HUGGINGFACE_TOKEN", TOKEN),
    ("ANYTHING", f"Bearer {TOKEN}"),
    ("OPTION_HF_TOKEN", TOKEN),
    ("AWS_ACCESS_KEY_ID", "AKIA" + "ABCDEFGHIJKLMNOP"),
    ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI-not-a-real-key-at-all"),
    ("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2VjEXAMPLE"),
    ("OPENAI_API_KEY", "sk-proj-notareal1keyjustanexample"),
    ("WANDB_API_KEY", "0a1b2c3d4e5f6a7b8c9d"),
    ("DB_PASSWORD", "hunter22"),
    ("CLIENT_SECRET", "not-a-real-secret"),
    ("GITHUB", "ghp_NotARealTokenOnlyAnExample1"),
    ("PIP_INDEX_URL", "https://someone:notarealpass@example.com/simple"),
    ("HF_MODEL_ID", TOKEN),
    ("SM_VLLM_HF_TOKEN", TOKEN),
    ("HF_TASK", f'"{TOKEN}"'),
]


@pytest.mark.parametrize(("name", "value"), SECRETS)
def test_a_secret_is_found_and_never_repeated(name, value):
    findings = findings_of(setup({name: value}, data=None))
    assert ("ENV004", name) in {(each.code, each.place.where) for each in findings}
    everything = json.dumps([[each.message, each.fix, str(each.place)] for each in findings])
    assert not any(value[at : at + 8] in everything for at in range(len(value) - 7) if value[at : at + 8] not in name)


def test_a_secret_in_serving_properties_is_found_too():
    finding = the("ENV004", setup(properties={"option.hf_token": TOKEN}))
    assert "S3" in finding.message
    environment, properties = {"OPTION_HF_TOKEN": TOKEN[::-1]}, {"option.hf_token": TOKEN}
    assert not any(TOKEN in each.message or TOKEN in each.fix for each in findings_of(setup(environment, properties)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HF_TOKEN", "<hf token value for gated models>"),
        ("HF_TOKEN", "${HF_TOKEN}"),
        ("HF_TOKEN", "***"),
        ("HF_TOKEN", "{{resolve:secretsmanager:hub:SecretString:token}}"),
        ("HF_TOKEN", "arn:aws:secretsmanager:us-east-1:111122223333:secret:hub-AbCdEf"),
        ("DB_PASSWORD", "arn:aws:ssm:us-east-1:111122223333:parameter/db"),
        ("API_KEY", "your-api-key"),
        ("HF_TOKEN_PATH", "/opt/ml/model/token"),
        ("SECRET_NAME", "prod/chat"),
        ("EOS_TOKEN", "</s>"),
        ("OPTION_MAX_NUM_BATCHED_TOKENS", "4096"),
        ("MAX_NEW_TOKEN", "512"),
        ("HF_MODEL_ID", "s3://models/hf_llama3instructfinetuned/"),
        ("CALLBACK", "https://example.com/done"),
    ],
)
def test_a_pointer_or_a_placeholder_is_no_secret(name, value):
    assert "ENV004" not in {each.code for each in findings_of(setup({name: value}, data=None))}


def test_a_variable_that_the_container_prints_is_said_to_be_printed():
    assert "log" in the("ENV004", setup({"HF_API_TOKEN": TOKEN}, image=TGI, data=None)).message
    assert "log" not in the("ENV004", setup({"HF_TOKEN": TOKEN})).message


# Limits


def many(count):
    return {f"V{number}": "1" for number in range(count)}


@pytest.mark.parametrize(
    ("count", "form", "severity"),
    [(16, "env", None), (17, "env", "note"), (100, "env", "note"), (101, "env", "error"),
     (16, "yaml", None), (17, "yaml", "error")],
)  # fmt: skip
def test_how_many_variables_depends_on_where_they_go(count, form, severity):
    expected = {("ENV002", "options", severity)} if severity else set()
    assert outcomes(setup(many(count), form=form)) == expected


@pytest.mark.parametrize(
    ("length", "form", "job", "is_reported"),
    [(1024, "env", None, False), (1025, "env", None, True), (256, "yaml", None, False), (257, "yaml", None, True),
     (257, "env", Job("ml.g5.xlarge", 60, 3600), True)],
)  # fmt: skip
def test_how_long_a_value_may_be_depends_on_where_it_goes(length, form, job, is_reported):
    expected = {("ENV003", "V", "error")} if is_reported else set()
    assert outcomes(setup({"V": "x" * length}, form=form, job=job)) == expected


def test_bytes_count_not_characters_and_all_of_them_together():
    assert outcomes(setup({"V": "한" * 342})) == {("ENV003", "V", "error")}
    whole = {f"V{number}": "x" * 1000 for number in range(33)}
    assert ("ENV003", "options", "error") in outcomes(setup(whole))


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("option.max_model_len", "OPTION_MAX_MODEL_LEN=1"),
        ("OPTION_MAX-MODEL-LEN", "OPTION_MAX_MODEL_LEN=1"),
        ("1ST", ""),
    ],
)
def test_a_name_that_createmodel_refuses_is_told(name, line):
    finding = the("ENV017", setup({name: "1"}))
    assert (finding.severity, finding.fix) == ("error", line)


# Timeouts, quotes, serving.properties


@pytest.mark.parametrize(
    "name",
    ["CONTAINER_STARTUP_HEALTH_CHECK_TIMEOUT", "ContainerStartupHealthCheckTimeoutInSeconds", "HEALTH_CHECK_TIMEOUT",
     "container_startup_health_check_timeout_in_seconds", "SAGEMAKER_CONTAINER_STARTUP_HEALTH_CHECK_TIMEOUT",
     "MODEL_DATA_DOWNLOAD_TIMEOUT", "INFERENCE_AMI_VERSION", "VOLUME_SIZE_IN_GB"],
)  # fmt: skip
def test_a_setting_of_the_endpoint_has_no_effect_in_the_container(name):
    assert outcomes(setup({name: "1800"})) == {("ENV009", name, "error")}


def test_it_is_only_a_note_where_the_endpoint_says_the_same():
    environment = {"CONTAINER_STARTUP_HEALTH_CHECK_TIMEOUT": "900"}
    assert outcomes(setup(environment, startup_seconds=900)) == {("ENV009", *environment, "note")}
    places = {"startup_seconds": Location("deployment.startup_seconds")}
    in_yaml = setup(environment, startup_seconds=600, form="yaml", places=places)
    assert the("ENV009", in_yaml).fix == "startup_seconds: 900"


def test_serving_properties_win_over_the_environment():
    environment = {
        "OPTION_MAX_MODEL_LEN": "4096",
        "TENSOR_PARALLEL_DEGREE": "1",
        "OPTION_ENTRYPOINT": "a",
        "OPTION_DTYPE": "auto",
    }
    properties = {"option.max_model_len": "8192", "option.tensor_parallel_degree": "4", "option.entryPoint": "b",
                  "option.dtype": "auto"}  # fmt: skip
    expected = {"OPTION_MAX_MODEL_LEN", "TENSOR_PARALLEL_DEGREE", "OPTION_ENTRYPOINT"}
    assert outcomes(setup(environment, properties)) == {("ENV010", name, "warning") for name in expected}


@pytest.mark.parametrize(
    ("name", "value", "severity", "line"),
    [
        ("HF_MODEL_ID", '"/opt/ml/model"', "error", "HF_MODEL_ID=/opt/ml/model"),
        ("OPTION_MAX_MODEL_LEN", "'4096'", "error", "OPTION_MAX_MODEL_LEN=4096"),
        ("MY_SETTING", '"x"', "warning", "MY_SETTING=x"),
        ("HF_TOKEN", f'"{TOKEN}"', "error", ""),
    ],
)
def test_quotes_are_part_of_the_value(name, value, severity, line):
    finding = the("ENV012", setup({name: value}))
    assert (finding.severity, finding.fix) == (severity, line)


@pytest.mark.parametrize("value", ['{"a": "b"}', '["a", "b"]', '"a" or "b"', "it's", '"'])
def test_other_quotes_are_left_alone(value):
    assert findings_of(setup({"OPTION_HF_OVERRIDES": value})) == []


@pytest.mark.parametrize(
    ("environment", "startup", "expected"),
    [
        ({}, 900, set()),
        ({}, 1200, set()),
        ({}, 3600, {("ENV014", "--startup-seconds", "note")}),
        ({"MODEL_LOADING_TIMEOUT": "3600"}, 3600, set()),
        ({"MODEL_LOADING_TIMEOUT": "1800"}, 900, {("ENV014", "MODEL_LOADING_TIMEOUT", "warning")}),
        ({"OPTION_MODEL_LOADING_TIMEOUT": "1800"}, 900, {("ENV014", "OPTION_MODEL_LOADING_TIMEOUT", "warning")}),
        ({"SAGEMAKER_STARTUP_TIMEOUT": "1800"}, 900, {("ENV014", "SAGEMAKER_STARTUP_TIMEOUT", "warning")}),
        ({"MODEL_LOADING_TIMEOUT": "soon"}, 900, set()),
        ({"MODEL_LOADING_TIMEOUT": "1800"}, None, set()),
    ],
)
def test_the_two_clocks_are_set_together(environment, startup, expected):
    assert outcomes(setup(environment, startup_seconds=startup)) == expected


# Whatever is written

NAMES = st.sampled_from(
    [
        *variables.OWN,
        *variables.ALIASES,
        *variables.TGI,
        *variables.SYNONYMS,
        "OPTION_MODEL_ID",
        "SM_VLLM_MODEL",
        "option.x",
    ]
) | st.text(max_size=20)
VALUES = st.text(max_size=30) | st.sampled_from(
    ["²", "\ud800", '"', "''", "s3:", "/opt/ml/model", "9" * 5000, "a" * 300]
)
TAGS = [row["tag"] for row in tables.rows("releases")]
FIELDS = st.fixed_dictionaries(
    {
        "image": st.none() | st.text(max_size=20) | st.sampled_from([LMI, TGI, VLLM, *TAGS]),
        "form": st.sampled_from(["env", "yaml", "properties"]),
        "data": st.none() | st.text(max_size=8),
        "network_isolation": st.booleans(),
        "startup_seconds": st.none() | st.integers(),
        "model": st.sampled_from([None, model.find_model("Qwen/Qwen3-0.6B")]),
    }
)  # fmt: skip


@drawn(max_examples=300, deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=6), st.dictionaries(NAMES, VALUES, max_size=3), FIELDS)
def test_whatever_is_written_ends_in_findings(environment, properties, fields):
    for each in findings_of(setup(environment, properties, **fields)):
        assert each.message and each.place.where is not None


@drawn(max_examples=200, deadline=None)
@given(st.text(max_size=300), st.text(max_size=300))
def test_a_value_is_shown_or_hidden_as_a_whole(name, value):
    assert secrets.redact(name, value) in {value, secrets.HIDDEN, f"{value[:79]}…"}


def test_a_page_of_text_is_looked_through_at_once():
    for part in ("x:", "a", "://", "hf_", "sk-", "eyJ", "-----BEGIN ", "{{"):
        assert secrets.classify_secret("NAME" * 100, part * 100_000) is None


def test_other_setups_of_the_same_environment_are_looked_at_anew():
    one = setup({"SM_VLLM_MAX_MODEL_LEN": "4096"})
    assert {each.code for each in findings_of(one)} == {"ENV001"}
    assert findings_of(replace(one, image=VLLM)) == []

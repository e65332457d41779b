"""Whatever somebody writes, `sluice check` ends in findings or in one clear error, never in a traceback."""

import json

import checking
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice.errors import SluiceError
from sluice.lmi import images, tables

OPTIONS = [f"OPTION_{row['name'].upper()}" for row in tables.rows("options")]
PLAIN = [
    "HF_MODEL_ID",
    "HF_TOKEN",
    "HF_REVISION",
    "TENSOR_PARALLEL_DEGREE",
    "MODEL_LOADING_TIMEOUT",
    "SERVING_BATCH_SIZE",
    "SM_VLLM_MODEL",
    "OPTION_MAX_LEN",
    "OPTION_Max_Model_Len",
    "MAX_INPUT_LENGTH",
    "OPTION_",
    "option.dtype",
]
NAMES = st.sampled_from(OPTIONS + PLAIN) | st.text(min_size=1, max_size=12).filter(lambda name: "\x00" not in name)
ODD = [
    "0",
    "-1",
    "4096",
    "16k",
    "1e400",
    "NaN",
    "inf",
    "true",
    "max",
    "auto",
    "{",
    '{"a":1}',
    "99999999999999999999",
    "0.5",
    "-0.0",
    "s3://",
    "s3://b/p",
    "/opt/ml/model",
    "Qwen/Qwen3-8B",
    "hf_x",
    "한국어",
    "٤٢",
    "½",
    "²",
]
VALUES = st.sampled_from(["", *ODD]) | st.text(max_size=20) | st.integers().map(str) | st.floats().map(str)
IMAGES = st.sampled_from([row["tag"] for row in tables.rows("releases")]).map(lambda tag: f"{images.REPOSITORY}:{tag}")
INSTANCES = st.sampled_from([row["instance"] for row in tables.rows("instances")]) | st.text(max_size=12)
MODELS = st.sampled_from([row["id"] for row in tables.rows("models")]) | st.text(min_size=1, max_size=12)
SHAPE = [
    "architectures",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "vocab_size",
    "head_dim",
    "intermediate_size",
    "max_position_embeddings",
    "torch_dtype",
    "quantization_config",
    "text_config",
]
ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
NESTED = st.lists(st.text(max_size=8), max_size=2) | st.dictionaries(st.text(max_size=4), st.integers(), max_size=2)
CONFIGS = st.dictionaries(st.sampled_from(SHAPE), ANYTHING | NESTED)
LENIENT = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def ends_clearly(*arguments: str) -> None:
    result = checking.run(*arguments, "--json")
    if result.exception is None:
        findings = json.loads(result.output)["findings"]
        assert all(each["code"] and each["message"] and each["where"] for each in findings)
    else:
        assert isinstance(result.exception, SluiceError), result.exception
        assert result.exception.message


@LENIENT
@given(
    st.dictionaries(NAMES, VALUES, max_size=8), IMAGES | st.text(max_size=12), INSTANCES, MODELS, CONFIGS, st.booleans()
)
def test_a_random_environment_ends_clearly(tmp_path, variables, image, instance, model, config, isolated):
    (tmp_path / "e.json").write_text(json.dumps(variables))
    (tmp_path / "config.json").write_text(json.dumps(config))
    arguments = [
        "--env-file",
        str(tmp_path / "e.json"),
        f"--image={image}",
        f"--instance-type={instance}",
        f"--model={model}",
    ]
    if config:
        arguments += ["--model-config", str(tmp_path / "config.json")]
    ends_clearly(*arguments)
    ends_clearly(*arguments, "--network-isolation")


@LENIENT
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_a_random_file_ends_clearly_as_whatever_it_is_read(tmp_path, content):
    (tmp_path / "f").write_bytes(content)
    for flag in ("--env-file", "--serving-properties", "--file"):
        ends_clearly(flag, str(tmp_path / "f"))


KEYS = [
    "name",
    "region",
    "model.id",
    "model.source",
    "lmi.image",
    "lmi.options",
    "lmi.env",
    "lmi.tensor_parallel_degree",
    "evaluation.cases",
    "evaluation.instance_type",
    "evaluation.gate.min_pass_rate",
    "evaluation.max_tokens",
    "deployment.instance_type",
    "deployment.strategy",
    "deployment.instance_count",
    "deployment.endpoint",
    "deployment.startup_seconds",
    "vpc",
    "checks.suppress",
    "local.model",
    "history.table",
]
WRITTEN = ANYTHING | VALUES | st.lists(VALUES, max_size=2) | st.dictionaries(NAMES, VALUES, max_size=3)


@LENIENT
@given(st.dictionaries(st.sampled_from(KEYS), WRITTEN, max_size=4))
def test_a_random_release_ends_clearly(tmp_path, changes):
    try:
        file = checking.release(tmp_path, changes)
    except (AttributeError, TypeError, yaml.YAMLError, UnicodeEncodeError):
        return  # one change took away the section of another, or YAML cannot hold it
    ends_clearly("--file", str(file))

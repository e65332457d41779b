"""The container's environment is read as the image of LMI 17 reads it, and refused where that image would not start."""

import pytest
import tiny_model

from sluice.tinylmi import server, settings
from sluice.tinylmi.settings import StartError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model.write(tmp_path_factory.mktemp("model"))


def read(folder, **env):
    return settings.read_settings({"SM_MODEL_DIR": str(folder), **env})


def test_without_options_the_images_defaults_hold(folder):
    plain = read(folder)
    assert (plain.model, plain.max_model_len, plain.seats, plain.queue) == (folder, None, 32, 1000)
    assert (plain.host, plain.port, plain.served_name) == ("127.0.0.1", 8080, "lmi")


def test_options_are_applied_or_told_apart(folder):
    settings = read(
        folder,
        OPTION_MAX_MODEL_LEN="1k",
        OPTION_MAX_ROLLING_BATCH_SIZE="4",
        OPTION_ENFORCE_EAGER="true",
        OPTION_MAX_LEN="9",
        OPTION_Dtype="bf16",
        OPTION_SEED="",
        SAGEMAKER_BIND_TO_PORT="1234",
        SERVING_JOB_QUEUE_SIZE="7",
    )
    assert (settings.max_model_len, settings.seats, settings.port, settings.queue) == (1000, 4, 1234, 7)
    assert settings.applied == ("max_model_len=1k", "max_rolling_batch_size=4")
    assert settings.without_effect == ("enforce_eager",)
    assert settings.ignored == ("OPTION_MAX_LEN", "OPTION_Dtype")


def test_an_alias_counts_only_where_the_images_own_name_is_not_set(folder):
    assert read(folder, MAX_BATCH_SIZE="3").seats == 3
    assert read(folder, MAX_BATCH_SIZE="3", OPTION_MAX_ROLLING_BATCH_SIZE="5").seats == 5


def test_of_two_spellings_the_engines_own_wins(folder):
    settings = read(folder, OPTION_MAX_NUM_BATCHED_TOKENS="64", OPTION_MAX_ROLLING_BATCH_PREFILL_TOKENS="128")
    assert settings.piece == 64


def test_serving_properties_go_before_the_environment(tmp_path):
    folder = tiny_model.write(tmp_path)
    (folder / "serving.properties").write_text(
        "# made by hand\nengine=Python\noption.max_model_len = 512\njob_queue_size: 3\noption.nonsense=1\n"
    )
    settings = read(folder, OPTION_MAX_MODEL_LEN="1024")
    assert (settings.max_model_len, settings.queue, settings.ignored) == (512, 3, ("OPTION_NONSENSE",))


def test_serving_properties_may_end_the_start_too(tmp_path):
    folder = tiny_model.write(tmp_path)
    (folder / "serving.properties").write_text("engine=MPI\n")
    with pytest.raises(StartError, match="must be Python"):
        read(folder)


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"OPTION_MAX_NUM_SEQS": "16"}, "OPTION_MAX_NUM_SEQS=16"),
        ({"OPTION_TENSOR_PARALLEL_SIZE": "1"}, "OPTION_TENSOR_PARALLEL_SIZE=1"),
        ({"OPTION_DTYPE": "half"}, "OPTION_DTYPE=half"),
        ({"OPTION_ENGINE": "MPI"}, "OPTION_ENGINE=MPI"),
        ({"OPTION_MODEL": "x"}, "OPTION_MODEL=x"),
        ({"OPTION_MAX_MODEL_LEN": "auto"}, "OPTION_MAX_MODEL_LEN=auto"),
        ({"OPTION_MAX_MODEL_LEN": "4096 tokens"}, "OPTION_MAX_MODEL_LEN"),
        ({"OPTION_MAX_ROLLING_BATCH_SIZE": "0"}, "OPTION_MAX_ROLLING_BATCH_SIZE=0"),
        ({"OPTION_ROLLING_BATCH": "vllm"}, "OPTION_ROLLING_BATCH=vllm"),
        ({"OPTION_ROLLING_BATCH": "disable"}, "OPTION_ROLLING_BATCH=disable"),
        ({"OPTION_GPU_MEMORY_UTILIZATION": "most"}, "must be a number"),
        ({"OPTION_CHAT_TEMPLATE": "x"}, "changes the answers"),
        ({"OPTION_ENABLE_LORA": "true"}, "changes the answers"),
        ({"OPTION_MAX_ROLLING_BATCH_PREFILL_TOKENS": "4"}, "less than 32 sequences"),
        ({"PIPELINE_PARALLEL_DEGREE": "2"}, "PIPELINE_PARALLEL_DEGREE=2"),
        ({"TENSOR_PARALLEL_DEGREE": "4"}, "EngineException"),
        ({"SM_NUM_GPUS": "2"}, "EngineException"),
        ({"SAGEMAKER_BIND_TO_PORT": "high"}, "SAGEMAKER_BIND_TO_PORT"),
        ({"SAGEMAKER_BIND_TO_PORT": "70000"}, "SAGEMAKER_BIND_TO_PORT"),
        ({"HF_MODEL_ID": "Qwen/Qwen3-4B-Instruct-2507"}, "there is no hub here"),
        ({"HF_MODEL_ID": "s3://bucket/model/"}, "nothing is downloaded here"),
        ({"HF_MODEL_ID": "/no/such/folder"}, "/no/such/folder is not a folder"),
    ],
)
def test_what_ends_the_images_start_ends_this_one(folder, env, message):
    with pytest.raises(StartError, match=message):
        read(folder, **env)


@pytest.mark.parametrize(
    "env",
    [
        {"TENSOR_PARALLEL_DEGREE": "max"},
        {"TENSOR_PARALLEL_DEGREE": "1", "PIPELINE_PARALLEL_DEGREE": "1"},
        {"TENSOR_PARALLEL_DEGREE": "8", "OPTION_TENSOR_PARALLEL_DEGREE": "1"},
        {"OPTION_ROLLING_BATCH": "disable", "OPTION_ASYNC_MODE": "true"},
        {"OPTION_DTYPE": "bf16"},
        {"OPTION_ENABLE_LORA": "false"},
    ],
)
def test_what_the_image_starts_with_is_accepted(folder, env):
    assert read(folder, **env).ignored == ()


def test_a_named_folder_goes_before_the_mounted_one(folder, tmp_path):
    assert read(tmp_path, HF_MODEL_ID=str(folder)).model == folder


def test_a_folder_of_folders_would_be_many_models(tmp_path):
    tiny_model.write(tmp_path / "qwen3")
    with pytest.raises(StartError, match="each as a model of its own"):
        read(tmp_path)


def test_a_custom_handler_is_not_run(tmp_path):
    folder = tiny_model.write(tmp_path)
    (folder / "model.py").write_text("def handle(inputs): ...")
    with pytest.raises(StartError, match=r"model\.py"):
        read(folder)


def test_another_server_needs_no_folder():
    passing = settings.read_settings({"TINYLMI_UPSTREAM": "http://127.0.0.1:1", "OPTION_MAX_MODEL_LEN": "16"})
    assert (passing.model, passing.upstream) == (None, "http://127.0.0.1:1")


def test_a_context_beyond_the_models_own_ends_the_start(folder):
    with pytest.raises(StartError, match="max_position_embeddings=2048"):
        server.load(read(folder, OPTION_MAX_MODEL_LEN="4096"))


def test_an_empty_folder_has_no_model(tmp_path):
    with pytest.raises(server.CheckpointError, match=r"no config\.json"):
        server.load(read(tmp_path))


@pytest.mark.parametrize("name", ["repetition_penalty", "min_p"])
def test_sampling_that_is_not_done_here_is_refused_at_the_start(name, tmp_path):
    folder = tiny_model.write(tmp_path)
    (folder / "generation_config.json").write_text(f'{{"{name}": 0.7}}')
    with pytest.raises(server.CheckpointError, match=name):
        server.load(read(folder))

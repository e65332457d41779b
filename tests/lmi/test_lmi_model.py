"""A model's shape, off its own files: as many parameters as were published, and one clear error for anything else."""

import json
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.errors import UsageError
from sluice.lmi import model, tables

QWEN3_4B = {
    "architectures": ["Qwen3ForCausalLM"],
    "model_type": "qwen3",
    "hidden_size": 2560,
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "intermediate_size": 9728,
    "vocab_size": 151936,
    "max_position_embeddings": 262144,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
    "use_sliding_window": False,
    "sliding_window": None,
    "max_window_layers": 36,
}
LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": 8192},
    "tie_word_embeddings": False,
}
MIXTRAL = {
    "architectures": ["MixtralForCausalLM"],
    "model_type": "mixtral",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "num_local_experts": 8,
    "num_experts_per_tok": 2,
    "vocab_size": 32000,
    "max_position_embeddings": 32768,
    "sliding_window": None,
    "tie_word_embeddings": False,
}
QWEN3_MOE = QWEN3_4B | {
    "architectures": ["Qwen3MoeForCausalLM"],
    "model_type": "qwen3_moe",
    "hidden_size": 2048,
    "num_hidden_layers": 48,
    "num_key_value_heads": 4,
    "intermediate_size": 6144,
    "moe_intermediate_size": 768,
    "num_experts": 128,
    "num_experts_per_tok": 8,
    "decoder_sparse_step": 1,
    "mlp_only_layers": [],
    "tie_word_embeddings": False,
}
DEEPSEEK_V3 = {
    "architectures": ["DeepseekV3ForCausalLM"],
    "model_type": "deepseek_v3",
    "hidden_size": 7168,
    "num_hidden_layers": 61,
    "num_attention_heads": 128,
    "num_key_value_heads": 128,
    "intermediate_size": 18432,
    "moe_intermediate_size": 2048,
    "n_routed_experts": 256,
    "n_shared_experts": 1,
    "num_experts_per_tok": 8,
    "first_k_dense_replace": 3,
    "moe_layer_freq": 1,
    "kv_lora_rank": 512,
    "q_lora_rank": 1536,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "vocab_size": 129280,
    "max_position_embeddings": 163840,
    "rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096},
    "tie_word_embeddings": False,
    "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]},
}
GPT_OSS = {
    "architectures": ["GptOssForCausalLM"],
    "model_type": "gpt_oss",
    "hidden_size": 2880,
    "num_hidden_layers": 24,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "head_dim": 64,
    "intermediate_size": 2880,
    "num_local_experts": 32,
    "num_experts_per_tok": 4,
    "vocab_size": 201088,
    "max_position_embeddings": 131072,
    "sliding_window": 128,
    "layer_types": ["sliding_attention", "full_attention"] * 12,
    "quantization_config": {"quant_method": "mxfp4"},
    "tie_word_embeddings": False,
}
GEMMA3 = {  # leaves out what is its family's default, and keeps the decoder one level down
    "architectures": ["Gemma3ForConditionalGeneration"],
    "model_type": "gemma3",
    "text_config": {
        "model_type": "gemma3_text",
        "hidden_size": 2560,
        "intermediate_size": 10240,
        "num_hidden_layers": 34,
        "sliding_window": 1024,
        "rope_scaling": {"rope_type": "linear", "factor": 8.0},
    },
    "vision_config": {"model_type": "siglip_vision_model"},
}
GEMMA2 = {
    "architectures": ["Gemma2ForCausalLM"],
    "model_type": "gemma2",
    "hidden_size": 3584,
    "num_hidden_layers": 42,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 256,
    "intermediate_size": 14336,
    "vocab_size": 256000,
    "max_position_embeddings": 8192,
    "sliding_window": 4096,
}
PHI3 = {
    "architectures": ["Phi3ForCausalLM"],
    "model_type": "phi3",
    "hidden_size": 3072,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
    "intermediate_size": 8192,
    "vocab_size": 32064,
    "max_position_embeddings": 131072,
    "original_max_position_embeddings": 4096,
    "rope_scaling": {"type": "longrope", "short_factor": [1.0], "long_factor": [1.0]},
    "sliding_window": 262144,
    "tie_word_embeddings": False,
}
FALCON = {
    "architectures": ["FalconForCausalLM"],
    "model_type": "falcon",
    "hidden_size": 4544,
    "num_hidden_layers": 32,
    "num_attention_heads": 71,
    "vocab_size": 65024,
    "multi_query": True,
    "new_decoder_architecture": False,
}
GPT2 = {
    "architectures": ["GPT2LMHeadModel"],
    "model_type": "gpt2",
    "n_embd": 768,
    "n_layer": 12,
    "n_head": 12,
    "vocab_size": 50257,
    "n_positions": 1024,
}
CONFIGS = {
    "qwen3-4b": QWEN3_4B,
    "llama-3.1-8b": LLAMA,
    "mixtral-8x7b": MIXTRAL,
    "qwen3-30b-a3b": QWEN3_MOE,
    "deepseek-v3": DEEPSEEK_V3,
    "gpt-oss-20b": GPT_OSS,
    "gemma-2-9b": GEMMA2,
    "phi-3-mini": PHI3,
    "falcon-7b": FALCON,
    "gpt2": GPT2,
}
PUBLISHED = {  # parameters, in billions, as the models' own pages give them
    "qwen3-4b": 4.022,
    "llama-3.1-8b": 8.030,
    "mixtral-8x7b": 46.70,
    "qwen3-30b-a3b": 30.53,
    "deepseek-v3": 671.0,
    "gpt-oss-20b": 20.91,
    "gemma-2-9b": 9.24,
    "phi-3-mini": 3.821,
    "falcon-7b": 6.92,
    "gpt2": 0.124,
}


def facts(config, **changes):
    return model.from_config(config | changes, "a model")


@pytest.mark.parametrize("name", CONFIGS)
def test_a_shape_amounts_to_the_parameters_that_were_published(name):
    assert facts(CONFIGS[name]).parameters == pytest.approx(PUBLISHED[name] * 1e9, rel=0.01)


def test_heads_are_as_wide_as_the_model_says_and_else_share_its_width():
    assert facts(QWEN3_4B).head_dim == 128  # not 2560 / 32
    assert facts(LLAMA).head_dim == 128


@pytest.mark.parametrize(("config", "heads"), [(LLAMA, 8), (FALCON, 1), (GPT2, 12), (PHI3, 32)])
def test_how_many_heads_the_cache_keeps(config, heads):
    assert facts(config).kv_heads == heads


@pytest.mark.parametrize(
    ("config", "tokens"),
    [(LLAMA, 131072), (DEEPSEEK_V3, 163840), (GPT2, 1024), (FALCON, 0), (GEMMA3, 131072), (PHI3, 131072)],
)
def test_the_longest_context_is_what_vllm_makes_of_the_config(config, tokens):
    assert facts(config).max_positions == tokens


def test_a_yarn_that_stretches_is_counted_from_where_it_starts():
    rope = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}
    assert facts(QWEN3_4B, max_position_embeddings=40960, rope_scaling=rope).max_positions == 131072


def test_a_longrope_says_what_it_was_before():
    assert facts(PHI3).default_positions == 4096
    assert facts(LLAMA).default_positions == 0


def test_latent_attention_and_experts_are_found():
    shape = facts(DEEPSEEK_V3)
    assert (
        shape.kv_lora_rank,
        shape.qk_rope_head_dim,
        shape.moe_layers,
        shape.experts_per_token,
    ) == (512, 64, 58, 8)


@pytest.mark.parametrize(
    ("config", "window", "layers"), [(GPT_OSS, 128, 12), (GEMMA2, 4096, 21), (GEMMA3, 1024, 29), (QWEN3_4B, 0, 0)]
)
def test_layers_that_keep_only_a_window_are_counted(config, window, layers):
    shape = facts(config)
    assert (shape.sliding_window, shape.window_layers) == (window, layers)


def test_layers_without_a_cache_are_counted():
    assert facts(QWEN3_4B, full_attention_interval=4).state_layers == 27
    assert facts(QWEN3_4B, layer_types=["linear_attention"] * 27 + ["full_attention"] * 9).state_layers == 27


def test_the_decoder_of_a_model_that_sees_is_found_with_its_familys_defaults():
    shape = facts(GEMMA3)
    assert (
        shape.heads,
        shape.kv_heads,
        shape.head_dim,
        shape.vocab,
        shape.multimodal,
    ) == (8, 4, 256, 262208, True)


@pytest.mark.parametrize(
    ("quantization", "gib"),
    [
        (None, 14.96),
        ({"quant_method": "fp8"}, 8.46),
        ({"quant_method": "awq", "bits": 4, "group_size": 128}, 5.39),
        ({"quant_method": "compressed-tensors", "config_groups": {"a": {"weights": {"num_bits": 8}}}}, 8.46),
    ],
)
def test_quantized_weights_are_smaller_but_for_the_embeddings(quantization, gib):
    assert facts(LLAMA, quantization_config=quantization).weights_bytes / 2**30 == pytest.approx(gib, rel=0.01)


@pytest.mark.parametrize(
    "key", ["hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size", "architectures"]
)
@pytest.mark.parametrize("value", [None, "many", {"a": 1}, [], True, -3, 10**400, float("nan"), float("inf")])
def test_a_key_that_is_missing_or_no_number_is_named(key, value):
    with pytest.raises(UsageError) as error:
        facts(LLAMA, **{key: value})
    assert key in error.value.message and "a model" in error.value.message


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*LLAMA, *DEEPSEEK_V3, *GPT_OSS, "text_config", "attn_config", "block_configs", "layer_types"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from([*LLAMA, "bits", "type"]), inner, max_size=3)
            ),
            max_leaves=6,
        ),
    )
)
def test_whatever_a_config_holds_it_is_a_shape_or_one_clear_error(changes):
    try:
        shape = facts(LLAMA | changes)
    except UsageError as error:
        assert error.message
    else:
        assert shape.parameters > 0 and shape.window_layers + shape.state_layers <= shape.layers


def shard(tensors):
    """A safetensors file of such names and shapes, in bf16, its weights left out: only headers are read."""
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in tensors.items():
        size = 2
        for each in shape:
            size *= each
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text


def checkpoint(files):
    """Files in a dictionary, and how many bytes of them were read."""
    requests = []

    def read(key, start, length):
        requests.append((key, start, length))
        return files[key][start : start + length]

    return {name: len(content) for name, content in files.items()}, read, requests


SMALL = json.dumps(LLAMA | {"hidden_size": 8, "num_hidden_layers": 2, "vocab_size": 16}).encode()


def test_weights_are_counted_exactly_from_headers_alone():
    one = shard({"model.embed_tokens.weight": [16, 8], "model.layers.0.w": [8, 8]})
    two = shard({"model.layers.1.w": [8, 8], "lm_head.weight": [16, 8]})
    index = {"weight_map": {"model.layers.1.w": "b.safetensors", "model.layers.0.w": "a.safetensors"}}
    files = {
        "config.json": SMALL,
        "a.safetensors": one,
        "b.safetensors": two,
        "model.safetensors.index.json": json.dumps(index).encode(),
    }
    sizes, read, requests = checkpoint(files)
    shape = model.from_checkpoint(sizes, read, "s3://a/b")
    assert (shape.parameters, shape.weights_bytes, shape.origin) == (384, 768, "safetensors headers")
    assert all(length <= len(files[key]) or key.endswith(".json") for key, _, length in requests)


def test_an_output_layer_that_is_the_embedding_and_layers_after_the_last_are_not_loaded():
    tied = json.dumps(json.loads(SMALL) | {"tie_word_embeddings": True}).encode()
    one = shard(
        {"model.embed_tokens.weight": [16, 8], "lm_head.weight": [16, 8], "model.layers.2.eh_proj.weight": [8, 8]}
    )
    sizes, read, _ = checkpoint({"config.json": tied, "model.safetensors": one})
    assert model.from_checkpoint(sizes, read, "x").parameters == 128


def test_a_second_copy_in_mistrals_form_is_not_counted():
    one = shard({"model.embed_tokens.weight": [16, 8]})
    sizes, read, _ = checkpoint({"config.json": SMALL, "consolidated.safetensors": one, "model.safetensors": one})
    assert model.from_checkpoint(sizes, read, "x").parameters == 128


def test_older_weights_are_as_large_as_their_files():
    sizes, read, _ = checkpoint({"config.json": SMALL, "pytorch_model-1.bin": b"x" * 70, "training_args.bin": b"x" * 5})
    shape = model.from_checkpoint(sizes, read, "x")
    assert (shape.weights_bytes, shape.origin) == (70, "config.json and file sizes")


@pytest.mark.parametrize(
    ("files", "what"),
    [
        ({}, "config.json"),
        ({"config.json": b"[]"}, "JSON object"),
        ({"config.json": b"{"}, "not JSON"),
        ({"config.json": SMALL, "a.safetensors": b"version https://git-lfs.github.com/spec/v1\n"}, "safetensors file"),
        ({"config.json": SMALL, "a.safetensors": b""}, "safetensors file"),
        ({"config.json": SMALL, "a.safetensors": struct.pack("<Q", 2) + b"{"}, "not JSON"),
        ({"config.json": SMALL, "a.safetensors": struct.pack("<Q", 11) + b'{"w": null}'}, "describe 'w'"),
        (
            {
                "config.json": SMALL,
                "a.safetensors": shard({}),
                "model.safetensors.index.json": b'{"weight_map": {"w": "b.safetensors"}}',
            },
            "b.safetensors",
        ),
        (
            {"config.json": SMALL, "a.safetensors": shard({}), "model.safetensors.index.json": b'{"weight_map": [1]}'},
            "weight_map",
        ),
    ],
)
def test_a_broken_checkpoint_is_told_by_the_file_at_fault(files, what):
    sizes, read, _ = checkpoint(files)
    with pytest.raises(UsageError) as error:
        model.from_checkpoint(sizes, read, "there")
    assert what in error.value.message and "there" in error.value.message


def test_the_shipped_checkpoint_is_read_from_its_folder():
    folder = Path(__file__).parents[2] / "sluice" / "tinylmi" / "checkpoints" / "good"
    shape = model.from_folder(folder)
    assert shape.weights_bytes == 2 * shape.parameters
    assert abs((folder / "model.safetensors").stat().st_size - shape.weights_bytes) < 100_000
    assert shape.parameters == model.from_config(json.loads((folder / "config.json").read_text()), "x").parameters


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UsageError, match="nowhere"):
        model.from_folder(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "name",
    ["Qwen/Qwen3-4B-Instruct-2507", "qwen/qwen3-4b-instruct-2507", "Qwen3-4B-Instruct-2507", "qwen3-4b-instruct-2507/"],
)
def test_a_known_model_is_found_by_its_id_in_any_case_and_without_its_organisation(name):
    shape = model.find_model(name)
    assert shape is not None
    assert (shape.name, shape.parameters, shape.weights_bytes) == (
        "Qwen/Qwen3-4B-Instruct-2507",
        4_022_468_096,
        8_044_936_192,
    )


@pytest.mark.parametrize("name", ["", "/", "nobody/Qwen3-4B-Instruct-2507", "s3://bucket/model/", "²"])
def test_a_model_that_is_not_in_the_table_is_not_guessed(name):
    assert model.find_model(name) is None


def test_every_row_of_the_table_has_the_weight_that_its_shape_amounts_to():
    off = []
    for row in tables.rows("models"):
        shape = model.find_model(row["id"])
        assert shape is not None
        if shape.multimodal or row.get("beside"):
            continue
        counted = model._parameters(replace(shape, parameters=0))
        if abs(counted / shape.parameters - 1) > 0.03:
            off.append((row["id"], counted, shape.parameters))
    assert off == []

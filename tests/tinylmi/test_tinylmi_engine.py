"""The engine answers as transformers does, and the same whoever else is served."""

import json
from pathlib import Path

import numpy as np
import pytest
import tiny_model

from sluice import tinylmi
from sluice.tinylmi.engine import Qwen3, read_shape
from sluice.tinylmi.folder import CheckpointError
from sluice.tinylmi.text import Text

GOLDEN = Path(__file__).parents[1] / "golden"
CHECKPOINTS = Path(tinylmi.__file__).parent / "checkpoints"
RANDOM = json.loads(tiny_model.GOLDEN.read_text(encoding="utf-8"))


def greedy(model, ids, most, ends=(), piece=10_000):
    cache, answer = model.cache(len(ids) + most), []
    for start in range(0, len(ids), piece):
        logits = model.read(ids[start : start + piece], cache)
    while len(answer) < most:
        answer.append(int(logits.argmax()))
        if answer[-1] in ends:
            break
        logits = model.step([answer[-1]], [cache])[0]
    return answer


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return Qwen3.load(tiny_model.write(tmp_path_factory.mktemp("plain")))


@pytest.mark.parametrize("variant", tiny_model.VARIANTS)
def test_every_layout_of_weights_gives_the_tokens_that_transformers_gives(variant, tmp_path):
    folder = tiny_model.write(tmp_path, **tiny_model.VARIANTS[variant])
    model, text = Qwen3.load(folder), Text(folder)
    for case in RANDOM[variant]:
        assert text.chat(case["messages"]) == case["prompt_ids"]
        assert greedy(model, case["prompt_ids"], 24, ends=(0, 2)) == case["answer_ids"]


@pytest.mark.parametrize("checkpoint", ["good", "worse"])
def test_a_shipped_checkpoint_gives_the_tokens_that_transformers_gave(checkpoint):
    stored, folder = GOLDEN / f"greedy_{checkpoint}.json", CHECKPOINTS / checkpoint
    if not stored.exists():
        pytest.skip(f"{stored.name} has not been made")
    model, text = Qwen3.load(folder), Text(folder)
    cases = json.loads(stored.read_text(encoding="utf-8"))
    longest = max(len(case["answer_ids"]) for case in cases)  # stored without the end token
    for case in cases:
        expected = case["answer_ids"]
        *answer, last = greedy(model, case["prompt_ids"], len(expected) + 1)
        assert text.chat(case["messages"]) == case["prompt_ids"]
        assert answer == expected
        assert last in (0, 2) or len(expected) == longest  # it ended, or it was cut


def test_an_answer_is_the_same_to_the_last_bit_in_any_company(plain):
    random = np.random.default_rng(1)
    prompts = [[int(token) for token in random.integers(3, 300, 5 + 31 * number)] for number in range(6)]
    alone, together = ([plain.cache(300) for _ in prompts] for _ in range(2))
    for prompt, one, other in zip(prompts, alone, together, strict=True):
        assert (plain.read(prompt, one) == plain.read(prompt, other)).all()
    for _ in range(12):
        tokens = [int(token) for token in random.integers(3, 300, len(prompts))]
        rows = plain.step(tokens, together)
        for token, cache, row in zip(tokens, alone, rows, strict=True):
            assert (plain.step([token], [cache])[0] == row).all()


def test_a_prompt_read_in_pieces_gives_the_same_answer(plain):
    ids = list(range(3, 150))
    assert greedy(plain, ids, 20, piece=16) == greedy(plain, ids, 20)


def test_a_cache_that_had_to_grow_gives_the_same_answer(plain):
    small, large = plain.cache(700), plain.cache(700)
    large.reserve(700)
    ids = list(range(3, 253))
    assert (plain.read(ids, small) == plain.read(ids, large)).all()
    for token in range(3, 203):
        assert (plain.step([token], [small]) == plain.step([token], [large])).all()
    assert small.keys.shape[2] < 700


def test_a_context_limit_shortens_the_table_of_positions(tmp_path):
    assert len(Qwen3.load(tiny_model.write(tmp_path), positions=64).cos) == 64


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"architectures": ["LlamaForCausalLM"]}, "only Qwen3ForCausalLM"),
        ({"use_sliding_window": True}, "use_sliding_window"),
        ({"attention_bias": True}, "attention_bias"),
        ({"rope_scaling": {"rope_type": "yarn"}}, "rope_type is 'yarn'"),
        ({"hidden_act": "gelu"}, "hidden_act"),
        ({"quantization_config": {"quant_method": "awq"}}, "quantization_config"),
        ({"rms_norm_eps": None}, "lacks or misstates"),
        ({"num_key_value_heads": 3}, "multiple"),
        ({"hidden_size": "big"}, "big"),
    ],
)
def test_a_model_that_would_be_computed_wrongly_is_refused(config, message, tmp_path):
    with pytest.raises(CheckpointError, match=message):
        read_shape(tiny_model.write(tmp_path, **config))


def test_weights_of_another_shape_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"mlp.*has the shape \(48, 32\).*says \(64, 32\)"):
        Qwen3.load(tiny_model.write(tmp_path, intermediate_size=64))


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"lack lm_head\.weight"):
        Qwen3.load(tiny_model.write(tmp_path, tie_word_embeddings=False))


@pytest.mark.parametrize("size", [0, 4, 200, 20_000])
def test_a_file_that_was_cut_is_not_a_model(size, tmp_path):
    weights = tiny_model.write(tmp_path) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:size])
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        Qwen3.load(tmp_path)


def test_a_pointer_in_place_of_the_weights_is_not_a_model(tmp_path):
    weights = tiny_model.write(tmp_path) / "model.safetensors"
    weights.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        Qwen3.load(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "model-00002-of-00003.safetensors"])
def test_a_missing_file_is_named(name, tmp_path):
    folder = tiny_model.write(tmp_path, shards=3 if "-of-" in name else 1)
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=name):
        Qwen3.load(folder)


def test_broken_json_is_said_with_its_file(tmp_path):
    folder = tiny_model.write(tmp_path)
    (folder / "config.json").write_text('{"hidden_size": ')
    with pytest.raises(CheckpointError, match=r"config\.json cannot be read"):
        Qwen3.load(folder)

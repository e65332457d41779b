"""A Qwen3 with random weights, written to a Hugging Face folder on the fly: real in every part, and able to do nothing.

`python tests/support/tiny_model.py FOLDER` writes golden/tinylmi_random.json with transformers (the `train` group):
what each variant of this model answers. The weights are drawn from a fixed seed, so every run makes the same model.
"""

import json
import struct
import sys
from functools import cache
from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

GOLDEN = Path(__file__).parents[1] / "golden" / "tinylmi_random.json"
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
SPLIT = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
TEMPLATE = (
    "{%- for m in messages %}{{- '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>' + '\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}"
)
SAMPLES = [
    "How many days of holiday do I have?",
    "휴가는 며칠인가요? 휴가는 15일입니다.",
    "user system assistant the of and",
]
CHATS = [
    [{"role": "user", "content": "How many days?"}],
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "휴가는 며칠인가요?"}],
    [{"role": "user", "content": "a" * 300}],
]
VARIANTS = {
    "plain": {},
    "half": {"dtype": "F16"},
    "wide": {"dtype": "BF16", "tied": False},
    "sharded": {"shards": 3, "nested": True},
    "grouped": {"heads": 6, "kv_heads": 1, "tied": False},
}


@cache
def tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    split = pre_tokenizers.Split(Regex(SPLIT), "isolated")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(SAMPLES, trainer)
    return tokenizer


def write(
    folder: Path,
    dtype: str = "F32",
    tied: bool = True,
    nested: bool = False,
    shards: int = 1,
    heads: int = 4,
    kv_heads: int = 2,
    positions: int = 2048,
    **config,
) -> Path:
    """A folder with config.json, tokenizer, template and weights; further keywords go into config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary, hidden, layers, head_dim, feed_forward = tokenizer().get_vocab_size(), 32, 2, 16, 48
    about = {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "attention_bias": False,
        "hidden_act": "silu",
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": head_dim,
        "intermediate_size": feed_forward,
        "vocab_size": vocabulary,
        "max_position_embeddings": positions,
        "rms_norm_eps": 1e-6,
        "tie_word_embeddings": tied,
        "eos_token_id": 2,
    }
    theta = {"rope_theta": 10000.0}
    about |= {"rope_parameters": {**theta, "rope_type": "default"}} if nested else theta
    _json(folder / "config.json", about | config)
    _json(folder / "generation_config.json", {"eos_token_id": [2, 0]})
    _json(folder / "tokenizer_config.json", {"tokenizer_class": "Qwen2TokenizerFast", "eos_token": "<|im_end|>"})
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    tokenizer().save(str(folder / "tokenizer.json"))
    shapes = {"model.embed_tokens": (vocabulary, hidden), "model.norm": (hidden,)}
    if not tied:
        shapes["lm_head"] = (vocabulary, hidden)
    for layer in (f"model.layers.{number}" for number in range(layers)):
        shapes |= {
            f"{layer}.input_layernorm": (hidden,),
            f"{layer}.post_attention_layernorm": (hidden,),
            f"{layer}.self_attn.q_proj": (heads * head_dim, hidden),
            f"{layer}.self_attn.k_proj": (kv_heads * head_dim, hidden),
            f"{layer}.self_attn.v_proj": (kv_heads * head_dim, hidden),
            f"{layer}.self_attn.o_proj": (hidden, heads * head_dim),
            f"{layer}.self_attn.q_norm": (head_dim,),
            f"{layer}.self_attn.k_norm": (head_dim,),
            f"{layer}.mlp.gate_proj": (feed_forward, hidden),
            f"{layer}.mlp.up_proj": (feed_forward, hidden),
            f"{layer}.mlp.down_proj": (hidden, feed_forward),
        }
    random = np.random.default_rng(7)
    weights = {f"{name}.weight": _drawn(random, name, shape) for name, shape in shapes.items()}
    _write_shards(folder, weights, dtype, shards)
    return folder


def _drawn(random, name, shape):
    spread = random.standard_normal(shape, np.float32)
    return 1 + 0.1 * spread if len(shape) == 1 else spread * np.float32(2.5 / np.sqrt(shape[1]))


def _write_shards(folder, weights, dtype, shards):
    names = sorted(weights)
    if shards == 1:
        return _write_safetensors(folder / "model.safetensors", weights, dtype)
    files = {f"model-{part + 1:05}-of-{shards:05}.safetensors": names[part::shards] for part in range(shards)}
    for file, held in files.items():
        _write_safetensors(folder / file, {name: weights[name] for name in held}, dtype)
    where = {name: file for file, held in files.items() for name in held}
    _json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": where})


def _write_safetensors(path, weights, dtype):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, tensor in weights.items():
        raw = _bytes(tensor, dtype)
        header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    spelled = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(spelled)) + spelled + data)


def _bytes(tensor, dtype):
    if dtype == "BF16":
        return (tensor.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16).tobytes()
    return tensor.astype({"F16": np.float16, "F32": np.float32}[dtype]).tobytes()


def _json(path, value):
    path.write_text(json.dumps(value))


def reference(folder: Path) -> list[dict]:
    """What transformers answers, greedily."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(1)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    text = AutoTokenizer.from_pretrained(folder)
    answers = []
    for messages in CHATS:
        prompt = text.apply_chat_template(messages, add_generation_prompt=True, return_dict=True, return_tensors="pt")
        ids = model.generate(**prompt, max_new_tokens=24, do_sample=False)[0].tolist()
        length = prompt["input_ids"].shape[1]
        answers.append({"messages": messages, "prompt_ids": ids[:length], "answer_ids": ids[length:]})
    return answers


if __name__ == "__main__":
    base = Path(sys.argv[1])
    answers = {name: reference(write(base / name, **how)) for name, how in VARIANTS.items()}
    lines = [json.dumps(name) + ": " + json.dumps(each, ensure_ascii=False) for name, each in answers.items()]
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")

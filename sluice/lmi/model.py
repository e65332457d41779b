"""What must be known of a model to say whether it fits and whether an image can serve it.

Read off the model's own config.json and the headers of its weights where they are at hand, else out of the table of
known models. Nothing here reads a weight, and nothing raises but UsageError, whatever stands in the files.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from sluice.errors import UsageError
from sluice.lmi import tables

Read = Callable[[str, int, int], bytes]  # file, first byte, how many -> the bytes, fewer where the file ends

CONFIG = "config.json"
INDEX = "model.safetensors.index.json"
MOST_JSON = 25_000_000  # bytes; no config or index is nearly as long
MOST_HEADER = 100_000_000  # bytes; safetensors' own limit
MOST_NUMBER = 10**12  # no figure of a config is nearly as large
NOT_WEIGHTS = re.compile(r"(training_args|optimizer|scheduler|rng_state).*\.(bin|pt)")

# The same figure under the names that families of models have for it.
NAMES: dict[str, tuple[str, ...]] = {
    "layers": ("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
    "hidden": ("hidden_size", "n_embd", "d_model"),
    "heads": ("num_attention_heads", "n_head", "n_heads"),
    "kv_heads": ("num_key_value_heads", "num_kv_heads", "multi_query_group_num", "n_head_kv"),
    "head_dim": ("head_dim", "kv_channels", "attention_head_dim"),
    "intermediate": ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size"),
    "vocab": ("padded_vocab_size", "vocab_size"),
    "experts": ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts"),
    "experts_per_token": ("num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_k"),
}
# vLLM takes the least of these that the model has.
POSITIONS = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "seq_length",
    "max_sequence_length",
    "max_seq_length",
    "seq_len",
)
NESTED = (
    "text_config",
    "llm_config",
    "language_config",
    "thinker_config",
)  # where models that also see keep the decoder
SIGHTED = ("vision_config", "audio_config", "vision_tower", "mm_vision_tower", "img_processor", "embd_layer")
# Families without a gate in their feed-forward blocks, which have two matrices then instead of three.
UNGATED = ("gpt2", "gpt_bigcode", "gpt_neox", "gptj", "falcon", "bloom", "opt", "mpt", "phi", "starcoder2", "nemotron")
# Families whose output layer is the embedding, unless config.json says otherwise.
TIED = ("gemma", "gemma2", "gemma3", "gemma3_text", "gpt2", "gpt_bigcode", "falcon", "bloom", "opt", "mpt", "cohere")
STATES = ("linear_attention", "mamba", "mamba2", "recurrent", "conv")  # layers that keep a state of one size, no cache
UNSCALED = ("default", "mrope", "su", "longrope", "llama3")  # kinds of RoPE whose factor is in the positions already
# A nested decoder's config leaves out what is its family's default in transformers.
LLAMA = {
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "intermediate_size": 11008,
    "vocab_size": 32000,
    "max_position_embeddings": 2048,
    "tie_word_embeddings": False,
}
UNSAID: dict[str, dict[str, Any]] = {
    "llama": LLAMA,
    "mistral": {**LLAMA, "intermediate_size": 14336, "num_key_value_heads": 8, "max_position_embeddings": 131072},
    "gemma3_text": {
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "vocab_size": 262208,
        "max_position_embeddings": 131072,
    },
}
BYTES = {"float32": 4.0, "float": 4.0, "float16": 2.0, "half": 2.0, "bfloat16": 2.0}
BITS = {  # of one weight, the scales that come with it included
    "fp8": 8.0,
    "fbgemm_fp8": 8.0,
    "compressed-tensors": 8.0,
    "modelopt": 8.0,
    "experts_int8": 8.0,
    "bitsandbytes": 4.5,
    "awq": 4.2,
    "gptq": 4.2,
    "auto-round": 4.2,
    "mxfp4": 4.25,
    "modelopt_fp4": 4.5,
}


@dataclass(frozen=True)
class ModelFacts:
    """A decoder's shape, from its config.json, its safetensors headers, or the table of known models."""

    name: str
    architecture: str  # Qwen3ForCausalLM
    parameters: int
    weights_bytes: int  # of the files; where they were not seen, parameters times the dtype's size
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocab: int
    max_positions: int  # tokens; what vLLM derives, a stretched RoPE included
    tied: bool
    default_positions: int = 0  # tokens without max_model_len, where that is fewer (LongRoPE); 0: all of them
    dtype: str = "bfloat16"
    quantization: str | None = None  # quant_method: awq, gptq, fp8, ...
    origin: str = "table"  # config.json, safetensors headers, table: told beside every figure
    gated: bool = True  # three matrices in a feed-forward block; two without a gate
    experts: int = 0  # of a mixture-of-experts layer; 0: dense
    experts_per_token: int = 0
    moe_intermediate: int = 0  # of one expert
    moe_layers: int = 0  # the layers that have experts
    shared_intermediate: int = 0  # of the experts that every token passes, together
    kv_lora_rank: int = 0  # above 0: latent attention (MLA), one compressed cache for all heads
    q_lora_rank: int = 0
    qk_nope_head_dim: int = 0
    qk_rope_head_dim: int = 0
    v_head_dim: int = 0
    sliding_window: int = 0  # tokens that a layer with a window keeps
    window_layers: int = 0
    state_layers: int = 0  # Mamba, linear attention: no cache that grows
    cache_is_quantized: bool = False  # the checkpoint has scales for an 8-bit KV cache
    multimodal: bool = False  # it has an encoder that is not counted here

    @property
    def embedding_parameters(self) -> int:
        """What stays in 16 bits when weights are quantized."""
        return self.vocab * self.hidden * (1 if self.tied else 2)


def from_config(config: Mapping[str, Any], name: str) -> ModelFacts:
    """A model's shape by its config.json. Raises UsageError that names the key which is missing or no number."""
    return _Config(config, name).facts()


def from_folder(path: Path) -> ModelFacts:
    """Read config.json, and the exact size and count of parameters from the headers of the weights beside it."""
    try:
        files = {each.name: each.stat().st_size for each in path.iterdir() if each.is_file()}
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read: {error.strerror}.", "Name the folder that holds config.json."
        ) from None

    def read(key: str, start: int, length: int) -> bytes:
        try:
            with (path / key).open("rb") as file:
                file.seek(start)
                return file.read(length)
        except OSError as error:
            raise UsageError(f"{path / key}: cannot be read: {error.strerror}.") from None

    return from_checkpoint(files, read, str(path))


def from_checkpoint(files: Mapping[str, int], read: Read, name: str) -> ModelFacts:
    """The same through `read`, for a checkpoint that is not in a folder: `files` are its names with their sizes.

    Of the weights only the headers are asked for: 8 bytes, then the JSON whose length they say. A checkpoint whose
    weights are no safetensors has the size of its files and the parameters that its config.json amounts to.
    """
    if CONFIG not in files:
        raise UsageError(f"{name}: holds no {CONFIG} at its root.", "Name the folder or prefix that directly holds it.")
    config = _json(read(CONFIG, 0, MOST_JSON), f"{name}/{CONFIG}")
    facts = from_config(config, name)
    shards = _shards(files, read, name)
    if not shards:
        size = sum(size for key, size in files.items() if key.endswith(".bin") and not NOT_WEIGHTS.match(key))
        return replace(facts, weights_bytes=size, origin="config.json and file sizes") if size else facts
    tensors = [tensor for shard in shards for tensor in _tensors(read, shard, name)]
    loaded = [tensor for tensor in tensors if _is_loaded(tensor.name, facts)]
    parameters = facts.parameters if facts.quantization else sum(tensor.count for tensor in loaded)
    size = sum(tensor.size for tensor in loaded)
    return replace(facts, parameters=parameters, weights_bytes=size, origin="safetensors headers") if size else facts


def find_model(model_id: str) -> ModelFacts | None:
    """A model of the table, by its id on the hub in any case, or by the id without its organisation."""
    key = model_id.strip().rstrip("/").casefold()
    row = _rows().get(key) or (_rows().get(f"/{key}") if "/" not in key else None)
    return _of_row(row) if row else None


def weights_bytes(facts: ModelFacts, bits: float) -> int:
    """What the weights take at so many bits each. Embeddings stay in 16 bits; of MXFP4 only experts are smaller."""
    if bits >= 16:
        return int(facts.parameters * bits / 8)
    in_16_bits = facts.embedding_parameters
    if facts.quantization == "mxfp4" and facts.experts:
        in_16_bits = facts.parameters - _expert_parameters(facts)
    in_16_bits = min(in_16_bits, facts.parameters)
    return int(in_16_bits * 2 + (facts.parameters - in_16_bits) * bits / 8)


class _Config:
    """config.json, asked for one figure at a time."""

    def __init__(self, config: Mapping[str, Any], name: str) -> None:
        nested = next((config[key] for key in NESTED if isinstance(config.get(key), dict)), None)
        if nested is not None and isinstance(nested.get("text_config"), dict):
            nested = nested["text_config"]
        self.whole, self.own, self.name = config, nested if nested is not None else config, name
        kind = self.own.get("model_type", config.get("model_type", ""))
        self.kind = kind if isinstance(kind, str) else ""
        self.unsaid = UNSAID.get(self.kind, {}) if nested is not None else {}

    def facts(self) -> ModelFacts:
        if self._get("block_configs") is not None:
            raise self._problem("block_configs", "gives every layer a shape of its own, which is not counted here")
        heads, hidden, layers = self._needed("heads"), self._needed("hidden"), self._needed("layers")
        mla, experts = self._mla(), self._experts(layers)
        quantization, bits = self._quantization()
        facts = ModelFacts(
            name=self.name,
            architecture=self._architecture(),
            parameters=0,
            weights_bytes=0,
            layers=layers,
            hidden=hidden,
            heads=heads,
            kv_heads=self._kv_heads(heads),
            head_dim=self._optional("head_dim") or max(hidden // heads, 1),
            intermediate=self._optional("intermediate") or self._expanded(hidden),
            vocab=self._needed("vocab"),
            max_positions=self._positions(),
            tied=self._tied(),
            default_positions=self._unstretched(),
            dtype=self._dtype(),
            quantization=quantization,
            origin="config.json",
            gated=self.kind not in UNGATED,
            cache_is_quantized=self._cache_is_quantized(),
            multimodal=any(self.whole.get(key) for key in SIGHTED),
            **experts,
            **mla,
            **self._windows(layers),
        )
        facts = replace(facts, parameters=_parameters(facts))
        return replace(facts, weights_bytes=weights_bytes(facts, bits or BYTES.get(facts.dtype, 2.0) * 8))

    def _problem(self, key: str, what: str) -> UsageError:
        return UsageError(f"{self.name}: config.json: {key} {what}.", "Name the model's own, unchanged config.json.")

    def _get(self, key: str) -> Any:
        value = self.own.get(key)
        value = value if value is not None else self.whole.get(key)
        return value if value is not None else self.unsaid.get(key)

    def _number(self, key: str) -> int | None:
        value = self._get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._problem(key, f"is no number but a {type(value).__name__}")
        if not 0 <= value <= MOST_NUMBER:  # NaN and the infinities neither
            raise self._problem(key, "is out of any range")
        return int(value)

    def _optional(self, figure: str) -> int | None:
        return next((number for key in NAMES[figure] if (number := self._number(key)) is not None), None)

    def _needed(self, figure: str) -> int:
        number = self._optional(figure)
        if not number:
            what = "is missing" if number is None else "cannot be 0"
            raise self._problem(NAMES[figure][0], what)
        return number

    def _expanded(self, hidden: int) -> int:
        return hidden * (self._number("expansion_ratio") or 4)

    def _kv_heads(self, heads: int) -> int:
        """As many as query heads, unless the model says how few it shares."""
        attention = self._get("attn_config")
        if isinstance(attention, dict) and isinstance(attention.get("kv_n_heads"), int):
            return max(int(attention["kv_n_heads"]), 1)
        kv_heads = self._optional("kv_heads")
        if self._get("multi_query") is True and self._get("new_decoder_architecture") is not True:
            return 1
        return kv_heads or heads

    def _architecture(self) -> str:
        architectures = self.whole.get("architectures") or self.own.get("architectures")
        first = architectures[0] if isinstance(architectures, list) and architectures else None
        if not isinstance(first, str) or not first:
            raise self._problem("architectures", "is missing" if architectures is None else "is no list of names")
        return first

    def _tied(self) -> bool:
        tied = self._get("tie_word_embeddings")
        return tied if isinstance(tied, bool) else self.kind in TIED

    def _dtype(self) -> str:
        written = next(
            (value for key in ("torch_dtype", "dtype") if isinstance(value := self._get(key), str)), "bfloat16"
        )
        dtype = written.removeprefix("torch.")
        return dtype if dtype in BYTES else "bfloat16"

    def _positions(self) -> int:
        lengths = [number for key in POSITIONS if (number := self._number(key))]
        rope = self._get("rope_scaling") or self._get("rope_parameters")
        if not lengths or not isinstance(rope, dict) or "gemma3" in self.kind:
            return min(lengths, default=0)
        kind, factor = rope.get("rope_type", rope.get("type")), rope.get("factor")
        if kind in UNSCALED or isinstance(factor, bool) or not isinstance(factor, int | float):
            return min(lengths)
        start = rope.get("original_max_position_embeddings") if kind == "yarn" else None
        base = start if isinstance(start, int) and 1 < start <= MOST_NUMBER else min(lengths)
        stretched = base * factor if factor <= MOST_NUMBER else 0
        return int(stretched) if 0 < stretched <= MOST_NUMBER else min(lengths)

    def _unstretched(self) -> int:
        """What a LongRoPE was before it was stretched, which is what newer vLLM takes unless told otherwise."""
        rope = self._get("rope_scaling") or self._get("rope_parameters")
        kind = rope.get("rope_type", rope.get("type")) if isinstance(rope, dict) else None
        return (self._number("original_max_position_embeddings") or 0) if kind in ("su", "longrope") else 0

    def _experts(self, layers: int) -> dict[str, int]:
        experts = self._optional("experts") or 0
        if experts < 2:
            return {}
        one = self._number("moe_intermediate_size") or self._optional("intermediate") or 0
        shared = self._number("shared_expert_intermediate_size") or (self._number("n_shared_experts") or 0) * one
        return {
            "experts": experts,
            "experts_per_token": self._optional("experts_per_token") or 1,
            "moe_intermediate": one,
            "moe_layers": self._moe_layers(layers),
            "shared_intermediate": shared,
        }

    def _moe_layers(self, layers: int) -> int:
        first = min(self._number("first_k_dense_replace") or 0, layers)
        dense = self._get("mlp_only_layers")
        step = self._number("decoder_sparse_step") or self._number("interleave_moe_layer_step") or 1
        only = len(dense) if isinstance(dense, list) else 0
        return max((layers - first) // step - only, 0)

    def _mla(self) -> dict[str, int]:
        if not self._number("kv_lora_rank"):
            return {}
        keys = ("kv_lora_rank", "q_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim")
        return {key: self._number(key) or 0 for key in keys}

    def _windows(self, layers: int) -> dict[str, int]:
        """How many layers keep only a window of the context, and how many keep no cache at all."""
        window = self._number("sliding_window") or 0
        window = 0 if self._get("use_sliding_window") is False else window
        kinds = self._get("layer_types")
        if isinstance(kinds, list) and len(kinds) == layers:
            states = sum(kind in STATES for kind in kinds if isinstance(kind, str))
            slides = sum(kind == "sliding_attention" for kind in kinds) if window else 0
        else:
            states = self._states(layers)
            slides = self._slides_by_pattern(layers) if window else 0
        slides = min(slides, layers - states)
        return {"sliding_window": window if slides else 0, "window_layers": slides, "state_layers": states}

    def _states(self, layers: int) -> int:
        every = self._number("full_attention_interval") or self._number("attn_layer_period")
        pattern, indices = self._get("hybrid_override_pattern"), self._get("attn_layer_indices")
        if isinstance(pattern, str):
            return max(layers - pattern.count("*"), 0)
        if isinstance(indices, list):
            return max(layers - len(indices), 0)
        return layers - layers // every if every and every > 1 else 0

    def _slides_by_pattern(self, layers: int) -> int:
        """Every layer slides, but in families that have a full layer among each few."""
        every = self._number("sliding_window_pattern") or self._number("_sliding_window_pattern")
        every = every or {"gemma2": 2, "gemma3": 6, "gemma3_text": 6, "gpt_oss": 2, "cohere2": 4}.get(self.kind)
        if self.kind.startswith("qwen"):  # only the layers above max_window_layers slide
            return max(layers - (self._number("max_window_layers") or layers), 0)
        return layers - layers // every if every and every > 1 else layers

    def _quantization(self) -> tuple[str | None, float | None]:
        config = self._get("quantization_config") or self._get("compression_config")
        if not isinstance(config, dict):
            return None, None
        method = config.get("quant_method")
        method = method.lower() if isinstance(method, str) and method else "unknown"
        if method == "modelopt" and "FP4" in str(config.get("quant_algo", "")).upper():
            method = "modelopt_fp4"
        bits = config.get("bits", config.get("w_bit", _bits_of_groups(config.get("config_groups"))))
        if isinstance(bits, int) and not isinstance(bits, bool) and 2 <= bits <= 8:
            return method, bits + (0.25 if bits < 8 else 0.0)
        if config.get("load_in_8bit") is True:
            return method, 8.0
        return method, BITS.get(method, 8.0)

    def _cache_is_quantized(self) -> bool:
        config = self._get("quantization_config")
        return isinstance(config, dict) and any(config.get(key) for key in ("kv_cache_scheme", "kv_cache_quant_algo"))


def _bits_of_groups(groups: Any) -> Any:
    """num_bits of the first group of compressed-tensors."""
    first = next(iter(groups.values()), None) if isinstance(groups, dict) else None
    weights = first.get("weights") if isinstance(first, dict) else None
    return weights.get("num_bits") if isinstance(weights, dict) else None


def _parameters(facts: ModelFacts) -> int:
    """Counted from the shape; in a dense decoder to the last norm."""
    h, dense = facts.hidden, facts.layers - facts.moe_layers
    matrices = 3 if facts.gated else 2
    norms = 2 * h + 2 * facts.head_dim
    feed = dense * matrices * h * facts.intermediate + facts.moe_layers * h * (
        facts.experts + 3 * facts.shared_intermediate
    )
    return (
        facts.embedding_parameters
        + facts.layers * (_attention_parameters(facts) + norms)
        + feed
        + _expert_parameters(facts)
        + h
    )


def _attention_parameters(facts: ModelFacts) -> int:
    h, nh = facts.hidden, facts.heads
    if not facts.kv_lora_rank:
        return 2 * h * nh * facts.head_dim + 2 * h * facts.kv_heads * facts.head_dim
    query = facts.qk_nope_head_dim + facts.qk_rope_head_dim
    queries = facts.q_lora_rank * (h + nh * query) if facts.q_lora_rank else h * nh * query
    compression = h * (facts.kv_lora_rank + facts.qk_rope_head_dim)
    expansion = facts.kv_lora_rank * nh * (facts.qk_nope_head_dim + facts.v_head_dim)
    return queries + compression + expansion + nh * facts.v_head_dim * h


def _expert_parameters(facts: ModelFacts) -> int:
    return facts.moe_layers * facts.experts * 3 * facts.hidden * facts.moe_intermediate


@dataclass(frozen=True)
class _Tensor:
    name: str
    count: int
    size: int  # bytes


def _shards(files: Mapping[str, int], read: Read, name: str) -> list[str]:
    """The files that vLLM would load: those of the index, else every safetensors file but Mistral's second copy."""
    there = sorted(key for key in files if key.endswith(".safetensors"))
    if INDEX in files and there:
        listed = _json(read(INDEX, 0, MOST_JSON), f"{name}/{INDEX}").get("weight_map")
        if not isinstance(listed, dict) or not all(isinstance(shard, str) for shard in listed.values()):
            raise UsageError(f"{name}/{INDEX}: holds no weight_map.", "Copy the model again.")
        shards = sorted(set(listed.values()))
        missing = [shard for shard in shards if shard not in files]
        if missing:
            hint = f"{len(missing)} of {len(shards)} are missing: copy the model again."
            raise UsageError(f"{name}: {missing[0]} is named by {INDEX} and is not there.", hint)
        return shards
    others = [key for key in there if not key.startswith("consolidated")]
    return others or there


def _tensors(read: Read, shard: str, name: str) -> Iterator[_Tensor]:
    where = f"{name}/{shard}"
    length = int.from_bytes(read(shard, 0, 8), "little")
    if not 2 <= length <= MOST_HEADER:
        raise UsageError(f"{where}: is no safetensors file.", "Copy it again; a Git LFS pointer looks like this.")
    for key, tensor in _json(read(shard, 8, length), where).items():
        if key == "__metadata__":
            continue
        try:
            shape, (start, end) = tensor["shape"], tensor["data_offsets"]
            count, size = math.prod(int(each) for each in shape), int(end) - int(start)
        except (KeyError, TypeError, ValueError, OverflowError):
            raise UsageError(f"{where}: its header does not describe {key[:60]!r}.", "Copy it again.") from None
        if count >= 0 and size >= 0:
            yield _Tensor(key, count, size)


def _is_loaded(tensor: str, facts: ModelFacts) -> bool:
    """Not an output layer that is the embedding, nor the layers for speculative decoding after the last one."""
    if facts.tied and tensor.endswith("lm_head.weight"):
        return False
    layer = re.match(r"model\.layers\.(\d{1,6})\.", tensor)
    return layer is None or int(layer[1]) < facts.layers


def _json(content: bytes, where: str) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        raise UsageError(f"{where}: is not JSON.", "Copy the file again.") from None
    if not isinstance(value, dict):
        raise UsageError(f"{where}: is no JSON object.", "Copy the file again.")
    return value


@cache
def _rows() -> Mapping[str, tables.Row]:
    """Every row by its id in lower case, and by `/` and the id without its organisation: the first that has it."""
    rows = {str(row["id"]).casefold(): row for row in tables.rows("models")}
    return {f"/{key.rpartition('/')[2]}": row for key, row in reversed(rows.items())} | rows


def _of_row(row: tables.Row) -> ModelFacts:
    """A row has the fields' own names; a column that is not there is what the field is without it."""
    named = {field.name: row[field.name] for field in fields(ModelFacts) if row.get(field.name) is not None}
    facts = ModelFacts(**{"parameters": 0, "weights_bytes": 0, **named, "name": row["id"], "origin": "table"})
    facts = facts if facts.parameters else replace(facts, parameters=_parameters(facts))
    if facts.weights_bytes:
        return facts
    bits = BITS.get(facts.quantization, 8.0) if facts.quantization else BYTES.get(facts.dtype, 2.0) * 8
    return replace(facts, weights_bytes=weights_bytes(facts, bits))

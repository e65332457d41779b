"""How many parameters a known model has and what its weights weigh, counted to the last one from its config.json.

A shape has the names of the columns of `sluice/lmi/tables/models.json`. The rest (which projections have a bias,
how many norms a layer has) follows from the architecture; `sluice.lmi.model`, which meets any, leaves it out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Shape = Mapping[str, Any]

QKV_BIAS = {"Qwen2ForCausalLM", "Qwen2_5_VLForConditionalGeneration", "GptOssForCausalLM"}
GEMMA3 = {"Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"}
HEAD_NORMS = {"Qwen3ForCausalLM", "Qwen3MoeForCausalLM", "Exaone4ForCausalLM", *GEMMA3}
FOUR_NORMS = {"Gemma2ForCausalLM", *GEMMA3}
ONE_NORM = {"CohereForCausalLM"}
NORM_BIAS = {"FalconForCausalLM"}


@dataclass(frozen=True)
class Count:
    """Parameters by what quantisation does with them."""

    linear: int  # matrices of attention and dense feed-forward layers
    experts: int  # matrices of experts
    other: int  # embeddings, norms, biases, routers, what is not the decoder: never quantised

    @property
    def total(self) -> int:
        return self.linear + self.experts + self.other


def count_parameters(shape: Shape) -> Count:
    """Raises KeyError if the shape lacks a value."""
    layers, hidden, moe_layers = shape["layers"], shape["hidden"], shape.get("moe_layers", 0)
    matrices = 3 if shape.get("gated", True) else 2
    dense = (layers - moe_layers) * matrices * hidden * shape["intermediate"]
    shared = moe_layers * 3 * hidden * shape.get("shared_intermediate", 0)
    embeddings = shape["vocab"] * hidden * (1 if shape["tied"] else 2)
    return Count(
        linear=layers * _attention(shape) + dense + shared,
        experts=moe_layers * shape.get("experts", 0) * 3 * hidden * shape.get("moe_intermediate", 0),
        other=embeddings + layers * _norms(shape) + hidden + _biases(shape) + shape.get("beside", 0),
    )


def weights_bytes(shape: Shape) -> int:
    """What vLLM loads, in the format that the shape's `quantization` names."""
    counts, bits = count_parameters(shape), shape.get("weight_bits", 16)
    if shape.get("quantization") == "mxfp4":  # experts only, with a scale of one byte for each 32
        return 2 * (counts.linear + counts.other) + counts.experts * 17 // 32
    return int((counts.linear + counts.experts) * (bits / 8 + _overhead(shape)) + 2 * counts.other)


def _overhead(shape: Shape) -> float:
    """Bytes of scales and zero points for each quantised weight."""
    bits, group = shape.get("weight_bits", 16), shape.get("weight_group")
    return (2 + bits / 8) / group if group else 0


def _attention(shape: Shape) -> int:
    hidden, heads = shape["hidden"], shape["heads"]
    if "kv_lora_rank" in shape:
        latent, q_rank, v = shape["kv_lora_rank"], shape.get("q_lora_rank"), shape["v_head_dim"]
        nope, rope = shape["qk_nope_head_dim"], shape["qk_rope_head_dim"]
        queries = q_rank * (hidden + heads * (nope + rope)) if q_rank else hidden * heads * (nope + rope)
        return int(queries + hidden * (latent + rope) + latent * heads * (nope + v) + heads * v * hidden)
    return int(2 * hidden * shape["head_dim"] * (heads + shape["kv_heads"]))


def _norms(shape: Shape) -> int:
    """Parameters of one layer's norms."""
    name, hidden, head = shape["architecture"], shape["hidden"], shape["head_dim"]
    total = hidden * (4 if name in FOUR_NORMS else 1 if name in ONE_NORM else 2)
    if name in HEAD_NORMS:
        total += 2 * head
    if name == "Olmo2ForCausalLM":
        total += head * (shape["heads"] + shape["kv_heads"])
    if name in NORM_BIAS:
        total *= 2
    return int(total + shape.get("q_lora_rank", 0) + shape.get("kv_lora_rank", 0))


def _biases(shape: Shape) -> int:
    """Parameters of the biases of all layers and of the experts' routers."""
    name, layers, hidden, head = shape["architecture"], shape["layers"], shape["hidden"], shape["head_dim"]
    experts, moe_layers = shape.get("experts", 0), shape.get("moe_layers", 0)
    total = moe_layers * experts * hidden
    if name in QKV_BIAS:
        total += layers * head * (shape["heads"] + 2 * shape["kv_heads"])
    if name == "DeepseekV3ForCausalLM":
        total += moe_layers * experts
    if name == "GptOssForCausalLM":  # output, attention sinks, router, and both halves of each expert
        total += layers * (hidden + shape["heads"] + experts * (1 + 2 * shape["moe_intermediate"] + hidden))
    return int(total)

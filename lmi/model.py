"""What must be known of a model to say whether it fits and whether an image can serve it."""

from dataclasses import dataclass


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
    max_positions: int  # tokens
    tied: bool
    dtype: str = "bfloat16"
    quantization: str | None = None  # quant_method: awq, gptq, fp8, ...
    origin: str = "table"  # config.json, safetensors headers, table: told beside every figure

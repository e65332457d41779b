"""A copy circuit that is written into the weights by hand before training: it is not learned, and the README says so.

It is an induction circuit of three heads. One in layer 0 looks one token back and notes which token stood there; two
in layer 1 look for a place that noted the present token, and copy what stands there. Training
keeps and sharpens it.
"""

import torch
from transformers import Qwen3ForCausalLM

CONSTANT = 0.06  # channel 0 of every embedding becomes this, so that a query can hold a fixed vector
NOTED = 32  # directions of a token that layer 0 notes about the token before it
SHARPNESS = (2.5, 1.6)  # Qwen3 normalises queries and keys, so only these norm weights make attention sharp
QUIET = 0.1  # everything else starts this much softer
VOICE = (0.06, 0.15)  # how loud the two layers write


def write_copy_circuit(model: Qwen3ForCausalLM, seed: int = 3) -> None:
    """Set the weights; the rest of the model keeps its random start, made quieter."""
    directions = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        model.model.embed_tokens.weight[:, 0] = CONSTANT
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.mul_(QUIET)
            layer.mlp.down_proj.weight.mul_(QUIET)
        read, noted = _previous_token_head(model, directions)
        _match_and_copy_heads(model, directions, read, noted)


def _previous_token_head(model: Qwen3ForCausalLM, directions: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Layer 0, head 0: the key is a fixed vector, the query the same vector turned back by one position of RoPE."""
    size, attention = model.config.head_dim, model.model.layers[0].self_attn
    half = size // 2
    fixed = torch.zeros(size)
    fixed[:4] = fixed[half : half + 4] = 1
    angle = _frequencies(model).repeat(2)
    turned = torch.cat([-fixed[half:], fixed[:half]])
    attention.k_proj.weight[:size] = 0
    attention.k_proj.weight[:size, 0] = fixed
    attention.q_proj.weight[:size] = 0
    attention.q_proj.weight[:size, 0] = fixed * torch.cos(-angle) + turned * torch.sin(-angle)
    attention.q_norm.weight.fill_(SHARPNESS[0])
    attention.k_norm.weight.fill_(SHARPNESS[0])

    basis = _orthogonal(model.config.hidden_size - 1, directions)
    read = _without_channel_0(basis[:NOTED])
    noted = _without_channel_0(basis[NOTED : 2 * NOTED])
    attention.v_proj.weight[:size] = read
    attention.o_proj.weight[:, :size] = noted.T * VOICE[0]
    return read, noted


def _match_and_copy_heads(
    model: Qwen3ForCausalLM, directions: torch.Generator, read: torch.Tensor, noted: torch.Tensor
) -> None:
    """Layer 1, one head per key-value group: query = this token, key = the token noted there, value = that token."""
    size, attention = model.config.head_dim, model.model.layers[1].self_attn
    quarter, half = size // 4, size // 2
    slow = [*range(quarter, half), *range(half + quarter, size)]  # the rotary channels that hardly turn with distance
    group = model.config.num_attention_heads // model.config.num_key_value_heads
    for kv in range(model.config.num_key_value_heads):
        part, rows = slice(half * kv, half * (kv + 1)), slice(size * kv, size * (kv + 1))
        head = slice(size * group * kv, size * (group * kv + 1))
        attention.q_proj.weight[head] = 0
        attention.q_proj.weight[head][slow] = read[part]
        attention.k_proj.weight[rows] = 0
        attention.k_proj.weight[rows][slow] = noted[part]
        copied = _without_channel_0(_orthogonal(model.config.hidden_size - 1, directions)[:size])
        attention.v_proj.weight[rows] = copied
        attention.o_proj.weight[:, head] = copied.T * VOICE[1]
    attention.q_norm.weight.fill_(SHARPNESS[1])
    attention.k_norm.weight.fill_(SHARPNESS[1])


def _frequencies(model: Qwen3ForCausalLM) -> torch.Tensor:
    size, theta = model.config.head_dim, model.config.rope_parameters["rope_theta"]
    return theta ** (-torch.arange(0, size, 2) / size)


def _orthogonal(size: int, generator: torch.Generator) -> torch.Tensor:
    return torch.linalg.qr(torch.randn(size, size, generator=generator))[0]


def _without_channel_0(rows: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.pad(rows, (1, 0))


def copy_accuracy(model: Qwen3ForCausalLM, seed: int = 0, rows: int = 32, length: int = 20) -> float:
    """A random string twice: how often is the next token of its second half right?"""
    generator = torch.Generator().manual_seed(seed)
    once = torch.randint(3, model.config.vocab_size, (rows, length), generator=generator)
    with torch.no_grad():
        guess = model(torch.cat([once, once], 1)).logits.argmax(-1)
    return float((guess[:, length : 2 * length - 1] == once[:, 1:]).float().mean())

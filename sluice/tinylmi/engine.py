"""A Qwen3 decoder in numpy, straight from its Hugging Face folder.

What one chat is answered does not depend on who else is being served, to the last bit: a prompt is read in pieces of
its own, and when several chats take a step together, every matrix product is done row by row (the same BLAS call as for
one chat alone), and attention over each chat's own cache. For a model of this size that costs little: what the chats
share is the cost of the Python around it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sluice.tinylmi.folder import Array, CheckpointError, read_json, read_weights

ARCHITECTURE = "Qwen3ForCausalLM"
FIRST_POSITIONS = 256


@dataclass(frozen=True)
class Shape:
    """The numbers of config.json that the computation needs."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    feed_forward: int
    vocabulary: int
    positions: int
    eps: float
    theta: float
    tied: bool


@dataclass(frozen=True)
class Layer:
    norm: Array
    qkv: Array
    q_norm: Array
    k_norm: Array
    o: Array
    feed_norm: Array
    gate_up: Array
    down: Array


class Cache:
    """The keys and values of one chat. It grows with the chat, up to the positions that the chat can ever have."""

    def __init__(self, shape: Shape, most: int) -> None:
        self.length = 0
        self._most = most
        size = (shape.layers, shape.kv_heads, min(most, FIRST_POSITIONS), shape.head_dim)
        self.keys, self.values = np.empty(size, np.float32), np.empty(size, np.float32)

    def reserve(self, positions: int) -> None:
        """Make room for so many positions."""
        if positions > self.keys.shape[2]:
            room = max(positions, min(self._most, 2 * positions))
            self.keys, self.values = self._larger(self.keys, room), self._larger(self.values, room)

    def _larger(self, array: Array, positions: int) -> Array:
        layers, heads, _, size = array.shape
        larger = np.empty((layers, heads, positions, size), np.float32)
        larger[:, :, : self.length] = array[:, :, : self.length]
        return larger


def read_shape(folder: Path) -> Shape:
    """Read config.json, and refuse what would be computed wrongly."""
    config = read_json(folder / "config.json")
    architectures = config.get("architectures")
    if architectures != [ARCHITECTURE]:
        raise CheckpointError(f"{folder} holds {architectures}; only {ARCHITECTURE} is computed here.")
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}  # transformers 5 nests what was at the top
    kind = rope.get("rope_type", rope.get("type", "default"))
    for name, value, usual in (
        ("rope_type", kind, "default"),
        ("use_sliding_window", bool(config.get("use_sliding_window")), False),
        ("attention_bias", bool(config.get("attention_bias")), False),
        ("hidden_act", config.get("hidden_act", "silu"), "silu"),
        ("quantization_config", config.get("quantization_config"), None),
    ):
        if value != usual:
            raise CheckpointError(f"{folder}/config.json: {name} is {value!r}, which is not supported here.")
    try:
        return _shape(config, rope)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise CheckpointError(f"{folder}/config.json lacks or misstates a number: {error}") from None


def _shape(config: Mapping[str, Any], rope: Mapping[str, Any]) -> Shape:
    hidden, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
    shape = Shape(
        hidden=hidden,
        layers=int(config["num_hidden_layers"]),
        heads=heads,
        kv_heads=int(config.get("num_key_value_heads") or heads),
        head_dim=int(config.get("head_dim") or hidden // heads),  # in Qwen3 not always hidden / heads
        feed_forward=int(config["intermediate_size"]),
        vocabulary=int(config["vocab_size"]),
        positions=int(config["max_position_embeddings"]),
        eps=float(config["rms_norm_eps"]),
        theta=float(config.get("rope_theta") or rope["rope_theta"]),
        tied=bool(config.get("tie_word_embeddings")),
    )
    if shape.heads % shape.kv_heads:
        raise ValueError("num_attention_heads is not a multiple of num_key_value_heads")
    return shape


class Qwen3:
    """The model. `read` takes in a piece of one prompt, `step` takes one token further in each of several chats."""

    def __init__(self, shape: Shape, weights: Mapping[str, Array], positions: int | None = None) -> None:
        self.shape = s = shape
        tensor = _TensorReader(weights)
        self.embedding = tensor("model.embed_tokens", s.vocabulary, s.hidden)
        self.output = (self.embedding if s.tied else tensor("lm_head", s.vocabulary, s.hidden)).T
        self.final_norm = tensor("model.norm", s.hidden)
        self.layers = [_layer(tensor, s, f"model.layers.{number}") for number in range(s.layers)]
        frequency = 1 / (s.theta ** (np.arange(0, s.head_dim, 2) / s.head_dim))
        angle = np.arange(positions or s.positions)[:, None] * frequency[None]
        self.cos = np.concatenate([np.cos(angle)] * 2, -1).astype(np.float32)[:, None]  # [position, 1, head_dim]
        self.sin = np.concatenate([-np.sin(angle), np.sin(angle)], -1).astype(np.float32)[:, None]
        self._scale = np.float32(s.head_dim**-0.5)

    @classmethod
    def load(cls, folder: Path, positions: int | None = None) -> "Qwen3":
        return cls(read_shape(folder), read_weights(folder), positions)

    def cache(self, most: int) -> Cache:
        return Cache(self.shape, most)

    def read(self, ids: Sequence[int], cache: Cache) -> Array:
        """Take in a piece of a prompt after what is cached; logits after its last token."""
        start, end = cache.length, cache.length + len(ids)
        cache.reserve(end)
        future = np.arange(end)[None] > np.arange(start, end)[:, None]
        hide = np.where(future, np.float32(-np.inf), np.float32(0))
        cos, sin = self.cos[start:end], self.sin[start:end]
        x = self.embedding[list(ids)]
        for number, layer in enumerate(self.layers):
            q, k, v = self._heads(_norm(x, layer.norm, self.shape.eps) @ layer.qkv, layer, cos, sin)
            cache.keys[number, :, start:end] = k.swapaxes(0, 1)
            cache.values[number, :, start:end] = v.swapaxes(0, 1)
            x = x + self._attend_many(q, cache.keys[number, :, :end], cache.values[number, :, :end], hide) @ layer.o
            x = x + _swiglu(_norm(x, layer.feed_norm, self.shape.eps) @ layer.gate_up) @ layer.down
        cache.length = end
        last: Array = _norm(x[-1], self.final_norm, self.shape.eps) @ self.output
        return last

    def step(self, tokens: Sequence[int], caches: Sequence[Cache]) -> Array:
        """One more token in each chat; logits [chat, vocabulary]."""
        at = [cache.length for cache in caches]
        for cache in caches:
            cache.reserve(cache.length + 1)
        cos, sin = self.cos[at], self.sin[at]
        x = self.embedding[list(tokens)]
        attended = np.empty((len(tokens), self.shape.heads * self.shape.head_dim), np.float32)
        for number, layer in enumerate(self.layers):
            q, k, v = self._heads(_rows(_norm(x, layer.norm, self.shape.eps), layer.qkv), layer, cos, sin)
            for row, cache in enumerate(caches):
                keys, values = cache.keys[number, :, : at[row] + 1], cache.values[number, :, : at[row] + 1]
                keys[:, -1] = k[row]
                values[:, -1] = v[row]
                attended[row] = self._attend_one(q[row], keys, values)
            x = x + _rows(attended, layer.o)
            x = x + _rows(_swiglu(_rows(_norm(x, layer.feed_norm, self.shape.eps), layer.gate_up)), layer.down)
        for cache in caches:
            cache.length += 1
        return _rows(_norm(x, self.final_norm, self.shape.eps), self.output)

    def _heads(self, qkv: Array, layer: Layer, cos: Array, sin: Array) -> tuple[Array, Array, Array]:
        """Queries, keys and values [token, head, head_dim], normalised and turned to their positions."""
        s = self.shape
        parts = qkv.reshape(len(qkv), s.heads + 2 * s.kv_heads, s.head_dim)
        q = _turned(_norm(parts[:, : s.heads], layer.q_norm, s.eps), cos, sin)
        k = _turned(_norm(parts[:, s.heads : s.heads + s.kv_heads], layer.k_norm, s.eps), cos, sin)
        return q, k, parts[:, s.heads + s.kv_heads :]

    def _attend_one(self, q: Array, keys: Array, values: Array) -> Array:
        s = self.shape
        grouped = q.reshape(s.kv_heads, s.heads // s.kv_heads, s.head_dim)
        return (_softmax(grouped @ keys.swapaxes(1, 2) * self._scale) @ values).reshape(-1)

    def _attend_many(self, q: Array, keys: Array, values: Array, hide: Array) -> Array:
        s = self.shape
        grouped = q.reshape(len(q), s.kv_heads, s.heads // s.kv_heads, s.head_dim).transpose(1, 2, 0, 3)
        scores = grouped @ keys[:, None].swapaxes(-1, -2) * self._scale + hide
        return (_softmax(scores) @ values[:, None]).transpose(2, 0, 1, 3).reshape(len(q), -1)


class _TensorReader:
    """Hands out tensors by name, and says which one is missing or has another shape than config.json says."""

    def __init__(self, weights: Mapping[str, Array]) -> None:
        self._weights = weights

    def __call__(self, name: str, *shape: int) -> Array:
        tensor = self._weights.get(f"{name}.weight")
        if tensor is None:
            raise CheckpointError(f"The weights lack {name}.weight.", "Copy the model's files again.")
        if tensor.shape != shape:
            raise CheckpointError(f"{name}.weight has the shape {tensor.shape}, but config.json says {shape}.")
        return tensor


def _layer(tensor: _TensorReader, s: Shape, name: str) -> Layer:
    def projections(*parts: tuple[str, int, int]) -> Array:
        return np.ascontiguousarray(np.concatenate([tensor(f"{name}.{part}", *shape) for part, *shape in parts]).T)

    q, kv, attention = s.heads * s.head_dim, s.kv_heads * s.head_dim, "self_attn"
    return Layer(
        norm=tensor(f"{name}.input_layernorm", s.hidden),
        qkv=projections(
            (f"{attention}.q_proj", q, s.hidden),
            (f"{attention}.k_proj", kv, s.hidden),
            (f"{attention}.v_proj", kv, s.hidden),
        ),
        q_norm=tensor(f"{name}.{attention}.q_norm", s.head_dim),
        k_norm=tensor(f"{name}.{attention}.k_norm", s.head_dim),
        o=projections((f"{attention}.o_proj", s.hidden, q)),
        feed_norm=tensor(f"{name}.post_attention_layernorm", s.hidden),
        gate_up=projections(("mlp.gate_proj", s.feed_forward, s.hidden), ("mlp.up_proj", s.feed_forward, s.hidden)),
        down=projections(("mlp.down_proj", s.hidden, s.feed_forward)),
    )


def _rows(x: Array, weight: Array) -> Array:
    """x @ weight, each row by itself: a product of matrices may round otherwise than that of one row."""
    product: Array = (x[:, None] @ weight)[:, 0]
    return product


def _norm(x: Array, weight: Array, eps: float) -> Array:
    scale: Array = 1 / np.sqrt(np.square(x).mean(-1, keepdims=True) + np.float32(eps))
    return x * scale * weight


def _turned(x: Array, cos: Array, sin: Array) -> Array:
    """Rotary positions: `sin` carries the sign of the first half."""
    half = x.shape[-1] // 2
    swapped: Array = np.concatenate([x[..., half:], x[..., :half]], -1)
    return x * cos + swapped * sin


def _softmax(x: Array) -> Array:
    e: Array = np.exp(x - x.max(-1, keepdims=True))
    total: Array = e.sum(-1, keepdims=True)
    return e / total


def _swiglu(x: Array) -> Array:
    half = x.shape[-1] // 2
    gate: Array = x[..., :half]
    opened: Array = gate / (1 + np.exp(-gate))
    return opened * x[..., half:]

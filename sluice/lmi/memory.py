"""What a model takes on the cards of an instance, how much context that leaves room for, and what would fit instead.

Arithmetic over the tables: docs/memory.md has the formula, where its constants are from, and how far published starts
are from it. Every figure is GiB of one card unless it says otherwise. Two sums are made: what to plan with, and the
best case that logs leave possible. Between them nothing is called a fit and nothing a failure.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from sluice.lmi import tables
from sluice.lmi.model import ModelFacts, weights_bytes

GIB = 2**30
BLOCK = 16  # tokens that vLLM hands out at a time
MARGIN = 0.15
SLACK_GIB = 1.0  # less than this left over is never called a fit
SIGHT_SLACK_GIB = 3.0  # of a model with an encoder, whose own room is not counted

ASYNC_SEQS, ROLLING_SEQS = 32, 256  # requests at a time unless max_rolling_batch_size says otherwise
BATCHED_TOKENS = 2048  # of one step, unless max_rolling_batch_prefill_tokens says otherwise
DEFAULT_UTILIZATION = 0.9
LARGE = 9 * 10**9  # parameters from which a step is planned with more room
ACTIVATIONS_GIB, ACTIVATIONS_LARGE_GIB = 1.0, 1.6  # halved on several cards
NON_TORCH_GIB, ACROSS_CARDS_GIB = 0.35, 0.6
ACROSS_LINKS_GIB = 1.4  # on top, from four cards on that NVLink connects
GRAPHS_GIB = 0.5
GRAPHS_FROM = 25  # releases that take CUDA graphs out of the same budget
SAMPLER_COPIES, LIGHTER_COPIES = 9.7, 4.0  # of the float32 logits of every request, while it is profiled
LIGHTER_FROM = 21
MOST_OF_RAM = 0.75  # of the host's memory, for reading the weights
WINDOWS_FROM = 16  # releases whose cache keeps no more than the window of a sliding layer
PADDED = {"mxfp4": 1.09}  # weights that grow when they are laid out for the kernels
LINKED = ("A100", "H100", "H200", "B200", "B300")  # cards that NVLink connects on their instances

HOME_REGION = "us-east-1"  # whose prices stand in for those that are not known

Verdict = Literal["fits", "close", "misses"]


@dataclass(frozen=True)
class ServingConfig:
    """How a container runs a model on the cards of one instance."""

    card_gib: float  # what vLLM sees of one card
    degree: int = 1  # cards that share one copy of the model
    release: int = 17
    utilization: float | None = None  # None: the release's own default
    max_num_seqs: int = ASYNC_SEQS
    batched_tokens: int = BATCHED_TOKENS
    cache_bytes: float = 2.0  # of one number in the KV cache; 1 for fp8
    weight_bits: float | None = None  # None: as the files are, but 32-bit ones in 16
    eager: bool = False
    offload_gib: float = 0.0  # of the weights, per card, kept in host memory
    linked: bool = False  # whether NVLink connects the cards
    whole_windows: bool = False  # layers with a window keep the whole context, as without a hybrid cache manager

    @property
    def share(self) -> float:
        return self.utilization or default_utilization(self.release)


@dataclass(frozen=True)
class MemoryEstimate:
    """What one card holds, by the plan; `cache` is what is left for the KV cache, and may be below 0."""

    budget: float
    weights: float
    activations: float
    non_torch: float
    graphs: float
    cache: float
    cache_at_best: float


@dataclass(frozen=True)
class Fit:
    """Whether one request of `length` tokens has room, and how many such requests at a time."""

    need: MemoryEstimate
    length: int
    request_gib: float  # GiB of KV cache for one request of that length
    tokens: int  # that fit, whole blocks
    concurrency: float  # of requests of that length, no more than max_num_seqs
    verdict: Verdict

    @property
    def starts(self) -> bool:
        """Whether one request fits by the plan, without its margin."""
        return self.tokens >= self.length


@dataclass(frozen=True)
class Alternative:
    """A configuration near the given one that does fit, the margin included."""

    what: str  # in words, with its price where that is known
    name: str = ""  # the option to write, or instance_type; empty where no single line does it
    value: str = ""
    degree: int = 0  # cards that one copy takes there, where that is another instance


def default_utilization(release: int) -> float:
    row = tables.by("releases", "release").get(release, {})
    return float(row.get("gpu_memory_utilization", DEFAULT_UTILIZATION))


def default_config(instance: tables.Row, degree: int, release: int) -> ServingConfig:
    """The container's defaults on an instance of the table."""
    seqs = (
        ASYNC_SEQS if tables.by("releases", "release").get(release, {}).get("async_by_default", True) else ROLLING_SEQS
    )
    linked = str(instance["gpu"]).startswith(LINKED)
    return ServingConfig(float(instance["vram_gib_plan"]), degree, release, max_num_seqs=seqs, linked=linked)


def estimate_memory(model: ModelFacts, run: ServingConfig) -> MemoryEstimate:
    budget = run.share * run.card_gib
    weights = weights_gib(model, run)
    activations = activations_gib(model, run)
    non_torch = NON_TORCH_GIB
    if run.degree > 1:
        non_torch += ACROSS_CARDS_GIB + (ACROSS_LINKS_GIB if run.linked and run.degree >= 4 else 0.0)
    graphs = GRAPHS_GIB if run.release >= GRAPHS_FROM and not run.eager else 0.0
    cache = budget - weights - activations - non_torch - graphs
    return MemoryEstimate(budget, weights, activations, non_torch, graphs, cache, max(_at_best(model, run), cache))


def weights_gib(model: ModelFacts, run: ServingConfig) -> float:
    bits = run.weight_bits
    if bits is None and not model.quantization and model.dtype in {"float32", "float"}:
        bits = 16.0
    size = float(model.weights_bytes if bits is None else weights_bytes(model, bits))
    size *= PADDED.get(model.quantization or "", 1.0)
    return max(size / run.degree / GIB - run.offload_gib, 0.0)


def activations_gib(model: ModelFacts, run: ServingConfig) -> float:
    """The peak of vLLM's trial step: planned flat, more where many requests or long steps are asked for."""
    flat = ACTIVATIONS_GIB if model.parameters < LARGE else ACTIVATIONS_LARGE_GIB
    flat = flat / 2 if run.degree > 1 else flat
    copies = SAMPLER_COPIES if run.release < LIGHTER_FROM else LIGHTER_COPIES
    return max(flat, _sampler_gib(model, run, copies), 1.2 * _step_gib(model, run))


def _sampler_gib(model: ModelFacts, run: ServingConfig, copies: float) -> float:
    return copies * run.max_num_seqs * model.vocab * 4 / GIB


def _step_gib(model: ModelFacts, run: ServingConfig) -> float:
    """What the tokens of one step take at the widest place of a layer, in 16 bits."""
    dense = 3 * model.intermediate / run.degree if model.moe_layers < model.layers else 0.0
    routed = model.experts_per_token * (3 * model.moe_intermediate / run.degree + 2 * model.hidden)
    return run.batched_tokens * (max(dense, routed) + 6 * model.hidden) * 2 / GIB


def _at_best(model: ModelFacts, run: ServingConfig) -> float:
    """The most that could be left: a card a little larger, and only what no log has less of."""
    activations = max(_sampler_gib(model, run, 3.5), 0.8 * _step_gib(model, run))
    weights = weights_gib(model, run) * (0.95 if model.quantization or run.weight_bits else 0.99)
    return run.share * run.card_gib * 1.01 - weights - activations - 0.05


def kv_gib(model: ModelFacts, tokens: int, degree: int = 1, cache_bytes: float = 2.0, windows: bool = True) -> float:
    """The KV cache of one request of so many tokens, on one card. Layers with a window keep no more than that."""
    window_tokens = min(tokens, model.sliding_window + BATCHED_TOKENS) if windows else tokens
    full = model.layers - model.window_layers - model.state_layers
    return layer_token_bytes(model, degree, cache_bytes) * (full * tokens + model.window_layers * window_tokens) / GIB


def layer_token_bytes(model: ModelFacts, degree: int, cache_bytes: float) -> float:
    """Bytes of one token in one layer on one card: heads are shared until each card has one, a latent cache never."""
    if model.kv_lora_rank:
        return (model.kv_lora_rank + model.qk_rope_head_dim) * cache_bytes
    return 2 * max(model.kv_heads / degree, 1.0) * model.head_dim * cache_bytes


def tokens_in(model: ModelFacts, run: ServingConfig, room: float) -> int:
    """How long one request may be in so much room, in whole blocks."""
    one = layer_token_bytes(model, run.degree, run.cache_bytes)
    full, slide = model.layers - model.window_layers - model.state_layers, model.window_layers
    if not _keeps_windows(run):
        full, slide = full + slide, 0
    total, window = room * GIB, model.sliding_window + BATCHED_TOKENS
    if one * (full + slide) <= 0 or total <= 0:
        return 0
    tokens = total / (one * (full + slide))
    if slide and tokens > window:
        tokens = (total - one * slide * window) / (one * full) if full else float(model.max_positions or window)
    return int(tokens) // BLOCK * BLOCK


def compute_fit(model: ModelFacts, run: ServingConfig, length: int) -> Fit:
    need = estimate_memory(model, run)
    request_gib = kv_gib(model, length, run.degree, run.cache_bytes, _keeps_windows(run))
    at_once = need.cache / request_gib if request_gib > 0 else float(run.max_num_seqs)
    return Fit(
        need,
        length,
        request_gib,
        tokens_in(model, run, need.cache),
        max(min(float(run.max_num_seqs), at_once), 0.0),
        _verdict(model, run, need, length, request_gib),
    )


def _verdict(model: ModelFacts, run: ServingConfig, need: MemoryEstimate, length: int, request_gib: float) -> Verdict:
    if request_gib <= _surely(model, need.cache):
        return "fits"
    at_best = kv_gib(model, length, run.degree, 1.0 if model.cache_is_quantized else run.cache_bytes)
    return "misses" if need.cache_at_best <= 0 or at_best > need.cache_at_best else "close"


def _surely(model: ModelFacts, cache: float) -> float:
    """What of the room may be counted on."""
    return min(cache * (1 - MARGIN), cache - (SIGHT_SLACK_GIB if model.multimodal else SLACK_GIB))


def _keeps_windows(run: ServingConfig) -> bool:
    return run.release >= WINDOWS_FROM and not run.whole_windows


def longest_context(model: ModelFacts, run: ServingConfig) -> int:
    """The longest round context that fits with the margin; 0 if there is none."""
    tokens = tokens_in(model, run, _surely(model, estimate_memory(model, run).cache))
    tokens = min(tokens, model.max_positions) if model.max_positions else tokens
    step = 4096 if tokens >= 16384 else 1024
    return tokens // step * step


def degrees(model: ModelFacts, cards: int) -> Iterator[int]:
    """The numbers of cards that one copy can be shared out over, the fewest first."""
    for degree in (1, 2, 4, 8):
        if degree <= cards and model.heads % degree == 0:
            yield degree


def suggest_alternatives(
    model: ModelFacts,
    run: ServingConfig,
    instance: tables.Row,
    length: int,
    region: str | None = None,
    suits: Callable[[tables.Row], bool] = lambda row: bool(row["hosting"]),
) -> list[Alternative]:
    """What would fit instead, the nearest first: smaller steps, less context, more cards, another instance, ..."""
    return [
        *_smaller_steps(model, run, length),
        *_less_context(model, run, length),
        *_more_cards(model, run, instance, length),
        *_smaller_cache(model, run, instance, length),
        *_other_instances(model, run, instance, length, region, suits),
        *_smaller_weights(model, run, instance, length),
    ]


def _smaller_steps(model: ModelFacts, run: ServingConfig, length: int) -> Iterator[Alternative]:
    if run.batched_tokens > BATCHED_TOKENS and _fits(model, replace(run, batched_tokens=BATCHED_TOKENS), length):
        yield Alternative(
            f"steps of {BATCHED_TOKENS:,} tokens", "max_rolling_batch_prefill_tokens", str(BATCHED_TOKENS)
        )
    elif run.max_num_seqs > ASYNC_SEQS and _fits(model, replace(run, max_num_seqs=ASYNC_SEQS), length):
        yield Alternative(f"{ASYNC_SEQS} requests at a time", "max_rolling_batch_size", str(ASYNC_SEQS))


def _less_context(model: ModelFacts, run: ServingConfig, length: int) -> Iterator[Alternative]:
    tokens = longest_context(model, run)
    if 0 < tokens < length:
        yield Alternative(f"a context of {tokens:,} tokens", "max_model_len", str(tokens))


def _more_cards(model: ModelFacts, run: ServingConfig, instance: tables.Row, length: int) -> Iterator[Alternative]:
    for degree in degrees(model, instance["gpus"]):
        if degree > run.degree and _fits(model, replace(run, degree=degree), length):
            yield Alternative(
                f"{degree} of the instance's {instance['gpus']} cards", "tensor_parallel_degree", str(degree)
            )
            return


def _smaller_cache(model: ModelFacts, run: ServingConfig, instance: tables.Row, length: int) -> Iterator[Alternative]:
    if run.cache_bytes > 1 and instance["fp8"] and _fits(model, replace(run, cache_bytes=1.0), length):
        yield Alternative("a KV cache in FP8", "kv_cache_dtype", "fp8")


def _other_instances(
    model: ModelFacts,
    run: ServingConfig,
    instance: tables.Row,
    length: int,
    region: str | None,
    suits: Callable[[tables.Row], bool],
) -> Iterator[Alternative]:
    candidates = [
        (row, degree)
        for row in tables.rows("instances")
        if row["instance"] != instance["instance"] and row["bf16"] and suits(row) and ram_is_enough(model, row)
        for degree in _least_degree(model, run, row, length)
    ]
    candidates.sort(key=lambda each: (_price(each[0]["instance"], region) is None, _cost(each[0], region)))
    for row, degree in candidates[:2]:
        cards = f" with {degree} cards" if degree > 1 else ""
        what = f"{row['instance']}{cards}{format_price(row['instance'], region)}"
        yield Alternative(what, "instance_type", row["instance"], degree)


def _least_degree(model: ModelFacts, run: ServingConfig, row: tables.Row, length: int) -> Iterator[int]:
    for degree in degrees(model, row["gpus"]):
        there = default_config(row, degree, run.release)
        there = replace(run, card_gib=there.card_gib, linked=there.linked, degree=degree)
        if _fits(model, there, length):
            yield degree
            return


def _smaller_weights(model: ModelFacts, run: ServingConfig, instance: tables.Row, length: int) -> Iterator[Alternative]:
    if model.quantization or run.weight_bits is not None:
        return
    if instance["fp8"] and _fits(model, replace(run, weight_bits=8.0), length):
        # vLLM holds the weights in their own precision before it makes them smaller
        as_they_are = weights_gib(model, run) < 0.9 * run.card_gib
        yield (
            Alternative("the weights in FP8", "quantize", "fp8")
            if as_they_are
            else Alternative("an FP8 checkpoint of the model")
        )
    elif _fits(model, replace(run, weight_bits=4.2), length):
        yield Alternative("a 4-bit checkpoint of the model (AWQ)")


def _fits(model: ModelFacts, run: ServingConfig, length: int) -> bool:
    return compute_fit(model, run, length).verdict == "fits"


def ram_is_enough(model: ModelFacts, instance: tables.Row) -> bool:
    """Whether the host can hold the weights while they are read. Files that are mapped may do with less."""
    return model.weights_bytes <= MOST_OF_RAM * float(instance["ram_gib"]) * GIB


def format_price(instance: str, region: str | None) -> str:
    """`, $1.408 an hour in us-east-1`; nothing where no price is known."""
    price = _price(instance, region)
    return f", ${price[0]:g} an hour in {price[1]}" if price else ""


def _price(instance: str, region: str | None) -> tuple[float, str] | None:
    """USD an hour in that region, else in us-east-1, and the region it is of; None if neither is known."""
    listed = _prices().get(instance, {})
    return next(((listed[where], where) for where in (region or "", HOME_REGION) if where in listed), None)


@cache
def _prices() -> dict[str, dict[str, float]]:
    prices: dict[str, dict[str, float]] = {}
    for row in tables.rows("prices"):
        prices.setdefault(row["instance"], {})[row["region"]] = float(row["usd_per_hour"])
    return prices


def _cost(row: tables.Row, region: str | None) -> float:
    """Its price; of instances without one, the memory of all their cards."""
    price = _price(row["instance"], region)
    return price[0] if price else float(row["gpus"] * row["vram_gib"])


def describe_alternatives(alternatives: Sequence[Alternative], most: int = 4) -> str:
    return "; ".join(way.what for way in alternatives[:most])

"""What fits on a card: the figures of the fact sheet, starts that were published, and what stays true of any model."""

import json
import re
import statistics
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.lmi import memory, model, tables
from sluice.lmi.memory import ServingConfig

TESTS = Path(__file__).parents[1]
DOCUMENT = (TESTS.parent / "docs" / "memory.md").read_text(encoding="utf-8")
PUBLISHED = json.loads((TESTS / "published_loads.json").read_text(encoding="utf-8"))
LOADS = PUBLISHED["loads"]
INSTANCES = tables.by("instances", "instance")
QWEN3_4B = model.find_model("Qwen/Qwen3-4B-Instruct-2507")
QWEN3_8B = model.find_model("Qwen/Qwen3-8B")
QWEN3_32B = model.find_model("Qwen/Qwen3-32B")
assert QWEN3_4B and QWEN3_8B and QWEN3_32B

# GiB left for the KV cache and tokens in it: model, instance, degree, LMI 17, and the tokens of LMI 25.
FACTS = [
    ("Qwen3-0.6B", "ml.g5.xlarge", 1, 17.34, 162336, 161776),
    ("Qwen3-0.6B", "ml.g5.12xlarge", 4, 18.07, 676784, 674544),
    ("Qwen3-0.6B", "ml.g6e.xlarge", 1, 37.41, 350240, 353840),
    ("Qwen3-1.7B", "ml.g5.xlarge", 1, 15.25, 142720, 142160),
    ("Qwen3-1.7B", "ml.g5.12xlarge", 4, 17.55, 657184, 654928),
    ("Qwen3-4B-Instruct-2507", "ml.g5.xlarge", 1, 10.96, 79776, 79344),
    ("Qwen3-4B-Instruct-2507", "ml.g6.xlarge", 1, 10.96, 79776, 79344),
    ("Qwen3-4B-Instruct-2507", "ml.g5.12xlarge", 4, 16.48, 479920, 478176),
    ("Qwen3-4B-Instruct-2507", "ml.g6e.xlarge", 1, 31.03, 225920, 228736),
    ("Qwen3-8B", "ml.g5.2xlarge", 1, 3.19, 23248, 22816),
    ("Qwen3-8B", "ml.g5.12xlarge", 4, 14.54, 423376, 421632),
    ("Qwen3-8B", "ml.g6e.xlarge", 1, 23.26, 169392, 172208),
    ("Qwen3-14B", "ml.g5.xlarge", 1, -9.66, 0, 0),
    ("Qwen3-14B", "ml.g5.12xlarge", 4, 11.17, 292880, 291312),
    ("Qwen3-14B", "ml.g6e.xlarge", 1, 10.41, 68224, 70752),
    ("Qwen3-32B", "ml.g5.12xlarge", 4, 2.79, 45776, 44784),
    ("Qwen3-32B", "ml.g6e.xlarge", 1, -23.1, 0, 0),
]


@pytest.mark.parametrize(("name", "instance", "degree", "gib", "tokens", "later"), FACTS)
def test_the_figures_of_the_fact_sheet_come_out(name, instance, degree, gib, tokens, later):
    facts = model.find_model(name)
    run = memory.default_config(INSTANCES[instance], degree, 17)
    newer = memory.default_config(INSTANCES[instance], degree, 25)
    assert round(memory.estimate_memory(facts, run).cache, 2) == gib
    assert memory.compute_fit(facts, run, 4096).tokens == tokens
    assert memory.compute_fit(facts, newer, 4096).tokens == later


def test_the_longest_context_of_the_4b_needs_36_gib():
    assert memory.kv_gib(QWEN3_4B, 262144) == 36.0


def loaded(load):
    facts = model.from_config(PUBLISHED["models"][load["model"]], load["model"])
    run = ServingConfig(
        load["card_gib"],
        load["degree"],
        load["release"],
        load["utilization"],
        load["max_num_seqs"],
        load["batched_tokens"],
        cache_bytes=1.0 if load.get("kv_cache_dtype") == "fp8" else 2.0,
        weight_bits=8.0 if load.get("quantize") == "fp8" else None,
        linked=load["card"].startswith(memory.LINKED),
    )
    return memory.estimate_memory(facts, run)


def errors():
    """In GiB and as a share of what the log says, load by load; above 0 the estimate promises too much."""
    return [(loaded(load).cache - load["kv_gib"], loaded(load).cache / load["kv_gib"] - 1) for load in LOADS]


def test_published_starts_are_many_and_varied():
    assert len(LOADS) >= 12
    assert len({load["model"] for load in LOADS}) >= 8 and len({load["card"] for load in LOADS}) >= 6
    assert [load for load in LOADS if not load["link"].startswith("https://")] == []


def test_the_estimate_never_promises_more_than_the_document_says():
    gib, share = zip(*errors(), strict=True)
    stated = re.search(
        r"median (\S+) GiB \((\S+) %\).*?at most (\S+) GiB too little.*?at most (\S+) GiB too much", DOCUMENT, re.S
    )
    assert stated is not None
    median, percent, too_little, too_much = (float(each) for each in stated.groups())
    assert statistics.median(abs(each) for each in gib) == pytest.approx(median, abs=0.05)
    assert statistics.median(abs(each) for each in share) * 100 == pytest.approx(percent, abs=0.5)
    assert -min(gib) <= too_little and max(gib) <= too_much


@pytest.mark.parametrize(
    "load", LOADS, ids=lambda load: f"{load['model']} on {load['degree']} {load['card']}, vLLM {load['vllm']}"
)
def test_the_document_has_every_published_start_beside_its_estimate(load):
    row = next(
        (line for line in DOCUMENT.splitlines() if load["link"] in line and f"| {load['kv_gib']:.2f} |" in line), ""
    )
    assert f"| {loaded(load).cache:.2f} |" in row and load["model"] in row


@pytest.mark.parametrize(
    "load", LOADS, ids=lambda load: f"{load['model']} on {load['degree']} {load['card']}, vLLM {load['vllm']}"
)
def test_a_start_that_worked_is_never_beyond_the_best_case(load):
    assert loaded(load).cache_at_best > load["kv_gib"]


def test_a_published_refusal_is_refused_here():
    """gpt-oss-120b on one H100 with vLLM's defaults: -2.14 GiB were left (vllm-project/vllm#23278)."""
    facts = model.from_config(PUBLISHED["models"]["gpt-oss-120b"], "gpt-oss-120b")
    run = ServingConfig(79.18, release=16, utilization=0.9, max_num_seqs=1024, batched_tokens=8192)
    assert memory.estimate_memory(facts, run).cache == pytest.approx(-2.14, abs=0.6)
    assert not memory.compute_fit(facts, run, 131072).starts


def test_layers_with_a_window_keep_no_more_than_that():
    """131,072 tokens of gpt-oss-120b are reported to need 4.54 GiB (vllm-project/vllm#27508)."""
    facts = model.from_config(PUBLISHED["models"]["gpt-oss-120b"], "gpt-oss-120b")
    assert memory.kv_gib(facts, 131072) == pytest.approx(4.54, abs=0.05)
    assert memory.kv_gib(facts, 131072, windows=False) == pytest.approx(9.0, abs=0.05)
    older, newer = (
        memory.compute_fit(facts, ServingConfig(79.18, 2, release), 131072).request_gib for release in (15, 17)
    )
    assert older > 1.9 * newer


def test_latent_attention_is_never_shared_out():
    facts = replace(QWEN3_4B, kv_lora_rank=512, qk_rope_head_dim=64)
    assert memory.kv_gib(facts, 4096, 8) == memory.kv_gib(facts, 4096, 1) == 36 * 4096 * 576 * 2 / 2**30


def test_heads_are_shared_out_until_every_card_has_one():
    wide, narrow = replace(QWEN3_4B, kv_heads=8), replace(QWEN3_4B, kv_heads=2)
    assert memory.kv_gib(wide, 4096, 8) == memory.kv_gib(wide, 4096) / 8
    assert memory.kv_gib(narrow, 4096, 8) == memory.kv_gib(narrow, 4096, 2)


def test_an_fp8_cache_holds_twice_as_much():
    run = memory.default_config(INSTANCES["ml.g6.xlarge"], 1, 17)
    assert memory.compute_fit(QWEN3_4B, replace(run, cache_bytes=1.0), 4096).tokens >= 2 * 79776


@pytest.mark.parametrize(
    ("changes", "least", "most"),
    [
        ({"eager": True}, 0.49, 0.51),  # no CUDA graphs
        ({"offload_gib": 2.0}, 1.99, 2.01),
        ({"weight_bits": 8.0}, 3.0, 3.6),
        ({"max_num_seqs": 1024}, -1.5, -1.2),
        ({"batched_tokens": 65536}, -6.6, -5.0),
        ({"utilization": 0.8}, -2.7, -2.6),
    ],
)
def test_what_options_do_to_the_room(changes, least, most):
    run = memory.default_config(INSTANCES["ml.g5.xlarge"], 1, 25)
    assert (
        least
        <= memory.estimate_memory(QWEN3_4B, replace(run, **changes)).cache - memory.estimate_memory(QWEN3_4B, run).cache
        <= most
    )


@pytest.mark.parametrize(("release", "seqs"), [(15, 256), (16, 256), (17, 32), (27, 32)])
def test_how_many_requests_a_release_takes_up_unless_told_otherwise(release, seqs):
    assert memory.default_config(INSTANCES["ml.g5.xlarge"], 1, release).max_num_seqs == seqs


@pytest.mark.parametrize(
    ("length", "verdict"),
    [(4096, "fits"), (65536, "fits"), (73728, "close"), (86016, "close"), (98304, "misses"), (262144, "misses")],
)
def test_between_a_fit_and_a_miss_nothing_is_claimed(length, verdict):
    assert (
        memory.compute_fit(QWEN3_4B, memory.default_config(INSTANCES["ml.g5.xlarge"], 1, 17), length).verdict == verdict
    )


def test_requests_at_a_time_are_what_the_cache_holds_and_no_more_than_are_taken_up():
    run = memory.default_config(INSTANCES["ml.g5.xlarge"], 1, 17)
    assert memory.compute_fit(QWEN3_4B, run, 4096).concurrency == pytest.approx(19.5, abs=0.05)
    assert memory.compute_fit(QWEN3_4B, replace(run, max_num_seqs=8), 4096).concurrency == 8


def ways(facts, instance, length, degree=1, **changes):
    run = replace(memory.default_config(INSTANCES[instance], degree, 17), **changes)
    return memory.suggest_alternatives(facts, run, INSTANCES[instance], length, "us-east-1")


def test_on_a_misfit_less_context_comes_first_and_fits_with_the_margin():
    first = ways(QWEN3_4B, "ml.g5.xlarge", 262144)[0]
    assert (first.name, first.value) == ("max_model_len", "65536")
    run = memory.default_config(INSTANCES["ml.g5.xlarge"], 1, 17)
    assert memory.compute_fit(QWEN3_4B, run, 65536).verdict == "fits"
    assert memory.compute_fit(QWEN3_4B, run, 65536 + 4096).verdict != "fits"


def test_on_a_misfit_more_cards_of_the_same_instance_are_named():
    options = {way.name: way.value for way in ways(QWEN3_8B, "ml.g5.12xlarge", 40960)}
    assert options["tensor_parallel_degree"] == "2"


@pytest.mark.parametrize(("heads", "degrees"), [(32, [1, 2, 4, 8]), (28, [1, 2, 4]), (14, [1, 2]), (15, [1])])
def test_a_degree_that_is_offered_divides_the_heads(heads, degrees):
    assert list(memory.degrees(replace(QWEN3_8B, heads=heads), 8)) == degrees
    offered = ways(replace(QWEN3_8B, heads=heads), "ml.g5.48xlarge", 400_000)
    more_cards = [int(way.value) for way in offered if way.name == "tensor_parallel_degree"]
    other_instances = [way.degree for way in offered if way.name == "instance_type"]
    assert {*more_cards, *other_instances} <= set(degrees)


def test_on_a_misfit_no_card_without_bfloat16_is_named():
    """A T4 would hold the model, but cannot compute in the type of its weights."""
    question = {"facts": QWEN3_8B, "run": memory.default_config(INSTANCES["ml.g5.xlarge"], 1, 17), "length": 40960}
    instances = {}
    for family in ("ml.g4dn.", "ml.g5."):
        offered = memory.suggest_alternatives(
            question["facts"],
            question["run"],
            INSTANCES["ml.g5.xlarge"],
            question["length"],
            suits=lambda row, family=family: row["instance"].startswith(family),
        )
        instances[family] = [way.value for way in offered if way.name == "instance_type"]
    t4 = memory.default_config(INSTANCES["ml.g4dn.12xlarge"], 4, 17)
    assert memory.compute_fit(QWEN3_8B, t4, 40960).verdict == "fits"
    assert instances["ml.g5."] and instances["ml.g4dn."] == []


def test_on_a_misfit_the_cheapest_other_instances_are_named_with_their_price():
    alternatives = [way for way in ways(QWEN3_8B, "ml.g5.xlarge", 40960) if way.name == "instance_type"]
    prices = [float(re.search(r"\$([\d.]+) an hour in us-east-1", way.what)[1]) for way in alternatives]
    assert prices and prices == sorted(prices)
    for way in alternatives:
        there = memory.default_config(INSTANCES[way.value], way.degree, 17)
        assert memory.compute_fit(QWEN3_8B, there, 40960).verdict == "fits"


def test_a_price_of_the_region_is_preferred_and_an_unknown_one_left_out():
    assert memory.format_price("ml.g5.xlarge", "ap-northeast-2").endswith("in ap-northeast-2")
    assert memory.format_price("ml.g5.xlarge", "nowhere-1").endswith("in us-east-1")
    assert memory.format_price("ml.nothing", "us-east-1") == ""


def test_smaller_numbers_are_offered_where_the_card_has_them():
    on_l4 = " ".join(way.what for way in ways(QWEN3_8B, "ml.g6.xlarge", 40960))
    on_a10g = " ".join(way.what for way in ways(QWEN3_8B, "ml.g5.xlarge", 40960))
    assert "FP8" in on_l4
    assert "FP8" not in on_a10g and "AWQ" in on_a10g


def test_a_quantized_model_is_not_told_to_be_quantized():
    quantized = replace(QWEN3_8B, quantization="awq")
    assert [way for way in ways(quantized, "ml.g5.xlarge", 40960) if "AWQ" in way.what or "weights" in way.what] == []


def test_a_model_with_an_encoder_is_given_more_room():
    run = memory.default_config(INSTANCES["ml.g5.xlarge"], 1, 17)
    assert memory.compute_fit(replace(QWEN3_4B, multimodal=True), run, 59392).verdict == "close"
    assert memory.compute_fit(QWEN3_4B, run, 59392).verdict == "fits"


SHAPES = st.builds(
    lambda layers, heads, kv, width, window, slide, state, weights, tied: replace(
        QWEN3_4B,
        layers=layers,
        heads=heads,
        kv_heads=kv,
        head_dim=width,
        sliding_window=window,
        window_layers=min(slide, layers),
        state_layers=min(state, layers - min(slide, layers)),
        weights_bytes=weights,
        tied=tied,
    ),
    st.integers(1, 128),
    st.integers(1, 128),
    st.integers(1, 128),
    st.integers(1, 512),
    st.integers(0, 8192),
    st.integers(0, 128),
    st.integers(0, 128),
    st.integers(0, 10**12),
    st.booleans(),
)
RUNS = st.builds(
    ServingConfig,
    st.sampled_from([14.6, 22.0, 44.3, 79.1, 139.8]),
    st.sampled_from([1, 2, 4, 8]),
    st.integers(9, 35),
    st.none() | st.floats(0.01, 1.0),
    st.integers(1, 65536),
    st.integers(1, 2**24),
    st.sampled_from([1.0, 2.0, 4.0]),
    st.none() | st.sampled_from([4.2, 8.0, 16.0, 32.0]),
)


@settings(max_examples=200, deadline=None)
@given(SHAPES, RUNS, st.integers(1, 2**22))
def test_a_longer_context_never_fits_better_and_a_fit_leaves_its_margin(facts, run, length):
    order = ["fits", "close", "misses"]
    short, long = memory.compute_fit(facts, run, length), memory.compute_fit(facts, run, 2 * length)
    assert order.index(short.verdict) <= order.index(long.verdict)
    assert short.tokens % memory.BLOCK == 0 and short.tokens >= 0
    if short.verdict == "fits":
        assert short.need.cache - short.request_gib >= memory.SLACK_GIB - 1e-9
        assert short.request_gib <= (1 - memory.MARGIN) * short.need.cache + 1e-9
    if short.starts:
        assert short.verdict != "misses" and short.request_gib <= short.need.cache + 1e-6

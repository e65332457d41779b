"""Whether the model fits: weights, KV cache and what else takes room, on the card, in host memory and on disk.

What is clearly too large is an error; what the estimate cannot tell is a warning that says so; what fits with its
margin is not mentioned. The numbers are those of `sluice.lmi.memory`, for what the container really reads.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from sluice.lmi import memory, tables
from sluice.lmi.memory import GIB, Alternative, Fit, ServingConfig
from sluice.preflight.deployment_spec import DeploymentSpec, Setting
from sluice.preflight.finding import Confidence, Finding, Location, Rule
from sluice.preflight.memory.serving import (
    DEGREE,
    LENGTH,
    ServingInstance,
    has_room,
    intended_length,
    is_on,
    list_serving_instances,
    longest_of_model,
    read_context_length,
    read_number,
    read_option,
    spelling,
    unread_length,
    utilization,
)

ACCURACY = "docs/memory.md"

MEM001 = Rule(
    "MEM001",
    "The context is longer than what fits on the card",
    "error",
    "verified",
    "https://github.com/vllm-project/vllm/issues/16118",
    "vLLM loads the weights, measures what is left of its share of the card, and refuses to start if one request "
    "of `max_model_len` tokens has no room there. If `max_model_len` is not set, or is written under a name that "
    "the container does not read, the model's own maximum counts: 262,144 tokens for Qwen3-4B-Instruct-2507, "
    "which is 36 GiB of KV cache. It happens after the weights are loaded, so minutes into a billed start, and "
    "SageMaker repeats it.\n\n"
    "This is only said where even the best case has no room. Set `max_model_len` to what you need: question, "
    "history and answer together. docs/memory.md has the arithmetic.",
    "OPTION_MAX_MODEL_LEN=262144",
    "OPTION_MAX_MODEL_LEN=65536",
)
MEM002 = Rule(
    "MEM002",
    "The weights leave no room on the card",
    "error",
    "verified",
    "https://github.com/vllm-project/vllm/issues/2248",
    "vLLM may use 90 % of a card (92 % from LMI 25 on). The weights, shared out over the cards of one copy, have "
    "to leave room there for a step's own tensors and for a KV cache; else the start ends with CUDA out of memory"
    " or with `No available memory for the cache blocks`. More cards, larger ones, or a checkpoint in FP8 or 4 "
    "bits help.",
    "--model Qwen/Qwen3-32B",
    "--model Qwen/Qwen3-32B\n--instance-type ml.g5.12xlarge\nTENSOR_PARALLEL_DEGREE=4",
)
MEM003 = Rule(
    "MEM003",
    "Too close to call",
    "warning",
    "inferred",
    ACCURACY,
    "The context fits by the estimate, but with less than 15 % or 1 GiB to spare; or it does not, but by so "
    "little that the estimate may be wrong. Either way this cannot promise a start. docs/memory.md compares the "
    "estimate with published starts. Ask for a little less, or try it once before you rely on it.",
    "OPTION_MAX_MODEL_LEN=73728",
    "OPTION_MAX_MODEL_LEN=65536",
)
MEM004 = Rule(
    "MEM004",
    "Long requests will wait for each other",
    "note",
    "verified",
    "https://github.com/vllm-project/vllm/issues/8031",
    "`max_rolling_batch_size` requests are taken up at a time (32 unless set; 256 with rolling batch), but the KV"
    " cache has room for fewer of the longest that `max_model_len` allows. Nothing breaks: requests wait, or are "
    "put back and computed again later. If most requests are short, this is how it should be; silence the rule "
    "then.",
    "OPTION_MAX_MODEL_LEN=32768",
    "OPTION_MAX_MODEL_LEN=4096",
)
MEM005 = Rule(
    "MEM005",
    "Little host memory for loading",
    "warning",
    "inferred",
    ACCURACY,
    "The weights pass through the host's memory on their way to the card, beside the Java server's own. Above "
    "three quarters of it, a start can be ended by the system without a word in the log, or crawl. The next size "
    "of the same family has twice the memory for little more.",
    "--model Qwen/Qwen3-8B",
    "--model Qwen/Qwen3-8B\n--instance-type ml.g5.2xlarge",
)
MEM006 = Rule(
    "MEM006",
    "The weights do not fit on the disk",
    "error",
    "documented",
    "https://github.com/huggingface/text-generation-inference/issues/694",
    "SageMaker puts the model on the instance's own disk, or on a volume of `volume_gb` where the instance has "
    "none, and a container that fetches a hub id writes to the same place. A model that is larger than that ends "
    "with `No space left on device`.",
    "",
    "",
)
MEM007 = Rule(
    "MEM007",
    "FP8 on a card without FP8",
    "warning",
    "inferred",
    "https://docs.vllm.ai/en/latest/features/quantization/fp8.html",
    "Cards before compute capability 8.9 (A10G, A100, T4) cannot multiply in FP8. vLLM then only stores the "
    "weights so and turns them back at every step: they take half the room, and answers come no faster. An FP8 KV"
    " cache needs another attention kernel there, if one is found at all. ml.g6 and ml.g6e have FP8.",
    "OPTION_QUANTIZE=fp8",
    "OPTION_QUANTIZE=fp8\n--instance-type ml.g6.xlarge",
)
MEM008 = Rule(
    "MEM008",
    "More cards than one copy uses",
    "note",
    "verified",
    "https://github.com/deepjavalibrary/djl-serving/blob/d21927c4a692335fba62a87cc430a5fc00c5f790/wlm/src/main/java/ai/djl/serving/wlm/ModelInfo.java",
    "With a `tensor_parallel_degree` below the number of cards, the server starts as many copies of the model as "
    "there is room for, each with a KV cache of its own; cards that are left over stay idle and are paid for. "
    "Copies serve more short requests; one copy over all cards serves longer contexts.",
    "--instance-type ml.g5.12xlarge\nTENSOR_PARALLEL_DEGREE=1",
    "--instance-type ml.g5.12xlarge\nTENSOR_PARALLEL_DEGREE=4",
)
MEM009 = Rule(
    "MEM009",
    "vLLM's share of the card is too small or too large",
    "warning",
    "inferred",
    "https://github.com/vllm-project/vllm/issues/18582",
    "`gpu_memory_utilization` is the share of the whole card that weights, KV cache and all else of vLLM get. Far"
    " below 0.9 the model has no room although the card has; close to 1 nothing is left for what stays outside of"
    " it: the driver's own part, CUDA graphs up to LMI 24, NCCL. The start then ends with CUDA out of memory.",
    "OPTION_GPU_MEMORY_UTILIZATION=0.4",
    "OPTION_GPU_MEMORY_UTILIZATION=0.9",
)
MEM010 = Rule(
    "MEM010",
    "Memory was not checked",
    "note",
    "verified",
    ACCURACY,
    "Nothing here says how large the model is, so whether it fits was not looked at. Name it by its id if the "
    "table of known models has it, or give its own `config.json` with `--model-config`, or the folder with the "
    "weights.",
    "--model somebody/a-model-of-their-own",
    "--model Qwen/Qwen3-4B-Instruct-2507",
)
MEM011 = Rule(
    "MEM011",
    "The context is longer than the model was made for",
    "error",
    "verified",
    "https://github.com/vllm-project/vllm/issues/2418",
    "vLLM compares `max_model_len` with what the model's config.json allows (its positions, times the factor of a"
    " stretched RoPE) and refuses to start if more is asked for. It happens before the weights are loaded.",
    "OPTION_MAX_MODEL_LEN=300000",
    "OPTION_MAX_MODEL_LEN=65536",
)
MEM012 = Rule(
    "MEM012",
    "The weights are loaded whole before they become FP8",
    "warning",
    "documented",
    "https://docs.vllm.ai/en/v0.11.0/features/quantization/fp8.html",
    "`quantize=fp8` on a checkpoint in 16 bits makes the weights smaller on the card, after they have been loaded"
    " there as they are. The card therefore needs room for all of them first. A checkpoint that is in FP8 already"
    " loads directly, and needs no option.",
    "--model Qwen/Qwen3-14B\n--instance-type ml.g6.xlarge\nOPTION_QUANTIZE=fp8",
    "--model Qwen/Qwen3-14B\n--instance-type ml.g6e.xlarge\nOPTION_QUANTIZE=fp8",
)
RULES: tuple[Rule, ...] = (
    MEM001, MEM002, MEM003, MEM004, MEM005, MEM006, MEM007, MEM008, MEM009, MEM010, MEM011, MEM012,
)  # fmt: skip

ERROR = "Published starts had 0.5 GiB more than this estimate in the median, and at most 2.1 GiB more or 0.2 GiB less."
AGAIN = "SageMaker starts the container again and again until the health check's time is up"
FEW = 8  # long requests at a time
DECIDED = ("kv_cache_memory_bytes", "num_gpu_blocks_override")  # options after which vLLM measures nothing
OUTSIDE_GIB = {15: 2.5, 16: 2.5}  # what CUDA graphs take beside vLLM's share, by release
OUTSIDE_LATER_GIB, OUTSIDE_COUNTED_GIB = 0.75, 0.4


def check_context_memory(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields MEM001, MEM002, MEM003, MEM009 and MEM011: whether one request of the whole length has room."""
    wrong = _beyond_the_model(setup)
    if wrong is not None:
        yield wrong
    for case in list_serving_instances(setup):
        if any(read_option(setup, name) for name in DECIDED):
            continue
        if wrong is not None:
            case = replace(case, length=_longest(setup, longest_of_model(setup) or memory.BLOCK))
        tokens = case.length or memory.BLOCK
        fit = memory.compute_fit(case.model, case.run, tokens)
        problem = _utilization_at_fault(case, fit) or _misfit(case, fit)
        if problem is not None and (case.length is not None or problem.code != "MEM001"):
            yield problem


def _beyond_the_model(setup: DeploymentSpec) -> Finding | None:
    setting, requested, most = read_option(setup, LENGTH), read_context_length(setup), longest_of_model(setup)
    if setting is None or not requested or not most or requested <= most:
        return None
    what = f"By its config.json the model takes at most {most:,} tokens, and {requested:,} are asked for"
    return MEM011.at(setting.place, f"{what}: vLLM does not start. {AGAIN}.", setup.line(LENGTH, _longest(setup, most)))


def _longest(setup: DeploymentSpec, most: int) -> int:
    """Of what the model takes, what has room on every instance; all of it, where that is not known."""
    return min(
        [most, *(memory.longest_context(case.model, case.run) or most for case in list_serving_instances(setup))]
    )


def _utilization_at_fault(case: ServingInstance, fit: Fit) -> Finding | None:
    setting = read_option(case.setup, "gpu_memory_utilization")
    usual = memory.default_utilization(case.run.release)
    if setting is None or fit.verdict == "fits" or case.run.share >= usual:
        return None
    if memory.compute_fit(case.model, replace(case.run, utilization=None), fit.length).verdict != "fits":
        return None
    need = fit.need
    what = (
        f"vLLM may use {case.run.share:.0%} of the {case.run.card_gib:g} GiB of {_a_card(case)}: {need.budget:.1f}. "
        f"The weights take {need.weights:.1f} GiB of that, and {fit.length:,} tokens want {fit.request_gib:.1f} GiB of "
        "KV cache: "
    )
    end = f"it does not start. {AGAIN}." if fit.verdict == "misses" else f"it may not start. {ERROR}"
    line = case.setup.line("gpu_memory_utilization", usual)
    return MEM009.at(setting.place, what + end, line, severity="error" if fit.verdict == "misses" else None)


def _misfit(case: ServingInstance, fit: Fit) -> Finding | None:
    if fit.verdict == "fits":
        return None
    instead, fix = _instead(case, fit)
    if fit.verdict == "close":
        where = _length_place(case.setup) if case.length is not None else case.place
        return MEM003.at(where, f"{_summed(case, fit)} {ERROR}{instead}", fix)
    if fit.need.cache_at_best <= memory.kv_gib(case.model, memory.BLOCK, case.run.degree, case.run.cache_bytes):
        return MEM002.at(case.place, f"{_no_room(case, fit)}{instead}", fix, confidence=_sure(case))
    return MEM001.at(_length_place(case.setup), f"{_too_long(case, fit)}{instead}", fix, confidence=_sure(case))


def _instead(case: ServingInstance, fit: Fit) -> tuple[str, str]:
    """What fits, in words, and the line to write. What somebody meant to ask for is not advised against where it
    fits: then the rule about its name has the line."""
    intended = intended_length(case.setup)
    if intended is not None and has_room(case.setup, intended[1]):
        return f" What fits: the {intended[1]:,} tokens of {intended[0].place.where}.", ""
    tokens = min(intended[1], fit.length) if intended else fit.length
    ways = memory.suggest_alternatives(case.model, case.run, case.instance, tokens, case.setup.region, _suits(case))
    if not ways:
        return " No instance of the table has room for it as it is.", ""
    shorter = [way for way in ways if way.name == LENGTH]
    # While no length is read, nothing helps that leaves the model's own.
    return f" What fits: {memory.describe_alternatives(ways)}.", _line(case, (shorter or ways) if intended else ways)


def _sure(case: ServingInstance) -> Confidence:
    return "inferred" if case.model.multimodal else "verified"


def _too_long(case: ServingInstance, fit: Fit) -> str:
    need = fit.need
    return (
        f"On {case.name} the container starts and loads the weights ({need.weights:.1f} GiB {_on_each(case)}). Then "
        f"vLLM needs {fit.request_gib:.1f} GiB of KV cache for a context of {fit.length:,} tokens{_whose(case.setup)}, "
        f"where about {max(need.cache, 0):.1f} GiB are free, at best {need.cache_at_best:.1f}: it ends there. {AGAIN}."
    )


def _no_room(case: ServingInstance, fit: Fit) -> str:
    need = fit.need
    return (
        f"The weights ({case.model.weights_bytes / GIB:.1f} GiB, {_of(case)}) take {need.weights:.1f} GiB "
        f"{_on_each(case)}. On {case.name} vLLM may use {need.budget:.1f} of {case.run.card_gib:g} GiB, and all else "
        f"takes about {need.activations + need.non_torch + need.graphs:.1f}: nothing is left for a KV cache. It runs "
        f"out of memory while it loads or right after. {AGAIN}."
    )


def _summed(case: ServingInstance, fit: Fit) -> str:
    need = fit.need
    free = f"about {need.cache:.1f} GiB" if need.cache > 0 else "about nothing"
    sight = " The model's encoder is not counted and takes more." if case.model.multimodal else ""
    return (
        f"On {case.name}, beside {need.weights:.1f} GiB of weights ({_of(case)}) {_on_each(case)}, {free} should be "
        f"left for the KV cache and at best {need.cache_at_best:.1f}; {fit.length:,} tokens{_whose(case.setup)} need "
        f"{fit.request_gib:.1f}. Too close to call: it may start or not.{sight}"
    )


def _of(case: ServingInstance) -> str:
    return f"by the {case.model.origin}" if case.model.origin == "table" else f"by its {case.model.origin}"


def _on_each(case: ServingInstance) -> str:
    return f"on each of {case.run.degree} cards" if case.run.degree > 1 else "on the card"


def _a_card(case: ServingInstance) -> str:
    return f"each {case.instance['gpu']}" if case.run.degree > 1 else f"the {case.instance['gpu']}"


def _whose(setup: DeploymentSpec) -> str:
    """Why it is this length, where nothing that is read says so."""
    if read_option(setup, LENGTH) is not None:
        return ""
    unread = unread_length(setup)
    return (
        f" (the model's own: {unread.place.where} is not read)"
        if unread
        else f" (the model's own: {LENGTH} is not set)"
    )


def _length_place(setup: DeploymentSpec) -> Location:
    """Where the length stands; else where somebody thought it did; else where it would have to."""
    setting = read_option(setup, LENGTH)
    unread = unread_length(setup)
    return setting.place if setting else unread.place if unread else setup.option_place(LENGTH)


def _suits(case: ServingInstance) -> Callable[[tables.Row], bool]:
    """Instances that this may run on: of that use, in that region, with a driver for the image's CUDA."""
    use = "hosting" if case.place == case.setup.at("instance_type") else "processing"
    cuda_13 = case.setup.parsed is not None and case.setup.parsed.cuda.startswith("13")
    region = tables.by("regions", "region").get(case.setup.region, {})
    offered = f"{region.get('offered', '')} {region.get('priced', '')}".split()

    def suits(row: tables.Row) -> bool:
        there = not offered or row["instance"] in offered or row["instance"].rpartition(".")[0] in offered
        return there and bool(row[use]) and not (cuda_13 and row.get("default_driver") == "470")

    return suits


def _line(case: ServingInstance, ways: list[Alternative]) -> str:
    """The first change that one line makes."""
    fixed = read_option(case.setup, DEGREE) is not None
    for way in ways:
        if way.name == "instance_type" and not (fixed and way.degree != case.run.degree):
            return _written(case.place, way.value)
        if way.name == LENGTH:
            return case.setup.line(LENGTH, _longest(case.setup, int(way.value)))
        if way.name and way.name != "instance_type":
            return case.setup.line(spelling(case.setup, way.name), way.value)
    return ""


def _written(place: Location, value: str) -> str:
    """A flag or a key of the file with another value."""
    return f"{place.where} {value}" if place.where.startswith("--") else f"{place.where.rpartition('.')[2]}: {value}"


def check_concurrency(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields MEM004: long requests will wait for each other."""
    for case in list_serving_instances(setup):
        if (
            case.length is None
            or case.place != setup.at("instance_type")
            or any(read_option(setup, name) for name in DECIDED)
        ):
            continue
        fit = memory.compute_fit(case.model, case.run, case.length)
        at_once, batch = int(fit.concurrency), case.run.max_num_seqs
        # Unless somebody chose a number, only a small one is worth a word.
        most = batch if read_number(setup, "max_rolling_batch_size") else min(batch, FEW)
        if fit.verdict == "misses" or not 1 <= at_once < most:
            continue
        what = (
            f"{batch} requests are taken up at a time, and the KV cache ({fit.need.cache:.1f} GiB, {fit.tokens:,} "
            f"tokens) holds about {at_once} of {case.length:,} tokens each: more long ones wait, or are computed again."
        )
        place = setup.option_place("max_rolling_batch_size")
        yield MEM004.at(place, what, setup.line("max_rolling_batch_size", at_once))


def check_host_memory(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields MEM005 and MEM006."""
    for case in list_serving_instances(setup):
        yield from _ram(case)
        yield from _disk(case)


def _ram(case: ServingInstance) -> Iterator[Finding]:
    if memory.ram_is_enough(case.model, case.instance):
        return
    # Where it does not fit on the card either, that rule names an instance that has memory enough as well.
    fits = memory.compute_fit(case.model, case.run, case.length or memory.BLOCK).verdict == "fits"
    larger = _larger(case) if fits else None
    what = (
        f"The weights are {case.model.weights_bytes / GIB:.1f} GiB, and {case.name} has {case.instance['ram_gib']:g} "
        "GiB of memory, of which the server takes some: loading may crawl, or be ended by the system."
    )
    instead = f" {larger} has enough{memory.format_price(larger, case.setup.region)}." if larger else ""
    yield MEM005.at(case.place, what + instead, _written(case.place, larger) if larger else "")


def _larger(case: ServingInstance) -> str | None:
    """The cheapest instance with the same cards and memory enough."""
    same = [
        row
        for row in tables.rows("instances")
        if (row["gpu"], row["gpus"]) == (case.instance["gpu"], case.instance["gpus"])
        and memory.ram_is_enough(case.model, row)
        and _suits(case)(row)
    ]
    return min(same, key=lambda row: float(row["ram_gib"]))["instance"] if same else None


def _disk(case: ServingInstance) -> Iterator[Finding]:
    size, own = case.model.weights_bytes, float(case.instance.get("nvme_gb", 0))
    there = own or float(case.setup.volume_gb or 0)
    if there <= 0 or size <= there * 10**9:
        return
    kind = "disk" if own else "volume"
    what = f"The weights are {size / 10**9:,.0f} GB and the {kind} of {case.name} has {there:,.0f} GB"
    yield MEM006.at(case.place, f"{what}: the download ends with no space left.")


def check_fp8(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields MEM007 and MEM012."""
    for case in list_serving_instances(setup):
        quantize, cache = read_option(setup, "quantize"), read_option(setup, "kv_cache_dtype")
        lacks = None if case.instance["fp8"] else f"The {case.instance['gpu']} of {case.name} has no FP8"
        if quantize is not None and quantize.value.lower() == "fp8":
            yield from _loaded_whole(case, quantize)
            if lacks:
                yield MEM007.at(quantize.place, f"{lacks}: the weights take less room, and nothing is faster.")
        if lacks and cache is not None and cache.value.lower().startswith("fp8"):
            what = "vLLM needs another attention kernel for such a cache, and may find none."
            yield MEM007.at(cache.place, f"{lacks}: {what}")


def _loaded_whole(case: ServingInstance, quantize: Setting) -> Iterator[Finding]:
    whole = memory.weights_gib(case.model, replace(case.run, weight_bits=None))
    if case.model.quantization or whole <= 0.97 * case.run.card_gib:
        return
    what = (
        f"The weights take {whole:.1f} GiB {_on_each(case)} before they are made FP8, and {_a_card(case)} of "
        f"{case.name} has {case.run.card_gib:g} GiB: unless this vLLM does it layer by layer, the start runs out of it."
    )
    yield MEM012.at(quantize.place, what)


def check_idle_cards(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields MEM008: more cards than one copy uses."""
    for case in list_serving_instances(setup):
        total, degree = int(case.instance["gpus"]), case.run.degree
        if degree >= total or case.place != setup.at("instance_type") or case.model.heads % degree:
            continue
        fits = memory.compute_fit(case.model, case.run, case.length or memory.BLOCK).verdict == "fits"
        copies, idle = divmod(total, degree)
        many = f"{copies} copies run side by side" if copies > 1 else "one copy runs"
        unused = f", and {idle} cards stay idle" if idle else ""
        what = f"{case.name} has {total} cards and a copy of the model takes {degree}: {many}{unused}."
        fix = setup.line(DEGREE, total) if fits and case.model.heads % total == 0 else ""
        yield MEM008.at(setup.option_place(DEGREE), what, fix)


def check_memory_share(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields MEM009, where too little stays outside of vLLM's share; it takes no model to see that."""
    setting = read_option(setup, "gpu_memory_utilization")
    row = tables.by("instances", "instance").get(setup.instance_type)
    if setting is None or row is None or setup.release is None:
        return
    eager = is_on(setup, "enforce_eager")
    run = replace(memory.default_config(row, 1, setup.release), utilization=utilization(setup), eager=eager)
    usual, outside = memory.default_utilization(setup.release), run.card_gib * (1 - run.share)
    needed = _needed_outside(run)
    if run.share <= usual or outside >= needed:
        return
    what = (
        f"{outside:.1f} GiB of each card of {setup.instance_type} stay outside of vLLM's share, where the driver and "
        f"CUDA graphs take up to {needed:g}: the start may run out of memory after the KV cache is set up."
    )
    yield MEM009.at(setting.place, what, setup.line("gpu_memory_utilization", usual))


def _needed_outside(run: ServingConfig) -> float:
    if run.eager or run.release >= memory.GRAPHS_FROM:
        return OUTSIDE_COUNTED_GIB
    return OUTSIDE_GIB.get(run.release, OUTSIDE_LATER_GIB)


def check_model_is_known(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields MEM010: memory was not checked."""
    if setup.model is not None or setup.release is None or setup.instance_type is None:
        return
    if tables.by("instances", "instance").get(setup.instance_type) is None:
        return
    what = f"{setup.model_id} is not in the table of known models" if setup.model_id else "No model is named"
    place = setup.at("model_id" if setup.model_id else "model")
    yield MEM010.at(place, f"{what}, so whether it fits on {setup.instance_type} was not checked.")


CHECKS: tuple[Callable[[DeploymentSpec], Iterator[Finding]], ...] = (
    check_context_memory,
    check_concurrency,
    check_host_memory,
    check_fp8,
    check_idle_cards,
    check_memory_share,
    check_model_is_known,
)

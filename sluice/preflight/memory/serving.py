"""How the container would run the model on each instance that is going to, by what it really reads of its options.

A value that is no number counts as not given: other rules say what it does.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from sluice.lmi import memory, options, tables
from sluice.lmi.memory import ServingConfig
from sluice.lmi.model import BYTES, ModelFacts
from sluice.preflight.deployment_spec import DeploymentSpec, Setting
from sluice.preflight.finding import Location

LENGTH = "max_model_len"
DEGREE = "tensor_parallel_degree"
STEP = "max_rolling_batch_prefill_tokens"
STRETCHED = ("hf_overrides", "rope_scaling", "rope_theta")  # options that change the model's own maximum
OTHER_LENGTHS = ("max_model_len", "max_input_length", "max_total_tokens", "max_input_tokens")  # of other containers
LENGTH_WORDS = ("len", "token", "seq", "position", "context")
NEWEST = max(options.RELEASES)
UNSTRETCHED_FROM = 17  # releases that take a LongRoPE model for what it was before it was stretched
SMALL = {"fp8": 8.0, "bitsandbytes": 4.5}  # bits of weights that vLLM makes smaller while it loads them


@dataclass(frozen=True)
class ServingInstance:
    """One instance that is going to run the container with this model."""

    setup: DeploymentSpec
    model: ModelFacts
    instance: tables.Row
    run: ServingConfig
    place: Location  # of the instance type
    length: int | None  # the context that vLLM will ask for; None if it chooses, or cannot read it

    @property
    def name(self) -> str:
        return str(self.instance["instance"])


@cache
def _spellings() -> dict[str, tuple[str, ...]]:
    """vLLM's names of options that the container has a name of its own for."""
    pairs = [(row["same_as"], row["name"]) for row in tables.rows("options") if "same_as" in row]
    return {own: tuple(name for same, name in pairs if same == own) for own, _ in pairs}


def list_serving_instances(setup: DeploymentSpec) -> Iterator[ServingInstance]:
    """The endpoint's instance, and the job's where that is another."""
    if setup.model is None or setup.release is None:
        return
    named = [("instance_type", setup.instance_type), ("job", setup.job.instance_type if setup.job else None)]
    for key, instance_type in {value: key for key, value in reversed(named) if value}.items():
        row = tables.by("instances", "instance").get(key)
        run = _run(setup, setup.model, setup.release, row) if row else None
        if row and run:
            yield ServingInstance(setup, setup.model, row, run, setup.at(instance_type), read_context_length(setup))


def read_context_length(setup: DeploymentSpec) -> int | None:
    """What is asked for, else the model's own maximum; `auto`, and what vLLM cannot read, is None."""
    setting = read_option(setup, LENGTH)
    if setting is None or setup.release is None:
        return _own_length(setup.model, setup.release or 0)
    try:
        return options.parse_length(setting.value, setup.release)
    except (ValueError, OverflowError):
        return None


def unread_length(setup: DeploymentSpec) -> Setting | None:
    """A setting that was meant to be the context's length, under a name that this container does not read."""
    candidates = (each for each in (*setup.environment, *setup.properties) if each.value and _means_length(each))
    return next(candidates, None) if read_option(setup, LENGTH) is None else None


def _means_length(setting: Setting) -> bool:
    name = setting.name.lower()
    plain = name.removeprefix("option.").removeprefix("option_")
    if plain == name:
        return name.removeprefix("sm_").removeprefix("vllm_") in OTHER_LENGTHS
    return any(word in plain for word in LENGTH_WORDS) and options.suggest_option(plain, NEWEST) == LENGTH


def intended_length(setup: DeploymentSpec) -> tuple[Setting, int] | None:
    """What somebody took for the context's length, and how many tokens the model can take of that: what stands under
    a name that is not read, else the budget of one step. None if a length is read, or nothing looks like one."""
    unread = unread_length(setup)
    if unread is not None and unread.name in {"MAX_INPUT_LENGTH", "MAX_INPUT_TOKENS"}:
        unread = setup.variable("MAX_TOTAL_TOKENS") or unread  # question and answer together are the context
    setting = unread or (read_option(setup, STEP) if read_option(setup, LENGTH) is None else None)
    try:
        tokens = options.parse_length(setting.value.strip(), setup.release or NEWEST) if setting else None
    except (ValueError, OverflowError):
        return None
    return (setting, min(tokens, longest_of_model(setup) or tokens)) if setting and tokens else None


def longest_of_model(setup: DeploymentSpec) -> int | None:
    """The most tokens that vLLM lets be asked for; None if that is not known, or somebody has lifted it."""
    lifted = setup.variable("VLLM_ALLOW_LONG_MAX_MODEL_LEN") or any(read_option(setup, name) for name in STRETCHED)
    return setup.model.max_positions or None if setup.model and not lifted else None


def has_room(setup: DeploymentSpec, tokens: int) -> bool:
    """Whether a context of so many tokens fits, with its margin, on every instance that is going to run this."""
    return all(
        memory.compute_fit(case.model, case.run, tokens).verdict == "fits" for case in list_serving_instances(setup)
    )


def _own_length(model: ModelFacts | None, release: int) -> int | None:
    if model is None:
        return None
    return (model.default_positions if release >= UNSTRETCHED_FROM else 0) or model.max_positions or None


def read_option(setup: DeploymentSpec, name: str) -> Setting | None:
    """An option under its own name or vLLM's, if this release reads it. One that is not known here is taken to."""
    return setup.option(each) if (each := next(_read_names(setup, name), None)) else None


def spelling(setup: DeploymentSpec, name: str) -> str:
    """The name under which an option is given and read; its own if it is not given."""
    return next(_read_names(setup, name), name)


def _read_names(setup: DeploymentSpec, name: str) -> Iterator[str]:
    release = setup.release or 0
    for each in (*_spellings().get(name, ()), name):
        if setup.option(each) is not None and (release not in options.RELEASES or options.is_read(each, release)):
            yield each


def _run(setup: DeploymentSpec, model: ModelFacts, release: int, instance: tables.Row) -> ServingConfig | None:
    """How the container would run here, as far as its options can be read; None if it would not come to that."""
    degree, stages = _degree(setup, int(instance["gpus"])), setup.option("pipeline_parallel_degree")
    if degree is None or (stages is not None and stages.value.strip() != "1"):
        return None
    usual = memory.default_config(instance, degree, release)
    return replace(
        usual,
        utilization=utilization(setup),
        max_num_seqs=int(_between(read_number(setup, "max_rolling_batch_size"), 0, 65536) or _seqs(setup, usual)),
        batched_tokens=int(
            _between(read_number(setup, "max_rolling_batch_prefill_tokens"), 0, 2**24) or usual.batched_tokens
        ),
        cache_bytes=_cache_bytes(setup),
        weight_bits=_weight_bits(setup, model),
        eager=is_on(setup, "enforce_eager"),
        offload_gib=_between(read_number(setup, "cpu_offload_gb_per_gpu"), 0, 10**5) or 0.0,
        whole_windows=is_on(setup, "disable_hybrid_kv_cache_manager"),
    )


def utilization(setup: DeploymentSpec) -> float | None:
    """vLLM's share of each card, where one is given that it takes."""
    return _between(read_number(setup, "gpu_memory_utilization"), 0, 1)


def _degree(setup: DeploymentSpec, gpus: int) -> int | None:
    setting = setup.option(DEGREE)
    if setting is None or setting.value.strip().lower() == "max":
        return gpus
    try:
        degree = int(setting.value[:12])
    except ValueError:
        return None
    return degree if 1 <= degree <= gpus else None


def _seqs(setup: DeploymentSpec, usual: ServingConfig) -> int:
    rolling = read_option(setup, "rolling_batch")
    legacy = rolling is not None and rolling.value.lower() in {"vllm", "lmi-dist", "trtllm"}
    return memory.ROLLING_SEQS if legacy else usual.max_num_seqs


def read_number(setup: DeploymentSpec, name: str) -> float | None:
    setting = read_option(setup, name)
    try:
        return float(setting.value[:24]) if setting else None
    except ValueError:
        return None


def _between(value: float | None, above: float, most: float) -> float | None:
    return value if value is not None and above < value <= most else None


def is_on(setup: DeploymentSpec, name: str) -> bool:
    setting = read_option(setup, name)
    return setting is not None and setting.value.strip().lower() == "true"


def _cache_bytes(setup: DeploymentSpec) -> float:
    cache, dtype = read_option(setup, "kv_cache_dtype"), read_option(setup, "dtype")
    if cache is not None and cache.value.lower().startswith("fp8"):
        return 1.0
    return 4.0 if dtype is not None and dtype.value == "fp32" else 2.0


def _weight_bits(setup: DeploymentSpec, model: ModelFacts) -> float | None:
    quantize, dtype = read_option(setup, "quantize"), read_option(setup, "dtype")
    if model.quantization:
        return None
    if quantize is not None and quantize.value.lower() in SMALL:
        return SMALL[quantize.value.lower()]
    if dtype is not None and dtype.value == "fp32":
        return 32.0
    return 16.0 if dtype is not None and dtype.value in {"fp16", "bf16"} and BYTES.get(model.dtype) == 4.0 else None

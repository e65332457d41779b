"""What an LMI container makes of its options: which it reads, which it ignores without a word, and which end its start.

The container prints an ignored name as if it had been applied, and a start that fails is tried again until the health
check's time is up; so both are found out here first. `tinylmi` fails by the same rules as the container. What is said
here of values was tried: on every release from 15 on, its own property classes and the argument parser of its vLLM were
given each of them.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from lmi import meant, tables

SPELLING = re.compile(r"OPTION_[A-Z_0-9]+")
DTYPES = ("auto", "fp32", "fp16", "bf16")
SUFFIXES = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
FALSE_PASSED_FROM = 26
AUTO_LENGTH_FROM = 19
ASYNC_FROM = 17
SEATS, ROLLING_SEATS = 32, 256  # requests at a time unless max_rolling_batch_size says otherwise

FRONT_END = frozenset({"use_passive_workers"})  # read by the Java side of every release, and by nothing behind it
JAVA = frozenset({"async_mode", "enable_stateful_sessions", "enable_venv", "max_num_tokens", "parallel_loading"})
YES_OR_NO = frozenset({"true", "false", "1", "0", "yes", "no", "on", "off", "t", "f", "y", "n"})  # to DJL's own options
# DJL's own whole numbers, which may have a .0; the degrees pass through Java, where they may not.
WHOLE = frozenset(
    {"batch_size", "cluster_size", "device_id", "max_loras", "max_num_batched_tokens",
     "max_rolling_batch_prefill_tokens", "max_rolling_batch_size", "spec_length", "waiting_steps"}
)  # fmt: skip
# Whole numbers that the table has no type for, or lists of them, of which LMI can hand on one.
NUMBERS = frozenset({"max_lora_rank", "cuda_graph_sizes", "cudagraph_capture_sizes", "numa_bind_nodes"})
SUFFIXED = frozenset({"kv_cache_memory_bytes", "safetensors_prefetch_block_size"})  # whole numbers that may be 10G
# Switches of vLLM that are not off unless somebody turns them off, by the release from which that is so.
NOT_OFF: Mapping[str, int] = {
    "enable_prefix_caching": 15,
    "enable_chunked_prefill": 15,
    "use_tqdm_on_load": 15,
    "async_scheduling": 19,
    "disable_hybrid_kv_cache_manager": 19,
    "disable_nccl_for_dp_synchronization": 19,
    "enable_flashinfer_autotune": 21,
    "disable_cascade_attn": 23,
    "scheduler_reserve_full_isl": 24,
    "enable_bf16x3_router_gemm": 28,
}
PASSED_EARLY = {("enable_chunked_prefill", 15), ("multi_step_stream_outputs", 15)}  # a false that does arrive
ONLY_ON = frozenset({"disable_log_stats", "aggregate_engine_logging", "data_parallel_multi_port_external_lb"})
# Fields of vLLM's arguments that its parser has no argument for, by the release from which that is so.
UNSPOKEN: Mapping[str, int] = {
    "_api_process_count": 17,
    "_api_process_rank": 17,
    "tokens_only": 17,
    "enable_mm_processor_stats": 19,
}
ODD = "guided_decoding_disable_"  # switches that take a value, and any
NEVER_TEXT = {"input_formatter": "must be a function of model.py", "kwargs": "must be an object, which no text is"}
OBJECTS = frozenset(
    {"default_mm_loras", "limit_mm_per_prompt", "media_io_kwargs", "mm_processor_kwargs", "override_generation_config",
     "rope_scaling", "speculative_config", "diffusion_config", "attention_config", "compilation_config",
     "ec_transfer_config", "eplb_config", "ir_op_priority", "kernel_config", "kv_events_config", "kv_transfer_config",
     "pooler_config", "profiler_config", "reasoning_config", "structured_outputs_config", "weight_transfer_config",
     "quantization_config"}
)  # fmt: skip
MAYBE_OBJECTS = frozenset(  # an object if it begins as one
    {"additional_config", "hf_overrides", "model_loader_extra_config", "override_pooler_config", "pt_load_map_location"}
)
FAST_LOADER = "sagemaker_fast_model_loader"  # AWS adds it to vLLM's, for models that its optimizer has written
PAIRS = re.compile(r"\w+=\d+(,\w+=\d+)*")
# Options that DJL or its Java side reads; vLLM's own are handed on, and what is no switch needs a value there.
OWN = WHOLE | JAVA | FRONT_END | frozenset(
    {"backend", "bedrock_compat", "disable_flash_attn", "enable_auto_tool_choice", "enable_lora", "enable_reasoning",
     "engine", "is_peft_model", "lmcache_auto_config", "load_in_4bit", "load_in_8bit", "low_cpu_mem_usage", "mpi_mode",
     "normalize", "pipeline_parallel_degree", "rolling_batch", "tensor_parallel_degree", "tgi_compat",
     "trust_remote_code", "dtype", "use_v2_block_manager", "input_formatter", "kwargs", "cpu_offload_gb",
     "cpu_offload_gb_per_gpu", "chat_template", "chat_template_content_format", "data_type", "default_accept",
     "device", "device_map", "draft_model_id", "enable_streaming", "entrypoint", "env", "handler", "hf_token",
     "lmcache_config_file", "long_lora_scaling_factors", "model_dir", "model_id", "model_id_or_path",
     "model_loading_timeout", "optimization", "output_formatter", "override_neuron_config", "predict_timeout",
     "preloaded_model", "reasoning_parser", "sessions_expiration", "sessions_path", "sessions_s3url",
     "speculative_draft_model", "task", "tool_call_parser"}
)  # fmt: skip
# Options that are read, and that nothing is done with where vLLM serves.
INERT = frozenset(
    {"backend", "batch_size", "cluster_size", "data_type", "default_accept", "device", "device_id", "device_map",
     "disable_flash_attn", "draft_model_id", "enable_streaming", "is_peft_model", "low_cpu_mem_usage",
     "max_num_tokens", "model_dir", "model_id_or_path", "optimization", "spec_length", "speculative_draft_model",
     "waiting_steps"}
)  # fmt: skip
CHOICES: Mapping[str, tuple[str, ...]] = {  # DJL's own; those of vLLM are in a table
    "chat_template_content_format": ("auto", "openai", "string"),
    "enable_streaming": ("false", "huggingface", "true"),
}
# With the asynchronous handler only; the older ones do something with them.
INERT_ASYNC = frozenset({"bedrock_compat", "output_formatter", "tgi_compat"})
HANDLERS = frozenset(
    {"huggingface", "lmi_trtllm.trtllm_async_service", "lmi_vllm.vllm_async_service", "sagemaker", "sklearn_handler",
     "tensorrt_llm", "transformers_neuronx", "xgboost_handler"}
)  # fmt: skip

Effect = Literal["stops", "ignored", "legacy"]  # the start fails; nothing happens; the replies are not the chat form's
Kind = Literal[
    "unknown", "length", "request", "foreign", "release", "ends", "value", "false", "dtype", "quantize", "handler",
    "model", "sessions", "pipeline", "engine"
]  # fmt: skip
Handler = Literal["async", "rolling", "plain"]  # vLLM's own server; DJL's queue before vLLM; Transformers without vLLM


@dataclass(frozen=True)
class Finding:
    option: str  # max_len, lower case, without OPTION_
    effect: Effect
    why: str
    instead: str = ""
    kind: Kind = "value"
    use: str = ""  # the option to write instead, if there is one
    value: str = ""  # and its value, if that is another one

    def __str__(self) -> str:
        return f"{self.why} {self.instead}".strip()


def option_name(variable: str) -> str | None:
    """`max_model_len` for `OPTION_MAX_MODEL_LEN`; None if the container would not read a variable spelled so."""
    return variable.removeprefix("OPTION_").lower() if SPELLING.fullmatch(variable) else None


def reads(name: str, release: int) -> bool:
    """Whether the containers of this release do anything with this option."""
    known = _table().get(name)
    return name in FRONT_END or (known is not None and known["since"] <= release <= known.get("until", release))


def read_by(name: str) -> tuple[int, int] | None:
    """The first and the last release known that reads an option."""
    known = _table().get(name)
    return (known["since"], known.get("until", max(RELEASES))) if known else None


def kind(name: str) -> str | None:
    """int, float, bool, flag (a switch of vLLM) or stops; None if it is text or something richer."""
    value = _table().get(name, {}).get("type")
    return value if isinstance(value, str) else None


def instead_of(name: str) -> str:
    """What to set instead of an option that always ends the start; empty if this is none."""
    use: str = _table().get(name, {}).get("use", "")
    return use


def nearest(name: str, release: int) -> str | None:
    """The option that was probably meant, which this release reads and starts with."""
    return meant.nearest(name.lower(), _known(release))


def one_spelling(options: Mapping[str, str]) -> dict[str, str]:
    """Options under the container's own names; where both spellings are given, it takes vLLM's."""
    table = _table()
    own = {name: value for name, value in options.items() if "same_as" not in table.get(name, {})}
    return own | {table[name]["same_as"]: value for name, value in options.items() if name not in own}


def same_as(name: str) -> str:
    """The container's own name of an option."""
    own: str = _table().get(name, {}).get("same_as", name)
    return own


def length(value: str, release: int) -> int | None:
    """A context length as vLLM reads it (16k is 16000, 16K is 16384); None is `auto`. Raises ValueError."""
    if release >= AUTO_LENGTH_FROM and value.strip().lower() in {"auto", "-1"}:
        return None
    number = _suffixed(value)
    if not 1 <= number < 10**12:  # no card is nearly as large
        raise ValueError(value)
    return number


def handler(options: Mapping[str, str], release: int) -> Handler:
    """Which of its handlers the container answers with."""
    rolling = options.get("rolling_batch", "auto")
    if rolling == "auto":
        return "async" if release >= ASYNC_FROM else "rolling"
    if rolling == "disable":
        return "async" if options.get("async_mode", "").lower() == "true" else "plain"
    return "rolling"


Rule = Callable[[str, str, Mapping[str, str], int], Iterator[Finding]]  # name, value, all options, release


def findings(options: Mapping[str, str], release: int) -> list[Finding]:
    """All that is wrong with a container's options (names in lower case without OPTION_, values as text)."""
    return [finding for name, value in options.items() for finding in _examine(name, value, options, release)]


def unread(name: str, release: int) -> Finding:
    """What becomes of an option that this release does not read, and what to write instead."""
    what = _unread_kind(name, release)
    near = meant.REPLACED.get(name) if what == "release" else nearest(name, release)
    use = near if near and reads(near, release) else ""
    instead = f"Did you mean {use}?" if use else "Remove it."
    return Finding(name, "ignored", f"LMI {release} does not read it and would ignore it.", instead, what, use)


def _unread_kind(name: str, release: int) -> Kind:
    if name in _table() or name in meant.REPLACED:
        return "release"
    if name in meant.FOREIGN:
        return "foreign"
    if nearest(name, release) == meant.LENGTH:
        return "length"
    return "request" if meant.is_request(name) else "unknown"


def _examine(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
    if not reads(name, release):
        yield unread(name, release)
    elif kind(name) == "stops":
        use = instead_of(name)
        why = f"ends the start of LMI {release}, whatever its value."
        yield Finding(name, "stops", why, f"Use {use} instead.", "ends", use)
    elif release >= UNSPOKEN.get(name, release + 1):
        if value.lower() != "false" or release >= FALSE_PASSED_FROM:
            yield Finding(
                name, "stops", f"ends the start of LMI {release}: vLLM's parser lacks it.", "Remove it.", "ends"
            )
    elif value.lower() in {"true", "false"} and name not in OWN and kind(name) != "flag":
        yield from _no_switch(name, value.lower(), release)
    elif name in RULES:
        yield from RULES[name](name, value, options, release)
    else:
        yield from _typed(name, value, release)


def _typed(name: str, value: str, release: int) -> Iterator[Finding]:
    wanted = "int" if name in NUMBERS else kind(name)
    if wanted == "flag":
        yield from _switch(name, value, release)
    elif wanted == "int":
        yield from _whole(name, value)
        yield from _closed(name, value, release)
    elif wanted == "float":
        yield from _number(name, value)
    elif wanted == "bool":
        if name not in JAVA and value.lower() not in YES_OR_NO:
            yield Finding(name, "stops", f"must be true or false, not {value!r}.")
    elif name in OBJECTS or name in MAYBE_OBJECTS:
        yield from _object(name, value, release)
    elif name != "tool_call_parser":  # looked at together with the switch that needs it
        yield from _closed(name, value, release)


def _no_switch(name: str, said: str, release: int) -> Iterator[Finding]:
    """true and false become a switch without a value on the way to vLLM, whatever the option is."""
    if said == "true" or release >= FALSE_PASSED_FROM:
        yield Finding(name, "stops", f"must have a value: {said} is handed on as a switch, which it is not.")
    else:
        yield Finding(name, "ignored", "false is not handed on.", "Remove it.", "false")


def _whole(name: str, value: str) -> Iterator[Finding]:
    if name in JAVA or value == "None":
        return
    try:
        if name in SUFFIXED:
            _suffixed(value)
        else:
            int(value.removesuffix(".0") if name in WHOLE else value)
    except ValueError:
        yield Finding(name, "stops", f"must be a whole number, not {value!r}.")


def _number(name: str, value: str) -> Iterator[Finding]:
    try:
        float("0" if value == "None" else value)
    except ValueError:
        yield Finding(name, "stops", f"must be a number, not {value!r}.")


def _switch(name: str, value: str, release: int) -> Iterator[Finding]:
    said = value.lower()
    if name.startswith(ODD) or said == "true" or (name, release) in PASSED_EARLY:
        return
    if said != "false":
        use = {"1": "true", "yes": "true", "on": "true"}.get(said, "")
        yield Finding(
            name, "stops", f"must be true or false, not {value!r}.", kind="value", use=name if use else "", value=use
        )
    elif release < FALSE_PASSED_FROM:
        yield Finding(name, "ignored", f"false is not passed on before LMI {FALSE_PASSED_FROM}.", "Remove it.", "false")
    elif name in ONLY_ON:
        why = f"false ends the start of LMI {release}: vLLM has no way to turn this one off."
        yield Finding(name, "stops", why, "Remove it.", "false")


def _object(name: str, value: str, release: int) -> Iterator[Finding]:
    if name in MAYBE_OBJECTS and release > 15 and not value.lstrip().startswith("{"):
        return
    if value == "None" or (name == "compilation_config" and release == 15 and value.isdecimal()):
        return
    if name == "limit_mm_per_prompt" and release == 15:
        if not PAIRS.fullmatch(value):
            yield Finding(name, "stops", f"must be written as image=4 in LMI 15, not {value!r}.", kind="value")
    elif not _is_object(value):
        yield Finding(name, "stops", f"must be a JSON object, not {value!r}.", use=name, value=_as_json(name, value))


def _is_object(value: str) -> bool:
    try:
        return isinstance(json.loads(value), dict)
    except (ValueError, RecursionError):
        return False


def _as_json(name: str, value: str) -> str:
    """The same as JSON, where it is plain how that would be."""
    if name == "limit_mm_per_prompt" and PAIRS.fullmatch(value):
        return json.dumps({key: int(number) for key, _, number in (pair.partition("=") for pair in value.split(","))})
    text = value.replace('\\"', '"').replace("'", '"')
    for word, said in (("True", "true"), ("False", "false"), ("None", "null")):
        text = re.sub(rf"\b{word}\b", said, text)
    return text if _is_object(text) else ""


def _closed(name: str, value: str, release: int) -> Iterator[Finding]:
    """A value that is not in the option's short list, if it has one."""
    allowed = values(name, release)
    if name == "load_format" and value == FAST_LOADER:
        return
    folded = value.lower() if name in {"enable_streaming", "load_format"} else value
    if not allowed or folded in allowed or (value == "None" and name in {"quantize", "quantization"}):
        return
    near = next((each for each in allowed if each.lower() == value.strip().lower()), "")
    others = sorted(each for each in RELEASES if value in values(name, each))
    elsewhere = f" LMI {_span(others)} {'takes' if len(others) == 1 else 'take'} it." if others else ""
    why = f"must be one of {', '.join(allowed)} in LMI {release}, not {value!r}.{elsewhere}"
    yield Finding(name, "stops", why, use=name if near else "", value=near)


def _span(releases: list[int]) -> str:
    """15; or 15 to 18, where it is certain that all between do."""
    first, last = releases[0], releases[-1]
    whole = releases == list(range(first, last + 1))
    return str(first) if first == last else f"{first} to {last}" if whole else ", ".join(map(str, releases))


def _dtype(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
    if value in DTYPES:
        return
    word = value.strip().lower().removeprefix("torch.")
    meaning = {"half": "fp16", "float16": "fp16", "bfloat16": "bf16", "float": "fp32", "float32": "fp32"}.get(
        word, word
    )
    why = f"{value!r} is refused: only {', '.join(DTYPES)} pass both of the container's checks."
    right = meaning if meaning in DTYPES else "auto"
    yield Finding(name, "stops", why, f"Remove it, or write {right}.", "dtype", name, right)


def _quantize(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
    if value in {"bitsandbytes4", "bitsandbytes8"}:
        why = f"{value} is refused: to vLLM it is bitsandbytes, without a number."
        yield Finding(name, "stops", why, "Write bitsandbytes.", "quantize", name, "bitsandbytes")
    else:
        yield from _typed(name, value, release)


def _load_in_bits(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
    yield from _typed(name, value, release)
    on = value.lower() in {"true", "1", "yes", "on", "t", "y"}
    if on and handler(options, release) != "rolling" and "device_map" not in options:
        why = "is refused: it was for models that Transformers loads, which needs a device_map beside it."
        yield Finding(name, "stops", why, "Use quantize.", "quantize", "quantize", "bitsandbytes")


def _max_model_len(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
    try:
        length(value, release)
    except ValueError:
        digits = re.sub(r"[\s,_]|\.0+$|\s*tokens$", "", value)
        right = digits if digits.isdecimal() and digits.strip("0") and len(digits) < 10 else ""
        yield Finding(
            name, "stops", f"must be a number of tokens, not {value!r}.", "Write 4096.", "value", name, right or "4096"
        )


def _from(least: int) -> Rule:
    def rule(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
        try:
            number = int(value.removesuffix(".0") if name in WHOLE else value)
        except ValueError:
            number = least - 1
        if number < least:
            yield Finding(name, "stops", f"must be a whole number from {least}, not {value!r}.")

    return rule


def _prefill_tokens(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
    wrong = list(_from(1)(name, value, options, release))
    yield from wrong
    if wrong:
        return
    usual = ROLLING_SEATS if handler(options, release) == "rolling" else SEATS
    try:
        seats = int(options.get("max_rolling_batch_size", usual))
    except ValueError:
        return  # said of that option
    if int(value.removesuffix(".0")) < seats:
        yield Finding(name, "stops", f"{value} is less than {seats} sequences, each of which needs one.")


def _degree(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
    if value != "max":
        for finding in _from(1)(name, value, options, release):
            yield Finding(name, "stops", finding.why, "Write max, or the number of cards.", "value", name, "max")


def _pipeline(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
    if value not in {"1", "+1", "01"}:
        yield Finding(name, "stops", f"must be 1, not {value!r}.", "Remove it.", "pipeline")


def _engine(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
    if value != "Python":
        yield Finding(name, "stops", f"must be Python, not {value!r}.", "Remove it.", "engine", name, "Python")


def _rolling_batch(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
    if value not in {"auto", "disable", "vllm", "lmi-dist"}:
        why = f"there is no rolling batch {value!r} in this image."
        yield Finding(name, "stops", why, "Remove it.", "handler")
    elif value == "disable" and handler(options, release) == "plain" and release > 15:
        why = "disable alone chooses a handler that leaves vLLM out: Transformers answers, with other replies."
        yield Finding(name, "legacy", why, "Remove it, or set async_mode to true.", "handler")
    elif value in {"vllm", "lmi-dist"} and release >= ASYNC_FROM:
        why = f"{value} chooses another handler than the asynchronous one, with other replies."
        yield Finding(name, "legacy", why, "Remove it.", "handler")


def _async_mode(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
    rolling = options.get("rolling_batch", "auto")
    if value.lower() != "true" and rolling == "auto" and release >= ASYNC_FROM:
        why = f"{value} is overwritten with true: LMI {release} sets it itself where rolling_batch is auto or not set."
        yield Finding(name, "ignored", why, "Remove it.", "handler")
    elif value.lower() == "true" and handler({"rolling_batch": rolling}, release) == "rolling":
        why = "true and a rolling batch exclude each other."
        yield Finding(name, "legacy", why, "Set rolling_batch to disable.", "handler", "rolling_batch", "disable")


def _entrypoint(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
    module = value.removeprefix("djl_python.")
    if module == value:
        return  # a file or an address of somebody's own
    if module not in HANDLERS:
        yield Finding(name, "stops", f"there is no handler {value} in the image.", "Remove it.", "handler")
    elif module == "huggingface" and handler(options, release) == "async":
        why = "names a handler that the asynchronous mode cannot wait for."
        yield Finding(name, "stops", why, "Remove it.", "handler")


def _model(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
    if value.rstrip("/") != "/opt/ml/model":
        yield Finding(name, "stops", "replaces the path of the model that was found.", "Remove it.", "model")


def _sessions(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
    if value != "true" and handler(options, release) == "async" and release >= ASYNC_FROM:
        why = f"{value} makes every request end in an error."
        yield Finding(name, "legacy", why, "Remove it.", "sessions")


def _utilization(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
    percent = re.fullmatch(r"\s*(\d{1,2}|100)(\.\d+)?\s*%?\s*", value)
    right = f"{min(float(value.strip(' %')) / 100, 1):g}" if percent and percent[1] not in {"0", "1"} else ""
    try:
        number = float(value)
    except ValueError:
        yield Finding(name, "stops", f"must be a number, not {value!r}.", use=name if right else "", value=right)
        return
    if not 0 < number <= 1 or math.isnan(number):
        yield Finding(
            name,
            "stops",
            f"must be a share above 0 and up to 1, not {value!r}.",
            use=name if right else "",
            value=right,
        )


def _never(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
    yield Finding(name, "stops", f"{NEVER_TEXT[name]}: as an option it ends the start.", "Remove it.", "ends")


def _suffixed(value: str) -> int:
    """16k, 16K, 1.5k or 4096, as vLLM reads them. Raises ValueError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([kKmMgGtT])", value.strip())
    if found is None:
        return int(value)
    if found[2].isupper():
        return int(found[1]) * SUFFIXES[found[2]]
    number = float(found[1]) * SUFFIXES[found[2]]
    if math.isinf(number):
        raise ValueError(value)
    return int(number)


RULES: dict[str, Rule] = {
    "dtype": _dtype,
    "quantize": _quantize,
    "quantization": _quantize,
    "load_in_4bit": _load_in_bits,
    "load_in_8bit": _load_in_bits,
    "max_model_len": _max_model_len,
    "max_rolling_batch_size": _from(1),
    "max_rolling_batch_prefill_tokens": _prefill_tokens,
    "max_num_batched_tokens": _prefill_tokens,
    "gpu_memory_utilization": _utilization,
    "pipeline_parallel_degree": _pipeline,
    "tensor_parallel_degree": _degree,
    "engine": _engine,
    "rolling_batch": _rolling_batch,
    "async_mode": _async_mode,
    "entrypoint": _entrypoint,
    "model": _model,
    "enable_stateful_sessions": _sessions,
    **dict.fromkeys(NEVER_TEXT, _never),
}


def _known(release: int) -> Mapping[str, str]:
    """What somebody may have in mind: the names that a release reads, and those that end its start -> what to write."""
    known = {}
    for name, row in _table().items():
        if (
            reads(name, release)
            and name not in INERT
            and release < UNSPOKEN.get(name, release + 1)
            and name not in NEVER_TEXT
        ):
            known[name] = str(row.get("use", name))
    return known


@cache
def values(name: str, release: int) -> tuple[str, ...]:
    """What an option may be, where that is a short list; empty if it is not."""
    found = [row for row in _value_rows().get(name, ()) if row["since"] <= release <= row.get("until", release)]
    return CHOICES.get(name) or tuple(str(row["value"]) for row in found)


@cache
def _value_rows() -> Mapping[str, list[tables.Row]]:
    rows: dict[str, list[tables.Row]] = {}
    for row in tables.rows("values"):
        rows.setdefault(str(row["option"]), []).append(row)
    return rows


def _table() -> Mapping[str, Mapping[str, Any]]:
    return tables.by("options", "name")


# the LMI releases whose options are known here
RELEASES = frozenset(row["release"] for row in tables.rows("releases") if row["options_known"])

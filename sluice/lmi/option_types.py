"""What a value has to be for its option's type: numbers, switches, words of a short list, objects.

DJL Serving's own options pass through pydantic. All others become arguments of vLLM's command line, whose parser ends
the process over a value that it cannot read.
"""

import json
import math
import re
from collections.abc import Iterator

from sluice.lmi.option_table import AUTO_LENGTH_FROM, FALSE_PASSED_FROM, JAVA, RELEASES, WHOLE, Issue, kind, values

SUFFIXES = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
YES_OR_NO = frozenset({"true", "false", "1", "0", "yes", "no", "on", "off", "t", "f", "y", "n"})  # to DJL's own options
# Whole numbers that the table has no type for, or lists of them, of which LMI can hand on one.
NUMBERS = frozenset({"max_lora_rank", "cuda_graph_sizes", "cudagraph_capture_sizes", "numa_bind_nodes"})
SUFFIXED = frozenset({"kv_cache_memory_bytes", "safetensors_prefetch_block_size"})  # whole numbers that may be 10G
PASSED_EARLY = {("enable_chunked_prefill", 15), ("multi_step_stream_outputs", 15)}  # a false that does arrive
ONLY_ON = frozenset({"disable_log_stats", "aggregate_engine_logging", "data_parallel_multi_port_external_lb"})
ODD = "guided_decoding_disable_"  # switches that take a value, and any
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


def check_type(name: str, value: str, release: int) -> Iterator[Issue]:
    expected = "int" if name in NUMBERS else kind(name)
    if expected == "flag":
        yield from _switch(name, value, release)
    elif expected == "int":
        yield from _whole(name, value)
        yield from _closed(name, value, release)
    elif expected == "float":
        yield from _number(name, value)
    elif expected == "bool":
        if name not in JAVA and value.lower() not in YES_OR_NO:
            yield Issue(name, "stops", f"must be true or false, not {value!r}.")
    elif name in OBJECTS or name in MAYBE_OBJECTS:
        yield from _object(name, value, release)
    elif name != "tool_call_parser":  # looked at together with the switch that needs it
        yield from _closed(name, value, release)


def reject_switch(name: str, word: str, release: int) -> Iterator[Issue]:
    """true and false become a switch without a value on the way to vLLM, whatever the option is."""
    if word == "true" or release >= FALSE_PASSED_FROM:
        yield Issue(name, "stops", f"must have a value: {word} is handed on as a switch, which it is not.")
    else:
        yield Issue(name, "ignored", "false is not handed on.", "Remove it.", "false")


def parse_length(value: str, release: int) -> int | None:
    """A context length as vLLM reads it (16k is 16000, 16K is 16384); None is `auto`. Raises ValueError."""
    if release >= AUTO_LENGTH_FROM and value.strip().lower() in {"auto", "-1"}:
        return None
    number = _suffixed(value)
    if not 1 <= number < 10**12:  # no card is nearly as large
        raise ValueError(value)
    return number


def _whole(name: str, value: str) -> Iterator[Issue]:
    if name in JAVA or value == "None":
        return
    try:
        if name in SUFFIXED:
            _suffixed(value)
        else:
            int(value.removesuffix(".0") if name in WHOLE else value)
    except ValueError:
        yield Issue(name, "stops", f"must be a whole number, not {value!r}.")


def _number(name: str, value: str) -> Iterator[Issue]:
    try:
        float("0" if value == "None" else value)
    except ValueError:
        yield Issue(name, "stops", f"must be a number, not {value!r}.")


def _switch(name: str, value: str, release: int) -> Iterator[Issue]:
    word = value.lower()
    if name.startswith(ODD) or word == "true" or (name, release) in PASSED_EARLY:
        return
    if word != "false":
        use = {"1": "true", "yes": "true", "on": "true"}.get(word, "")
        yield Issue(
            name, "stops", f"must be true or false, not {value!r}.", kind="value", use=name if use else "", value=use
        )
    elif release < FALSE_PASSED_FROM:
        yield Issue(name, "ignored", f"false is not passed on before LMI {FALSE_PASSED_FROM}.", "Remove it.", "false")
    elif name in ONLY_ON:
        why = f"false ends the start of LMI {release}: vLLM has no way to turn this one off."
        yield Issue(name, "stops", why, "Remove it.", "false")


def _object(name: str, value: str, release: int) -> Iterator[Issue]:
    if name in MAYBE_OBJECTS and release > 15 and not value.lstrip().startswith("{"):
        return
    if value == "None" or (name == "compilation_config" and release == 15 and value.isdecimal()):
        return
    if name == "limit_mm_per_prompt" and release == 15:
        if not PAIRS.fullmatch(value):
            yield Issue(name, "stops", f"must be written as image=4 in LMI 15, not {value!r}.", kind="value")
    elif not _is_object(value):
        yield Issue(name, "stops", f"must be a JSON object, not {value!r}.", use=name, value=_as_json(name, value))


def _is_object(value: str) -> bool:
    try:
        return isinstance(json.loads(value), dict)
    except (ValueError, RecursionError):
        return False


def _as_json(name: str, value: str) -> str:
    """The value as a JSON object, where it is plain which is meant; else empty."""
    if name == "limit_mm_per_prompt" and PAIRS.fullmatch(value):
        return json.dumps({key: int(number) for key, _, number in (pair.partition("=") for pair in value.split(","))})
    text = value.replace('\\"', '"').replace("'", '"')
    for word, literal in (("True", "true"), ("False", "false"), ("None", "null")):
        text = re.sub(rf"\b{word}\b", literal, text)
    return text if _is_object(text) else ""


def _closed(name: str, value: str, release: int) -> Iterator[Issue]:
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
    yield Issue(name, "stops", why, use=name if near else "", value=near)


def _span(releases: list[int]) -> str:
    """15; or 15 to 18, where it is certain that all between do."""
    first, last = releases[0], releases[-1]
    whole = releases == list(range(first, last + 1))
    return str(first) if first == last else f"{first} to {last}" if whole else ", ".join(map(str, releases))


def _suffixed(value: str) -> int:
    """16k, 16K, 1.5k or 4096, as vLLM reads them. Raises ValueError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kKmMgGtT])", value.strip())
    if match is None:
        return int(value)
    if match[2].isupper():
        return int(match[1]) * SUFFIXES[match[2]]
    number = float(match[1]) * SUFFIXES[match[2]]
    if math.isinf(number):
        raise ValueError(value)
    return int(number)

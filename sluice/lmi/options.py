"""What an LMI container makes of its options: which it reads, which it ignores without a word, and which end its start.

The container prints an ignored name as if it had been applied, and a start that fails is tried again until the health
check's time is up; so both are found out here first. `tinylmi` fails by the same rules as the container. What is said
of values was tried on LMI 15 to 27: each release's own property classes, and the argument parser of the vLLM that is
published under its number, were given them one by one (not inside the images, and LMI 28 not at all).
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping

from sluice.lmi import aliases
from sluice.lmi.model import find_model
from sluice.lmi.option_table import (
    ASYNC_FROM,
    AUTO_LENGTH_FROM,
    FALSE_PASSED_FROM,
    FRONT_END,
    INERT,
    INERT_ASYNC,
    NOT_OFF,
    OWN,
    RELEASES,
    UNSPOKEN,
    WHOLE,
    Issue,
    Kind,
    handler,
    instead_of,
    is_read,
    kind,
    names,
    one_spelling,
    option_name,
    reading_releases,
    same_as,
    values,
)
from sluice.lmi.option_types import check_type, parse_length, reject_switch

__all__ = [
    "ASYNC_FROM",
    "AUTO_LENGTH_FROM",
    "FALSE_PASSED_FROM",
    "FRONT_END",
    "INERT",
    "INERT_ASYNC",
    "NGRAM",
    "NOT_OFF",
    "NO_DRAFT_MODEL",
    "RELEASES",
    "Issue",
    "Kind",
    "describe_unread",
    "find_problems",
    "handler",
    "instead_of",
    "is_read",
    "kind",
    "one_spelling",
    "option_name",
    "parse_length",
    "reading_releases",
    "same_as",
    "suggest_option",
    "values",
]

DTYPES = ("auto", "fp32", "fp16", "bf16")
NO_DRAFT_MODEL = range(16, 19)  # releases whose vLLM (0.10.2 to 0.12) raises NotImplementedError over one
NGRAM = '{"method": "ngram", "num_speculative_tokens": 4, "prompt_lookup_max": 4}'  # drafts from the text itself
SEATS, ROLLING_SEATS = 32, 256  # requests at a time unless max_rolling_batch_size says otherwise
NEVER_TEXT = {"input_formatter": "must be a function of model.py", "kwargs": "must be an object, which no text is"}
HANDLERS = frozenset(
    {"huggingface", "lmi_trtllm.trtllm_async_service", "lmi_vllm.vllm_async_service", "sagemaker", "sklearn_handler",
     "tensorrt_llm", "transformers_neuronx", "xgboost_handler"}
)  # fmt: skip

Rule = Callable[[str, str, Mapping[str, str], int], Iterator[Issue]]  # name, value, all options, release


def find_problems(options: Mapping[str, str], release: int) -> list[Issue]:
    """All that is wrong with a container's options (names in lower case without OPTION_, values as text)."""
    return [finding for name, value in options.items() for finding in _examine(name, value, options, release)]


def describe_unread(name: str, release: int) -> Issue:
    """What becomes of an option that this release does not read, and what to write instead."""
    what = _unread_kind(name, release)
    near = aliases.REPLACED.get(name) if what == "release" else suggest_option(name, release)
    use = near if near and is_read(near, release) else ""
    instead = f"Did you mean {use}?" if use else "Remove it."
    return Issue(name, "ignored", f"LMI {release} does not read it and would ignore it.", instead, what, use)


def suggest_option(name: str, release: int) -> str | None:
    """The option that was probably meant, which this release reads and starts with."""
    return aliases.suggest_option(name.lower(), _suggestions(release))


def _unread_kind(name: str, release: int) -> Kind:
    if reading_releases(name) or name in aliases.REPLACED:
        return "release"
    if name in aliases.FOREIGN:
        return "foreign"
    if suggest_option(name, release) == aliases.LENGTH:
        return "length"
    return "request" if aliases.is_request(name) else "unknown"


def _suggestions(release: int) -> Mapping[str, str]:
    """What somebody may have in mind: the names that a release reads, and those that end its start -> what to write."""
    suggestions = {}
    for name in names():
        if (
            is_read(name, release)
            and name not in INERT
            and release < UNSPOKEN.get(name, release + 1)
            and name not in NEVER_TEXT
        ):
            suggestions[name] = instead_of(name) or name
    return suggestions


def _examine(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Issue]:
    if not is_read(name, release):
        yield describe_unread(name, release)
    elif kind(name) == "stops":
        use = instead_of(name)
        why = f"ends the start of LMI {release}, whatever its value."
        yield Issue(name, "stops", why, f"Use {use} instead.", "ends", use)
    elif release >= UNSPOKEN.get(name, release + 1):
        if value.lower() != "false" or release >= FALSE_PASSED_FROM:
            yield Issue(
                name, "stops", f"ends the start of LMI {release}: vLLM's parser lacks it.", "Remove it.", "ends"
            )
    elif value.lower() in {"true", "false"} and name not in OWN and kind(name) != "flag":
        yield from reject_switch(name, value.lower(), release)
    elif name in RULES:
        yield from RULES[name](name, value, options, release)
    else:
        yield from check_type(name, value, release)


def _dtype(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Issue]:
    if value in DTYPES:
        return
    word = value.strip().lower().removeprefix("torch.")
    meaning = {"half": "fp16", "float16": "fp16", "bfloat16": "bf16", "float": "fp32", "float32": "fp32"}.get(
        word, word
    )
    why = f"{value!r} is refused: only {', '.join(DTYPES)} pass both of the container's checks."
    right = meaning if meaning in DTYPES else "auto"
    yield Issue(name, "stops", why, f"Remove it, or write {right}.", "dtype", name, right)


def _quantize(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Issue]:
    if value in {"bitsandbytes4", "bitsandbytes8"}:
        why = f"{value} is refused: to vLLM it is bitsandbytes, without a number."
        yield Issue(name, "stops", why, "Write bitsandbytes.", "quantize", name, "bitsandbytes")
    else:
        yield from check_type(name, value, release)


def _load_in_bits(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Issue]:
    yield from check_type(name, value, release)
    on = value.lower() in {"true", "1", "yes", "on", "t", "y"}
    if on and handler(options, release) != "rolling" and "device_map" not in options:
        why = "is refused: it was for models that Transformers loads, which needs a device_map beside it."
        yield Issue(name, "stops", why, "Use quantize.", "quantize", "quantize", "bitsandbytes")


def _max_model_len(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Issue]:
    try:
        parse_length(value, release)
    except ValueError:
        digits = re.sub(r"[\s,_]|\.0+$|\s*tokens$", "", value)
        right = digits if digits.isdecimal() and digits.strip("0") and len(digits) < 10 else ""
        yield Issue(
            name, "stops", f"must be a number of tokens, not {value!r}.", "Write 4096.", "value", name, right or "4096"
        )


def _from(least: int) -> Rule:
    def rule(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Issue]:
        try:
            number = int(value.removesuffix(".0") if name in WHOLE else value)
        except ValueError:
            number = least - 1
        if number < least:
            yield Issue(name, "stops", f"must be a whole number from {least}, not {value!r}.")

    return rule


def _prefill_tokens(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Issue]:
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
        yield Issue(name, "stops", f"{value} is less than {seats} sequences, each of which needs one.")


def _degree(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Issue]:
    if value != "max":
        for finding in _from(1)(name, value, options, release):
            yield Issue(name, "stops", finding.why, "Write max, or the number of cards.", "value", name, "max")


def _pipeline(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Issue]:
    if value not in {"1", "+1", "01"}:
        yield Issue(name, "stops", f"must be 1, not {value!r}.", "Remove it.", "pipeline")


def _engine(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Issue]:
    if value != "Python":
        yield Issue(name, "stops", f"must be Python, not {value!r}.", "Remove it.", "engine", name, "Python")


def _rolling_batch(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Issue]:
    if value not in {"auto", "disable", "vllm", "lmi-dist"}:
        why = f"there is no rolling batch {value!r} in this image."
        yield Issue(name, "stops", why, "Remove it.", "handler")
    elif value == "disable" and handler(options, release) == "plain" and release > 15:
        why = "disable alone chooses a handler that leaves vLLM out: Transformers answers, with other replies."
        yield Issue(name, "legacy", why, "Remove it, or set async_mode to true.", "handler")
    elif value in {"vllm", "lmi-dist"} and release >= ASYNC_FROM:
        why = f"{value} chooses another handler than the asynchronous one, with other replies."
        yield Issue(name, "legacy", why, "Remove it.", "handler")


def _async_mode(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Issue]:
    rolling = options.get("rolling_batch", "auto")
    if value.lower() != "true" and rolling == "auto" and release >= ASYNC_FROM:
        why = f"{value} is overwritten with true: LMI {release} sets it itself where rolling_batch is auto or not set."
        yield Issue(name, "ignored", why, "Remove it.", "handler")
    elif value.lower() == "true" and handler({"rolling_batch": rolling}, release) == "rolling":
        why = "true and a rolling batch exclude each other."
        yield Issue(name, "legacy", why, "Set rolling_batch to disable.", "handler", "rolling_batch", "disable")


def _entrypoint(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Issue]:
    module = value.removeprefix("djl_python.")
    if module == value:
        return  # a file or an address of somebody's own
    if module not in HANDLERS:
        yield Issue(name, "stops", f"there is no handler {value} in the image.", "Remove it.", "handler")
    elif module == "huggingface" and handler(options, release) == "async":
        why = "names a handler that the asynchronous mode cannot wait for."
        yield Issue(name, "stops", why, "Remove it.", "handler")


def _model(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Issue]:
    if value.rstrip("/") != "/opt/ml/model":
        yield Issue(name, "stops", "replaces the path of the model that was found.", "Remove it.", "model")


def _sessions(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Issue]:
    if value != "true" and handler(options, release) == "async" and release >= ASYNC_FROM:
        why = f"{value} makes every request end in an error."
        yield Issue(name, "legacy", why, "Remove it.", "sessions")


def _utilization(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Issue]:
    percent = re.fullmatch(r"\s*(\d{1,2}|100)(\.\d+)?\s*%?\s*", value)
    right = f"{min(float(value.strip(' %')) / 100, 1):g}" if percent and percent[1] not in {"0", "1"} else ""
    try:
        number = float(value)
    except ValueError:
        yield Issue(name, "stops", f"must be a number, not {value!r}.", use=name if right else "", value=right)
        return
    if not 0 < number <= 1 or math.isnan(number):
        yield Issue(
            name,
            "stops",
            f"must be a share above 0 and up to 1, not {value!r}.",
            use=name if right else "",
            value=right,
        )


def _speculative(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Issue]:
    """A model of its own that drafts tokens: vLLM 0.10.2 to 0.13 know only what is made for the model itself."""
    yield from check_type(name, value, release)
    if release in NO_DRAFT_MODEL and _drafts(value):
        why = f"a draft model ends the start of LMI {release}: its vLLM takes ngram, EAGLE, Medusa and MTP only."
        yield Issue(name, "stops", why, use=name, value=NGRAM)


def _drafts(value: str) -> bool:
    """Whether a whole model is named to draft; of one that is not known here, its own config.json decides."""
    try:
        config = json.loads(value)
    except (ValueError, RecursionError):
        return False
    if not isinstance(config, dict) or config.get("method") not in {None, "draft_model"}:
        return False
    draft = find_model(config["model"]) if isinstance(config.get("model"), str) else None
    whole = draft is not None and not draft.architecture.startswith("DeepseekV3")  # which has layers that draft
    return config.get("method") == "draft_model" or whole


def _never(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Issue]:
    yield Issue(name, "stops", f"{NEVER_TEXT[name]}: as an option it ends the start.", "Remove it.", "ends")


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
    "speculative_config": _speculative,
    "enable_stateful_sessions": _sessions,
    **dict.fromkeys(NEVER_TEXT, _never),
}

"""Which options the releases of LMI read, by what names, and of what kind they are."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from sluice.lmi import tables

SPELLING = re.compile(r"OPTION_[A-Z_0-9]+")
FALSE_PASSED_FROM = 26
AUTO_LENGTH_FROM = 19
ASYNC_FROM = 17
FRONT_END = frozenset({"use_passive_workers"})  # read by the Java side of every release, and by nothing behind it
JAVA = frozenset({"async_mode", "enable_stateful_sessions", "enable_venv", "max_num_tokens", "parallel_loading"})
# DJL's own whole numbers, which may have a .0; the degrees pass through Java, where they may not.
WHOLE = frozenset(
    {"batch_size", "cluster_size", "device_id", "max_loras", "max_num_batched_tokens",
     "max_rolling_batch_prefill_tokens", "max_rolling_batch_size", "spec_length", "waiting_steps"}
)  # fmt: skip
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
# Fields of vLLM's arguments that its parser has no argument for, by the release from which that is so.
UNSPOKEN: Mapping[str, int] = {
    "_api_process_count": 17,
    "_api_process_rank": 17,
    "tokens_only": 17,
    "enable_mm_processor_stats": 19,
}
# Options that are read, and that nothing is done with where vLLM serves.
INERT = frozenset(
    {"backend", "batch_size", "cluster_size", "data_type", "default_accept", "device", "device_id", "device_map",
     "disable_flash_attn", "draft_model_id", "enable_streaming", "is_peft_model", "low_cpu_mem_usage",
     "max_num_tokens", "model_dir", "model_id_or_path", "optimization", "spec_length", "speculative_draft_model",
     "waiting_steps"}
)  # fmt: skip
# With the asynchronous handler only; the older ones do something with them.
INERT_ASYNC = frozenset({"bedrock_compat", "output_formatter", "tgi_compat"})
CHOICES: Mapping[str, tuple[str, ...]] = {  # DJL's own; those of vLLM are in a table
    "chat_template_content_format": ("auto", "openai", "string"),
    "enable_streaming": ("false", "huggingface", "true"),
}
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

Effect = Literal["stops", "ignored", "legacy"]  # the start fails; nothing happens; the replies are not the chat form's
Kind = Literal[
    "unknown", "length", "request", "foreign", "release", "ends", "value", "false", "dtype", "quantize", "handler",
    "model", "sessions", "pipeline", "engine"
]  # fmt: skip
Handler = Literal["async", "rolling", "plain"]  # vLLM's own server; DJL's queue before vLLM; Transformers without vLLM


@dataclass(frozen=True)
class Issue:
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


def is_read(name: str, release: int) -> bool:
    """Whether the containers of this release do anything with this option."""
    row = _table().get(name)
    return name in FRONT_END or (row is not None and row["since"] <= release <= row.get("until", release))


def reading_releases(name: str) -> tuple[int, int] | None:
    """The first and the last release known that reads an option."""
    row = _table().get(name)
    return (row["since"], row.get("until", max(RELEASES))) if row else None


def names() -> Collection[str]:
    """Every option that some release reads, or that ends its start."""
    return _table().keys()


def kind(name: str) -> str | None:
    """int, float, bool, flag (a switch of vLLM) or stops; None if it is text or something richer."""
    value = _table().get(name, {}).get("type")
    return value if isinstance(value, str) else None


def instead_of(name: str) -> str:
    """What to set instead of an option that always ends the start; empty if this is none."""
    use: str = _table().get(name, {}).get("use", "")
    return use


def same_as(name: str) -> str:
    """The container's own name of an option."""
    own: str = _table().get(name, {}).get("same_as", name)
    return own


def one_spelling(options: Mapping[str, str]) -> dict[str, str]:
    """Options under the container's own names; where both spellings are given, it takes vLLM's."""
    table = _table()
    own = {name: value for name, value in options.items() if "same_as" not in table.get(name, {})}
    return own | {table[name]["same_as"]: value for name, value in options.items() if name not in own}


def handler(options: Mapping[str, str], release: int) -> Handler:
    """Which of its handlers the container answers with."""
    rolling = options.get("rolling_batch", "auto")
    if rolling == "auto":
        return "async" if release >= ASYNC_FROM else "rolling"
    if rolling == "disable":
        return "async" if options.get("async_mode", "").lower() == "true" else "plain"
    return "rolling"


@cache
def values(name: str, release: int) -> tuple[str, ...]:
    """What an option may be, where that is a short list; empty if it is not."""
    rows = [row for row in _value_rows().get(name, ()) if row["since"] <= release <= row.get("until", release)]
    return CHOICES.get(name) or tuple(str(row["value"]) for row in rows)


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

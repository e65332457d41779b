"""What a container reads of its environment beside OPTION_*: the LMI container's plain names, and other containers'.

A variable that nobody here knows may be read by somebody's own code, so it is none of our business; those that belong
to another container, or nearly are one of LMI's own, are.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sluice.lmi import tables

# LMI's own names, for whoever nearly hit one.
OWN = (
    "HF_MODEL_ID",
    "HF_REVISION",
    "HF_TASK",
    "HF_TOKEN",
    "HF_MODEL_TRUST_REMOTE_CODE",
    "HF_MODEL_QUANTIZE",
    "TENSOR_PARALLEL_DEGREE",
    "PIPELINE_PARALLEL_DEGREE",
    "MODEL_LOADING_TIMEOUT",
    "PREDICT_TIMEOUT",
    "SM_NUM_GPUS",
)
# Names that the entrypoint hands on to LMI's own, where that one is not set.
ALIASES: Mapping[str, str] = {
    "HF_MODEL_QUANTIZE": "OPTION_QUANTIZE",
    "HF_MODEL_TRUST_REMOTE_CODE": "OPTION_TRUST_REMOTE_CODE",
    "SM_NUM_GPUS": "TENSOR_PARALLEL_DEGREE",
    "MAX_CONCURRENT_REQUESTS": "SERVING_JOB_QUEUE_SIZE",
    "MAX_BATCH_PREFILL_TOKENS": "OPTION_MAX_ROLLING_BATCH_PREFILL_TOKENS",
    "MAX_BATCH_SIZE": "OPTION_MAX_ROLLING_BATCH_SIZE",
    "CUDA_MEMORY_FRACTION": "OPTION_GPU_MEMORY_UTILIZATION",
}
# Names that are read only from a release on, with what does the same before it.
SAGEMAKER_NAMES_FROM = 17
SINCE: Mapping[str, str] = {
    "SAGEMAKER_STARTUP_TIMEOUT": "MODEL_LOADING_TIMEOUT",
    "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS": "PREDICT_TIMEOUT",
}
# What people write for one of LMI's names where its letters alone would not tell.
SYNONYMS: Mapping[str, str] = {
    "HF_MODEL": "HF_MODEL_ID",
    "HF_MODEL_NAME": "HF_MODEL_ID",
    "HF_MODELID": "HF_MODEL_ID",
    "HF_REPO_ID": "HF_MODEL_ID",
    "HUGGING_FACE_MODEL_ID": "HF_MODEL_ID",
    "HUGGINGFACE_MODEL_ID": "HF_MODEL_ID",
    "HUGGINGFACE_MODEL": "HF_MODEL_ID",
    "HF_MODEL_REVISION": "HF_REVISION",
    "HUGGING_FACE_REVISION": "HF_REVISION",
    "HF_API_TOKEN": "HF_TOKEN",
    "HF_HUB_TOKEN": "HF_TOKEN",
    "HF_ACCESS_TOKEN": "HF_TOKEN",
    "HUGGINGFACE_TOKEN": "HF_TOKEN",
    "HUGGING_FACE_TOKEN": "HF_TOKEN",
    "HUGGINGFACE_HUB_TOKEN": "HF_TOKEN",
    "HUGGINGFACEHUB_API_TOKEN": "HF_TOKEN",
    "HF_TRUST_REMOTE_CODE": "HF_MODEL_TRUST_REMOTE_CODE",
    "TENSOR_PARALLEL": "TENSOR_PARALLEL_DEGREE",
    "TP_DEGREE": "TENSOR_PARALLEL_DEGREE",
    "TP_SIZE": "TENSOR_PARALLEL_DEGREE",
    "MODEL_LOAD_TIMEOUT": "MODEL_LOADING_TIMEOUT",
    "MODEL_LOADING_TIMEOUT_SECONDS": "MODEL_LOADING_TIMEOUT",
    "PREDICTION_TIMEOUT": "PREDICT_TIMEOUT",
}
# Names that people also have for things of their own: meant for LMI only where nothing else names a model.
GENERIC: Mapping[str, str] = {"MODEL_ID": "HF_MODEL_ID", "MODEL": "HF_MODEL_ID", "MODEL_NAME": "HF_MODEL_ID"}
# Near one of the names above, and yet something that the libraries in the container read.
READ_BY_LIBRARIES = frozenset({"HUGGING_FACE_HUB_TOKEN", "HF_HOME", "HF_HUB_OFFLINE", "HF_TOKEN_PATH", "HF_ENDPOINT"})
ELSEWHERE = ("OPTION_", "SERVING_", "HF_HUB_", "SAGEMAKER_")  # families that are read, whatever follows

# Text Generation Inference: its launcher's variables -> the LMI option, empty where LMI has nothing of the kind.
TGI: Mapping[str, str] = {
    "MAX_INPUT_LENGTH": "max_model_len",
    "MAX_INPUT_TOKENS": "max_model_len",
    "MAX_TOTAL_TOKENS": "max_model_len",
    "MAX_BATCH_TOTAL_TOKENS": "",
    "NUM_SHARD": "tensor_parallel_degree",
    "QUANTIZE": "quantize",
    "DTYPE": "dtype",
    "KV_CACHE_DTYPE": "kv_cache_dtype",
    "TRUST_REMOTE_CODE": "trust_remote_code",
    "MAX_STOP_SEQUENCES": "",
    "MAX_BEST_OF": "",
    "MAX_TOP_N_TOKENS": "",
    "MAX_WAITING_TOKENS": "",
    "WAITING_SERVED_RATIO": "",
    "VALIDATION_WORKERS": "",
    "MESSAGES_API_ENABLED": "",
    "DISABLE_CUSTOM_KERNELS": "",
    "CUDA_GRAPHS": "",
    "ROPE_SCALING": "",
    "ROPE_FACTOR": "",
    "SHARDED": "",
    "SPECULATE": "",
}
# Whole families of variables, by what they begin with.
PREFIXES: Mapping[str, str] = {
    "SM_VLLM_": "the AWS vLLM image",
    "SM_SGLANG_": "the AWS SGLang image",
    "NIM_": "NVIDIA NIM",
    "LLAMA_ARG_": "llama.cpp",
    "OLLAMA_": "Ollama",
    "SAGEMAKER_TRITON_": "Triton",
    "MMS_": "Multi Model Server",
}
SGLANG: Mapping[str, str] = {
    "tp": "tensor_parallel_degree",
    "tp_size": "tensor_parallel_degree",
    "context_length": "max_model_len",
    "max_running_requests": "max_rolling_batch_size",
    "mem_fraction_static": "gpu_memory_utilization",
}
# vLLM's names of what LMI has another name for.
RENAMED: Mapping[str, str] = {
    "max_num_seqs": "max_rolling_batch_size",
    "max_num_batched_tokens": "max_rolling_batch_prefill_tokens",
    "tensor_parallel_size": "tensor_parallel_degree",
    "quantization": "quantize",
}
# Engine arguments that are also written bare, or after VLLM_; vLLM itself reads none of these from the environment.
ENGINE = frozenset(
    {"max_model_len", "max_num_seqs", "max_num_batched_tokens", "gpu_memory_utilization", "tensor_parallel_size",
     "enforce_eager", "enable_prefix_caching", "enable_chunked_prefill", "max_rolling_batch_size", "rolling_batch",
     "max_rolling_batch_prefill_tokens", "kv_cache_dtype", "quantization", "served_model_name", "tool_call_parser",
     "enable_auto_tool_choice", "reasoning_parser", "enable_lora", "max_lora_rank", "max_loras", "load_format",
     "speculative_config", "limit_mm_per_prompt", "hf_overrides", "async_mode", "tokenizer_mode"}
)  # fmt: skip
LONGEST = 64  # characters of a name that is still looked at for a slip of the pen
DTYPES: Mapping[str, str] = {"bfloat16": "bf16", "float16": "fp16", "half": "fp16", "float32": "fp32", "float": "fp32"}


@dataclass(frozen=True)
class Foreign:
    """A variable that the LMI container does not read, whatever its value."""

    whose: str  # the AWS vLLM image; empty: LMI's own, written wrongly
    option: str  # max_model_len: the option that does the same; empty: none
    kind: Literal["option", "variable"]  # what `option` is: an option of LMI, or a plain variable of its own


def identify_foreign(name: str) -> Foreign | None:
    """Whose variable this is, if it is known to be somebody else's or nearly one of LMI's own."""
    for prefix, whose in PREFIXES.items():
        if name.startswith(prefix):
            return _of_server(name.removeprefix(prefix).lower(), whose)
    if name in TGI:
        return Foreign("Text Generation Inference (TGI)", TGI[name], "option")
    bare = name.removeprefix("VLLM_").lower()
    if bare in ENGINE:
        return Foreign("vLLM" if name.startswith("VLLM_") else "", RENAMED.get(bare, bare), "option")
    near = _near(name)
    return Foreign("", near, "variable") if near else None


def translate_value(option: str, value: str) -> str:
    """Another container's value as this option of LMI takes it."""
    return DTYPES.get(value, value) if option == "dtype" else value


def _of_server(argument: str, whose: str) -> Foreign:
    if argument in {"model", "model_name", "model_path"}:
        return Foreign(whose, "HF_MODEL_ID", "variable")
    option = SGLANG.get(argument) or RENAMED.get(argument, argument)
    row = tables.by("options", "name").get(option, {"type": "stops"})
    return Foreign(whose, "" if row.get("type") == "stops" else option, "option")


def _near(name: str) -> str | None:
    """The name of LMI's own that was probably meant: another case, or a letter or two beside it."""
    upper = name.upper()
    if (
        len(name) > LONGEST
        or name in OWN
        or name in READ_BY_LIBRARIES
        or upper.startswith(("OPTION_", "SERVING_", "HF_HUB_", "SAGEMAKER_"))
    ):
        return None
    if upper in OWN:
        return upper
    if upper in SYNONYMS:
        return SYNONYMS[upper]
    close = difflib.get_close_matches(upper, OWN, 1, 0.88)
    return close[0] if close else None

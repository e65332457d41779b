"""What people mean by an option that a container does not read: a near miss, another name for it, or another place.

Words only: which names a release reads is told to it.
"""

import difflib
from collections.abc import Mapping

LONGEST = 64  # characters of a name that is still compared with others
CLOSE = 0.78
LENGTH = "max_model_len"

# What people write, where the letters alone would suggest something else.
SYNONYMS: Mapping[str, str] = {
    "max_len": LENGTH,
    "max_length": LENGTH,
    "max_tokens": LENGTH,
    "max_seq_len": LENGTH,
    "model_max_length": LENGTH,
    "n_positions": LENGTH,
    "n_ctx": LENGTH,
    "num_ctx": LENGTH,
    "ctx_size": LENGTH,
    "max_position_embeddings": LENGTH,
    "batch": "max_rolling_batch_size",
    "max_batch": "max_rolling_batch_size",
    "max_batch_size": "max_rolling_batch_size",
    "rolling_batch_size": "max_rolling_batch_size",
    "max_concurrency": "max_rolling_batch_size",
    "max_concurrent_requests": "max_rolling_batch_size",
    "max_running_requests": "max_rolling_batch_size",
    "max_num_requests": "max_rolling_batch_size",
    "max_num_sequences": "max_rolling_batch_size",
    "num_seqs": "max_rolling_batch_size",
    "max_seqs": "max_rolling_batch_size",
    "concurrency": "max_rolling_batch_size",
    "max_batch_prefill_tokens": "max_rolling_batch_prefill_tokens",
    "max_batch_tokens": "max_rolling_batch_prefill_tokens",
    "max_batched_tokens": "max_rolling_batch_prefill_tokens",
    "max_prefill_tokens": "max_rolling_batch_prefill_tokens",
    "chunked_prefill_size": "max_rolling_batch_prefill_tokens",
    "num_gpus": "tensor_parallel_degree",
    "num_gpu": "tensor_parallel_degree",
    "gpus": "tensor_parallel_degree",
    "num_shard": "tensor_parallel_degree",
    "sm_num_gpus": "tensor_parallel_degree",
    "world_size": "tensor_parallel_degree",
    "tp": "tensor_parallel_degree",
    "tp_degree": "tensor_parallel_degree",
    "tp_size": "tensor_parallel_degree",
    "tensor_parallel": "tensor_parallel_degree",
    "gpu_memory_fraction": "gpu_memory_utilization",
    "gpu_mem_fraction": "gpu_memory_utilization",
    "gpu_mem_util": "gpu_memory_utilization",
    "gpu_utilization": "gpu_memory_utilization",
    "memory_utilization": "gpu_memory_utilization",
    "mem_fraction_static": "gpu_memory_utilization",
    "cuda_memory_fraction": "gpu_memory_utilization",
    "torch_dtype": "dtype",
    "model_dtype": "dtype",
    "weight_dtype": "dtype",
    "precision": "dtype",
    "cache_dtype": "kv_cache_dtype",
    "quant": "quantize",
    "quant_method": "quantize",
    "quantization_method": "quantize",
    "prefix_cache": "enable_prefix_caching",
    "prefix_caching": "enable_prefix_caching",
    "enable_kv_cache_reuse": "enable_prefix_caching",
    "eager": "enforce_eager",
    "eager_mode": "enforce_eager",
    "disable_cuda_graph": "enforce_eager",
    "disable_cuda_graphs": "enforce_eager",
    "lora": "enable_lora",
    "lora_rank": "max_lora_rank",
    "tool_parser": "tool_call_parser",
    "auto_tool_choice": "enable_auto_tool_choice",
    "trust_remote": "trust_remote_code",
    "remote_code": "trust_remote_code",
    "served_name": "served_model_name",
    "model_revision": "revision",
    "hf_revision": "revision",
}
# Parts of a request; LMI has no option for any of them.
REQUEST = frozenset(
    {"temperature", "top_p", "top_k", "min_p", "typical_p", "do_sample", "max_new_tokens", "min_new_tokens",
     "min_tokens", "max_output_tokens", "max_completion_tokens", "stop", "stop_sequence", "stop_sequences",
     "stop_words", "stop_token_ids", "repetition_penalty", "frequency_penalty", "presence_penalty", "length_penalty",
     "early_stopping", "n", "best_of", "num_beams", "use_beam_search", "logprobs", "top_logprobs", "prompt_logprobs",
     "logit_bias", "return_full_text", "details", "decoder_input_details", "ignore_eos", "skip_special_tokens", "echo",
     "stream", "stream_options", "response_format", "guided_json", "guided_regex", "guided_choice", "guided_grammar",
     "structured_outputs", "tools", "tool_choice", "parallel_tool_calls", "chat_template_kwargs", "enable_thinking",
     "thinking", "messages", "prompt", "system_prompt", "add_generation_prompt", "truncate", "seed_per_request"}
)  # fmt: skip
# Those that a server-wide default exists for, within override_generation_config.
SAMPLING = frozenset({"temperature", "top_p", "top_k", "min_p", "repetition_penalty", "max_new_tokens"})
TRT, NEURON, DIST, DEEPSPEED, SCHEDULER = (
    "the TensorRT-LLM container",
    "the Neuron container",
    "lmi-dist, which LMI 15 took out,",
    "the DeepSpeed container",
    "the scheduler, which LMI 15 took out,",
)
# Options of LMI's other containers and engines -> whose, and the option here that does the same (empty: none).
FOREIGN: Mapping[str, tuple[str, str]] = {
    "max_input_len": (TRT, LENGTH),
    "max_output_len": (TRT, ""),
    "max_beam_width": (TRT, ""),
    "kv_cache_free_gpu_mem_fraction": (TRT, "gpu_memory_utilization"),
    "tokens_per_block": (TRT, "block_size"),
    "use_custom_all_reduce": (TRT, ""),
    **dict.fromkeys(
        ["awq_block_size", "awq_calib_size", "awq_format", "baichuan_model_version", "batch_scheduler_policy",
         "calib_batch_size", "calib_size", "chatglm_model_version", "enable_trt_overlap", "gpt_model_version",
         "load_by_shard", "logits_dtype", "multi_query_mode", "num_checkpoint_workers", "num_engine_workers",
         "q_format", "rotary_base", "rotary_dim", "rotary_scaling_factor", "rotary_scaling_type", "smoothquant_alpha",
         "smoothquant_per_channel", "smoothquant_per_token", "trtllm_checkpoint_path", "use_fp8_context_fmha",
         "use_fused_mlp", "remove_input_padding", "paged_kv_cache", "int8_kv_cache", "fp8_kv_cache",
         "enable_chunked_context"],
        (TRT, ""),
    ),
    "amp": (NEURON, "dtype"),
    **dict.fromkeys(
        ["neuron_optimize_level", "enable_mixed_precision_accumulation", "enable_saturate_infinity", "unroll",
         "load_split_model", "context_length_estimate", "compiled_graph_path", "draft_model_compiled_path",
         "group_query_attention", "model_loader", "rolling_batch_strategy", "fuse_qkv", "fuse_mlp",
         "fused_rmsnorm_qkv", "qkv_tiling", "weight_tiling", "mlp_out_weight_transpose", "attention_layout",
         "collectives_layout", "cache_layout", "partition_schema", "all_reduce_dtype", "cast_logits_dtype",
         "sequence_parallel_norm_threshold", "on_device_embedding", "on_device_generation", "shard_over_sequence",
         "compilation_worker_count", "sequence_parallel", "multi_node", "neuron_cc_pipeline_factor", "neuron_quant",
         "save_mp_checkpoint_path"],
        (NEURON, ""),
    ),
    "speculative_length": (DIST, "speculative_config"),
    "draft_model_tp_size": (DIST, "speculative_config"),
    "record_acceptance_rate": (DIST, ""),
    "speculative_telemetry": (DIST, ""),
    "enable_cuda_graph": (DEEPSPEED, ""),
    **dict.fromkeys(
        ["checkpoint", "deepspeed_config_path", "ds_config", "return_tuple", "training_mp_size", "triangular_masking"],
        (DEEPSPEED, ""),
    ),
    **dict.fromkeys(["decoding_strategy", "max_sparsity", "max_splits", "multi_gpu"], (SCHEDULER, "")),
}  # fmt: skip
# Options that other releases read -> what does the same in those that do not.
REPLACED: Mapping[str, str] = {
    "rope_scaling": "hf_overrides",
    "rope_theta": "hf_overrides",
    "guided_decoding_backend": "structured_outputs_config",
    "guided_decoding_disable_fallback": "structured_outputs_config",
    "guided_decoding_disable_any_whitespace": "structured_outputs_config",
    "guided_decoding_disable_additional_properties": "structured_outputs_config",
    "structured_outputs_config": "guided_decoding_backend",
    "cuda_graph_sizes": "cudagraph_capture_sizes",
    "cudagraph_capture_sizes": "cuda_graph_sizes",
    "max_cudagraph_capture_size": "max_seq_len_to_capture",
    "max_seq_len_to_capture": "max_cudagraph_capture_size",
    "override_pooler_config": "pooler_config",
    "pooler_config": "override_pooler_config",
    "disable_mm_preprocessor_cache": "mm_processor_cache_gb",
    "enable_multimodal_encoder_data_parallel": "mm_encoder_tp_mode",
    "num_redundant_experts": "eplb_config",
    "eplb_window_size": "eplb_config",
    "eplb_step_interval": "eplb_config",
    "eplb_log_balancedness": "eplb_config",
    "num_lookahead_slots": "speculative_config",
    "speculative_model": "speculative_config",
    "speculative_model_quantization": "speculative_config",
    "speculative_draft_tensor_parallel_size": "speculative_config",
    "speculative_max_model_len": "speculative_config",
    "speculative_disable_by_batch_size": "speculative_config",
    "num_speculative_tokens": "speculative_config",
    "ngram_prompt_lookup_max": "speculative_config",
    "ngram_prompt_lookup_min": "speculative_config",
    "spec_method": "speculative_config",
    "spec_model": "speculative_config",
    "spec_tokens": "speculative_config",
    "runner": "task",
    "convert": "task",
}
# Options that some release stopped reading because there was nothing left for them to do.
IDLE = frozenset(
    {"swap_space", "use_v2_block_manager", "preemption_mode", "scheduler_delay_factor", "disable_async_output_proc",
     "num_scheduler_steps", "multi_step_stream_outputs", "lora_extra_vocab_size", "tokenizer_pool_size",
     "tokenizer_pool_type", "tokenizer_pool_extra_config", "disable_logprobs_during_spec_decoding", "is_mpi",
     "use_tqdm_on_load", "show_hidden_metrics_for_version", "fail_on_environ_validation", "numa_bind"}
)  # fmt: skip

SIZES = frozenset(
    {"len", "length", "lenght", "lenth", "lengths", "ctx", "context", "window", "positions", "maxlen", "seqlen"}
)
WHOLE = frozenset(
    {"max", "maximum", "model", "seq", "sequence", "context", "ctx", "input", "prompt", "total", "token", "tokens", "n",
     "num", "limit", "size", "position", "maxlen", "seqlen", "modellen"}
)  # fmt: skip
# Words that make a length, or a number of tokens, that of something else than the context.
ELSEWHERE = frozenset(
    {"output", "response", "completion", "generation", "generated", "new", "draft", "speculative", "spec", "estimate",
     "capture", "batch", "batched", "rolling", "prefill", "min", "minimum", "lora", "queue", "logprobs", "stop",
     "sliding", "step", "scheduled", "image", "images", "video", "audio", "mm", "chunk", "block", "lookahead",
     "partial", "partials", "threshold", "name", "log", "text", "penalty"}
)  # fmt: skip


def is_length(name: str) -> bool:
    """Whether a name says how long the context may be: max_seq_length, context_window, model_len, max_input_tokens."""
    words = set(name.split("_"))
    if words & ELSEWHERE:
        return False
    if words & {"context", "ctx"} and words <= WHOLE | SIZES:
        return True
    if "tokens" in words or "token" in words:
        return bool(words & {"max", "maximum"}) and words <= WHOLE | SIZES
    return bool(words & SIZES) and words <= WHOLE | SIZES


def is_request(name: str) -> bool:
    """Whether it is a part of a request, or nearly one."""
    return name in REQUEST or (len(name) > 4 and bool(difflib.get_close_matches(name[:LONGEST], REQUEST, 1, 0.9)))


def suggest_option(name: str, candidates: Mapping[str, str]) -> str | None:
    """The option that was probably meant, of the `candidates`: names that users know, with what to write for each."""
    if name in candidates:
        return candidates[name]
    synonym = SYNONYMS.get(name) or FOREIGN.get(name, ("", ""))[1]
    if not synonym and is_length(name):
        synonym = LENGTH
    if synonym:
        return synonym if synonym in candidates.values() or not candidates else None
    if len(name) > LONGEST or len(name) < 3:
        return None
    whole = _within(name, candidates)
    if whole or is_request(name):
        return whole
    synonyms = {word: option for word, option in SYNONYMS.items() if option in candidates.values() and len(word) > 4}
    vocabulary = {**synonyms, **candidates}
    close = difflib.get_close_matches(name, vocabulary, 1, CLOSE)
    return vocabulary[close[0]] if close else None


def _within(name: str, candidates: Mapping[str, str]) -> str | None:
    """The one option that has all of these words: chunked_prefill for enable_chunked_prefill."""
    words = set(name.split("_"))
    matches = {option for each, option in candidates.items() if words <= set(each.split("_"))}
    return matches.pop() if len(words) > 1 and len(matches) == 1 else None

"""The pages of the rules about the container's options: what happens, when, why, and what to do."""

from sluice.lmi import options
from sluice.preflight.finding import Rule

DJL = "https://github.com/deepjavalibrary/djl-serving/blob/637866135ee775bc1533808e843d7c32c8a2c179"
DJL_27 = "https://github.com/deepjavalibrary/djl-serving/blob/7e13b081383bd46293d4b49ab214d4757b1effd5"
PYTHON = "engines/python/setup/djl_python"
PROPERTIES = f"{DJL}/{PYTHON}/properties_manager/vllm_rb_properties.py"
PROPERTIES_27 = f"{DJL_27}/{PYTHON}/properties_manager/vllm_rb_properties.py"
TRANSFORMERS = f"{DJL}/{PYTHON}/properties_manager/hf_properties.py"
HANDLER = f"{DJL}/{PYTHON}/lmi_vllm/vllm_async_service.py"
MODEL_INFO = f"{DJL}/wlm/src/main/java/ai/djl/serving/wlm/ModelInfo.java"
RECOMMENDER = f"{DJL}/wlm/src/main/java/ai/djl/serving/wlm/LmiConfigRecommender.java"
REQUIREMENTS = f"{DJL}/serving/docker/lmi-container-requirements.txt"
GUIDE = f"{DJL}/serving/docs/lmi/user_guides/vllm_user_guide.md"
CONFIGURATIONS = f"{DJL}/serving/docs/lmi/deployment_guide/configurations.md"
TOOLS = f"{DJL}/serving/docs/lmi/user_guides/tool_calling.md"
VLLM = "https://github.com/vllm-project/vllm/blob/v0.11.1/vllm"
ARGUMENTS = f"{VLLM}/engine/arg_utils.py"
MODEL_CONFIG = f"{VLLM}/config/model.py"
AWQ = f"{VLLM}/model_executor/layers/quantization/awq.py"

LMI001 = Rule(
    "LMI001",
    "An option that the container does not read",
    "error",
    "verified",
    PROPERTIES,
    "The container turns `OPTION_X` into the option `x` and hands on what it knows: the options of DJL Serving, and "
    "the engine arguments of the vLLM that it carries. Everything else is dropped without a word. The log's *Apply per "
    "model settings* prints the name as if it had been applied, so a misspelt option looks like one that works.\n\n"
    "The right name is looked for among those that this very release reads and starts with; which those are is read "
    "from its source, release by release.",
    "OPTION_ENFORCE_EAGAR=true",
    "OPTION_ENFORCE_EAGER=true",
)
LMI002 = Rule(
    "LMI002",
    "An option whose name is not spelled as the container takes it",
    "error",
    "verified",
    MODEL_INFO,
    "In the environment an option is `OPTION_` and capital letters, digits and underscores. Only then is the name put "
    "into lower case; `OPTION_Max_Model_Len` stays as it is, and nothing reads that. In serving.properties it is the "
    "other way round: `option.` and small letters (`option.entryPoint` is the one exception that matters). In "
    "pipeline.yaml options stand under `lmi.options`, in small letters and without `OPTION_`.",
    "OPTION_Enforce_Eager=true",
    "OPTION_ENFORCE_EAGER=true",
)
LMI003 = Rule(
    "LMI003",
    "An option that ends the start, whatever its value",
    "error",
    "verified",
    PROPERTIES,
    "For a few things DJL Serving has a name of its own and refuses vLLM's: `max_num_seqs` is "
    "`max_rolling_batch_size`, `tensor_parallel_size` is `tensor_parallel_degree`, `pipeline_parallel_size` has none. "
    "The refusal compares the text with a number, so that an equal value is refused as well: ValueError, before "
    "anything is loaded. (Up to LMI 13 the names were ignored.) A few other names stand for arguments that vLLM's "
    "parser does not have, and for values that no text can be. SageMaker starts the container again until the health "
    "check's time is up.",
    "OPTION_MAX_NUM_SEQS=16",
    "OPTION_MAX_ROLLING_BATCH_SIZE=16",
)
LMI004 = Rule(
    "LMI004",
    "A value that the container does not take",
    "error",
    "verified",
    ARGUMENTS,
    "Most options become arguments of vLLM's command line, whose parser ends the process when a number is none, a "
    "switch has another value than true or false (`1` and `yes` too), a word is not in its list, or an object is not "
    "JSON. DJL Serving's own options are checked before that. It happens before the weights are loaded, and SageMaker "
    "starts the container again until the health check's time is up.\n\nAn object (`speculative_config`, "
    "`limit_mm_per_prompt`, `hf_overrides`, ...) is JSON: names and texts in double quotes, true and not True.\n\n"
    "vLLM 0.10.2 to 0.13 (LMI 16 to 18) end with NotImplementedError where `speculative_config` names a model of its "
    "own that drafts (https://github.com/vllm-project/vllm/issues/31883). They take `ngram`, which needs no second "
    "model, and what was trained for the model: EAGLE, Medusa, MTP.",
    "OPTION_GPU_MEMORY_UTILIZATION=90",
    "OPTION_GPU_MEMORY_UTILIZATION=0.9",
)
LMI005 = Rule(
    "LMI005",
    "A `false` that does not arrive",
    "warning",
    "verified",
    PROPERTIES_27,
    "A switch of vLLM that is true is handed on as `--name`; one that is false is handed on, as `--no-name`, only from "
    "LMI 26 on. Before that it is dropped and vLLM's own default holds: prefix caching, for one, stays on. (LMI 15 "
    "hands on a false of `enable_chunked_prefill`.) Where the default is off anyway nothing is lost, and this is only "
    "a note. From LMI 26 on a false ends the start for the few switches that vLLM can only turn on, "
    "`disable_log_stats` among them.",
    "OPTION_ENABLE_PREFIX_CACHING=false",
    "OPTION_ENABLE_PREFIX_CACHING=true",
)
LMI006 = Rule(
    "LMI006",
    "A dtype in the wrong words",
    "error",
    "verified",
    TRANSFORMERS,
    "Two property classes look at `dtype`, one after the other, and each knows other words. Only `auto`, `fp32`, "
    "`fp16` and `bf16` pass both, in small letters. `half`, `float16` and `bfloat16`, which vLLM itself takes, end the "
    "start. `auto`, or nothing, takes what the model's config.json says, which is mostly right.",
    "OPTION_DTYPE=bfloat16",
    "OPTION_DTYPE=bf16",
)
LMI007 = Rule(
    "LMI007",
    "bitsandbytes with a number",
    "error",
    "verified",
    TRANSFORMERS,
    "`bitsandbytes8`, `bitsandbytes4`, `load_in_8bit` and `load_in_4bit` were for models that Transformers loads. The "
    "handlers of vLLM refuse them, asking for a `device_map`; with one, vLLM does not know the word. vLLM's own is "
    "`bitsandbytes` (4 bits). A checkpoint that is quantized already needs no option at all.",
    "OPTION_QUANTIZE=bitsandbytes8",
    "OPTION_QUANTIZE=bitsandbytes",
)
LMI008 = Rule(
    "LMI008",
    "A context length that is not a plain number",
    "warning",
    "verified",
    ARGUMENTS,
    "vLLM reads `16k` as 16,000 and `16K` as 16,384. `auto` and `-1` mean the longest context that fits, from LMI 19 "
    "on; before that they end the start. How long that is depends on the card, so that a chat that works today may "
    "not after a change of the instance. A plain number says what is meant.",
    "OPTION_MAX_MODEL_LEN=16k",
    "OPTION_MAX_MODEL_LEN=16000",
)
LMI009 = Rule(
    "LMI009",
    "A step's token budget taken for the context length",
    "warning",
    "verified",
    GUIDE,
    "`max_rolling_batch_prefill_tokens` (vLLM's `max_num_batched_tokens`, TGI's `MAX_BATCH_PREFILL_TOKENS`) is how "
    "many tokens one step of the engine may take, over all requests. It caps no context: longer prompts are taken in "
    "pieces. If `max_model_len` is not set beside it, the model's own maximum counts, and vLLM wants KV cache for one "
    "request of that length.",
    "lmi.options: {max_rolling_batch_prefill_tokens: 4096}",
    "lmi.options: {max_rolling_batch_prefill_tokens: 4096, max_model_len: 4096}",
)
LMI010 = Rule(
    "LMI010",
    "One request at a time",
    "warning",
    "verified",
    RECOMMENDER,
    "`max_rolling_batch_size` is vLLM's `max_num_seqs`. With 1, requests are answered one after the other, and nearly "
    "all of the KV cache stays unused: the throughput of a card that could serve tens of users is that of one. The "
    "default is 32 (256 with a rolling batch).",
    "OPTION_MAX_ROLLING_BATCH_SIZE=1",
    "OPTION_MAX_ROLLING_BATCH_SIZE=16",
)
LMI011 = Rule(
    "LMI011",
    "Another handler than the asynchronous one",
    "warning",
    "verified",
    RECOMMENDER,
    "From LMI 17 on vLLM's own OpenAI server answers, if `rolling_batch` is `auto` or not set: only then does the "
    "container turn its asynchronous mode on. `vllm` (and `lmi-dist`, which becomes `vllm`) chooses the older queue in "
    "front of vLLM: other replies and other errors, and in LMI 19 to 25 every request with `messages` fails there, "
    "since it imports names that vLLM has moved. `disable` alone, and a `batch_size` above 1 in serving.properties, "
    "choose a handler without vLLM. Other words (`trtllm`, `scheduler`, ...) end the start. Remove the line; or write "
    "`rolling_batch=disable` and `async_mode=true` together, which is the default spelled out.",
    "OPTION_ROLLING_BATCH=vllm",
    "OPTION_ROLLING_BATCH=auto",
)
LMI012 = Rule(
    "LMI012",
    "One option in two places",
    "warning",
    "verified",
    PROPERTIES,
    "A few options have two names, DJL Serving's and vLLM's: `quantize` and `quantization`, "
    "`max_rolling_batch_prefill_tokens` and `max_num_batched_tokens`, `cpu_offload_gb_per_gpu` and `cpu_offload_gb`. "
    "If both are given, vLLM's name counts. `OPTION_TENSOR_PARALLEL_DEGREE` counts before `TENSOR_PARALLEL_DEGREE`. "
    "Keep one.",
    "OPTION_QUANTIZE=fp8\nOPTION_QUANTIZATION=bitsandbytes",
    "OPTION_QUANTIZE=fp8",
)
LMI013 = Rule(
    "LMI013",
    "OPTION_MODEL takes the model away",
    "error",
    "verified",
    PROPERTIES,
    "`model` is vLLM's argument for the path of the model. The container fills it in with what it found or "
    "downloaded, and an option of that name replaces this: the mounted files are not used, and vLLM looks for the "
    "value on the hub. What is loaded is said by the model data or by `HF_MODEL_ID`; `served_model_name` is the name "
    "in the replies.",
    "OPTION_MODEL=Qwen/Qwen3-4B-Instruct-2507",
    "OPTION_SERVED_MODEL_NAME=qwen3",
)
LMI014 = Rule(
    "LMI014",
    "A context length under a name that is not read",
    "error",
    "verified",
    PROPERTIES,
    "`max_len`, `max_length`, `max_tokens`, `max_seq_len`, `n_positions`, `context_length` and the like are no options "
    "of the LMI vLLM container, in any release. The container starts, prints the name as if it were applied, and "
    "ignores it. Unless `max_model_len` is set as well, the model's own maximum counts: 262,144 tokens for "
    "Qwen3-4B-Instruct-2507. vLLM wants KV cache for one request of that length, 36 GiB, where a card of 24 GB has 11 "
    "left; so it crashes after the weights are loaded, minutes into a billed start, and SageMaker repeats it until the "
    "health check's time is up.\n\nThe context (prompt and answer together) is `max_model_len`. How long an answer may "
    "be is `max_tokens` in each request.",
    "lmi.options: {max_len: 4096}",
    "lmi.options: {max_model_len: 4096}",
)
LMI015 = Rule(
    "LMI015",
    "An option of other releases",
    "error",
    "verified",
    ARGUMENTS,
    "vLLM adds and drops engine arguments with every version, and each LMI release carries another one. A name that "
    "this release's vLLM does not have is ignored like a misspelt one, whether it came later or is gone. Where "
    "something does the same, it is named; where there was nothing left to do (`swap_space`, `use_v2_block_manager`), "
    "this is only a warning.",
    'OPTION_ROPE_SCALING={"rope_type": "dynamic", "factor": 2.0}',
    'OPTION_HF_OVERRIDES={"rope_scaling": {"rope_type": "dynamic", "factor": 2.0}}',
)
LMI016 = Rule(
    "LMI016",
    "Stateful sessions turned off",
    "error",
    "verified",
    HANDLER,
    "The asynchronous handler makes its session manager only where `enable_stateful_sessions` is unset or exactly "
    "`true`, and asks for it on every request, sessions or not. With any other value the endpoint starts, and every "
    "request ends in an error (424). Leave it unset. (Read in LMI 17 to 27, not run.)",
    "OPTION_ENABLE_STATEFUL_SESSIONS=false",
    "OPTION_ENABLE_STATEFUL_SESSIONS=true",
)
LMI017 = Rule(
    "LMI017",
    "A library that the image may not have",
    "warning",
    "inferred",
    REQUIREMENTS,
    "Some of what vLLM can do needs a package that it does not install by itself: `runai_streamer` and `tensorizer` "
    "in every release, `fastsafetensors` up to LMI 24, `bitsandbytes` from LMI 20 on, where it left the image's list. "
    "If it is not there, the start ends with an ImportError. The lists were read, the images were not opened.",
    "OPTION_LOAD_FORMAT=runai_streamer",
    "OPTION_LOAD_FORMAT=safetensors",
)
LMI018 = Rule(
    "LMI018",
    "Code of a repository that is not needed",
    "warning",
    "inferred",
    CONFIGURATIONS,
    "`trust_remote_code` lets the container run Python files that lie beside the weights, as whoever may write there "
    "wants them. vLLM and Transformers know this architecture themselves and need none of them. Remove it, and pin the "
    "revision where the weights come from.",
    "OPTION_TRUST_REMOTE_CODE=true",
    "OPTION_TRUST_REMOTE_CODE=false",
)
LMI019 = Rule(
    "LMI019",
    "A degree of tensor parallelism that cannot be",
    "error",
    "verified",
    MODEL_CONFIG,
    "One copy of the model is spread over `tensor_parallel_degree` cards. More than the instance has ends the start: "
    "GPU devices are not enough. And the model's attention heads must divide by it: 28 heads go on 1, 2, 4 or 7 cards, "
    "never on 8. vLLM says so right after it has read config.json. `max`, which is also what counts while nothing is "
    "set, takes all cards of the instance.",
    "TENSOR_PARALLEL_DEGREE=4",
    "TENSOR_PARALLEL_DEGREE=1",
)
LMI020 = Rule(
    "LMI020",
    "Pipeline parallelism",
    "error",
    "verified",
    PROPERTIES,
    "The container's properties for vLLM let no other `pipeline_parallel_degree` through than 1: the start ends with "
    "*Pipeline parallelism is not supported*. Spread the model with `tensor_parallel_degree`.",
    "PIPELINE_PARALLEL_DEGREE=2",
    "PIPELINE_PARALLEL_DEGREE=1",
)
LMI021 = Rule(
    "LMI021",
    "Another engine than Python",
    "error",
    "verified",
    PROPERTIES,
    "`MPI` and `DeepSpeed` were engines of earlier containers, and older pages and samples still have them. The "
    "properties for vLLM accept `Python` and end the start with anything else. It is the default: remove the line.",
    "OPTION_ENGINE=MPI",
    "OPTION_ENGINE=Python",
)
LMI022 = Rule(
    "LMI022",
    "An option without a value",
    "warning",
    "verified",
    MODEL_INFO,
    "The container skips a variable that is empty, as if it were not there: the option keeps its default. It turns "
    "nothing off, and a switch that is written so is not on.",
    "OPTION_DTYPE=",
    "OPTION_DTYPE=auto",
)
LMI023 = Rule(
    "LMI023",
    "An option of another LMI container",
    "error",
    "verified",
    PROPERTIES,
    "LMI has containers for TensorRT-LLM and for Neuron, and had engines that are gone (lmi-dist, DeepSpeed, the "
    "scheduler). Their options are not read by the vLLM container: they are dropped without a word, as misspelt ones "
    "are. Much of what they tune vLLM does by itself.",
    "OPTION_ENABLE_TRT_OVERLAP=true",
    "OPTION_ASYNC_SCHEDULING=true",
)
LMI024 = Rule(
    "LMI024",
    "A part of a request, written as an option",
    "error",
    "verified",
    PROPERTIES,
    "How an answer is sampled and when it ends is said in each request: `temperature`, `top_p`, `max_tokens`, `stop`. "
    "As options of the container these names are not read, so every request keeps its own value, or the default. "
    "A few defaults can be set for all requests: those that vLLM takes out of `override_generation_config` "
    "(temperature, top_p, top_k, min_p, repetition_penalty, max_new_tokens).",
    "OPTION_TEMPERATURE=0.2",
    'OPTION_OVERRIDE_GENERATION_CONFIG={"temperature": 0.2}',
)
LMI025 = Rule(
    "LMI025",
    "An option that changes nothing here",
    "warning",
    "verified",
    PROPERTIES,
    "Some options are read, for other handlers or engines, and nothing of vLLM hears of them: the names for "
    "speculative decoding that lmi-dist had, `data_type`, what Transformers takes to load a model, and, with the "
    "asynchronous handler, what shaped the older one's replies (`output_formatter`, `tgi_compat`). Where it makes no "
    "difference, this is only a note.\n\nTo draft tokens, LMI 16 to 18 take no model of its own: only `ngram`, or a "
    "head that was trained for the model (EAGLE, Medusa, MTP).",
    "OPTION_SPECULATIVE_DRAFT_MODEL=Qwen/Qwen3-0.6B",
    f"OPTION_SPECULATIVE_CONFIG={options.NGRAM}",
)
LMI026 = Rule(
    "LMI026",
    "An option that needs another beside it",
    "error",
    "verified",
    PROPERTIES,
    "`enable_auto_tool_choice` wants to know how this model writes a call of a tool: without a `tool_call_parser` that "
    "the image's vLLM has, the start ends with *Invalid tool call parser*. The same goes for `enable_reasoning` and "
    "`reasoning_parser`. The other way round a `tool_call_parser` alone does nothing.",
    "OPTION_ENABLE_AUTO_TOOL_CHOICE=true",
    "OPTION_ENABLE_AUTO_TOOL_CHOICE=true\nOPTION_TOOL_CALL_PARSER=hermes",
)
LMI027 = Rule(
    "LMI027",
    "Another quantization than the checkpoint's",
    "error",
    "verified",
    MODEL_CONFIG,
    "A checkpoint that is quantized says how in its config.json. vLLM compares that with `quantize` and ends the start "
    "if they differ. Leave the option away: then vLLM also takes the fastest kernels that it has for the method.",
    "--model Qwen/Qwen2.5-7B-Instruct-AWQ\nOPTION_QUANTIZE=gptq",
    "--model Qwen/Qwen2.5-7B-Instruct-AWQ",
)
LMI028 = Rule(
    "LMI028",
    "AWQ in bfloat16",
    "error",
    "verified",
    AWQ,
    "vLLM's plain AWQ kernels compute in float16 only (up to LMI 27), and `quantize=awq` asks for them by name. With a "
    "checkpoint or a `dtype` in bfloat16 the start ends. Without the option vLLM takes the Marlin kernels, which take "
    "both and are faster.",
    "--model Qwen/Qwen2.5-7B-Instruct-AWQ\nOPTION_QUANTIZE=awq\nOPTION_DTYPE=bf16",
    "--model Qwen/Qwen2.5-7B-Instruct-AWQ\nOPTION_DTYPE=bf16",
)
LMI029 = Rule(
    "LMI029",
    "A path where the chat template itself is taken",
    "warning",
    "inferred",
    HANDLER,
    "Up to LMI 22 the handler hands `chat_template` to vLLM as it is, and vLLM takes it for the template's own text. A "
    "path is a text without a place for the messages, so the model would be asked that path, whatever the user said. "
    "From LMI 23 on a file is read. A `chat_template.jinja` in the model's folder, or the one in "
    "tokenizer_config.json, is found without any option. (Read, not run.)",
    "OPTION_CHAT_TEMPLATE=/opt/ml/model/chat.jinja",
    "OPTION_CHAT_TEMPLATE_CONTENT_FORMAT=string",
)
RULES: tuple[Rule, ...] = (
    *(LMI001, LMI002, LMI003, LMI004, LMI005, LMI006, LMI007, LMI008, LMI009, LMI010, LMI011, LMI012, LMI013, LMI014),
    *(LMI015, LMI016, LMI017, LMI018, LMI019, LMI020, LMI021, LMI022, LMI023, LMI024, LMI025, LMI026, LMI027, LMI028),
    LMI029,
)

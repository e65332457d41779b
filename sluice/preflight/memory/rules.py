"""The pages of the rules about memory: what happens, when, why, and what to do."""

from sluice.preflight.finding import Rule

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

"""Options that do as they say, but not what is wanted with this model, on this instance or in this image."""

import re
from collections.abc import Iterator, Mapping

from sluice.lmi import options, tables
from sluice.preflight.deployment_spec import DeploymentSpec, Setting
from sluice.preflight.finding import Finding, Location, Rule
from sluice.preflight.memory.serving import list_serving_instances
from sluice.preflight.options.effective_options import (
    AGAIN,
    BEFORE,
    DEGREE,
    LENGTH,
    context_verdict,
    describe_context,
    describe_draft_support,
    format_line,
    is_lmi,
    is_on,
    is_quoted,
    known_release,
    number,
    quote_value,
    read_effective_options,
    read_option_name,
    read_option_texts,
    spell_option,
)
from sluice.preflight.options.sources import (
    AWQ,
    CONFIGURATIONS,
    GUIDE,
    HANDLER,
    MODEL_CONFIG,
    MODEL_INFO,
    PROPERTIES,
    REQUIREMENTS,
)
from sluice.preflight.options.values import LMI004

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

TEMPLATE_READ_FROM = 23
AWQ_BFLOAT_FROM = 28
# What needs a package that the image may not have -> the package, and the releases without it.
PACKAGES: Mapping[str, tuple[str, range]] = {
    "runai_streamer": ("runai-model-streamer", range(15, 100)),
    "runai_streamer_sharded": ("runai-model-streamer", range(15, 100)),
    "tensorizer": ("tensorizer", range(15, 100)),
    "instanttensor": ("instanttensor", range(15, 100)),
    "fastsafetensors": ("fastsafetensors", range(15, 25)),
    "bitsandbytes": ("bitsandbytes", range(20, 100)),
}
# Beginnings of architectures whose config and tokenizer Transformers has itself.
NATIVE = (
    *("Llama", "Mistral", "Mixtral", "Qwen2", "Qwen3", "Gemma", "Phi3For", "GPTNeoX", "OPT", "GPT2", "GPTJ", "GptOss"),
    *("Cohere", "Starcoder2", "Granite", "Olmo"),
)
# Options that are read and change nothing, where that is hardly a surprise.
HARMLESS = frozenset(
    {"cluster_size", "device", "device_id", "device_map", "disable_flash_attn", "enable_streaming", "is_peft_model",
     "low_cpu_mem_usage", "model_dir", "waiting_steps", "default_accept", "backend", "optimization"}
)  # fmt: skip
INSTEAD: Mapping[str, str] = {
    "draft_model_id": "speculative_config",
    "speculative_draft_model": "speculative_config",
    "spec_length": "speculative_config",
    "data_type": "dtype",
    "max_num_tokens": "max_rolling_batch_prefill_tokens",
}
FAMILIES: Mapping[str, str] = {  # of quantization: checkpoints of one are not read as another
    **dict.fromkeys(("awq", "awq_marlin", "auto_awq"), "awq"),
    **dict.fromkeys(("gptq", "gptq_marlin", "auto_gptq", "gptq_marlin_24", "gptq_bitblas"), "gptq"),
    "bitsandbytes": "bitsandbytes",
    "fp8": "fp8",
}
# The parser of tool calls that a model's name stands for.
PARSERS = (
    ("coder", "qwen3_coder"),
    ("qwen", "hermes"),
    ("hermes", "hermes"),
    ("llama-3", "llama3_json"),
    ("mistral", "mistral"),
)


def check_token_budget(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields LMI009: a step's token budget taken for the context length."""
    settings = read_effective_options(setup)
    each = settings.get("max_rolling_batch_prefill_tokens") or settings.get("max_num_batched_tokens")
    if known_release(setup) is None or each is None or LENGTH in settings:
        return
    what = (
        f"This is the token budget of one step, not the length of the context: that is {spell_option(setup, LENGTH)}."
    )
    fits = any(context_verdict(case) == "fits" for case in list_serving_instances(setup))
    fix = format_line(setup, each, LENGTH, each.value.strip() if number(each.value) else "4096")
    yield LMI009.at(each.place, f"{what} {describe_context(setup)}", fix, severity="note" if fits else None)


def check_loader_packages(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields LMI017: a library that the image may not have."""
    lmi, settings = known_release(setup), read_effective_options(setup)
    loaders = {settings[each].value.strip().lower(): settings[each] for each in _LOADING if each in settings}
    for value, each in loaders.items():
        package, lacking = PACKAGES.get(value, ("", range(0)))
        if lmi is not None and lmi in lacking:
            what = f"{value} needs the package {package}, which is on no list of what the image of LMI {lmi} installs."
            fix = format_line(setup, each, "load_format", "auto") if read_option_name(each) == "load_format" else ""
            end = f"If it is not there, the start ends with an ImportError, and {AGAIN}."
            yield LMI017.at(each.place, f"{what} {end}", fix)


_LOADING = ("load_format", "quantize", "quantization")


def check_remote_code(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields LMI018: code of a repository that is not needed."""
    lmi, each = known_release(setup), read_effective_options(setup).get("trust_remote_code")
    if lmi is None or each is None or setup.model is None or not is_on(each):
        return
    architecture = setup.model.architecture
    row = tables.by("architectures", "architecture").get(architecture)
    if row is None or not row["since_release"] <= lmi <= row.get("until_release", lmi):
        return
    if architecture.startswith(NATIVE):
        what = f"vLLM and Transformers know {architecture} themselves: the repository's own Python code is not needed."
        yield LMI018.at(each.place, what, format_line(setup, each, "trust_remote_code", "false"))


def check_parallel_degree(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields LMI019: a degree of tensor parallelism that cannot be."""
    if not is_lmi(setup) or setup.release is None:
        return
    each = read_effective_options(setup).get(DEGREE)
    degree = number(each.value) if each else None
    if degree == 0 or (each is not None and degree is None and each.value.strip() != "max"):
        return  # no degree at all, which is said elsewhere
    place = each.place if each else setup.option_place(DEGREE)
    problem = _of_cards(setup, each, place, degree) if (cards := _cards(setup)) else None
    if problem is None and not cards and degree and not _divides(setup, degree):
        problem = _of_heads(setup, each, place, degree, "")
    if problem is not None:
        yield problem


def _of_cards(setup: DeploymentSpec, each: Setting | None, place: Location, configured: int | None) -> Finding | None:
    for instance, cards in _cards(setup).items():
        degree = configured or cards
        if degree > cards:
            has = "1 card" if cards == 1 else f"{cards} cards"
            what = f"{instance} has {has}, and one copy of the model is to take {degree}: GPU devices are not enough."
            fix = _degree_line(setup, each, _largest(setup, cards))
            return LMI019.at(place, f"{what} {BEFORE}", fix, source=MODEL_INFO)
        if not _divides(setup, degree):
            return _of_heads(setup, each, place, degree, "" if configured else f", all cards of {instance}")
    return None


def _of_heads(setup: DeploymentSpec, each: Setting | None, place: Location, degree: int, why: str) -> Finding:
    heads = setup.model.heads if setup.model else 0
    what = f"The model's {heads} attention heads do not divide by {degree}{why}: vLLM refuses it."
    return LMI019.at(place, f"{what} {BEFORE}", _degree_line(setup, each, _largest(setup, degree)))


def check_inert_options(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields LMI025: an option that changes nothing here."""
    lmi = known_release(setup)
    if lmi is None:
        return
    handler = options.handler(read_option_texts(setup), lmi)
    for option, each in read_effective_options(setup).items():
        shaped = option in options.INERT_ASYNC and handler == "async"
        idle = (option in options.INERT or shaped) and option != "batch_size" and options.is_read(option, lmi)
        if not idle or handler == "plain" or each.value.strip().lower() in {"false", "0", "-1", "auto"}:
            continue
        if option == "device" and lmi == 15:  # handed on by this one
            continue
        use = INSTEAD.get(option, "")
        reads = f" {spell_option(setup, use)} is what vLLM reads." if use and options.is_read(use, lmi) else ""
        reads += describe_draft_support(lmi) if use == "speculative_config" else ""
        who = "the asynchronous handler" if shaped else "vLLM"
        what = f"It is read, and nothing comes of it: in LMI {lmi} {who} does not hear of it.{reads}"
        fix = format_line(setup, each, use, each.value.strip()) if use == "dtype" else ""
        yield LMI025.at(each.place, what, fix, severity="note" if option in HARMLESS else None)


def check_companion_options(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields LMI026, and what LMI004 says of a parser of tool calls."""
    lmi, settings = known_release(setup), read_effective_options(setup)
    if lmi is None:
        return
    for switch, parser in (("enable_auto_tool_choice", "tool_call_parser"), ("enable_reasoning", "reasoning_parser")):
        on, named = settings.get(switch), settings.get(parser)
        if on is not None and is_on(on) and named is None:
            what = f"It needs {spell_option(setup, parser)} beside it, which says how this model writes them."
            yield LMI026.at(on.place, f"{what} {BEFORE}", format_line(setup, on, parser, _parser(setup, parser, lmi)))
        elif named is not None and parser == "tool_call_parser":
            yield from _tool_parser(setup, named, is_on(on), switch, lmi)


def _tool_parser(setup: DeploymentSpec, named: Setting, on: bool, switch: str, lmi: int) -> Iterator[Finding]:
    allowed = options.values("tool_call_parser", lmi)
    if not on:
        what = f"A parser alone does nothing: {spell_option(setup, switch)} lets the model call tools by itself."
        yield LMI026.at(named.place, what, format_line(setup, named, switch, "true"), severity="warning")
    elif allowed and named.value.strip() not in allowed and not is_quoted(named.value):
        what = f"Must be one of {', '.join(allowed)} in LMI {lmi}, not {quote_value(named)}."
        yield LMI004.at(named.place, f"{what} {BEFORE}")


def check_quantization(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields LMI027 and LMI028."""
    lmi, settings = known_release(setup), read_effective_options(setup)
    each = settings.get("quantization") or settings.get("quantize")
    if lmi is None or each is None or setup.model is None:
        return
    own, method = FAMILIES.get(setup.model.quantization or "", ""), each.value.strip()
    if own in {"awq", "gptq", "bitsandbytes"} and FAMILIES.get(method, own) != own:
        what = f"By its config.json the checkpoint is {setup.model.quantization}: vLLM refuses to load it as {method}."
        yield LMI027.at(each.place, f"{what} {BEFORE} Remove the option: vLLM takes what the checkpoint says.")
    dtype = settings.get("dtype")
    computed = dtype.value.strip() if dtype and dtype.value.strip() != "auto" else setup.model.dtype
    if own == method == "awq" and computed in {"bf16", "bfloat16"} and lmi < AWQ_BFLOAT_FROM:
        what = "vLLM's plain AWQ kernels compute in float16, and the model is to run in bfloat16."
        yield LMI028.at(each.place, f"{what} {BEFORE} Remove the option: the Marlin kernels do both.")


def check_chat_template(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields LMI029: a path where the chat template itself is taken."""
    lmi, each = known_release(setup), read_effective_options(setup).get("chat_template")
    if lmi is None or each is None or lmi >= TEMPLATE_READ_FROM:
        return
    path = each.value.strip()
    if re.fullmatch(r"[\w./~:-]+", path) and ("/" in path or path.endswith((".jinja", ".jinja2", ".j2", ".txt"))):
        what = f"LMI {lmi} takes this for the template's own text: the model is asked {path!r}, and sees no message."
        yield LMI029.at(
            each.place, f"{what} Put the file into the model's folder as chat_template.jinja, and remove this."
        )


def _cards(setup: DeploymentSpec) -> Mapping[str, int]:
    """The instances that are going to run the container, with their cards."""
    rows = tables.by("instances", "instance")
    named = (setup.instance_type, setup.job.instance_type if setup.job else None)
    return {each: int(rows[each]["gpus"]) for each in named if each in rows and each and int(rows[each]["gpus"]) > 0}


def _divides(setup: DeploymentSpec, degree: int) -> bool:
    heads = setup.model.heads if setup.model else 0
    return heads <= 0 or heads % degree == 0


def _largest(setup: DeploymentSpec, most: int) -> int:
    return next((degree for degree in range(min(most, 64), 0, -1) if _divides(setup, degree)), 1)


def _degree_line(setup: DeploymentSpec, each: Setting | None, degree: int) -> str:
    return format_line(setup, each, DEGREE, str(degree)) if each else setup.line(DEGREE, degree)


def _parser(setup: DeploymentSpec, parser: str, lmi: int) -> str:
    """The parser that this model's calls of tools are written for; empty where its name does not tell."""
    if parser != "tool_call_parser":
        return ""
    model = (setup.model_id or (setup.model.name if setup.model else "")).lower()
    allowed = options.values(parser, lmi)
    return next((name for part, name in PARSERS if part in model and name in allowed), "")

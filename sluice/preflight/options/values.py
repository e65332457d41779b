"""Values of options: those that end the start, and those that do something else than they say."""

from collections.abc import Iterator, Mapping

from sluice.lmi import options
from sluice.lmi.options import Kind
from sluice.preflight.container import secrets
from sluice.preflight.deployment_spec import DeploymentSpec, Setting
from sluice.preflight.finding import Finding, Rule, Severity
from sluice.preflight.options.effective_options import (
    BEFORE,
    LENGTH,
    PIPELINE,
    format_line,
    is_quoted,
    known_release,
    number,
    quote_value,
    read_effective_options,
    read_option_texts,
    spell_option,
    writes_text,
)
from sluice.preflight.options.names import LMI003
from sluice.preflight.options.sources import (
    ARGUMENTS,
    CONFIGURATIONS,
    HANDLER,
    PROPERTIES,
    PROPERTIES_27,
    RECOMMENDER,
    TRANSFORMERS,
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

RULE: Mapping[Kind, Rule] = {  # names that are not read are another module's
    "ends": LMI003,
    "value": LMI004,
    "false": LMI005,
    "dtype": LMI006,
    "quantize": LMI007,
    "handler": LMI011,
    "model": LMI013,
    "sessions": LMI016,
    "pipeline": LMI020,
    "engine": LMI021,
}
PREDICATES = ("must ", "ends ", "is refused", "replaces ", "names ")
CHAT_BROKEN = range(19, 26)  # releases whose older queue imports, for a chat, what their vLLM has moved


def check_refused_values(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields what `lmi.options` says of values: LMI003 to LMI007, LMI011, LMI013, LMI016, LMI020 and LMI021."""
    lmi = known_release(setup)
    if lmi is None:
        return
    settings = read_effective_options(setup)
    for reading in options.find_problems(read_option_texts(setup), lmi):
        if reading.kind in RULE:
            yield _report_value(setup, settings[reading.option], reading, lmi)


def check_context_length(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields LMI008, where the value is understood."""
    lmi, each = known_release(setup), read_effective_options(setup).get(LENGTH)
    if lmi is None or each is None or is_quoted(each.value):
        return
    value = each.value.strip()
    tokens = _length(value, lmi)
    if tokens is None and value.lower() in {"auto", "-1"} and lmi >= options.AUTO_LENGTH_FROM:
        what = f"{value} is the longest context that fits on the card: on another instance it is another one."
        yield LMI008.at(each.place, what, format_line(setup, each, LENGTH, "4096"))
    elif tokens is not None and value[-1].isalpha():
        other = f"{value[:-1]}{value[-1].swapcase()}"
        also = _length(other, lmi)
        what = f"vLLM reads {value} as {tokens:,} tokens{f', and {other} as {also:,}' if also else ''}."
        yield LMI008.at(each.place, what, format_line(setup, each, LENGTH, str(tokens)))


def check_batching(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields LMI010, and what LMI011 says of batches."""
    if known_release(setup) is None:
        return
    seats = read_effective_options(setup).get("max_rolling_batch_size")
    if seats is not None and seats.value.strip() == "1":
        what = "One request is answered at a time and all others wait, however much room the KV cache has."
        yield LMI010.at(seats.place, what, format_line(setup, seats, "max_rolling_batch_size", "16"))
    yield from _before_the_handler(setup)


def _before_the_handler(setup: DeploymentSpec) -> Iterator[Finding]:
    """Batches that DJL Serving makes, where vLLM makes its own."""
    instead = f"vLLM batches by itself, up to {spell_option(setup, 'max_rolling_batch_size')} requests at a time."
    option = read_effective_options(setup).get("batch_size")
    if option is not None and (number(option.value) or 0) > 1:
        fix = format_line(setup, option, "max_rolling_batch_size", option.value.strip())
        yield LMI011.at(option.place, f"As an option it changes nothing: {instead}", fix, source=CONFIGURATIONS)
    for each in setup.properties:
        if each.name == "batch_size" and (number(each.value) or 0) > 1:
            what = "Above 1 it turns the asynchronous mode and vLLM's batching off: a handler without vLLM answers."
            severity: Severity = "error" if writes_text(setup) else "warning"
            yield LMI011.at(each.place, f"{what} {instead}", "batch_size=1", severity=severity)
    served = setup.variable("SERVING_BATCH_SIZE")
    if served is not None and (number(served.value) or 0) > 1:
        what = (
            "Requests are put together before a handler that takes one at a time: those that come together fail (424)."
        )
        yield LMI011.at(served.place, f"{what} {instead}", severity="error", confidence="inferred")


def _report_value(setup: DeploymentSpec, each: Setting, reading: options.Issue, lmi: int) -> Finding:
    rule, why = RULE[reading.kind], reading.why
    severity: Severity | None = None
    if reading.kind == "value" and reading.option == LENGTH and each.value.strip().lower() in {"auto", "-1"}:
        rule, severity = LMI008, "error"
        why = f"{each.value.strip()} (the longest that fits) is understood from LMI {options.AUTO_LENGTH_FROM} on."
    elif reading.kind == "model":
        why = f"{why} The mounted files are not used, and vLLM looks for {quote_value(each)} on the hub."
    elif reading.kind == "false":
        why, severity = _false(reading, lmi)
    elif reading.kind == "handler":
        why, severity = _handler(setup, each, reading, lmi)
    elif reading.kind == "sessions":
        why = f"The endpoint starts, and then {why}"
    elif reading.kind == "ends":
        why = f"{why} {spell_option(setup, reading.use)} is what is read." if reading.use else why
    if reading.effect == "stops" and reading.kind != "model":
        why = f"{why} {BEFORE}"
    value = (
        "1"
        if reading.use == PIPELINE
        else reading.value or ("" if reading.kind in {"value", "dtype"} else each.value.strip())
    )
    fix = format_line(setup, each, reading.use, value) if reading.use else ""
    return rule.at(each.place, _safe(_sentence(why), each), fix, severity=severity)


def _sentence(why: str) -> str:
    """With the subject that a line of the log goes without."""
    return f"It {why}" if why.startswith(PREDICATES) else f"{why[:1].upper()}{why[1:]}" if why[:6] == "there " else why


def _safe(message: str, each: Setting) -> str:
    """A message without a value that is secret or long."""
    for text in (repr(each.value.strip()), each.value.strip()):
        if len(text) > len(quote_value(each)) or secrets.classify_secret(each.name, each.value):
            message = message.replace(text, quote_value(each))
    return message


def _false(reading: options.Issue, lmi: int) -> tuple[str, Severity | None]:
    option = reading.option
    if reading.effect == "stops":
        return f"LMI {lmi} hands on --no-{option.replace('_', '-')}, which vLLM's parser does not know.", "error"
    first = f"false is not handed on to vLLM before LMI {options.FALSE_PASSED_FROM}"
    if options.kind(option) != "flag":
        return f"{first}: the default holds.", None
    if lmi < options.NOT_OFF.get(option, lmi + 1):
        return f"{first}, and it is the default: the line changes nothing.", "note"
    return f"{first}: the default holds, which is not off. This release cannot turn it off.", None


def _handler(setup: DeploymentSpec, each: Setting, reading: options.Issue, lmi: int) -> tuple[str, Severity | None]:
    if reading.effect == "stops":
        return reading.why, "error"
    alone = reading.option == "rolling_batch" and each.value.strip() == "disable"
    if alone:
        severity: Severity = "error" if writes_text(setup) else "warning"  # other models than writers are served so
        return f"{reading.why} The options of vLLM have no effect. {reading.instead}", severity
    chat = f" In LMI {lmi} every request with messages ends in an error there (424)."
    broken = reading.option == "rolling_batch" and lmi in CHAT_BROKEN
    return f"{reading.why}{chat if broken else ''} {reading.instead}", None


def _length(value: str, lmi: int) -> int | None:
    try:
        return options.parse_length(value, lmi)
    except ValueError:
        return None

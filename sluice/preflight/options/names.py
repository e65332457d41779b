"""Names of options: those that nothing reads, and what was probably meant; one option under two of them."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from sluice.lmi import aliases, options, tables
from sluice.lmi.options import Kind
from sluice.preflight.container import secrets
from sluice.preflight.deployment_spec import DeploymentSpec, Setting
from sluice.preflight.finding import Finding, Rule, Severity
from sluice.preflight.options.effective_options import (
    LENGTH,
    describe_context,
    describe_draft_support,
    format_line,
    is_lmi,
    is_quoted,
    is_set,
    list_written_options,
    read_effective_options,
    read_option_name,
    spell_option,
)
from sluice.preflight.options.sources import ARGUMENTS, MODEL_INFO, PROPERTIES

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

RULE: Mapping[Kind, Rule] = {
    "unknown": LMI001,
    "length": LMI014,
    "request": LMI024,
    "foreign": LMI023,
    "release": LMI015,
}
LOGGING = frozenset({"enable_log_requests", "disable_log_requests"})  # of vLLM's own server, which LMI does not start
LARGEST = 10**6  # a default for requests is no larger


def check_unread_names(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields LMI001, LMI002, LMI014, LMI015, LMI023 and LMI024."""
    if not is_lmi(setup):
        return
    for each in list_written_options(setup):
        option = read_option_name(each)
        if option is None:
            yield from _misspelt(setup, each)
        elif option.startswith("option_") and not options.is_read(option, setup.release or 0):
            plain = option.removeprefix("option_")
            what = "An option is written without OPTION_ here: the container has none of this name, and ignores it."
            yield LMI002.at(each.place, what, format_line(setup, each, plain, each.value))
        elif each.value and (reading := _not_read(setup, option)):
            yield _ignored(setup, each, reading)


def check_names_of_unknown_release(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields LMI003, where it is not known what the release makes of its options."""
    if not is_lmi(setup) or setup.release in options.RELEASES:
        return
    for option, each in read_effective_options(setup).items():
        use = options.instead_of(option)
        if use:
            what = "From LMI 14 on this name ends the start, whatever its value; before, it is ignored."
            fix = format_line(setup, each, use, each.value)
            yield LMI003.at(
                each.place, f"{what} {spell_option(setup, use)} is what is read.", fix, confidence="inferred"
            )


def check_duplicate_options(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields LMI012: one option in two places."""
    if not is_lmi(setup):
        return
    first: dict[str, Setting] = {}
    for each in setup.environment:
        option = read_option_name(each) if each.value else None
        if option is not None:
            other = first.setdefault(options.same_as(option), each)
            if other is not each:
                yield _two(setup, other, each)


def check_empty_values(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields LMI022: an option without a value."""
    if not is_lmi(setup):
        return
    for each in list_written_options(setup):
        option = read_option_name(each)
        if option and not each.value and (setup.release is None or options.is_read(option, setup.release)):
            yield LMI022.at(each.place, "It is empty, which the container takes for not set: the default holds.")


def _misspelt(setup: DeploymentSpec, each: Setting) -> Iterator[Finding]:
    """LMI002: a name that would be one but for its letters."""
    if each.name.startswith("option."):
        yield from _in_properties(setup, each)
        return
    option = re.sub(r"^options?_(option_)?", "", each.name.lower())
    if not re.fullmatch(r"[a-z_0-9]+", option):
        return  # not a name that SageMaker takes, which is another rule's
    reading = _not_read(setup, option)
    use = reading.use if reading else option
    yaml = setup.form == "yaml" and each.place.where.startswith("lmi.options")
    how = "in small letters and without OPTION_" if yaml else "that are OPTION_ and capital letters throughout"
    what = f"Only names {how} are read: the container starts and ignores this one."
    if use == LENGTH:
        what = f"{what} {describe_context(setup)}"
    yield LMI002.at(each.place, what, format_line(setup, each, use, each.value) if use else "")


def _in_properties(setup: DeploymentSpec, each: Setting) -> Iterator[Finding]:
    key = each.name.removeprefix("option.")
    right = "option.entryPoint" if key.lower() == "entrypoint" else each.name.lower()
    if right != each.name and _not_read(setup, key.lower()) is None:
        what = f"Names in serving.properties are taken as they stand, and this one is {right}: as it is, it is ignored."
        yield LMI002.at(
            each.place, what, "" if secrets.classify_secret(each.name, each.value) else f"{right}={each.value}"
        )


def _not_read(setup: DeploymentSpec, option: str) -> options.Issue | None:
    """What is to be said of a name that this release does not read; of a release that is not known, that none does."""
    release = setup.release
    if release is not None and release in options.RELEASES:
        return None if options.is_read(option, release) else options.describe_unread(option, release)
    if options.reading_releases(option) or option in _old_names(release):
        return None
    first, last = min(options.RELEASES), max(options.RELEASES)
    return replace(options.describe_unread(option, min(max(release or last, first), last)), why="")


def _old_names(release: int | None) -> frozenset[str]:
    """What releases before those that are known read: one of them, or any."""
    rows = tables.rows("old_options")
    return frozenset(row["name"] for row in rows if release is None or row["since"] <= release <= row["until"])


def _ignored(setup: DeploymentSpec, each: Setting, reading: options.Issue) -> Finding:
    is_known_release = setup.release in options.RELEASES
    severity: Severity | None = None
    if reading.option in LOGGING:
        severity, reading = "note", replace(reading, use="")  # what is near to it by name turns the metrics off
    elif reading.option in aliases.IDLE or (not is_known_release and reading.kind == "unknown"):
        severity = "warning"
    fix = _for_all_requests(setup, each, reading.option) if reading.kind == "request" else _fix(setup, each, reading)
    follows = describe_context(setup) if reading.use == LENGTH else ""
    what = " ".join(part for part in (_fate(setup, reading), _instead(setup, reading), follows) if part)
    return RULE[reading.kind].at(
        each.place, what, fix, severity=severity, confidence=None if is_known_release else "inferred"
    )


def _fate(setup: DeploymentSpec, reading: options.Issue) -> str:
    option, release = reading.option, setup.release
    if release is None or release not in options.RELEASES:
        reads = "No LMI release that is known here reads it"
    elif reading.kind == "foreign":
        reads = f"It is an option of {aliases.FOREIGN[option][0]} and none of LMI {release} for vLLM"
    elif reading.kind == "request":
        reads = "It is a part of a request and no option of the container"
    elif reading.kind == "release":
        reads = _in_others(option, release)
    elif option in LOGGING:
        reads = "It is an argument of vLLM's own server, which LMI does not start"
    else:
        reads = f"LMI {release} does not read it"
    return f"{reads}. The container starts, prints it as if it were applied, and ignores it."


def _in_others(option: str, release: int) -> str:
    span = options.reading_releases(option)
    if span is None:
        return f"It was read before LMI 15, and LMI {release} does not read it"
    first, last = span
    if release > last:
        return f"LMI {last} was the last to read it, LMI {release} does not"
    return f"LMI {first} is the first to read it, LMI {release} does not"


def _instead(setup: DeploymentSpec, reading: options.Issue) -> str:
    if reading.kind == "request":
        return "Say it in each request."
    if not reading.use:
        return "There is nothing left for it to do: remove it." if reading.option in aliases.IDLE else "Remove it."
    use = spell_option(setup, reading.use)
    if is_set(setup, reading.use):
        return f"{use} is what is read, and it is set: remove this one."
    is_read = f"{use} is {'what is read' if reading.kind in {'release', 'foreign', 'length'} else 'probably meant'}."
    return f"{is_read}{describe_draft_support(setup.release) if reading.use == 'speculative_config' else ''}"


def _fix(setup: DeploymentSpec, each: Setting, reading: options.Issue) -> str:
    """The same value under the right name, if it would do there."""
    if reading.kind == "release":
        return _moved(setup, each, reading.option)
    if not reading.use or is_set(setup, reading.use):
        return ""
    value = each.value.strip()[1:-1] if is_quoted(each.value) else each.value.strip()
    if reading.use == LENGTH:
        try:
            options.parse_length(value, setup.release or max(options.RELEASES))
        except ValueError:
            value = "4096"
    return format_line(setup, each, reading.use, value)


def _moved(setup: DeploymentSpec, each: Setting, option: str) -> str:
    """What an older name said, as its successor takes it, where that is one line."""
    value, release = each.value.strip(), setup.release or 0
    try:
        decoded = json.loads(value)
    except (ValueError, RecursionError):
        decoded = value
    new: Mapping[str, tuple[str, str]] = {
        "rope_scaling": ("hf_overrides", json.dumps({"rope_scaling": decoded}) if isinstance(decoded, dict) else ""),
        "guided_decoding_backend": ("structured_outputs_config", json.dumps({"backend": value})),
        "structured_outputs_config": ("guided_decoding_backend", _backend(decoded)),
        "disable_mm_preprocessor_cache": ("mm_processor_cache_gb", "0" if value.lower() == "true" else ""),
        "enable_multimodal_encoder_data_parallel": ("mm_encoder_tp_mode", "data" if value.lower() == "true" else ""),
        "cuda_graph_sizes": ("cudagraph_capture_sizes", value),
        "cudagraph_capture_sizes": ("cuda_graph_sizes", value),
        "override_pooler_config": ("pooler_config", value),
        "pooler_config": ("override_pooler_config", value),
    }
    use, right = new.get(option, ("", ""))
    return (
        format_line(setup, each, use, right) if use and options.is_read(use, release) and not is_set(setup, use) else ""
    )


def _backend(config: object) -> str:
    backend = config.get("backend") if isinstance(config, dict) else None
    return backend if isinstance(backend, str) else ""


def _for_all_requests(setup: DeploymentSpec, each: Setting, option: str) -> str:
    """A request's parameter as the default of all requests, if vLLM has one."""
    if option not in aliases.SAMPLING or is_set(setup, "override_generation_config"):
        return ""
    try:
        value = json.loads(each.value)
    except (ValueError, RecursionError):
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value) or abs(value) > LARGEST:
        return ""
    return format_line(setup, each, "override_generation_config", json.dumps({option: value}))


def _two(setup: DeploymentSpec, first: Setting, second: Setting) -> Finding:
    """The setting of an option that does not count, since there is another."""
    if first.name == second.name:
        refused = setup.form == "yaml"
        which = "no environment can hold both" if refused else "the later one counts"
        what = f"{second.name} is written twice, here and as {first.place.where}: {which}."
        return LMI012.at(second.place, what, severity="error" if refused else None)
    counts, other = (second, first) if _goes_before(second, first) else (first, second)
    what = f"It sets the same as {counts.place.where}, which counts: this has no effect."
    return LMI012.at(other.place, what, severity="note" if counts.value == other.value else None)


def _goes_before(one: Setting, other: Setting) -> bool:
    option = read_option_name(one) or ""
    if option == read_option_name(other):  # a degree, once as an option and once by its plain name
        return one.name.startswith("OPTION_")
    return options.same_as(option) != option

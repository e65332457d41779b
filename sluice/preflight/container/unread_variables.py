"""Variables that are read by another container than the one that is started, or by none: they have no effect."""

from collections.abc import Callable, Iterator

from sluice.lmi import environment, images, options, variables
from sluice.lmi.variables import Foreign
from sluice.preflight.container import corrections, model_source
from sluice.preflight.deployment_spec import DeploymentSpec, Setting
from sluice.preflight.finding import Confidence, Finding, Rule, Severity

DJL = "https://github.com/deepjavalibrary/djl-serving/blob/7e13b081383bd46293d4b49ab214d4757b1effd5"
ENTRYPOINT = f"{DJL}/serving/docker/dockerd-entrypoint-with-cuda-compat.sh"
VLLM = "https://github.com/aws/deep-learning-containers/blob/main/docs/vllm/configuration.md"
SGLANG = "https://github.com/aws/deep-learning-containers/blob/main/docs/sglang/configuration.md"
TGI = "https://huggingface.co/docs/text-generation-inference/reference/launcher"
COMPATIBILITY = f"{DJL}/wlm/src/main/java/ai/djl/serving/wlm/util/SageMakerCompatibility.java"
SOURCES = {"SM_VLLM_": VLLM, "SM_SGLANG_": SGLANG}
# What the container does while such an option is not set.
MEANWHILE = {
    "max_model_len": "takes the model's own context length{context}",
    "tensor_parallel_degree": "spreads the model over every GPU of the instance",
    "gpu_memory_utilization": "takes vLLM's own share of the card (0.9; 0.92 from LMI 25)",
    "max_rolling_batch_size": "answers as many requests at a time as it does by default (32 from LMI 17)",
    "dtype": "keeps the model's own data type",
    "quantize": "loads the weights as they are",
}
PREFIXED = {"the AWS vLLM image", "Hugging Face's vLLM image"}  # both take SM_VLLM_*
SPELLED = {new: old for old, new in variables.RENAMED.items()}

ENV001 = Rule(
    "ENV001",
    "A variable that another container reads",
    "error",
    "verified",
    ENTRYPOINT,
    "Each serving image has its own variables: `SM_VLLM_*` is read by the AWS vLLM image, `MAX_INPUT_LENGTH` and "
    "`MAX_TOTAL_TOKENS` by Text Generation Inference, `OPTION_*` by LMI. A variable of another image is there and has "
    "no effect, without a word in the log: the model takes its own context length, and the container may run out of "
    "memory although a limit seems to be set. The same goes for an option without its `OPTION_`, and for a name that "
    "is off by a letter.\n\nLMI's entrypoint translates a few of them (`SM_NUM_GPUS`, `MAX_BATCH_SIZE`, "
    "`MAX_BATCH_PREFILL_TOKENS`, `MAX_CONCURRENT_REQUESTS`, `HF_MODEL_QUANTIZE`, `HF_MODEL_TRUST_REMOTE_CODE`, "
    "`CUDA_MEMORY_FRACTION`, `ENABLE_CUDA_GRAPHS`). Variables that are not known here are let through: your own code "
    "may read them.",
    bad="SM_VLLM_ENFORCE_EAGER=true",
    good="OPTION_ENFORCE_EAGER=true",
)
ENV018 = Rule(
    "ENV018",
    "A translated name beside LMI's own",
    "warning",
    "verified",
    ENTRYPOINT,
    "The entrypoint hands `MAX_BATCH_SIZE` on as `OPTION_MAX_ROLLING_BATCH_SIZE` and `SM_NUM_GPUS` as "
    "`TENSOR_PARALLEL_DEGREE`, but only where LMI's own name is not set. With both, LMI's own counts and the other has "
    "no effect. Keep one.",
    bad="MAX_BATCH_SIZE=64\nOPTION_MAX_ROLLING_BATCH_SIZE=16",
    good="OPTION_MAX_ROLLING_BATCH_SIZE=16",
)
RULES = (ENV001, ENV018)


def check_foreign_variables(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields ENV001: a variable that another container reads."""
    server = images.parse_reference(setup.image).server if setup.image else None
    if server:
        yield from _options_in_another(setup, server)
    elif images.may_be_lmi(setup.image):
        for each in setup.environment:
            foreign = variables.identify_foreign(each.name) if each.value else None
            if foreign and foreign.option == "HF_TOKEN" and any(model_source.check_gated_model(setup)):
                continue  # told with the model that lacks its token
            if foreign:
                yield _not_read(setup, each, foreign)
            elif each.value and _stands_for_model(setup, each):
                what = f"{each.name} is not read by the container, and nothing else names a model; HF_MODEL_ID does."
                fix = corrections.variable(setup, "HF_MODEL_ID", each.value)
                yield ENV001.at(each.place, what, fix, severity="warning", confidence="inferred")


def check_variable_release(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields ENV001 for names that are read from some later release on."""
    if setup.release is None or setup.release >= variables.SAGEMAKER_NAMES_FROM:
        return
    for each in setup.environment:
        instead = variables.SINCE.get(each.name) if each.value else None
        if instead:
            what = (
                f"LMI {setup.release} does not read {each.name}, LMI {variables.SAGEMAKER_NAMES_FROM} is the first to: "
                f"{instead} does the same here."
            )
            fix = corrections.variable(setup, instead, each.value)
            yield ENV001.at(each.place, what, fix, severity="warning", source=COMPATIBILITY)


def check_aliases(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields ENV018: a translated name beside LMI's own."""
    if not images.may_be_lmi(setup.image):
        return
    for alias, own in variables.ALIASES.items():
        alias_setting, counts = setup.variable(alias), setup.variable(own)
        if alias_setting and counts and alias_setting.value != counts.value:
            what = f"{alias} stands for {own} where that is not set. It is, so {alias} has no effect."
            yield ENV018.at(alias_setting.place, what)


CHECKS: tuple[Callable[[DeploymentSpec], Iterator[Finding]], ...] = (
    check_foreign_variables,
    check_variable_release,
    check_aliases,
)


def _not_read(setup: DeploymentSpec, each: Setting, foreign: Foreign) -> Finding:
    whose = f"{each.name} belongs to {foreign.whose}" if foreign.whose else f"{each.name} is no name of LMI's"
    does = _own_name(setup, foreign)
    source = next((url for prefix, url in SOURCES.items() if each.name.startswith(prefix)), "")
    source = TGI if each.name in variables.TGI else source
    sure: Confidence = "documented" if source else "verified"
    if not does:
        what = f"{whose}: the LMI container does not read it, and has nothing that does the same."
        return ENV001.at(each.place, what, severity=_at_least(setup, each, "note"), confidence=sure, source=source)
    if _is_set(setup, foreign):
        what = f"{whose} and has no effect here; {does} is set and counts. Remove it."
        return ENV001.at(each.place, what, severity=_at_least(setup, each, "warning"), confidence=sure, source=source)
    meanwhile = MEANWHILE.get(foreign.option, "does as if it were not there")
    context = f" of {setup.model.max_positions:,} tokens" if setup.model else ""
    what = (
        f"{whose}: the LMI container starts without it, says nothing, and {meanwhile.format(context=context)}. "
        f"{does} is the name that it reads."
    )
    severe: Severity = "error" if foreign.kind == "option" or foreign.option == "HF_MODEL_ID" else "warning"
    return ENV001.at(
        each.place, what, _line(setup, each, foreign), severity=_at_least(setup, each, severe), source=source
    )


def _own_name(setup: DeploymentSpec, foreign: Foreign) -> str:
    """What LMI calls it, as the reader's file spells it; empty if this release has nothing of the kind."""
    if foreign.kind == "variable":
        return foreign.option
    unknown = setup.release in options.RELEASES and not options.is_read(foreign.option, setup.release or 0)
    return "" if unknown or not foreign.option else setup.line(foreign.option, "").rstrip("=: ")


def _is_set(setup: DeploymentSpec, foreign: Foreign) -> bool:
    if foreign.kind == "option":
        return setup.option(foreign.option) is not None
    if foreign.option == "HF_MODEL_ID":
        return _names_model(setup)
    return setup.variable(foreign.option) is not None


def _line(setup: DeploymentSpec, each: Setting, foreign: Foreign) -> str:
    if foreign.kind == "variable":
        return corrections.variable(setup, foreign.option, each.value)
    value = each.value
    if each.name in {"MAX_INPUT_LENGTH", "MAX_INPUT_TOKENS"}:  # question and answer together are the context
        total = setup.variable("MAX_TOTAL_TOKENS")
        value = total.value if total else value
    return corrections.option(setup, foreign.option, variables.translate_value(foreign.option, value))


def _at_least(setup: DeploymentSpec, each: Setting, severity: Severity) -> Severity:
    """A release does not start with some of these in its file."""
    refused = setup.form == "yaml" and each.name.startswith(environment.NOT_READ)
    return "error" if refused else severity


def _names_model(setup: DeploymentSpec) -> bool:
    return bool(setup.variable("HF_MODEL_ID") or setup.option("model_id") or setup.model_data or setup.properties)


def _stands_for_model(setup: DeploymentSpec, each: Setting) -> bool:
    """Whether a name that is anybody's seems to be meant for the model, since nothing else is."""
    return each.name in variables.GENERIC and "/" in each.value and not _names_model(setup)


def _options_in_another(setup: DeploymentSpec, server: str) -> Iterator[Finding]:
    """LMI's options in an image that has none."""
    for each in setup.environment:
        if not each.value or not each.name.startswith("OPTION_"):
            continue
        option = each.name.removeprefix("OPTION_").lower()
        what = f"The image is {server}, which does not read LMI's options: {each.name} has no effect."
        if server in PREFIXED:
            name = f"SM_VLLM_{SPELLED.get(option, option).upper()}"
            fix = corrections.variable(setup, name, each.value)
            yield ENV001.at(each.place, f"{what} It reads {name}.", fix, source=VLLM, confidence="documented")
        else:
            yield ENV001.at(each.place, what, severity="warning", confidence="inferred")

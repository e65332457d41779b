"""The options that somebody gave, as rules about them need them: what reaches the container, and lines to write."""

import re
from collections.abc import Iterator, Mapping

from sluice.lmi import images, memory, options
from sluice.preflight.container import corrections, secrets
from sluice.preflight.deployment_spec import DeploymentSpec, Setting
from sluice.preflight.memory.serving import ServingInstance, list_serving_instances

LENGTH, DEGREE, PIPELINE = "max_model_len", "tensor_parallel_degree", "pipeline_parallel_degree"
PLAIN = {"TENSOR_PARALLEL_DEGREE": DEGREE, "PIPELINE_PARALLEL_DEGREE": PIPELINE}
AGAIN = "SageMaker starts the container again and again until the health check's time is up"
BEFORE = f"The start ends before the weights are loaded, and {AGAIN}."
OTHER_ENGINES = frozenset({"OnnxRuntime", "Rust", "PyTorch", "TensorFlow", "XGBoost", "LightGBM"})
WRITERS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")  # as the container itself tells
YES = frozenset({"true", "1", "yes", "on", "t", "y"})


def is_lmi(setup: DeploymentSpec) -> bool:
    """Whether the options are for vLLM in LMI's container. Another container's, and those of a model that does not
    write text or of an engine for such, are not judged here."""
    if setup.image is not None and not images.may_be_lmi(setup.image):
        return False
    if setup.parsed is not None and setup.parsed.flavour != "lmi":
        return False
    engine = read_effective_options(setup).get("engine")
    return writes_text(setup) is not False and (engine is None or engine.value.strip() not in OTHER_ENGINES)


def writes_text(setup: DeploymentSpec) -> bool | None:
    """Whether the model is one that the container lets write text; None if that is not known."""
    return setup.model.architecture.endswith(WRITERS) if setup.model and setup.model.architecture else None


def known_release(setup: DeploymentSpec) -> int | None:
    """The LMI release, if it is known what it makes of its options."""
    return setup.release if is_lmi(setup) and setup.release in options.RELEASES else None


def list_written_options(setup: DeploymentSpec) -> Iterator[Setting]:
    """Every setting that is meant as an option, however it is spelled; of one name the last."""
    by_name: dict[str, Setting] = {}
    for each in (*setup.environment, *setup.properties):
        if each.name.lower().startswith(("option_", "options_", "option.")):
            by_name[each.name] = each
    yield from by_name.values()


def read_option_name(each: Setting) -> str | None:
    """The option that a setting sets; None if its name is spelled so that it sets none."""
    if each.name in PLAIN:
        return PLAIN[each.name]
    if not each.name.startswith("option."):
        return options.option_name(each.name)
    key = each.name.removeprefix("option.")
    if key == "entryPoint":
        return "entrypoint"
    return key if key == key.lower() and key != "entrypoint" else None


def read_effective_options(setup: DeploymentSpec) -> Mapping[str, Setting]:
    """The options that reach the container by their names there, also those that have a plain name of their own."""
    effective = {key: each for key, each in setup.options.items() if key == key.lower() and key != "entrypoint"}
    pipeline = setup.variable("PIPELINE_PARALLEL_DEGREE")
    if pipeline is not None:
        effective.setdefault(PIPELINE, pipeline)
    entry = setup.variable("OPTION_ENTRYPOINT")
    if entry is not None:
        effective["entrypoint"] = entry
    for each in setup.properties:
        if each.value and each.name in {"engine", "option.entryPoint"}:
            effective[read_option_name(each) or each.name] = each
    return effective


def read_option_texts(setup: DeploymentSpec) -> dict[str, str]:
    """The options' values. What is within quotes is left out: it may be right, and the quotes are told elsewhere."""
    return {
        name: each.value.strip() for name, each in read_effective_options(setup).items() if not is_quoted(each.value)
    }


def is_set(setup: DeploymentSpec, option: str) -> bool:
    """Whether an option is given, by whichever of its names."""
    return options.same_as(option) in {options.same_as(each) for each in read_effective_options(setup)}


def is_on(each: Setting | None) -> bool:
    return each is not None and each.value.strip().lower() in YES


def is_quoted(value: str) -> bool:
    text = value.strip()
    return len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'"


def number(value: str) -> int | None:
    text = value.strip()
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def spell_option(setup: DeploymentSpec, option: str) -> str:
    """An option's name as the reader's own file has it."""
    return setup.line(option, "").rstrip("=: ")


def quote_value(each: Setting) -> str:
    """A setting's value as a message may repeat it."""
    return secrets.redact(each.name, each.value.strip())


def format_line(setup: DeploymentSpec, each: Setting, option: str, value: str) -> str:
    """The line to write in the place of a setting; empty if its value must not be repeated."""
    value = "" if secrets.classify_secret(each.name, value) else corrections.acceptable(setup, option, value)
    if not value:
        return ""
    if each.name.startswith("option."):
        return f"option.{'entryPoint' if option == 'entrypoint' else option}={value}"
    if each.name == "engine":
        return f"engine={value}"
    if each.place.where.startswith("lmi.env.") and option != DEGREE:
        return f"OPTION_{option.upper()}: {value}"
    if option == PIPELINE and each.name in PLAIN:
        return f"{each.name}={value}"
    return corrections.option(setup, option, value)


def context_verdict(case: ServingInstance) -> memory.Verdict:
    """Whether the context that vLLM will ask for fits here."""
    return memory.compute_fit(case.model, case.run, case.length).verdict if case.length is not None else "close"


def describe_draft_support(release: int | None) -> str:
    """What is to be known of `speculative_config` by who had a draft model under another name."""
    if release not in options.NO_DRAFT_MODEL:
        return ""
    return f" In LMI {release} it takes no draft model: {options.NGRAM} works without one."


def describe_context(setup: DeploymentSpec) -> str:
    """What the context is while nothing that is read says so, and what comes of that on this card."""
    length = read_effective_options(setup).get(LENGTH)
    if length is not None:
        return f"The context is what {length.place.where} says: {quote_value(length)}."
    for case in list_serving_instances(setup):
        if case.length is not None:
            return _on(case, case.length)
    if setup.model is not None:
        return (
            f"Until then the model's own {setup.model.max_positions:,} tokens count; where the card has no room for "
            "their KV cache, vLLM crashes after the weights are loaded."
        )
    return (
        "Until then the model's own maximum counts. vLLM wants KV cache for one request of that length (36 GiB for the "
        "262,144 tokens of Qwen3-4B-Instruct-2507), and crashes after the weights are loaded where the card has not so "
        "much."
    )


def _on(case: ServingInstance, length: int) -> str:
    fit = memory.compute_fit(case.model, case.run, length)
    wants = f"vLLM needs {fit.request_gib:.1f} GiB of KV cache"
    what = f"Until then the model's own {length:,} tokens count, for which {wants}"
    free = f"about {max(fit.need.cache, 0):.1f} GiB are free on {case.name}"
    if fit.verdict == "misses":
        return f"{what} where {free}: it crashes after the weights are loaded, and {AGAIN}."
    if fit.verdict == "close":
        return f"{what}, and {free}: too close to call, it may crash after the weights are loaded."
    return f"{what}, and {free}: it starts, with a longer context than was meant."

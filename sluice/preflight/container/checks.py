"""The container's other environment: limits, secrets, timeouts and quotes; whose variables they are, and which model.

What a variable is read by is in `unread_variables`, which model is loaded in `model_source`.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from sluice.lmi import environment, images, options, variables
from sluice.preflight.container import corrections, model_source, secrets, unread_variables
from sluice.preflight.deployment_spec import DeploymentSpec, Setting
from sluice.preflight.finding import Finding, Rule, Severity

API = "https://docs.aws.amazon.com/sagemaker/latest/APIReference"
HOSTING = f"{API}/API_ContainerDefinition.html"
PACKAGE = f"{API}/API_ModelPackageContainerDefinition.html"
JOB = f"{API}/API_CreateProcessingJob.html"
VARIANT = f"{API}/API_ProductionVariant.html"
DJL = "https://github.com/deepjavalibrary/djl-serving/blob/637866135ee775bc1533808e843d7c32c8a2c179"
MODEL_INFO = f"{DJL}/wlm/src/main/java/ai/djl/serving/wlm/ModelInfo.java"
DOCKERFILE = f"{DJL}/serving/docker/lmi.Dockerfile"

MOST_HOSTED = 100
LONGEST_HOSTED = 1024  # bytes of a name or a value
LARGEST_HOSTED = 32 * 1024  # bytes, all names and values together
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
LOADING_DEFAULT = 1200  # seconds: MODEL_LOADING_TIMEOUT in the image
LONGEST_CHECK = 3600  # seconds that CreateEndpointConfig lets the health check wait
LOADING_DEFAULT_FROM = 13
# Fields of the endpoint that people write among the container's variables, without case and underscores.
FIELDS: Mapping[str, str] = {
    "startuphealthchecktimeout": "ContainerStartupHealthCheckTimeoutInSeconds",
    "modeldatadownloadtimeout": "ModelDataDownloadTimeoutInSeconds",
    "inferenceamiversion": "InferenceAmiVersion",
    "volumesizeingb": "VolumeSizeInGB",
    "enablenetworkisolation": "EnableNetworkIsolation",
}
EXACTLY: Mapping[str, str] = {"healthchecktimeout": "ContainerStartupHealthCheckTimeoutInSeconds"}
OWN_FIELDS: Mapping[str, str] = {  # what DeploymentSpec calls them
    "ContainerStartupHealthCheckTimeoutInSeconds": "startup_seconds",
    "ModelDataDownloadTimeoutInSeconds": "download_seconds",
}
PRINTED = ("SERVING", "PYTHON", "DJL_", "HF_", "OPTION_")  # the server writes these into its log at the start

ENV002 = Rule(
    "ENV002",
    "Too many variables",
    "error",
    "documented",
    PACKAGE,
    "A model package takes 16 variables for its container, a model (CreateModel) and a Processing job take 100. One "
    "more and the request is refused. `sluice` records every version as a model package, so its limit counts there. "
    "Options that say what the container does anyway can go; serving.properties among the model's files has no limit.",
    bad="lmi.env: {V1: a, V2: a, V3: a, V4: a, V5: a, V6: a, V7: a, V8: a, V9: a, V10: a, V11: a, V12: a, V13: a, "
    "V14: a}",
    good="lmi.env: {V1: a, V2: a}",
)
ENV003 = Rule(
    "ENV003",
    "A variable that is too long",
    "error",
    "documented",
    HOSTING,
    "A model takes 1,024 bytes for each name and each value and 32 KB for all of them together, a Processing job only "
    "256 characters for each. The request that goes over it is refused. `sluice` judges a version in a Processing job "
    "with the version's own environment, so 256 count there. What is long is mostly a chat template or JSON: put the "
    "template into the model's folder (chat_template.jinja), the option into serving.properties beside it.",
    bad=f'lmi.options.hf_overrides: \'{{"architectures": ["Qwen3ForCausalLM"], "note": "{"what it is for, " * 14}"}}\'',
    good='lmi.options.hf_overrides: \'{"architectures": ["Qwen3ForCausalLM"]}\'',
)
ENV004 = Rule(
    "ENV004",
    "A secret in the environment",
    "warning",
    "documented",
    HOSTING,
    "A container's environment is no place for a secret: DescribeModel and DescribeModelPackage show it to everybody "
    "who may call them, it stands in the file that is checked in, and the container writes most variables into its "
    "log.\n\nA token of the hub is only needed to download the files. Put them into S3 once and mount them as model "
    "data, and the endpoint needs none. Other secrets belong into AWS Secrets Manager, read at run time by your own "
    "code with the execution role. Once written here, a token should be revoked. It is never shown, not even in part.",
    bad="HF_TOKEN=hf_NotARealTokenOnlyAnExampleOfOne",
    good="--model-data s3://models/qwen3-4b/",
)
ENV009 = Rule(
    "ENV009",
    "A setting of the endpoint among the variables",
    "error",
    "documented",
    VARIANT,
    "The health check's timeout, the download timeout, the host's image and the volume belong to the endpoint's "
    "production variant. SageMaker does not look for them among the container's variables, and nothing in the "
    "container reads them: the endpoint has its default, and a start that takes longer fails.",
    bad="CONTAINER_STARTUP_HEALTH_CHECK_TIMEOUT=1800",
    good="--startup-seconds 1200",
)
ENV010 = Rule(
    "ENV010",
    "A variable that serving.properties overrides",
    "warning",
    "verified",
    MODEL_INFO,
    "What serving.properties says wins: a variable only fills in what is not there. So a value that was changed in the "
    "environment, and not in the file beside the model, changes nothing: `OPTION_MAX_MODEL_LEN=4096` has no effect "
    "beside `option.max_model_len=8192`. Keep each option in one place.",
    bad="",
    good="",
)
ENV012 = Rule(
    "ENV012",
    "A value within quotes",
    "error",
    "inferred",
    "https://github.com/huggingface/text-generation-inference/issues/479",
    "SageMaker hands a value on as it is, its quotes included. They come from `json.dumps` around a text, or from a "
    "file that is read without a shell. A model's id with quotes is not found, a token is not accepted, a number is "
    "none.",
    bad='HF_TASK="text-generation"',
    good="HF_TASK=text-generation",
)
ENV014 = Rule(
    "ENV014",
    "The container's patience and the health check's",
    "note",
    "verified",
    DOCKERFILE,
    "Two clocks run while the model is loaded: the container's `MODEL_LOADING_TIMEOUT` (1,200 seconds in the image) "
    "and the endpoint's health check. The shorter one ends the start. A health check of an hour does not help a model "
    "that loads for half an hour while the container itself gives up after 20 minutes, and the other way round. Set "
    "them together, the health check's a little longer.",
    bad="--startup-seconds 3600",
    good="MODEL_LOADING_TIMEOUT=3500\n--startup-seconds 3600",
)
ENV017 = Rule(
    "ENV017",
    "A name that SageMaker refuses",
    "error",
    "documented",
    HOSTING,
    "A variable's name has letters, digits and underscores and does not begin with a digit. CreateModel refuses "
    "everything else. In serving.properties an option is called `option.max_model_len`; in the environment it is "
    "`OPTION_MAX_MODEL_LEN`.",
    bad="option.enforce_eager=true",
    good="OPTION_ENFORCE_EAGER=true",
)
RULES: tuple[Rule, ...] = (
    *unread_variables.RULES,
    *model_source.RULES,
    *(ENV002, ENV003, ENV004, ENV009, ENV010, ENV012, ENV014, ENV017),
)


def check_variable_count(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields ENV002: too many variables."""
    count = len({each.name for each in setup.environment})
    packaged = setup.form == "yaml" or setup.job is not None
    if packaged and count > environment.MOST_ENTRIES:
        what = (
            f"These make {count} variables of the container; a model package takes {environment.MOST_ENTRIES}. "
            "CreateModelPackage refuses it, before the evaluation begins."
        )
        yield ENV002.at(setup.at("options"), what)
    elif count > MOST_HOSTED:
        what = f"These are {count} variables; CreateModel takes {MOST_HOSTED} and refuses the request."
        yield ENV002.at(setup.at("options"), what, source=HOSTING)
    elif count > environment.MOST_ENTRIES:
        what = (
            f"These are {count} variables. A model (CreateModel) takes {MOST_HOSTED} of them, a model package "
            f"{environment.MOST_ENTRIES}: it cannot be registered as it is."
        )
        yield ENV002.at(setup.at("options"), what, severity="note")


def check_value_lengths(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields ENV003: a variable that is too long."""
    in_job = setup.form == "yaml" or setup.job is not None
    for each in setup.environment:
        if in_job and max(len(each.name), len(each.value)) > environment.LONGEST_VALUE:
            what = (
                f"It has {len(each.value):,} characters. The version is judged in a Processing job with its own "
                f"environment, and CreateProcessingJob takes {environment.LONGEST_VALUE} in a value: the evaluation "
                f"step is refused. {_shorter(each)}"
            )
            yield ENV003.at(each.place, what, source=JOB)
        elif not in_job and max(_bytes(each.name), _bytes(each.value)) > LONGEST_HOSTED:
            what = f"It has {_bytes(each.value):,} bytes; CreateModel takes {LONGEST_HOSTED:,} and refuses the request."
            yield ENV003.at(each.place, f"{what} {_shorter(each)}")
    total = sum(_bytes(each.name) + _bytes(each.value) for each in setup.environment)
    if total > LARGEST_HOSTED and not in_job:
        what = f"All names and values together have {total:,} bytes; CreateModel takes {LARGEST_HOSTED:,} (32 KB)."
        yield ENV003.at(setup.at("options"), what)


def check_variable_names(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields ENV017: a name that SageMaker refuses."""
    for each in setup.environment:
        if NAME.fullmatch(each.name):
            continue
        bare = re.sub(r"[^a-zA-Z0-9_]", "_", each.name.removeprefix("option.").removeprefix("OPTION."))
        is_option = each.name.lower().startswith("option.")
        fix = corrections.option(setup, bare.lower(), each.value) if is_option else ""
        if not fix and NAME.fullmatch(bare):
            fix = corrections.variable(setup, bare, each.value)
        what = "CreateModel refuses the name: it may have letters, digits and underscores, and not begin with a digit."
        if is_option:
            what = f"{what} This is how serving.properties spells an option; the environment spells it otherwise."
        yield ENV017.at(each.place, what, fix)


def check_secrets(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields ENV004: a secret in the environment."""
    for each in (*setup.environment, *setup.properties):
        kind = secrets.classify_secret(each.name, each.value)
        if kind:
            yield ENV004.at(each.place, f"This is {kind}, it seems. {_who_reads(setup, each)} {_belongs(kind)}")


def check_endpoint_fields(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields ENV009: a setting of the endpoint among the variables."""
    for each in setup.environment:
        plain = each.name.replace("_", "").replace("-", "").lower()
        plain = plain.removesuffix("inseconds")
        field = next((field for part, field in FIELDS.items() if plain.endswith(part)), EXACTLY.get(plain))
        if field is None or not each.value or each.name.startswith("OPTION_"):
            continue
        own = OWN_FIELDS.get(field, "")
        configured = getattr(setup, own) if own else None
        fix = corrections.at(setup.at(own), each.value) if own and setup.form == "yaml" else ""
        if configured is not None and str(configured) == each.value.strip():
            what = f"Nothing reads this; {field}, on the endpoint, is {configured} anyway. Remove it."
            yield ENV009.at(each.place, what, severity="note")
        else:
            so = f"is {configured}" if configured is not None else "has its default"
            what = (
                f"Nothing in the container reads this, and SageMaker does not look for it here: {field} {so}. It is a "
                f"field of {'CreateModel' if field == 'EnableNetworkIsolation' else 'the production variant'}."
            )
            yield ENV009.at(each.place, what, fix)


def check_overridden_variables(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields ENV010: a variable that serving.properties overrides."""
    properties = {each.name.removeprefix("option.").lower(): each for each in setup.properties if each.value}
    for each in setup.environment:
        name = options.option_name(each.name)
        if each.name == "TENSOR_PARALLEL_DEGREE":
            name = "tensor_parallel_degree"
        counts = properties.get(name) if name and each.value else None
        if counts is not None and counts.value != each.value:
            value = secrets.redact(counts.name, counts.value)
            what = f"serving.properties says {counts.name}={value}, and that wins: this variable has no effect."
            yield ENV010.at(each.place, what)


def check_quotes(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields ENV012: a value within quotes."""
    for each in setup.environment:
        value = each.value.strip()
        if len(value) < 2 or value[0] != value[-1] or value[0] not in "\"'" or value[0] in value[1:-1]:
            continue
        name, bare = options.option_name(each.name), value[1:-1]
        ours = name is not None or each.name in (*variables.OWN, *model_source.TOKENS)
        severity: Severity = "error" if ours else "warning"
        fix = corrections.option(setup, name, bare) if name else corrections.variable(setup, each.name, bare)
        what = "The quotes are part of the value: the container gets them as they stand, and takes them for text."
        yield ENV012.at(each.place, what, fix if bare else "", severity=severity)


def check_loading_timeouts(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields ENV014: the container's patience and the health check's."""
    wait = setup.startup_seconds
    if wait is None or not images.may_be_lmi(setup.image):
        return
    timeout = _loading(setup)
    patience = _seconds(timeout.value) if timeout else LOADING_DEFAULT
    if patience is None or (timeout is None and (setup.release or LOADING_DEFAULT_FROM) < LOADING_DEFAULT_FROM):
        return
    line = corrections.variable(setup, "MODEL_LOADING_TIMEOUT", str(min(wait, LONGEST_CHECK)))
    if timeout is None and wait > patience:
        what = (
            f"The health check waits {wait:,} seconds, but the container itself gives up loading after {patience:,} "
            "(MODEL_LOADING_TIMEOUT in the image). A model that needs longer never starts."
        )
        yield ENV014.at(setup.at("startup_seconds"), what, line)
    elif timeout is not None and patience > wait:
        what = (
            f"The container would load for up to {patience:,} seconds, but the health check ends the start after "
            f"{wait:,}: what lies between has no effect."
        )
        yield ENV014.at(timeout.place, what, severity="warning", confidence="documented", source=VARIANT)


CHECKS: tuple[Callable[[DeploymentSpec], Iterator[Finding]], ...] = (
    *unread_variables.CHECKS,
    *model_source.CHECKS,
    *(
        check_variable_count,
        check_value_lengths,
        check_variable_names,
        check_secrets,
        check_endpoint_fields,
        check_overridden_variables,
        check_quotes,
        check_loading_timeouts,
    ),
)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _shorter(each: Setting) -> str:
    if each.name == "OPTION_CHAT_TEMPLATE":
        return "Put the template into the model's folder, as chat_template.jinja."
    return "An option can stand in serving.properties, among the model's files."


def _who_reads(setup: DeploymentSpec, each: Setting) -> str:
    if each.name.startswith("option."):
        return "Whoever may read the model's files in S3 can read it."
    printed = each.name.startswith(PRINTED) or "SAGEMAKER" in each.name
    in_log = ", and the container writes it into its log" if printed and each.name != "HF_TOKEN" else ""
    checked_in = ", it stands in a file that is checked in" if setup.form == "yaml" else ""
    return f"Whoever may describe the model or the model package can read it{checked_in}{in_log}."


def _belongs(kind: str) -> str:
    if kind == "a Hugging Face token":
        return (
            "It is only needed to download the files: put them into S3 and mount them as model data, then the endpoint "
            "needs no token."
        )
    if kind.startswith("an AWS"):
        return "The container has the execution role's permissions; it needs no key."
    return "It belongs into AWS Secrets Manager, from where your own code reads it with the execution role."


def _loading(setup: DeploymentSpec) -> Setting | None:
    """Where the container's own loading timeout is set; SageMaker's name for it wins, from LMI 17 on."""
    ours = setup.variable("SAGEMAKER_STARTUP_TIMEOUT")
    if ours and (setup.release or variables.SAGEMAKER_NAMES_FROM) >= variables.SAGEMAKER_NAMES_FROM:
        return ours
    return setup.option("model_loading_timeout") or setup.variable("MODEL_LOADING_TIMEOUT")


def _seconds(value: str) -> int | None:
    return int(value) if re.fullmatch(r"[0-9]{1,9}", value.strip()) else None

"""Which model the container loads: what is mounted, what HF_MODEL_ID and model_id name, and whether it can be had."""

import difflib
import re
from collections.abc import Callable, Iterator
from typing import Literal

from sluice.lmi import images, variables
from sluice.preflight.container import corrections, secrets
from sluice.preflight.deployment_spec import DeploymentSpec, Setting
from sluice.preflight.finding import Finding, Rule, Severity

MOUNT = "/opt/ml/model"
# What else SageMaker mounts, and where a container keeps files of its own.
OTHER_MOUNTS = ("/opt/ml/additional-model-data-sources", "/opt/ml/processing", "/opt/ml/input", "/tmp")
# As the hub itself tells ids: a name, or an owner and a name.
HUB = re.compile(r"(?!.*(--|\.\.))(?:[A-Za-z0-9_](?:[\w.-]*\w)?/)?[A-Za-z0-9_](?:[\w.-]{0,94}\w)?", re.ASCII)
ADDRESS = re.compile(
    r"(?:https?://(?:www\.)?(?:huggingface\.co|hf\.co)/|hf://)(?P<id>[^/?#]+/[^/?#]+).*", re.IGNORECASE
)
BUCKET = re.compile(r"s3:/*(?P<path>[a-z0-9][a-z0-9.-]+/.*)", re.IGNORECASE)
NO_VALUE = {"none", "null", "nil", "nan", "undefined", "todo", "tbd"}
UNPINNED = {"", "main", "master", "latest", "head"}
TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
# Whole organisations and families whose files the hub only gives to who has accepted their terms.
ALWAYS_GATED = re.compile(r"meta-llama/.+", re.IGNORECASE)
OFTEN_GATED = re.compile(
    r"google/(gemma-[23]|gemma-\d+b|codegemma|recurrentgemma|paligemma|shieldgemma|medgemma|txgemma).*"
    r"|(CohereForAI|CohereLabs)/.+|bigcode/starcoder(base.*)?|databricks/dbrx.*|tiiuae/falcon-180B.*"
    r"|mistralai/(Mistral-7B|Mixtral|Mistral-Nemo|Mistral-Large|Codestral|Ministral|Mistral-Small-\w+-2409).*",
    re.IGNORECASE,
)
Kind = Literal["mount", "path", "s3", "zoo", "hub", "nothing", "strange"]

DJL = "https://github.com/deepjavalibrary/djl-serving/blob/637866135ee775bc1533808e843d7c32c8a2c179"
STORE = f"{DJL}/serving/src/main/java/ai/djl/serving/util/ModelStore.java"
GUIDE = f"{DJL}/serving/docs/lmi/user_guides/starting-guide.md"
DEPLOYING = f"{DJL}/serving/docs/lmi/deployment_guide/deploying-your-endpoint.md"

ENV005 = Rule(
    "ENV005",
    "Two models: HF_MODEL_ID beside mounted files",
    "error",
    "verified",
    STORE,
    "At its start the container takes what is mounted at `/opt/ml/model` for a model, and the one that `HF_MODEL_ID` "
    "names for another. Both are loaded onto the same cards: the second finds the memory taken and the start fails. If "
    "both fit, a request that does not say which of them it means is answered with `Parameter model_name is "
    "required`.\n\nKeep one source. For mounted files leave `HF_MODEL_ID` out, or name the mount itself: "
    "`/opt/ml/model` counts once.",
    bad="HF_MODEL_ID=Qwen/Qwen3-4B-Instruct-2507\nHF_REVISION=0123456789abcdef0123456789abcdef01234567",
    good="HF_MODEL_ID=/opt/ml/model",
)
ENV006 = Rule(
    "ENV006",
    "HF_MODEL_ID names the mount, and nothing is mounted",
    "error",
    "verified",
    STORE,
    "An empty `/opt/ml/model` is no model, and the container stops over it before it loads anything; SageMaker starts "
    "it again until the health check's time is up. Name the files as model data (ModelDataSource, an S3 prefix), or "
    "the model's id on the hub.",
    bad="HF_MODEL_ID=/opt/ml/model\n--model-data none",
    good="HF_MODEL_ID=/opt/ml/model\n--model-data s3://models/qwen3-4b/",
)
ENV007 = Rule(
    "ENV007",
    "OPTION_MODEL_ID does not make a model",
    "error",
    "verified",
    STORE,
    "An option is applied to a model that was found, and `OPTION_MODEL_ID` finds none: only mounted files and "
    "`HF_MODEL_ID` do. By itself it leaves the container without a model. Beside a hub's id in `HF_MODEL_ID` it is "
    "ignored; beside mounted files it replaces them by the model that it names.",
    bad="OPTION_MODEL_ID=Qwen/Qwen3-4B-Instruct-2507\n--model-data none",
    good="HF_MODEL_ID=Qwen/Qwen3-4B-Instruct-2507\nHF_REVISION=0123456789abcdef0123456789abcdef01234567\n"
    "--model-data none",
)
ENV008 = Rule(
    "ENV008",
    "A model of the hub without its revision",
    "warning",
    "documented",
    GUIDE,
    "Without a revision each new instance takes whatever the repository holds that day, so two instances of one "
    "endpoint may answer differently, and a change over there can stop a start that worked yesterday. The commit's "
    "hash pins it. (The container's first look at config.json is at `main` in any case.) Files in S3 change only when "
    "you change them.",
    bad="HF_MODEL_ID=Qwen/Qwen3-4B-Instruct-2507\n--model-data none",
    good="HF_MODEL_ID=Qwen/Qwen3-4B-Instruct-2507\nHF_REVISION=0123456789abcdef0123456789abcdef01234567\n"
    "--model-data none",
)
ENV011 = Rule(
    "ENV011",
    "Nothing says which model is loaded",
    "note",
    "verified",
    STORE,
    "The container serves what is mounted at `/opt/ml/model` or what `HF_MODEL_ID` names. With neither it starts, "
    "finds no model, and every request ends in an error. If the model is mounted, say so with `--model-data`: it is "
    "not part of the environment, so it cannot be seen there.",
    bad="--model-data none",
    good="--model-data s3://models/qwen3-4b/",
)
ENV013 = Rule(
    "ENV013",
    "A gated model without a token",
    "warning",
    "documented",
    GUIDE,
    "The hub gives a gated model's files only to an account that has accepted its terms, told by the token in "
    "`HF_TOKEN`. Without it the first download is refused (401), the start fails, and SageMaker tries again until the "
    "health check's time is up. Better than a token in the environment, which everybody may read who may describe the "
    "model: download the files once, put them into S3, and mount them as model data. Which models are gated is a list "
    "kept here, and it changes on the hub.",
    bad="HF_MODEL_ID=meta-llama/Llama-3.1-8B-Instruct\nHF_REVISION=0123456789abcdef0123456789abcdef01234567\n"
    "--model-data none\n--instance-type ml.g5.2xlarge",
    good="--model-data s3://models/llama-3.1-8b/\n--instance-type ml.g5.2xlarge",
)
ENV015 = Rule(
    "ENV015",
    "An isolated container that is to download its model",
    "error",
    "documented",
    DEPLOYING,
    "With network isolation the container reaches nothing: neither the hub, nor S3 (`HF_MODEL_ID=s3://...` is fetched "
    "by the container itself), nor the config.json that it looks at first. The start fails. SageMaker can fetch the "
    "files before: name them as model data (ModelDataSource) and leave the id out.",
    bad="HF_MODEL_ID=Qwen/Qwen3-4B-Instruct-2507\nHF_REVISION=0123456789abcdef0123456789abcdef01234567\n"
    "--network-isolation\n--model-data none",
    good="--network-isolation\n--model-data s3://models/qwen3-4b/",
)
ENV016 = Rule(
    "ENV016",
    "A model id that names nothing",
    "error",
    "verified",
    STORE,
    "`HF_MODEL_ID` is a folder of the container, an S3 prefix, or an id on the hub: `owner/name`. Whatever is not an "
    "existing folder and not S3 is taken for an id, so a mistyped path is asked of the hub, which refuses it, and so "
    "are a web address or the word None. The start fails.",
    bad="HF_MODEL_ID=/opt/ml/models",
    good="HF_MODEL_ID=/opt/ml/model",
)
RULES = (ENV005, ENV006, ENV007, ENV008, ENV011, ENV013, ENV015, ENV016)


def check_second_model(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields ENV005: two models: HF_MODEL_ID beside mounted files."""
    named = _named(setup)
    if named is None or not images.may_be_lmi(setup.image):
        return
    kind, value = classify_model_id(named.value), secrets.redact(named.name, named.value)
    if setup.form == "yaml":
        what = f"{value} would be a second model beside the one of model.source, which is always mounted."
        if kind == "mount":
            what = "The release says itself where the model is, in the job and on the endpoint."
        yield ENV005.at(named.place, f"{what} Remove HF_MODEL_ID: as it is, no run is started.")
    elif kind in {"hub", "s3", "zoo"} and _mounted(setup) and not setup.network_isolation:
        what = (
            f"The container loads what is mounted at {MOUNT} and {value} as well, two models on the same cards: the "
            "second finds their memory taken and the start fails; if both fit, requests are refused with `Parameter "
            "model_name is required`."
        )
        yield ENV005.at(named.place, what, corrections.variable(setup, "HF_MODEL_ID", MOUNT))
    elif kind == "path" and _mounted(setup) and not _nearly_mount(named.value):
        what = f"{value} is a model of its own beside the one mounted at {MOUNT}, if both folders hold one."
        yield ENV005.at(named.place, what, severity="warning", confidence="inferred")


def check_empty_mount(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields ENV006: HF_MODEL_ID names the mount, and nothing is mounted."""
    named = _named(setup)
    if named is None or setup.form == "yaml" or _mounted(setup) or not images.may_be_lmi(setup.image):
        return
    if classify_model_id(named.value) == "mount":
        what = (
            f"Nothing is said to be mounted at {MOUNT}. If nothing is, the container finds it empty and stops before "
            "it loads anything, again and again until the health check's time is up. If something is, say so: "
            "--model-data s3://bucket/prefix/."
        )
        yield ENV006.at(named.place, what)


def check_option_model_id(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields ENV007: OPTION_MODEL_ID does not make a model."""
    setting = next(
        (each for each in reversed(setup.environment) if each.name == "OPTION_MODEL_ID" and each.value), None
    )
    if setting is None or not images.may_be_lmi(setup.image) or _in_properties(setup):
        return
    named, value = _named(setup), secrets.redact(setting.name, setting.value)
    if named is not None:
        if _bare(named.value) != _bare(setting.value) and classify_model_id(named.value) == "hub":
            what = f"{value} is ignored: the container writes HF_MODEL_ID into the model's own settings, which win."
            yield ENV007.at(setting.place, what, severity="warning")
    elif not _mounted(setup):
        what = (
            "An option is applied to a model that was found, and none is: nothing is mounted, and HF_MODEL_ID is not "
            "set. The container starts without a model and every request ends in an error."
        )
        yield ENV007.at(setting.place, what, corrections.variable(setup, "HF_MODEL_ID", setting.value))
    elif classify_model_id(setting.value) in {"hub", "s3", "zoo"} and not setup.network_isolation:
        what = (
            f"The container downloads and serves {value} instead of the model that is mounted, which SageMaker brings "
            "down as well."
        )
        yield ENV007.at(setting.place, what, severity="error" if setup.form == "yaml" else "warning")


def check_revision(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields ENV008: a model of the hub without its revision."""
    download = _downloaded(setup)
    if download is None or not images.may_be_lmi(setup.image) or classify_model_id(download.value) != "hub":
        return
    revision = setup.variable("HF_REVISION") or setup.option("revision")
    if _bare(revision.value if revision else "").lower() in UNPINNED:
        line = corrections.variable(setup, "HF_REVISION", "<the commit's hash>")
        what = (
            "Every new instance takes what the repository holds that day: weights, chat template and configuration "
            f"can change between two of them. Write {line}, the hash as the hub shows it under Files."
        )
        yield ENV008.at((revision or download).place, what)


def check_model_is_named(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields ENV011: nothing says which model is loaded."""
    model = _named(setup) or setup.option("model_id") or setup.option("model") or _mounted(setup)
    if model or setup.form != "env" or not setup.environment or not images.may_be_lmi(setup.image):
        return
    if any(_means_model(each.name) for each in setup.environment):
        return  # told as a name that is not read
    what = (
        f"Nothing says which model this container loads. It serves what is mounted at {MOUNT} (say it with "
        "--model-data s3://bucket/prefix/) or what HF_MODEL_ID names; with neither, every request ends in an error."
    )
    yield ENV011.at(setup.at("options"), what)


def check_gated_model(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields ENV013: a gated model without a token."""
    download = _downloaded(setup)
    if download is None or any(setup.variable(name) for name in TOKENS) or setup.option("hf_token"):
        return
    value = _bare(download.value)
    always = ALWAYS_GATED.fullmatch(value) is not None
    if not always and not OFTEN_GATED.fullmatch(value):
        return
    instead = next(
        (each for each in setup.environment if variables.SYNONYMS.get(each.name.upper()) == "HF_TOKEN"), None
    )
    where = f" {instead.name} is not read." if instead else ""
    what = (
        f"The hub gives {value} only to who has accepted its terms, and no token says who asks: HF_TOKEN is not set."
        f"{where} The download is refused (401) and the start fails. Put the files into S3 once and mount them as "
        "model data; then no token is needed."
    )
    yield ENV013.at(download.place, what, severity="error" if always else "warning")


def check_network_isolation(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields ENV015: an isolated container that is to download its model."""
    if not setup.network_isolation:
        return
    for each in filter(None, (_named(setup), setup.option("model_id"))):
        kind = classify_model_id(each.value)
        if kind in {"hub", "s3", "zoo"}:
            whom = {"hub": "the hub", "s3": "S3", "zoo": "the model zoo"}[kind]
            what = (
                f"The container is isolated and cannot reach {whom}: it fails at its first download, before it loads "
                "anything. Mount the files as model data, which SageMaker fetches itself, and remove this id."
            )
            fix = corrections.variable(setup, each.name, MOUNT) if _mounted(setup) and setup.form == "env" else ""
            yield ENV015.at(each.place, what, fix)


def check_model_id(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields ENV016: a model id that names nothing."""
    named = _named(setup)
    if named is None or setup.form == "yaml":
        return
    kind, value = classify_model_id(named.value), _bare(named.value)
    quoted = secrets.redact(named.name, value)
    severity: Severity = "warning" if setup.image and images.parse_reference(setup.image).is_copy else "error"
    if kind == "nothing":
        what = (
            f"The word {quoted} is an id like any other to the container: it asks the hub for it, and the start fails."
        )
        yield ENV016.at(named.place, what)
    elif kind == "strange":
        what = (
            f"{quoted} is no folder, no S3 prefix and no id on the hub (owner/name). The container takes it for an id, "
            "the hub's library refuses it, and the start fails."
        )
        correction = _guess_model_id(value)
        fix = corrections.variable(setup, "HF_MODEL_ID", correction) if correction else ""
        yield ENV016.at(named.place, what, fix, severity=severity)
    elif kind == "path" and _nearly_mount(value) and images.may_be_lmi(setup.image):
        what = (
            f"SageMaker mounts a model at {MOUNT}, not at {quoted}. A folder that is not there is taken for an id on "
            "the hub, which refuses it: the start fails."
        )
        yield ENV016.at(named.place, what, corrections.variable(setup, "HF_MODEL_ID", MOUNT), severity=severity)


CHECKS: tuple[Callable[[DeploymentSpec], Iterator[Finding]], ...] = (
    check_second_model,
    check_empty_mount,
    check_option_model_id,
    check_revision,
    check_model_is_named,
    check_gated_model,
    check_network_isolation,
    check_model_id,
)


def classify_model_id(value: str) -> Kind:
    """What a model's id stands for, as the container takes it."""
    value = _bare(value)
    if value.startswith("s3://"):
        return "s3"
    if value.startswith("djl://"):
        return "zoo"
    if value.startswith("/"):
        return "mount" if f"{value}/".startswith(f"{MOUNT}/") else "path"
    if value.lower() in NO_VALUE:
        return "nothing"
    return "hub" if HUB.fullmatch(value) else "strange"


def _named(setup: DeploymentSpec) -> Setting | None:
    return setup.variable("HF_MODEL_ID")


def _mounted(setup: DeploymentSpec) -> bool:
    """Whether there are files at /opt/ml/model; serving.properties lies nowhere else."""
    return bool(setup.model_data or setup.properties)


def _in_properties(setup: DeploymentSpec) -> bool:
    return any(each.name == "option.model_id" and each.value for each in setup.properties)


def _downloaded(setup: DeploymentSpec) -> Setting | None:
    """What the container fetches itself, unless something else is said to be wrong with that."""
    named = _named(setup)
    if setup.network_isolation or (named is not None and _mounted(setup)) or setup.form == "yaml":
        return None
    if named is not None:
        return named
    return setup.option("model_id") if _in_properties(setup) else None


def _bare(value: str) -> str:
    return value.strip().strip("\"'")


def _nearly_mount(value: str) -> bool:
    value = _bare(value)
    if value.startswith(OTHER_MOUNTS):
        return False
    head = "/".join(value.split("/")[:4])[:40].lower()
    return difflib.SequenceMatcher(None, head, MOUNT).ratio() > 0.8


def _guess_model_id(value: str) -> str:
    """What was probably meant by an id that is none; empty if that is anybody's guess."""
    if address := ADDRESS.fullmatch(value):
        return address["id"] if HUB.fullmatch(address["id"]) else ""
    if bucket := BUCKET.fullmatch(value):
        return f"s3://{bucket['path']}"
    if f"/{value}/".startswith(f"{MOUNT}/"):
        return f"/{value.rstrip('/')}"
    return value.rstrip("/") if HUB.fullmatch(value.rstrip("/")) else ""


def _means_model(name: str) -> bool:
    foreign = variables.identify_foreign(name)
    return name in variables.GENERIC or (foreign is not None and foreign.option == "HF_MODEL_ID")

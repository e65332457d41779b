"""What is mounted at /opt/ml/model: an S3 prefix as SageMaker takes it, with a whole checkpoint at its root."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from sluice.preflight.deployment_spec import DeploymentSpec, Setting
from sluice.preflight.finding import Finding, Location, Rule
from sluice.preflight.hosting.checkpoint import Checkpoint

PREFIX = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3ModelDataSource.html"
ARTIFACTS = (
    "https://github.com/deepjavalibrary/djl-serving/blob/master/serving/docs/lmi/deployment_guide/model-artifacts.md"
)
STORE = (
    "https://github.com/deepjavalibrary/djl-serving/blob/637866135ee775bc1533808e843d7c32c8a2c179/"
    "serving/src/main/java/ai/djl/serving/util/ModelStore.java"
)

HST003 = Rule(
    "HST003",
    "S3 prefix without a trailing slash",
    "error",
    "documented",
    PREFIX,
    "`ModelDataSource` with `S3Prefix` takes a prefix that ends in a slash. Without it CreateModel refuses the "
    "prefix, or `s3://bucket/qwen3` also stands for `s3://bucket/qwen3-old/`, and both come down onto one disk. The "
    "SageMaker SDK adds the slash by itself; CloudFormation, Terraform and boto3 do not.",
    bad="--model-data s3://models/qwen3-4b",
    good="--model-data s3://models/qwen3-4b/",
)
HST004 = Rule(
    "HST004",
    "config.json is not at the root",
    "error",
    "verified",
    STORE,
    "The container looks at the root of `/opt/ml/model`. Plain files there are one model; if there are only folders, "
    "each of them is taken for a model of its own. Without a `config.json` at the root the container cannot tell the "
    "architecture: it leaves the asynchronous handler out, says `Invalid rolling batch type`, or does not start. "
    "Name the prefix in which `config.json` lies, not the one above it, and not a single file.",
    bad="--model-data s3://models/qwen3-4b/config.json",
    good="--model-data s3://models/qwen3-4b/",
)
HST005 = Rule(
    "HST005",
    "An archive where a prefix is meant",
    "warning",
    "documented",
    PREFIX,
    "A `model.tar.gz` is downloaded as one stream and unpacked before the container starts, which needs the space "
    "twice and most of the download timeout for nothing: weights do not compress. As a prefix (`S3Prefix`) it is "
    "worse, since there is nothing below `model.tar.gz/`. Upload the files as they are and name their prefix. "
    "Archives other than a gzipped tar are not unpacked at all. An archive that only holds serving.properties is "
    "fine.",
    bad="--model-data s3://models/qwen3-4b/model.tar.gz",
    good="--model-data s3://models/qwen3-4b/",
)
HST013 = Rule(
    "HST013",
    "Network isolation, and something would still be fetched",
    "error",
    "inferred",
    "https://docs.aws.amazon.com/sagemaker/latest/dg/mkt-algo-model-internet-free.html",
    "With network isolation the container makes no outbound call. The model itself is mounted, but a tokenizer, a "
    "configuration or a draft model that is named by its hub id would be fetched when vLLM starts, and that fails "
    "after some minutes of retries. Upload it with the model and name its path under `/opt/ml/model`.",
    bad="OPTION_TOKENIZER=Qwen/Qwen3-4B-Instruct-2507\n--network-isolation",
    good="OPTION_TOKENIZER=/opt/ml/model\n--network-isolation",
)
HST015 = Rule(
    "HST015",
    "The checkpoint is not whole",
    "error",
    "inferred",
    "https://github.com/huggingface/transformers/issues/27923",
    "A clone without Git LFS has files of 130 bytes in place of weights, a broken download has shorter ones, and a "
    "shard that the index names may be missing. All of it uploads and downloads without complaint; vLLM then stops "
    "with `HeaderTooLarge`, `MetadataIncompleteBuffer` or weights that were not initialized, some minutes in. "
    "Download the files again, for example with `hf download`.",
    bad="",
    good="",
)
HST016 = Rule(
    "HST016",
    "model.py in the model's folder",
    "note",
    "verified",
    STORE,
    "The container loads a `model.py` that lies beside the weights as its handler or formatter. That is how custom "
    "code is meant to be added; a left-over file may answer in place of vLLM, or change its requests and replies.",
    bad="",
    good="",
)
HST017 = Rule(
    "HST017",
    "No tokenizer beside the weights",
    "error",
    "documented",
    ARTIFACTS,
    "vLLM loads the tokenizer from the same folder as the weights and ends its start without one. Training scripts "
    "often save the model alone: save the tokenizer into the same folder, or name one with `tokenizer`.",
    bad="",
    good="",
)
HST018 = Rule(
    "HST018",
    "No chat template",
    "warning",
    "verified",
    "https://github.com/vllm-project/vllm/issues/39279",
    "Chat requests are put into words by the tokenizer's chat template. Base models have none: the container starts "
    "and is healthy, and every chat request is refused. Release the instruction-tuned model, or give `chat_template`.",
    bad="",
    good="",
)
HST019 = Rule(
    "HST019",
    "Model data that is not in S3",
    "error",
    "documented",
    PREFIX,
    "SageMaker mounts model data from S3 only: `s3://bucket/prefix/`, in the region of the endpoint. Upload a folder "
    "first; for a model on the hub set HF_MODEL_ID and no model data.",
    bad="--model-data models/qwen3-4b",
    good="--model-data s3://models/qwen3-4b/",
)
RULES = (HST003, HST004, HST005, HST013, HST015, HST016, HST017, HST018, HST019)

ARCHIVE = re.compile(r"\.(tar\.gz|tgz|tar|zip|tar\.bz2|tar\.xz|tar\.zst|7z|rar)$", re.IGNORECASE)
GZIPPED = (".tar.gz", ".tgz")
FILE = re.compile(r"[^/]*\.(safetensors|bin|json|jinja|gguf|pt|pth|model|txt|md|py|properties|ya?ml)", re.IGNORECASE)
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
ELSEWHERE = ("HF_MODEL_ID", "OPTION_MODEL_ID", "option.model_id")
MOST_LISTED = 5


def check_location(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields HST003, HST004, HST005 and HST019: what the text of an S3 URI shows."""
    uri = setup.model_data
    if uri is None or _folder(setup):
        return
    place = setup.at("model_data")
    if not re.match(r"(s3|https)://[^/]", uri):
        yield HST019.at(place, _not_in_s3(setup, uri), format_correction(place, "s3://BUCKET/PREFIX/"))
    elif ARCHIVE.search(uri.rstrip("/")):
        yield _archive(setup, uri)
    elif uri.startswith("s3://"):
        yield from _prefix(setup, uri)


def check_folder(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields HST004, HST005, HST015, HST016, HST017 and HST018: what a folder that will be uploaded lacks."""
    path = _folder(setup)
    if path is None:
        return
    if not path.is_dir():
        yield from _no_folder(setup, path)
        return
    yield from check_checkpoint(setup, Checkpoint(path))


def check_checkpoint(setup: DeploymentSpec, checkpoint: Checkpoint) -> Iterator[Finding]:
    """What a checkpoint lacks, wherever it lies."""
    if not checkpoint.has_config:
        yield from _no_config(setup, checkpoint)
        return
    for check in (_weights, _tokenizer, _template, _handler):
        yield from check(setup, checkpoint)


def check_isolated_parts(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields HST013: under network isolation, parts beside the model itself that are named by a hub id."""
    if not setup.network_isolation:
        return
    for name in ("tokenizer", "hf_config_path", "speculative_config"):
        setting = setup.option(name)
        named = _hub_id(setting) if setting else None
        if setting and named:
            message = (
                f"{named} would be fetched from the hub when vLLM starts, but network isolation lets nothing out: the "
                "start fails. Upload it beside the model."
            )
            fix = "" if name == "speculative_config" else setup.line(name, "/opt/ml/model")
            yield HST013.at(setting.place, message, fix)


CHECKS: tuple[Callable[[DeploymentSpec], Iterator[Finding]], ...] = (check_location, check_folder, check_isolated_parts)


def format_correction(place: Location, value: str) -> str:
    """The line or flag that says this, spelled as the place is."""
    key = place.where
    return f"{key} {value}" if key.startswith("--") else f"{key.rpartition('.')[2]}: {value}"


def _folder(setup: DeploymentSpec) -> Path | None:
    """The folder on this machine that stands for the model data: pipeline.yaml's, or one that is there."""
    text = setup.model_data
    if not text or "://" in text or "\0" in text or text.startswith("/opt/ml/"):
        return None
    try:
        path = Path(text)
        return path if setup.form == "yaml" or path.is_dir() else None
    except (OSError, ValueError):
        return None


def _not_in_s3(setup: DeploymentSpec, uri: str) -> str:
    what = "there is no such folder here, and " if "://" not in uri and not uri.startswith("/opt/ml/") else ""
    return (
        f"{uri!r} is no S3 URI: {what}CreateModel takes only s3://bucket/prefix/ and refuses this before anything "
        "starts."
    )


def _archive(setup: DeploymentSpec, uri: str) -> Finding:
    place = setup.at("model_data")
    bare = uri.rstrip("/")
    parent = bare[: bare.rindex("/") + 1]
    fix = format_correction(place, parent) if parent.count("/") > 3 else ""
    if uri.endswith("/"):
        what = f"Nothing lies below {uri}: /opt/ml/model stays empty or the download fails, and no endpoint comes up."
        return HST005.at(
            place, f"{what} Unpack the archive in S3 and name the prefix of its files.", fix, severity="error"
        )
    if not bare.lower().endswith(GZIPPED):
        what = (
            f"{bare.rpartition('/')[2]} would not be unpacked: only a gzipped tar is, and the container finds no model."
        )
        return HST005.at(place, f"{what} Upload the files as they are.", fix, severity="error")
    what = "The archive is downloaded and unpacked before the container starts, on a disk that must hold it twice"
    if setup.properties:
        return HST005.at(place, f"{what}. If it holds only serving.properties, that is fine.", severity="note")
    advice = "Upload the files as they are and name their prefix."
    return HST005.at(place, f"{what}, within ModelDataDownloadTimeoutInSeconds. {advice}", fix)


def _prefix(setup: DeploymentSpec, uri: str) -> Iterator[Finding]:
    place = setup.at("model_data")
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    last = key.rstrip("/").rpartition("/")[2]
    if last and FILE.fullmatch(last):
        parent = uri.rstrip("/").rpartition("/")[0] + "/"
        message = (
            f"{last} is one file. As a prefix it brings no checkpoint to /opt/ml/model, and the container finds no "
            "model."
        )
        yield HST004.at(place, message, format_correction(place, parent))
    elif not uri.endswith("/"):
        message = (
            f"A prefix must end in a slash: CreateModel refuses {uri}, or everything that begins with "
            f"{last or bucket!r} comes along."
        )
        yield HST003.at(place, message, format_correction(place, f"{uri}/"))
    elif not key:
        message = f"This is the whole bucket {bucket}: all of it is downloaded, and config.json must lie at its top."
        yield HST004.at(place, message, severity="warning", confidence="inferred")


def _no_folder(setup: DeploymentSpec, path: Path) -> Iterator[Finding]:
    place = setup.at("model_data")
    if path.is_file():
        archive = ARCHIVE.search(path.name)
        what = "an archive" if archive else "a file"
        message = (
            f"{_seen_from(place, path)} is {what}. A folder is uploaded as a prefix: name one with config.json in it."
        )
        yield (HST005 if archive else HST004).at(place, message, severity="error", confidence="verified")
    elif not _elsewhere(setup):
        message = (
            f"There is no folder {_seen_from(place, path)} yet, so its files were not looked at. They must be there "
            "before a run on AWS."
        )
        yield HST004.at(place, message, severity="note")


def _no_config(setup: DeploymentSpec, checkpoint: Checkpoint) -> Iterator[Finding]:
    """No error where the folder is not meant to hold the whole model."""
    place, names = setup.at("model_data"), checkpoint.sizes.keys()
    source = _name_source(place, checkpoint)
    if _elsewhere(setup) or "serving.properties" in names:
        return
    below = next(checkpoint.nested(), None)
    if "params.json" in names or any(name.endswith(".gguf") for name in names):
        message = (
            f"{source} holds no config.json: vLLM can load such files, but the container cannot tell the "
            "architecture from them, and leaves the asynchronous handler out."
        )
        yield HST004.at(place, message, severity="warning", confidence="inferred")
    elif below:
        message = (
            f"config.json lies in {below} and not at the root of {source}: the container takes each folder "
            "for a model of its own, or finds none."
        )
        yield HST004.at(place, message, format_correction(place, _name_source(place, checkpoint, below)))
    else:
        what = "is empty" if not names else "holds no config.json"
        yield HST004.at(place, f"{source} {what}: the container finds no model and ends its start.")


def _weights(setup: DeploymentSpec, checkpoint: Checkpoint) -> Iterator[Finding]:
    place, load_format = setup.at("model_data"), setup.option("load_format")
    if load_format and load_format.value != "auto":  # what such a loader needs is its own affair
        return
    if checkpoint.pointers:
        message = (
            f"Git LFS left its notes of some 130 bytes in place of {_listed(checkpoint.pointers)}: the start ends with "
            "HeaderTooLarge or an unreadable tokenizer. Fetch the files: git lfs pull."
        )
        yield HST015.at(place, message)
    if checkpoint.missing:
        message = (
            f"The index names {_listed(checkpoint.missing)}, which {_is(checkpoint.missing)} not there: the start "
            "fails."
        )
        yield HST015.at(place, message)
    elif not checkpoint.weights:
        source = _name_source(place, checkpoint)
        message = f"{source} holds no weights (*.safetensors, *.bin): vLLM ends its start."
        yield HST015.at(place, message)
    if checkpoint.cut:
        message = (
            f"{_listed(checkpoint.cut)} {_is(checkpoint.cut)} shorter than the header says, as after a broken "
            "download: the start ends with MetadataIncompleteBuffer."
        )
        yield HST015.at(place, message)


def _tokenizer(setup: DeploymentSpec, checkpoint: Checkpoint) -> Iterator[Finding]:
    skipped = setup.option("skip_tokenizer_init")
    if checkpoint.has_tokenizer or setup.option("tokenizer") or (skipped and skipped.value.lower() == "true"):
        return
    if any(name.endswith(".gguf") for name in checkpoint.weights):  # has its tokenizer within
        return
    source = _name_source(setup.at("model_data"), checkpoint)
    message = f"{source} holds no tokenizer (tokenizer.json, tokenizer_config.json): vLLM ends its start."
    yield HST017.at(setup.at("model_data"), message)


def _template(setup: DeploymentSpec, checkpoint: Checkpoint) -> Iterator[Finding]:
    if checkpoint.has_template or setup.option("chat_template") or setup.option("tokenizer"):
        return
    consequence = " The chat cases are such requests, so no case can pass." if setup.judging else ""
    message = f"The tokenizer has no chat template: the endpoint starts, and refuses every chat request.{consequence}"
    yield HST018.at(setup.at("model_data"), message)


def _handler(setup: DeploymentSpec, checkpoint: Checkpoint) -> Iterator[Finding]:
    if "model.py" in checkpoint.sizes:
        message = (
            "The container loads model.py as its handler: if that is not meant, it answers instead of vLLM. Remove it."
        )
        yield HST016.at(setup.at("model_data"), message)


def _name_source(place: Location, checkpoint: Checkpoint, below: str = "") -> str:
    """The checkpoint, or a folder in it, as the reader would name it."""
    if checkpoint.uri:
        return f"{checkpoint.uri}{below}/" if below else checkpoint.uri
    return _seen_from(place, checkpoint.folder / below)


def _seen_from(place: Location, path: Path) -> str:
    """The path as the file that names it would write it."""
    try:
        return path.relative_to(Path(place.file or ".").absolute().parent).as_posix()
    except ValueError:
        return str(path)


def _elsewhere(setup: DeploymentSpec) -> bool:
    """Whether the configuration names a model that is not the mounted one."""
    entries: Iterable[Setting] = (*setup.environment, *setup.properties)
    return any(each.name in ELSEWHERE and not each.value.startswith("/opt/ml/model") for each in entries if each.value)


def _hub_id(setting: Setting) -> str | None:
    text = setting.value.strip()
    if text.startswith("{"):
        try:
            text = json.loads(text)["model"]
        except (ValueError, LookupError, TypeError, RecursionError):
            return None
    return text if isinstance(text, str) and HUB_ID.fullmatch(text) else None


def _listed(names: list[str]) -> str:
    more = len(names) - MOST_LISTED
    return ", ".join(names[:MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


def _is(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"

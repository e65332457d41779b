"""The container's environment and `serving.properties`, read by the rules of the real image of one LMI release.

Options that this image would not start with end the start here too: one line that says why, and exit code 1.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sluice.errors import SluiceError
from sluice.lmi import options

RELEASE = 17  # whose rules these are: djl-inference:0.35.0-lmi17.0.0-cu128
DEVICES = 1
MODEL_FOLDER = "/opt/ml/model"
CONTEXT_PIECE = 256  # tokens of a prompt that are read between two steps of the answers that run
ALIASES = {  # names that the image's entrypoint takes where its own name is not set
    "HF_MODEL_QUANTIZE": "OPTION_QUANTIZE",
    "HF_MODEL_TRUST_REMOTE_CODE": "OPTION_TRUST_REMOTE_CODE",
    "SM_NUM_GPUS": "TENSOR_PARALLEL_DEGREE",
    "MAX_CONCURRENT_REQUESTS": "SERVING_JOB_QUEUE_SIZE",
    "MAX_BATCH_PREFILL_TOKENS": "OPTION_MAX_ROLLING_BATCH_PREFILL_TOKENS",
    "MAX_BATCH_SIZE": "OPTION_MAX_ROLLING_BATCH_SIZE",
    "CUDA_MEMORY_FRACTION": "OPTION_GPU_MEMORY_UTILIZATION",
}
PLAIN = ("TENSOR_PARALLEL_DEGREE", "PIPELINE_PARALLEL_DEGREE")  # options by their plain names
APPLIED = {
    "max_model_len",
    "max_rolling_batch_size",
    "max_rolling_batch_prefill_tokens",
    "tensor_parallel_degree",
    "served_model_name",
}
BEYOND = {  # the image acts on these, and answers would differ; value: what is harmless
    "chat_template": (),
    "enable_lora": ("false",),
    "entrypoint": (),
    "generation_config": ("auto",),
    "handler": ("handle",),
    "hf_overrides": ("{}",),
    "input_formatter": (),
    "model_id": (),
    "output_formatter": (),
    "override_generation_config": ("{}",),
    "tokenizer": (),
}


class StartError(SluiceError):
    """The image would not start with these settings, or this stand-in cannot do what they ask for."""


@dataclass(frozen=True)
class ServerSettings:
    model: Path | None  # None: another server answers
    upstream: str | None = None
    upstream_model: str | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    max_model_len: int | None = None
    seats: int = 32
    piece: int = CONTEXT_PIECE
    queue: int = 1000
    largest_body: int = 64 * 2**20
    served_name: str = "lmi"
    applied: tuple[str, ...] = ()
    without_effect: tuple[str, ...] = ()  # the image reads them; on this engine there is nothing to set
    ignored: tuple[str, ...] = ()  # the image does not read them


def read_settings(environment: Mapping[str, str]) -> ServerSettings:
    """Everything the server must know; raises StartError."""
    env = {name: value for name, value in environment.items() if value}
    for alias, own in ALIASES.items():
        if alias in env:
            env.setdefault(own, env[alias])
    upstream = env.get("TINYLMI_UPSTREAM")
    folder = None if upstream else find_model_folder(env)
    properties = _properties(folder) if folder else {}
    written = _environment_options(env) | {
        key.removeprefix("option."): value for key, value in properties.items() if key.startswith("option.")
    }
    if "engine" in properties:
        written["engine"] = properties["engine"]
    unread = tuple(name for name in env if name.startswith("OPTION_") and options.option_name(name) is None)
    ignored = _refuse(written)
    effective = options.one_spelling({name: value for name, value in written.items() if name not in ignored})
    seats, piece = _number(effective, "max_rolling_batch_size", 32), effective.get("max_rolling_batch_prefill_tokens")
    if piece is not None and int(piece) < seats:
        raise StartError(f"OPTION_MAX_ROLLING_BATCH_PREFILL_TOKENS={piece} is less than {seats} sequences.")
    length = effective.get("max_model_len")
    return ServerSettings(
        model=folder,
        upstream=upstream,
        upstream_model=env.get("TINYLMI_UPSTREAM_MODEL"),
        host=env.get("TINYLMI_HOST", "127.0.0.1"),
        port=_number(env, "SAGEMAKER_BIND_TO_PORT", 8080),
        max_model_len=options.parse_length(length, RELEASE) if length else None,
        seats=seats,
        piece=min(int(piece or CONTEXT_PIECE), CONTEXT_PIECE),
        queue=_number({**env, **properties}, "SERVING_JOB_QUEUE_SIZE", _number(properties, "job_queue_size", 1000)),
        largest_body=_largest_body(env),
        served_name=effective.get("served_model_name", "lmi"),
        applied=tuple(f"{name}={effective[name]}" for name in sorted(APPLIED & effective.keys())),
        without_effect=tuple(sorted(effective.keys() - APPLIED)),
        ignored=(*sorted(env_name(name) for name in ignored), *sorted(unread)),
    )


def find_model_folder(env: Mapping[str, str]) -> Path:
    """HF_MODEL_ID, else where SageMaker put the model; a hub or S3 cannot be reached from here."""
    named = env.get("HF_MODEL_ID")
    folder = Path(named or env.get("SM_MODEL_DIR") or MODEL_FOLDER)
    if named and named.startswith("s3://"):
        raise StartError(f"HF_MODEL_ID={named}: nothing is downloaded here.", "Give a folder that holds the model.")
    if named and not folder.is_dir() and not folder.is_absolute():
        raise StartError(
            f"HF_MODEL_ID={named} is not a folder, so it would be a model of a hub; there is no hub here.",
            "Give a folder that holds the model.",
        )
    if not folder.is_dir():
        raise StartError(f"There is no model: {folder} is not a folder.")
    inside = list(folder.iterdir())
    if inside and all(path.is_dir() for path in inside):
        raise StartError(
            f"{folder} holds only folders, and the image would load each as a model of its own.",
            "Name the folder that holds config.json.",
        )
    if (folder / "model.py").exists():
        raise StartError(f"{folder / 'model.py'} would answer in the model's place in the image; here nothing runs it.")
    return folder


def env_name(name: str) -> str:
    """An option as a user writes it in the environment."""
    return name.upper() if name.upper() in PLAIN else f"OPTION_{name.upper()}"


def _environment_options(env: Mapping[str, str]) -> dict[str, str]:
    """Options from the environment; OPTION_TENSOR_PARALLEL_DEGREE goes before TENSOR_PARALLEL_DEGREE."""
    plain = {name.lower(): env[name] for name in PLAIN if name in env}
    return plain | {option: value for name, value in env.items() if (option := options.option_name(name))}


def _properties(folder: Path) -> dict[str, str]:
    path = folder / "serving.properties"
    if not path.exists():
        return {}
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise StartError(f"{path} cannot be read: {error}") from None
    pairs = [re.split(r"\s*[=:]\s*", line, maxsplit=1) for line in lines if line and line[0] not in "#!"]
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2 and pair[1]}


def _refuse(written: Mapping[str, str]) -> set[str]:
    """Raise for what ends the start or cannot be done here; return the names that the image ignores."""
    ignored: set[str] = set()
    for finding in options.find_problems(written, RELEASE):
        if finding.effect == "ignored":
            ignored.add(finding.option)
        else:
            raise StartError(f"{env_name(finding.option)}={written[finding.option]}: {finding.why}", finding.instead)
    degree = written.get("tensor_parallel_degree", "max")
    if degree != "max" and int(degree) > DEVICES:
        raise StartError(
            f"EngineException: TENSOR_PARALLEL_DEGREE={degree}, but there is {DEVICES} device.", "Use 1 or max."
        )
    for name, harmless in BEYOND.items():
        if name in written and written[name].lower() not in harmless:
            raise StartError(f"{env_name(name)} changes the answers, and this stand-in cannot do it.", "Remove it.")
    return ignored


def _number(values: Mapping[str, str], name: str, usual: int) -> int:
    try:
        number = int(values.get(name, usual))
    except ValueError:
        number = 0
    if number < 1 or (name == "SAGEMAKER_BIND_TO_PORT" and number > 65535):
        raise StartError(f"{name}={values[name]} is not a number that can be used.")
    return number


def _largest_body(env: Mapping[str, str]) -> int:
    if "SAGEMAKER_MAX_PAYLOAD_IN_MB" in env:
        return _number(env, "SAGEMAKER_MAX_PAYLOAD_IN_MB", 64) * 2**20
    return _number(env, "SAGEMAKER_MAX_REQUEST_SIZE", _number(env, "SERVING_MAX_REQUEST_SIZE", 64 * 2**20))

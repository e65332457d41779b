"""A release's inputs in S3, each under the hash of its content: what is there already is not sent again."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.config.model import PipelineConfig, Sources, StackOutputs
from sluice.errors import UsageError
from sluice.evaluation import settings
from sluice.evaluation.cases import loader
from sluice.evaluation.cases.case import Case
from sluice.evaluation.compare.hashes import python_functions
from sluice.pipelines import archive

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client


@dataclass(frozen=True)
class Upload:
    """Files that belong under one prefix."""

    what: str  # model, cases, code, settings
    bucket: str
    prefix: str  # models/<hash>/
    files: Mapping[str, bytes | Path]

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    @property
    def size(self) -> int:
        return sum(size_of(content) for content in self.files.values())


@dataclass(frozen=True)
class Prepared:
    sources: Sources
    uploads: tuple[Upload, ...]


def prepare_uploads(config: PipelineConfig, place: StackOutputs, wheels: Path | None = None) -> Prepared:
    """Return where everything will be, by reading the files. Sends nothing; raises UsageError for unusable files."""
    cases = plan_upload("cases", "cases", place, list_case_files(config.evaluation.cases, config.read_cases()))
    code = plan_upload("code", "code", place, archive.list_job_files(wheels))
    criteria = plan_upload("settings", "settings", place, {settings.FILE: config.settings.as_json()})
    if config.model.folder is None:
        return Prepared(Sources(config.model.source, cases.uri, code.uri, criteria.uri), (cases, code, criteria))
    model = plan_upload("model", "models", place, list_model_files(config.model.folder))
    return Prepared(Sources(model.uri, cases.uri, code.uri, criteria.uri), (model, cases, code, criteria))


def send_missing(s3: "S3Client", upload: Upload, on_start: Callable[[Upload], None] | None = None) -> int:
    """Upload what is not there yet, and return how many files that were. One that broke off goes on where it was.

    `on_start` is called once, if there is anything to send.
    """
    there = {name: size for name, size in list_objects(s3, upload)}
    missing = {name: content for name, content in upload.files.items() if there.get(name) != size_of(content)}
    if missing and on_start is not None:
        on_start(upload)
    for name, content in missing.items():
        if isinstance(content, bytes):
            s3.put_object(Bucket=upload.bucket, Key=upload.prefix + name, Body=content)
        else:
            s3.upload_file(str(content), upload.bucket, upload.prefix + name)
    return len(missing)


def plan_upload(what: str, folder: str, place: StackOutputs, files: Mapping[str, bytes | Path]) -> Upload:
    return Upload(what, place.bucket, f"{folder}/{content_hash(files)}/", files)


def content_hash(files: Mapping[str, bytes | Path]) -> str:
    """Hash the files' names and contents; large files are read in pieces."""
    whole = hashlib.sha256()
    for name, content in sorted(files.items()):
        if isinstance(content, bytes):
            digest = hashlib.sha256(content).hexdigest()
        else:
            try:
                with content.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise UsageError(f"{content} cannot be read: {error.strerror}.") from error
        whole.update(f"{name}\0{digest}\n".encode())
    return whole.hexdigest()[:32]


def list_model_files(folder: Path) -> dict[str, Path]:
    """List a checkpoint's files by name. Hidden ones, such as a download's bookkeeping, are left out."""
    if not folder.is_dir():
        raise UsageError(
            f"There is no model folder {folder}.",
            "Put the checkpoint there, or name where it is under `model: source:` in pipeline.yaml.",
        )
    files = {name: file for name, file in walk_files(folder)}
    if "config.json" not in files:
        what = "is empty" if not files else "holds no config.json at its root"
        raise UsageError(f"The model folder {folder} {what}.", "It must be a checkpoint in Hugging Face's format.")
    return files


def list_case_files(path: Path, cases: Iterable[Case]) -> dict[str, Path]:
    """List the files of these cases, and the modules beside them whose functions they name."""
    named = {name.partition(":")[0].partition(".")[0] for name in python_functions(cases)}
    folder = path if path.is_dir() else path.parent
    modules: dict[str, Path] = {}
    for name in sorted(named):
        if (folder / f"{name}.py").is_file():
            modules[f"{name}.py"] = folder / f"{name}.py"
        elif (folder / name).is_dir():
            modules |= {f"{name}/{each}": file for each, file in walk_files(folder / name) if file.suffix == ".py"}
    return {file.name: file for file in loader.list_case_files(path)} | modules


def walk_files(folder: Path) -> Iterator[tuple[str, Path]]:
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder)
        if file.is_file() and not any(part.startswith(".") for part in name.parts):
            yield name.as_posix(), file


def list_objects(s3: "S3Client", upload: Upload) -> Iterator[tuple[str, int]]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=upload.bucket, Prefix=upload.prefix)
    for page in pages:
        for each in page.get("Contents", []):
            yield each["Key"].removeprefix(upload.prefix), each["Size"]


def size_of(content: bytes | Path) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size

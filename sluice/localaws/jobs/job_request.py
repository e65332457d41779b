"""What a CreateProcessingJob request may ask for here.

What would change the outcome and is not done is refused by name: Pipe mode, Continuous uploads, dataset definitions,
feature store outputs, app-managed transfers, network isolation.

What only concerns AWS's own hardware, network, keys or records is accepted and has no effect: instance type and
volume size, KMS keys, VPC and traffic encryption, the role (nothing is authorised here), ExperimentConfig and tags.
Of several instance preferences the first is taken.
"""

from collections.abc import Iterator
from typing import Any

from sluice.localaws.pipelines.references import is_expression
from sluice.localaws.server.request_faults import Malformed, NotSupported

ROOT = "/opt/ml/processing/"


def check_job_request(request: dict[str, Any], where: str = "") -> None:
    """Raises NotSupported or Malformed for the first member that cannot be honoured; expressions are let through."""
    for place, feature in _unsupported(request):
        raise NotSupported(f"{feature} ({where}{place})")
    for place, path in _local_paths(request):
        if not path.startswith(ROOT) or ".." in path.split("/"):
            raise Malformed(f"{where}{place}: {path!r} must begin with {ROOT}")
    for place, names in _names(request):
        for name in sorted({name for name in names if names.count(name) > 1}):
            raise Malformed(f"{where}{place}: {name!r} is there twice")


def list_outputs(request: dict[str, Any]) -> list[dict[str, Any]]:
    return _list(_part(request, "ProcessingOutputConfig"), "Outputs")


def _unsupported(request: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for index, item in enumerate(_list(request, "ProcessingInputs")):
        yield from _input(item, f"ProcessingInputs[{index}]")
    for index, item in enumerate(list_outputs(request)):
        yield from _output(item, f"ProcessingOutputConfig.Outputs[{index}]")
    if _part(request, "NetworkConfig").get("EnableNetworkIsolation") is True:
        yield "NetworkConfig.EnableNetworkIsolation", "network isolation of a processing job"


def _input(item: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
    if "DatasetDefinition" in item:
        yield f"{place}.DatasetDefinition", "dataset definitions (Athena, Redshift)"
    if item.get("AppManaged") is True:
        yield f"{place}.AppManaged", "app-managed inputs"
    source = _part(item, "S3Input")
    if source.get("S3InputMode") == "Pipe":
        yield f"{place}.S3Input.S3InputMode", "Pipe input mode"
    if source.get("S3CompressionType") == "Gzip":
        yield f"{place}.S3Input.S3CompressionType", "Gzip input, which needs Pipe mode,"
    yield from _https(source, f"{place}.S3Input.S3Uri")


def _output(item: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
    if "FeatureStoreOutput" in item:
        yield f"{place}.FeatureStoreOutput", "feature store outputs"
    if item.get("AppManaged") is True:
        yield f"{place}.AppManaged", "app-managed outputs"
    target = _part(item, "S3Output")
    if target.get("S3UploadMode") == "Continuous":
        yield f"{place}.S3Output.S3UploadMode", "Continuous upload"
    yield from _https(target, f"{place}.S3Output.S3Uri")


def _https(holder: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
    uri = holder.get("S3Uri")
    if isinstance(uri, str) and not uri.startswith("s3://"):
        yield place, "an S3Uri other than s3://"


def _local_paths(request: dict[str, Any]) -> Iterator[tuple[str, str]]:
    inputs = (("ProcessingInputs", "S3Input", item) for item in _list(request, "ProcessingInputs"))
    results = (("ProcessingOutputConfig.Outputs", "S3Output", item) for item in list_outputs(request))
    for place, side, item in (*inputs, *results):
        where = f"{place} {item.get('InputName', item.get('OutputName'))!r}"
        if side not in item:
            raise Malformed(f"{where}: needs {side}")
        path = _part(item, side).get("LocalPath", "")
        if isinstance(path, str):
            yield f"{where}.{side}.LocalPath", path


def _names(request: dict[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    yield "ProcessingInputs", _plain(item.get("InputName") for item in _list(request, "ProcessingInputs"))
    yield "ProcessingOutputConfig.Outputs", _plain(item.get("OutputName") for item in list_outputs(request))


def _plain(values: Iterator[Any]) -> list[str]:
    return [value for value in values if isinstance(value, str)]


def _part(holder: dict[str, Any], key: str) -> dict[str, Any]:
    value = holder.get(key)
    return value if isinstance(value, dict) and not is_expression(value) else {}


def _list(holder: dict[str, Any], key: str) -> list[dict[str, Any]]:
    value = holder.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []

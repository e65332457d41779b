"""The shipped pipeline.yaml, a place to run it and where its inputs are, for tests of what is made from them."""

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from sluice.config.model import PipelineConfig, Sources, StackOutputs, load

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "pipeline.yaml"
PLACE = StackOutputs(
    account_id="123456789012",
    region="us-east-1",
    bucket="sluice-123456789012-us-east-1",
    role_arn="arn:aws:iam::123456789012:role/sluice-execution",
    trigger_role_arn="arn:aws:iam::123456789012:role/sluice-trigger",
)
SOURCES = Sources(
    model="s3://sluice-123456789012-us-east-1/models/0a1b/",
    cases="s3://sluice-123456789012-us-east-1/cases/2c3d/",
    code="s3://sluice-123456789012-us-east-1/code/4e5f/",
    settings="s3://sluice-123456789012-us-east-1/settings/6a7b/",
)


def shipped() -> PipelineConfig:
    return load(SHIPPED)


@cache
def original() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    return loaded


def content(**changes: Any) -> dict[str, Any]:
    """The shipped file's content, with some of it changed: evaluation__gate__min_pass_rate=2."""
    loaded = deepcopy(original())
    for path, value in changes.items():
        *sections, key = path.split("__")
        section = loaded
        for name in sections:
            section = section.setdefault(name, {})
        section[key] = value
    return loaded


def written(folder: Path, **changes: Any) -> Path:
    """A pipeline.yaml of its own in a folder, with some of the shipped one changed."""
    path = folder / "pipeline.yaml"
    path.write_text(yaml.safe_dump(content(**changes), allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path

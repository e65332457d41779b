"""What pipeline.yaml may hold, for editors (pipeline.schema.json) and for readers (docs/pipeline-yaml.md).

Both are written from the descriptions in `sluice.config.model`, by `python -m sluice.config.schema`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from sluice.config.field_types import Section
from sluice.config.model import PipelineConfig
from sluice.config.validation_errors import dotted, sections

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "pipeline.schema.json"
REFERENCE = ROOT / "docs" / "pipeline-yaml.md"
KINDS = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false"}


def build_schema() -> str:
    definition = PipelineConfig.model_json_schema()
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **definition, "title": "pipeline.yaml"}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def build_reference() -> str:
    described = PipelineConfig.model_json_schema()
    return "\n".join(reference_lines(described)) + "\n"


def reference_lines(described: dict[str, Any]) -> Iterator[str]:
    yield "# pipeline.yaml"
    yield ""
    yield "One file says what is released, how it is judged, and where it goes. Unknown keys are refused. Paths are"
    yield "seen from the file's own folder. Another environment is another file."
    yield ""
    yield "This page is written from the code by `python -m sluice.config.schema`; a test fails when it is stale."
    for path, section in sections(PipelineConfig):
        about = described if not path else described["$defs"][section.__name__]
        yield ""
        yield f"## `{dotted(path)}`" if path else "## The top level"
        yield ""
        yield str(section.__doc__)
        yield ""
        yield "| key | value | default | meaning |"
        yield "|---|---|---|---|"
        for name, field in section.model_fields.items():
            values = describe_type(about["properties"][name])
            yield f"| `{name}` | {values} | {describe_default(field)} | {field.description} |"


def describe_type(about: dict[str, Any]) -> str:
    """Returns in words what values a key takes."""
    for each in about.get("anyOf", []):
        if each.get("type") != "null":
            about = each
    if "$ref" in about:
        return "section"
    if "enum" in about:
        return " or ".join(f"`{choice}`" for choice in about["enum"])
    if about.get("type") == "object":
        below: dict[str, Any] = about.get("additionalProperties") or next(
            iter(about.get("patternProperties", {}).values()), {}
        )
        return "`name: section` lines" if "$ref" in below else "`name: value` lines"
    if about.get("type") == "array":
        return "list of texts"
    words = KINDS[about["type"]]
    least, most = about.get("minimum"), about.get("maximum")
    return f"{words}, {least} to {most}" if least is not None else words


def describe_default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    if field.default is None:
        return "none"
    if isinstance(field.default, Section) or field.default == {}:
        return ""
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    return f"`{field.default}`"


def main() -> None:
    SCHEMA.write_text(build_schema(), encoding="utf-8")
    REFERENCE.write_text(build_reference(), encoding="utf-8")


if __name__ == "__main__":
    main()

"""A configuration as its owner writes it, checked by the real command, and changed as a finding says."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import checking
import yaml


@dataclass(frozen=True)
class Configuration:
    """What somebody has: a container's environment with flags, or keys of pipeline.yaml that are not as shipped."""

    environment: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, Any] = field(default_factory=dict)
    properties: str | None = None
    model_config: Mapping[str, Any] | None = None
    release: Mapping[str, Any] | None = None

    def check(self, folder: Path) -> list[dict[str, Any]]:
        if self.release is not None:
            return checking.of_release(folder, self.release)[1]
        flags = dict(self.flags)
        if self.model_config is not None:
            (folder / "config.json").write_text(json.dumps(self.model_config))
            flags["--model-config"] = folder / "config.json"
        if self.properties is not None:
            (folder / "serving.properties").write_text(self.properties)
            flags["--serving-properties"] = folder / "serving.properties"
        return checking.of_environment(folder, self.environment, flags)[1]

    def write(self, finding: Mapping[str, Any]) -> "Configuration":
        """With the line of a finding, in the place of what it is about."""
        line, where = finding["fix"], finding["where"]
        if self.release is not None:
            return replace(self, release=with_key(self.release, where, yaml.safe_load(line)))
        if line.startswith("--"):
            name, _, value = line.partition(" ")
            return replace(self, flags={**self.flags, name: value})
        name, _, value = line.partition("=")
        if name.startswith("option.") or name in {"engine", "batch_size"}:
            lines = (self.properties or "").splitlines()
            if finding["line"] and str(finding["file"]).endswith("serving.properties"):
                del lines[finding["line"] - 1]
            return replace(self, properties="\n".join([*lines, line, ""]))
        others = {key: text for key, text in self.environment.items() if key != where}
        return replace(self, environment={**others, name: value})


def with_key(changes: Mapping[str, Any], where: str, line: Mapping[str, Any]) -> Mapping[str, Any]:
    """The changed keys of a release with one more; it takes the place of a key of LMI's, and stands among them."""
    ((name, value),) = line.items()
    section, _, last = where.rpartition(".")
    if name == last:
        home = section
    elif name == "tensor_parallel_degree":
        home = "lmi"
    else:
        home = section if section in {"lmi.options", "lmi.env"} else "lmi.options"
    keys = {key: dict(part) if isinstance(part, dict) else part for key, part in changes.items()}
    if section in {"lmi.options", "lmi.env"}:
        keys.setdefault(section, shipped(section)).pop(last, None)
    if isinstance(keys.get(home), dict):
        keys[home][name] = value
    else:
        keys[f"{home}.{name}"] = value
    return keys


def shipped(section: str) -> dict[str, Any]:
    content = yaml.safe_load((checking.ROOT / "pipeline.yaml").read_text())
    for key in section.split("."):
        content = content.get(key) or {}
    return dict(content)


def of_example(lines: str) -> Configuration:
    environment, flags, release = dict(checking.ENVIRONMENT), dict(checking.FLAGS), {}
    for line in lines.strip().splitlines():
        if line.startswith("--"):
            name, _, flags[name] = line.partition(" ")
        elif "=" in line.split(":")[0]:
            name, _, environment[name] = line.partition("=")
        else:
            release |= yaml.safe_load(line)
    flags = {name: value for name, value in flags.items() if value != "none"}
    return Configuration(release=release) if release else Configuration(environment, flags)

"""What a local AWS is told when it starts. Light on purpose: the command line imports it on every call."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class BadImageRules(ValueError):
    """The message says which rule is wrong, and why."""


@dataclass(frozen=True)
class ImageRule:
    """Which command stands in for an image: `match` is a shell pattern on its repository and tag, without the registry.

    `alias` is the name under which the command is found in the PATH of every container, the one that the image's own
    entrypoint has. `env` is what the image sets by itself; a container's own Environment wins over it.
    """

    match: str
    command: tuple[str, ...]
    alias: str
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """`time_scale` shortens the waits that AWS counts in minutes (health checks, time limits), for tests."""

    state: Path
    images: tuple[ImageRule, ...] = ()
    port: int = 4599
    host: str = "127.0.0.1"
    time_scale: float = 1.0

    @property
    def fingerprint(self) -> str:
        """Equal for settings under which a server would behave the same."""
        return hashlib.sha256(f"{dump_rules(self.images)}{self.time_scale}".encode()).hexdigest()[:16]


def dump_rules(rules: Iterable[ImageRule]) -> str:
    return json.dumps(
        [{"match": r.match, "command": list(r.command), "as": r.alias, "env": dict(r.env)} for r in rules], indent=2
    )


def load_rules(text: str) -> tuple[ImageRule, ...]:
    try:
        rules = json.loads(text)
    except json.JSONDecodeError as reason:
        raise BadImageRules(f"not JSON: {reason}") from None
    if not isinstance(rules, list):
        raise BadImageRules('expected a list of {"match": …, "command": […], "as": …}')
    return tuple(_rule(rule, f"rule {number}") for number, rule in enumerate(rules, 1))


def _rule(rule: Any, where: str) -> ImageRule:
    if not isinstance(rule, dict) or not {"match", "command", "as"} <= rule.keys() <= {"match", "command", "as", "env"}:
        raise BadImageRules(f"{where}: expected match, command, as, and perhaps env")
    command, env = rule["command"], rule.get("env", {})
    if not isinstance(command, list) or not command or not all(isinstance(word, str) for word in command):
        raise BadImageRules(f"{where}: command must be a list of words")
    if not isinstance(env, dict) or not all(isinstance(value, str) for value in env.values()):
        raise BadImageRules(f"{where}: env must hold texts")
    if not all(isinstance(rule[key], str) and rule[key] for key in ("match", "as")) or "/" in rule["as"]:
        raise BadImageRules(f"{where}: match and as must be texts, and as a plain name")
    return ImageRule(rule["match"], tuple(command), rule["as"], env)

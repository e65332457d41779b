"""What two judgements must have in common to be compared: their cases, how answers are scored, and the environment."""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from importlib.resources import files
from typing import Any

from sluice.errors import UsageError
from sluice.evaluation.cases import case as chat_cases
from sluice.evaluation.cases.case import Case
from sluice.evaluation.scorers.python import find_file

SCORING = (
    "prompt.py",
    "replay/conversation.py",
    "llm_judge.py",
    "reasoning.py",
    "scoring.py",
    "scorers",
)  # how a question is put is a part of how it is scored


def compute_hashes(
    cases: Iterable[Case], settings: Mapping[str, Any], image: str, environment: Mapping[str, str], machine: str = ""
) -> dict[str, str]:
    """What `Report.hashes` holds. `settings`: what else decides a score: judge, embeddings, max_tokens, seed, ...

    `machine` is the instance type, as latencies are compared as well.
    """
    cases = cases if isinstance(cases, Collection) else tuple(cases)
    return {
        "cases": chat_cases.digest(cases),
        "scorers": digest_of_scoring(cases, settings),
        "environment": digest_of_environment(image, environment, machine),
    }


def digest_of_scoring(cases: Iterable[Case], settings: Mapping[str, Any]) -> str:
    """A hash of the source of all scorers, of the python functions that the cases name, and of the settings."""
    whole = hashlib.sha256()
    for name, content in scoring_sources():
        whole.update(f"{name}\n".encode() + content)
    for name in sorted(set(python_functions(cases))):
        whole.update(f"{name}\n".encode() + source_of(name.partition(":")[0]))
    whole.update(canonical(settings))
    return whole.hexdigest()[:16]


def digest_of_environment(image: str, environment: Mapping[str, str], machine: str = "") -> str:
    return hashlib.sha256(canonical([image, dict(environment), machine])).hexdigest()[:16]


def scoring_sources() -> Iterator[tuple[str, bytes]]:
    """Names and contents of the files that decide a score; inside a job this package is in an archive."""
    package = files("sluice.evaluation")
    for name in SCORING:
        place = package / name
        for each in sorted(place.iterdir(), key=lambda each: each.name) if place.is_dir() else [place]:
            if each.name.endswith(".py"):
                yield each.name, each.read_bytes()


def python_functions(cases: Iterable[Case]) -> Iterator[str]:
    """The `module:function` of every `python` expectation."""
    for case in cases:
        for expect in (case.expect, *(turn.expect for turn in case.turns)):
            if "python" in expect:
                yield str(expect["python"])


def source_of(module: str) -> bytes:
    """A module's file beside the cases; nothing if there is none: then the name alone must do."""
    try:
        return find_file(module).read_bytes()
    except (UsageError, OSError):
        return b""


def canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True).encode()

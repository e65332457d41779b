"""A rule as a reader sees it: in the terminal (`sluice check --explain`) and in docs/checks.md.

The document is written by `python -m sluice.preflight.rule_pages`; a test fails when it is stale.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path

from sluice.preflight.finding import WORDS, Rule

DOCUMENT = Path(__file__).parents[2] / "docs" / "checks.md"
ROOMS = {  # in the order in which they are read, with what their rules are about
    "sluice.preflight.options.checks": "Options of the LMI container",
    "sluice.preflight.container.checks": "The container's other environment",
    "sluice.preflight.image.checks": "The image",
    "sluice.preflight.memory.checks": "Memory",
    "sluice.preflight.hosting.checks": "Hosting",
    "sluice.preflight.cases.checks": "Chat cases",
    "sluice.preflight.pipeline_file": "pipeline.yaml and the pipelines it becomes",
    "sluice.preflight.account.runner": "The account (only with --target aws)",
    "sluice.preflight.suppressions": "Silences",
}


def load_rules() -> Mapping[str, Rule]:
    """Every rule there is, by its code."""
    return {rule.code: rule for room in ROOMS for rule in rules_of_room(room)}


def rule_codes() -> frozenset[str]:
    return frozenset(load_rules())


def rules_of_room(room: str) -> tuple[Rule, ...]:
    room_rules: tuple[Rule, ...] = import_module(room).RULES
    return tuple(sorted(room_rules, key=lambda rule: rule.code))


def render_rule(rule: Rule) -> str:
    """One rule's page, in Markdown that reads as plain text too."""
    return "\n".join(_lines(rule)).rstrip() + "\n"


def _lines(rule: Rule) -> Iterator[str]:
    yield f"## {rule.code} · {rule.title}"
    yield ""
    yield f"{rule.severity} · {WORDS[rule.confidence]} · {rule.source}"
    yield ""
    yield rule.page.strip()
    yield ""
    for words, lines in (("Example:", rule.bad), ("Use instead:", rule.good)):
        if lines:
            yield from (words, "", "```", lines.strip(), "```", "")


def render_document() -> str:
    return "\n".join(_document()).rstrip() + "\n"


def _document() -> Iterator[str]:
    count = len(load_rules())
    yield "# What `sluice check` finds"
    yield ""
    yield f"{count} rules. Each says what will happen on SageMaker and when, how sure that is, and what to write"
    yield "instead. *Verified in source*: read in or run from the container's own code. *Documented*: AWS or the"
    yield "project says so. *Inferred*: it follows from these. Nothing here has been verified on AWS."
    yield ""
    yield "An *error* will not start, be refused, or do something other than what is written. A *warning* works, but"
    yield "probably not as wanted. A *note* is good to know. Tests run the lines under *Example* and *Use instead*."
    yield ""
    yield (
        "This page is written from the rules by `python -m sluice.preflight.rule_pages`; a test fails when it is stale."
    )
    yield ""
    for room, about in ROOMS.items():
        yield f"- {about}: " + ", ".join(f"[{rule.code}](#{rule.code.lower()})" for rule in rules_of_room(room))
    for room, about in ROOMS.items():
        yield from ("", f"# {about}", "")
        for rule in rules_of_room(room):
            yield f'<a id="{rule.code.lower()}"></a>'
            yield ""
            yield from _lines(rule)


if __name__ == "__main__":
    DOCUMENT.write_text(render_document(), encoding="utf-8")

"""Findings as they are told: in the terminal, as JSON, as SARIF for code scanning; and the exit code that they make."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import click

from sluice.cli import output
from sluice.errors import UsageError
from sluice.preflight import not_applied, rule_pages
from sluice.preflight.finding import WORDS, Finding, Rule, Severity
from sluice.preflight.not_applied import NotApplied

COLOURS: Mapping[Severity, str] = {"error": "red", "warning": "yellow", "note": "cyan"}
STRICT_WARNING = 3


def exit_code(found: Sequence[Finding], strict: bool) -> int:
    worst = {each.severity for each in found}
    if "error" in worst:
        return 1
    return STRICT_WARNING if strict and "warning" in worst else 0


def page(code: str) -> None:
    """The page of one rule; the nearest code if there is none of that name."""
    known = rule_pages.rules()
    rule = known.get(code.upper())
    if rule is None:
        import difflib

        near = difflib.get_close_matches(code.upper(), known, 1, 0.5)
        hint = f"Did you mean {near[0]}?" if near else "docs/checks.md has them all."
        raise UsageError(f"There is no rule {code}.", hint)
    output.say(rule_pages.explained(rule).rstrip())


def as_text(subject: str, found: Sequence[Finding], silenced: int, missing: tuple[NotApplied, ...]) -> None:
    bound = " in what could be looked at" if missing and not found else ""
    output.say(f"{subject}: {counted(found)}{bound}{f', {silenced} silenced' if silenced else ''}")
    if missing:
        output.say(not_applied.in_words(missing))
    for each in found:
        colour = COLOURS[each.severity]
        output.say()
        head = f"[bold {colour}]{each.severity} {each.code}[/]  {output.safe(str(each.place))}"
        output.console().print(head, soft_wrap=True)
        output.say(f"  {each.message}")
        if each.fix:
            output.say(f"  write   {each.fix}")
        output.say(f"  because {WORDS[each.confidence]}: {each.source}")
    if found:
        output.say(f"\n`sluice check --explain {found[0].code}` tells more.")


def counted(found: Sequence[Finding]) -> str:
    if not found:
        return "nothing wrong was found"
    numbers = Counter(each.severity for each in found)
    return ", ".join(f"{numbers[kind]} {kind}{'s' * (numbers[kind] > 1)}" for kind in COLOURS if numbers[kind])


def as_json(subject: str, found: Sequence[Finding], silenced: int, missing: tuple[NotApplied, ...]) -> None:
    numbers = Counter(each.severity for each in found)
    summary = {f"{kind}s": numbers[kind] for kind in COLOURS} | {"silenced": silenced}
    without = [{"without": each.without, "rules": list(each.rules)} for each in missing]
    output.document({"findings": [plain(each) for each in found], "summary": summary, "not_applied": without})


def plain(each: Finding) -> dict[str, Any]:
    return {
        "code": each.code,
        "severity": each.severity,
        "where": each.place.where,
        "file": each.place.file,
        "line": each.place.line,
        "message": each.message,
        "fix": each.fix,
        "confidence": each.confidence,
        "source": each.source,
    }


def as_sarif(subject: str, found: Sequence[Finding], silenced: int, missing: tuple[NotApplied, ...]) -> None:
    """SARIF 2.1.0 with the rules that were met. A finding without a file is at the subject itself."""
    notifications = [{"level": "note", "message": {"text": not_applied.in_words(missing)}}] if missing else []
    invocation = {"executionSuccessful": True, "toolConfigurationNotifications": notifications}
    known = rule_pages.rules()
    met = sorted({each.code for each in found})
    driver = {"name": "sluice check", "rules": [described(known[code]) for code in met]}
    results = [result(each, met.index(each.code), subject) for each in found]
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "invocations": [invocation],
                "results": results,
                "columnKind": "unicodeCodePoints",
            }
        ],
    }
    click.echo(json.dumps(log, indent=2, ensure_ascii=False))


def described(rule: Rule) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": rule.code,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.page},
        "defaultConfiguration": {"level": rule.severity},
    }
    return told | ({"helpUri": rule.source} if "://" in rule.source else {})


def result(each: Finding, index: int, subject: str) -> dict[str, Any]:
    location: dict[str, Any] = {"artifactLocation": {"uri": (each.place.file or subject).replace("\\", "/")}}
    if each.place.line:
        location["region"] = {"startLine": each.place.line}
    words = f"{each.place.where}: {each.message}" + (f" Write: {each.fix}" if each.fix else "")
    return {
        "ruleId": each.code,
        "ruleIndex": index,
        "level": each.severity,
        "message": {"text": words},
        "locations": [{"physicalLocation": location, "logicalLocations": [{"fullyQualifiedName": each.place.where}]}],
    }

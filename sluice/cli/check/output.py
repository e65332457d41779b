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


def exit_code(findings: Sequence[Finding], strict: bool) -> int:
    worst = {each.severity for each in findings}
    if "error" in worst:
        return 1
    return STRICT_WARNING if strict and "warning" in worst else 0


def print_page(code: str) -> None:
    """The page of one rule; the nearest code if there is none of that name."""
    rules = rule_pages.load_rules()
    rule = rules.get(code.upper())
    if rule is None:
        import difflib

        near = difflib.get_close_matches(code.upper(), rules, 1, 0.5)
        hint = f"Did you mean {near[0]}?" if near else "docs/checks.md has them all."
        raise UsageError(f"There is no rule {code}.", hint)
    output.say(rule_pages.render_rule(rule).rstrip())


def print_text(subject: str, findings: Sequence[Finding], silenced: int, missing: tuple[NotApplied, ...]) -> None:
    bound = " in what could be looked at" if missing and not findings else ""
    output.say(f"{subject}: {count_severities(findings)}{bound}{f', {silenced} silenced' if silenced else ''}")
    if missing:
        output.say(not_applied.describe_not_applied(missing))
    for each in findings:
        colour = COLOURS[each.severity]
        output.say()
        head = f"[bold {colour}]{each.severity} {each.code}[/]  {output.safe(str(each.place))}"
        output.console().print(head, soft_wrap=True)
        output.say(f"  {each.message}")
        if each.fix:
            output.say(f"  write   {each.fix}")
        output.say(f"  because {WORDS[each.confidence]}: {each.source}")
    if findings:
        output.say(f"\n`sluice check --explain {findings[0].code}` tells more.")


def count_severities(findings: Sequence[Finding]) -> str:
    if not findings:
        return "nothing wrong was found"
    numbers = Counter(each.severity for each in findings)
    return ", ".join(f"{numbers[kind]} {kind}{'s' * (numbers[kind] > 1)}" for kind in COLOURS if numbers[kind])


def print_json(subject: str, findings: Sequence[Finding], silenced: int, missing: tuple[NotApplied, ...]) -> None:
    numbers = Counter(each.severity for each in findings)
    summary = {f"{kind}s": numbers[kind] for kind in COLOURS} | {"silenced": silenced}
    without = [{"without": each.without, "rules": list(each.rules)} for each in missing]
    output.print_json({"findings": [to_json(each) for each in findings], "summary": summary, "not_applied": without})


def to_json(each: Finding) -> dict[str, Any]:
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


def print_sarif(subject: str, findings: Sequence[Finding], silenced: int, missing: tuple[NotApplied, ...]) -> None:
    """SARIF 2.1.0 with the rules that were met. A finding without a file is at the subject itself."""
    notifications = (
        [{"level": "note", "message": {"text": not_applied.describe_not_applied(missing)}}] if missing else []
    )
    invocation = {"executionSuccessful": True, "toolConfigurationNotifications": notifications}
    rules = rule_pages.load_rules()
    met = sorted({each.code for each in findings})
    driver = {"name": "sluice check", "rules": [describe_rule(rules[code]) for code in met]}
    results = [to_sarif(each, met.index(each.code), subject) for each in findings]
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


def describe_rule(rule: Rule) -> dict[str, Any]:
    descriptor: dict[str, Any] = {
        "id": rule.code,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.page},
        "defaultConfiguration": {"level": rule.severity},
    }
    return descriptor | ({"helpUri": rule.source} if "://" in rule.source else {})


def to_sarif(each: Finding, index: int, subject: str) -> dict[str, Any]:
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

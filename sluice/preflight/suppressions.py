"""Rules that a file says need not be applied: taken at its word, but only with a reason, and only while it matters."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from sluice.preflight.adapters.config_files import Suppression
from sluice.preflight.finding import Finding, Rule

CHK001 = Rule(
    "CHK001",
    "A silence that cannot be honoured",
    "error",
    "verified",
    "docs/checks.md",
    "A rule is silenced by its code and with a reason, in pipeline.yaml under `checks: suppress:`, in an environment "
    "file or serving.properties by the comment `# sluice: silence MEM004 requests may queue`. A code that names no "
    "rule, or a silence without a reason, silences nothing.",
    bad='checks.suppress: {MEM999: "no such rule"}',
    good='checks.suppress: {MEM004: "requests may queue"}',
)
CHK002 = Rule(
    "CHK002",
    "A silence that silences nothing",
    "note",
    "verified",
    "docs/checks.md",
    "The rule finds nothing here any more. Remove the silence, so that the rule speaks up when it does.",
    bad='checks.suppress: {HST010: "long mended"}',
    good="checks.suppress: {}",
)
RULES = (CHK001, CHK002)


def apply_suppressions(
    findings: Iterable[Finding], silences: Sequence[Suppression], codes: Callable[[], frozenset[str]]
) -> tuple[list[Finding], int]:
    """What remains to be said, and how many findings were silenced. `codes` are those of every rule there is."""
    every = list(findings)
    if not silences:
        return every, 0
    rule_codes = codes()  # every rule's module is imported for it
    honoured = {each.code for each in silences if each.code in rule_codes and each.reason}
    remaining = [each for each in every if each.code not in honoured]
    met = {each.code for each in every}
    return [*remaining, *_about(silences, met, rule_codes)], len(every) - len(remaining)


def _about(silences: Sequence[Suppression], met: set[str], rule_codes: frozenset[str]) -> Iterator[Finding]:
    for each in silences:
        if each.code not in rule_codes:
            what = f"There is no rule {each.code}: nothing is silenced. docs/checks.md has them all."
            yield CHK001.at(each.place, what)
        elif not each.reason:
            what = f"Nothing is silenced without a reason. Say after {each.code} why it does not matter."
            yield CHK001.at(each.place, what)
        elif each.code not in met:
            yield CHK002.at(each.place, f"{each.code} finds nothing here: this silence can go.")

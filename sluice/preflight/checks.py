"""What all rules find in one setup. A rule module has RULES (the pages) and CHECKS (the functions)."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from sluice.preflight import mending
from sluice.preflight.cases import checks as cases
from sluice.preflight.container import checks as container
from sluice.preflight.deployment_spec import DeploymentSpec
from sluice.preflight.finding import Finding
from sluice.preflight.hosting import checks as hosting
from sluice.preflight.image import checks as image
from sluice.preflight.memory import checks as memory
from sluice.preflight.options import checks as options

Check = Callable[[DeploymentSpec], Iterator[Finding]]
OF_THE_CONTAINER = (options, container, image, memory, hosting)
MODULES = (*OF_THE_CONTAINER, cases)
ORDER = {"error": 0, "warning": 1, "note": 2}


def check_spec(setup: DeploymentSpec) -> list[Finding]:
    """What every rule has to say, the worst first, then in the order of the file. No line to write brings an error."""
    every = (finding for module in MODULES for check in module.CHECKS for finding in check(setup))
    return sort_findings(mending.drop_harmful_fixes(setup, every, check_container))


def check_container(setup: DeploymentSpec) -> Iterator[Finding]:
    """What the rules about the container and its hosting say: a line to write changes nothing of the cases."""
    yield from (finding for module in OF_THE_CONTAINER for check in module.CHECKS for finding in check(setup))


def sort_findings(findings: Iterable[Finding]) -> list[Finding]:
    """The worst first. No two write different values for one name: the later says what it has to say without a line."""
    worst = sorted(dict.fromkeys(findings), key=lambda each: (ORDER[each.severity], each.place.line or 0, each.code))
    first: dict[str, str] = {}  # name -> the line that is written for it
    return [_once(each, first) if each.fix else each for each in worst]


def _once(finding: Finding, first: dict[str, str]) -> Finding:
    line = first.setdefault(mending.fixed_name(finding), finding.fix)
    return finding if line == finding.fix else replace(finding, fix="")

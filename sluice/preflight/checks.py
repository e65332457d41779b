"""What all rules find in one setup. A rule module has RULES (the pages) and CHECKS (the functions)."""

from collections.abc import Callable, Iterable, Iterator

from sluice.preflight import options
from sluice.preflight.cases import checks as cases
from sluice.preflight.container import checks as container
from sluice.preflight.deployment_spec import DeploymentSpec
from sluice.preflight.finding import Finding
from sluice.preflight.hosting import checks as hosting
from sluice.preflight.image import checks as image
from sluice.preflight.memory import checks as memory

Check = Callable[[DeploymentSpec], Iterator[Finding]]
MODULES = (options, container, image, memory, hosting, cases)
ORDER = {"error": 0, "warning": 1, "note": 2}


def findings(setup: DeploymentSpec) -> list[Finding]:
    """What every rule has to say, the worst first, then in the order of the file."""
    return ordered(finding for module in MODULES for check in module.CHECKS for finding in check(setup))


def ordered(found: Iterable[Finding]) -> list[Finding]:
    return sorted(dict.fromkeys(found), key=lambda each: (ORDER[each.severity], each.place.line or 0, each.code))

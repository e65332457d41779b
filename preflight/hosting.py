"""What SageMaker's endpoints ask for: timeouts, model data, networks, update strategies, names, volumes."""

from collections.abc import Callable, Iterator

from preflight.finding import Finding, Rule
from preflight.setup import Setup

RULES: tuple[Rule, ...] = ()
CHECKS: tuple[Callable[[Setup], Iterator[Finding]], ...] = ()

"""The container's other environment: where the model comes from, foreign variables, limits, secrets."""

from collections.abc import Callable, Iterator

from preflight.finding import Finding, Rule
from preflight.setup import Setup

RULES: tuple[Rule, ...] = ()
CHECKS: tuple[Callable[[Setup], Iterator[Finding]], ...] = ()

"""Chat cases that cannot be asked, cannot pass, cannot fail, or are too few to decide anything."""

from collections.abc import Callable, Iterator

from preflight.finding import Finding, Rule
from preflight.setup import Setup

RULES: tuple[Rule, ...] = ()
CHECKS: tuple[Callable[[Setup], Iterator[Finding]], ...] = ()

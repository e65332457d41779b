"""What the container makes of its options: read, ignored without a word, or the end of its start."""

from collections.abc import Callable, Iterator

from preflight.finding import Finding, Rule
from preflight.setup import Setup

RULES: tuple[Rule, ...] = ()
CHECKS: tuple[Callable[[Setup], Iterator[Finding]], ...] = ()

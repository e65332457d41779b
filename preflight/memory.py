"""Whether the model fits: weights, KV cache and what else takes room, on the card, in host memory and on disk."""

from collections.abc import Callable, Iterator

from preflight.finding import Finding, Rule
from preflight.setup import Setup

RULES: tuple[Rule, ...] = ()
CHECKS: tuple[Callable[[Setup], Iterator[Finding]], ...] = ()

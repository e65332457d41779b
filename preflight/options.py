"""What the container makes of its options: read, ignored without a word, or the end of its start.

`lmi.options` knows what each release does. The rules turn that into findings: with the place of the option, what
follows from it for this model on this instance, and the line to write instead.
"""

from collections.abc import Callable, Iterator

from preflight import option_names, option_use, option_values
from preflight.finding import Finding
from preflight.options_pages import RULES
from preflight.setup import Setup

__all__ = ["CHECKS", "RULES"]

CHECKS: tuple[Callable[[Setup], Iterator[Finding]], ...] = (
    option_names.unread,
    option_names.in_any_release,
    option_names.twice,
    option_names.empty,
    option_values.refused,
    option_values.lengths,
    option_values.batches,
    option_use.budget,
    option_use.packages,
    option_use.remote_code,
    option_use.degrees,
    option_use.inert,
    option_use.needs,
    option_use.quantization,
    option_use.template,
)

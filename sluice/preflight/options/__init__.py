"""What the container makes of its options: read, ignored without a word, or the end of its start.

`lmi.options` knows what each release does. The rules turn that into findings: with the place of the option, what
follows from it for this model on this instance, and the line to write instead.
"""

from collections.abc import Callable, Iterator

from sluice.preflight.deployment_spec import DeploymentSpec
from sluice.preflight.finding import Finding
from sluice.preflight.options import names, use, values
from sluice.preflight.options.rules import RULES

__all__ = ["CHECKS", "RULES"]

CHECKS: tuple[Callable[[DeploymentSpec], Iterator[Finding]], ...] = (
    names.unread,
    names.in_any_release,
    names.twice,
    names.empty,
    values.refused,
    values.lengths,
    values.batches,
    use.budget,
    use.packages,
    use.remote_code,
    use.degrees,
    use.inert,
    use.needs,
    use.quantization,
    use.template,
)

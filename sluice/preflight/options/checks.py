"""What the container makes of its options: read, ignored without a word, or the end of its start.

`lmi.options` knows what each release does. The rules turn that into findings: with the place of the option, what
follows from it for this model on this instance, and the line to write instead.
"""

from collections.abc import Callable, Iterator

from sluice.preflight.deployment_spec import DeploymentSpec
from sluice.preflight.finding import Finding, Rule
from sluice.preflight.options import names, use, values
from sluice.preflight.options.names import LMI001, LMI002, LMI003, LMI012, LMI014, LMI015, LMI022, LMI023, LMI024
from sluice.preflight.options.use import LMI009, LMI017, LMI018, LMI019, LMI025, LMI026, LMI027, LMI028, LMI029
from sluice.preflight.options.values import (
    LMI004,
    LMI005,
    LMI006,
    LMI007,
    LMI008,
    LMI010,
    LMI011,
    LMI013,
    LMI016,
    LMI020,
    LMI021,
)

RULES: tuple[Rule, ...] = (
    *(LMI001, LMI002, LMI003, LMI004, LMI005, LMI006, LMI007, LMI008, LMI009, LMI010, LMI011, LMI012, LMI013, LMI014),
    *(LMI015, LMI016, LMI017, LMI018, LMI019, LMI020, LMI021, LMI022, LMI023, LMI024, LMI025, LMI026, LMI027, LMI028),
    LMI029,
)

CHECKS: tuple[Callable[[DeploymentSpec], Iterator[Finding]], ...] = (
    names.check_unread_names,
    names.check_names_of_unknown_release,
    names.check_duplicate_options,
    names.check_empty_values,
    values.check_refused_values,
    values.check_context_length,
    values.check_batching,
    use.check_token_budget,
    use.check_loader_packages,
    use.check_remote_code,
    use.check_parallel_degree,
    use.check_inert_options,
    use.check_companion_options,
    use.check_quantization,
    use.check_chat_template,
)

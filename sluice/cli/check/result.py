"""What `sluice check` hands over from the looking to the printing, and the flags that describe a configuration."""

from collections.abc import Iterable
from dataclasses import dataclass

from sluice.preflight.adapters.config_files import Suppression
from sluice.preflight.finding import Finding
from sluice.preflight.not_applied import NotApplied

FLAGS = (
    *("image", "instance_type", "instance_count", "region", "model", "model_config", "model_data", "network_isolation"),
    *("ami", "startup_seconds", "download_seconds", "volume_gb"),
)


@dataclass(frozen=True)
class CheckResult:
    """What was looked at, what was found, what its file asks not to be told, and what could not be looked at."""

    subject: str
    findings: Iterable[Finding]
    silences: tuple[Suppression, ...] = ()
    not_applied: tuple[NotApplied, ...] = ()

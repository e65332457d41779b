"""What a start should take, phase by phase, each figure with where it comes from and whether it is an assumption.

The figures are `tables/loading.json`: the span between the fastest and the slowest published case. The image is pulled
and the model downloaded side by side, so all phases together take less than their sum.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from sluice.lmi import tables
from sluice.lmi.model import ModelFacts

Timeout = Literal["", "download_seconds", "startup_seconds"]

MEASURED_ON = {"baseline_gbps": 5.0, "peak_gbps": 10.0}  # ml.g6.2xlarge, where AWS measured the download
FASTEST_GBPS = 25.0  # one download is not known to use more
MEASURED_LAYERS = 32  # of the models whose compilation was measured
DOWNLOAD = "model download"
GROWS_WITH_LAYERS = {"torch.compile", "CUDA graphs"}


@dataclass(frozen=True)
class Phase:
    name: str
    seconds_low: float
    seconds_high: float
    source: str  # the cases behind it, with their link
    assumed: bool  # carried over from other hardware, or not measured by itself
    within: Timeout = ""  # the variant's timeout that runs meanwhile; none runs during provisioning and pull


def estimate_phases(model: ModelFacts | None, instance_type: str, options: Mapping[str, str]) -> list[Phase]:
    """The phases of one start in their order; without a model, those that do not depend on its size.

    `options` are the container's, by lower-case names without OPTION_. An instance type that is not known counts as
    one with the network of ml.g6.2xlarge.
    """
    eager = options.get("enforce_eager", "").strip().lower() == "true"
    skipped = GROWS_WITH_LAYERS if eager else set()
    rows = [row for row in tables.rows("loading") if row["phase"] not in skipped]
    return [phase for row in rows for phase in _phase(row, model, instance_type)]


def total_seconds(of: list[Phase], within: Timeout) -> tuple[float, float]:
    """The least and the most that the phases within one timeout take together."""
    matching = [phase for phase in of if phase.within == within]
    return sum(phase.seconds_low for phase in matching), sum(phase.seconds_high for phase in matching)


def _phase(row: tables.Row, model: ModelFacts | None, instance_type: str) -> Iterator[Phase]:
    name, low, high, assumed = row["phase"], float(row["low"]), float(row["high"]), row["assumed"]
    if row["unit"] == "bytes a second":
        if model is None:
            return
        always, at_best = _network(instance_type) if name == DOWNLOAD else (1.0, 1.0)
        low, high = model.weights_bytes / (high * at_best), model.weights_bytes / (low * always)
    elif name in GROWS_WITH_LAYERS and model is not None and model.layers > MEASURED_LAYERS:
        high, assumed = high * model.layers / MEASURED_LAYERS, True
    yield Phase(name, low, high, f"{row['basis']} ({row['url']})", assumed, row["within"])


def _network(instance_type: str) -> tuple[float, float]:
    """How much faster than the measured one this instance's network is: always, and while its burst lasts."""
    row = tables.by("networks", "instance").get(instance_type, MEASURED_ON)
    always, at_best = (min(float(row[key]), FASTEST_GBPS) / measured for key, measured in MEASURED_ON.items())
    return always, max(always, at_best)

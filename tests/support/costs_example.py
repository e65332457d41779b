"""A release and what it should cost, for tests of the estimate and of `sluice plan`."""

from pathlib import Path

from sluice.config.model import PipelineConfig, load
from sluice.lmi import model
from sluice.pipelines import costs
from sluice.pipelines.costs import Cost, Estimate, StepEstimate

SHIPPED = Path(__file__).parents[2] / "pipeline.yaml"
QWEN = model.find_model("Qwen/Qwen3-4B-Instruct-2507")


def release(**changes) -> PipelineConfig:
    config = load(SHIPPED)
    sections = {
        name: value if not isinstance(value, dict) else getattr(config, name).model_copy(update=value)
        for name, value in changes.items()
        if name != "prices"
    }
    return config.model_copy(update=sections | ({"prices": changes["prices"]} if "prices" in changes else {}))


def estimated(week_hours=50.0, turns=34, **changes) -> Estimate:
    return costs.estimate_release(release(**changes), QWEN, turns, week_hours)


def cost(found: Estimate, what: str, per: str | None = None) -> Cost:
    return next(each for each in found.costs if each.what == what and per in (None, each.per))


def step(found: Estimate, name: str) -> StepEstimate:
    return next(each for each in found.steps if each.name == name)

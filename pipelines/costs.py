"""What a release takes and what it costs: minutes and money, each figure with where it comes from, assumptions named.

Everything is a span: between what was published for such starts and what has been seen at worst. Prices are the dated
table's, or the file's own.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sluice.config.model import PipelineConfig
from sluice.evaluation.cases.case import Case
from sluice.lmi import startup_time, tables
from sluice.lmi.environment import format_scalar
from sluice.lmi.model import ModelFacts
from sluice.lmi.startup_time import Phase
from sluice.pipelines.images import DEPLOY_INSTANCE
from sluice.pipelines.occurrences import HOURS_A_MONTH, per_month

HOME_REGION = "us-east-1"
WEEKS_A_MONTH = HOURS_A_MONTH / 168
SIDE_BY_SIDE = {"image pull", startup_time.DOWNLOAD}
Per = Literal["release", "hour", "month"]

# Beside what the model needs to load: what was assumed, in seconds.
SMALL_JOB = Phase("a small instance is found and its image pulled", 120, 300, "no figure was found", True)
CHAMPION = "the live version is replayed, if its report does not fit"
REGISTER = Phase("the version is registered", 1, 10, "one API call", True)
TOKENS_A_SECOND = (20.0, 60.0)  # of one answer, on one card
ANSWER = 0.25  # the share of max_tokens that a short answer takes


@dataclass(frozen=True)
class Price:
    usd_per_hour: float
    source: str
    assumed: bool


@dataclass(frozen=True)
class Cost:
    what: str
    per: Per
    low: float  # USD
    high: float
    how: str
    assumed: bool  # whether anything in it is


@dataclass(frozen=True)
class StepEstimate:
    """One step of the way, and how long it should take."""

    name: str
    phases: tuple[Phase, ...]

    @property
    def low(self) -> float:
        return self._whole(lambda phase: phase.seconds_low)

    @property
    def high(self) -> float:
        return self._whole(lambda phase: phase.seconds_high)

    def _whole(self, seconds: Callable[[Phase], float]) -> float:
        """Add up all phases, but of those that run side by side only the longest."""
        beside = [seconds(phase) for phase in self.phases if phase.name in SIDE_BY_SIDE]
        return sum(seconds(phase) for phase in self.phases) - sum(beside) + max(beside, default=0.0)


@dataclass(frozen=True)
class Estimate:
    steps: tuple[StepEstimate, ...]
    costs: tuple[Cost, ...]
    prices: Mapping[str, Price]
    unpriced: tuple[str, ...]  # instance types whose price is not known
    as_of: str
    week_hours: float


def estimate_release(config: PipelineConfig, model: ModelFacts | None, turns: int, week_hours: float) -> Estimate:
    """Estimate a release of this model, judged by so many turns, repeats counted (`count_turns`).

    Scaled down, it would run `week_hours` a week.
    """
    steps = tuple(estimate_steps(config, model, turns))
    types = (config.evaluation.instance_type, config.deployment.instance_type, DEPLOY_INSTANCE)
    price_of = {name: find_price(name, config.region, config.prices) for name in dict.fromkeys(types)}
    prices = {name: each for name, each in price_of.items() if each is not None}
    return Estimate(
        steps,
        tuple(list_costs(config, {step.name: step for step in steps}, prices, week_hours)),
        prices,
        tuple(name for name, each in price_of.items() if each is None),
        tables.read("prices")["as_of"],
        week_hours,
    )


def count_turns(cases: Iterable[Case], repeats: int) -> int:
    """Count all turns that a replay asks: each case as often as it, or the file, says at least."""
    return sum(len(case.turns) * max(case.repeats, repeats) for case in cases)


def find_price(instance: str, region: str, own: Mapping[str, float]) -> Price | None:
    """Return one instance's price; where the region has none in the table, us-east-1's as an assumption."""
    if instance in own:
        return Price(own[instance], "pipeline.yaml, prices", False)
    listed = {row["region"]: row for row in tables.rows("prices") if row["instance"] == instance}
    row = listed.get(region) or listed.get(HOME_REGION)
    if row is None:
        return None
    as_of = tables.read("prices")["as_of"]
    elsewhere = "" if row["region"] == region else f", the price of {row['region']}"
    return Price(row["usd_per_hour"], f"table of {as_of}{elsewhere}", bool(row["assumed"]) or bool(elsewhere))


def estimate_steps(config: PipelineConfig, model: ModelFacts | None, turns: int) -> Iterator[StepEstimate]:
    options = {name: format_scalar(value) for name, value in config.lmi.options.items()}
    evaluation = config.evaluation
    replay = replay_phase(turns, evaluation.max_tokens, evaluation.concurrency)
    again = replace(replay, name=CHAMPION, seconds_low=0.0) if evaluation.gate.champion else None
    yield StepEstimate("Register", (REGISTER,))
    if evaluation.target == "job":
        start = startup_time.estimate_phases(model, evaluation.instance_type, options)
        shared = replay_phase(turns, evaluation.max_tokens, evaluation.concurrency, evaluation.instances)
        phases = (*start, shared)
    else:
        phases = (SMALL_JOB, replay)
    yield StepEstimate("Evaluate", (*phases, again) if again else phases)
    start = startup_time.estimate_phases(model, config.deployment.instance_type, options)
    drain = config.deployment.drain_seconds
    drained = Phase("the old endpoint answers what is under way", 0, drain, "pipeline.yaml, drain_seconds", False)
    yield StepEstimate("Deploy", (SMALL_JOB, *start, replay, drained))


def replay_phase(turns: int, max_tokens: int, concurrency: int, machines: int = 1) -> Phase:
    slow, fast = TOKENS_A_SECOND
    at_once = concurrency * machines
    least = turns * max_tokens * ANSWER / fast / at_once
    most = turns * max_tokens / slow / at_once
    source = f"{slow:.0f} to {fast:.0f} tokens a second and answer, {at_once} chats at a time"
    return Phase(f"{turns} turns are replayed", least, most, source, True)


def list_costs(
    config: PipelineConfig, steps: Mapping[str, StepEstimate], prices: Mapping[str, Price], week_hours: float
) -> Iterator[Cost]:
    judged_on = config.evaluation.instance_type if config.evaluation.target == "job" else DEPLOY_INSTANCE
    yield from job_costs("evaluation job", judged_on, steps["Evaluate"], prices, config.evaluation.instances)
    yield from job_costs("deploy job", DEPLOY_INSTANCE, steps["Deploy"], prices)
    hosted = prices.get(config.deployment.instance_type)
    if hosted is None:
        return
    count = config.deployment.instance_count
    hour = hosted.usd_per_hour * count
    how = f"{count} x {config.deployment.instance_type} at {hosted.usd_per_hour:.3f} USD an hour"
    yield Cost("endpoint", "hour", hour, hour, how, hosted.assumed)
    month = hour * HOURS_A_MONTH
    yield Cost("endpoint, always on", "month", month, month, f"{HOURS_A_MONTH} hours", hosted.assumed)
    fewer = hour * week_hours * WEEKS_A_MONTH
    yield Cost("endpoint, scaled down", "month", fewer, fewer, f"on for {week_hours:g} hours a week", True)
    yield from redeploy_costs(config, steps["Deploy"], prices, hour)


def job_costs(
    what: str, instance: str, step: StepEstimate, prices: Mapping[str, Price], machines: int = 1
) -> Iterator[Cost]:
    price = prices.get(instance)
    if price is not None:
        hour = price.usd_per_hour * machines
        low, high = step.low / 3600 * hour, step.high / 3600 * hour
        on = instance if machines == 1 else f"{machines} x {instance}"
        how = f"{format_minutes(step.low, step.high)} on {on} at {price.usd_per_hour:.3f} USD an hour"
        yield Cost(what, "release", low, high, how, price.assumed or any(phase.assumed for phase in step.phases))


def redeploy_costs(
    config: PipelineConfig, step: StepEstimate, prices: Mapping[str, Price], hour: float
) -> Iterator[Cost]:
    """Yield what scheduled re-deploys cost: while the new endpoint comes up, the old one is still paid for."""
    times = per_month(config.schedule.expression) if config.schedule else None
    if times is None:
        return
    job = prices.get(DEPLOY_INSTANCE)
    both = hour + (job.usd_per_hour if job else 0)
    how = f"{times:.1f} times a month, {format_minutes(step.low, step.high)} with a second endpoint"
    yield Cost(
        "scheduled re-deploys", "month", times * step.low / 3600 * both, times * step.high / 3600 * both, how, True
    )


def format_minutes(low: float, high: float) -> str:
    least, most = round(low / 60), round(high / 60)
    if most < 1:
        return "under 1 min"
    return f"{most} min" if least == most else f"{max(least, 1)} to {most} min" if most > 1 else "about 1 min"


def list_sources(estimate: Estimate) -> Sequence[tuple[str, str, bool]]:
    """Return for each figure what it is, where it comes from, and whether that is an assumption."""
    phases = {phase.name: (phase.source, phase.assumed) for step in estimate.steps for phase in step.phases}
    prices = {f"price of {name}": (each.source, each.assumed) for name, each in estimate.prices.items()}
    scaled = {"scaled down": (f"on for {estimate.week_hours:g} hours a week; Sluice does not scale by itself", True)}
    return [(what, source, assumed) for what, (source, assumed) in (phases | prices | scaled).items()]

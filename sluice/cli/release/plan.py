"""`sluice plan`: what a run would change, take and cost, without changing anything."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from sluice.cli import output
from sluice.cli.release import flow
from sluice.cli.target import Target, target_options
from sluice.config.model import PipelineConfig
from sluice.lmi import model
from sluice.pipelines import costs
from sluice.pipelines.costs import Cost, Estimate, StepEstimate, format_minutes, list_sources
from sluice.pipelines.plan import Change
from sluice.preflight.adapters import pipeline_yaml
from sluice.wording import one_line

SIGNS = {"create": ("+", "green"), "update": ("~", "yellow"), "delete": ("-", "red")}
OFFICE_HOURS = 50


@click.command()
@click.option("--markdown", is_flag=True, help="Print Markdown instead, for a pull request's comment.")
@click.option("--hours-per-week", type=click.FloatRange(0, 168), default=OFFICE_HOURS, show_default=True,
              help="How long the endpoint would be on if it were scaled down.")  # fmt: skip
@output.json_option
@target_options
def plan(config: PipelineConfig, target: Target, as_json: bool, markdown: bool, hours_per_week: float) -> None:
    """Show what a run would change in the account.

    And what it would take and cost on AWS. Nothing is written.
    """
    changes = flow.list_changes(config, target)
    turns = costs.count_turns(config.read_cases(), config.evaluation.repeats)
    # What runs locally is a stand-in; time and money are those of the model that the file names.
    facts = model.find_model(config.model.id) if target.name == "local" else pipeline_yaml.read_model_facts(config)
    estimate = costs.estimate_release(config, facts, turns, hours_per_week)
    if as_json:
        output.print_json(to_json(changes, estimate))
    elif markdown:
        click.echo("\n".join(to_markdown(config, changes, estimate)))
    else:
        print_text(changes, estimate)


def print_text(changes: Sequence[Change], estimate: Estimate) -> None:
    if not changes:
        output.say("Nothing would change: the account has what the file says.")
    for change in changes:
        sign, colour = SIGNS[change.kind]
        output.console().print(f"[{colour}]{sign}[/] {output.safe(describe_change(change))}", soft_wrap=True)
    output.say("\nOn AWS a release would take (not verified there)")
    output.print_table(["step", "time", ""], [[step.name, span(step), phases(step)] for step in estimate.steps])
    output.say(f"\nand cost, at prices of {estimate.as_of} (`prices:` in the file says otherwise)")
    output.print_table(
        ["what", "USD", "", ""], [[cost.what, money(cost), per(cost), describe_cost(cost)] for cost in estimate.costs]
    )
    for instance in estimate.unpriced:
        output.say(f"No price of {instance} is known: name it under `prices:`.")
    output.say("\nWhere the figures come from:")
    for what, source, assumed in list_sources(estimate):
        output.say(f"  {what}{' (assumed)' if assumed else ''}: {source}")


def to_markdown(config: PipelineConfig, changes: Sequence[Change], estimate: Estimate) -> list[str]:
    lines = [f"### sluice plan: {config.name}", ""]
    lines += (
        ["```diff", *(f"{marks(change)} {describe_change(change)}" for change in changes), "```"]
        if changes
        else ["Nothing would change: the account has what the file says."]
    )
    lines += ["", "| step | time | of which |", "|---|---|---|"]
    lines += [f"| {step.name} | {span(step)} | {cell(phases(step))} |" for step in estimate.steps]
    lines += ["", f"| cost (prices of {estimate.as_of}) | USD | how |", "|---|---|---|"]
    lines += [f"| {cost.what} | {money(cost)} {per(cost)} | {cell(describe_cost(cost))} |" for cost in estimate.costs]
    lines += ["", "<details><summary>Where the figures come from</summary>", ""]
    lines += [
        f"- {what}{' (assumed)' if assumed else ''}: {source}" for what, source, assumed in list_sources(estimate)
    ]
    return [*lines, "", "</details>"]


def to_json(changes: Sequence[Change], estimate: Estimate) -> dict[str, Any]:
    return {
        "changes": [{"kind": each.kind, **each.__dict__} for each in changes],
        "steps": [asdict(step) | {"seconds_low": step.low, "seconds_high": step.high} for step in estimate.steps],
        "costs": [asdict(cost) for cost in estimate.costs],
        "prices": {name: asdict(each) for name, each in estimate.prices.items()},
        "unpriced": list(estimate.unpriced),
        "as_of": estimate.as_of,
        "sources": [
            {"what": what, "source": source, "assumed": assumed} for what, source, assumed in list_sources(estimate)
        ],
    }


def describe_change(change: Change) -> str:
    if change.kind != "update":
        return f"{change.kind} {change.resource}"
    return f"change {change.resource}  {change.path}: {value_of(change.before)} -> {value_of(change.after)}"


def marks(change: Change) -> str:
    """The sign that a diff is coloured by: it knows no ~."""
    return {"create": "+", "update": "!", "delete": "-"}[change.kind]


def value_of(value: Any) -> str:
    return one_line("nothing" if value is None else json.dumps(value, ensure_ascii=False), 120)


def span(step: StepEstimate) -> str:
    return format_minutes(step.low, step.high)


def phases(step: StepEstimate) -> str:
    long = [phase for phase in step.phases if phase.seconds_high >= 30]
    return ", ".join(f"{phase.name} {format_minutes(phase.seconds_low, phase.seconds_high)}" for phase in long)


def money(cost: Cost) -> str:
    return f"{cost.high:,.2f}" if f"{cost.low:.2f}" == f"{cost.high:.2f}" else f"{cost.low:,.2f} to {cost.high:,.2f}"


def per(cost: Cost) -> str:
    return f"{'an' if cost.per == 'hour' else 'a'} {cost.per}"


def describe_cost(cost: Cost) -> str:
    return f"{cost.how}{' (assumed)' if cost.assumed else ''}"


def cell(text: str) -> str:
    return text.replace("|", "\\|")

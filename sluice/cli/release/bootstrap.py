"""`sluice bootstrap`: the account's own things, from infra/stack.yaml."""

import click

from sluice.cli import output
from sluice.cli.target import STACK, Target, apply_stack, target_options
from sluice.config.model import PipelineConfig


@click.command()
@output.json_option
@target_options
def bootstrap(config: PipelineConfig, target: Target, as_json: bool) -> None:
    """Create the bucket, the history table and the roles."""
    stack = apply_stack(target, config)
    if as_json:
        output.print_json({"stack": STACK, "change": stack.change, "outputs": dict(stack.outputs)})
        return
    output.say(f"Stack {STACK} in {target.region}: {stack.change}.")
    output.print_table(["what", "name"], sorted(stack.outputs.items()))

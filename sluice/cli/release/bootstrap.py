"""`sluice bootstrap`: the account's own things, from infra/stack.yaml."""

import click

from sluice.cli import output
from sluice.cli.target import STACK, Target, applied, options
from sluice.config.model import PipelineConfig


@click.command()
@output.json_option
@options
def bootstrap(config: PipelineConfig, target: Target, as_json: bool) -> None:
    """Create the bucket, the history table and the roles."""
    done = applied(target, config)
    if as_json:
        output.document({"stack": STACK, "change": done.change, "outputs": dict(done.outputs)})
        return
    output.say(f"Stack {STACK} in {target.region}: {done.change}.")
    output.table(["what", "name"], sorted(done.outputs.items()))

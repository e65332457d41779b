"""`sluice bootstrap`: the account's own things, from infra/stack.yaml."""

import click

from cli import show
from cli.target import STACK, Target, applied, options
from pipelines.config import PipelineConfig


@click.command()
@show.json_option
@options
def bootstrap(config: PipelineConfig, target: Target, as_json: bool) -> None:
    """Create the bucket, the history table and the roles."""
    done = applied(target, config)
    if as_json:
        show.document({"stack": STACK, "change": done.change, "outputs": dict(done.outputs)})
        return
    show.say(f"Stack {STACK} in {target.region}: {done.change}.")
    show.table(["what", "name"], sorted(done.outputs.items()))

"""`sluice demo`: the whole way on this machine, in the order in which an operator would go it."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from sluice import shipped
from sluice.cli import output
from sluice.cli.demo.chat import Server, history_of, questions
from sluice.cli.evaluation.report_output import report_of, saved, show_failed_cases
from sluice.cli.local import local_aws
from sluice.cli.release import approve, flow, progress, run, versions
from sluice.cli.target import STACK, Target, open_target, place, read, state_folder
from sluice.config.model import PipelineConfig
from sluice.errors import SluiceError, UsageError
from sluice.extras import require_extras
from sluice.pipelines import executions
from sluice.registry import packages

WORSE = "shipped:worse"
USER = "mina"


class DemoFailed(SluiceError):
    """Something did not go as the demo says it goes."""


@click.command()
@click.option("--keep", is_flag=True, help="Leave everything running at the end.")
@click.option(
    "--file", "-f", type=click.Path(path_type=Path),
    help="What to release.  [default: pipeline.yaml, or the one that comes with Sluice]",
)  # fmt: skip
def demo(keep: bool, file: Path | None) -> None:
    """Show the whole way on this machine, then clean up."""
    require_extras("local", "serve", "pipeline")
    if local_aws.status().running:
        raise UsageError(
            "A local AWS is running already, perhaps from `make demo KEEP=1`; the demo wants an empty one.",
            f"Stop it with `{locate_command('sluice')} local down`. What it holds is in memory and is gone then.",
        )
    started = time.monotonic()
    config = read(file or release_file(), "local")
    with stopped_at_the_end(keep):
        target = prepare(config)
        good = released(config, target)
        approved(config, target, good)
        with Server() as server:
            chatted(config, target, server)
            worse(config, target)
            still_live(config, target, server, good)
        ended(config, target, keep)
    output.say(f"\nDone in {time.monotonic() - started:.0f} s." + ("" if keep else " Everything is stopped."))


def release_file() -> Path:
    """Returns this folder's pipeline.yaml, or where there is none the one that travels with Sluice."""
    here = Path("pipeline.yaml")
    return here if here.exists() else shipped.find_file("pipeline.yaml")


def title(number: int, text: str) -> None:
    output.console().print(f"\n[bold]{number}. {output.safe(text)}[/]")


def expect(holds: bool, what: str) -> None:
    if not holds:
        raise DemoFailed(f"The demo went wrong: {what}", "`make demo KEEP=1` leaves everything running to look at.")


@contextmanager
def stopped_at_the_end(keep: bool) -> Iterator[None]:
    """The local AWS and all that runs in it, whatever happens on the way."""
    try:
        yield
    except progress.Interrupted:
        if keep:
            raise
        raise KeyboardInterrupt from None  # nothing goes on without the local AWS
    finally:
        if not keep:
            local_aws.stopped()


def prepare(config: PipelineConfig) -> Target:
    title(1, "The local AWS comes up")
    target = open_target("local", config)
    where = place(target, config)
    output.say(f"  {target.endpoint_url}, stack {STACK}: bucket {where.bucket}, table {config.history.table},")
    output.say(f"  roles {where.role_arn.rpartition('/')[2]} and {where.trigger_role_arn.rpartition('/')[2]}")
    return target


def released(config: PipelineConfig, target: Target) -> packages.Package:
    title(2, f"Release: {config.name} becomes a pipeline, and version 1 must answer its chat cases")
    output.say("  compiling pipeline.yaml (the SageMaker SDK takes a few seconds, the first time only) ...")
    flow.submitted(config, target, None)
    arn = flow.started(config, target)
    output.say(f"  execution 1 of {config.release_pipeline} has started")
    package = run.released(target, progress.until_over(target, arn))
    assert package is not None
    expect(package.verdict == "pass", f"version {package.version} did not pass: {package.verdict_why}")
    output.say(f"  version {package.version}: {package.verdict}. {report_of(target, package)['summary']}")
    return package


def approved(config: PipelineConfig, target: Target, package: packages.Package) -> None:
    output.say(f"\n  An operator reads the report and approves it: sluice approve {package.version}")
    approve.give(config, target, package, why="Read the report.", wait=True)
    live = packages.live(target.sagemaker, config.registry.group)
    variant = endpoint_variant(target, live.endpoint_name)
    expect(live.version == package.version, f"version {live.version} is live, not {package.version}")
    output.say(f"  endpoint {live.endpoint_name} is InService on {variant}")


def endpoint_variant(target: Target, endpoint: str) -> str:
    told = target.sagemaker.describe_endpoint(EndpointName=endpoint)
    settings = target.sagemaker.describe_endpoint_config(EndpointConfigName=told["EndpointConfigName"])
    return str(settings["ProductionVariants"][0]["InstanceType"])


def chatted(config: PipelineConfig, target: Target, server: Server) -> None:
    title(3, f"Chat: the RAG server answers {USER}, in Korean and English, from the employee handbook")
    output.say(f"  {server.url}; documents: {', '.join(server.upload_handbook())}")
    for question in questions():
        answer = server.ask(USER, question.text)
        expect(question.expect in answer.text, f"{question.text!r} was answered with {answer.text!r}")
        if question.follow_up:
            output.say("    (only the history says this: the name was told in an earlier turn)")
    output.say(f"\n  The last three turns of {USER}, as they lie in the DynamoDB table {config.history.table}:")
    output.table(["  turn", "question", "answer", "version"], history_of(target, config.history.table, USER))


def worse(config: PipelineConfig, target: Target) -> None:
    title(4, "A worse checkpoint is released: the gate must stay closed")
    flow.submitted(run.with_model(config, WORSE), target, None)
    arn = flow.started(config, target)
    output.say(f"  execution 2 of {config.release_pipeline} has started")
    execution = executions.watch(target.sagemaker, arn, progress.Watched(), interval=0.2)
    package = run.released(target, execution)
    expect(package is not None and package.verdict == "fail", f"the gate let it through: {execution.status}")
    assert package is not None
    expect(package.approval == "Rejected", f"version {package.version} is {package.approval}")
    told = report_of(target, package)
    output.say(f"  version {package.version} is rejected. {told['summary']}")
    show_failed_cases(told, most=3)


def still_live(config: PipelineConfig, target: Target, server: Server, good: packages.Package) -> None:
    live = packages.live(target.sagemaker, config.registry.group)
    expect(live.version == good.version, f"version {live.version} is live")
    output.say(f"\n  Version {live.version} is still live, and still answers:")
    first = questions()[0]
    expect(first.expect in server.ask("yuna", first.text).text, "it does not answer as before")


def near(path: Path) -> str:
    return os.path.relpath(path)


def locate_command(name: str) -> str:
    """What to type for a command of the environment that the demo runs in: `.venv/bin/sluice`."""
    return near(Path(sys.prefix) / "bin" / name)


def ended(config: PipelineConfig, target: Target, keep: bool) -> None:
    title(5, "What there is now")
    found = versions.found(target.sagemaker, config.registry.group, 20)
    versions.table(found)
    output.say()
    for package in found:
        kept = saved(report_of(target, package), package.version)
        output.say(f"  report of version {package.version}: {package.report}, a copy in {near(kept)}")
    sluice, mlflow = locate_command("sluice"), locate_command("mlflow")
    output.say(f"  MLflow runs: {mlflow} ui --backend-store-uri sqlite:///{near(state_folder() / 'mlflow.db')}")
    output.say(f"  what the RAG server logged: {near(state_folder() / 'rag-server.log')}")
    output.say("\n  Next:")
    activate = "" if keep else "   (starts a local AWS of its own, empty)"
    look_around = ("versions", "status", 'chat "안녕하세요"', "check --target aws   (reads your AWS account)", "--help")
    for arguments in (f"run{activate}", "approve", *look_around):
        output.say(f"    {sluice} {arguments}")
    if keep:
        output.say(f"    {sluice} serve        (the RAG server of the demo is stopped)")
        output.say(f"    {sluice} local down   when you have seen enough")

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
from sluice.cli.demo.chat import Server, load_questions, read_history
from sluice.cli.evaluation.report_output import read_report, save_copy, show_failed_cases
from sluice.cli.local import local_aws
from sluice.cli.release import approve, flow, progress, run, versions
from sluice.cli.state import state_folder
from sluice.cli.target import STACK, Target, open_target, read_config, require_stack
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
    if local_aws.read_status().running:
        raise UsageError(
            "A local AWS is running already, perhaps from `make demo KEEP=1`; the demo wants an empty one.",
            f"Stop it with `{locate_command('sluice')} local down`. What it holds is in memory and is gone then.",
        )
    started = time.monotonic()
    file = file or release_file()
    config = read_config(file, "local")
    with stop_at_the_end(keep):
        target = prepare(config)
        good = release_first(config, target)
        approve_first(config, target, good)
        with Server(file) as server:
            show_chat(config, target, server)
            release_worse(config, target)
            show_still_live(config, target, server, good)
        show_summary(config, target, keep)
    output.say(f"\nDone in {time.monotonic() - started:.0f} s." + ("" if keep else " Everything is stopped."))


def release_file() -> Path:
    """Returns this folder's pipeline.yaml, or where there is none the one that travels with Sluice."""
    default = Path("pipeline.yaml")
    return default if default.exists() else shipped.find_file("pipeline.yaml")


def title(number: int, text: str) -> None:
    output.console().print(f"\n[bold]{number}. {output.safe(text)}[/]")


def expect(holds: bool, what: str) -> None:
    if not holds:
        raise DemoFailed(f"The demo went wrong: {what}", "`make demo KEEP=1` leaves everything running to look at.")


@contextmanager
def stop_at_the_end(keep: bool) -> Iterator[None]:
    """The local AWS and all that runs in it, whatever happens on the way."""
    try:
        yield
    except progress.Interrupted:
        if keep:
            raise
        raise KeyboardInterrupt from None  # nothing goes on without the local AWS
    finally:
        if not keep:
            local_aws.stop()


def prepare(config: PipelineConfig) -> Target:
    title(1, "The local AWS comes up")
    target = open_target("local", config)
    where = require_stack(target, config)
    output.say(f"  {target.endpoint_url}, stack {STACK}: bucket {where.bucket}, table {config.history.table},")
    output.say(f"  roles {where.role_arn.rpartition('/')[2]} and {where.trigger_role_arn.rpartition('/')[2]}")
    return target


def release_first(config: PipelineConfig, target: Target) -> packages.Package:
    title(2, f"Release: {config.name} becomes a pipeline, and version 1 must answer its chat cases")
    output.say("  compiling pipeline.yaml (the SageMaker SDK takes a few seconds, the first time only) ...")
    flow.submit_release(config, target, None)
    arn = flow.start_execution(config, target)
    output.say(f"  execution 1 of {config.release_pipeline} has started")
    package = run.find_package(target, progress.follow_to_success(target, arn))
    assert package is not None
    expect(package.verdict == "pass", f"version {package.version} did not pass: {package.verdict_why}")
    output.say(f"  version {package.version}: {package.verdict}. {read_report(target, package)['summary']}")
    return package


def approve_first(config: PipelineConfig, target: Target, package: packages.Package) -> None:
    output.say(f"\n  An operator reads the report and approves it: sluice approve {package.version}")
    approve.approve_and_follow(config, target, package, why="Read the report.", wait=True)
    live = packages.find_live(target.sagemaker, config.registry.group)
    variant = endpoint_variant(target, live.endpoint_name)
    expect(live.version == package.version, f"version {live.version} is live, not {package.version}")
    output.say(f"  endpoint {live.endpoint_name} is InService on {variant}")


def endpoint_variant(target: Target, endpoint: str) -> str:
    description = target.sagemaker.describe_endpoint(EndpointName=endpoint)
    settings = target.sagemaker.describe_endpoint_config(EndpointConfigName=description["EndpointConfigName"])
    return str(settings["ProductionVariants"][0]["InstanceType"])


def show_chat(config: PipelineConfig, target: Target, server: Server) -> None:
    title(3, f"Chat: the RAG server answers {USER}, in Korean and English, from the employee handbook")
    output.say(f"  {server.url}; documents: {', '.join(server.upload_handbook())}")
    for question in load_questions():
        answer = server.post_question(USER, question.text)
        expect(question.expect in answer.text, f"{question.text!r} was answered with {answer.text!r}")
        if question.follow_up:
            output.say("    (only the history says this: the name was told in an earlier turn)")
    output.say(f"\n  The last three turns of {USER}, as they lie in the DynamoDB table {config.history.table}:")
    output.print_table(["  turn", "question", "answer", "version"], read_history(target, config.history.table, USER))


def release_worse(config: PipelineConfig, target: Target) -> None:
    title(4, "A worse checkpoint is released: the gate must stay closed")
    flow.submit_release(run.with_model(config, WORSE), target, None)
    arn = flow.start_execution(config, target)
    output.say(f"  execution 2 of {config.release_pipeline} has started")
    execution = executions.watch_execution(target.sagemaker, arn, progress.ProgressPrinter(), interval=0.2)
    package = run.find_package(target, execution)
    expect(package is not None and package.verdict == "fail", f"the gate let it through: {execution.status}")
    assert package is not None
    expect(package.approval == "Rejected", f"version {package.version} is {package.approval}")
    report = read_report(target, package)
    output.say(f"  version {package.version} is rejected. {report['summary']}")
    show_failed_cases(report, most=3)


def show_still_live(config: PipelineConfig, target: Target, server: Server, good: packages.Package) -> None:
    live = packages.find_live(target.sagemaker, config.registry.group)
    expect(live.version == good.version, f"version {live.version} is live")
    output.say(f"\n  Version {live.version} is still live, and still answers:")
    first = load_questions()[0]
    expect(first.expect in server.post_question("yuna", first.text).text, "it does not answer as before")


def relative(path: Path) -> str:
    return os.path.relpath(path)


def locate_command(name: str) -> str:
    """What to type for a command of the environment that the demo runs in: `.venv/bin/sluice`."""
    return relative(Path(sys.prefix) / "bin" / name)


def show_summary(config: PipelineConfig, target: Target, keep: bool) -> None:
    title(5, "What there is now")
    listing = versions.list_versions(target.sagemaker, config.registry.group, 20)
    versions.print_versions(listing)
    output.say()
    for package in listing:
        copy = save_copy(read_report(target, package), package.version)
        output.say(f"  report of version {package.version}: {package.report}, a copy in {relative(copy)}")
    sluice, mlflow = locate_command("sluice"), locate_command("mlflow")
    output.say(f"  MLflow runs: {mlflow} ui --backend-store-uri sqlite:///{relative(state_folder() / 'mlflow.db')}")
    output.say(f"  what the RAG server logged: {relative(state_folder() / 'rag-server.log')}")
    output.say("\n  Next:")
    if config.file and config.file.parent == shipped.FOLDER:  # there is none in this folder, and all of these read one
        output.say(f"    cp -RL {shipped.FOLDER}/pipeline.yaml {shipped.FOLDER}/cases .   (what the demo has released)")
    activate = "" if keep else "   (starts a local AWS of its own, empty)"
    look_around = ("versions", "status", 'chat "안녕하세요"', "check --target aws   (reads your AWS account)", "--help")
    for arguments in (f"run{activate}", "approve", *look_around):
        output.say(f"    {sluice} {arguments}")
    if keep:
        output.say(f"    {sluice} serve        (the RAG server of the demo is stopped)")
        output.say(f"    {sluice} local down   when you have seen enough")

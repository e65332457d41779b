"""An execution as it runs: a line when a step starts, a line when it ends, and how it ended."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sluice.cli import output
from sluice.cli.target import Target
from sluice.errors import SluiceError
from sluice.pipelines import executions
from sluice.pipelines.executions import Execution, ExecutionStep
from sluice.registry import packages
from sluice.wording import one_line

SLOW = ("Processing",)  # the only steps that take long enough for their start to be news


class ExecutionFailed(SluiceError):
    """The execution did not end well; the steps above it were already shown."""


class NotLive(SluiceError):
    """The deployment ended well, and yet its version is not the live one."""


class Interrupted(SluiceError):
    """Somebody pressed Ctrl-C while something went on that does not end with the command."""

    exit_code = 130


class ProgressPrinter:
    """Prints what has changed since it was last called."""

    def __init__(self) -> None:
        self._printed: set[tuple[str, str]] = set()

    def __call__(self, execution: Execution) -> None:
        for step in execution.steps:
            ended = step.ended is not None
            news = (step.name, "ended" if ended else "started")
            if news in self._printed or not (ended or step.kind in SLOW):
                continue
            self._printed.add(news)
            output.console().print(format_step(step), soft_wrap=True)


def format_step(step: ExecutionStep) -> str:
    mark, colour = {"Succeeded": ("✓", "green"), "Failed": ("✗", "red"), "Stopped": ("✗", "red")}.get(
        step.status, ("…", "yellow")
    )
    took = output.seconds(step.seconds) if step.ended else ""
    outcome = {"True": "(yes)", "False": "(no)"}.get(step.outcome, "")
    # A closed gate's reasons are told whole when the execution is over.
    why = f"  {output.safe(one_line(step.failure, 120))}" if step.failure and step.kind != "Fail" else ""
    return f"  [{colour}]{mark}[/] {step.name:<11}{step.status:<11}{took:>8} {outcome}{why}"


def follow_to_success(target: Target, arn: str) -> Execution:
    """Show an execution until it is over. Raises ExecutionFailed if it did not succeed."""
    execution = follow(target, arn, ProgressPrinter())
    if not execution.ended_well:
        raise ExecutionFailed(
            f"Execution {execution.id} of {execution.pipeline}: {execution.status}. {reason(execution)}".rstrip(),
            "`sluice status` shows what is live; it is not touched by this." if execution.status == "Failed" else "",
        )
    return execution


def follow(target: Target, arn: str, on_change: Callable[[Execution], None]) -> Execution:
    """Call `on_change` for each change until the execution is over, however it ends; return its last state."""
    execution_id, pipeline = arn.rpartition("/")[2], executions.pipeline_name(arn)
    with explain_interrupt(
        f"Execution {execution_id} of {pipeline} goes on.",
        f"`{command(target, 'stop', execution_id)}` stops it; `{command(target, 'status')}` shows how far it is.",
    ):
        return executions.watch_execution(target.sagemaker, arn, on_change, interval(target))


def interval(target: Target) -> float:
    """Seconds between two looks at an execution."""
    return 0.2 if target.name == "local" else 5.0


@contextmanager
def explain_interrupt(message: str, hint: str) -> Iterator[None]:
    """Turn Ctrl-C into an error that says what goes on without the command, and what stops it."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(message, hint) from None


def command(target: Target, *words: str) -> str:
    """A command of Sluice as it is typed to mean the same account."""
    return " ".join(["sluice", *words, *(["--target aws"] if target.name == "aws" else [])])


def show_live(target: Target, package: packages.Package, execution: Execution) -> None:
    """Say that a deployment has put its version live. Raises NotLive, with the step's own words, if it has not."""
    live = packages.find_champion(target.sagemaker, package.group)
    if live and live.arn == package.arn:
        output.say(f"Version {live.version} is live on the endpoint {live.endpoint_name}.")
        return
    instead = f"version {live.version} is, on the endpoint {live.endpoint_name}" if live else "no version is"
    raise NotLive(
        f"Version {package.version} is not live; {instead}. {exit_message(target, execution)}".rstrip(),
        f"`sluice deploy --version {package.version}` puts it live.",
    )


def exit_message(target: Target, execution: Execution) -> str:
    """What the Deploy step wrote when it ended, or nothing."""
    deploy = execution.step("Deploy")
    if deploy is None or not deploy.resource:
        return ""
    job = target.sagemaker.describe_processing_job(ProcessingJobName=deploy.resource.rpartition("/")[2])
    return str(job.get("ExitMessage", ""))


def reason(execution: Execution) -> str:
    failed = [step for step in execution.steps if step.failure]
    closed = execution.step("GateClosed")
    return (closed or failed[0]).failure if failed or closed else execution.failure

"""An execution as it runs: a line when a step starts, a line when it ends, and how it ended."""

from sluice.cli import output
from sluice.cli.target import Target
from sluice.errors import SluiceError
from sluice.pipelines import executions
from sluice.pipelines.executions import Execution, Step

SLOW = ("Processing",)  # the only steps that take long enough for their start to be news


class ExecutionFailed(SluiceError):
    """The execution did not end well; the steps above it were already shown."""


class Watched:
    """Prints what has changed since it was last called."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()

    def __call__(self, execution: Execution) -> None:
        for step in execution.steps:
            ended = step.ended is not None
            news = (step.name, "ended" if ended else "started")
            if news in self._told or not (ended or step.kind in SLOW):
                continue
            self._told.add(news)
            output.console().print(line(step), soft_wrap=True)


def line(step: Step) -> str:
    mark, colour = {"Succeeded": ("✓", "green"), "Failed": ("✗", "red"), "Stopped": ("✗", "red")}.get(
        step.status, ("…", "yellow")
    )
    took = output.seconds(step.seconds) if step.ended else ""
    outcome = {"True": "(yes)", "False": "(no)"}.get(step.outcome, "")
    # A closed gate's reasons are told whole when the execution is over.
    why = f"  {output.safe(output.short(step.failure))}" if step.failure and step.kind != "Fail" else ""
    return f"  [{colour}]{mark}[/] {step.name:<11}{step.status:<11}{took:>8} {outcome}{why}"


def until_over(target: Target, arn: str) -> Execution:
    """Show an execution until it is over. Raises ExecutionFailed if it did not succeed."""
    execution = executions.watch(target.sagemaker, arn, Watched(), interval=0.2 if target.name == "local" else 5.0)
    if not execution.ended_well:
        raise ExecutionFailed(
            f"Execution {execution.id} of {execution.pipeline}: {execution.status}. {reason(execution)}".rstrip(),
            "`sluice status` shows what is live; it is not touched by this." if execution.status == "Failed" else "",
        )
    return execution


def reason(execution: Execution) -> str:
    failed = [step for step in execution.steps if step.failure]
    closed = execution.step("GateClosed")
    return (closed or failed[0]).failure if failed or closed else execution.failure

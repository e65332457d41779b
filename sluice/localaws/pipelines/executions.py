"""Runs a pipeline execution: one thread leads, and each running step has one.

The leader starts what `list_ready_steps` names, as many at a time as allowed (all of them by default), and then sleeps
until a step has ended. When a step fails nothing more is started; steps that already run are left to end, and then the
execution is Failed (AWS documents neither that nor the opposite). Only a retry policy has a step tried again. Stop asks
the running steps to end; Retry keeps what succeeded and starts the rest again.
"""

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sluice.localaws.pipelines.definition_model import StepDefinition
from sluice.localaws.pipelines.interpreter import Retries, Scope, Unresolvable, list_ready_steps
from sluice.localaws.pipelines.step_actions import (
    ACTIONS,
    Json,
    Service,
    StepFailed,
    StepStopped,
    StopSignal,
    unique_name,
)

REASON_LIMIT = 1024


@dataclass
class StepRun:
    """One step of one execution, and how it went."""

    step: StepDefinition
    attempts: int = 0
    status: str = "Starting"
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended: datetime | None = None
    failure_reason: str | None = None
    metadata: Json = field(default_factory=dict)
    output: Json = field(default_factory=dict)
    stop: StopSignal = field(default_factory=StopSignal)

    previous: str = "Starting"  # the status before this one

    def record_resource(self, kind: str, arn: str) -> None:
        self.metadata = {kind: {"Arn": arn}}

    def set_status(self, status: str, reason: str | None = None) -> None:
        self.previous, self.status = self.status, status
        self.failure_reason = reason[:REASON_LIMIT] if reason else None
        if status not in ("Executing", "Stopping"):
            self.ended = datetime.now(UTC)


class Execution:
    """`changed` is called with the run of a step whose status changes, or with the execution's own old status."""

    def __init__(
        self,
        scope: Scope,
        service: Service,
        limit: int | None,
        changed: Callable[["Execution", StepRun | str], None],
        time_scale: float = 1.0,
    ) -> None:
        self.status = "Executing"
        self.failure_reason: str | None = None
        self.runs: dict[str, StepRun] = {}  # in the order of their start
        self.limit = limit
        self.over = threading.Event()
        self._scope, self._service, self._changed, self._time_scale = scope, service, changed, time_scale
        self._ended: queue.SimpleQueue[StepRun] = queue.SimpleQueue()
        self._lock = threading.Lock()

    @property
    def ended(self) -> bool:
        return self.status in ("Succeeded", "Failed", "Stopped")

    def start(self, previous: str = "") -> None:
        name = f"execution {self._scope.execution['PipelineExecutionId']}"
        threading.Thread(target=self._lead, args=(previous,), name=name, daemon=True).start()

    def stop(self) -> bool:
        """Ask the running steps to end; False if the execution has ended."""
        with self._lock:
            if self.status != "Executing":
                return self.status == "Stopping"
            self.status = "Stopping"
            running = [run for run in self.runs.values() if run.ended is None]
            for run in running:
                run.set_status("Stopping")
        self._changed(self, "Executing")
        for run in running:
            self._changed(self, run)
            run.stop.send()
        return True

    def retry(self, limit: int | None) -> bool:
        """Start again what has not succeeded; False unless the execution has failed or was stopped."""
        with self._lock:
            if self.status not in ("Failed", "Stopped"):
                return False
            before, self.status, self.failure_reason = self.status, "Executing", None
            self.runs = {name: run for name, run in self.runs.items() if run.status == "Succeeded"}
            self.limit = limit or self.limit
            self.over.clear()
        self.start(before)
        return True

    def abandon(self) -> None:
        """Stop starting steps and report nothing, for a reset."""
        self._changed = lambda *_: None
        with self._lock:
            self.status = "Stopping"
            running = [run for run in self.runs.values() if run.ended is None]
        for run in running:
            run.stop.send()

    def _lead(self, previous: str) -> None:
        self._changed(self, previous)
        running = 0
        while True:
            running += self._start_what_can(running)
            if not running:
                break
            self._changed(self, self._ended.get())
            running -= 1
        self._conclude()

    def _start_what_can(self, running: int) -> int:
        """How many steps now run in threads of their own; conditions and Fail steps end at once."""
        begun = 0
        while run := self._next(running + begun):
            self._changed(self, run)
            if run.step.type in ACTIONS:
                threading.Thread(target=self._work, args=(run,), name=f"step {run.step.name}", daemon=True).start()
                begun += 1
            else:
                self._decide(run)
                self._changed(self, run)
        return begun

    def _next(self, running: int) -> StepRun | None:
        with self._lock:
            succeeded = [name for name, run in self.runs.items() if run.status == "Succeeded"]
            if self.status != "Executing" or any(run.status == "Failed" for run in self.runs.values()):
                return None
            outcomes = {
                name: run.output["Outcome"] == "True" for name, run in self.runs.items() if "Outcome" in run.output
            }
            for step in list_ready_steps(self._scope.pipeline, self.runs, succeeded, outcomes):
                if self.limit is None or running < self.limit or step.type not in ACTIONS:
                    self.runs[step.name] = StepRun(step, status="Executing")
                    return self.runs[step.name]
            return None

    def _scope_now(self, **variables: str) -> Scope:
        with self._lock:
            outputs = {name: run.output for name, run in self.runs.items() if run.status == "Succeeded"}
        now = format_timestamp(datetime.now(UTC))
        return replace(self._scope, outputs=outputs).with_variables(CurrentDateTime=now, **variables)

    def _decide(self, run: StepRun) -> None:
        """A Condition or Fail step: no work, only an outcome."""
        run.attempts = 1
        scope = self._scope_now()
        try:
            if run.step.type == "Condition":
                outcome = str(scope.holds(run.step))
                run.output = {"Outcome": outcome}
                run.metadata = {"Condition": {"Outcome": outcome}}
                run.set_status("Succeeded")
            else:
                message = str(scope.resolve(run.step.arguments["ErrorMessage"]))
                run.metadata = {"Fail": {"ErrorMessage": message}}
                run.set_status("Failed", message)
        except Unresolvable as error:
            run.set_status("Failed", f"ClientError: {error}")

    def _work(self, run: StepRun) -> None:
        retries = Retries(run.step.retries, time.monotonic(), self._time_scale)
        status, reason = "Failed", ""
        while True:
            run.attempts += 1
            try:
                run.output = self._attempt(run)
                status, reason = "Succeeded", ""
            except StepStopped:
                status, reason = "Stopped", ""
            except StepFailed as failure:
                delay = retries.delay(failure.kind, time.monotonic())
                if delay is not None and not run.stop.requested.wait(delay):
                    continue
                status, reason = "Stopped" if delay is not None else "Failed", str(failure)
            except Unresolvable as error:
                status, reason = "Failed", f"ClientError: {error}"
            except Exception as error:  # the thread ends here: a step that never ends would be worse than any fault
                status, reason = "Failed", f"InternalFailure: {type(error).__name__}: {error}"
            break
        with self._lock:
            run.set_status(status, reason)
        self._ended.put(run)

    def _attempt(self, run: StepRun) -> Json:
        step = run.step
        base = step.arguments.get("ProcessingJobName") if step.type == "Processing" else None
        name = unique_name(
            base or "pipelines", self._scope.execution["PipelineExecutionId"], *([] if base else [step.name])
        )
        arguments = self._scope_now(ProcessingJobName=name).resolve(step.arguments)
        return ACTIONS[step.type](self._service, run, name, arguments)

    def _conclude(self) -> None:
        failed = [run for run in self.runs.values() if run.status == "Failed"]
        with self._lock:
            before = self.status
            if failed:
                self.status, self.failure_reason = "Failed", _describe_failure(failed)
            else:
                self.status = "Stopped" if before == "Stopping" else "Succeeded"
        self._changed(self, before)
        self.over.set()


def _describe_failure(failed: list[StepRun]) -> str:
    """A Fail step's own message; else the service's sentence, and then what it leaves to be looked up."""
    for run in failed:
        if run.step.type == "Fail":
            return run.failure_reason or ""
    reasons = " ".join(f"{run.step.name}: {run.failure_reason}" for run in failed)
    return f"Step failure: One or multiple steps failed. {reasons}"[:REASON_LIMIT]


def format_timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"

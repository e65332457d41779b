"""Logs a judgement to MLflow (SQLite here, a tracking server's URL or ARN on AWS). It may never fail a release.

Importing MLflow and opening its store takes seconds, so both happen in the background while the model server starts.
"""

import importlib.util
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

OPEN_SECONDS = 60.0  # from the beginning; most of it passes while the model server starts
LOG_SECONDS = 20.0
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_LOGGING_LEVEL": "WARNING", "GIT_PYTHON_REFRESH": "quiet"}
HURRY = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "5", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}


class NotLogged(Exception):
    """Why there is no run: a warning in the report."""


class MlflowLog:
    """One experiment in one store, which is being opened since this was made."""

    def __init__(self, uri: str, experiment: str, open_seconds: float = OPEN_SECONDS) -> None:
        self.uri = uri
        self.experiment = experiment
        self._deadline = time.monotonic() + open_seconds
        self._opening = Background(self._open)

    def log(
        self,
        name: str,
        params: Mapping[str, str],
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
        report: Callable[[Mapping[str, str]], str],
    ) -> Mapping[str, str]:
        """Log one run; `report` makes the report's text, once it is known where it was logged. Raises NotLogged."""
        client, experiment_id = self._opening.result(self._deadline - time.monotonic(), self.uri)

        def write() -> Mapping[str, str]:
            from mlflow.entities import Metric, Param

            now = int(time.time() * 1000)
            run_id = client.create_run(experiment_id, run_name=name, tags=dict(tags)).info.run_id
            where = {"tracking_uri": self.uri, "experiment": self.experiment, "run_id": run_id}
            client.log_batch(
                run_id,
                params=[Param(key, value) for key, value in params.items()],
                metrics=[Metric(key, number, now, 0) for key, number in metrics.items()],
            )
            client.log_text(run_id, report(where), "report.json")
            client.set_terminated(run_id)
            return where

        logged: Mapping[str, str] = Background(write).result(LOG_SECONDS, self.uri)
        return logged

    def _open(self) -> tuple[Any, str]:
        if importlib.util.find_spec("mlflow") is None:
            raise NotLogged("the mlflow package is not installed in this image")
        for key, value in (QUIET | HURRY).items():
            os.environ.setdefault(key, value)
        logging.getLogger("alembic").setLevel(logging.WARNING)
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=self.uri)
        found = client.get_experiment_by_name(self.experiment)
        if found:
            return client, found.experiment_id
        return client, client.create_experiment(self.experiment, artifact_location=beside(self.uri, self.experiment))


class Background:
    """A function in a thread that nobody has to wait for."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._value: Any = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._call, daemon=True)
        self._thread.start()

    def result(self, seconds: float, what: str) -> Any:
        self._thread.join(max(seconds, 0.0))
        if self._thread.is_alive():
            raise NotLogged(f"{what} did not answer in time")
        if self._error:
            raise NotLogged(one_line(self._error))
        return self._value

    def _call(self) -> None:
        try:
            self._value = self._function()
        except Exception as error:  # MLflow, its plugins and its database raise what they like; none may stop a release
            self._error = error


def beside(uri: str, experiment: str) -> str | None:
    """Where artifacts go: beside a SQLite file; a server decides for itself."""
    if not uri.startswith("sqlite:///"):
        return None
    return (Path(uri.removeprefix("sqlite:///")).resolve().parent / "mlflow-artifacts" / experiment).as_uri()


def one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:200] + " ..."

"""Logs a judgement to MLflow (SQLite here, a tracking server's URL or ARN on AWS). It may never fail a release.

Importing MLflow and opening its store takes seconds, so both happen in the background while the model server starts.
"""

import importlib.util
import json
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sluice.wording import one_line

OPEN_SECONDS = 60.0  # from the beginning; most of it passes while the model server starts
LOG_SECONDS = 20.0
PARAMS, METRICS = 100, 1000  # the most in one call
LONGEST_PARAM, LONGEST_NAME = 6000, 250
TABLE = "cases.json"
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_LOGGING_LEVEL": "WARNING", "GIT_PYTHON_REFRESH": "quiet"}
HURRY = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "5", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}


Table = Mapping[str, Sequence[Any]]  # {"columns": [...], "data": [[...], ...]}


class NotLogged(Exception):
    """Why there is no run: a warning in the report."""


class MlflowLog:
    """One experiment in one store, which is being opened since this was made."""

    def __init__(self, uri: str, experiment: str, open_seconds: float = OPEN_SECONDS) -> None:
        self.uri = uri
        self.experiment = experiment
        self._deadline = time.monotonic() + open_seconds
        self._opening = Background(self._open)

    def begin(
        self, name: str, params: Mapping[str, str], metrics: Mapping[str, float], tags: Mapping[str, str]
    ) -> Mapping[str, str]:
        """Log one run and return where it is: tracking_uri, experiment, run_id. Raises NotLogged."""
        client, experiment_id = self._opening.result(self._deadline - time.monotonic(), self.uri)

        def write() -> Mapping[str, str]:
            from mlflow.entities import Metric, Param

            now = int(time.time() * 1000)
            run_id = client.create_run(experiment_id, run_name=name, tags=dict(tags)).info.run_id
            mlflow_params = [Param(clean_name(key), value[:LONGEST_PARAM]) for key, value in params.items()]
            mlflow_metrics = [Metric(clean_name(key), number, now, 0) for key, number in metrics.items()]
            for batch in batches(mlflow_params, PARAMS):
                client.log_batch(run_id, params=batch)
            for batch in batches(mlflow_metrics, METRICS):
                client.log_batch(run_id, metrics=batch)
            return {"tracking_uri": self.uri, "experiment": self.experiment, "run_id": run_id}

        begun: Mapping[str, str] = Background(write).result(LOG_SECONDS, self.uri)
        return begun

    def end(self, run_id: str, files: Sequence[Path], table: Table) -> None:
        """Add the report's files and a table of its cases, and close the run. Raises NotLogged."""
        client, _ = self._opening.result(0.0, self.uri)

        def write() -> None:
            for file in files:
                client.log_artifact(run_id, str(file))
            # What `log_table` writes, which would need pandas here: rows as JSON, and a tag by which the UI finds them.
            client.log_text(run_id, json.dumps(table, ensure_ascii=False), TABLE)
            client.set_tag(run_id, "mlflow.loggedArtifacts", json.dumps([{"path": TABLE, "type": "table"}]))
            client.set_terminated(run_id)

        Background(write).result(LOG_SECONDS, self.uri)

    def _open(self) -> tuple[Any, str]:
        if importlib.util.find_spec("mlflow") is None:
            raise NotLogged("the mlflow package is not installed in this image")
        for key, value in (QUIET | HURRY).items():
            os.environ.setdefault(key, value)
        logging.getLogger("alembic").setLevel(logging.WARNING)
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=self.uri)
        existing = client.get_experiment_by_name(self.experiment)
        if existing:
            return client, existing.experiment_id
        return client, client.create_experiment(
            self.experiment, artifact_location=artifact_location(self.uri, self.experiment)
        )


def batches(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def clean_name(name: str) -> str:
    """Return a name that MLflow takes: letters of any script, digits and a few marks."""
    return re.sub(r"[^\w./ :-]", "_", name)[:LONGEST_NAME]


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
            raise NotLogged(one_line(str(self._error), 200) or type(self._error).__name__)
        return self._value

    def _call(self) -> None:
        try:
            self._value = self._function()
        except Exception as error:  # MLflow, its plugins and its database raise what they like; none may stop a release
            self._error = error


def artifact_location(uri: str, experiment: str) -> str | None:
    """Return where artifacts go: beside a SQLite file; None where a server decides for itself."""
    if not uri.startswith("sqlite:///"):
        return None
    return (Path(uri.removeprefix("sqlite:///")).resolve().parent / "mlflow-artifacts" / experiment).as_uri()

"""MLflow with a real store: two evaluations as MLflow's own client sees them, which is what its UI shows."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fake_sagemaker import ARN, GROUP
from steps_example import settled

from sluice.evaluation.gate import Gate
from sluice.steps.inputs import Evaluate, to_arguments
from sluice.steps.mlflow_log import batches, clean_name

TESTS = Path(__file__).parents[1]
COMMIT = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
CASES = """
cases:
  - {id: hello, tags: [english], turns: [{user: hi, expect: {contains: echo}}, {user: again, expect: {contains: echo}}]}
  - {id: 인사, tags: [한국어], turns: [{user: 안녕, expect: {contains: 반갑습니다}}]}
"""
# What MLflow's UI asks for: in a process of its own, as importing MLflow takes seconds.
READ_STORE = """
import json, sys
from mlflow import MlflowClient
client = MlflowClient(tracking_uri=sys.argv[1])
(experiment,) = (each for each in client.search_experiments() if each.name == "chat")
runs = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"])
listed = []
for run in runs:
    files = [each.path for each in client.list_artifacts(run.info.run_id)]
    listed.append({"id": run.info.run_id, "name": run.info.run_name, "status": run.info.status,
                   "params": run.data.params, "metrics": run.data.metrics, "tags": run.data.tags,
                   "files": sorted(files)})
import mlflow
mlflow.set_tracking_uri(sys.argv[1])
table = client.load_table(experiment.experiment_id, "cases.json", [run.info.run_id for run in runs], ["run_id"])
print(json.dumps({"runs": listed, "columns": list(table.columns), "rows": table.to_dict("records")}, default=str))
"""


def evaluated(folder: Path, version: int, uri: str, port: int, **environment: str) -> dict[str, Any]:
    """One evaluation as a process; returns the package as the registry holds it after."""
    inputs = Evaluate(
        model_package=f"{ARN}:model-package/{GROUP}/{version}",
        report_uri=f"s3://sluice/reports/{version}",
        experiment="chat",
        execution=f"{ARN}:pipeline/chat-release/execution/{version}",
        settings=settled(folder / "settings", Gate(0.5, against_champion=True, margin=0.99)),
        cases=str(folder / "cases.yaml"),
        report=str(folder / f"report-{version}"),
        machine="ml.g5.xlarge",
        commit=COMMIT,
        startup_seconds=30,
        server_command=shlex.join(
            [sys.executable, str(TESTS / "support" / "stub_container.py"), "good", str(folder / "pid")]
        ),
        mlflow_uri=uri,
    )
    argv = [word for part in to_arguments(inputs)[1:] for word in shlex.split(part)]
    process = subprocess.run(
        [sys.executable, str(TESTS / "support" / "evaluate_with_fakes.py"), *argv],
        env={**os.environ, "SAGEMAKER_BIND_TO_PORT": str(port), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    assert "INFO" not in process.stdout + process.stderr
    package: dict[str, Any] = json.loads(
        next(line[8:] for line in process.stdout.splitlines() if line.startswith("PACK"))
    )
    return package


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    created = tmp_path_factory.mktemp("mlflow")
    (created / "cases.yaml").write_text(CASES)
    return created


@pytest.fixture(scope="module")
def packages(folder: Path, free_port: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """A champion and its challenger, as the registry holds them."""
    uri = f"sqlite:///{folder}/mlflow.db"
    champion = evaluated(folder, 1, uri, free_port)
    return champion, evaluated(folder, 2, uri, free_port, CHAMPION=str(folder / "report-1"))


@pytest.fixture(scope="module")
def free_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def mlflow_store(folder: Path, packages: Any) -> dict[str, Any]:
    command = [sys.executable, "-c", READ_STORE, f"sqlite:///{folder}/mlflow.db"]
    process = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    content: dict[str, Any] = json.loads(process.stdout)
    return content


def report(folder: Path, version: int) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / f"report-{version}" / "report.json").read_text())
    return content


def test_an_evaluation_is_a_finished_run_with_what_it_was_made_of(mlflow_store: dict[str, Any], folder: Path) -> None:
    first, second = mlflow_store["runs"]
    assert [(run["name"], run["status"]) for run in (first, second)] == [
        (f"{GROUP}-v1", "FINISHED"),
        (f"{GROUP}-v2", "FINISHED"),
    ]
    params = first["params"]
    assert params["git_commit"] == COMMIT and params["lmi.OPTION_MAX_MODEL_LEN"] == "4096"
    assert params["image"].endswith("djl-inference:0.35.0-lmi17.0.0-cu128") and params["model"] == "s3://b/models/1/"
    assert params["cases_hash"] == report(folder, 1)["hashes"]["cases"]
    assert (params["gate.min_pass_rate"], params["gate.margin"], params["concurrency"]) == ("0.5", "0.99", "8")


def test_figures_have_the_same_names_in_both_runs_overall_and_by_tag(
    mlflow_store: dict[str, Any], folder: Path
) -> None:
    first, second = (run["metrics"] for run in mlflow_store["runs"])
    only_compared = {name for name in second if name.startswith("champion/")}
    assert set(first) == set(second) - only_compared
    assert (first["pass_rate"], first["tag/english/pass_rate"], first["tag/한국어/pass_rate"]) == (0.5, 1.0, 0.0)
    assert first["latency_ms_p95"] == report(folder, 1)["totals"]["latency_ms"]["p95"]
    assert only_compared == {f"champion/{name}" for name in ("estimate", "low", "high", "gained", "lost")}
    assert second["champion/estimate"] == 0.0


def test_run_package_and_champion_lead_to_each_other(
    mlflow_store: dict[str, Any], packages: tuple[dict[str, Any], dict[str, Any]], folder: Path
) -> None:
    first, second = mlflow_store["runs"]
    for run, package, version in zip((first, second), packages, (1, 2), strict=True):
        assert package["CustomerMetadataProperties"]["mlflow_run"] == run["id"]
        assert package["CustomerMetadataProperties"]["mlflow_experiment"] == "chat"
        assert run["tags"]["model_package"] == package["ModelPackageArn"]
        assert run["tags"]["report"] == f"s3://sluice/reports/{version}/report.json"
        assert report(folder, version)["mlflow"]["run_id"] == run["id"]
    assert second["tags"]["champion_run_id"] == first["id"] and second["tags"]["champion_version"] == "1"
    assert "champion_run_id" not in first["tags"]
    assert first["tags"]["mlflow.note.content"] == report(folder, 1)["summary"]
    assert first["tags"]["mlflow.source.git.commit"] == COMMIT


def test_the_reports_files_are_the_runs_artifacts(mlflow_store: dict[str, Any], folder: Path) -> None:
    for run in mlflow_store["runs"]:
        assert run["files"] == ["cases.json", "junit.xml", "report.html", "report.json", "report.md"]
    (stored,) = folder.glob(f"mlflow-artifacts/chat/{mlflow_store['runs'][0]['id']}/artifacts/report.json")
    assert json.loads(stored.read_text()) == report(folder, 1)


def test_the_cases_are_a_table_that_mlflow_reads_as_its_own(mlflow_store: dict[str, Any]) -> None:
    assert mlflow_store["columns"][:8] == ["case", "passed", "tags", "turn", "question", "expected", "answer", "why"]
    of_first = [row for row in mlflow_store["rows"] if row["run_id"] == mlflow_store["runs"][0]["id"]]
    assert [(row["case"], row["turn"], row["passed"]) for row in of_first] == [
        ("hello", 1, True),
        ("hello", 2, True),
        ("인사", 1, False),
    ]
    assert of_first[2]["answer"] == "echo: 안녕" and "반갑습니다" in of_first[2]["why"]


@pytest.mark.parametrize("kind", ["mlflow-tracking-server/chat", "mlflow-app/app-1234"])
def test_an_arn_is_taken_by_sagemakers_plugin(kind: str) -> None:
    """Not more than that: what AWS says to it has not been seen."""
    program = """
import sys
from mlflow import MlflowClient
store = MlflowClient(tracking_uri=sys.argv[1])._tracking_client.store
print(type(store).__module__, store.get_host_creds().host, store.get_host_creds().auth)
"""
    command = [sys.executable, "-c", program, f"{ARN}:{kind}"]
    process = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert process.stdout.startswith("sagemaker_mlflow.") and process.stdout.endswith(" arn\n")
    assert "us-east-1" in process.stdout


def test_names_are_those_that_mlflow_takes_and_much_is_sent_in_parts() -> None:
    assert clean_name("tag/한국어, 존댓말/latency_ms_p95") == "tag/한국어_ 존댓말/latency_ms_p95"
    assert len(clean_name("x" * 400)) == 250
    assert [len(part) for part in batches(list(range(250)), 100)] == [100, 100, 50]

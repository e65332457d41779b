"""The whole release as a user runs it: the real command, the local AWS, the tiny models, each in its own process."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from processes import processes_with, told

ROOT = Path(__file__).parents[2]
SLUICE = str(Path(sys.executable).with_name("sluice"))
PATIENCE = 90


class Operator:
    """Somebody with a folder of their own, a pipeline.yaml in it, and a local AWS on a port of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "SLUICE_"))},
            "SLUICE_STATE": str(folder / ".sluice"),
            "SLUICE_LOCAL_PORT": str(self.port),
        }
        text = (ROOT / "pipeline.yaml").read_text()
        text = re.sub(
            r"model: sluice/tinylmi/checkpoints/good\b", f"model: {ROOT}/sluice/tinylmi/checkpoints/good", text
        )
        # How the model is judged is not what these tests are about: few cases make them quick.
        (folder / "cases").mkdir()
        for few in ("no-answer.yaml", "documents.yaml"):
            shutil.copy(ROOT / "cases" / few, folder / "cases")
        self.file = folder / "pipeline.yaml"
        self.file.write_text(text)
        self.started: list[subprocess.Popen[str]] = []

    def starts(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [SLUICE, *arguments], cwd=self.folder, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.started.append(process)
        return process

    def leaves(self) -> None:
        """Ends what a failed test left running, and the local AWS."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()
        self.runs("local", "down")

    def runs(self, *arguments: str, expect: int = 0) -> str:
        """The command's output; it must exit with `expect`."""
        process = self.starts(*arguments)
        printed, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == expect, (
            f"sluice {' '.join(arguments)} exited with {process.returncode}:\n{printed}"
        )
        assert "Traceback" not in printed, printed
        return printed

    def replace_setting(self, old: str, new: str) -> None:
        text = self.file.read_text()
        assert old in text
        self.file.write_text(text.replace(old, new))

    def client(self, service: str):
        return boto3.client(
            service, region_name="us-east-1", endpoint_url=self.url,
            aws_access_key_id="testing", aws_secret_access_key="testing",
        )  # fmt: skip

    def live(self) -> dict | None:
        return json.loads(self.runs("status", "--json"))["live"]

    def processes(self) -> list[int]:
        """What runs for this folder, besides the commands of the test itself."""
        return [*processes_with(str(self.folder)), *processes_with(f"--port {self.port}")]


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    someone = Operator(tmp_path_factory.mktemp("project"))
    yield someone
    someone.leaves()


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Operator]:
    """Somebody whose local AWS may be broken by the test."""
    someone = Operator(tmp_path)
    yield someone
    someone.leaves()


def until(holds, what: str):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if value := holds():
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {PATIENCE} s")


def test_the_whole_release(operator):
    """One test, because each part needs the one before."""
    assert "+ create pipeline qwen3-4b-chat-release" in operator.runs("plan")

    printed = operator.runs("run")
    assert re.search(r"✓ Register .*✓ Evaluate .*✓ Gate ", printed, re.S)
    assert "Version 1: pass." in printed and "sluice approve 1" in printed
    assert operator.live() is None

    assert "Nothing would change" in operator.runs("plan")
    assert "Nothing to release" in operator.runs("run")

    printed = operator.runs("approve")
    assert "Version 1 is live on the endpoint qwen3-4b-chat-v1." in printed
    sagemaker = operator.client("sagemaker")
    endpoint = sagemaker.describe_endpoint(EndpointName="qwen3-4b-chat-v1")
    hosting = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    assert hosting["ProductionVariants"][0]["InstanceType"] == "ml.g5.xlarge"

    printed = operator.runs("chat", "My name is Mina.")
    assert "version 1 on qwen3-4b-chat-v1" in printed
    assert operator.runs("replay", "--min-pass-rate", "0.9").startswith("pass  qwen3-4b-chat version 1\n")

    printed = operator.runs("run", "--model", str(ROOT / "sluice/tinylmi/checkpoints/worse"), expect=1)
    assert "The gate stays closed" in printed
    assert re.search(r"question .*expected .*answer .*why ", printed, re.S)
    versions = json.loads(operator.runs("versions", "--json"))
    assert [(each["version"], each["verdict"], each["approval"], each["live"]) for each in versions] == [
        (2, "fail", "Rejected", False),
        (1, "pass", "Approved", True),
    ]
    assert "cannot be approved" in operator.runs("approve", "2", expect=1)

    printed = operator.runs("deploy")
    assert "Version 1 is live on the endpoint qwen3-4b-chat-v1." in printed
    assert [each["EndpointName"] for each in sagemaker.list_endpoints()["Endpoints"]] == ["qwen3-4b-chat-v1"]
    assert operator.live()["version"] == 1


def test_an_unusable_file_stops_before_anything_is_started(newcomer):
    newcomer.replace_setting("min_pass_rate: 0.9", "min_pass_rate: 9")
    assert "evaluation.gate.min_pass_rate" in newcomer.runs("run", expect=2)
    assert newcomer.processes() == []


def test_broken_or_empty_cases_and_a_missing_model_are_one_message_each(operator):
    cases = operator.folder / "broken"
    cases.mkdir()
    for text, message in (("", "is empty"), ("cases: [{id: x}]", "turns"), ("cases: [", "expected")):
        (cases / "one.yaml").write_text(text)
        operator.file.with_name("broken.yaml").write_text(
            re.sub(r"cases: \S+", f"cases: {cases}", operator.file.read_text(), count=1)
        )
        assert message in operator.runs("run", "-f", "broken.yaml", expect=2)
    assert "There is no model folder" in operator.runs("run", "--model", "nowhere", expect=2)


def test_killing_the_local_aws_ends_the_run_clearly_and_leaves_no_process(newcomer):
    run = newcomer.starts("run")
    until(lambda: model_server_of(newcomer), "the model server's start")
    status = json.loads(newcomer.runs("local", "status", "--json"))
    os.kill(status["pid"], signal.SIGKILL)
    printed, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == 1 and "Traceback" not in printed
    assert "connection was lost" in printed
    until(lambda: not newcomer.processes(), "the end of every process")


@pytest.mark.parametrize("victim", ["the step", "its model server"])
def test_killing_a_step_or_its_model_server_fails_the_execution_clearly(newcomer, victim):
    run = newcomer.starts("run")
    server = until(lambda: model_server_of(newcomer), "the model server's start")
    os.kill(server if victim == "its model server" else step_of(newcomer), signal.SIGKILL)
    printed, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == 1 and "Traceback" not in printed
    assert re.search(r"✗ Evaluate +Failed", printed)
    until(lambda: not model_server_of(newcomer), "the end of the model server")
    assert newcomer.live() is None


def model_server_of(someone: Operator) -> int | None:
    return process_of(someone, "tinylmi serve")


def step_of(someone: Operator) -> int:
    value = process_of(someone, "sluice.steps.evaluate")
    assert value
    return value


def process_of(someone: Operator, words: str) -> int | None:
    """The youngest process whose command line says so, and who was started for this folder."""
    return max((pid for pid in processes_with(words) if str(someone.folder) in told(pid)), default=None)

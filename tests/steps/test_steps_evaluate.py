import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_sagemaker import ARN, GROUP, FakeAws, refusal
from steps_example import settled

from sluice.errors import UsageError
from sluice.evaluation.gate import Gate, Thresholds
from sluice.evaluation.replay.prices import Prices
from sluice.evaluation.report import CannotWrite
from sluice.registry import packages
from sluice.registry.packages import UnknownPackage
from sluice.steps.evaluate import NoVerdict, evaluate
from sluice.steps.inputs import Evaluate, to_arguments
from sluice.steps.mlflow_log import Background, NotLogged
from sluice.steps.model_server import ModelServer

TESTS = Path(__file__).parents[1]
CHATS = "cases: [{id: hello, turns: [{user: hi, expect: {contains: echo}}, {user: again, expect: {contains: echo}}]}]"
Serves = Callable[[str], str]


@pytest.fixture
def aws() -> FakeAws:
    aws = FakeAws()
    aws.sagemaker.registers()
    return aws


@pytest.fixture
def serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Serves:
    """The command of a model server that behaves in some way, on a port of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("SAGEMAKER_BIND_TO_PORT", str(free.getsockname()[1]))
    return lambda how: shlex.join(
        [sys.executable, str(TESTS / "support" / "stub_container.py"), how, str(tmp_path / "pid")]
    )


@pytest.fixture
def inputs(tmp_path: Path, serves: Serves) -> Evaluate:
    job = tmp_path / "ml" / "processing"
    (job / "cases").mkdir(parents=True)
    (job / "cases" / "cases.yaml").write_text(CHATS)
    return Evaluate(
        model_package=f"{ARN}:model-package/{GROUP}/1",
        report_uri="s3://bucket/reports/chat/abc",
        experiment="chat",
        execution=f"{ARN}:pipeline/chat-release/execution/abc",
        settings=settled(job / "settings"),
        cases=str(job / "cases"),
        report=str(job / "report"),
        startup_seconds=20,
        server_command=serves("good"),
    )


def report(inputs: Evaluate) -> dict[str, Any]:
    report_json: dict[str, Any] = json.loads((Path(inputs.report) / "report.json").read_text())
    return report_json


def assert_server_is_gone(tmp_path: Path) -> None:
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_good_model_passes_and_the_package_says_so(aws: FakeAws, inputs: Evaluate, tmp_path: Path) -> None:
    verdict = evaluate(inputs, aws)
    assert verdict == "pass: 1 of 1 cases passed (100 %), the gate wants 90 %."
    package = packages.describe(aws.sagemaker, inputs.model_package)
    assert (package.verdict, package.approval) == ("pass", "PendingManualApproval")
    assert package.report == "s3://bucket/reports/chat/abc/report.json"
    assert report(inputs)["subject"] == {
        "model_package": inputs.model_package,
        "group": GROUP,
        "version": "1",
        "image": package.image,
        "model": "s3://b/models/1/",
        "execution": inputs.execution,
    }
    assert report(inputs)["cases"][0]["chats"][0]["turns"][0]["first_token_ms"] > 0
    assert "loading (good)" in (Path(inputs.report) / "model-server.log").read_text()
    assert_server_is_gone(tmp_path)


def test_a_worse_model_is_rejected_with_its_reasons_and_the_step_ends_well(
    aws: FakeAws, inputs: Evaluate, serves: Serves, tmp_path: Path
) -> None:
    verdict = evaluate(replace(inputs, server_command=serves("wrong")), aws)
    assert verdict.startswith("fail: 0 of 1 cases passed (0 %), but the gate wants 90 %. Failed: hello")
    package = packages.describe(aws.sagemaker, inputs.model_package)
    assert (package.verdict, package.approval) == ("fail", "Rejected")
    assert "hello, turn 1: looked for 'echo', the answer says 'I do not know.'" in package.why
    assert report(inputs)["verdict"] == "fail"
    assert_server_is_gone(tmp_path)


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("dies-at-start", "The model server ended before it was ready: exit code 1. Its last lines: loading"),
        ("never-ready", "The model server was not ready within 1 s (/ping: HTTP 500). Its last lines: loading"),
        ("dies-midway", "The model server ended during the replay: exit code 3. Its last lines: loading"),
    ],
)
def test_a_model_server_that_fails_is_an_error_and_never_a_bad_model(
    aws: FakeAws, inputs: Evaluate, serves: Serves, tmp_path: Path, behaviour: str, reason: str
) -> None:
    many = [{"id": f"c{n}", "turns": [{"user": "hi", "expect": {"contains": "echo"}}]} for n in range(8)]
    (Path(inputs.cases) / "cases.yaml").write_text(json.dumps({"cases": many}))
    seconds = 1 if behaviour == "never-ready" else 20
    with pytest.raises(NoVerdict) as caught:
        evaluate(replace(inputs, server_command=serves(behaviour), startup_seconds=seconds), aws)
    assert reason in caught.value.message
    assert report(inputs)["verdict"] == "error"
    package = packages.describe(aws.sagemaker, inputs.model_package)
    assert (package.verdict, package.approval) == ("error", "PendingManualApproval")
    assert_server_is_gone(tmp_path)


def test_a_server_that_is_about_to_end_is_waited_for(tmp_path: Path) -> None:
    with ModelServer("sh -c 'sleep 0.3; exit 3'", tmp_path / "server.log") as server:
        assert server.describe_exit(within=20) == "exit code 3. It said nothing."


def test_the_last_lines_of_a_dead_server_say_why(aws: FakeAws, inputs: Evaluate, serves: Serves) -> None:
    with pytest.raises(NoVerdict) as caught:
        evaluate(replace(inputs, server_command=serves("dies-at-start")), aws)
    assert "ValueError: OPTION_DTYPE=half is not a value" in caught.value.hint


def test_a_command_that_is_not_there_is_told(aws: FakeAws, inputs: Evaluate) -> None:
    with pytest.raises(NoVerdict, match="cannot be started: `no-such-server serve`: No such file"):
        evaluate(replace(inputs, server_command="no-such-server serve"), aws)


def test_a_running_endpoint_can_be_judged_instead(aws: FakeAws, inputs: Evaluate) -> None:
    aws.sagemaker.serves("chat-v1", inputs.model_package)
    evaluate(replace(inputs, target="chat-v1", server_command="no-such-server"), aws)
    assert aws.runtime.asked_on == ["chat-v1", "chat-v1"]
    assert report(inputs)["subject"]["endpoint"] == "chat-v1"
    with pytest.raises(NoVerdict, match="Endpoint chat-v9 does not answer: ValidationError"):
        evaluate(replace(inputs, target="chat-v9"), aws)


def test_what_the_endpoints_model_refuses_fails_its_case(aws: FakeAws, inputs: Evaluate) -> None:
    aws.sagemaker.serves("chat-v1", inputs.model_package)
    (Path(inputs.cases) / "more.yaml").write_text(
        "cases: [{id: long, turns: [{user: too long, expect: {contains: x}}]}]"
    )

    def answer(question: str) -> str:
        if question == "too long":
            raise refusal("InvokeEndpointWithResponseStream", "Received client error (424)", "ModelError")
        return "echo"

    aws.runtime.says = answer
    settled(Path(inputs.settings), Gate(0.5))
    evaluate(replace(inputs, target="chat-v1"), aws)
    (turn,) = report(inputs)["cases"][1]["chats"][0]["turns"]
    assert turn["error"] == "HTTP 424: Received client error (424)"
    assert report(inputs)["totals"]["errors"] == 1


def test_nothing_is_started_for_input_that_cannot_be_used(aws: FakeAws, inputs: Evaluate, tmp_path: Path) -> None:
    Path(inputs.report).write_text("in the way")
    with pytest.raises(CannotWrite, match="has no folder"):
        evaluate(inputs, aws)
    Path(inputs.report).unlink()
    with pytest.raises(UnknownPackage):
        evaluate(replace(inputs, model_package=f"{ARN}:model-package/{GROUP}/9"), aws)
    (Path(inputs.cases) / "cases.yaml").write_text("cases: []")
    with pytest.raises(UsageError, match="is empty"):
        evaluate(inputs, aws)
    assert not (tmp_path / "pid").exists()


# as a process


def start(inputs: Evaluate, **environment: str) -> "subprocess.Popen[str]":
    argv = [word for part in to_arguments(inputs)[1:] for word in shlex.split(part)]  # as the image's entrypoint does
    command = [sys.executable, str(TESTS / "support" / "evaluate_with_fakes.py"), *argv]
    whole = {**os.environ, **environment}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=whole)


def message(inputs: Evaluate) -> str:
    return (Path(inputs.report).parents[1] / "output" / "message").read_text()


def test_the_process_ends_well_with_a_verdict_and_leaves_it_as_its_exit_message(inputs: Evaluate) -> None:
    step = start(inputs)
    output, _ = step.communicate(timeout=60)
    assert step.returncode == 0, output
    assert "[model server] loading (good)" in output
    assert message(inputs) == "pass: 1 of 1 cases passed (100 %), the gate wants 90 %."


def test_the_process_fails_when_it_could_not_judge_and_says_why(inputs: Evaluate, serves: Serves) -> None:
    step = start(replace(inputs, server_command=serves("dies-at-start")))
    output, _ = step.communicate(timeout=60)
    assert step.returncode == 1
    assert "Traceback" not in output
    assert message(inputs).startswith("Could not be judged: The model server ended before it was ready")
    assert len(message(inputs).encode()) <= 1024


@pytest.mark.parametrize("behaviour", ["slow", "stubborn-slow"])
def test_a_step_that_is_told_to_stop_takes_its_model_server_with_it(
    inputs: Evaluate, serves: Serves, tmp_path: Path, behaviour: str
) -> None:
    step = start(replace(inputs, server_command=serves(behaviour)))
    assert step.stdout
    until(step.stdout.readline, "The model server was ready")
    step.send_signal(signal.SIGTERM)
    step.communicate(timeout=60)
    assert step.returncode == 143
    assert message(inputs) == "sluice.steps.evaluate was stopped before it was done."
    assert_server_is_gone(tmp_path)


def until(line: Callable[[], str], expected: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if expected in line():
            return
    raise AssertionError(f"{expected!r} was not said")


@pytest.mark.parametrize("argv", [["--modelpackage", "x"], ["stray"], [], ["--model-package"]])
def test_flags_that_cannot_be_used_are_one_message(argv: list[str]) -> None:
    command = [sys.executable, "-m", "sluice.steps.evaluate", *argv]
    process = subprocess.run(command, capture_output=True, text=True, cwd=TESTS.parent, check=False)
    assert process.returncode == 2
    assert (
        process.stdout.startswith("sluice.steps.evaluate: ") and process.stdout.count("\n") == 1 and not process.stderr
    )


def test_an_mlflow_that_cannot_be_reached_is_a_warning_in_the_report(inputs: Evaluate) -> None:
    step = start(replace(inputs, mlflow_uri="http://127.0.0.1:9"))
    output, _ = step.communicate(timeout=120)
    assert step.returncode == 0, output
    assert report(inputs)["mlflow"] is None
    (warning,) = report(inputs)["warnings"]
    assert warning.startswith("MLflow has no record of this: ")


def test_an_image_without_mlflow_is_a_warning_too(
    aws: FakeAws, inputs: Evaluate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    evaluate(replace(inputs, mlflow_uri="sqlite:///x.db"), aws)
    assert report(inputs)["warnings"] == [
        "MLflow has no record of this: the mlflow package is not installed in this image."
    ]


def test_what_is_rendered_of_the_report_lies_beside_it(aws: FakeAws, inputs: Evaluate) -> None:
    evaluate(inputs, aws)
    assert {file.name for file in Path(inputs.report).iterdir()} == {
        "report.json", "report.html", "report.md", "junit.xml", "model-server.log",
    }  # fmt: skip


def test_a_page_that_cannot_be_made_costs_a_warning_and_no_verdict(aws: FakeAws, inputs: Evaluate) -> None:
    (Path(inputs.report) / "report.html").mkdir(parents=True)
    assert evaluate(inputs, aws).startswith("pass")
    (warning,) = report(inputs)["warnings"]
    assert warning.startswith("report.html was not written: IsADirectoryError")


def test_thresholds_by_tag_reach_the_verdict(aws: FakeAws, inputs: Evaluate) -> None:
    (Path(inputs.cases) / "cases.yaml").write_text(
        """
        cases:
          - {id: one, turns: [{user: hi, expect: {contains: echo}}]}
          - {id: two, tags: [korean], turns: [{user: 안녕, expect: {contains: nothing}}]}
        """
    )
    settled(Path(inputs.settings), Gate(0.5))
    assert evaluate(inputs, aws).startswith("pass")
    settled(Path(inputs.settings), Gate(0.5, tags={"korean": Thresholds(min_pass_rate=0.9)}))
    assert evaluate(inputs, aws).startswith("fail: Tag 'korean': 0 of 1 cases passed (0 %), but the gate wants 90 %.")


def test_an_answer_costs_its_share_of_the_machines_hour(aws: FakeAws, inputs: Evaluate) -> None:
    settled(Path(inputs.settings), Gate(overall=Thresholds(max_cost_per_answer=1e-12)))
    assert evaluate(inputs, aws).startswith("inconclusive")
    settled(
        Path(inputs.settings),
        Gate(overall=Thresholds(max_cost_per_answer=1e-12)),
        job_prices=Prices(instance_hour=1.4),
    )
    assert evaluate(inputs, aws).startswith("fail: Cost per answer")
    assert 0 < report(inputs)["totals"]["cost_per_answer"] < 0.01


def test_the_report_says_in_which_environment_and_by_what_it_was_judged(aws: FakeAws, inputs: Evaluate) -> None:
    settled(Path(inputs.settings), repeats=2, seed=7)
    evaluate(inputs, aws)
    written = report(inputs)
    assert written["environment"] == {"OPTION_MAX_MODEL_LEN": "4096"}
    assert set(written["hashes"]) == {"cases", "scorers", "environment"} and all(written["hashes"].values())
    assert (written["plan"]["repeats"], written["plan"]["seed"], len(written["cases"][0]["chats"])) == (2, 7, 2)


def test_the_step_imports_no_statistics_before_a_champion_is_compared() -> None:
    slow = "{'scipy', 'numpy', 'pydantic', 'mlflow', 'boto3'}"
    program = f"import sys, steps.evaluate; print(sorted({slow} & set(sys.modules)))"
    process = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=TESTS.parent, check=True
    )
    assert process.stdout == "[]\n"


def test_a_step_never_waits_for_mlflow_longer_than_it_said() -> None:
    hangs = threading.Event()
    with pytest.raises(NotLogged, match="the server did not answer in time"):
        Background(hangs.wait).result(0.01, "the server")
    hangs.set()

"""What runs on without the command that started it: Ctrl-C says so, and `sluice stop` ends it."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fake_pipelines import DEPLOY, RELEASE
from operators import Operator

from sluice.cli import main
from sluice.cli.release import progress, run
from sluice.cli.release.stop import stop
from sluice.cli.target import Name
from sluice.errors import UsageError


@pytest.fixture
def operator() -> Operator:
    return Operator()


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(("target", "more"), [("local", ""), ("aws", " --target aws")])
def test_an_interrupted_run_says_what_goes_on_and_how_to_stop_it(as_json: bool, target: Name, more: str) -> None:
    operator = Operator(target=target)
    execution = operator.sagemaker.runs(RELEASE)
    operator.sagemaker.is_interrupted()
    with pytest.raises(progress.Interrupted) as interruption:
        run.follow(operator.config, operator.target, execution, as_json)  # type: ignore[arg-type]
    assert interruption.value.message == "Execution e1 of chat-release goes on."
    assert interruption.value.hint == (f"`sluice stop e1{more}` stops it; `sluice status{more}` shows how far it is.")


def test_an_interruption_is_no_error_and_exits_with_130(capsys) -> None:
    with pytest.raises(SystemExit) as ending:
        main.fail(progress.Interrupted("Execution e1 of chat-release goes on.", "`sluice stop e1` stops it."))
    assert ending.value.code == 130
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["", "Interrupted: Execution e1 of chat-release goes on.", "`sluice stop e1` stops it."]


@pytest.mark.parametrize(("module", "arguments"), [("click", ["--help"]), ("yaml", ["check"])])
def test_ctrl_c_while_modules_are_imported_ends_without_a_traceback(
    tmp_path: Path, module: str, arguments: list[str]
) -> None:
    (tmp_path / f"{module}.py").write_text("raise KeyboardInterrupt\n")
    root = Path(__file__).parents[2]
    code = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(root)!r}]; from sluice.cli.main import main; main()"
    ended = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == 130
    assert "Traceback" not in ended.stderr


def test_a_stop_without_a_name_stops_what_runs(operator: Operator, capsys) -> None:
    over, running = operator.sagemaker.runs(RELEASE, "Succeeded"), operator.sagemaker.runs(RELEASE)
    operator.types(stop)
    assert operator.sagemaker.executions == {over: "Succeeded", running: "Stopped"}
    text = capsys.readouterr().out
    assert "Execution e2 of chat-release is being stopped." in text
    assert "Execution e2 of chat-release is over: Stopped." in text
    assert "`sluice run` starts this release anew." in text


def test_with_nothing_to_stop_a_stop_is_content(operator: Operator, capsys) -> None:
    operator.sagemaker.runs(DEPLOY, "Failed")
    operator.types(stop)
    assert "no execution of chat runs" in capsys.readouterr().out


def test_of_several_that_run_one_must_be_named(operator: Operator) -> None:
    release, deployment = operator.sagemaker.runs(RELEASE), operator.sagemaker.runs(DEPLOY)
    with pytest.raises(UsageError, match="2 executions run: e1 of chat-release, e2 of chat-deploy") as refusal:
        operator.types(stop)
    assert refusal.value.hint == "Name one: `sluice stop e1`"
    operator.types(stop, "e1", "--no-wait")
    operator.types(stop, deployment)
    assert operator.sagemaker.executions == {release: "Stopped", deployment: "Stopped"}


def test_what_is_not_there_or_over_cannot_be_stopped(operator: Operator) -> None:
    operator.sagemaker.runs(DEPLOY, "Succeeded")
    with pytest.raises(UsageError, match="e1 of chat-deploy is over already: Succeeded"):
        operator.types(stop, "e1")
    with pytest.raises(UsageError, match="have no execution 'e7'"):
        operator.types(stop, "e7")


def test_what_is_being_stopped_already_is_only_waited_for(operator: Operator, capsys) -> None:
    execution = operator.sagemaker.runs(RELEASE, "Stopping")
    operator.types(stop, "--no-wait")
    assert "is being stopped" in capsys.readouterr().out
    assert operator.sagemaker.executions == {execution: "Stopping"}


def test_a_stopped_deployment_says_what_it_leaves(operator: Operator, capsys) -> None:
    operator.sagemaker.live("chat-v1")
    arn = operator.sagemaker.approved()
    execution = operator.sagemaker.runs(DEPLOY, ModelPackageArn=arn, Reason="approval")
    operator.sagemaker.has_step(execution, "Deploy", "Executing")
    endpoint = f"{operator.config.deployment.endpoint}-v2"
    operator.sagemaker.was_left(endpoint, arn, datetime(2026, 11, 20, tzinfo=UTC))
    operator.sagemaker.was_left("foreign-chat-v2", arn, datetime(2026, 11, 20, tzinfo=UTC))
    operator.types(stop)
    text = capsys.readouterr().out
    assert "Version 1 is live on the endpoint chat-v1." in text
    assert "`sluice reject 2 --why ...` keeps it from that." in text
    assert f"Endpoint {endpoint} is there, is not the live one, and costs money: `aws sagemaker delete-endpoint" in text
    assert "foreign" not in text


def test_an_interrupted_stop_says_that_it_stops_all_the_same(operator: Operator) -> None:
    operator.sagemaker.runs(RELEASE)
    operator.sagemaker.is_interrupted()
    with pytest.raises(progress.Interrupted, match="e1 of chat-release is being stopped all the same"):
        operator.types(stop)
    assert list(operator.sagemaker.executions.values()) == ["Stopped"]

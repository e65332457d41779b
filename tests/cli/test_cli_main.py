"""The command itself: its help, what it imports, and how errors leave it."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from sluice.cli import main, output
from sluice.cli.main import COMMANDS, sluice
from sluice.errors import SluiceError, UsageError

HEAVY = ("boto3", "botocore", "pydantic", "yaml", "rich", "sagemaker", "mlflow", "moto", "fastapi", "numpy", "sqlite3")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("sluice")), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_help_imports_nothing_heavy():
    code = f"""
import sys
from sluice.cli.main import sluice
try:
    sluice(["--help"])
except SystemExit:
    pass
print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert printed.stderr.strip() == "[]"
    assert "Release a chat model" in printed.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_command_says_itself(name):
    command = sluice.get_command(click.Context(sluice), name)
    assert (command.help or "").strip().splitlines()[0] == COMMANDS[name][1]


def test_an_unknown_command_is_a_usage_error():
    result = run("relaese")
    assert result.returncode == 2
    assert "No such command 'relaese'" in result.stderr


@pytest.mark.parametrize("arguments", [["check", "-f", "pipeline.yaml"], ["check", "-f", "pipeline.yaml", "--json"]])
def test_a_command_that_found_something_wrong_exits_with_1(arguments, tmp_path, monkeypatch):
    text = (Path(__file__).parents[2] / "pipeline.yaml").read_text()
    (tmp_path / "pipeline.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert run(*arguments).returncode == 1


@pytest.mark.parametrize(("error", "code"), [(SluiceError("It broke.", "Mend it."), 1), (UsageError("Not that."), 2)])
def test_an_error_is_its_message_its_hint_and_an_exit_code(error, code, capsys):
    with pytest.raises(SystemExit) as ended:
        main.fail(error)
    assert ended.value.code == code
    printed = capsys.readouterr().err
    assert error.message in printed and error.hint in printed and "Traceback" not in printed


def test_what_a_model_says_cannot_move_the_cursor_or_colour_the_terminal(capsys):
    output.say("\x1b[2J[red]안녕[/red]\x07 *ok*")
    assert capsys.readouterr().out == "\N{REPLACEMENT CHARACTER}[2J[red]안녕[/red]\N{REPLACEMENT CHARACTER} *ok*\n"


def test_json_keeps_korean_readable(capsys):
    output.print_json({"answer": "연차는 20일입니다."})
    printed = capsys.readouterr().out
    assert "연차는 20일입니다." in printed
    assert json.loads(printed) == {"answer": "연차는 20일입니다."}

"""A container of the local AWS is a process group with a folder, a port, a log, and an end that nobody misses."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from localaws_fixture import IMAGE, REGION, LocalAws, eventually, local_aws, reset
from processes import is_alive

from sluice.localaws.jobs.containers import Container, NoCommand
from sluice.localaws.jobs.reaper import Reaper
from sluice.localaws.server.settings import BadImageRules, ImageRule, dump_rules, load_rules

Start = Callable[..., Container]
NUMBERS = count()
ECHO = ImageRule(
    "stub:*", ("/bin/sh", "-c", 'echo "played $0 $*, $GREETING"'), "stub-entrypoint", {"GREETING": "hello"}
)


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with local_aws(tmp_path_factory.mktemp("aws"), (ECHO,)) as server:
        yield server


@pytest.fixture
def start(aws: LocalAws, tmp_path: Path) -> Iterator[Start]:
    started: list[Container] = []

    def start(*entrypoint: str, image: str = "anything:1", **more: Any) -> Container:
        arguments = {
            "name": "test", "environment": {}, "folder": tmp_path / "ml", "log_group": "/test",
            "log_stream": f"stream-{next(NUMBERS)}", "region": REGION,
        } | more  # fmt: skip
        container = aws.server.containers.start(image=image, entrypoint=list(entrypoint) or None, **arguments)
        started.append(container)
        return container

    yield start
    for container in started:
        container.stop(grace=0)


def log_of(aws: LocalAws, stream: str) -> list[str]:
    answer = aws.client("logs").get_log_events(logGroupName="/test", logStreamName=stream, startFromHead=True)
    return [event["message"] for event in answer["events"]]


def test_the_exit_code_comes_after_the_last_line_of_the_log(aws: LocalAws, start: Start) -> None:
    container = start("sh", "-c", "echo 하나; echo two >&2; printf three; exit 5", log_stream="lines")
    assert container.wait(30) == 5
    assert container.poll() == container.exit_code == 5
    assert log_of(aws, "lines") == ["하나", "two", "three"]
    assert container.last_line == "three"


def test_a_busy_log_loses_no_line(aws: LocalAws, start: Start) -> None:
    container = start("sh", "-c", "i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); done", log_stream="busy")
    assert container.wait(60) == 0
    logs = aws.client("logs").get_paginator("filter_log_events")
    pages = logs.paginate(logGroupName="/test", logStreamNames=["busy"])
    assert sorted(int(event["message"]) for page in pages for event in page["events"]) == list(range(3000))


def test_opt_ml_is_its_own_folder_wherever_it_is_named(aws: LocalAws, start: Start, tmp_path: Path) -> None:
    script = 'echo "$1|$PLACE|$PWD"'
    place = {"PLACE": "a=/opt/ml:/data/opt/ml/x"}
    start("sh", "-c", script, "sh", "/opt/ml/processing/x", environment=place, log_stream="mapped").wait(30)
    folder = tmp_path / "ml"
    assert log_of(aws, "mapped") == [f"{folder}/processing/x|a={folder}:/data/opt/ml/x|{folder}"]


def test_its_environment_is_small_and_leads_back_to_the_local_aws(aws: LocalAws, start: Start, tmp_path: Path) -> None:
    script = "import os; [print(f'{k}={v}') for k, v in os.environ.items()]"
    start("python3", "-c", script, environment={"OWN": "1"}, log_stream="environment").wait(30)
    environment = dict(line.split("=", 1) for line in log_of(aws, "environment"))
    assert environment["AWS_ENDPOINT_URL"] == aws.url
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == REGION
    assert environment["AWS_ACCESS_KEY_ID"] == "testing"
    assert environment["OWN"] == "1"
    assert Path(environment["HOME"]).is_relative_to(tmp_path / "ml")
    assert Path(environment["TMPDIR"]).is_dir()
    assert str(Path(sys.executable).parent) in environment["PATH"].split(os.pathsep)
    assert "PYTEST_CURRENT_TEST" not in environment


def test_an_image_is_played_by_its_rule_with_the_arguments(aws: LocalAws, start: Start) -> None:
    assert start(image=IMAGE, arguments=["serve", "now"], log_stream="played").wait(30) == 0
    assert log_of(aws, "played") == ["played serve now, hello"]


def test_the_rules_command_is_found_under_its_alias_in_any_container(aws: LocalAws, start: Start) -> None:
    start("stub-entrypoint", "a b", "c", log_stream="shim").wait(30)
    start("stub-entrypoint", "d", "", environment={"GREETING": "own"}, log_stream="own").wait(30)
    assert log_of(aws, "shim") == ["played a b c, hello"]
    assert log_of(aws, "own") == ["played d , own"]


def test_an_unknown_image_needs_an_entrypoint(start: Start) -> None:
    with pytest.raises(NoCommand, match="busybox:1"):
        start(image="docker.io/busybox:1")


def test_an_unknown_command_is_127_and_a_line(aws: LocalAws, start: Start) -> None:
    assert start("no-such-command", log_stream="unknown").wait(30) == 127
    assert "no-such-command" in log_of(aws, "unknown")[0]


def test_its_port_is_free_and_its_own(start: Start) -> None:
    one, other = start("sleep", "60"), start("sleep", "60")
    assert one.port != other.port
    with socket.create_server(("127.0.0.1", one.port)):
        pass


def test_stop_asks_first_and_then_insists(aws: LocalAws, start: Start) -> None:
    polite = start(
        "sh", "-c", 'trap "echo bye; exit 0" TERM; echo ready; while :; do sleep 0.05; done', log_stream="polite"
    )
    deaf = start("sh", "-c", 'trap "" TERM; echo ready; while :; do sleep 0.05; done', log_stream="deaf")
    for stream in ("polite", "deaf"):
        eventually(lambda stream=stream: "ready" in log_of(aws, stream))
    assert polite.stop(grace=10) == 0
    assert "bye" in log_of(aws, "polite")
    assert deaf.stop(grace=0.2) == 137
    assert deaf.stop() == 137


def test_what_it_leaves_behind_ends_with_it(start: Start, tmp_path: Path) -> None:
    pid_file = tmp_path / "left"
    assert start("sh", "-c", f"sleep 1000 & echo $! > {pid_file}; exit 0").wait(30) == 0
    eventually(lambda: not is_alive(int(pid_file.read_text())))


def test_a_reset_ends_every_container_without_a_word_in_the_new_log(aws: LocalAws, start: Start) -> None:
    container = start("sh", "-c", "while :; do echo still here; sleep 0.02; done", log_stream="reset")
    eventually(lambda: log_of(aws, "reset"))
    aws.client("sagemaker").list_endpoints()  # a reset reaches the services that were used
    reset()
    assert container.wait(30) == 137
    assert aws.client("logs").describe_log_groups()["logGroups"] == []


def test_starting_costs_little_beside_the_process_itself(start: Start) -> None:
    """Not a timed test: it fails only if a start waits for something it should not wait for."""
    begin = time.monotonic()
    for _ in range(20):
        start("true")
    assert time.monotonic() - begin < 20


def test_the_watcher_ends_what_is_registered_when_its_input_ends() -> None:
    reaper = Reaper()
    removed, ended = (subprocess.Popen(["sleep", "1000"], start_new_session=True) for _ in range(2))
    try:
        reaper.add(removed.pid)
        reaper.add(ended.pid)
        reaper.remove(removed.pid)
        reaper.close()
        assert ended.wait(30) != 0
        assert removed.poll() is None
    finally:
        for process in (removed, ended):
            process.kill()
            process.wait()


def test_image_rules_travel_as_json() -> None:
    assert load_rules(dump_rules((ECHO,))) == (ECHO,)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "not JSON"),
        ("{}", "expected a list"),
        ('[{"match": "a"}]', "rule 1: expected match, command, as"),
        ('[{"match": "a", "command": [], "as": "b"}]', "command must be a list of words"),
        ('[{"match": "a", "command": ["x"], "as": "b/c"}]', "as a plain name"),
        ('[{"match": "a", "command": ["x"], "as": "b", "env": {"c": 1}}]', "env must hold texts"),
    ],
)
def test_bad_image_rules_say_which_and_why(text: str, why: str) -> None:
    with pytest.raises(BadImageRules, match=why):
        load_rules(text)

"""The server as a process sees it: settings, real sockets, tokens one by one, an orderly end."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fake_rag import World, settings

from sluice.errors import UsageError
from sluice.rag import log
from sluice.rag.app import create_app
from sluice.rag.server import CannotListen, Server, listen, url
from sluice.rag.settings import Settings, from_environment

NEEDED = {"SLUICE_GROUP": "chat", "SLUICE_HISTORY_TABLE": "t", "AWS_REGION": "ap-northeast-2"}
PATIENCE = 20


def eventually(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.005)


class Running:
    def __init__(self, server: Server, thread: threading.Thread, address: str) -> None:
        self.server, self.thread, self.address = server, thread, address

    def stop(self) -> None:
        self.server.should_exit = True

    def ask(self, message: str = "hello", **more: Any) -> http.client.HTTPResponse:
        """A question over a connection of its own; the answer is read by the caller."""
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=PATIENCE)
        body = json.dumps({"user": "mina", "message": message, "stream": True} | more)
        connection.request("POST", "/v1/chat", body, {"content-type": "application/json", "connection": "close"})
        return connection.getresponse()


@contextmanager
def running(world: World, folder: Path, grace: float = 5, **changed: Any) -> Iterator[Running]:
    app = create_app(settings(folder, refresh_seconds=3600, **changed), world.clients)
    ready = threading.Event()
    with listen("127.0.0.1", 0) as listening:
        server = Server(app, grace, ready.set)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            assert ready.wait(PATIENCE)
            yield Running(server, thread, url("127.0.0.1", listening.getsockname()[1]))
        finally:
            server.should_exit = True
            if world.runtime.gate:
                world.runtime.gate.let_pass(10_000)
            thread.join(PATIENCE)
            assert not thread.is_alive()


def next_event(answer: http.client.HTTPResponse) -> tuple[str, dict[str, Any]]:
    name = answer.readline().decode().removeprefix("event: ").strip()
    data = json.loads(answer.readline().decode().removeprefix("data: "))
    assert answer.readline() == b"\n"
    return name, data


def test_tokens_arrive_one_by_one_as_they_are_made(tmp_path: Path) -> None:
    world = World()
    world.runtime.says("하나", "둘", "셋")
    gate = world.runtime.waits()
    with running(world, tmp_path) as server:
        gate.let_pass()
        with closing(server.ask("세어 봐")) as answer:
            assert next_event(answer)[0] == "sources"
            assert next_event(answer) == ("token", {"text": "하나"})  # the second is not made yet
            gate.let_pass()
            assert next_event(answer) == ("token", {"text": "둘"})
            gate.let_pass()
            assert next_event(answer) == ("token", {"text": "셋"})
            assert next_event(answer)[0] == "done"
            assert answer.read() == b""


def test_who_goes_away_hangs_up_the_model_and_what_they_saw_is_kept(tmp_path: Path) -> None:
    world = World()
    world.runtime.says(*(f"word{n} " for n in range(1000)))
    gate = world.runtime.waits()
    with running(world, tmp_path) as server:
        gate.let_pass(2)
        answer = server.ask()
        for _ in range(3):
            next_event(answer)
        answer.close()
        eventually(lambda: gate.let_pass() or world.runtime.bodies[0].closed.is_set(), "the model is hung up on")
        eventually(lambda: world.table.items, "the turn is written")
        ((item),) = world.table.items.values()
        assert item["answer"]["S"].startswith("word0 word1 ")
        assert "word999" not in item["answer"]["S"]
        assert item["interrupted"] == {"BOOL": True}


def test_two_hundred_streams_run_at_once(tmp_path: Path) -> None:
    world = World()
    world.runtime.says("first ", "last")
    gate = world.runtime.waits(after=1)
    with running(world, tmp_path, concurrency=200) as server:
        answers = [server.ask(user=f"user{n}") for n in range(200)]
        for answer in answers:
            assert next_event(answer)[0] == "sources"
            assert next_event(answer) == ("token", {"text": "first "})
        with closing(server.ask()) as refused:
            assert refused.status == 503  # the 201st is told so at once
        gate.let_pass(200)
        for answer in answers:
            assert [next_event(answer)[0], next_event(answer)[0]] == ["token", "done"]
            answer.close()
    assert len(world.table.items) == 200


def undelayed(server: Running) -> list[bool]:
    """Of each connection that the server has accepted: whether it sends what it has at once."""
    connections = [
        connection.transport.get_extra_info("socket") for connection in server.server.server_state.connections
    ]
    return [bool(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)) for one in connections]


def test_no_connection_waits_for_an_acknowledgement_before_it_sends_more(tmp_path: Path) -> None:
    world = World()
    gate = world.runtime.waits()
    with running(world, tmp_path) as server:
        kept = http.client.HTTPConnection(urlsplit(server.address).netloc, timeout=PATIENCE)
        with closing(kept):
            kept.request("GET", "/healthz")
            kept.getresponse().read()
            assert undelayed(server) == [True]
            gate.let_pass()
            with closing(server.ask()) as answer:
                next_event(answer)
                assert undelayed(server) == [True, True]  # the second one streams
                gate.let_pass(10)
                answer.read()


def test_a_running_answer_may_end_before_the_server_does(tmp_path: Path) -> None:
    world = World()
    gate = world.runtime.waits()
    with running(world, tmp_path) as server:
        gate.let_pass()
        with closing(server.ask()) as answer:
            next_event(answer)
            server.stop()
            gate.let_pass(10)
            assert answer.read().decode().count("event: done") == 1
        server.thread.join(PATIENCE)
        assert not server.thread.is_alive()


def test_an_answer_that_takes_too_long_is_told_that_the_server_ends(tmp_path: Path) -> None:
    world = World()
    gate = world.runtime.waits()
    with running(world, tmp_path, grace=0.2) as server:
        gate.let_pass()
        with closing(server.ask()) as answer:
            next_event(answer)
            server.stop()
            rest = answer.read().decode()
            assert "event: error" in rest and "shutting_down" in rest
        server.thread.join(PATIENCE)
        assert not server.thread.is_alive()


def test_a_port_in_use_is_one_clear_error() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=f"Port {port}") as raised:
            listen("127.0.0.1", port)
        assert "--port" in raised.value.hint
    with pytest.raises(CannotListen):
        listen("no such host.invalid", 0)
    with pytest.raises(UsageError):
        listen("127.0.0.1", 99_999)


def test_settings_come_from_the_environment(tmp_path: Path) -> None:
    read = from_environment(NEEDED | {"SLUICE_DOCUMENTS": str(tmp_path / "d"), "SLUICE_REFRESH_SECONDS": "2.5"})
    assert read == Settings("chat", "t", "ap-northeast-2", documents=tmp_path / "d", refresh_seconds=2.5)
    hosts = from_environment(NEEDED | {"SLUICE_ALLOWED_HOSTS": "Chat.example.com, 10.0.0.0/8"}).allowed_hosts
    assert hosts == ("chat.example.com", "10.0.0.0/8")
    assert from_environment(NEEDED | {"SLUICE_PASSAGES": " 2 ", "SLUICE_MAX_TOKENS": ""}).passages == 2


def test_all_that_is_wrong_with_the_settings_is_said_at_once() -> None:
    wrong = {
        "SLUICE_GROUP": " ",
        "SLUICE_HISTORY_DAYS": "ninety",
        "SLUICE_PASSAGES": "5",
        "SLUICE_REFRESH_SECONDS": "nan",
        "SLUICE_MAX_TOKENS": "1.5",
        "SLUICE_ALLOWED_HOSTS": "chat.example.com, https://www.example.com",
    }
    with pytest.raises(UsageError) as raised:
        from_environment(wrong)
    for said in (
        "SLUICE_GROUP: not set",
        "SLUICE_HISTORY_TABLE: not set",
        "AWS_REGION or AWS_DEFAULT_REGION: not set",
        "SLUICE_HISTORY_DAYS: 'ninety' is not a whole number",
        "SLUICE_PASSAGES: 5 is not from 0 to 4",
        "SLUICE_REFRESH_SECONDS: nan",
        "SLUICE_MAX_TOKENS: '1.5'",
        "SLUICE_ALLOWED_HOSTS: 'chat.example.com, https://www.example.com' is not a list of names",
    ):
        assert said in raised.value.message


def start(folder: Path, **more: str) -> subprocess.Popen[str]:
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("SLUICE_", "AWS_REGION"))},
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",  # nobody is there
        "SLUICE_DOCUMENTS": str(folder / "d.sqlite3"),
        **more,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "sluice.rag"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_as_a_process_it_serves_at_the_address_it_names_until_it_is_told_to_end(tmp_path: Path, host: str) -> None:
    with start(tmp_path, SLUICE_HOST=host, SLUICE_PORT="0", **NEEDED) as process:
        assert process.stderr is not None
        try:
            lines = iter(process.stderr.readline, "")
            address = next(json.loads(line)["message"] for line in lines if "listening" in line).rpartition(" ")[2]
            connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE)
            connection.request("GET", "/healthz")
            assert connection.getresponse().read() == b'{"status":"ok"}'
            connection.close()
            process.send_signal(signal.SIGTERM)
            process.stderr.read()
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()


def test_as_a_process_it_says_what_is_wrong_and_stops(tmp_path: Path) -> None:
    with start(tmp_path) as process:
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert "SLUICE_GROUP: not set" in said and "Traceback" not in said
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with start(tmp_path, SLUICE_PORT=str(taken.getsockname()[1]), **NEEDED) as process:
            _, said = process.communicate(timeout=PATIENCE)
        assert process.returncode == 1
        assert "is in use" in said and "Traceback" not in said


def test_log_lines_of_others_are_json_too() -> None:
    told = json.loads(log.line(level="info", message="안녕\n\u202e"))
    assert told["message"] == "안녕\n\u202e"
    assert log.line(text="안녕\n\u202e\x9b").endswith('{"text": "안녕\\n\\u202e\\u009b"}'.removeprefix("{"))

"""The local AWS in the background: one per state folder, and nothing of it outlives it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from localaws_fixture import IMAGE, REGION, ROLE, eventually, rule
from processes import is_alive, parent_of, processes_with

from sluice.localaws.server import daemon
from sluice.localaws.server.settings import Settings

STUB = Path(__file__).parents[1] / "support" / "stub_model_server.py"


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    own_settings = Settings(tmp_path / "state", (rule(STUB),), port=free_port())
    yield own_settings
    daemon.down(own_settings)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_up_starts_it_once_and_down_stops_it_once(settings: Settings) -> None:
    assert not daemon.status(settings).running
    first = daemon.up(settings)
    assert first.running
    assert daemon.up(settings) == first == daemon.status(settings)
    assert daemon.down(settings)
    assert not daemon.status(settings).running
    assert not daemon.down(settings)
    assert not (settings.state / "localaws.pid").exists()


def test_two_who_start_it_at_once_get_the_same_one(settings: Settings) -> None:
    with ThreadPoolExecutor() as pool:
        one, other = pool.map(daemon.up, [settings, settings])
    assert one == other


def test_other_image_rules_are_told_to_need_a_restart(settings: Settings) -> None:
    daemon.up(settings)
    assert not daemon.status(settings).outdated
    assert daemon.status(replace(settings, images=())).outdated


def test_a_stale_pid_file_is_nobody(settings: Settings) -> None:
    settings.state.mkdir()
    (settings.state / "localaws.pid").write_text(f'{{"pid": {os.getpid()}, "port": {settings.port}}}')
    assert not daemon.down(settings)
    assert daemon.up(settings).pid != os.getpid()


def test_something_else_on_the_port_is_said(settings: Settings) -> None:
    other = subprocess.Popen(
        [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(settings.port)], stderr=subprocess.DEVNULL
    )
    try:
        eventually(lambda: is_open(settings.port))
        for look in (daemon.status, daemon.up):
            with pytest.raises(daemon.DaemonError, match=f"Something else listens on 127.0.0.1:{settings.port}"):
                look(settings)
    finally:
        other.kill()
        other.wait()


def test_another_ones_local_aws_on_the_port_is_said(settings: Settings, tmp_path: Path) -> None:
    daemon.up(settings)
    with pytest.raises(daemon.DaemonError, match="another local AWS"):
        daemon.up(replace(settings, state=tmp_path / "mine"))
    with pytest.raises(daemon.DaemonError, match="does not answer on port"):
        daemon.up(replace(settings, port=free_port()))


def test_a_start_that_fails_says_what_the_log_says(settings: Settings) -> None:
    broken = replace(settings, host="203.0.113.1")  # no address of this machine
    with pytest.raises(daemon.DaemonError, match="did not start"):
        daemon.up(broken)


def test_a_command_that_asks_for_it_does_not_import_moto() -> None:
    code = "import sys; from sluice.localaws.server import daemon; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"moto", "boto3", "flask", "werkzeug"} & set(loaded)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_the_server_however_it_ends(settings: Settings, number: int) -> None:
    status = daemon.up(settings)
    assert status.pid is not None
    sagemaker = boto3.client("sagemaker", region_name=REGION, endpoint_url=status.url)
    with contextlib.closing(sagemaker):
        pid = serving_process(sagemaker, settings)
    os.kill(status.pid, number)
    eventually(lambda: not is_alive(pid))
    eventually(lambda: not daemon.status(settings).running)
    if number == signal.SIGKILL:
        assert daemon.up(settings).pid != status.pid  # what it left in its folder is in nobody's way


def serving_process(sagemaker: Any, settings: Settings) -> int:
    """The process group of an endpoint in service."""
    sagemaker.create_model(ModelName="m", PrimaryContainer={"Image": IMAGE}, ExecutionRoleArn=ROLE)
    variant = {"VariantName": "a", "ModelName": "m", "InstanceType": "ml.g5.xlarge", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    eventually(lambda: sagemaker.describe_endpoint(EndpointName="e")["EndpointStatus"] == "InService")
    server = daemon.status(settings).pid
    return next(pid for pid in processes_with(str(STUB)) if parent_of(pid) == server)


def is_open(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def test_a_process_may_start_it_and_end(settings: Settings) -> None:
    code = (
        "from pathlib import Path; from sluice.localaws.server import daemon; "
        "from sluice.localaws.server.settings import Settings; "
        f"daemon.up(Settings(Path({str(settings.state)!r}), (), port={settings.port}))"
    )
    begin = time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True)
    assert time.monotonic() - begin < 30
    assert daemon.status(settings).running

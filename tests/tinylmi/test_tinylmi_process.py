"""`python -m sluice.tinylmi` as a process: the entrypoint rule, a start that fails in one line, a graceful stop."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys

import lmi_server
import pytest
import tiny_model

from sluice.tinylmi import web

HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model.write(tmp_path_factory.mktemp("model"))


def tinylmi(*arguments, **env):
    """A process with nothing in its environment but what is given."""
    return subprocess.Popen(
        [sys.executable, "-m", "sluice.tinylmi", *arguments],
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process):
    out, err = process.communicate(timeout=lmi_server.SECONDS)
    return process.returncode, out, err


@contextlib.contextmanager
def serving(folder, **env):
    """A server that has been started on a free port: the process and a client."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = tinylmi("serve", SM_MODEL_DIR=str(folder), SAGEMAKER_BIND_TO_PORT=str(port), **env)
    client = lmi_server.Client(port)
    try:
        lmi_server.until(lambda: process.poll() is not None or answers(client), "the start")
        yield process, client
    finally:
        process.kill()
        process.communicate()


def answers(client):
    try:
        return client.get("/ping")[0] == 200
    except ConnectionRefusedError:
        return False


def test_serve_answers_until_it_is_told_to_stop(folder):
    with serving(folder, OPTION_MAX_MODEL_LEN="256", OPTION_MAX_LEN="9") as (process, client):
        assert client.ask(messages=HELLO, max_tokens=2)["usage"]["completion_tokens"] == 2
        process.send_signal(signal.SIGTERM)
        code, out, err = finished(process)
    assert (code, out) == (0, "")
    assert re.search(r"applied: max_model_len=256; .*ignored as by the image: OPTION_MAX_LEN\n", err)
    assert "POST /invocations 200" in err


def test_an_interrupt_is_a_stop_too(folder):
    with serving(folder) as (process, _):
        process.send_signal(signal.SIGINT)
        code, _, err = finished(process)
    assert code == 0
    assert "Traceback" not in err


def test_an_answer_that_runs_is_finished_before_the_stop(folder):
    with serving(folder) as (process, client):
        connection = client.open({"messages": HELLO, "stream": True, "ignore_eos": True, "max_tokens": 1500})
        reply = connection.getresponse()
        reply.readline()
        process.send_signal(signal.SIGTERM)
        lines = [json.loads(line) for line in reply.read().split(b"\n") if line.strip()]
        assert lines[-1]["choices"][0]["finish_reason"] == "length"
        connection.close()
        assert finished(process)[0] == 0


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"OPTION_MAX_NUM_SEQS": "8"}, "OPTION_MAX_NUM_SEQS=8: ends the start of LMI 17"),
        ({"OPTION_MAX_MODEL_LEN": "9999"}, "more than the model's max_position_embeddings=2048"),
        ({"HF_MODEL_ID": "/no/such/folder"}, "There is no model: /no/such/folder is not a folder"),
        ({"HF_MODEL_ID": "Qwen/Qwen3-4B"}, "there is no hub here"),
        ({"TINYLMI_UPSTREAM": "nonsense"}, "TINYLMI_UPSTREAM=nonsense is not a URL"),
    ],
)
def test_a_start_that_fails_is_one_line_and_exit_code_1(folder, env, message):
    code, out, err = finished(tinylmi("serve", **{"SM_MODEL_DIR": str(folder), **env}))
    assert (code, out) == (1, "")
    assert message in err.splitlines()[-1]
    assert "Traceback" not in err


def test_a_port_in_use_is_one_line_and_exit_code_1(folder):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        code, _, err = finished(tinylmi("serve", SM_MODEL_DIR=str(folder), SAGEMAKER_BIND_TO_PORT=port))
    assert code == 1
    assert f"Port {port} of 127.0.0.1 cannot be used" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "code", "out"),
    [
        (["echo", "one", "two"], 0, "one two\n"),
        (["echo", "one;", "exit", "7"], 7, "one\n"),
        (["echo", "'a  b'", "$((1+1))"], 0, "a  b 2\n"),
        (["echo", "a  b"], 0, "a b\n"),  # joined and parsed again: blanks must be quoted
        (["false;", "echo", "never"], 1, ""),
        (["no-such-command"], 127, ""),
        (["echo", "$SHOWN"], 0, "seen\n"),
    ],
)
def test_anything_but_serve_is_a_shell_command_line(arguments, code, out):
    assert finished(tinylmi(*arguments, SHOWN="seen"))[:2] == (code, out)


def test_a_path_with_blanks_that_exists_stays_whole(tmp_path):
    script = tmp_path / "my jobs" / "run.sh"
    script.parent.mkdir()
    script.write_text("echo ran")
    assert finished(tinylmi("sh", str(script)))[:2] == (0, "ran\n")


def test_a_signal_reaches_the_command():
    process = tinylmi(sys.executable, "-c", "\"import time; print('up', flush=True); time.sleep(60)\"")
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGTERM)
    assert finished(process)[0] == -signal.SIGTERM


def test_what_the_image_can_do_besides_is_refused_by_name():
    code, _, err = finished(tinylmi("partition"))
    assert code == 2
    assert "partition" in err


def test_no_foreign_web_page_is_answered(folder):
    with serving(folder) as (_, client):
        body = json.dumps({"messages": HELLO, "max_tokens": 1})
        for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}):
            for method, path in (("POST", "/invocations"), ("POST", "/v1/chat/completions"), ("GET", "/ping")):
                status, refused = send(client.port, method, path, body, headers)
                assert (status, refused["code"]) == (403, 403)
                assert next(iter(headers.values())) in refused["error"]
        assert send(client.port, "POST", "/invocations", body, {"Host": "localhost"})[0] == 200


def send(port, method, path, body, headers):
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=lmi_server.SECONDS)) as connection:
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())


def test_no_connection_waits_for_an_acknowledgement_before_it_sends_more():
    with web.listen("127.0.0.1", 0, 1) as listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

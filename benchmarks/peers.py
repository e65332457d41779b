"""promptfoo and inspect_ai on the same stub: the same chats and assertions, no cache, each in its own environment.

They are installed under `build/peers` when they are first needed, in the versions named here. A peer that cannot be
installed, started, or does not make the calls that it should, ends the benchmark with its name.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.endpoint import read_counts, start_stub
from benchmarks.measure import time_process

PROMPTFOO, NODE, INSPECT, OPENAI = "0.123.1", "22.23.3", "0.3.285", "3.57.0"
ROOT = Path(__file__).parent.parent / "build" / "peers"
QUIET = {
    "PROMPTFOO_DISABLE_TELEMETRY": "1", "PROMPTFOO_DISABLE_UPDATE": "1", "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
    "PROMPTFOO_CACHE_ENABLED": "false", "STUB_API_KEY": "none", "OPENAI_API_KEY": "none",
}  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """A whole process, and what the stub saw of it."""

    wall: float
    calls: int
    peak: int
    messages: int
    seconds: float

    @classmethod
    def middle(cls, runs: Sequence["Measured"]) -> "Measured":
        return sorted(runs, key=lambda run: run.wall)[len(runs) // 2]


@dataclass(frozen=True)
class Peer:
    name: str
    version: str
    prepare: Callable[[Path, int], Sequence[str]]  # folder, the stub's port -> command
    env: Mapping[str, str]
    calls: int
    messages: int  # that the last request of a chat holds


def measure_peer(peer: Peer, folder: Path, delay: float, runs: int) -> dict[str, Any]:
    """Time the peer's runs after one that warms up. The stub must have seen all the calls that were due."""
    measured = []
    for run in range(runs + 1):
        with start_stub(delay if run else 0) as port:
            env = {**peer.env, "STUB_BASE_URL": f"http://127.0.0.1:{port}/v1"}
            took = time_process(peer.prepare(folder, port), env, cwd=folder)
            what = Measured(took, **read_counts(port))
        if (what.calls, what.messages) != (peer.calls, peer.messages):
            raise SystemExit(f"{peer.name} {peer.version} made other calls than it should: {what}")
        if run:
            measured.append(what)
            print(f"{peer.name} {peer.version}, run {run}: {took:.2f} s, {what.peak} in flight", file=sys.stderr)
    middle = Measured.middle(measured)
    return {"wall_s": middle.wall, "calls_s": middle.seconds, "peak": middle.peak, "version": peer.version}


def peers(chats: int, turns: int, concurrency: int) -> Iterator[Peer]:
    """promptfoo twice: as chats, and as single turns, where it is strong."""
    promptfoo, env = install_promptfoo()
    calls = chats * turns

    def as_chats(folder: Path, port: int) -> Sequence[str]:
        return promptfoo_command(promptfoo, folder, port, chats, turns, concurrency, CONVERSATION)

    def single(folder: Path, port: int) -> Sequence[str]:
        return promptfoo_command(promptfoo, folder, port, chats, turns, concurrency, QUESTION)

    yield Peer("promptfoo_chats", PROMPTFOO, as_chats, env, calls, 2 * turns - 1)
    yield Peer("promptfoo_single", PROMPTFOO, single, env, calls, 1)
    inspect = install_inspect()

    def solver(folder: Path, port: int) -> Sequence[str]:
        return inspect_command(inspect, folder, chats, turns, concurrency)

    yield Peer("inspect_ai", INSPECT, solver, QUIET, calls, 2 * turns - 1)


def install(name: str, command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
    print(f"installing {name} ...", file=sys.stderr)
    process = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(env or {})}, check=False)
    if process.returncode:
        raise SystemExit(
            f"{name} could not be installed ({process.returncode}):\n{(process.stdout + process.stderr)[-2000:]}"
        )


def check_version(name: str, command: Sequence[str], version: str, env: Mapping[str, str] | None = None) -> None:
    try:
        process = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, **(env or {})}, check=False
        )
    except OSError as error:
        raise SystemExit(f"{name} {version} does not start: {error}. Remove build/peers and try again.") from None
    if process.returncode or version not in process.stdout + process.stderr:
        raise SystemExit(f"{name} {version} does not start ({process.returncode}): {process.stdout}{process.stderr}")


# promptfoo: a test for each turn; `conversationId` makes chats of them


CONVERSATION = """[
{% for turn in _conversation %}
  {"role": "user", "content": {{ turn.input | dump }}}, {"role": "assistant", "content": {{ turn.output | dump }}},
{% endfor %}
  {"role": "user", "content": {{ question | dump }}}
]
"""
QUESTION = '[{"role": "user", "content": {{ question | dump }}}]\n'


def install_promptfoo() -> tuple[str, Mapping[str, str]]:
    """It needs a newer Node than many machines have, so one is brought along."""
    if not (npm := shutil.which("npm")):
        raise SystemExit("promptfoo cannot be installed: there is no npm on this machine.")
    node, folder = ROOT / "node", ROOT / "promptfoo"
    env = QUIET | {
        "PATH": f"{node / 'node_modules' / '.bin'}:{os.environ['PATH']}",
        "PROMPTFOO_CONFIG_DIR": str(ROOT / "promptfoo-state"),
    }
    for name, version, place in (("node", NODE, node), ("promptfoo", PROMPTFOO, folder)):
        if not (place / "node_modules" / ".bin" / name).exists():
            place.mkdir(parents=True, exist_ok=True)
            command = [npm, "install", "--prefix", str(place), "--no-audit", "--no-fund", f"{name}@{version}"]
            install(f"{name} {version}", command, env)
    binary = str(folder / "node_modules" / ".bin" / "promptfoo")
    check_version("promptfoo", [binary, "--version"], PROMPTFOO, env)
    return binary, env


def promptfoo_command(
    binary: str, folder: Path, port: int, chats: int, turns: int, concurrency: int, prompt: str
) -> Sequence[str]:
    config = {
        "prompts": [f"file://{folder / 'prompt.json'}"],
        "providers": [
            {"id": "openai:chat:stub", "config": {"apiBaseUrl": f"http://127.0.0.1:{port}/v1", "max_tokens": 8}}
        ],
        "tests": [
            {
                "vars": {"question": f"question {turn} of {chat}"},
                "assert": [{"type": "icontains", "value": "ok"}],
                **({"metadata": {"conversationId": f"chat-{chat}"}} if prompt == CONVERSATION else {}),
            }
            for chat in range(chats)
            for turn in range(turns)
        ],
    }
    (folder / "prompt.json").write_text(prompt)
    (folder / "promptfooconfig.json").write_text(json.dumps(config))
    quiet = ("--no-cache", "--no-write", "--no-table", "--no-progress-bar", "--no-share")
    return [binary, "eval", "-c", str(folder / "promptfooconfig.json"), "-j", str(concurrency), *quiet]


# inspect_ai: a solver of some turns


TASK = """
from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.model import ChatMessageUser
from inspect_ai.scorer import CORRECT, INCORRECT, Score, accuracy, scorer
from inspect_ai.solver import solver


@solver
def chat():
    async def solve(state, generate):
        for question in state.metadata["further"]:
            state = await generate(state)
            state.messages.append(ChatMessageUser(content=question))
        return await generate(state)

    return solve


@scorer(metrics=[accuracy()])
def every_answer():
    async def score(state, target):
        answers = [message.text for message in state.messages if message.role == "assistant"]
        held = len(answers) == {turns} and all("ok" in answer.casefold() for answer in answers)
        return Score(value=CORRECT if held else INCORRECT)

    return score


@task
def replay():
    samples = []
    for chat_number in range({chats}):
        first, *further = [f"question {{turn}} of {{chat_number}}" for turn in range({turns})]
        samples.append(Sample(id=f"chat-{{chat_number}}", input=first, metadata={{"further": further}}))
    return Task(dataset=samples, solver=chat(), scorer=every_answer())
"""


def install_inspect() -> str:
    folder = ROOT / "inspect"
    binary = folder / "bin" / "inspect"
    if not binary.exists():
        install("an environment for inspect_ai", [sys.executable, "-m", "venv", str(folder)])
        packages = [f"inspect_ai=={INSPECT}", f"openai=={OPENAI}"]
        install(f"inspect_ai {INSPECT}", [str(folder / "bin" / "pip"), "install", "-q", *packages])
    check_version("inspect_ai", [str(binary), "--version"], INSPECT)
    return str(binary)


def inspect_command(binary: str, folder: Path, chats: int, turns: int, concurrency: int) -> Sequence[str]:
    """Write the task and return the command; `openai-api/stub/...` reads STUB_BASE_URL and STUB_API_KEY."""
    task = folder / "chats.py"
    task.write_text(TASK.format(chats=chats, turns=turns))
    limits = ("--max-connections", str(concurrency), "--max-samples", str(concurrency), "--max-tokens", "8")
    quiet = ("--display", "none", "--log-dir", str(folder / "logs"))
    return [binary, "eval", task.name, "--model", "openai-api/stub/stub", *limits, *quiet]

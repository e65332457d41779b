"""The demo's side of the chat: the RAG server as a process of its own, and one user who asks it over HTTP."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import click
from boto3.dynamodb.types import TypeDeserializer

from sluice import shipped, yaml_file
from sluice.cli import output
from sluice.cli.state import state_folder
from sluice.cli.target import Target
from sluice.errors import SluiceError

EXAMPLES = shipped.find_file("examples")
PATIENCE = 30  # seconds for the server to come up


class ServerFailed(SluiceError):
    """The RAG server did not come up, or answered with an error."""


@dataclass(frozen=True)
class DemoQuestion:
    text: str
    expect: str
    follow_up: bool = False


@dataclass(frozen=True)
class Answer:
    text: str
    sources: tuple[str, ...]


def load_questions() -> list[DemoQuestion]:
    return [DemoQuestion(**each) for each in yaml_file.load(EXAMPLES / "demo.yaml")["questions"]]


class Server:
    """`sluice serve` on a free port; stopped on leaving. Its log lines go to a file of their own."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __enter__(self) -> "Server":
        self.log = state_folder() / "rag-server.log"
        command = [sys.executable, "-c", "from sluice.cli.main import main; main()", "serve"]
        command += ["--port", "0", "--file", str(self.file)]
        with self.log.open("w") as log:
            # nobody else asks this server, so it need not wait long for answers that are under way
            environment = {"SLUICE_SHUTDOWN_SECONDS": "2", **os.environ}
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        self.url = self._address()
        return self

    def _address(self) -> str:
        lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, args=(lines,), daemon=True).start()
        try:
            return "http" + lines.get(timeout=PATIENCE).rpartition("http")[2].strip()
        except queue.Empty:
            self.__exit__(None, None, None)
            raise ServerFailed(f"The RAG server did not come up within {PATIENCE} s.", f"See {self.log}.") from None

    def _read(self, lines: queue.Queue[str]) -> None:
        for line in self.process.stdout or ():
            lines.put(line)

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def upload_handbook(self) -> list[str]:
        files = sorted((EXAMPLES / "handbook").glob("handbook.*.md"))
        for file in files:
            body = {"id": file.stem, "title": file.name, "text": file.read_text(encoding="utf-8")}
            self._post("/v1/documents", body).read()
        return [file.name for file in files]

    def post_question(self, user: str, question: str) -> Answer:
        """Ask, and print the answer as its tokens arrive, then where it comes from."""
        output.say(f"\n  {user}: {question}")
        click.echo("  answer: ", nl=False)
        text, sources = [], ()
        for event, data in read_events(self._post("/v1/chat", {"user": user, "message": question, "stream": True})):
            match event:
                case "token":
                    text.append(data["text"])
                    click.echo(output.readable(data["text"]), nl=False)
                case "sources":
                    sources = tuple(dict.fromkeys(each["title"] or each["id"] for each in data["sources"]))
                case "error":
                    raise ServerFailed(f"The RAG server answered with an error: {data['error']['message']}")
        click.echo()
        if sources:
            output.say(f"  sources: {'; '.join(sources)}")
        return Answer("".join(text), sources)

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        request = Request(self.url + quote(path), json.dumps(body).encode(), {"Content-Type": "application/json"})
        return urlopen(request, timeout=70)


def read_events(lines: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Server-sent events as (name, data)."""
    name = ""
    for raw in lines:
        line = raw.decode().rstrip("\n")
        if line.startswith("event:"):
            name = line.removeprefix("event:").strip()
        elif line.startswith("data:"):
            yield name, json.loads(line.removeprefix("data:"))


def read_history(target: Target, table: str, user: str) -> list[list[str]]:
    """A user's last three turns by one Query, oldest first, as rows of a table."""
    answer = target.client("dynamodb").query(
        TableName=table,
        KeyConditionExpression="#user = :user",
        ExpressionAttributeNames={"#user": "user"},
        ExpressionAttributeValues={":user": {"S": user}},
        ScanIndexForward=False,
        Limit=3,
    )
    plain = TypeDeserializer().deserialize
    turns = [{key: plain(value) for key, value in item.items()} for item in reversed(answer["Items"])]
    return [["  " + turn["turn"][:19], turn["question"], turn["answer"], str(turn["version"])] for turn in turns]

"""The example cases through the RAG server: its own retrieval, history and prompt, over the shipped checkpoint."""

import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fake_rag import FakeRuntime, World, settings
from tiny_checkpoint import Checkpoint

from sluice.evaluation.cases import loader
from sluice.evaluation.replay.engine import replay
from sluice.evaluation.replay.plan import Plan
from sluice.evaluation.replay.rag_target import HttpRag
from sluice.evaluation.results import CaseResult
from sluice.rag.app import create_app
from sluice.rag.server import Server, listen, url

EXAMPLES = Path(__file__).parents[2] / "examples"
CASES = loader.load_cases(EXAMPLES / "rag-cases.yaml")
PATIENCE = 20


class TinyRuntime(FakeRuntime):
    """An endpoint on which the good checkpoint answers, one request at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.checkpoint = Checkpoint("good")

    def _asked(self, request: dict[str, Any]) -> None:
        super()._asked(request)
        self.says(self.checkpoint(self.requests[-1][1]).text)

    def shown(self, before: str, last: str) -> str:
        """All that the model was shown with the question `last`, when the turn before it asked `before`."""
        for _, body in self.requests:
            asked = [message["content"] for message in body["messages"] if message["role"] == "user"]
            if asked[-2:-1] == [before] and asked[-1].endswith(last):
                return "\n".join(message["content"] for message in body["messages"])
        raise AssertionError(f"never asked after {before!r}: {last!r}")


@pytest.fixture(scope="module")
def runtime() -> TinyRuntime:
    return TinyRuntime()


@pytest.fixture(scope="module")
def results(runtime: TinyRuntime, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, CaseResult]]:
    world = World()
    world.runtime = runtime
    app = create_app(settings(tmp_path_factory.mktemp("rag"), refresh_seconds=3600), world.clients)
    ready = threading.Event()
    with listen("127.0.0.1", 0) as listening:
        server = Server(app, 5, ready.set)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        assert ready.wait(PATIENCE)
        address = url("127.0.0.1", listening.getsockname()[1])
        try:
            for file in sorted((EXAMPLES / "handbook").glob("*.md")):
                add(address, file)
            with HttpRag(address) as rag:
                found = replay(CASES, no_model, Plan(concurrency=1, max_tokens=64), rag=rag).results
            yield {result.case.id: result for result in found}
        finally:
            server.should_exit = True
            thread.join(PATIENCE)


def no_model(request: dict[str, Any]) -> Any:
    raise AssertionError("these cases go through the RAG server")


def add(address: str, file: Path) -> None:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE)
    body = json.dumps({"id": file.stem, "title": file.name, "text": file.read_text(encoding="utf-8")})
    connection.request("POST", "/v1/documents", body, {"Content-Type": "application/json"})
    assert connection.getresponse().status == 201
    connection.close()


def told(result: CaseResult) -> str:
    turns = result.deciding_chat.turns
    return "\n".join(f"{turn.turn.user} -> {turn.answer} {turn.passages} {turn.scores} {turn.error}" for turn in turns)


@pytest.mark.parametrize("case", [case.id for case in CASES])
def test_the_example_cases_pass_through_the_rag_server(results: dict[str, CaseResult], case: str) -> None:
    assert results[case].passed, told(results[case])


@pytest.mark.parametrize("case, fact, there", [
    ("there-at-turn-four-en", "Ramona", True),
    ("gone-at-turn-five-en", "Ramona", False),
    ("gone-at-turn-five-ko", "나리", False),
])  # fmt: skip
def test_what_the_cases_say_of_the_window_is_what_the_model_was_shown(
    results: dict[str, CaseResult], runtime: TinyRuntime, case: str, fact: str, there: bool
) -> None:
    *_, before, last = (turn.turn.user for turn in results[case].deciding_chat.turns)
    assert (fact in runtime.shown(before, last)) == there


def test_nothing_that_one_user_tells_is_shown_when_another_asks(
    results: dict[str, CaseResult], runtime: TinyRuntime
) -> None:
    asked = [str(body["messages"]) for _, body in runtime.requests]
    shown = [{name for name in ("Sandra", "Ramona") if name in text} for text in asked if "remember my name?" in text]
    assert sorted(shown, key=sorted) == [set(), set(), {"Ramona"}, {"Sandra"}]
    assert "Sandra" in results["anna-is-remembered"].deciding_chat.turns[-1].answer

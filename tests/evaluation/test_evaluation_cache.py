"""Replies kept while cases are being written."""

from pathlib import Path
from typing import Any

import pytest
from replayed import Echo, chat

from sluice.chat_api import Reply
from sluice.evaluation.replay.cache import CachedTarget, NoCache
from sluice.evaluation.replay.engine import replay
from sluice.evaluation.replay.failures import Refused
from sluice.evaluation.replay.plan import Plan
from sluice.evaluation.replay.target import TimedReply

ONE = {"url": "http://one"}
CALLS = ({"name": "find", "arguments": {"q": "연차"}},)


def request_answer(target: Any, question: str = "q", **more: Any) -> Any:
    return target({"messages": [{"role": "user", "content": question}], **more})


def test_the_same_request_is_asked_once_and_its_answer_is_the_same(tmp_path: Path) -> None:
    echo = Echo()
    first = request_answer(CachedTarget(echo, tmp_path, ONE))
    again = CachedTarget(echo, tmp_path, ONE)
    assert request_answer(again) == first
    assert (echo.asked["q"], again.hits) == (1, 1)


def test_another_request_or_another_target_is_asked(tmp_path: Path) -> None:
    echo = Echo()
    request_answer(CachedTarget(echo, tmp_path, ONE))
    request_answer(CachedTarget(echo, tmp_path, ONE), seed=1)
    request_answer(CachedTarget(echo, tmp_path, {"url": "http://other"}))
    assert echo.asked["q"] == 3


def test_calls_are_kept_too(tmp_path: Path) -> None:
    reply = Reply("", "tool_calls", 1, 1, CALLS)
    request_answer(CachedTarget(lambda _: reply, tmp_path, ONE))
    cached = request_answer(CachedTarget(Echo(), tmp_path, ONE))
    assert isinstance(cached, TimedReply) and cached.tool_calls == CALLS


def test_a_failure_is_not_kept(tmp_path: Path) -> None:
    def refuses(_: dict[str, Any]) -> Reply:
        raise Refused("no")

    with pytest.raises(Refused):
        request_answer(CachedTarget(refuses, tmp_path, ONE))
    assert request_answer(CachedTarget(Echo(), tmp_path, ONE)).text == "echo: q"


def test_a_file_that_is_damaged_is_asked_again(tmp_path: Path) -> None:
    echo = Echo()
    request_answer(CachedTarget(echo, tmp_path, ONE))
    (file,) = tmp_path.rglob("*.json")
    for damaged in ("", "[]", '{"txt": 1}', '{"text": '):
        file.write_text(damaged)
        assert request_answer(CachedTarget(echo, tmp_path, ONE)).text == "echo: q"
    assert echo.asked["q"] == 5


def test_the_time_of_a_kept_answer_is_that_of_when_it_was_given(tmp_path: Path) -> None:
    cases, plan = [chat("a", "q")], Plan(1, cached=True)
    first = replay(cases, CachedTarget(Echo(), tmp_path, ONE), plan).results[0].deciding_chat.turns[0]
    again = replay(cases, CachedTarget(Echo(), tmp_path, ONE), plan).results[0].deciding_chat.turns[0]
    assert again.latency_ms == first.latency_ms


def test_a_folder_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NoCache, match="cannot be"):
        request_answer(CachedTarget(Echo(), tmp_path / "file", ONE))

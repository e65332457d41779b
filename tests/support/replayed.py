"""What the tests of a replay share: cases of one line, and a target that counts and always takes the same time."""

from collections import Counter
from typing import Any

from sluice.chat_api import Reply
from sluice.evaluation.cases.case import Case, Turn
from sluice.evaluation.replay.target import TimedReply


def chat(name: str, *questions: str, says: str = "echo", **more: Any) -> Case:
    return Case(name, tuple(Turn(question, expect={"contains": says}) for question in questions), **more)


class Echo:
    """Answers with the question; `asked` says how often each was."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def __call__(self, request: dict[str, Any]) -> Reply:
        question = request["messages"][-1]["content"]
        self.asked[question] += 1
        return TimedReply(f"echo: {question}", "stop", 7, 2, first_token_ms=1.0, latency_ms=float(len(question)))

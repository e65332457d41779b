"""Cases and finished chats as lines of JSON, and back: what a journal and a large case file on disk are made of."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sluice.evaluation.cases.case import Case, Turn
from sluice.evaluation.results import Chat, TurnResult
from sluice.evaluation.scoring import Score

Json = Mapping[str, Any]
FORMAT = 1  # counted up when a chat's line changes its meaning: older journals are not taken up then


def chat_key(case: Case, repeat: int, about: Json) -> str:
    """The key of one chat: the same for the same case, repeat, plan and target, and for nothing else."""
    content = vars(case) | {"place": ""}
    text = json.dumps([FORMAT, repeat, content, about], default=vars, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def case_line(case: Case) -> bytes:
    return json.dumps(case, default=vars).encode()


def read_case(line: bytes) -> Case:
    return parse_case(json.loads(line))


def parse_case(raw: dict[str, Any]) -> Case:
    turns = tuple(Turn(**(turn | {"passages": tuple(turn["passages"])})) for turn in raw["turns"])
    return Case(**(raw | {"turns": turns, "tags": tuple(raw["tags"]), "tools": tuple(raw["tools"])}))


def chat_line(key: str, chat: Chat) -> bytes:
    """A journal's line for one chat, with its case, so that it can be understood without the case file."""
    turns = [{name: value for name, value in vars(turn).items() if name != "turn"} for turn in chat.turns]
    content = {"key": key, "case": chat.case, "repeat": chat.repeat, "turns": turns, "scores": chat.scores}
    return json.dumps(content, default=vars).encode()


def read_key(line: bytes) -> str | None:
    """The key in a journal's line; None if no replay wrote it."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    key = record.get("key") if isinstance(record, dict) else None
    return key if isinstance(key, str) else None


def read_chat(line: bytes) -> Chat:
    raw = json.loads(line)
    of = parse_case(raw["case"])
    turns = tuple(parse_turn(turn, result) for turn, result in zip(of.turns, raw["turns"], strict=False))
    return Chat(of, turns, parse_scores(raw["scores"]), raw["repeat"])


def parse_turn(turn: Turn, raw: dict[str, Any]) -> TurnResult:
    tuples = {name: tuple(raw[name]) for name in ("tool_calls", "sources", "passages")}
    return TurnResult(turn, **(raw | tuples | {"scores": parse_scores(raw["scores"])}))


def parse_scores(raw: list[dict[str, Any]]) -> tuple[Score, ...]:
    return tuple(Score(**score) for score in raw)

"""Chats as lists of messages, which is how most tools write them, as the turns of a case."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sluice.evaluation import prompt

ROLES = {
    **dict.fromkeys(("user", "human", "question", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "bot", "model", "bing", "bard", "answer"), "assistant"),
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("tool", "function", "observation", "function_response", "tool_response"), "result"),
    **dict.fromkeys(("function_call", "tool_call"), "call"),
}
EXAMPLE = {"example_user": "user", "example_assistant": "assistant"}  # OpenAI's names for examples in system messages


class Unusable(Exception):
    """This chat cannot be a case; the message says why, and completes "a chat "."""


@dataclass
class Chat:
    system: str | None = None
    turns: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def written(self) -> bool:
        """Whether every answer but the last is written down, so that the chat can go on with them."""
        return len(self.turns) > 1 and all("answer" in turn for turn in self.turns[:-1])


def parse_chat(messages: Any) -> Chat:
    """Returns messages as a chat up to a tool's result; tool calls become what their turn expects. Raises Unusable."""
    if not isinstance(messages, list) or not messages:
        raise Unusable("without messages")
    chat = Chat()
    system: list[str] = []
    for message in messages:
        role, text, calls = parse_message(message)
        if role == "system":
            system.append(text)
        elif role == "user":
            add_question(chat, text)
        elif role == "result":
            chat.notes.append("a tool's result and what follows")
            break
        elif role == "call":
            calls = [parse_json_call(text)]
        if role in ("assistant", "call"):
            add_answer(chat, text if role == "assistant" else "", calls)
    if system:
        chat.system = "\n\n".join(system)
    if not chat.turns:
        raise Unusable("in which the user says nothing")
    return chat


def parse_message(message: Any) -> tuple[str, str, list[dict[str, Any]]]:
    """Returns the role, the text and the tool calls of a message. Raises Unusable for one without a role."""
    if isinstance(message, Mapping) and len(message) == 1 and (role := ROLES.get(str(next(iter(message))))):
        return role, parse_text(next(iter(message.values()))), []  # promptfoo's short form: - user: Hello
    if not isinstance(message, Mapping) or not ("role" in message or "from" in message):
        raise Unusable("with a message that has no role")
    named = str(message.get("role", message.get("from"))).lower()
    role = EXAMPLE.get(str(message.get("name")), ROLES.get(named, "")) if named == "system" else ROLES.get(named, "")
    if not role:
        raise Unusable(f"with the role {named!r}")
    written = message["content"] if "content" in message else message.get("value")
    calls = message.get("tool_calls") or ([message["function_call"]] if message.get("function_call") else [])
    return role, parse_text(written), [parse_call(each) for each in calls]


def parse_text(value: Any) -> str:
    """Returns a message's text; parts of text are put together. Raises Unusable for pictures and sounds."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        parts = [each.get("text") if isinstance(each, Mapping) else each for each in value]
        if all(isinstance(each, str) for each in parts):
            return "".join(str(each) for each in parts)
        raise Unusable("with pictures, sounds or files")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise Unusable("with a message that is no text")


def add_question(chat: Chat, text: str) -> None:
    """Adds a turn with the question; two in a row are one. Raises Unusable for an empty one."""
    if chat.turns and "answer" not in chat.turns[-1] and "expect" not in chat.turns[-1]:
        chat.turns[-1]["user"] += f"\n\n{text}"
    else:
        chat.turns.append({"user": text})
    if not chat.turns[-1]["user"].strip():
        raise Unusable("with an empty question")


def add_answer(chat: Chat, text: str, calls: Sequence[dict[str, Any]]) -> None:
    if not chat.turns:
        chat.notes.append("what the assistant says before the user")
        return
    turn = chat.turns[-1]
    if text.strip():
        turn["answer"] = f"{turn['answer']}\n\n{text}" if "answer" in turn else text
    if calls:
        turn["expect"] = {"tool_calls": [*turn.get("expect", {}).get("tool_calls", []), *calls]}


def parse_call(raw: Any) -> dict[str, Any]:
    """Returns an OpenAI tool call as a case writes it: name and arguments. Raises Unusable for a broken one."""
    function = raw.get("function", raw) if isinstance(raw, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise Unusable("with a tool call that has no name")
    arguments = function.get("arguments") or {}
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError:
            raise Unusable("with a tool call whose arguments are not JSON") from None
    return {"name": function["name"]} | (
        {"arguments": arguments} if isinstance(arguments, Mapping) and arguments else {}
    )


def parse_json_call(text: str) -> dict[str, Any]:
    try:
        return parse_call(json.loads(text))
    except ValueError:
        raise Unusable("with a tool call that is not JSON") from None


def list_tools(raw: Any) -> Iterator[dict[str, Any]]:
    """Yields the functions that OpenAI wraps as {"type": "function", "function": {...}}."""
    for each in raw if isinstance(raw, list) else []:
        function = each.get("function", each) if isinstance(each, Mapping) else None
        if isinstance(function, Mapping) and isinstance(function.get("name"), str):
            yield dict(function)


def describe_cut(turns: Sequence[Any]) -> str:
    """Describes what is different about a chat of more turns than are sent along; empty if it is shorter."""
    if len(turns) <= prompt.TURNS + 1:
        return ""
    return f"a chat of more than {prompt.TURNS + 1} turns: only the last {prompt.TURNS} are sent along"

"""Makes a prompt fit the model's context: old turns go first, then passages, and the answer gets what is left.

Tokens are estimated from characters, on the high side: a prompt that is refused costs the user the answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sluice.errors import SluiceError
from sluice.evaluation import prompt

Pair = tuple[str, str]


class QuestionTooLong(SluiceError):
    """The question alone leaves the model no room to answer."""

    def __init__(self, estimate: int, context: int) -> None:
        super().__init__(
            f"The question is too long: about {estimate} tokens, and the model reads and writes {context} in all.",
            "Ask in fewer words, or add the text as a document.",
        )


def tokens(text: str) -> int:
    """About how many tokens at most: three plain letters each, one Korean syllable, half of anything else."""
    plain = sum(character < "\x80" for character in text)
    korean = sum("가" <= character <= "힣" for character in text)
    return plain // 3 + korean + 2 * (len(text) - plain - korean) + 1


@dataclass(frozen=True)
class Prompt:
    messages: list[dict[str, str]]
    max_tokens: int
    passages: int  # how many of the passages are in it


def fit_prompt(
    question: str, passages: Sequence[str], history: Sequence[Pair], max_tokens: int, context: int | None
) -> Prompt:
    messages = prompt.build_messages(question, passages, history)
    if context is None:
        return Prompt(messages, max_tokens, len(passages))
    visible, turns = list(passages), list(history)
    room = context - min(max_tokens, context // 4)
    while (used := _size(messages)) > room:
        if turns:
            turns.pop(0)
        elif visible:
            visible.pop()
        else:
            raise QuestionTooLong(used, context)
        messages = prompt.build_messages(question, visible, turns)
    return Prompt(messages, min(max_tokens, context - used), len(visible))


def _size(messages: Sequence[dict[str, str]]) -> int:
    return sum(tokens(message["content"]) + 8 for message in messages)

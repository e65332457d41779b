"""Real chats as candidate cases: cut where the user went away, redacted, and for a person to read before they count.

Pure: whose chats these are, and that the user agreed, was found out before (`sluice.cli.cases.command`).
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sluice.datasets.pii.redaction import Redacted, redact
from sluice.datasets.yaml_writer import Draft
from sluice.evaluation import prompt
from sluice.evaluation.scorers.text import folded

PAUSE = timedelta(minutes=30)  # longer, and it is another chat
MOST_TURNS = 12  # of one candidate: who reviews it reads all of it
HEAD = (
    "Candidates from real chats of users who agreed. Personal data gave way to placeholders, by patterns that are not",
    "perfect, and nobody has read the result yet: these cases cannot gate.",
    "",
    "To review one: read every line for what still tells who was speaking, and reword or remove it; check whether the",
    "answer, which is the model's of that day, is right; say under `expect` what a right answer must hold; then remove",
    "`reviewed: false` and move the case to your own file. Throw the others away.",
)


@dataclass(frozen=True)
class HistoryTurn:
    """One turn of a user's chat, as the history table holds it."""

    turn: str  # its id there
    at: str  # ISO 8601
    question: str
    answer: str
    version: int
    sources: tuple[str, ...] = ()
    whole: bool = True  # the answer was neither cut off nor shortened


def split_chats(turns: Sequence[HistoryTurn]) -> Iterator[tuple[HistoryTurn, ...]]:
    """Yields one user's turns, oldest first, as chats: a long pause begins another one."""
    chat: list[HistoryTurn] = []
    for turn in turns:
        if chat and (len(chat) == MOST_TURNS or moment(turn) - moment(chat[-1]) > PAUSE):
            yield tuple(chat)
            chat = []
        chat.append(turn)
    if chat:
        yield tuple(chat)


def moment(turn: HistoryTurn) -> datetime:
    return datetime.fromisoformat(turn.at)


def draft_case(user: str, chat: Sequence[HistoryTurn]) -> Draft:
    """Returns an unreviewed case without expectations; the answers that were given are its written ones."""
    redaction = redact([text for turn in chat for text in (turn.question, turn.answer)], extra_names=[user])
    texts = iter(redaction.texts)
    turns = []
    for turn in chat:
        question, answer = next(texts), next(texts)
        turns.append({"user": question} | ({"answer": answer} if answer.strip() and turn.whole else {}))
    language = prompt.detect_language("".join(turn["user"] for turn in turns))
    case = {
        "id": f"harvested-{hashlib.sha256(chat[0].turn.encode()).hexdigest()[:10]}",
        "tags": ["harvested", "korean" if language == "ko" else "english"],
        **({"through": "rag"} if any(turn.sources for turn in chat) else {}),
        "reviewed": False,
        "turns": turns,
    }
    return Draft(case, list(describe_origin(chat, redaction)))


def describe_origin(chat: Sequence[HistoryTurn], redaction: Redacted) -> Iterator[str]:
    versions = sorted({turn.version for turn in chat})
    origin = f"Answered by version {', '.join(str(version) for version in versions)}."
    yield f"{origin} Replaced: {redaction.summary or 'nothing'}."
    sources = dict.fromkeys(source for turn in chat for source in turn.sources)
    if sources:
        yield f"Answered from: {', '.join(redact(list(sources)).texts)}."
    if cut := [str(number) for number, turn in enumerate(chat, 1) if not turn.whole]:
        yield f"The answer of turn {', '.join(cut)} was cut off, and is left out."


def question_key(draft: Draft) -> str:
    """Returns a key that is the same for chats that ask the same in the same words."""
    return "\n".join(folded(turn["user"]) for turn in draft.case["turns"])

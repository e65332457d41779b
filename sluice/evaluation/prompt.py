"""The one prompt that Sluice sends: the RAG server, the replay of the cases and the tiny model's training share it."""

import re
from collections.abc import Sequence

TURNS = 3  # earlier turns that the model is shown

SYSTEM = {
    "en": "You are a careful assistant. Answer in the language of the question. If passages are given, answer only "
    "from them. If they do not contain the answer, say: I could not find that in the documents.",
    "ko": "당신은 꼼꼼한 도우미입니다. 질문과 같은 언어로 답하세요. 자료가 주어지면 자료만 보고 답하세요. "
    "자료에 답이 없으면 이렇게 말하세요: 문서에서 찾을 수 없습니다.",
}
NO_ANSWER = {"en": "I could not find that in the documents.", "ko": "문서에서 찾을 수 없습니다."}
FRAME = {"en": ("Passages", "Question"), "ko": ("자료", "질문")}
HANGUL = re.compile("[가-힣]")


def detect_language(text: str) -> str:
    """ "ko" if the text holds any Hangul syllable, else "en"."""
    return "ko" if HANGUL.search(text) else "en"


def build_messages(
    question: str, passages: Sequence[str] = (), history: Sequence[tuple[str, str]] = (), system: str | None = None
) -> list[dict[str, str]]:
    """The chat messages for one question: system, the last three turns without their passages, then the question."""
    chat = [{"role": "system", "content": system or SYSTEM[detect_language(question)]}]
    for earlier, answer in list(history)[-TURNS:]:
        chat.append({"role": "user", "content": earlier})
        chat.append({"role": "assistant", "content": answer})
    chat.append({"role": "user", "content": format_question(question, passages)})
    return chat


def format_question(question: str, passages: Sequence[str]) -> str:
    if not passages:
        return question
    above, below = FRAME[detect_language(question)]
    numbered = "\n".join(f"[{number}] {' '.join(text.split())}" for number, text in enumerate(passages, 1))
    return f"{above}:\n{numbered}\n\n{below}: {question}"

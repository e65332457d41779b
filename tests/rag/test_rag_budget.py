"""A prompt fits the model's context: old turns go first, then passages, never the question."""

import pytest

from sluice.rag.budget import QuestionTooLong, fit_prompt, tokens

PASSAGES = ["첫째 자료입니다. " * 10, "둘째 자료입니다. " * 10]
HISTORY = [(f"question {number}", "answer " * 60) for number in range(3)]


def test_without_a_known_context_nothing_is_left_out() -> None:
    prompt = fit_prompt("왜?", PASSAGES, HISTORY, 512, None)
    assert (len(prompt.messages), prompt.max_tokens, prompt.passages) == (8, 512, 2)


def test_with_room_for_all_the_answer_gets_what_was_asked() -> None:
    prompt = fit_prompt("왜?", PASSAGES, HISTORY, 512, 4096)
    assert (len(prompt.messages), prompt.max_tokens, prompt.passages) == (8, 512, 2)


def test_the_less_room_the_less_is_sent_in_this_order() -> None:
    sent = [fit_prompt("왜?", PASSAGES, HISTORY, 512, context) for context in range(1600, 170, -10)]
    kept = [(len(prompt.messages), prompt.passages) for prompt in sent]
    assert list(dict.fromkeys(kept)) == [(8, 2), (6, 2), (4, 2), (2, 2), (2, 1), (2, 0)]
    for prompt, context in zip(sent, range(1600, 170, -10), strict=True):
        used = sum(tokens(message["content"]) + 8 for message in prompt.messages)
        assert used + prompt.max_tokens <= context
        assert prompt.max_tokens >= context // 4


def test_a_question_that_leaves_no_room_is_an_error_with_the_limit() -> None:
    with pytest.raises(QuestionTooLong, match="300"):
        fit_prompt("긴 질문 " * 200, [], [], 512, 300)

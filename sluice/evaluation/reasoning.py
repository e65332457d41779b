"""What a model thought aloud is no part of its answer: this is where the two are taken apart, for all scorers.

Models write their reasoning between marks, `<think>` and `</think>` for most of them. The opening mark may stand in the
prompt already (the chat templates of Qwen3-Thinking and DeepSeek-R1 end with it), so that the answer holds only the
closing one; and where the tokens ran out there is no closing one.
"""

import re

TAG = r"think|thinking|thought|seed:think"  # Qwen3, DeepSeek, GLM; prompts that ask for it; EXAONE Deep; Seed-OSS
MARK = re.compile(rf"<(?P<end>/)?(?:{TAG})>|\[(?P<END>/)?THINK\]|◁(?P<End>/)?think▷")  # the last two: Magistral, Kimi
QUOTES = frozenset("`\"'“”‘’")


def without_reasoning(text: str) -> str:
    """The answer in what a model wrote: all of it if there are no marks, nothing if it never stopped to think."""
    parts: list[str] = []
    start, opened = 0, None
    for mark in MARK.finditer(text):
        if is_quoted(text, mark, reasoning=opened is not None):
            continue
        if mark.lastgroup:
            if opened is None:
                parts = []  # the opening mark was in the prompt: all before this one is reasoning
            start, opened = mark.end(), None
        elif opened is None:
            parts.append(text[start : mark.start()])
            opened = mark.start()
    if opened is None:
        return " ".join([*parts, text[start:]]).strip() if start else text
    if not "".join(parts).strip():
        return ""
    return " ".join([*parts[:-1], parts[-1] + text[opened:]]).strip()  # it names the mark, and does not think


def is_quoted(text: str, mark: re.Match[str], reasoning: bool) -> bool:
    """Whether the mark is only spoken of, as in "`<think>` begins it" or in a text of JSON.

    Reasoning may end with somebody's words, and an answer begin with some: there only backticks speak of a mark.
    """
    before, after = text[mark.start() - 1 : mark.start()], text[mark.end() : mark.end() + 1]
    return before == after == "`" or (not reasoning and before in QUOTES and after in QUOTES)

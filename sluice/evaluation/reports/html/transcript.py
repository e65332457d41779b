"""A chat as it is read: who said what, what was expected, and how it was scored."""

from collections.abc import Sequence

from sluice.evaluation.reports.html.markup import Child, Html, foreign, hidden, joined, rest, sentence, tag
from sluice.evaluation.reports.plain_text import clipped, clipped_line, count, language, milliseconds
from sluice.evaluation.reports.report_view import CaseView, Json, list_at, mappings_at, text_at
from sluice.evaluation.reports.word_diff import Part, diff_words
from sluice.wording import counted

QUESTION, ANSWER, PASSAGE, WHY = 1000, 3000, 800, 600  # characters that are shown
MOST_TURNS = 30


def chat(case: CaseView, before: Sequence[str] | None = None) -> Html:
    """The chat that is shown of a case; with the champion's answers beside it if there are any."""
    path = f"cases[{case.index}].chats[{case.shown_chat}]"
    turns = [
        turn(case, entry, number, f"{path}.turns[{number - 1}]", before)
        for number, entry in enumerate(case.turns[:MOST_TURNS], 1)
    ]
    more = len(case.turns) - MOST_TURNS
    ending = (
        tag("p", f"{counted(more, 'more turn')} in report.json: ", tag("code", path), class_="note")
        if more > 0
        else None
    )
    return joined(tag("ol", *turns, class_="chat"), ending, whole(case))


def turn(case: CaseView, entry: Json, number: int, path: str, before: Sequence[str] | None) -> Html:
    """What went well is short; what went wrong, or is not what the champion said, is told with its scores."""
    passed = entry.get("passed") is True
    earlier = before[number - 1] if before is not None and number <= len(before) else None
    same = earlier is not None and earlier.split() == text_at(entry, "answer").split() and not text_at(entry, "error")
    lines = [line("User", foreign("dd", text_at(entry, "user"), QUESTION, f"{path}.user"))]
    if earlier is None or same:
        lines.append(line("Both" if same else "Model", answer(entry, path)))
    else:
        lines += beside(earlier, entry, path, f'comparison.answers["{clipped_line(case.id, 80)}"][{number - 1}]')
    if not passed or (before is not None and not same):
        lines += about(entry, path)
    heading = hidden(f"Turn {number}, {'passed' if passed else 'did not pass'}")
    return tag("li", heading, tag("dl", *lines), class_="turn" if passed else "turn wrong")


def about(entry: Json, path: str) -> list[Html]:
    lines = []
    if expected := text_at(entry, "expected"):
        lines.append(line("Expected", sentence("dd", expected, WHY, f"{path}.expected")))
    if mappings_at(entry, "scores"):
        lines.append(line("Scored", tag("dd", *scores(entry), class_="scores")))
    if list_at(entry, "passages") or list_at(entry, "sources"):
        lines.append(line("Given", passages_given(entry, path)))
    return [*lines, line("Measured", tag("dd", measured(entry), class_="measured"))]


def line(name: str, content: Html, kind: str | None = None) -> Html:
    return tag("div", tag("dt", name), content, class_=kind)


def answer(entry: Json, path: str) -> Html:
    if error := text_at(entry, "error"):
        return tag("dd", tag("span", "no answer: ", class_="note"), sentence("span", error, WHY), class_="answer")
    if not text_at(entry, "answer").strip():
        return tag("dd", tag("span", "an empty answer", class_="note"), calls(entry, path), class_="answer")
    text = foreign("div", text_at(entry, "answer"), ANSWER, f"{path}.answer", class_="text")
    return tag("dd", text, calls(entry, path), class_="answer")


def calls(entry: Json, path: str) -> Html | None:
    """The tools that the model called."""
    tool_calls = list_at(entry, "tool_calls")
    drawn = [tag("code", clipped_line(call, 300), class_="call") for call in tool_calls[:5]]
    return joined(tag("span", "calls ", class_="note"), *drawn) if drawn else None


def beside(earlier: str, entry: Json, path: str, earlier_path: str) -> list[Html]:
    """The champion's answer and this one, with the words that differ marked."""
    now = text_at(entry, "answer")
    (old, cut_off), (new, left_now) = clipped(earlier, ANSWER), clipped(now, ANSWER)
    if text_at(entry, "error"):
        new_side: Html = answer(entry, path)
        old_parts = [Part(old, False)]
    else:
        old_parts, new_parts = diff_words(old, new)
        new_side = tag(
            "dd", side(new_parts, "ins", now, left_now, f"{path}.answer"), calls(entry, path), class_="answer"
        )
    old_side = tag("dd", side(old_parts, "del", earlier, cut_off, earlier_path), class_="answer")
    return [line("Champion", old_side, "half"), line("Challenger", new_side, "half")]


def side(parts: Sequence[Part], mark: str, text: str, cut_off: int, path: str) -> Html:
    if not text.strip():
        return tag("span", "an empty answer", class_="note")
    children: list[Child] = [tag(mark, part.text) if part.differs else part.text for part in parts]
    return tag("div", *children, rest(cut_off, path), lang=language(text), dir="auto", class_="text")


def scores(entry: Json) -> list[Html]:
    """What was not reached first."""
    return [score(each) for each in sorted(mappings_at(entry, "scores"), key=lambda score: score.get("passed") is True)]


def score(entry: Json) -> Html:
    passed = entry.get("passed") is True
    sign = tag("span", "✓" if passed else "✗", class_="sign", aria_hidden="true")
    outcome = hidden("passed: " if passed else "failed: ")
    name = tag("span", outcome, clipped_line(text_at(entry, "name"), 40), class_="name")
    why = sentence("span", text_at(entry, "why"), WHY)
    return tag("p", sign, name, why, class_="score good" if passed else "score bad")


def passages_given(entry: Json, path: str) -> Html:
    """What the model had to answer from, folded away."""
    passages = [str(each) for each in list_at(entry, "passages")]
    sources = [clipped_line(each, 200) for each in list_at(entry, "sources")]
    items = [foreign("li", each, PASSAGE, f"{path}.passages[{place}]") for place, each in enumerate(passages[:10])]
    named = tag("p", "answered from: " + ", ".join(sources[:20]), class_="note") if sources else None
    if not items:
        return tag("dd", named)
    label = tag("summary", counted(len(passages), "passage"))
    return tag("dd", tag("details", label, tag("ul", *items, class_="passages")), named)


def measured(entry: Json) -> str:
    parts = [milliseconds(entry.get("latency_ms"))]
    if entry.get("first_token_ms") is not None:
        parts.append(f"first token after {milliseconds(entry['first_token_ms'])}")
    parts.append(f"{count(entry.get('completion_tokens'))} tokens")
    if (reason := text_at(entry, "finish_reason")) and reason != "stop":
        parts.append("cut off at the limit" if reason == "length" else f"ended by {clipped_line(reason, 40)}")
    if isinstance(attempts := entry.get("attempts"), int) and attempts > 1:
        parts.append(f"asked {attempts} times")
    return " · ".join(parts)


def whole(case: CaseView) -> Html | None:
    """What was expected of all answers together."""
    scores_of_chat = mappings_at(case.chat, "scores")
    if not scores_of_chat:
        return None
    expected = text_at(case.entry, "expected")
    lines = [line("Expected", sentence("dd", expected, WHY))] if expected else []
    lines.append(line("Scored", tag("dd", *scores(case.chat), class_="scores")))
    return tag("div", tag("p", "The whole chat", class_="label"), tag("dl", *lines), class_="turn whole")

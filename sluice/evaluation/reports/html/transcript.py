"""A chat as it is read: who said what, what was expected, and how it was scored."""

from collections.abc import Sequence

from sluice.evaluation.reports.html.markup import Child, Html, foreign, hidden, joined, rest, sentence, tag
from sluice.evaluation.reports.plain_text import clipped, count, counted, language, milliseconds, one_line
from sluice.evaluation.reports.report_view import Case, Json, listed, sections, words
from sluice.evaluation.reports.word_diff import Part, differing

QUESTION, ANSWER, PASSAGE, WHY = 1000, 3000, 800, 600  # characters that are shown
MOST_TURNS = 30


def chat(case: Case, before: Sequence[str] | None = None) -> Html:
    """The chat that is shown of a case; with the champion's answers beside it if there are any."""
    path = f"cases[{case.index}].chats[{case.shown}]"
    turns = [
        turn(case, told, number, f"{path}.turns[{number - 1}]", before)
        for number, told in enumerate(case.turns[:MOST_TURNS], 1)
    ]
    more = len(case.turns) - MOST_TURNS
    ending = (
        tag("p", f"{counted(more, 'more turn')} in report.json: ", tag("code", path), class_="note")
        if more > 0
        else None
    )
    return joined(tag("ol", *turns, class_="chat"), ending, whole(case))


def turn(case: Case, told: Json, number: int, path: str, before: Sequence[str] | None) -> Html:
    """What went well is short; what went wrong, or is not what the champion said, is told with its scores."""
    passed = told.get("passed") is True
    earlier = before[number - 1] if before is not None and number <= len(before) else None
    same = earlier is not None and earlier.split() == words(told, "answer").split() and not words(told, "error")
    lines = [line("User", foreign("dd", words(told, "user"), QUESTION, f"{path}.user"))]
    if earlier is None or same:
        lines.append(line("Both" if same else "Model", answer(told, path)))
    else:
        lines += beside(earlier, told, path, f'comparison.answers["{one_line(case.id, 80)}"][{number - 1}]')
    if not passed or (before is not None and not same):
        lines += about(told, path)
    heading = hidden(f"Turn {number}, {'passed' if passed else 'did not pass'}")
    return tag("li", heading, tag("dl", *lines), class_="turn" if passed else "turn wrong")


def about(told: Json, path: str) -> list[Html]:
    lines = []
    if expected := words(told, "expected"):
        lines.append(line("Expected", sentence("dd", expected, WHY, f"{path}.expected")))
    if sections(told, "scores"):
        lines.append(line("Scored", tag("dd", *scores(told), class_="scores")))
    if listed(told, "passages") or listed(told, "sources"):
        lines.append(line("Given", given(told, path)))
    return [*lines, line("Measured", tag("dd", measured(told), class_="measured"))]


def line(name: str, content: Html, kind: str | None = None) -> Html:
    return tag("div", tag("dt", name), content, class_=kind)


def answer(told: Json, path: str) -> Html:
    if error := words(told, "error"):
        return tag("dd", tag("span", "no answer: ", class_="note"), sentence("span", error, WHY), class_="answer")
    if not words(told, "answer").strip():
        return tag("dd", tag("span", "an empty answer", class_="note"), calls(told, path), class_="answer")
    spoken = foreign("div", words(told, "answer"), ANSWER, f"{path}.answer", class_="text")
    return tag("dd", spoken, calls(told, path), class_="answer")


def calls(told: Json, path: str) -> Html | None:
    """The tools that the model called."""
    found = listed(told, "tool_calls")
    shown = [tag("code", one_line(call, 300), class_="call") for call in found[:5]]
    return joined(tag("span", "calls ", class_="note"), *shown) if shown else None


def beside(earlier: str, told: Json, path: str, earlier_path: str) -> list[Html]:
    """The champion's answer and this one, with the words that differ marked."""
    now = words(told, "answer")
    (old, left), (new, left_now) = clipped(earlier, ANSWER), clipped(now, ANSWER)
    if words(told, "error"):
        new_side: Html = answer(told, path)
        old_parts = [Part(old, False)]
    else:
        old_parts, new_parts = differing(old, new)
        new_side = tag(
            "dd", side(new_parts, "ins", now, left_now, f"{path}.answer"), calls(told, path), class_="answer"
        )
    old_side = tag("dd", side(old_parts, "del", earlier, left, earlier_path), class_="answer")
    return [line("Champion", old_side, "half"), line("Challenger", new_side, "half")]


def side(parts: Sequence[Part], mark: str, text: str, left: int, path: str) -> Html:
    if not text.strip():
        return tag("span", "an empty answer", class_="note")
    spoken: list[Child] = [tag(mark, part.text) if part.differs else part.text for part in parts]
    return tag("div", *spoken, rest(left, path), lang=language(text), dir="auto", class_="text")


def scores(told: Json) -> list[Html]:
    """What was not reached first."""
    return [score(each) for each in sorted(sections(told, "scores"), key=lambda score: score.get("passed") is True)]


def score(told: Json) -> Html:
    good = told.get("passed") is True
    sign = tag("span", "✓" if good else "✗", class_="sign", aria_hidden="true")
    name = tag("span", hidden("passed: " if good else "failed: "), one_line(words(told, "name"), 40), class_="name")
    return tag("p", sign, name, sentence("span", words(told, "why"), WHY), class_="score good" if good else "score bad")


def given(told: Json, path: str) -> Html:
    """What the model had to answer from, folded away."""
    passages = [str(each) for each in listed(told, "passages")]
    sources = [one_line(each, 200) for each in listed(told, "sources")]
    items = [foreign("li", each, PASSAGE, f"{path}.passages[{place}]") for place, each in enumerate(passages[:10])]
    named = tag("p", "answered from: " + ", ".join(sources[:20]), class_="note") if sources else None
    if not items:
        return tag("dd", named)
    label = tag("summary", counted(len(passages), "passage"))
    return tag("dd", tag("details", label, tag("ul", *items, class_="passages")), named)


def measured(told: Json) -> str:
    parts = [milliseconds(told.get("latency_ms"))]
    if told.get("first_token_ms") is not None:
        parts.append(f"first token after {milliseconds(told['first_token_ms'])}")
    parts.append(f"{count(told.get('completion_tokens'))} tokens")
    if (reason := words(told, "finish_reason")) and reason != "stop":
        parts.append("cut off at the limit" if reason == "length" else f"ended by {one_line(reason, 40)}")
    if isinstance(attempts := told.get("attempts"), int) and attempts > 1:
        parts.append(f"asked {attempts} times")
    return " · ".join(parts)


def whole(case: Case) -> Html | None:
    """What was expected of all answers together."""
    found = sections(case.chat, "scores")
    if not found:
        return None
    expected = words(case.told, "expected")
    lines = [line("Expected", sentence("dd", expected, WHY))] if expected else []
    lines.append(line("Scored", tag("dd", *scores(case.chat), class_="scores")))
    return tag("div", tag("p", "The whole chat", class_="label"), tag("dl", *lines), class_="turn whole")

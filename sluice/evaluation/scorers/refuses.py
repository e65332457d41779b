"""Whether an answer declines to answer, in Korean or English: known ways of saying so, and Sluice's own sentence."""

import re
from collections.abc import Iterator
from typing import Any

from sluice.evaluation.scorers.text import folded, quoted
from sluice.evaluation.scoring import Sample, Score, ScorerSpec, ScoringServices

BEGINNING = 400  # characters: who declines says so at once
REFUSALS = re.compile(
    r"\b(could not|couldn't|cannot|can't|can not|am unable to|'m unable to|are unable to|is unable to|not able to)\s+"
    r"(\w+\s+){0,3}?(find|help|assist|answer|provide|share|discuss|comply|do that|tell|say|give|determine|fulfill)"
    r"|\b(do not|don't) (know|have (any |enough |that |this |access to )?(information|details|data))"
    r"|\bno information (about|on|in|is)|\bnot (mentioned|stated|specified|provided|given) in the"
    r"|\b(i'm|i am) sorry,? but|\bi must decline|\b(i|we) (won't|will not) (be able|help|provide|do)"
    r"|찾을 수 (없|가 없)|알 수 (없|가 없)|답(변)?(을|해)? ?(드릴|할|해 드릴) 수 (없|가 없)|도와 ?드릴 수 (없|가 없)"
    r"|(제공|공유|안내|말씀)(해 ?드릴|드릴|할) 수 (없|가 없)|모르겠|모릅니다|정보(가|는) (없|포함되어 있지 않)"
    r"|(나와|적혀|언급되어|포함되어) ?있지 않|죄송(하지만|합니다만)|답할 수 없"
)


def find_problems(argument: Any) -> Iterator[str]:
    if not isinstance(argument, bool):
        yield f"must be true or false, not {argument!r}."


def find_refusal(answer: str) -> str | None:
    """The words of the answer that decline, or None."""
    match = REFUSALS.search(folded(answer[: 2 * BEGINNING])[:BEGINNING].replace("’", "'"))
    return match[0] if match else None


def score(sample: Sample, argument: Any, services: ScoringServices) -> Score:
    words = find_refusal(sample.answer)
    passed = (words is not None) == argument
    what = f"declines: {words!r}" if words else f"does not decline: {quoted(sample.answer)}"
    return Score("refuses", passed, what if passed else f"wanted {describe(argument)}, the answer {what}")


def describe(argument: Any) -> str:
    return "an answer that declines" if argument else "an answer that does not decline"


SCORERS = {
    "refuses": ScorerSpec(
        "refuses",
        "true: the answer declines, or says that it does not know; false: it does not.",
        {"type": "boolean"},
        find_problems,
        describe,
        score,
        (True,),
    )
}

"""A rubric that another model answers. It votes several times; the reasons are its own words."""

from collections.abc import Iterator, Mapping
from typing import Any

from sluice.evaluation.scorers.text import quoted
from sluice.evaluation.scoring import Sample, Score, ScorerSpec, ScoringServices
from sluice.wording import suggestion

KEYS = ("rubric", "reference", "least")
MAJORITY = 0.5


def find_problems(argument: Any) -> Iterator[str]:
    if isinstance(argument, str):
        if not argument.strip():
            yield "is empty."
        return
    if not isinstance(argument, Mapping):
        yield f"must be a rubric, or `rubric` with `reference` and `least`, but is {argument!r}."
        return
    for key, value in argument.items():
        if key not in KEYS:
            yield f"has no {key}. {suggestion(str(key), KEYS)}"
        elif key == "least":
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
                yield f"least: must be a share of votes above 0 and up to 1, not {value!r}."
        elif not isinstance(value, str) or not value.strip():
            yield f"{key}: must be a text, not {value!r}."
    if "rubric" not in argument:
        yield "rubric: is missing."


def rubric(argument: Any) -> str:
    return argument if isinstance(argument, str) else str(argument["rubric"])


def score(sample: Sample, argument: Any, services: ScoringServices) -> Score:
    if services.judge is None:
        return Score("judge", False, "no judge model was named: evaluation.judge")
    reference = argument.get("reference") if isinstance(argument, Mapping) else None
    votes = services.judge(sample, rubric(argument), reference)
    for_it = sum(vote.passed for vote in votes)
    share = for_it / len(votes) if votes else 0.0
    least = argument.get("least") if isinstance(argument, Mapping) else None
    passed = share > MAJORITY if least is None else share >= least
    reason = next((vote.why for vote in votes if vote.passed == passed), "it gave no reason")
    return Score("judge", passed, f"{for_it} of {len(votes)} votes for it: {quoted(reason)}", round(share, 4))


SCORERS = {
    "judge": ScorerSpec(
        "judge",
        "A judge model says whether the answer meets this rubric; most of its votes decide, or at least this share.",
        {
            "oneOf": [
                {"type": "string", "minLength": 1},
                {
                    "type": "object",
                    "properties": {
                        "rubric": {"type": "string", "minLength": 1},
                        "reference": {"type": "string", "minLength": 1},
                        "least": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                    },
                    "required": ["rubric"],
                    "additionalProperties": False,
                },
            ]
        },
        find_problems,
        lambda argument: f"a judge's word that it meets: {rubric(argument)}",
        score,
        ("Is polite and names the deadline.", {"rubric": "Says the same.", "reference": "By the 12th.", "least": 0.6}),
        lambda argument: "judge",
    )
}

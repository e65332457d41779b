"""What was measured of an answer: its length, its time, why it ended."""

from collections.abc import Iterator, Mapping
from typing import Any

from sluice.evaluation.scorers.text import as_list, number
from sluice.evaluation.scoring import Sample, Score, ScorerSpec, ScoringServices
from sluice.wording import suggestion

LIMITS = {"total_ms": "in all", "first_token_ms": "until its first token"}


def find_problems_of_max_tokens(argument: Any) -> Iterator[str]:
    if isinstance(argument, bool) or not isinstance(argument, int) or argument < 1:
        yield f"must be a whole number from 1, not {argument!r}."


def score_max_tokens(sample: Sample, argument: Any, services: ScoringServices) -> Score:
    passed = sample.completion_tokens <= argument
    why = f"{sample.completion_tokens} tokens" + ("" if passed else f", wanted at most {argument}")
    return Score("max_tokens", passed, why, sample.completion_tokens)


def limits(argument: Any) -> Mapping[str, float]:
    return argument if isinstance(argument, Mapping) else {"total_ms": argument}


def find_problems_of_latency(argument: Any) -> Iterator[str]:
    if argument == {}:
        yield "is empty."
    for key, value in limits(argument).items():
        if key not in LIMITS:
            yield f"has no {key}. {suggestion(str(key), tuple(LIMITS))}"
        elif isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            yield f"must be milliseconds above 0, not {value!r}."


def describe_latency(argument: Any) -> str:
    return " and ".join(f"at most {number(most)} ms {LIMITS[key]}" for key, most in limits(argument).items())


def score_latency(sample: Sample, argument: Any, services: ScoringServices) -> Score:
    times = {"total_ms": sample.latency_ms, "first_token_ms": sample.first_token_ms}
    for key, most in limits(argument).items():
        value = times[key]
        if value is None:
            return Score("latency", False, "the answer did not come as a stream, so its first token was not timed")
        if value > most:
            why = f"took {value:,.0f} ms {LIMITS[key]}, wanted at most {number(most)} ms"
            return Score("latency", False, why, round(value, 1))
    return Score("latency", True, f"took {sample.latency_ms:,.0f} ms", round(sample.latency_ms, 1))


def find_problems_of_finish_reason(argument: Any) -> Iterator[str]:
    reasons = as_list(argument)
    if not reasons or not all(isinstance(each, str) and each for each in reasons):
        yield f"must be a reason such as stop or length, or a list of them, not {argument!r}."


def score_finish_reason(sample: Sample, argument: Any, services: ScoringServices) -> Score:
    expected = as_list(argument)
    passed = sample.finish_reason in expected
    why = f"ended with {sample.finish_reason or 'no reason given'}"
    return Score("finish_reason", passed, why if passed else f"{why}, wanted {' or '.join(expected)}")


MILLISECONDS = {"type": "number", "exclusiveMinimum": 0}
SCORERS = {
    "max_tokens": ScorerSpec(
        "max_tokens",
        "The answer has at most so many tokens.",
        {"type": "integer", "minimum": 1},
        find_problems_of_max_tokens,
        lambda argument: f"at most {argument} tokens",
        score_max_tokens,
        (64,),
    ),
    "latency": ScorerSpec(
        "latency",
        "The answer came within so many milliseconds: in all, or until its first token.",
        {
            "oneOf": [
                MILLISECONDS,
                {
                    "type": "object",
                    "properties": dict.fromkeys(LIMITS, MILLISECONDS),
                    "minProperties": 1,
                    "additionalProperties": False,
                },
            ]
        },
        find_problems_of_latency,
        describe_latency,
        score_latency,
        (2000, {"total_ms": 5000, "first_token_ms": 800}),
    ),
    "finish_reason": ScorerSpec(
        "finish_reason",
        "The answer ended for this reason (stop, length, tool_calls), or for one of these.",
        {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
        find_problems_of_finish_reason,
        lambda argument: "ends with " + (argument if isinstance(argument, str) else " or ".join(argument)),
        score_finish_reason,
        ("stop",),
    ),
}

"""promptfoo's assertions as expectations. What has no counterpart says so by its name.

As documented in promptfoo's "Assertions and metrics" and read in its src/assertions: `contains` and `equals` compare
case by case there, `regex` is JavaScript's without flags, `similar` means embeddings with 0.75, all take `not-`.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from sluice import yaml_file
from sluice.datasets.importers.promptfoo_expect import LISTS, ExpectationBuilder, NoCounterpart, escaped, texts
from sluice.datasets.importers.promptfoo_table import ELSEWHERE
from sluice.errors import UsageError

CASE = "contains and equals: case, width and blanks make no difference here"
SIMILAR = 0.75  # what promptfoo asks for if nothing is said
SIMILAR_IN_CSV = 0.8
SHORTHAND = re.compile(
    r"(?P<type>(?:not-)?[a-z][a-z0-9:-]*?)(?:\((?P<threshold>\d+(?:\.\d+)?)\))?(?::(?P<value>.*))?", re.DOTALL
)
Handler = Callable[[ExpectationBuilder, Any, Mapping[str, Any]], None]


def add_assertion(expect: ExpectationBuilder, assertion: Mapping[str, Any]) -> None:
    """Adds an assertion whose value has been filled in, or logs why it cannot be taken over."""
    try:
        if assertion.get("type") == "assert-set":
            add_set(expect, assertion)
        else:
            add_single(expect, assertion)
    except NoCounterpart as reason:
        expect.miss(str(reason))


def add_set(expect: ExpectationBuilder, assertion: Mapping[str, Any]) -> None:
    if assertion.get("threshold") not in (None, 1):
        raise NoCounterpart("assert-set with a threshold: some of several need not hold")
    for each in assertion.get("assert") or []:
        add_assertion(expect, each)


def add_single(expect: ExpectationBuilder, assertion: Mapping[str, Any]) -> None:
    kind = str(assertion.get("type", ""))
    bare = kind.removeprefix("not-")
    if assertion.get("weight") == 0:
        raise NoCounterpart(f"{kind} with weight 0, which never fails a test")
    if assertion.get("transform"):
        raise NoCounterpart(f"{kind} after a transform")
    table = NOT if kind.startswith("not-") else PLAIN
    if bare not in table:
        raise NoCounterpart(kind if bare in ELSEWHERE or bare in PLAIN else f"{kind or 'no type'}, not known here")
    if assertion.get("weight") not in (None, 1):
        expect.change("weights of assertions: all must hold here")
    table[bare](expect, assertion.get("value"), assertion)


def contains(expect: ExpectationBuilder, value: Any, about: Mapping[str, Any]) -> None:
    name = str(about["type"])
    if not name.startswith("icontains"):
        expect.change(CASE)
    expect.any_of(texts(value, name)) if name.endswith("-any") else expect.all_of(texts(value, name))


def contains_not(expect: ExpectationBuilder, value: Any, about: Mapping[str, Any]) -> None:
    name = str(about["type"]).removeprefix("not-")
    forbidden = texts(value, name)
    if name.endswith("-all") and len(forbidden) > 1:
        raise NoCounterpart(f"{about['type']}: some of the texts may be there, and not all")
    if not name.startswith("icontains"):
        expect.change(CASE)
    expect.none_of(forbidden)


def equals(expect: ExpectationBuilder, value: Any, about: Mapping[str, Any]) -> None:
    if isinstance(value, Mapping | list):
        expect.once("json", {"const": value})
    else:
        expect.change(CASE)
        expect.once("equals", texts(value, "equals")[0])


def equals_not(expect: ExpectationBuilder, value: Any, about: Mapping[str, Any]) -> None:
    if isinstance(value, Mapping | list):
        raise NoCounterpart("not-equals with an object")
    expect.change(CASE)
    expect.match(f"^(?!{escaped(texts(value, 'not-equals')[0])}$)")


def starts_with(expect: ExpectationBuilder, value: Any, about: Mapping[str, Any]) -> None:
    expect.match(f"^{escaped(texts(value, 'starts-with')[0])}")


def starts_not_with(expect: ExpectationBuilder, value: Any, about: Mapping[str, Any]) -> None:
    expect.match(f"^(?!{escaped(texts(value, 'not-starts-with')[0])})")


def convert_pattern(value: Any, expect: ExpectationBuilder) -> str:
    """Returns JavaScript's pattern as one for an answer in one line."""
    pattern = texts(value, "regex")[0]
    expect.change("regex: the answer is one line here, and case makes no difference")
    return re.sub(r"(?:\\r?\\n|\\n)+", r"\\s+", pattern)


def regex(expect: ExpectationBuilder, value: Any, about: Mapping[str, Any]) -> None:
    expect.match(convert_pattern(value, expect))


def regex_not(expect: ExpectationBuilder, value: Any, about: Mapping[str, Any]) -> None:
    expect.match(f"^(?!.*(?:{convert_pattern(value, expect)}))")


def is_json(expect: ExpectationBuilder, value: Any, about: Mapping[str, Any]) -> None:
    if about["type"] == "contains-json":
        expect.change("contains-json: here the answer is JSON, or its one code block is")
    if isinstance(value, str) and value.strip():
        try:
            value = yaml_file.loads(value, "the schema")
        except UsageError:
            raise NoCounterpart(f"{about['type']} with a schema that is no YAML") from None
    expect.once("json", True if value in (None, "", True) else value)


def similar(expect: ExpectationBuilder, value: Any, about: Mapping[str, Any]) -> None:
    references = texts(value, "similar")
    if len(references) > 1:
        raise NoCounterpart("similar to one of several texts")
    threshold = about.get("threshold")
    least = SIMILAR if threshold is None else threshold
    expect.once("similar", {"to": references[0], "least": least, "by": "embedding"})


def rubric(expect: ExpectationBuilder, value: Any, about: Mapping[str, Any], template: str = "{}") -> None:
    rubrics = [template.format(each) for each in texts(value, str(about["type"]))]
    if about.get("provider") or about.get("rubricPrompt"):
        expect.change("a model or a prompt of one's own for grading: evaluation.judge says who judges here")
    if about.get("threshold") is not None:
        expect.change("llm-rubric with a threshold: here most of the judge's votes decide")
    before = expect.expectations.get("judge")
    if isinstance(before, Mapping):
        raise NoCounterpart("a second rubric beside a factuality")
    both = ([before] if before else []) + rubrics
    expect.expectations["judge"] = both[0] if len(both) == 1 else "All of this holds. " + " ".join(
        f"({number}) {each}" for number, each in enumerate(both, 1)
    )  # fmt: skip


def rubric_not(expect: ExpectationBuilder, value: Any, about: Mapping[str, Any]) -> None:
    rubric(expect, value, about, "This must not be so: {}")


def factuality(expect: ExpectationBuilder, value: Any, about: Mapping[str, Any]) -> None:
    reference = texts(value, "factuality")[0]
    criterion = "States the same facts as the reference, or more that agree with it; leaves out nothing that matters."
    expect.once("judge", {"rubric": criterion, "reference": reference})


def closed_qa(expect: ExpectationBuilder, value: Any, about: Mapping[str, Any]) -> None:
    rubric(expect, value, about, "Meets this criterion: {}")


def refusal(expect: ExpectationBuilder, value: Any, about: Mapping[str, Any]) -> None:
    expect.once("refuses", not str(about["type"]).startswith("not-"))


def latency(expect: ExpectationBuilder, value: Any, about: Mapping[str, Any]) -> None:
    most = about.get("threshold", value)
    if isinstance(most, bool) or not isinstance(most, int | float):
        raise NoCounterpart("latency without a threshold")
    expect.expectations["latency"] = min(most, expect.expectations.get("latency", most))


def finish_reason(expect: ExpectationBuilder, value: Any, about: Mapping[str, Any]) -> None:
    expect.once("finish_reason", texts(value, "finish-reason")[0].lower())


def word_count(expect: ExpectationBuilder, value: Any, about: Mapping[str, Any]) -> None:
    bounds = value if isinstance(value, Mapping) else {"min": value, "max": value}
    try:
        least, most = int(bounds.get("min") or 1), bounds.get("max")
        rest = f"{{{least - 1},{'' if most is None else int(most) - 1}}}"
    except (TypeError, ValueError):
        raise NoCounterpart("word-count that is no number") from None
    expect.match(rf"^\S+(?: \S+){rest}$")


def tool_calls(expect: ExpectationBuilder, value: Any, about: Mapping[str, Any]) -> None:
    if about.get("threshold") not in (None, 1):
        raise NoCounterpart("tool-call-f1 with a threshold")
    names = value if isinstance(value, list) else str(value).split(",")
    expect.change("tool-call-f1: further calls are no failure here")
    expect.once("tool_calls", [{"name": str(name).strip()} for name in names])


PLAIN: Mapping[str, Handler] = {
    **dict.fromkeys(
        ("contains", "icontains", "contains-all", "icontains-all", "contains-any", "icontains-any"), contains
    ),
    "equals": equals,
    "starts-with": starts_with,
    "regex": regex,
    "is-json": is_json,
    "contains-json": is_json,
    **dict.fromkeys(("similar", "similar:cosine"), similar),
    **dict.fromkeys(("llm-rubric", "g-eval"), rubric),
    "model-graded-closedqa": closed_qa,
    **dict.fromkeys(("factuality", "model-graded-factuality"), factuality),
    "is-refusal": refusal,
    "latency": latency,
    "finish-reason": finish_reason,
    "word-count": word_count,
    "tool-call-f1": tool_calls,
}
NOT: Mapping[str, Handler] = {
    **dict.fromkeys(LISTS, contains_not),
    "contains": contains_not,
    "icontains": contains_not,
    "equals": equals_not,
    "starts-with": starts_not_with,
    "regex": regex_not,
    "llm-rubric": rubric_not,
    "is-refusal": refusal,
}


def parse_shorthand(written: str) -> dict[str, Any]:
    """Reads an assertion of a CSV file, `contains: Paris`, `similar(0.8): Hello`; anything else is what it equals."""
    text = written.strip()
    for prefix, kind in (("fn:", "javascript"), ("eval:", "javascript"), ("grade:", "llm-rubric")):
        if text.startswith(prefix):
            return {"type": kind, "value": text[len(prefix) :].strip()}
    if text.startswith("file://"):
        return {"type": "python" if ".py" in text else "javascript", "value": text}
    match = SHORTHAND.fullmatch(text)
    if not match or match["type"].removeprefix("not-") not in PLAIN.keys() | ELSEWHERE.keys():
        return {"type": "equals", "value": text}
    assertion: dict[str, Any] = {"type": match["type"], "value": (match["value"] or "").strip() or None}
    if match["threshold"]:
        assertion["threshold"] = float(match["threshold"])
    elif match["type"] in ("similar", "not-similar"):
        assertion["threshold"] = SIMILAR_IN_CSV
    elif match["type"] in ("latency", "cost") and assertion["value"]:
        assertion["threshold"] = parse_number(assertion["value"])
    return assertion


def parse_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None

"""The conditions of a Condition step: checked when the definition is submitted, decided when the step is reached.

A list of conditions holds when all of them hold. Values compare only with values of their own kind: numbers with
numbers, strings with strings, booleans with booleans; a mixture is an error of the step, not a quiet False.
"""

import operator
from collections.abc import Callable
from typing import Any

from sluice.localaws.pipelines.references import is_expression
from sluice.localaws.server.request_faults import Malformed

Resolve = Callable[[Any], Any]

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}
_MEMBERS = {
    **{name: {"LeftValue", "RightValue"} for name in COMPARISONS},
    "In": {"QueryValue", "Values"},
    "Not": {"Condition"},
    "Or": {"Conditions"},
}


class Incomparable(Exception):
    """The two values of a condition are of different kinds."""


def check_conditions(conditions: Any, where: str) -> None:
    if not isinstance(conditions, list) or not conditions:
        raise Malformed(f"{where}: must be a list of at least one condition.")
    for index, condition in enumerate(conditions):
        _check(condition, f"{where}[{index}]")


def _check(condition: Any, where: str) -> None:
    kind = str(condition.get("Type")) if isinstance(condition, dict) else ""
    if kind not in _MEMBERS:
        raise Malformed(f"{where}: the condition type {kind!r} is not one of {', '.join(_MEMBERS)}.")
    if condition.keys() != _MEMBERS[kind] | {"Type"}:
        raise Malformed(f"{where}: a condition {kind} has the members Type, {', '.join(sorted(_MEMBERS[kind]))}.")
    if kind == "Not":
        _check(condition["Condition"], f"{where}.Condition")
    elif kind == "Or":
        check_conditions(condition["Conditions"], f"{where}.Conditions")
    else:
        values = condition["Values"] if kind == "In" else [condition["LeftValue"], condition["RightValue"]]
        if not isinstance(values, list) or not values:
            raise Malformed(f"{where}.Values: must be a list of at least one value.")
        for value in [*values, condition.get("QueryValue", "")]:
            if not isinstance(value, (str, int, float, bool)) and not is_expression(value):
                raise Malformed(f"{where}: {value!r} is neither a plain value nor an expression.")


def all_hold(conditions: list[dict[str, Any]], resolve: Resolve) -> bool:
    return all(_holds(condition, resolve) for condition in conditions)


def _holds(condition: dict[str, Any], resolve: Resolve) -> bool:
    kind = condition["Type"]
    if kind == "Not":
        return not _holds(condition["Condition"], resolve)
    if kind == "Or":
        return any(_holds(one, resolve) for one in condition["Conditions"])
    if kind == "In":
        query = resolve(condition["QueryValue"])
        return any(_compare("Equals", query, resolve(value)) for value in condition["Values"])
    return _compare(kind, resolve(condition["LeftValue"]), resolve(condition["RightValue"]))


def _compare(kind: str, left: Any, right: Any) -> bool:
    if _kind(left) != _kind(right):
        raise Incomparable(f"{kind} cannot compare {left!r} ({_kind(left)}) with {right!r} ({_kind(right)}).")
    return COMPARISONS[kind](left, right)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, (int, float)) else "string" if isinstance(value, str) else type(value).__name__

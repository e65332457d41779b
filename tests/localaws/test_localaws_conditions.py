"""The conditions of a Condition step are checked when a definition is submitted, however deep they stand."""

import pytest

from sluice.localaws.pipelines.conditions import check_conditions
from sluice.localaws.server.request_faults import Malformed

GOOD = {"Type": "Equals", "LeftValue": "a", "RightValue": "b"}
BAD = {"Type": "Equals", "LeftValue": "a"}


@pytest.mark.parametrize(
    ("condition", "where"),
    [
        ({"Type": "Not", "Condition": BAD}, r"Conditions\[0\]\.Condition: "),
        ({"Type": "Or", "Conditions": [GOOD, BAD]}, r"Conditions\[0\]\.Conditions\[1\]: "),
        ({"Type": "Or", "Conditions": []}, r"Conditions\[0\]\.Conditions: must be a list of at least one"),
    ],
)
def test_a_condition_within_another_is_checked_too(condition: dict[str, object], where: str) -> None:
    with pytest.raises(Malformed, match=where):
        check_conditions([condition], "Conditions")


def test_conditions_within_others_that_are_right_are_let_through() -> None:
    check_conditions([{"Type": "Not", "Condition": {"Type": "Or", "Conditions": [GOOD]}}], "Conditions")

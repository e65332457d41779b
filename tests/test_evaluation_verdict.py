import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.cases import Case, Turn
from evaluation.replay import CaseResult, TurnResult
from evaluation.scorers import score
from evaluation.verdict import SUMMARY, Gate, decide, percent


def passed(name: str) -> CaseResult:
    turn = Turn("q", expect={"contains": ("15",)})
    return CaseResult(Case(name, (turn,)), (TurnResult(turn, "15", score("15", turn.expect)),))


def failed(name: str, answer: str = "20") -> CaseResult:
    turn = Turn("q", expect={"contains": ("15",)})
    return CaseResult(Case(name, (turn,)), (TurnResult(turn, answer, score(answer, turn.expect)),))


def refused(name: str) -> CaseResult:
    turn = Turn("q", expect={"contains": ("15",)})
    return CaseResult(Case(name, (turn,)), (TurnResult(turn, error="HTTP 424: too long"),))


def test_enough_passing_cases_pass_and_the_failed_ones_are_still_told() -> None:
    verdict = decide([*[passed(f"c{n}") for n in range(9)], failed("bad")], Gate(0.9))
    assert verdict.verdict == "pass"
    assert verdict.summary == "9 of 10 cases passed (90 %), the gate wants 90 %."
    assert verdict.reasons == ("bad, turn 1: looked for '15', the answer says '20'",)


def test_too_few_passing_cases_fail_and_name_the_failed() -> None:
    verdict = decide([passed("a"), failed("b"), refused("c")], Gate(0.9))
    assert verdict.verdict == "fail"
    assert verdict.summary == "1 of 3 cases passed (33.3 %), but the gate wants 90 %. Failed: b, c"
    assert verdict.reasons[1] == "c, turn 1: HTTP 424: too long"


def test_a_target_that_is_down_is_an_error_however_good_the_answers_were() -> None:
    verdict = decide([passed("a")], Gate(0.5), down="http://x is gone.")
    assert (verdict.verdict, verdict.summary) == ("error", "Could not be judged: http://x is gone.")


def test_no_answer_at_all_is_an_error_and_not_a_bad_model() -> None:
    assert decide([refused("a"), refused("b")], Gate(0.5)).verdict == "error"
    assert decide([], Gate(0.5)).verdict == "error"


def test_a_chat_that_ended_early_has_not_passed() -> None:
    turn = Turn("q")
    result = CaseResult(Case("a", (turn, turn)), (TurnResult(turn, "hi"), TurnResult(turn, error="HTTP 424")))
    assert decide([result, passed("b")], Gate(1.0)).verdict == "fail"


@pytest.mark.parametrize(("share", "shown"), [(1, "100 %"), (0.9, "90 %"), (8.9 / 9, "98.8 %"), (0.89999, "89.9 %")])
def test_a_share_that_missed_the_gate_never_reads_as_if_it_had_reached_it(share: float, shown: str) -> None:
    assert percent(share) == shown


@given(st.integers(0, 40), st.integers(1, 40), st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 1.0]))
def test_the_gate_is_reached_exactly_when_the_share_is(good: int, bad: int, rate: float) -> None:
    results = [passed(f"g{n}") for n in range(good)] + [failed(f"b{n}", "no " * 99) for n in range(bad)]
    verdict = decide(results, Gate(rate))
    assert (verdict.verdict == "pass") == (round(good * 1000) >= round(rate * 1000) * (good + bad))
    assert len(verdict.summary) <= SUMMARY and "\n" not in verdict.summary
    assert len(verdict.reasons) == bad

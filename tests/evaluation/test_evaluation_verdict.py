import math
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.evaluation.cases.case import Case, Turn
from sluice.evaluation.compare.champion import compare
from sluice.evaluation.criteria import Criterion
from sluice.evaluation.gate import Gate, Thresholds
from sluice.evaluation.results import CaseResult, Chat, TurnResult
from sluice.evaluation.scoring import Score
from sluice.evaluation.verdict import LONGEST_SUMMARY, Verdict, decide, lets_through
from sluice.wording import percent

TURN = Turn("q", expect={"contains": ("15",)})


def turn_result(answer: str, latency_ms: float = 100.0, **more: object) -> TurnResult:
    right = "15" in answer
    why = "found '15'" if right else f"looked for '15', the answer says {answer!r}"
    return TurnResult(TURN, answer, (Score("contains", right, why),), latency_ms, **more)


def replayed(name: str, *turns: TurnResult, **about: object) -> CaseResult:
    """A case of one turn, once for each of the turns given."""
    case = Case(name, (TURN,), **about)
    return CaseResult(case, tuple(Chat(case, (turn,), repeat=number) for number, turn in enumerate(turns)))


def passed(name: str, **about: object) -> CaseResult:
    return replayed(name, turn_result("15"), **about)


def failed(name: str, answer: str = "20", **about: object) -> CaseResult:
    return replayed(name, turn_result(answer), **about)


def refused(name: str) -> CaseResult:
    return replayed(name, TurnResult(TURN, error="HTTP 424: too long"))


def took(*latencies: float, **more: object) -> list[CaseResult]:
    return [replayed(f"c{n}", turn_result("15", latency, **more)) for n, latency in enumerate(latencies)]


def criterion(verdict: Verdict, what: str, of: str = "all") -> Criterion:
    return next(each for each in verdict.decided if (each.what, each.of) == (what, of))


# the pass rate


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


def test_cases_count_by_their_weight() -> None:
    verdict = decide([passed("a", weight=3.0), failed("b")], Gate(0.75))
    assert verdict.verdict == "pass"
    assert verdict.summary == "1 of 2 cases passed, 75 % by weight and repeats, the gate wants 75 %."
    assert decide([passed("a"), failed("b", weight=3.0)], Gate(0.3)).verdict == "fail"


def test_a_tag_has_a_pass_rate_of_its_own() -> None:
    results = [passed("a", tags=("hr",)), failed("b", tags=("korean", "hr")), *[passed(f"c{n}") for n in range(8)]]
    gate = Gate(0.9, tags={"korean": Thresholds(min_pass_rate=0.5), "hr": Thresholds(min_pass_rate=0.5)})
    verdict = decide(results, gate)
    assert verdict.verdict == "fail"
    assert verdict.summary == (
        "Tag 'korean': 0 of 1 cases passed (0 %), but the gate wants 50 %. "
        "9 of 10 cases passed (90 %), the gate wants 90 %. Failed: b"
    )
    assert criterion(verdict, "pass rate", "hr").verdict == "pass"
    assert verdict.reasons[0].startswith("Tag 'korean'")


def test_the_nearer_word_on_the_pass_rate_counts() -> None:
    results = [passed("a"), failed("b")]
    assert decide(results, Gate(0.9, overall=Thresholds(min_pass_rate=0.5))).verdict == "pass"
    assert decide(results, Gate(0.4, overall=Thresholds(max_p95_ms=200))).verdict == "pass"


def test_a_tag_without_a_case_is_not_known_to_be_good() -> None:
    verdict = decide([passed("a")], Gate(tags={"gone": Thresholds(min_pass_rate=0.5)}))
    assert verdict.verdict == "inconclusive"
    assert verdict.summary == "No case has the tag 'gone'. 1 of 1 cases passed (100 %), the gate wants 90 %."


# critical and flaky cases


def test_a_critical_case_that_fails_closes_the_gate_whatever_the_rest() -> None:
    verdict = decide([*[passed(f"c{n}") for n in range(99)], failed("secret", critical=True)], Gate(0.5))
    assert verdict.verdict == "fail"
    assert verdict.summary == (
        "The critical case secret failed. 99 of 100 cases passed (99 %), the gate wants 50 %. Failed: secret"
    )
    assert criterion(verdict, "critical cases") == Criterion(
        "critical cases", "all", 1, "none fails", "fail", "The critical case secret failed."
    )
    assert verdict.reasons[1].startswith("secret (critical), turn 1: looked for '15'")


def test_a_critical_case_must_pass_every_time() -> None:
    secret = replayed("secret", turn_result("15"), turn_result("20"), critical=True)
    assert decide([passed("a"), secret], Gate(0.5)).verdict == "fail"


def test_critical_cases_come_first_among_the_failed() -> None:
    verdict = decide([failed("a"), passed("b", critical=True), failed("z", critical=True)], Gate(0.1))
    assert [reason.partition(",")[0] for reason in verdict.reasons[1:]] == ["z (critical)", "a"]


def test_all_critical_cases_that_passed_are_told() -> None:
    verdict = decide([passed("a", critical=True), passed("b")], Gate())
    assert criterion(verdict, "critical cases").why == "The critical case passed."


def test_flaky_cases_are_told_apart_from_failed_ones() -> None:
    verdict = decide(
        [replayed("now-and-then", turn_result("15"), turn_result("20"), turn_result("15")), failed("never")], Gate()
    )
    assert verdict.summary == (
        "0 of 2 cases passed, 33.3 % by weight and repeats, but the gate wants 90 %. Failed: never; flaky: now-and-then"
    )
    assert verdict.reasons == (
        "never, turn 1: looked for '15', the answer says '20'",
        "now-and-then, turn 1: looked for '15', the answer says '20' (flaky: it passed 2 of 3 times)",
    )


# what could not be judged


def test_a_target_that_is_down_is_an_error_however_good_the_answers_were() -> None:
    verdict = decide([passed("a")], Gate(0.5), down="http://x is gone.")
    assert (verdict.verdict, verdict.summary) == ("error", "Could not be judged: http://x is gone.")


def test_no_answer_at_all_is_an_error_and_not_a_bad_model() -> None:
    assert decide([refused("a"), refused("b")], Gate(0.5)).verdict == "error"
    assert decide([], Gate(0.5)).verdict == "error"


def test_a_chat_that_ended_early_has_not_passed() -> None:
    turn = Turn("q")
    case = Case("a", (turn, turn))
    result = CaseResult(case, (Chat(case, (TurnResult(turn, "hi"), TurnResult(turn, error="HTTP 424"))),))
    assert decide([result, passed("b")], Gate(1.0)).verdict == "fail"


# latency, speed and cost


def test_every_threshold_becomes_a_criterion() -> None:
    thresholds = Thresholds(0.5, 150, 150, 150, 50, 10, 0.01)
    results = took(*[100.0] * 20, first_token_ms=40.0, completion_tokens=10, cost=0.002)
    verdict = decide(results, Gate(overall=thresholds, tags={"": thresholds}))
    criteria = {each.what: (each.value, each.verdict, each.why) for each in verdict.decided if each.of == "all"}
    assert criteria == {
        "pass rate": (1.0, "pass", "20 of 20 cases passed (100 %), the gate wants 50 %."),
        "latency p50": (100.0, "pass", "Latency p50: 100 ms, at most 150 ms is wanted."),
        "latency p95": (100.0, "pass", "Latency p95: 100 ms, at most 150 ms is wanted."),
        "latency p99": (100.0, "pass", "Latency p99: 100 ms, at most 150 ms is wanted."),
        "first token p95": (40.0, "pass", "First token p95: 40 ms, at most 50 ms is wanted."),
        "tokens per second": (100.0, "pass", "Tokens per second: 100, at least 10 is wanted."),
        "cost per answer": (pytest.approx(0.002), "pass", "Cost per answer: 0.002 USD, at most 0.01 USD is wanted."),
    }


@pytest.mark.parametrize(
    ("thresholds", "why"),
    [
        (Thresholds(max_p50_ms=99), "Latency p50: 100 ms, but at most 99 ms is wanted."),
        (Thresholds(max_p95_ms=99), "Latency p95: 100 ms, but at most 99 ms is wanted."),
        (Thresholds(max_p99_ms=99), "Latency p99: 100 ms, but at most 99 ms is wanted."),
        (Thresholds(max_first_token_ms=39), "First token p95: 40 ms, but at most 39 ms is wanted."),
        (Thresholds(min_tokens_per_second=101), "Tokens per second: 100, but at least 101 is wanted."),
        (Thresholds(max_cost_per_answer=0.001), "Cost per answer: 0.002 USD, but at most 0.001 USD is wanted."),
    ],
)
def test_a_threshold_that_is_clearly_missed_fails_overall_and_by_tag(thresholds: Thresholds, why: str) -> None:
    results = took(*[100.0] * 20, first_token_ms=40.0, completion_tokens=10, cost=0.002)
    verdict = decide(results, Gate(overall=thresholds))
    assert (verdict.verdict, verdict.reasons) == ("fail", (why,))
    assert verdict.summary == f"{why} 20 of 20 cases passed (100 %), the gate wants 90 %."
    tagged = [replace(each, case=replace(each.case, tags=("hr",))) for each in results]
    of_tag = why.replace(":", " of tag 'hr':", 1)
    assert decide(tagged, Gate(tags={"hr": thresholds})).reasons == (of_tag,)


def test_a_slow_answer_or_two_may_be_chance_and_more_answers_would_tell() -> None:
    verdict = decide(took(*[100.0] * 88, 900.0, 950.0), Gate(overall=Thresholds(max_p99_ms=500)))
    assert verdict.verdict == "inconclusive"
    latency = criterion(verdict, "latency p99")
    assert latency.why == (
        "Latency p99: 950 ms and at most 500 ms is wanted, but 2 of 90 answers above that can be chance;"
        f" about {latency.cases_needed} more cases would tell."
    )
    assert 300 < latency.cases_needed < 1000
    assert decide(took(*[100.0] * 80, *[900.0] * 10), Gate(overall=Thresholds(max_p99_ms=500))).verdict == "fail"


def test_what_was_not_measured_was_neither_reached_nor_missed() -> None:
    verdict = decide(took(100.0), Gate(overall=Thresholds(max_first_token_ms=50, min_tokens_per_second=1)))
    assert verdict.verdict == "inconclusive"
    assert verdict.reasons == (
        "First token p95: not measured, and at most 50 ms is wanted.",
        "Tokens per second: not measured, and at least 1 is wanted.",
    )


def test_a_refused_answer_was_not_fast() -> None:
    slow = [replayed(f"c{n}", turn_result("15", 300.0)) for n in range(20)]
    quick = [replayed(f"r{n}", TurnResult(TURN, latency_ms=1.0, error="HTTP 424")) for n in range(40)]
    verdict = decide([*slow, *quick], Gate(0.1, overall=Thresholds(max_p50_ms=200)))
    assert criterion(verdict, "latency p50").value == 300.0


# the champion

CHAMPION = Gate(against_champion=True)


def decide_against(challenger: Sequence[CaseResult], champion: Sequence[CaseResult], gate: Gate = CHAMPION) -> Verdict:
    return decide(challenger, gate, comparison=compare(challenger, champion, gate))


def test_the_same_answers_as_the_champions_pass_with_sixty_cases() -> None:
    cases = [passed(f"c{n}") for n in range(60)]
    assert decide_against(cases, cases).summary == (
        "60 of 60 cases passed (100 %), the gate wants 90 %. "
        "Not worse than the champion by more than 5 points: +0.0 points over 60 cases, at worst -5.0."
    )


def test_too_few_cases_are_inconclusive_and_say_how_many_would_tell() -> None:
    cases = [passed(f"c{n}") for n in range(50)]
    verdict = decide_against(cases, cases)
    assert verdict.verdict == "inconclusive"
    assert verdict.summary == (
        "Not known whether it is worse than the champion by more than 5 points: about 10 more cases would tell. "
        "+0.0 points over 50 cases (-5.9 to +5.9). 50 of 50 cases passed (100 %), the gate wants 90 %."
    )
    assert criterion(verdict, "against the champion").cases_needed == 10
    more = [passed(f"c{n}") for n in range(60)]
    assert decide_against(more, more).verdict == "pass"


def test_a_model_that_lost_much_fails_though_its_pass_rate_would_do() -> None:
    before = [passed(f"c{n}") for n in range(100)]
    after = [failed(f"c{n}") if n < 20 else passed(f"c{n}") for n in range(100)]
    verdict = decide_against(after, before, replace(CHAMPION, min_pass_rate=0.5))
    assert verdict.verdict == "fail"
    assert verdict.summary.startswith(
        "Worse than the champion by more than 5 points: -20.0 points over 100 cases, at best -14.0"
        " (20 cases worse, 0 better). 80 of 100 cases passed (80 %), the gate wants 50 %. Failed: c0, c1,"
    )


def test_an_absolute_miss_fails_even_where_the_champion_is_as_bad() -> None:
    cases = [failed(f"c{n}") for n in range(60)]
    verdict = decide_against(cases, cases)
    assert criterion(verdict, "against the champion").verdict == "pass"
    assert verdict.verdict == "fail"


def test_a_gate_that_wants_a_comparison_and_gets_none_does_not_open() -> None:
    verdict = decide([passed("a")], CHAMPION)
    assert verdict.verdict == "inconclusive"
    assert verdict.summary.startswith("It was not compared with the champion.")
    assert decide([passed("a")], CHAMPION.without_champion()).verdict == "pass"


def test_only_a_pass_goes_on_unless_the_file_says_otherwise() -> None:
    assert [lets_through(word, Gate()) for word in ("pass", "fail", "inconclusive", "error")] == [True, *[False] * 3]
    lenient = Gate(let_inconclusive_through=True)
    assert [lets_through(word, lenient) for word in ("pass", "inconclusive", "fail", "error")] == [
        True,
        True,
        False,
        False,
    ]


# in general


@pytest.mark.parametrize(("share", "text"), [(1, "100 %"), (0.9, "90 %"), (8.9 / 9, "98.8 %"), (0.89999, "89.9 %")])
def test_a_share_that_missed_the_gate_never_reads_as_if_it_had_reached_it(share: float, text: str) -> None:
    assert percent(share) == text


@given(st.integers(0, 40), st.integers(1, 40), st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 1.0]))
def test_the_gate_is_reached_exactly_when_the_share_is(good: int, bad: int, rate: float) -> None:
    results = [passed(f"g{n}") for n in range(good)] + [failed(f"b{n}", "no " * 99) for n in range(bad)]
    verdict = decide(results, Gate(rate))
    assert (verdict.verdict == "pass") == (round(good * 1000) >= round(rate * 1000) * (good + bad))
    assert len(verdict.summary) <= LONGEST_SUMMARY and "\n" not in verdict.summary
    assert len(verdict.reasons) == bad


WORST_FIRST = ("fail", "inconclusive", "pass")
outcomes = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.sampled_from(["a", "b"]), st.booleans()), min_size=1, max_size=80
)


def sides(drawn: Sequence[tuple[bool, bool, str, bool]]) -> tuple[list[CaseResult], list[CaseResult]]:
    def one(n: int, right: bool, tag: str, critical: bool) -> CaseResult:
        return replayed(f"c{n:03}", turn_result("15" if right else "20"), tags=(tag,), critical=critical and n % 9 == 0)

    before = [one(n, before, tag, critical) for n, (before, _, tag, critical) in enumerate(drawn)]
    return [one(n, after, tag, critical) for n, (_, after, tag, critical) in enumerate(drawn)], before


@given(outcomes, st.data(), st.sampled_from([0.0, 0.05, 0.2]), st.sampled_from([0.0, 0.5, 0.9]))
def test_one_more_passing_case_never_makes_the_verdict_worse(drawn, data, margin: float, rate: float) -> None:
    gate = Gate(rate, tags={"a": Thresholds(min_pass_rate=0.3)}, against_champion=True, margin=margin)
    place = data.draw(st.integers(0, len(drawn) - 1))
    better = [*drawn]
    better[place] = (drawn[place][0], True, *drawn[place][2:])
    now, then = (decide_against(*sides(each), gate).verdict for each in (drawn, better))
    assert WORST_FIRST.index(then) >= WORST_FIRST.index(now)


@given(outcomes, st.integers(1, 20))
def test_further_cases_that_pass_never_turn_a_pass_into_a_fail(drawn, more: int) -> None:
    gate = Gate(0.5, against_champion=True)
    longer = [*drawn, *[(True, True, "a", False)] * more]
    now, then = (decide_against(*sides(each), gate).verdict for each in (drawn, longer))
    assert (now, then) != ("pass", "fail")


@given(outcomes, st.integers(0, 1000))
def test_no_order_of_cases_makes_a_difference(drawn, seed: int) -> None:
    gate = Gate(0.5, overall=Thresholds(max_p50_ms=90), against_champion=True, latency_margin=0.1)
    after, before = sides(drawn)
    mixed = random.Random(seed).sample(after, len(after))
    one, other = decide_against(after, before, gate), decide_against(mixed, before[::-1], gate)
    assert (one.verdict, one.decided) == (other.verdict, other.decided)
    assert sorted(one.reasons) == sorted(other.reasons)


@given(outcomes)
def test_a_summary_is_one_short_line_and_every_figure_is_a_number(drawn) -> None:
    verdict = decide_against(*sides(drawn), Gate(0.5, against_champion=True, latency_margin=0.1))
    assert len(verdict.summary) <= LONGEST_SUMMARY and "\n" not in verdict.summary
    assert all(each.value is None or math.isfinite(each.value) for each in verdict.decided)

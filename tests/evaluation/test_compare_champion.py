"""The comparison with the champion: from a replay or from its stored report, and when that report will do."""

import hashlib
import json
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.evaluation.cases.case import Case, Turn
from sluice.evaluation.compare import hashes as hashing
from sluice.evaluation.compare.champion import compare, decide_replay, describe_missing_comparison
from sluice.evaluation.compare.hashes import compute_hashes
from sluice.evaluation.gate import Gate
from sluice.evaluation.report import Report, parse_report
from sluice.evaluation.results import CaseResult, Chat, TurnResult
from sluice.evaluation.scorers import python as own
from sluice.evaluation.scoring import Score
from sluice.evaluation.verdict import decide

GATE = Gate(0.5, against_champion=True)
TURN = Turn("q", expect={"contains": ("15",)})


def replayed(name: str, *rights: bool, latency_ms: float = 100.0, answer: str = "", **about: object) -> CaseResult:
    """A case of one turn, once for each right or wrong answer."""
    case = Case(name, (TURN,), **about)
    chats = []
    for number, right in enumerate(rights):
        score = Score("contains", right, "found" if right else "missing")
        turn = TurnResult(TURN, answer or ("15" if right else "20"), (score,), latency_ms, latency_ms / 4)
        chats.append(Chat(case, (turn,), repeat=number))
    return CaseResult(case, tuple(chats))


def many(rights: Sequence[bool], **about: object) -> list[CaseResult]:
    return [replayed(f"c{n:04}", right, **about) for n, right in enumerate(rights)]


def stored(results: Sequence[CaseResult], hashes: dict[str, str] | None = None) -> dict:
    """The report of these results, written and read back."""
    report = Report(
        decide(results, Gate(0.5)),
        Gate(0.5),
        tuple(results),
        "2026-11-20T12:00:00+00:00",
        1.0,
        subject={"model_package": "arn:champion", "version": "3"},
        environment={"OPTION_DTYPE": "bf16"},
        hashes=hashes or {},
    )
    return parse_report(json.dumps(report.as_json()))


# what is told


def test_flips_are_named_and_come_with_the_champions_answers() -> None:
    before = [
        replayed("both", True),
        replayed("lost", True, answer="15일"),
        replayed("gained", False),
        replayed("no", False),
    ]
    after = [replayed("both", True), replayed("lost", False), replayed("gained", True), replayed("no", False)]
    comparison = compare(after, before, GATE, about={"version": 3})
    assert (comparison["pairs"], comparison["both_passed"], comparison["both_failed"]) == (4, 1, 1)
    assert (comparison["gained"], comparison["lost"], comparison["flaky"]) == (["gained"], ["lost"], [])
    assert comparison["answers"] == {"lost": ["15일"], "gained": ["20"]}
    assert (comparison["champion"], comparison["replayed"], comparison["mcnemar_p"]) == ({"version": 3}, True, 1.0)


def test_a_stored_report_says_the_same_as_the_replay_it_came_from() -> None:
    draw = random.Random(1)
    before, after = (many([draw.random() < 0.8 for _ in range(80)], tags=("hr",)) for _ in range(2))
    replay, report = compare(after, before, GATE, about={}), compare(stored(after), stored(before), GATE, about={})
    assert report.pop("replayed") is False and replay.pop("replayed") is True
    assert report == replay


def test_a_stored_report_says_who_the_champion_is() -> None:
    comparison = compare(many([True]), stored(many([True])), GATE)
    assert comparison["champion"] == {
        "model_package": "arn:champion",
        "version": "3",
        "report": None,
        "environment": {"OPTION_DTYPE": "bf16"},
    }


def test_the_comparison_is_the_same_after_it_went_through_json() -> None:
    comparison = compare(many([True, False] * 20), many([True, True] * 20), replace(GATE, latency_margin=0.1))
    assert json.loads(json.dumps(comparison, allow_nan=False)) == comparison
    results = many([True, False] * 20)
    gate = replace(GATE, latency_margin=0.1)
    assert decide(results, gate, comparison=json.loads(json.dumps(comparison))) == decide(
        results, gate, comparison=comparison
    )


def test_flaky_cases_are_no_flips_but_count_in_the_difference() -> None:
    before = [replayed("steady", True, True), replayed("shaky", True, True)]
    after = [replayed("steady", True, True), replayed("shaky", True, False)]
    comparison = compare(after, before, GATE)
    assert (comparison["flaky"], comparison["lost"], comparison["both_passed"], comparison["answers"]) == (
        ["shaky"],
        [],
        1,
        {},
    )
    assert (comparison["worse"], comparison["better"], comparison["difference"]["estimate"]) == (1, 0, -0.25)


def test_only_as_many_repeats_are_compared_as_both_have() -> None:
    comparison = compare([replayed("a", True, False, False)], [replayed("a", True)], GATE)
    assert (comparison["difference"]["estimate"], comparison["flaky"], comparison["both_passed"]) == (0.0, [], 1)


def test_weights_count_in_the_difference() -> None:
    before = [replayed("heavy", True, weight=9.0), replayed("light", True)]
    after = [replayed("heavy", False, weight=9.0), replayed("light", True)]
    assert compare(after, before, GATE)["difference"]["estimate"] == -0.9


def test_a_refused_turn_is_a_failed_case_on_either_side() -> None:
    case = Case("a", (TURN,))
    refused = CaseResult(case, (Chat(case, (TurnResult(TURN, latency_ms=1.0, error="HTTP 424"),)),))
    assert compare([refused], [replayed("a", True)], GATE)["lost"] == ["a"]
    assert compare([replayed("a", True)], [refused], GATE)["gained"] == ["a"]


# the verdict


@pytest.mark.parametrize(
    ("lost", "of", "verdict"),
    [(0, 60, "pass"), (0, 59, "inconclusive"), (10, 1000, "pass"), (1, 60, "inconclusive"), (20, 100, "fail")],
)
def test_the_verdict_follows_where_the_interval_lies(lost: int, of: int, verdict: str) -> None:
    comparison = compare(many([n >= lost for n in range(of)]), many([True] * of), GATE)
    assert comparison["verdict"] == verdict
    low, high = comparison["difference"]["low"], comparison["difference"]["high"]
    assert (low >= -0.05, high < -0.05) == (verdict == "pass", verdict == "fail")
    assert (comparison["cases_needed"] is None) == (verdict != "inconclusive")


def test_a_difference_beyond_the_margin_is_no_proof_of_one() -> None:
    comparison = compare(many([n >= 5 for n in range(60)]), many([True] * 60), GATE)
    assert comparison["difference"]["estimate"] < -0.05
    assert comparison["verdict"] == "inconclusive"


def test_where_tags_are_compared_the_whole_must_be_a_little_surer_that_it_is_worse() -> None:
    """Both together are wrong at most one time in twenty: tags have a fifth of that."""
    alone, tagged = (
        compare(many([n >= 9 for n in range(100)], tags=tags), many([True] * 100), GATE)["difference"]
        for tags in ((), ("a",))
    )
    at_96 = compare(many([n >= 9 for n in range(100)]), many([True] * 100), replace(GATE, confidence=0.96))[
        "difference"
    ]
    assert (tagged["low"], tagged["high"]) == (alone["low"], at_96["high"])


def test_the_margin_is_what_the_file_says() -> None:
    after, before = many([n >= 5 for n in range(200)]), many([True] * 200)
    assert [compare(after, before, replace(GATE, margin=each))["verdict"] for each in (0.001, 0.03, 0.06)] == [
        "fail",
        "inconclusive",
        "pass",
    ]


def test_one_tag_that_got_much_worse_closes_the_gate_for_all() -> None:
    def one(n: int, right: bool) -> CaseResult:
        return replayed(f"c{n:04}", right, tags=("refusals",) if n < 20 else ("facts",))

    before = [one(n, True) for n in range(1000)]
    after = [one(n, n >= 14) for n in range(1000)]
    comparison = compare(after, before, GATE)
    assert [each["verdict"] for each in comparison["decided"]] == ["pass", "fail"]
    assert comparison["verdict"] == "fail"
    assert comparison["why"].startswith(
        "Worse than the champion by more than 5 points on tag 'refusals': -70.0 points over 20 "
    )
    facts, refusals = comparison["tags"]
    assert (facts["tag"], facts["pairs"], facts["difference"]) == ("facts", 980, 0.0)
    assert refusals["p_corrected"] == pytest.approx(2 * refusals["p"] / 0.2, rel=1e-4)  # two tags, a fifth of the error


def test_a_tag_that_seems_worse_by_itself_may_be_one_of_many() -> None:
    """Six of eight lost: clear for one tag that was asked about, and to be expected of one in dozens."""

    def one(n: int, right: bool) -> CaseResult:
        return replayed(f"c{n:04}", right, tags=(f"t{n // 8}",))

    before = [one(n, True) for n in range(400)]
    comparison = compare([one(n, n >= 6) for n in range(400)], before, GATE)
    first = next(each for each in comparison["tags"] if each["tag"] == "t0")
    assert first["p"] < 0.05 < first["p_corrected"]
    assert [each["of"] for each in comparison["decided"]] == ["all"]


def test_many_tags_are_corrected_for() -> None:
    """The same five lost cases of one tag: clear if it is the only one, and not if it is one of forty."""
    before = many([True] * 200)

    def after(tags: int) -> list[CaseResult]:
        return [replayed(f"c{n:04}", n % 40 != 0, tags=(f"t{n % tags}",)) for n in range(200)]

    one, forty = (next(t for t in compare(after(tags), before, GATE)["tags"] if t["tag"] == "t0") for tags in (5, 40))
    assert forty["p"] <= one["p"] and forty["p_corrected"] > one["p"]


def test_a_few_cases_of_a_tag_do_not_make_the_whole_inconclusive() -> None:
    cases = [replayed(f"c{n:03}", True, tags=("rare",) if n == 0 else ()) for n in range(80)]
    assert compare(cases, cases, GATE)["verdict"] == "pass"


def test_latencies_are_compared_where_the_file_asks_for_it() -> None:
    before = many([True] * 60, latency_ms=100.0)
    slower = many([True] * 60, latency_ms=130.0)
    assert compare(slower, before, GATE)["verdict"] == "pass"
    comparison = compare(slower, before, replace(GATE, latency_margin=0.2))
    assert comparison["latency"]["p50_ratio"] == {"estimate": 1.3, "low": 1.3, "high": 1.3}
    assert set(comparison["latency"]) == {"p50_ratio", "p95_ratio", "first_token_p50_ratio"}
    assert comparison["why"] == "The median latency is 1.30 times the champion's, at least 1.30; 1.20 times is allowed."
    assert compare(slower, before, replace(GATE, latency_margin=0.4))["verdict"] == "pass"


def test_latencies_that_scatter_are_inconclusive_and_say_how_many_cases_would_tell() -> None:
    draw = random.Random(2)
    before, after = (
        [replayed(f"c{n:03}", True, latency_ms=draw.lognormvariate(5, 0.6)) for n in range(60)] for _ in "ab"
    )
    comparison = compare(after, before, replace(GATE, latency_margin=0.1))
    assert (comparison["verdict"], comparison["decided"][1]["verdict"]) == ("inconclusive", "inconclusive")
    assert comparison["cases_needed"] > 60


def test_a_median_above_the_limit_is_no_proof_that_it_is_slower() -> None:
    draw = random.Random(5)
    before = [replayed(f"c{n:03}", True, latency_ms=draw.lognormvariate(5, 0.6)) for n in range(60)]
    after = [replayed(f"c{n:03}", True, latency_ms=1.2 * draw.lognormvariate(5, 0.6)) for n in range(60)]
    comparison = compare(after, before, replace(GATE, latency_margin=0.1))
    ratio = comparison["latency"]["p50_ratio"]
    assert ratio["low"] < 1.1 < ratio["estimate"]
    assert comparison["decided"][1]["verdict"] == "inconclusive"


def test_turns_that_were_refused_have_no_latency_to_compare() -> None:
    case = Case("a", (TURN, TURN))
    turn = TurnResult(TURN, "15", (), 100.0)
    before = CaseResult(case, (Chat(case, (turn, turn)),))
    after = CaseResult(case, (Chat(case, (turn, TurnResult(TURN, latency_ms=9000.0, error="HTTP 424"))),))
    assert compare([after], [before], GATE)["latency"]["p95_ratio"]["estimate"] == 1.0


def test_without_latencies_there_is_nothing_to_compare() -> None:
    cases = many([True] * 60, latency_ms=0.0)
    comparison = compare(cases, cases, replace(GATE, latency_margin=0.1))
    assert (comparison["latency"], comparison["verdict"]) == (None, "inconclusive")
    assert comparison["why"] == "The latencies cannot be compared: there are none."


def test_repeats_are_offered_where_they_would_help() -> None:
    draw = random.Random(1)
    before, after = ([replayed(f"c{n:03}", *(draw.random() < 0.7 for _ in range(2))) for n in range(120)] for _ in "ab")
    comparison = compare(after, before, GATE)
    assert comparison["verdict"] == "inconclusive"
    assert 2 < comparison["repeats_needed"] < 100
    assert f", or {comparison['repeats_needed']} repeats of these." in comparison["why"]
    assert compare(many([True] * 40), many([True] * 40), GATE)["repeats_needed"] is None


# small and large


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("size", [1, 2, 61, 3000])
def test_any_size_and_any_agreement_gives_numbers(before: bool, after: bool, size: int) -> None:
    """Warnings are errors here: SciPy and NumPy must not have any either."""
    comparison = compare(
        many([after] * size, tags=("a",)), many([before] * size, tags=("a",)), replace(GATE, latency_margin=0.0)
    )
    assert all(map(math.isfinite, numbers(comparison)))
    assert (
        -1
        <= comparison["difference"]["low"]
        <= comparison["difference"]["estimate"]
        <= comparison["difference"]["high"]
        <= 1
    )


def numbers(value: object) -> list[float]:
    if isinstance(value, dict):
        return [each for value in value.values() for each in numbers(value)]
    if isinstance(value, list):
        return [each for value in value for each in numbers(value)]
    return [value] if isinstance(value, int | float) else []


def test_no_case_in_common_is_inconclusive() -> None:
    comparison = compare(many([True]), [replayed("other", True)], GATE)
    assert (comparison["verdict"], comparison["pairs"], comparison["difference"]) == ("inconclusive", 0, None)
    assert comparison["why"] == "No case was asked of the champion and of this model alike."


def test_a_champion_that_could_not_be_replayed_leaves_it_open() -> None:
    comparison = describe_missing_comparison("The champion could not be replayed: it is gone.", GATE)
    verdict = decide(many([True] * 60), GATE, comparison=comparison)
    assert verdict.verdict == "inconclusive"
    assert verdict.summary.startswith("The champion could not be replayed: it is gone. 60 of 60 cases passed")
    assert comparison.keys() == compare(many([True]), many([True]), GATE).keys()


def test_the_same_input_gives_the_same_comparison() -> None:
    draw = random.Random(4)
    before, after = (
        [replayed(f"c{n}", *(draw.random() < 0.8 for _ in range(3)), latency_ms=draw.random() + 1) for n in range(60)]
        for _ in "ab"
    )
    once = compare(after, before, GATE)
    state = random.getstate()
    assert compare(after, before, GATE) == once == compare(after[::-1], before, GATE)
    assert random.getstate() == state


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=70))
def test_every_pair_is_counted_once(drawn: list[tuple[bool, bool]]) -> None:
    comparison = compare(many([after for after, _ in drawn]), many([before for _, before in drawn]), GATE)
    counted = (
        comparison["both_passed"]
        + comparison["both_failed"]
        + len(comparison["gained"])
        + len(comparison["lost"])
        + len(comparison["flaky"])
    )
    assert counted == comparison["pairs"] == len(drawn)
    assert (comparison["worse"], comparison["better"]) == (len(comparison["lost"]), len(comparison["gained"]))


# whether the stored report will do

NOW = {"cases": "c1", "scorers": "s1", "environment": "e1"}


def test_a_report_of_the_same_cases_scorers_and_environment_will_do() -> None:
    choice = decide_replay(stored(many([True]), NOW), NOW, {"c0000": 1})
    assert (choice.replay, choice.why) == (
        False,
        "Cases, scoring and environment are those of the champion's stored report.",
    )


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"cases": "c2"}, "the cases"),
        ({"scorers": "s2"}, "how answers are scored"),
        ({"environment": "e2"}, "the environment"),
        ({"cases": "c2", "environment": "e2"}, "the cases, the environment"),
        ({"scorers": ""}, "how answers are scored"),
    ],
)
def test_anything_that_changed_since_means_a_replay(changed: dict[str, str], reason: str) -> None:
    choice = decide_replay(stored(many([True]), NOW), NOW | changed, {"c0000": 1})
    assert (choice.replay, choice.why) == (True, f"The champion's stored report does not fit: {reason} changed since.")


def test_a_report_without_hashes_verdict_or_enough_repeats_will_not_do() -> None:
    assert decide_replay(None, NOW, {}).why == "The champion has no stored report."
    assert decide_replay(stored(many([True])), NOW, {}).replay and decide_replay(stored(many([True])), {}, {}).replay
    assert decide_replay(stored([], NOW), NOW, {}).why == "The champion's stored report could not judge it."
    assert decide_replay(stored(many([True]), NOW), NOW, {"c0000": 3}).why == (
        "The champion's stored report has fewer repeats than are wanted now."
    )
    assert decide_replay(stored(many([True]), NOW), NOW, {"c0000": 1, "c0001": 1}).replay


CASES = (Case("a", (TURN,)),)


def test_hashes_change_with_what_they_are_of_and_with_nothing_else() -> None:
    def now(cases=CASES, settings=None, image="lmi", environment=None, machine="ml.g5.xlarge") -> dict[str, str]:
        return compute_hashes(cases, settings or {"judge": None}, image, environment or {"A": "1", "B": "2"}, machine)

    def changed(**what: object) -> set[str]:
        return {name for name, digest in now(**what).items() if digest != now()[name]}

    assert changed() == changed(environment={"B": "2", "A": "1"}) == set()
    assert changed(cases=(replace(CASES[0], place="elsewhere.yaml:3"),)) == set()
    assert changed(cases=(replace(CASES[0], critical=True),)) == {"cases"}
    assert changed(settings={"judge": "another"}) == {"scorers"}
    assert changed(image="newer") == changed(machine="ml.g6.xlarge") == {"environment"}
    assert changed(environment={"A": "1", "B": "3"}) == {"environment"}


def test_the_source_of_every_scorer_and_of_the_prompt_is_hashed() -> None:
    contents = dict(hashing.scoring_sources())
    assert {"prompt.py", "scoring.py", "__init__.py", "contains.py", "text.py", "judge.py"} <= contents.keys()
    assert contents["prompt.py"] == Path(hashing.__file__).parent.with_name("prompt.py").read_bytes()
    whole = hashlib.sha256(
        b"".join(f"{name}\n".encode() + content for name, content in hashing.scoring_sources()) + b"{}"
    )
    assert hashing.digest_of_scoring(CASES, {}) == whole.hexdigest()[:16]


def test_the_source_of_a_function_of_ones_own_is_hashed(tmp_path: Path) -> None:
    own.add_folder(tmp_path)
    cases = (Case("a", (Turn("q", expect={"python": "own_checks_of_a_test:polite"}),)),)
    absent = hashing.digest_of_scoring(cases, {})
    (tmp_path / "own_checks_of_a_test.py").write_text("def polite(said): return True\n")
    there = hashing.digest_of_scoring(cases, {})
    (tmp_path / "own_checks_of_a_test.py").write_text("def polite(said): return False\n")
    assert len({absent, there, hashing.digest_of_scoring(cases, {})}) == 3

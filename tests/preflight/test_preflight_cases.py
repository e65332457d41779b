"""Chat cases that cannot be asked, cannot pass, cannot fail, or are too few: told before a model is paid for."""

from dataclasses import replace
from pathlib import Path

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.evaluation import prompt, scorers
from sluice.evaluation.cases import loader
from sluice.evaluation.cases.case import Case, Turn
from sluice.evaluation.scoring import NOTHING, Sample
from sluice.lmi.model import ModelFacts
from sluice.preflight.cases import checks as rules
from sluice.preflight.cases import expectations, power, tokens
from sluice.preflight.deployment_spec import DeploymentSpec, EvaluationSpec, Setting
from sluice.preflight.finding import Finding, Location

ROOT = Path(__file__).parents[2]
TOKENIZER = ROOT / "sluice" / "tinylmi" / "checkpoints" / "good" / "tokenizer.json"
MODEL = ModelFacts(
    *("tiny", "Qwen3ForCausalLM"), parameters=10, weights_bytes=20, layers=1, hidden=1, heads=1, kv_heads=1, head_dim=1,
    intermediate=1, vocab=1, max_positions=8192, tied=True,
)  # fmt: skip


def case(id: str = "a", *turns: Turn, system: str | None = None, place: str = "chats.yaml: cases[3]") -> Case:
    return Case(id, turns or (turn(contains="15 days"),), system=system, place=place)


def turn(user: str = "How many days?", passages: tuple[str, ...] = (), **expect: str | tuple[str, ...]) -> Turn:
    texts = {name: (value,) if isinstance(value, str) else value for name, value in expect.items()}
    return Turn(user, passages=passages, expect=texts)


def many(count: int) -> tuple[Case, ...]:
    """Cases in which nothing is wrong."""
    return tuple(case(f"good-{number}", turn(f"Question {number}?", contains="yes")) for number in range(count))


def evaluated(
    *cases: Case, rate=0.9, max_tokens=128, tokenizer: Path | None = TOKENIZER, fill=60, **changes
) -> DeploymentSpec:
    """These cases among as many good ones as it takes to say nothing about their number."""
    judging = EvaluationSpec((*cases, *many(fill)), max_tokens, rate, tokenizer)
    places = {"judging": Location("evaluation.cases"), "gate": Location("evaluation.gate.min_pass_rate")}
    return DeploymentSpec(form="yaml", model=MODEL, judging=judging, places=places, **changes)


def context(length: int | str) -> dict[str, tuple[Setting, ...]]:
    return {"environment": (Setting("OPTION_MAX_MODEL_LEN", str(length), Location("lmi.options.max_model_len")),)}


def findings_of(setup: DeploymentSpec) -> list[Finding]:
    return [each for check in rules.CHECKS for each in check(setup)]


def met(setup: DeploymentSpec) -> set[tuple[str, str]]:
    return {(each.code, each.severity) for each in findings_of(setup)}


def only(setup: DeploymentSpec, code: str) -> Finding:
    (finding,) = (each for each in findings_of(setup) if each.code == code)
    return finding


def test_nothing_is_found_in_enough_good_cases():
    assert findings_of(evaluated()) == []


def test_nothing_is_said_without_cases():
    assert findings_of(DeploymentSpec(model=MODEL)) == []


def test_nothing_is_wrong_with_the_shipped_cases():
    shipped = EvaluationSpec(loader.load_cases(ROOT / "cases"), 128, 0.9, TOKENIZER)
    assert met(DeploymentSpec(model=MODEL, judging=shipped, **context(4096))) == set()


# --- the context ---------------------------------------------------------------------------------------------------

LONG = "The annual leave of every employee is entered in the calendar. " * 40
KOREAN = "모든 직원은 매년 22일의 연차 휴가를 받습니다. " * 40


def counted(text: str) -> int:
    count = tokens.counter(TOKENIZER)
    assert count is not None
    return count(text)


@pytest.mark.parametrize("passage", [LONG, KOREAN])
def test_a_prompt_is_counted_as_it_is_sent_with_the_models_own_tokenizer(passage):
    question = turn("How many days?", (passage,), contains="22 days")
    sent = [each["content"] for each in prompt.build_messages(question.user, question.passages)]
    needed = sum(counted(text) for text in sent) + 128
    assert ("EVL001", "error") in met(evaluated(case("a", question), **context(needed - 1)))
    assert ("EVL001", "error") not in met(evaluated(case("a", question), **context(needed)))


def test_what_cannot_fit_is_told_with_its_place_its_numbers_and_what_would_do():
    finding = only(evaluated(case("leave", turn(passages=(LONG,), contains="x")), **context(400)), "EVL001")
    assert str(finding.place) == "chats.yaml: cases[3].turns[0]"
    assert "asks for 128; the context has 400" in finding.message and "Turn 1 of case leave" in finding.message
    assert finding.fix == "max_model_len: 1024"


def test_no_more_context_is_advised_than_the_model_has():
    small = replace(
        evaluated(case("leave", turn(passages=(LONG,), contains="x"))), model=replace(MODEL, max_positions=400)
    )
    assert only(small, "EVL001").fix == ""


def test_earlier_answers_count_as_long_as_they_may_be():
    chat = case("a", *(turn(f"Question {number}?", contains="x") for number in range(6)))
    fits = evaluated(chat, max_tokens=500, **context(4096))
    assert findings_of(fits) == []
    tight = evaluated(chat, max_tokens=500, **context(2000))
    finding = only(tight, "EVL001")
    assert finding.severity == "warning"
    assert "3 earlier answers of up to 500" in finding.message  # no more than three turns are sent
    assert finding.place.where == "cases[3].turns[3]"


def test_without_a_tokenizer_only_what_cannot_fit_by_any_is_a_warning():
    long = case("a", turn(passages=("word " * 400,), contains="x"))
    assert ("EVL001", "warning") in met(evaluated(long, tokenizer=None, **context(500)))
    assert findings_of(evaluated(long, tokenizer=None, **context(600))) == []


@pytest.mark.parametrize("content", [None, "", "{}", '{"model": {"type": "BPE"}}', "\x00"])
def test_a_tokenizer_that_cannot_be_read_is_as_none(tmp_path, content):
    file = tmp_path / "tokenizer.json"
    if content is not None:
        file.write_text(content)
    long = case("a", turn(passages=("word " * 400,), contains="x"))
    assert ("EVL001", "warning") in met(evaluated(long, tokenizer=file, **context(500)))


@pytest.mark.parametrize(
    ("changes", "length"),
    [({}, 8192), (context(4096), 4096), (context("4k"), 4000), (context("4K"), 4096), (context("many"), None)],
)
def test_the_context_is_the_options_or_else_the_models_own(changes, length):
    setup = evaluated(max_tokens=length or 1, **changes)
    assert (("EVL001", "error") in met(setup)) == (length is not None)
    assert findings_of(evaluated(max_tokens=(length or 300) - 250, **changes)) == []


def test_an_answer_as_long_as_the_context_is_told_once():
    finding = only(evaluated(max_tokens=4096, **context(4096)), "EVL001")
    assert "vLLM refuses every request" in finding.message and finding.fix == "max_tokens: 1024"


def test_many_misfits_are_told_together():
    chats = [case(f"a{number}", turn(f"{number}?", (LONG,), contains="x")) for number in range(12)]
    assert "The same goes for 11 more." in only(evaluated(*chats, fill=200, **context(400)), "EVL001").message


# --- the same case twice -------------------------------------------------------------------------------------------


def test_an_id_twice_is_an_error():
    assert ("EVL002", "error") in met(
        evaluated(case("a", turn("One?", contains="x")), case("a", turn("Two?", contains="x")))
    )


def test_a_chat_twice_is_a_warning_at_the_second():
    again = case("b", place="other.yaml: cases[0]")
    finding = only(evaluated(case("a"), again), "EVL002")
    assert (finding.severity, str(finding.place)) == ("warning", "other.yaml: cases[0]")


def test_other_words_are_another_case():
    assert findings_of(evaluated(case("a", turn("One?", contains="x")), case("b", turn("Two?", contains="x")))) == []


# --- expectations --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expect",
    [
        {"contains": "15 days", "not_contains": "5 days"},
        {"contains": "15일", "not_contains": "5일"},
        {"contains": "15 days", "not_contains": " 5 days"},  # the blank goes
        {"contains": "YES", "not_contains": "yes"},
        {"contains": "annual\n leave", "not_contains": "Annual Leave"},
        {"contains": "가", "not_contains": "\u1100\u1161"},  # the same syllable, composed and not
        {"contains_all": ("a", "b"), "not_contains": ("x", "b")},
        {"contains_any": ("15 days", "25 days"), "not_contains": "5 days"},
        {"contains_any": ()},
        {"equals": "yes", "contains": "no"},
        {"equals": "yes", "contains_any": ("no", "never")},
        {"equals": "yes", "not_contains": "es"},
        {"equals": "yes", "matches": r"^\d+$"},
        {"not_contains": ""},
        {"matches": r"first\nsecond"},
        {"matches": "a  b"},
        {"matches": "("},
    ],
    ids=str,
)
def test_what_no_answer_can_be_is_a_warning(expect):
    finding = only(evaluated(case("a", turn(**expect))), "EVL003")
    assert finding.severity == "warning" and "fails with every model" in finding.message
    assert finding.place.where.startswith("cases[3].turns[0].expect.")


@pytest.mark.parametrize(
    "expect",
    [
        {"contains": "15 days", "not_contains": "25 days"},
        {"contains": "22일", "not_contains": "15일"},
        {"contains_any": ("15 days", "two weeks"), "not_contains": "5 days"},
        {"equals": "Yes, of course", "contains": "yes", "matches": "course$"},
        {"equals": "예", "matches": r"(a+)+$"},  # not tried
        {"contains": "16:00", "matches": r"^[^\n]{10,100}$"},
        {"contains": "ㅋㅋ"},
        {"contains": "can't"},
        {"matches": "(?i)straße"},
    ],
    ids=str,
)
def test_what_an_answer_can_be_is_left_alone(expect):
    assert findings_of(evaluated(case("a", turn(**expect)))) == []


def test_the_first_expectation_that_cannot_hold_is_named():
    chat = case("a", turn(contains="x"), turn("And?", contains="15 days", not_contains="5 days"))
    finding = only(evaluated(chat), "EVL003")
    assert finding.place.where == "cases[3].turns[1].expect.contains"
    assert "Turn 2 expects '15 days' and yet not '5 days'" in finding.message


def test_cases_that_keep_the_gate_closed_are_an_error():
    broken = [case(f"a{n}", turn(f"{n}?", contains="15 days", not_contains="5 days")) for n in range(3)]
    assert ("EVL003", "warning") in met(evaluated(*broken, fill=60))
    assert ("EVL003", "warning") in met(evaluated(*broken[:2], fill=21))  # two of 23 may fail
    closed = evaluated(*broken, fill=20)
    assert {each.severity for each in findings_of(closed) if each.code == "EVL003"} == {"error"}
    assert "21 of 23 cases must pass" in findings_of(closed)[0].message


@pytest.mark.parametrize(
    "expect", [{"contains": "word " * 300}, {"equals": "단어 " * 300}, {"matches": ".{5000}"}], ids=str
)
@pytest.mark.parametrize("tokenizer", [TOKENIZER, None])
def test_more_than_an_answer_may_say_is_a_warning(expect, tokenizer):
    finding = only(evaluated(case("a", turn(**expect)), tokenizer=tokenizer), "EVL003")
    assert (finding.severity, finding.confidence) == ("warning", "inferred")
    assert "answers end after 128" in finding.message


@pytest.mark.parametrize(
    ("expect", "severity"),
    [
        ({"contains": "15\u200b days"}, "warning"),
        ({"not_contains": "15\u00ad days"}, "warning"),
        ({"contains": "don’t know"}, "note"),
        ({"equals": "“yes”"}, "note"),
        ({"contains": "25 days", "not_contains": " 15 days"}, "note"),
    ],
    ids=str,
)
def test_what_an_answer_hardly_holds_is_told(expect, severity):
    assert met(evaluated(case("a", turn(**expect)))) == {("EVL003", severity)}


# --- the gate ------------------------------------------------------------------------------------------------------


def test_a_rate_of_nothing_is_a_gate_that_is_open():
    finding = only(evaluated(rate=0.0), "EVL004")
    assert (finding.severity, finding.place.where) == ("warning", "evaluation.gate.min_pass_rate")


@pytest.mark.parametrize(
    "expect", [{"matches": ".*"}, {"matches": (".", r"\S")}, {"contains": ""}, {"contains_any": ("x", "")}, {}], ids=str
)
def test_a_case_that_every_answer_passes_is_a_warning(expect):
    finding = only(evaluated(case("a", turn(**expect))), "EVL004")
    assert finding.severity == "warning" and "case a passes with every model" in finding.message
    assert str(finding.place) == "chats.yaml: cases[3]"


def test_enough_of_them_are_a_gate_that_is_open():
    empty = [case(f"a{number}", turn(f"{number}?", matches=".*")) for number in range(30)]
    finding = only(evaluated(*empty, fill=30, rate=0.5), "EVL004")
    assert "no model can fail the gate" in finding.message
    assert finding.place.where == "evaluation.gate.min_pass_rate"


def test_one_turn_that_can_fail_is_enough():
    assert findings_of(evaluated(case("a", turn(), turn("And?", contains="15")))) == []


def test_an_expectation_that_says_nothing_beside_another_is_a_note():
    finding = only(evaluated(case("a", turn(contains="15", matches=".*"))), "EVL004")
    assert (finding.severity, finding.place.where) == ("note", "cases[3].turns[0].expect.matches")


def test_a_gate_that_most_may_miss_is_a_note():
    assert ("EVL004", "note") in met(evaluated(rate=0.3, fill=700))


# --- how many ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "rate", "severity"),
    [
        (1, 0.9, "warning"),
        (10, 0.9, "warning"),
        (26, 0.9, "note"),
        (60, 0.9, None),
        (40, 0.98, "note"),
        (60, 1.0, None),
    ],
)
def test_few_cases_are_told_by_the_regression_that_they_show(count, rate, severity):
    assert met(evaluated(fill=count, rate=rate)) == ({("EVL005", severity)} if severity else set())


def test_the_message_says_what_is_luck_and_how_many_cases_it_takes():
    message = only(evaluated(fill=10), "EVL005").message
    assert "96% passes 95 times in 100" in message and "73% is stopped 80 times in 100" in message
    assert "smaller regressions than 23 points are luck" in message
    assert f"10 points takes about {power.cases_for(0.10, 0.9)} cases" in message


def test_a_rate_that_so_few_cases_do_not_have_is_told():
    message = only(evaluated(fill=10, rate=0.97), "EVL005").message
    assert message.startswith("A gate of 0.97 cannot be told from 1 by 10 cases: all must pass.")


# --- what is no longer sent ----------------------------------------------------------------------------------------


def test_what_was_said_more_than_three_turns_before_is_a_note():
    introduction, between = turn("My name is Sandra."), [turn(f"Question {number}?") for number in range(3)]
    chat = case("a", introduction, *between, turn("What is my name?", contains="Sandra"))
    assert met(evaluated(chat)) == {("EVL006", "note")}
    assert (
        findings_of(evaluated(case("a", introduction, *between[:2], turn("What is my name?", contains="Sandra")))) == []
    )


# --- properties ----------------------------------------------------------------------------------------------------

WORDS = st.text("aAbB 15일é\n", max_size=5)
TEXTS = st.lists(WORDS, max_size=2).map(tuple)
PATTERNS = st.lists(st.sampled_from([".*", "a", "^a$", r"a\nb", "a  b", "1", "(", "[", r"\s"]), max_size=2).map(tuple)
SEVERAL = {**dict.fromkeys(("contains", "contains_any", "contains_all", "not_contains"), TEXTS), "matches": PATTERNS}
EXACT = {"equals": WORDS.map(lambda text: (text,)), "contains": TEXTS, "not_contains": TEXTS}
EXPECT = st.fixed_dictionaries({}, optional=SEVERAL) | st.fixed_dictionaries(EXACT)
TURNS = st.lists(st.builds(Turn, WORDS, passages=TEXTS, expect=EXPECT), max_size=3).map(tuple)
CASES = st.lists(
    st.builds(Case, st.text(max_size=2), TURNS, expect=EXPECT, system=st.none() | WORDS, place=st.text(max_size=5)),
    max_size=6,
).map(tuple)


@settings(max_examples=400, deadline=None)
@given(EXPECT, st.lists(WORDS | WORDS.map(lambda text: text * 3), min_size=4, max_size=10))
def test_what_is_claimed_of_expectations_holds_for_the_scorers(expect, answers):
    certain = [each for each in expectations.impossible(expect, 4096, None) if each.certain]
    unfailing = expectations.unfailing(expect)
    written = {name: texts[0] if name == "equals" else texts for name, texts in expect.items()}
    for answer in (*answers, *(text for texts in expect.values() for text in texts)):
        try:
            passed = all(score.passed for score in scorers.score(Sample(answer), written, NOTHING))
        except regex.error:
            assert certain
            continue
        assert not (certain and passed)
        assert passed or unfailing is None or (not answer.split() and "not empty" in unfailing)


@given(st.text(max_size=60))
def test_a_text_has_no_fewer_and_no_more_tokens_than_was_said(text):
    assert tokens.least(text) <= counted(text) <= tokens.most(text)


@settings(max_examples=200, deadline=None)
@given(CASES, st.integers(-1, 200), st.floats() | st.sampled_from([0.0, 0.9, 1.0]), st.integers(-1, 300))
def test_whatever_the_cases_are_they_end_in_findings(chats, max_tokens, rate, length):
    setup = DeploymentSpec(model=MODEL, judging=EvaluationSpec(chats, max_tokens, rate, TOKENIZER), **context(length))
    assert all(each.message and each.place.where for each in findings_of(setup))

"""What an answer is held against: each kind on answers as models really give them, and on answers nobody expects."""

import re
import time

import pytest

from sluice.errors import UsageError
from sluice.evaluation import scorers
from sluice.evaluation.scorers import python as own
from sluice.evaluation.scoring import Sample, ScoringServices, Vote

AWKWARD = {
    "empty": "",
    "blanks": " \n\t ",
    "emoji": "🙂👩‍👩‍👧‍👦🇰🇷 20일",
    "mixed scripts": "Every 직원 gets 20日 休暇 سنة ٢٠",
    "one megabyte": "연차는 20일입니다. " * 50_000,
    "one long word": "가" * 30_000 + "1" * 30_000,
    "control characters": "a\x00b\x1b[31m20\x1b[0m\u202e일",
    "lone surrogates": "\ud800 20 \udfff",
    "decomposed": "연차는 20일",
    "html": "<script>alert(1)</script> 20 days &amp; more",
    "unfinished JSON": '{"days": 20, "note": "\\ud83d',
    "many brackets": "[" * 50_000,
    "pattern's bane": "a" * 40 + "!",
}
EXAMPLES = [
    (name, argument) for name in scorers.NAMES if name != "python" for argument in scorers.get_scorer(name).examples
]
SAYS_YES = ScoringServices(
    judge=lambda sample, rubric, reference: [Vote(True, "네")], embed=lambda texts: [[1.0, 0.0] for _ in texts]
)


def score(name, argument, answer, **measured):
    return scorers.get_scorer(name).score(Sample(answer, **measured), argument, SAYS_YES)


def passes(name, argument, answer, **measured):
    return score(name, argument, answer, **measured).passed


@pytest.mark.parametrize(
    ("name", "argument", "right", "wrong"),
    [
        ("contains", "20일", "연차는 20일입니다.", "연차는 15일입니다."),
        ("contains", ["20", "leave"], "You get 20 days of LEAVE.", "You get 20 days."),
        ("contains", "２０일", "연차는 20일", "연차는 2일"),
        ("contains", "20일", "연차는 20일", "연차는 2 0일"),
        ("contains", {"any": ["20일", "이십 일"]}, "이십 일입니다", "열흘입니다"),
        ("contains", {"all": ["20일"], "none": ["15일"]}, "20일", "20일, 전에는 15일"),
        ("contains", {"all": "직원은 휴가를", "particles": "ignored"}, "직원이 휴가가 있습니다", "직원 식당"),
        ("contains", {"none": "이서연이", "particles": "ignored"}, "박지훈 씨", "이서연에게 물어보세요"),
        ("contains_all", ["a", "b"], "b a", "b"),
        ("contains_any", ["a", "b"], "b", "c"),
        ("not_contains", ["15일", "days"], "20일", "15 DAYS"),
        ("equals", "네.", " 네.\n", "네. 맞습니다."),
        ("matches", r"^\d+ ?(days|일)$", "20 days", "twenty days"),
        ("matches", [r"\bcat\b", "dog"], "a DOG and a cat", "a dog and cats"),
        ("number", 20, "연차는 20일", "연차는 120일"),
        ("number", 15000, "하루 15,000원", "하루 1,500원"),
        ("number", 15000, "하루 1만 5천 원", "하루 5천 원"),
        ("number", 15000, "하루 1만5000원", "하루 1만 원"),
        ("number", 150000, "150,000 won", "150 000.5"),
        ("number", -3, "it was -3 °C", "it was 3 °C"),
        ("number", {"value": 100, "tolerance": 2}, "about 101.5", "about 103"),
        ("number", {"value": 100, "share": 0.1}, "109", "111"),
        ("number", {"value": 1, "which": "first"}, "1 of 3", "3 of 1"),
        ("number", {"value": 3, "which": "last"}, "1 of 3", "3 of 1"),
        ("number", {"value": 3, "which": "only"}, "3 and 3", "3 and 1"),
        ("json", True, '{"days": 20}', "20 days"),
        ("json", {"type": "object", "required": ["days"]}, '```json\n{"days": 20}\n```', '{"weeks": 3}'),
        ("json", {"properties": {"d": {"type": "integer"}}}, '{"d": 1}', '{"d": "1"}'),
        ("similar", "점심 식대는 하루 15,000원입니다.", "점심 식대는 하루 15,000원이에요.", "급여일은 25일입니다."),
        ("similar", {"to": "Hello there", "least": 0.5}, "hello  THERE", "Good bye"),
        ("language", "ko", "VPN 문제는 helpdesk@aurora.example 로 문의하세요.", "Please write to the help desk."),
        ("language", "en", "The address is https://example.com/한국어/길.", "주소는 example입니다."),
        ("language", ["ko", "en"], "네", "はい、そうです"),
        ("language", "zh", "年假是二十天。", "年次休暇は二十日です。"),
        ("language", "zh", "您有20天年假。", "20"),
        ("language", "ja", "有給休暇は20日です。", "B-204"),
        ("language", "ko", "20일입니다.", "v2.5b"),
        ("refuses", True, "문서에서 찾을 수 없습니다.", "연차는 20일입니다."),
        ("refuses", True, "I could not find that in the documents.", "I found it: 20 days."),
        ("refuses", True, "I’m sorry, but I can’t help with that.", "Sorry to hear that. Take two days off."),
        ("refuses", True, "죄송하지만 그 정보는 알 수 없습니다.", "알 수 있습니다: 25일입니다."),
        ("refuses", False, "20 days", "I don't know."),
        ("max_tokens", 5, "short", None),
        ("finish_reason", "stop", "x", None),
    ],
)
def test_a_right_answer_passes_and_a_wrong_one_does_not(name, argument, right, wrong):
    measured = {"completion_tokens": 5, "finish_reason": "stop"}
    assert passes(name, argument, right, **measured), score(name, argument, right, **measured).why
    if wrong is None:
        measured, wrong = {"completion_tokens": 6, "finish_reason": "length"}, right
    assert not passes(name, argument, wrong, **measured)


MEASURED = {
    "completion_tokens": 5, "finish_reason": "stop", "latency_ms": 900.0, "first_token_ms": 90.0,
    "passages": ("20 days",), "sources": ("handbook.en.md",),
    "tool_calls": ({"name": "leave_days", "arguments": {"employee": "mina"}},),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "argument", "mutated"),
    [
        ("contains", "20 days", "21 days"),
        ("contains", {"any": ["20 days"], "none": ["15"]}, {"any": ["20 days"], "none": ["20"]}),
        ("contains_all", ["You", "20"], ["You", "200"]),
        ("contains_any", ["20 days", "twenty"], ["21 days", "twenty"]),
        ("not_contains", "15 days", "20 days"),
        ("equals", "You get 20 days.", "You get 20 day."),
        ("matches", r"\d+ days", r"\d+ weeks"),
        ("number", 20, 21),
        ("number", {"value": 21, "tolerance": 1}, {"value": 21, "tolerance": 0.5}),
        ("similar", "You get 20 days!", "It rains in spring."),
        ("language", "en", "ko"),
        ("refuses", False, True),
        ("cites", "handbook.en", "handbook.ko"),
        ("grounded", True, None),
        ("tool_calls", [{"name": "leave_days"}], [{"name": "sick_days"}]),
        ("max_tokens", 5, 4),
        ("latency", {"first_token_ms": 100}, {"first_token_ms": 80}),
        ("finish_reason", "stop", "length"),
        ("json", None, None),
    ],
)
def test_an_expectation_that_is_changed_is_not_met_any_more(name, argument, mutated):
    answer = "You get 20 days."
    if name == "json":  # its answer is JSON, and what changes is the schema
        assert passes("json", {"required": ["days"]}, '{"days": 20}')
        assert not passes("json", {"required": ["weeks"]}, '{"days": 20}')
    elif name == "grounded":  # it has nothing to change but what was given
        assert passes(name, argument, answer, **MEASURED)
        assert not passes(name, argument, answer, **MEASURED | {"passages": ("21 days",)})
    else:
        assert passes(name, argument, answer, **MEASURED)
        assert not passes(name, mutated, answer, **MEASURED)


@pytest.mark.parametrize(
    ("argument", "took", "passed"),
    [
        (2000, {"latency_ms": 1999}, True),
        (2000, {"latency_ms": 2001}, False),
        ({"first_token_ms": 300}, {"latency_ms": 9000, "first_token_ms": 299}, True),
        ({"total_ms": 5000, "first_token_ms": 300}, {"latency_ms": 400, "first_token_ms": 301}, False),
        ({"first_token_ms": 300}, {"latency_ms": 1}, False),
    ],
)
def test_an_answer_may_be_wanted_in_time(argument, took, passed):
    assert passes("latency", argument, "x", **took) == passed


CALL = {"name": "leave_days", "arguments": {"employee": "mina", "year": 2027}}


@pytest.mark.parametrize(
    ("argument", "calls", "passed"),
    [
        ([{"name": "leave_days"}], (CALL,), True),
        ([{"name": "leave_days", "arguments": {"employee": "mina"}}], (CALL,), True),
        ([{"name": "leave_days", "arguments": {"employee": "yuna"}}], (CALL,), False),
        ([{"name": "leave_days"}, {"name": "leave_days"}], (CALL,), False),
        ([], (), True),
        ([], (CALL,), False),
        ([{"name": "x"}], ({"name": "x", "arguments": "not an object"},), True),
    ],
)
def test_a_call_is_found_by_its_name_and_the_arguments_that_matter(argument, calls, passed):
    assert passes("tool_calls", argument, "", tool_calls=calls) == passed


PASSAGES = (
    "모든 직원은 매년 20일의 연차 휴가를 받습니다. 담당자는 이서연 씨입니다.",
    "Ask Grace Yoon, grace@aurora.example, room B-204.",
)


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        ("연차는 20일입니다 [1].", True),
        ("연차는 스무 날, 이서연 씨에게 물어보세요.", True),
        ("You have 20 days; ask Grace Yoon in B-204.", True),
        ("Write to grace@aurora.example.", True),
        ("연차는 22일입니다.", False),
        ("담당자는 박지훈 씨입니다.", False),
        ("Please ask Sora Kim.", False),
        ("Write to sora@aurora.example.", False),
        ("The room is B-205.", False),
        ('It says "thirty days of leave".', False),
        ("문서에서 찾을 수 없습니다.", True),
    ],
)
def test_an_answer_that_adds_something_is_not_grounded(answer, passed):
    result = score("grounded", True, answer, passages=PASSAGES, question="연차는 며칠인가요?")
    assert result.passed == passed, result.why


def test_what_the_user_said_and_what_is_allowed_is_ground_too():
    assert passes("grounded", True, "Your name is Sandra.", earlier=(("Hello, my name is Sandra.", "Hello."),))
    assert passes("grounded", {"allow": ["Aurora Works"]}, "Welcome to Aurora Works.")


@pytest.mark.parametrize(
    ("argument", "passed"), [("handbook.ko.md", True), (1, True), ([1, "HANDBOOK"], True), (2, False), ("faq", False)]
)
def test_a_source_is_cited_by_name_or_by_number(argument, passed):
    assert passes("cites", argument, "20일입니다 [1].", sources=("handbook.ko.md › 휴가",)) == passed


def test_a_pattern_that_never_ends_is_given_up_and_told():
    begin = time.monotonic()
    result = score("matches", r"(a|aa)+$", "a" * 60 + "!")
    assert not result.passed and "simpler pattern" in result.why
    assert time.monotonic() - begin < 30


def votes(*each):
    return ScoringServices(judge=lambda sample, rubric, reference: [Vote(vote, "because it is") for vote in each])


@pytest.mark.parametrize(
    ("argument", "ballots", "passed"),
    [
        ("polite", (True, True, False), True),
        ("polite", (True, False), False),
        ({"rubric": "polite", "least": 0.3}, (True, False, False), True),
        ("polite", (), False),
    ],
)
def test_most_of_a_judges_votes_decide(argument, ballots, passed):
    result = scorers.get_scorer("judge").score(Sample("x"), argument, votes(*ballots))
    assert result.passed == passed


def test_a_judge_or_an_embedding_that_nobody_named_passes_nothing():
    nobody = ScoringServices()
    assert not scorers.get_scorer("judge").score(Sample("x"), "polite", nobody).passed
    by_meaning = {"to": "x", "by": "embedding"}
    assert not scorers.get_scorer("similar").score(Sample("x"), by_meaning, nobody).passed
    assert (
        scorers.get_scorer("similar").needs(by_meaning) == "embed"
        and scorers.get_scorer("judge").needs("polite") == "judge"
    )


def test_an_embedding_tells_by_angle():
    meanings = {"yes": [1.0, 0.0], "sure": [0.9, 0.1], "no": [0.0, 1.0]}
    help = ScoringServices(embed=lambda texts: [meanings[text] for text in texts])
    kind = scorers.get_scorer("similar")
    assert kind.score(Sample("sure"), {"to": "yes", "by": "embedding"}, help).passed
    assert not kind.score(Sample("no"), {"to": "yes", "by": "embedding"}, help).passed


OWN = """
def polite(said):
    return "please" in said.answer, "looked for please"

def yes(said):
    return True

def odd(said):
    return "perhaps"

def broken(said):
    return 1 / 0
"""


def test_a_function_of_ones_own_is_asked(tmp_path):
    (tmp_path / "own_checks.py").write_text(OWN)
    own.add_folder(tmp_path)
    assert passes("python", "own_checks:polite", "please wait")
    assert score("python", "own_checks:polite", "wait").why == "looked for please"
    assert passes("python", "own_checks:yes", "")
    assert "neither true nor false" in score("python", "own_checks:odd", "").why
    assert "ZeroDivisionError" in score("python", "own_checks:broken", "").why
    assert list(scorers.get_scorer("python").problems("own_checks:missing"))
    assert list(scorers.get_scorer("python").problems("no_such_module:f"))
    assert list(scorers.get_scorer("python").problems("os.system"))


BOUND = """
import other, a.dotted as dotted
from elsewhere import taken as renamed
first, (second, *rest) = annotated = range(4)
try:
    class Kind: within = 1
except ImportError:
    async def later(said): inner = 2
if (walrus := lambda: 3):
    for item in rest: pass
"""


NAMES_BOUND = "other dotted renamed first second rest annotated Kind later walrus item"


@pytest.mark.parametrize("name", NAMES_BOUND.split())
def test_a_name_that_the_module_binds_by_whatever_statement_is_there(tmp_path, name):
    (tmp_path / "binds_names.py").write_text(BOUND)
    own.add_folder(tmp_path)
    assert list(own.find_problems(f"binds_names:{name}")) == []


@pytest.mark.parametrize("name", ["within", "inner", "taken", "elsewhere", "polite"])
def test_a_name_that_only_something_within_it_has_is_not(tmp_path, name):
    (tmp_path / "binds_names.py").write_text(BOUND)
    own.add_folder(tmp_path)
    assert list(own.find_problems(f"binds_names:{name}")) == [f"binds_names has no {name}."]


@pytest.mark.parametrize("content", ["from elsewhere import *", "def __getattr__(name): return print"])
def test_a_module_that_may_have_any_name_has_this_one(tmp_path, content):
    (tmp_path / "has_any.py").write_text(content)
    own.add_folder(tmp_path)
    assert list(own.find_problems("has_any:polite")) == []


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"def polite(said:", "is no Python"),
        (b"\xff", "is no Python"),
        (b"x = " + b"(" * 999, "is no Python"),
        (b"x\0", "is no Python|cannot be read"),
    ],
)
def test_a_file_that_is_no_python_is_a_mistake_of_the_case(tmp_path, content, why):
    (tmp_path / "no_python.py").write_bytes(content)
    own.add_folder(tmp_path)
    (problem,) = own.find_problems("no_python:polite")
    assert re.search(why, problem)


@pytest.mark.parametrize("name", ["builtins:exec", "os:_exit", "sluice.evaluation.scorers:score"])
def test_a_function_that_is_not_beside_the_cases_is_none(tmp_path, name):
    own.add_folder(tmp_path)
    assert [each for each in own.find_problems(name) if "put it beside the cases" in each]


def test_a_file_that_has_the_name_of_another_module_is_told_instead_of_asking_that_one(tmp_path):
    own.add_folder(tmp_path)
    (tmp_path / "json.py").write_text("def loads(said): return True")
    assert [each for each in own.find_problems("json:loads") if "Python's own" in each]
    (tmp_path / "pytest.py").write_text("def fail(said): return True")
    with pytest.raises(UsageError, match="pytest is the name of another module here"):
        own.import_function("pytest:fail")


@pytest.mark.parametrize(("name", "argument"), EXAMPLES)
@pytest.mark.parametrize("answer", AWKWARD.values(), ids=AWKWARD)
def test_no_answer_is_too_awkward(name, argument, answer):
    result = score(name, argument, answer, passages=("20일",), question="며칠?", first_token_ms=1.0)
    assert result.name == name and isinstance(result.passed, bool)
    assert 0 < len(result.why) < 2000


@pytest.mark.parametrize(("name", "argument"), EXAMPLES)
def test_an_example_is_a_valid_argument_and_is_told_in_words(name, argument):
    from jsonschema import Draft202012Validator

    kind = scorers.get_scorer(name)
    assert list(kind.problems(argument)) == []
    assert kind.describe(argument) and kind.about.endswith(".")
    Draft202012Validator.check_schema(kind.schema)
    assert list(Draft202012Validator(kind.schema).iter_errors(argument)) == []


@pytest.mark.parametrize("name", scorers.NAMES)
@pytest.mark.parametrize("argument", [None, [], {}, "", 3.5, [None], {"nonsense": 1}, [[]], object()])
def test_an_argument_that_makes_no_sense_is_a_problem_and_no_crash(name, argument):
    problems = list(scorers.get_scorer(name).problems(argument))
    allowed = {("json", "{}"), ("tool_calls", "[]"), ("number", "3.5"), ("latency", "3.5"), ("json", "{'nonsense': 1}")}
    assert problems or (name, str(argument)) in allowed
    assert all(isinstance(problem, str) and problem for problem in problems)

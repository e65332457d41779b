"""What a model thinks aloud is kept in the report and scored by nothing: whatever marks it writes, in every scorer."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.evaluation import scorers
from sluice.evaluation.cases.case import Case, Turn
from sluice.evaluation.llm_judge import build_messages, parse_vote
from sluice.evaluation.reasoning import without_reasoning
from sluice.evaluation.replay.conversation import chat_sample
from sluice.evaluation.results import Chat, TurnResult
from sluice.evaluation.scoring import NOTHING, Sample, Vote


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        ("20일입니다.", "20일입니다."),
        ("  20일\n", "  20일\n"),
        ("<think>15? 20.</think>25", "25"),
        ("<think>\n\n</think>\n\nB", "B"),
        ("\n<think>\n15?\n</think>\n\n20일\n입니다.\n", "20일\n입니다."),
        ("15? No.\n</think>\n\n20일", "20일"),  # the template has opened it
        ("</think>20일", "20일"),
        ("<think>15일일까, 아니면", ""),  # the tokens ran out
        ("", ""),
        ("<think></think>", ""),
        ("<think>a</think><think>b</think>c", "c"),
        ("<think>a <think> b</think> c</think>d", "d"),
        ('<think>He asked: "20일?"</think>"15일"', '"15일"'),
        ("Sure!\n<think>15?</think>\n25", "Sure!\n \n25"),
        ("1<think>a</think>5", "1 5"),
        ("<thought>15?</thought>20", "20"),
        ("[THINK]15?[/THINK]20", "20"),
        ("◁think▷15?◁/think▷20", "20"),
        ("<seed:think>15?</seed:think>20", "20"),
        ("<thinking>15?</thinking>20", "20"),
        ("`<think>` begins it and `</think>` ends it.", "`<think>` begins it and `</think>` ends it."),
        ('{"mark": "</think>"}', '{"mark": "</think>"}'),
        ("Write <think> first.", "Write <think> first."),
        ("I think <b>20</b>.", "I think <b>20</b>."),
    ],
)
def test_an_answer_is_what_is_left_without_reasoning(written, answer):
    assert without_reasoning(written) == answer


PIECES = st.lists(
    st.sampled_from(["<think>", "</think>", "[THINK]", "[/THINK]", '"', "`", " ", "\n", "20일", "a"]), max_size=12
)


@given(PIECES.map("".join))
def test_what_was_taken_out_stays_out(text):
    once = without_reasoning(text)
    assert without_reasoning(once) == once


@given(st.text(), st.text(alphabet=st.characters(blacklist_characters="<[◁`\"'“”‘’"), min_size=1))
def test_whatever_stands_between_the_marks_says_nothing(thought, answer):
    if without_reasoning(thought) == thought and not thought.endswith(tuple("`\"'“”‘’")):
        assert without_reasoning(f"<think>{thought}</think>{answer}") == answer.strip()
        assert without_reasoning(f"{thought}</think>{answer}") == answer.strip()


@pytest.mark.parametrize(
    ("expect", "thought", "answer", "passes"),
    [
        ({"number": 20}, "Maybe 15? No, 20.", "The answer is 25.", False),
        ({"number": {"value": 25, "which": "only"}}, "Maybe 15? No, 20.", "The answer is 25.", True),
        ({"contains": "20일"}, "20일 or 15일?", "15일입니다.", False),
        ({"contains_any": ["20일"]}, "20일 or 15일?", "15일입니다.", False),
        ({"not_contains": "20일"}, "20일 or 15일?", "15일입니다.", True),
        ({"equals": "B"}, "A or B?", "\n\nB", True),
        ({"matches": "^20"}, "Hm.", "20일", True),
        ({"json": True}, "He wants JSON.", '{"days": 20}', True),
        ({"similar": "20일입니다."}, "It is 20.", "20일입니다.", True),
        ({"language": "ko"}, "Okay, the user asks about annual leave. Let me look.", "20일입니다.", True),
        ({"refuses": False}, "I cannot find it. Wait, I can.", "20일입니다.", True),
        ({"refuses": True}, "It says 20 days.", "문서에서 찾을 수 없습니다.", True),
        ({"cites": 2}, "[2] says so.", "[1]", False),
        ({"grounded": True}, "Other firms give 15 days.", "20일입니다.", True),
    ],
)
@pytest.mark.parametrize("form", ["<think>{}</think>{}", "{}\n</think>\n{}"], ids=["marked", "opened by the template"])
def test_no_scorer_looks_at_a_thought(expect, thought, answer, passes, form):
    sample = Sample(form.format(thought, answer), "연차는 며칠?", ("20일",))
    (score,) = scorers.score(sample, expect, NOTHING)
    assert score.passed == passes, score.why


def test_no_argument_of_a_thought_is_ground_for_the_next_turn():
    sample = Sample("15 days.", earlier=(("How many days?", "<think>Is it 15 days?</think>20 days."),))
    assert not scorers.score(sample, {"grounded": True}, NOTHING)[0].passed


def test_a_mark_of_one_turn_does_not_reach_into_another():
    case = Case("c", turns=(Turn("a"), Turn("b"), Turn("c")))
    answers = ("One.", "<think>two, and then the tokens ran out", "hm</think>Three.")
    chat = Chat(case, tuple(TurnResult(turn, answer) for turn, answer in zip(case.turns, answers, strict=True)))
    assert chat_sample(chat).answer == "One.\n\nThree."
    assert [turn.answer for turn in chat.turns] == list(answers)  # the report has all of it


def test_a_judge_is_shown_no_thoughts_and_may_think_before_it_votes():
    request = build_messages(
        Sample("<think>Flatter the judge.</think>By the 12th."), "Names the deadline.", None, swapped=False
    )
    assert "Flatter" not in request[1]["content"] and "By the 12th." in request[1]["content"]
    vote = json.dumps({"pass": False, "why": "it names none"})
    assert parse_vote(f"<think>Passes? No.</think>\n{vote}") == Vote(False, "it names none")
    assert parse_vote(f"<think>{json.dumps({'pass': True, 'why': 'x'})}") is None


@pytest.mark.parametrize("piece", ["<think>", "</think>", "<think>a</think>", "<", "`<think>`"])
def test_a_long_text_is_read_once(piece):
    assert "<think>a" not in without_reasoning(piece * 200_000)  # a reader that goes back would take hours
